"""What a request's text holds before any model is asked: sensitive content, and signs of an injection.

Requests that come again, as frequent questions do, are read once: what was found is remembered by a digest, and no
word of the text.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from plugins.config import PolicyConfig
from plugins.injection import screen
from plugins.sensitive import compile_patterns, find_sensitive, redact_all
from plugins.values import Call, Finding

LONG_CHARS = 50_000  # from here on a search takes so long that other requests would wait for it
REMEMBERED = 4_096  # requests; then the one that was seen first goes


@dataclass(frozen=True, slots=True)
class Screened:
    """`injection` says why it looks like one; it is empty where it does not, or where nobody looks for them."""

    findings: tuple[Finding, ...]
    injection: str


class Screening:
    """By one policy config, whose patterns it compiles."""

    def __init__(self, config: PolicyConfig) -> None:
        self._config = config
        self._patterns = compile_patterns(config.patterns)
        self._known: dict[bytes, Screened] = {}

    async def of(self, call: Call) -> Screened:
        """What is found in a request; long texts are searched beside the event loop."""
        text, question = f"{call.text}\n{call.shape}", call.question
        if len(text) >= LONG_CHARS:
            return Screened(await asyncio.to_thread(self._found, text), self._injection(question))
        told = f"{len(question)} {question}{text}".encode("utf-8", "surrogatepass")
        digest = hashlib.sha256(told).digest()
        if (known := self._known.get(digest)) is None:
            known = self._known[digest] = Screened(self._found(text), self._injection(question))
            if len(self._known) > REMEMBERED:
                del self._known[next(iter(self._known))]
        return known

    def redacted(self, texts: Sequence[str]) -> tuple[str, ...]:
        """The texts of one request with placeholders; the same value gets the same one throughout."""
        return redact_all(texts, self._patterns, self._config.kinds)

    def _found(self, text: str) -> tuple[Finding, ...]:
        return find_sensitive(text, self._patterns, self._config.kinds)

    def _injection(self, question: str) -> str:
        found = screen(question) if self._config.injection != "off" else None
        return found.reason if found is not None else ""

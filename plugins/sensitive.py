"""Finding and hiding sensitive content: personal data, account numbers, credentials, a customer's patterns.

Checksums come from python-stdnum and libphonenumber, a customer's patterns run on RE2. Everything is
linear in the length of the text. What is found is reported as kind and offsets; the content goes nowhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Final, Protocol

import re2

from plugins.sensitive_addresses import ADDRESSES
from plugins.sensitive_health import health_spans
from plugins.sensitive_ids import IDS
from plugins.sensitive_kinds import AFTER_CHARS, BEFORE_CHARS, Detector, Match
from plugins.sensitive_names import name_spans
from plugins.sensitive_numbers import IBAN, NUMBERS
from plugins.sensitive_people import PEOPLE
from plugins.sensitive_secrets import SECRETS
from plugins.values import Finding

_FILES = (".png", ".jpg", ".jpeg", ".gif", ".svg", ".webp")
_EMAIL = Detector(
    "email",
    re.compile(r"(?<![\w.+%\-])(?P<v>[\w.+%\-]{1,64}@(?:[^\W_](?:[\w\-]{0,62})\.){1,8}[^\W\d_]{2,24})(?![\w@])"),
    cues=("@",),
    accept=lambda m: (
        not m.value.lower().startswith(("noreply@", "no-reply@", "git@")) and not m.value.lower().endswith(_FILES)
    ),
)
# In order of precedence: where two findings overlap, the kind of the earlier row names them.
DETECTORS: Final[tuple[Detector, ...]] = (*SECRETS, _EMAIL, IBAN, *IDS, *NUMBERS, *PEOPLE, *ADDRESSES)
KINDS: Final[tuple[str, ...]] = tuple(dict.fromkeys((*(d.kind for d in DETECTORS), "health")))
_DETECTORS: Final = tuple((detector, frozenset(detector.cues)) for detector in DETECTORS)
_CUES: Final = frozenset(cue for _, cues in _DETECTORS for cue in cues)
UNSCANNED: Final = "unscanned"
MAX_SCANNED_CHARS: Final = 1_000_000  # about 250,000 tokens; bounds the time that one request can take
MARGIN_CHARS: Final = 48  # an IBAN written in groups is 42 characters long
MAX_ROUNDS: Final = 4  # of redaction; the second is nearly always the last
_RUN = re.compile(r"\d(?:[ .+/()\-]{0,3}\d){6}")


class TextPattern(Protocol):
    """What is needed of a compiled pattern; both `re` and RE2 give it."""

    def finditer(self, text: str, /) -> Iterator[re.Match[str]]: ...


def compile_patterns(patterns: Mapping[str, str]) -> dict[str, TextPattern]:
    """A customer's patterns by kind, for RE2 (linear time on any text; no look-around, no back-references).

    Raises ValueError naming the kind where a pattern is malformed, unsupported, or matches the empty text.
    """
    options = re2.Options()
    options.log_errors = False
    compiled: dict[str, TextPattern] = {}
    for kind, pattern in patterns.items():
        try:
            ready = re2.compile(pattern, options)
        except re2.error as problem:
            raise ValueError(f"pattern {kind!r} is not a valid RE2 expression: {_words(problem)}") from None
        if ready.fullmatch("") is not None:
            raise ValueError(f"pattern {kind!r} matches the empty text: make it require a character")
        compiled[kind] = ready
    return compiled


def _words(problem: Exception) -> str:
    detail = problem.args[0] if problem.args else ""
    return detail.decode(errors="replace") if isinstance(detail, bytes) else str(detail)


def find_sensitive(
    text: str, extra: Mapping[str, TextPattern] | None = None, kinds: tuple[str, ...] = ()
) -> tuple[Finding, ...]:
    """What in `text` is sensitive: in order, without overlaps. `kinds` narrows the built-in kinds (none: all).

    What lies beyond MAX_SCANNED_CHARS is one finding of kind "unscanned": not looked at is not harmless.
    """
    whole, text = text, text[:MAX_SCANNED_CHARS]
    lower = _lower(text)
    digits = sum(map(text.count, "0123456789")) >= 4
    everywhere = [(0, len(text))]
    where = {"": everywhere, "digits": everywhere if digits else [], "run": _windows(text) if digits else []}
    found: list[tuple[int, int, str]] = []
    if len(whole) > len(text):
        found.append((len(text), len(whole), UNSCANNED))
    for kind, pattern in (extra or {}).items():
        found += [(m.start(), m.end(), kind) for m in pattern.finditer(text) if m.end() > m.start()]
    seen = {cue for cue in _CUES if cue in lower}
    for detector, cues in _DETECTORS:
        if kinds and detector.kind not in kinds:
            continue
        if not where[detector.needs]:
            continue
        if cues and cues.isdisjoint(seen):
            continue
        found += [(start, end, detector.kind) for start, end in _matches(detector, text, lower, where[detector.needs])]
    if not kinds or "health" in kinds:
        found += [(start, end, "health") for start, end in health_spans(lower)]
    if not kinds or "person" in kinds:
        found += [(start, end, "person") for start, end in name_spans(text, lower)]
    return _without_overlaps(found) if found else ()


def _lower(text: str) -> str:
    """Lower case of the same length, so that offsets hold (a few capitals have longer lower-case forms)."""
    lower = text.lower()
    if len(lower) == len(text):
        return lower
    return "".join(small if len(small := char.lower()) == 1 else char for char in text)


def _windows(text: str) -> list[tuple[int, int]]:
    """Where a number of seven digits or more can be, with room for what belongs to it."""
    windows: list[tuple[int, int]] = []
    for run in _RUN.finditer(text):
        start, end = max(0, run.start() - MARGIN_CHARS), run.end() + MARGIN_CHARS
        if windows and start <= windows[-1][1]:
            start = windows.pop()[0]
        windows.append((start, end))
    return windows


def _matches(
    detector: Detector, text: str, lower: str, windows: Sequence[tuple[int, int]]
) -> Iterator[tuple[int, int]]:
    named = "v" in detector.pattern.groupindex
    for found in chain.from_iterable(detector.pattern.finditer(text, *window) for window in windows):
        start, end = found.span("v") if named else found.span()
        if detector.accept is not None:
            before = lower[max(0, start - BEFORE_CHARS) : start]
            if not detector.accept(Match(text[start:end], before, lower[end : end + AFTER_CHARS], start, end)):
                continue
        yield start, end


def _without_overlaps(found: list[tuple[int, int, str]]) -> tuple[Finding, ...]:
    """Overlapping findings become one that covers them all, named by the one of highest precedence."""
    rank = {kind: place for place, (_, _, kind) in reversed(list(enumerate(found)))}
    merged: list[Finding] = []
    for start, end, kind in sorted(found):
        if merged and start < merged[-1].end:
            last = merged[-1]
            best = min(last.kind, kind, key=lambda name: rank[name])
            merged[-1] = Finding(best, last.start, max(last.end, end))
        else:
            merged.append(Finding(kind, start, end))
    return tuple(merged)


def redact(text: str, findings: Sequence[Finding], seen: dict[tuple[str, str], str] | None = None) -> str:
    """The text with each finding replaced by a placeholder such as <EMAIL_1>, the same for equal content.

    `seen` carries the numbering on to further texts of the same request, and is added to.
    """
    placeholders = {} if seen is None else seen
    pieces: list[str] = []
    at = 0
    for finding in sorted(findings, key=lambda f: f.start):
        content = text[finding.start : finding.end]
        key = (finding.kind, content.casefold())
        if key not in placeholders:
            number = 1 + sum(kind == finding.kind for kind, _ in placeholders)
            placeholders[key] = f"<{finding.kind.upper()}_{number}>"
        pieces += [text[at : finding.start], placeholders[key]]
        at = finding.end
    return "".join((*pieces, text[at:]))


def redact_all(
    texts: Sequence[str], extra: Mapping[str, TextPattern] | None = None, kinds: tuple[str, ...] = ()
) -> tuple[str, ...]:
    """Each text of a request without its sensitive content; a value has the same placeholder in all of them.

    Looks again at what it has redacted, because a placeholder can lay bare what stood beside the content.
    """
    seen: dict[tuple[str, str], str] = {}
    clean = []
    for text in texts:
        rounds = 0
        while rounds < MAX_ROUNDS and (findings := find_sensitive(text, extra, kinds)):
            text, rounds = redact(text, findings, seen), rounds + 1
        clean.append(text)
    return tuple(clean)

"""A steady stream of small calls while something breaks, and what each of them saw."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

CLIENTS: Final = 6
PAUSE_S: Final = 0.15
CLIENT_TIMEOUT_S: Final = 60.0
# A client sees these: a refusal that says when to come back is an answer, a broken line is not.
GATEWAY_AWAY: Final = "gateway_unavailable"


@dataclass(frozen=True, slots=True)
class Saw:
    """One call: when it was sent (seconds of time.monotonic), how it ended, and whether the answer was whole."""

    sent_s: float
    ended_s: float
    status: int
    code: str
    whole: bool
    trace_id: str = ""
    first_s: float = 0.0  # when the first byte of the answer came


@dataclass(slots=True)
class Load:
    """Calls of one tenant, half of them streamed, until `stop` is set."""

    base_url: str
    key: str
    saw: list[Saw] = field(default_factory=list)
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self, clients: int = CLIENTS) -> None:
        limits = httpx.Limits(max_keepalive_connections=0)  # a worker dies with its lines
        async with httpx.AsyncClient(timeout=CLIENT_TIMEOUT_S, limits=limits) as client:
            await asyncio.gather(*(self._client(client, number) for number in range(clients)))

    async def _client(self, client: httpx.AsyncClient, number: int) -> None:
        while not self.stop.is_set():
            self.saw.append(await ask(client, self.base_url, self.key, stream=number % 2 == 1))
            await asyncio.sleep(PAUSE_S)

    async def until_answered(self, when_s: float, most_s: float) -> None:
        """Wait until `answered_since`, or so many seconds."""
        for _ in range(round(most_s / PAUSE_S)):
            if self.answered_since(when_s):
                return
            await asyncio.sleep(PAUSE_S)

    def answered_since(self, when_s: float) -> bool:
        """Whether every client has had a whole answer to a call sent since then."""
        return sum(s.whole for s in self.saw if s.sent_s >= when_s) >= CLIENTS


async def ask(client: httpx.AsyncClient, base_url: str, key: str, *, stream: bool, prompt: str = "") -> Saw:
    """One call to the end."""
    began, first = time.monotonic(), 0.0
    text = prompt or f"What is the capital of {uuid.uuid4().hex}?"
    body = {"model": "auto", "messages": [{"role": "user", "content": text}], "max_tokens": 40, "stream": stream}
    headers = {"Authorization": f"Bearer {key}"}
    try:
        async with client.stream("POST", f"{base_url}/chat/completions", json=body, headers=headers) as reply:
            parts: list[bytes] = []
            async for part in reply.aiter_bytes():
                first = first or time.monotonic()
                parts.append(part)
            text = b"".join(parts).decode()
    except httpx.HTTPError as error:
        return Saw(began, time.monotonic(), 0, type(error).__name__, whole=False)
    code = code_of(text, stream and reply.status_code == 200)
    trace_id = reply.headers.get("x-tierwise-trace-id", "")
    return Saw(began, time.monotonic(), reply.status_code, code, reply.status_code == 200 and not code, trace_id, first)


def is_lost(saw: Saw) -> bool:
    """No answer, though the gateway could have given one."""
    return saw.status == 0 or saw.code in ("cut", "no_json") or (saw.status >= 500 and saw.code != GATEWAY_AWAY)


def code_of(text: str, stream: bool) -> str:
    """The error's code of a reply; for a stream also "cut" where it just ends."""
    if stream:
        events = [line[6:] for line in text.splitlines() if line.startswith("data: ")]
        errors = [json.loads(event)["error"] for event in events if event.startswith('{"error"')]
        if errors:
            return str(errors[0].get("code"))
        return "" if events and events[-1] == "[DONE]" else "cut"
    try:
        body: Any = json.loads(text)
        return str((body.get("error") or {}).get("code") or "")
    except (ValueError, AttributeError):
        return "no_json"


def outcomes(saw: Sequence[Saw]) -> dict[str, int]:
    """How many calls ended how."""
    return dict(Counter(f"{s.status} {s.code}".strip() for s in saw).most_common())

"""A steady stream of small calls while something breaks, and what each of them saw."""

from __future__ import annotations

import asyncio
import json
import math
import statistics
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

import httpx

from tests.prompts import new_word

CLIENTS: Final = 6
PAUSE_S: Final = 0.15
CLIENT_TIMEOUT_S: Final = 60.0
SERVER_ERROR: Final = 500
# A client sees these: a refusal that says when to come back is an answer, a broken line is not.
GATEWAY_AWAY: Final = "gateway_unavailable"
CUT, NO_JSON = "cut", "no_json"
NO_TEXT, BAD_JSON = "no text", "broken JSON"  # of answers with 200: nothing in them, or not the JSON that was asked for
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Target:
    """Who is asked, and for which model."""

    base_url: str
    key: str
    model: str

    @property
    def login(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}


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
    retry_after: bool = False
    shaped: bool = False  # an error as OpenAI shapes it: message, type, param, code


@dataclass(slots=True)
class Load:
    """Calls of one tenant, half of them streamed, until `stop` is set; `as_json`: each asks for JSON."""

    target: Target
    as_json: bool = False
    saw: list[Saw] = field(default_factory=list)
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self, clients: int = CLIENTS) -> None:
        limits = httpx.Limits(max_keepalive_connections=0)  # a worker dies with its lines
        async with httpx.AsyncClient(timeout=CLIENT_TIMEOUT_S, limits=limits) as client:
            await asyncio.gather(*(self._client(client, number) for number in range(clients)))

    async def _client(self, client: httpx.AsyncClient, number: int) -> None:
        while not self.stop.is_set():
            self.saw.append(await ask(client, self.target, stream=number % 2 == 1, as_json=self.as_json))
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


async def ask(client: httpx.AsyncClient, target: Target, *, stream: bool, as_json: bool = False) -> Saw:
    """One call to the end."""
    began, first = time.monotonic(), 0.0
    text = f"What is the capital of {new_word()}?" + " Answer in JSON." * as_json
    body: Json = {"model": target.model, "messages": [{"role": "user", "content": text}]}
    body |= {"max_tokens": 400 if as_json else 40, "stream": stream}
    if as_json:
        body["response_format"] = {"type": "json_object"}
    sent = client.stream("POST", f"{target.base_url}/chat/completions", json=body, headers=target.login)
    try:
        async with sent as reply:
            parts: list[bytes] = []
            async for part in reply.aiter_bytes():
                first = first or time.monotonic()
                parts.append(part)
            text = b"".join(parts).decode()
    except httpx.HTTPError as error:
        return Saw(began, time.monotonic(), 0, type(error).__name__, whole=False)
    read = read_stream if stream and reply.status_code == HTTPStatus.OK else read_plain
    code, answer, shaped = read(text)
    if reply.status_code == HTTPStatus.OK and not code:
        code = fault_of(answer, as_json)
    return Saw(
        began,
        time.monotonic(),
        reply.status_code,
        code,
        reply.status_code == HTTPStatus.OK and not code,
        reply.headers.get("x-tierwise-trace-id", ""),
        first,
        "retry-after" in reply.headers,
        shaped,
    )


def is_lost(saw: Saw) -> bool:
    """No answer, though the gateway could have given one."""
    return saw.status == 0 or saw.code in (CUT, NO_JSON) or (saw.status >= SERVER_ERROR and saw.code != GATEWAY_AWAY)


def is_poor(saw: Saw) -> bool:
    """An answer that nobody can use."""
    return saw.code in (NO_TEXT, BAD_JSON)


def is_5xx(saw: Saw) -> bool:
    """Also one that came as the last event of a stream, after its 200."""
    in_stream = saw.status == HTTPStatus.OK and not saw.whole and saw.code not in (CUT, NO_JSON, NO_TEXT, BAD_JSON)
    return saw.status >= SERVER_ERROR or in_stream


def read_stream(text: str) -> tuple[str, str, bool]:
    """(code, answer, whether an error has OpenAI's shape); the code is "cut" where the stream just ends."""
    events = [line[6:] for line in text.splitlines() if line.startswith("data: ")]
    errors = [event for event in events if event.startswith('{"error"')]
    if errors:
        return read_plain(errors[0])
    if not events or events[-1] != "[DONE]":
        return CUT, "", False
    deltas = [choice["delta"] for event in events[:-1] for choice in json.loads(event)["choices"]]
    return "", "".join(delta.get("content") or "" for delta in deltas), False


def read_plain(text: str) -> tuple[str, str, bool]:
    """As `read_stream`, of one JSON object."""
    try:
        body: Any = json.loads(text)
        error = body.get("error")
    except (ValueError, AttributeError):
        return NO_JSON, "", False
    if error:
        return str(error.get("code") or error.get("type")), "", {"message", "type", "param", "code"} <= set(error)
    return "", str(body["choices"][0]["message"]["content"] or ""), False


def fault_of(answer: str, as_json: bool) -> str:
    """What an answer with 200 lacks."""
    if not answer.strip():
        return NO_TEXT
    try:
        return "" if not as_json or json.loads(answer) else BAD_JSON
    except ValueError:
        return BAD_JSON


def outcomes(saw: Sequence[Saw]) -> dict[str, int]:
    """How many calls ended how."""
    return dict(Counter(f"{s.status} {s.code}".strip() for s in saw).most_common())


def told(saw: Sequence[Saw]) -> Json:
    """How calls fared: their number by ending, and the time of whole answers."""
    refused = [s for s in saw if s.code == GATEWAY_AWAY]
    return {
        "calls": len(saw),
        "lost": sum(map(is_lost, saw)),
        "5xx": sum(map(is_5xx, saw)),
        "poor": sum(map(is_poor, saw)),
        "refused": {
            "calls": len(refused),
            "with_retry_after": sum(s.retry_after for s in refused),
            "in_openai_shape": sum(s.shaped for s in refused),
        },
        "slowest_s": round(max(s.ended_s - s.sent_s for s in saw), 1),
    }


def median_s(saw: Sequence[Saw]) -> float | None:
    """Of whole answers; None when there are none."""
    times = [s.ended_s - s.sent_s for s in saw if s.whole]
    return round(statistics.median(times), 3) if times else None


def beyond(ours: Json, theirs: Json | None) -> int:
    """Of our calls, the 5xx that the other would not have given: more than its share of 5xx would have been of them."""
    share = int(theirs["5xx"]) / int(theirs["calls"]) if theirs else 0.0
    return max(0, math.ceil(int(ours["5xx"]) - share * int(ours["calls"]) - 1e-9))

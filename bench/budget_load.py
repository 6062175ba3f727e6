"""The load of the budget drill: mixed calls of several tenants, from clients that sometimes leave."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

CLIENTS: Final = 64
TIMEOUT_S: Final = 60.0
STREAMED: Final = 0.5
LEAVES_STREAM: Final = 0.12
LEAVES_PLAIN: Final = 0.03
# The provider marks a long beginning that it saw before as cached, which it bills at half the price.
LONG_BEGINNING: Final = "You are the assistant of a bridge museum. " + "Keep to the facts on record. " * 220
SUBJECTS: Final = ("bridges", "lighthouses", "canals", "railways", "harbours", "windmills", "tunnels", "viaducts")
LETTERS: Final = "bcdfghklmn"


@dataclass(frozen=True, slots=True)
class Ask:
    """One call. `leaves_after`: the client goes after so many stream lines (0: at the end); `leaves_s`: a plain
    call's client goes after so many seconds."""

    id: str
    tenant: str
    body: Mapping[str, Any]
    leaves_after: int = 0
    leaves_s: float = 0.0


@dataclass(slots=True)
class Seen:
    """What the client saw: `status` is 0 where the connection failed; `whole` when the answer came to its end."""

    ask: Ask
    status: int = 0
    trace_id: str = ""
    code: str = ""
    whole: bool = False
    left: bool = False
    seconds: float = 0.0


def calls(count: int, tenants: Sequence[str], seed: int = 7) -> list[Ask]:
    """The same calls for the same seed."""
    chance = random.Random(seed)
    return [_ask(number, chance.choice(tenants), chance) for number in range(count)]


def _ask(number: int, tenant: str, chance: random.Random) -> Ask:
    mark = "".join(LETTERS[int(digit)] for digit in f"{number:06d}")
    messages = [{"role": "user", "content": f"Tell me about old {chance.choice(SUBJECTS)}, in the manner of {mark}."}]
    if chance.random() < 0.1:
        messages.insert(0, {"role": "system", "content": LONG_BEGINNING})
    body: dict[str, Any] = {
        "model": chance.choices(("auto", "small", "mid", "frontier"), (4, 2, 3, 1))[0],
        "messages": messages,
        "max_tokens": chance.choice((16, 40, 80, 120)),
        "user": f"{mark}-{tenant}",
    }
    if body["model"] == "frontier" and chance.random() < 0.5:
        body["reasoning_effort"] = chance.choice(("low", "medium"))
    if chance.random() < 0.03:
        body["n"] = 2
    leaves_after, leaves_s = 0, 0.0
    if chance.random() < STREAMED:
        body["stream"] = True
        leaves_after = chance.randint(1, 12) if chance.random() < LEAVES_STREAM else 0
    elif chance.random() < LEAVES_PLAIN:
        leaves_s = chance.uniform(0.02, 0.5)
    return Ask(body["user"], tenant, body, leaves_after, leaves_s)


@dataclass(slots=True)
class Drive:
    """Sends the calls with `CLIENTS` at a time; `progress` is told how many are done."""

    base_urls: Sequence[str]
    keys: Mapping[str, str]
    progress: Callable[[int], None]
    seen: list[Seen] = field(default_factory=list)
    _sent: int = 0

    async def run(self, asks: Sequence[Ask], clients: int = CLIENTS) -> list[Seen]:
        """Every call once; none is repeated."""
        waiting = iter(asks)
        limits = httpx.Limits(max_connections=clients, max_keepalive_connections=0)  # a worker dies with its lines
        async with httpx.AsyncClient(timeout=TIMEOUT_S, limits=limits) as client:
            await asyncio.gather(*(self._work(client, waiting) for _ in range(clients)))
        return self.seen

    async def _work(self, client: httpx.AsyncClient, waiting: Any) -> None:
        for ask in waiting:
            seen, began = Seen(ask), time.perf_counter()
            try:
                async with asyncio.timeout(ask.leaves_s or None):
                    await self._balanced(client, seen)
            except TimeoutError:
                seen.left = True
            except httpx.HTTPError as error:
                seen.code = type(error).__name__
            seen.seconds = time.perf_counter() - began
            self.seen.append(seen)
            self.progress(len(self.seen))
            if seen.status in (0, 503):
                await asyncio.sleep(0.2)  # as a client would: the store is away, or a worker is gone

    async def _balanced(self, client: httpx.AsyncClient, seen: Seen) -> None:
        """As a load balancer does: the next gateway in turn, and past those that accept no connection."""
        for _ in self.base_urls:
            self._sent += 1
            try:
                await self._send(client, seen, self.base_urls[self._sent % len(self.base_urls)])
                return
            except httpx.ConnectError as error:
                seen.code = type(error).__name__

    async def _send(self, client: httpx.AsyncClient, seen: Seen, base_url: str) -> None:
        ask = seen.ask
        headers = {"Authorization": f"Bearer {self.keys[ask.tenant]}"}
        url = f"{base_url}/chat/completions"
        async with client.stream("POST", url, json=dict(ask.body), headers=headers) as reply:
            seen.status, seen.trace_id = reply.status_code, reply.headers.get("x-tierwise-trace-id", "")
            seen.code = ""
            if reply.status_code != 200:
                await reply.aread()
                seen.code = _code(reply)
                return
            lines = 0
            async for line in reply.aiter_lines():
                lines += line.startswith("data:")
                if line.startswith("data: {") and '"error"' in line[:12]:
                    seen.code = "broken_stream"
                if ask.leaves_after and lines >= ask.leaves_after:
                    seen.left = True
                    return
            seen.whole = not seen.code


def _code(reply: httpx.Response) -> str:
    try:
        return str(reply.json()["error"]["code"])
    except (ValueError, KeyError, TypeError):
        return str(reply.status_code)

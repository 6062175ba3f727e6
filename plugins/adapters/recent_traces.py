"""Remembers for a day whose request a trace id was, so that feedback is taken from its tenant and nobody else.

A `ports.Sink`: what finished traces say is written behind the requests, many in one round trip. Fails open when
writing (the feedback for those requests is then refused) and closed when asked.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass

from redis.exceptions import RedisError

from plugins.adapters.redis_scripts import Client, open_redis, root_key
from plugins.errors import Unavailable
from plugins.outcomes import GRADED
from plugins.tracing import trace_id_of
from plugins.values import Trace

_log = logging.getLogger("tierwise")
_GATHER_S = 0.2
_LATE_S = 2.0  # a reply is there before its request is noted, by so much at most
_MAX_WAITING = 10_000  # while Redis is away: about 2 MB


@dataclass(frozen=True, slots=True)
class Known:
    """A request that was made lately: by which application, and how its answer came about. `task` and `tier` are empty,
    and `hardness` (0 to 1) is None, where it was not routed by hardness; `cached_task` and `cached_score` (0 to 1)
    are those of a semantic hit that the verifier's score decided; `variant` is empty outside any trial."""

    app: str
    cache: str
    task: str = ""
    tier: str = ""
    hardness: float | None = None
    cached_task: str = ""
    cached_score: float | None = None
    variant: str = ""


class RecentTraces:
    """Keys carry the tenant's hash tag and expire after `ttl_s`. `late_s`: how long an unknown one is waited for."""

    def __init__(self, url: str, timeout_ms: int, ttl_s: int, late_s: float = _LATE_S) -> None:
        self._url, self._timeout_s, self._ttl_s, self._late_s = url, timeout_ms / 1000, ttl_s, late_s
        self._client: Client | None = None
        self._waiting: dict[str, str] = {}
        self._writing: asyncio.Task[None] | None = None

    def emit(self, trace: Trace) -> None:
        """Note one finished request of a known tenant. Called on the event loop."""
        if not trace.caller.tenant or len(self._waiting) >= _MAX_WAITING:
            return
        self._waiting[_key(trace.caller.tenant, trace_id_of(trace.id))] = _line(trace)
        if self._writing is None or self._writing.done():
            self._writing = asyncio.get_running_loop().create_task(self._write())

    async def find(self, tenant: str, trace_id: str) -> Known | None:
        """The request, or None if this tenant made none with that id lately. Raises Unavailable without Redis.

        Waits a little for one that is not there yet: feedback may come to another process, right after the reply.
        """
        key, deadline_s = _key(tenant, trace_id), time.monotonic() + self._late_s
        while (value := self._waiting.get(key) or await self._kept(key)) is None:
            if time.monotonic() >= deadline_s:
                return None
            await asyncio.sleep(_GATHER_S)
        return _known(value)

    async def _kept(self, key: str) -> str | None:
        try:
            kept = await (await self._connected()).get(key)
        except (RedisError, OSError, TimeoutError):
            text = "Feedback cannot be checked just now. Retry shortly."
            raise Unavailable(text, headers={"Retry-After": "5"}) from None
        return kept.decode() if isinstance(kept, bytes) else kept

    async def close(self) -> None:
        if self._writing is not None:
            await self._writing
        if self._client is not None:
            await self._client.aclose()

    async def _write(self) -> None:
        while self._waiting:
            await asyncio.sleep(_GATHER_S)
            batch = dict(self._waiting)
            try:
                pipe = (await self._connected()).pipeline(transaction=False)
                for key, value in batch.items():
                    pipe.set(key, value, ex=self._ttl_s)
                await pipe.execute()
            except (RedisError, OSError, TimeoutError):
                _log.debug("%s requests were not noted for feedback", len(batch))
            for key in batch:
                self._waiting.pop(key, None)

    async def _connected(self) -> Client:
        if self._client is None:
            self._client = await open_redis(self._url, self._timeout_s)
        return self._client


def _line(trace: Trace) -> str:
    """What is kept of a request. No name in it can hold a bar."""
    routed = (trace.task, trace.tier, f"{trace.score:.4f}") if trace.layer in GRADED and trace.tier else ("", "", "")
    near = trace.cache.near if trace.cache.kind == "semantic" else None
    cached = (near.task, f"{near.score:.4f}") if near is not None else ("", "")
    return "|".join((trace.cache.kind, trace.caller.app, *routed, *cached, trace.variant))


def _known(line: str) -> Known:
    cache, app, task, tier, score, cached_task, cached, variant = (line.split("|") + [""] * 7)[:8]
    hardness = float(score) if score else None
    return Known(app, cache, task, tier, hardness, cached_task, float(cached) if cached else None, variant)


def _key(tenant: str, trace_id: str) -> str:
    return f"{root_key(tenant)}:trace:{trace_id}"

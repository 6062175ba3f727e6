"""Identical requests at the same time call the model once, across replicas: a lease in Redis, and polling.

No way to a deadlock: a lease expires by itself, waiting is bounded, without Redis everybody calls the model.
"""

from __future__ import annotations

import asyncio
import random
import secrets
import time
from collections.abc import Awaitable, Callable
from importlib.resources import files
from typing import Final

from plugins.adapters.breaker import Away, Breaker
from plugins.adapters.cache_codec import entry_key, lease_key
from plugins.adapters.redis_scripts import Client
from plugins.cache_config import CacheConfig
from plugins.values import CacheVerdict, Hit, Lease, Scope

_FIRST_PAUSE_S: Final = 0.02
_LONGEST_PAUSE_S: Final = 0.25
_NOTHING_STORED_MS: Final = 2_000  # how long latecomers do not wait after a leader that had nothing to store
_NOTHING_STORED: Final = b""  # what cache_release_v1 leaves behind
FREE: Final = Lease()

Lookup = Callable[[Scope, str], Awaitable[Hit | CacheVerdict]]


class SingleFlight:
    """`client` yields the connected client; `lookup` is the exact layer."""

    def __init__(
        self, client: Callable[[], Awaitable[Client]], breaker: Breaker, config: CacheConfig, lookup: Lookup
    ) -> None:
        self._client = client
        self._breaker = breaker
        self._config = config
        self._lookup = lookup
        self._release = (files("plugins.adapters") / "lua" / "cache_release_v1.lua").read_text(encoding="utf-8")

    async def lead(self, scope: Scope, question: str) -> Lease | None:
        """The lease; None when another call holds it, or has just stored the answer."""
        lease = Lease(lease_key(scope, question), secrets.token_hex(8))
        outcome = await self._breaker.run(lambda: self._take(lease, entry_key(scope, question)))
        if isinstance(outcome, Away):
            return FREE
        holder, stored = outcome
        if holder != lease.token.encode():
            return FREE if holder == _NOTHING_STORED else None
        if stored:  # between the caller's lookup and now
            await self.release(lease)
            return None
        return lease

    async def wait(self, scope: Scope, question: str) -> Hit | Lease:
        """Poll for the answer until the leader stored it, ended without, died, or `wait_ms` are over."""
        deadline = time.monotonic() + self._config.wait_ms / 1000
        pause_s = _FIRST_PAUSE_S
        while True:
            found = await self._lookup(scope, question)
            if isinstance(found, Hit):
                return found
            # A lease that is free again without an entry: its holder died, and one of us takes over.
            if (lease := await self.lead(scope, question)) is not None:
                return lease
            if (left_s := deadline - time.monotonic()) <= 0:
                return FREE
            await asyncio.sleep(min(left_s, pause_s * random.uniform(0.8, 1.2)))  # noqa: S311  # spreads polling
            pause_s = min(_LONGEST_PAUSE_S, pause_s * 1.5)

    async def release(self, lease: Lease) -> None:
        """End a lease of ours; one that expired, or that another call holds by now, is left alone."""
        if lease.key:
            await self._breaker.run(lambda: self._end(lease))

    async def _take(self, lease: Lease, entry: str) -> tuple[bytes | None, int]:
        """Who holds the lease now, and whether the entry is there already."""
        client = await self._client()
        pipe = client.pipeline(transaction=False)  # SET decides alone; the rest only looks
        pipe.set(lease.key, lease.token, nx=True, px=self._config.lease_ms)
        pipe.get(lease.key)
        pipe.hexists(entry, "b")
        _, holder, stored = await pipe.execute()
        return holder, stored

    async def _end(self, lease: Lease) -> None:
        client = await self._client()
        entry = lease.key.replace("}:l:", "}:e:", 1)
        await client.eval(self._release, 2, lease.key, entry, lease.token, _NOTHING_STORED_MS)

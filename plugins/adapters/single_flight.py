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
from plugins.adapters.cache_codec import Keys, keys_of
from plugins.adapters.redis_scripts import Client
from plugins.cache_config import CacheConfig
from plugins.values import Lease, Scope

_FIRST_PAUSE_S: Final = 0.02
_LONGEST_PAUSE_S: Final = 0.25
_NOTHING_STORED_MS: Final = 2_000  # how long latecomers do not wait after a leader that had nothing to store
_NOTHING_STORED: Final = b""  # what cache_release_v1 leaves behind
FREE: Final = Lease()


class SingleFlight:
    """`client` yields the connected client. Scopes and questions are those that the keys are made of."""

    def __init__(self, client: Callable[[], Awaitable[Client]], breaker: Breaker, config: CacheConfig) -> None:
        self._client = client
        self._breaker = breaker
        self._config = config
        folder = files("plugins.adapters") / "lua"
        self._enter = (folder / "cache_enter_v1.lua").read_text(encoding="utf-8")
        self._release = (folder / "cache_release_v1.lua").read_text(encoding="utf-8")

    async def enter(self, scope: Scope, question: str) -> tuple[bytes | None, Lease | None] | Away:
        """The body stored for this very request, or the lease to fetch the answer; neither where another call holds
        it. One round trip."""
        keys = keys_of(scope, question)
        lease = Lease(keys.lease, secrets.token_hex(8))
        outcome = await self._breaker.run(lambda: self._take(keys, lease))
        if isinstance(outcome, Away):
            return outcome
        body, holder = outcome
        if body is not None or holder == _NOTHING_STORED:
            return body, FREE
        return None, lease if holder == lease.token.encode() else None

    async def wait(self, scope: Scope, question: str) -> bytes | Lease:
        """Poll for the body until the leader stored it, ended without, died (then one of those who wait has its
        lease), or `wait_ms` are over."""
        deadline = time.monotonic() + self._config.wait_ms / 1000
        pause_s = _FIRST_PAUSE_S
        while True:
            entered = await self.enter(scope, question)
            body, lease = (None, FREE) if isinstance(entered, Away) else entered
            if body is not None:
                return body
            if lease is not None:
                return lease
            if (left_s := deadline - time.monotonic()) <= 0:
                return FREE
            await asyncio.sleep(min(left_s, pause_s * random.uniform(0.8, 1.2)))  # noqa: S311  # spreads polling
            pause_s = min(_LONGEST_PAUSE_S, pause_s * 1.5)

    async def release(self, lease: Lease) -> None:
        """End a lease of ours; one that expired, or that another call holds by now, is left alone."""
        if lease.key:
            await self._breaker.run(lambda: self._end(lease))

    async def _take(self, keys: Keys, lease: Lease) -> tuple[bytes | None, bytes | None]:
        client = await self._client()
        asked = keys.scope, lease.token, self._config.lease_ms
        body, holder = await client.eval(self._enter, 2, keys.entry, keys.lease, *asked)
        return body, holder

    async def _end(self, lease: Lease) -> None:
        client = await self._client()
        entry = lease.key.replace("}:l:", "}:e:", 1)
        await client.eval(self._release, 2, lease.key, entry, lease.token, _NOTHING_STORED_MS)

"""What served hits turned out to be worth, counted in Redis, and the thresholds that follow.

One hash per tenant, `tw:{tenant}:cache_seen:v1:HALFLIFE`, with the fields of `plugins.cache_thresholds.Seen`. Counts
decay forwards (Cormode et al. 2009): one observation adds 2^(t / half-life), with t from a fixed moment on, and readers
divide by what one adds now. So a count needs no upkeep, and a reader one round trip per tenant. Fails open: what cannot
be written is lost, and without Redis the thresholds stay as they were.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

from redis.exceptions import RedisError

from plugins.adapters.redis_scripts import Client, RedisAwayError, open_redis, root_key
from plugins.cache_thresholds import Learnt, Seen, by_task, learn
from plugins.config import GatewayConfig

log = logging.getLogger("tierwise")

EVERY_S: Final = 10.0
HALF_LIVES_KEPT: Final = 8
MOST_WAITING: Final = 10_000
RATED_TTL_S: Final = 7 * 86_400
_EPOCH_S: Final = 1_767_225_600  # 2026-01-01
_DAY_S: Final = 86_400

Table = Mapping[tuple[str, str], Learnt]


class CacheEvidence:
    """Implements ports.CacheLimits. `shipped` is the verifier's calibrated threshold. For use within one event loop."""

    def __init__(self, url: str, config: GatewayConfig, shipped: float, timeout_ms: int = 1000) -> None:
        self._url, self._timeout_s = url, timeout_ms / 1000
        self._config, self._shipped = config, shipped
        self._client: Client | None = None
        self._waiting: list[tuple[Seen, str]] = []  # with the trace that people spoke of
        self._table: Table = {}
        self._due_s = 0.0  # time.monotonic()

    def limit(self, tenant: str, task: str) -> float | None:
        """The threshold that was learnt; None: as shipped."""
        found = self._table.get((tenant, task))
        return found.threshold if found is not None else None

    def record(self, seen: Seen, trace_id: str = "") -> None:
        """Note one observation; never blocks and never raises. With a `trace_id`, only the first of that trace."""
        if seen.tenant and len(self._waiting) < MOST_WAITING:
            self._waiting.append((seen, trace_id))

    async def tend(self, config: GatewayConfig) -> None:
        """Write what was noted and learn anew, every few seconds; called by the housekeeping."""
        self._config = config
        if time.monotonic() < self._due_s:
            return
        self._due_s = time.monotonic() + EVERY_S
        try:
            await self.flush()
            fresh = await self.learnt(config.tenants)
        except (RedisAwayError, RedisError, OSError, TimeoutError):
            return
        for key, found in fresh.items():
            before = self._table.get(key)
            if found.threshold != (before.threshold if before else self._shipped):
                log.info("cache threshold of %s, %s: %.3f (%s)", *key, found.threshold, found.reason)
        self._table = fresh

    async def flush(self) -> None:
        """Write what was noted. Raises redis' own errors; what was not written is lost rather than counted twice."""
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        async with asyncio.timeout(self._timeout_s):
            client = await self._connected()
            counted: Counter[tuple[str, str]] = Counter()
            for seen, trace_id in waiting:
                rated = f"{root_key(seen.tenant)}:cache_rated:{trace_id}"
                if not trace_id or await client.set(rated, "1", nx=True, ex=RATED_TTL_S):
                    counted[seen.tenant, seen.cell] += 1
            pipe, one = client.pipeline(transaction=False), self._weight_now()
            for (tenant, cell), count in counted.items():
                pipe.hincrbyfloat(self._key(tenant), cell, count * one)
                pipe.expire(self._key(tenant), int(HALF_LIVES_KEPT * self._half_life_days * _DAY_S))
            await pipe.execute()

    async def learnt(self, tenants: Iterable[str]) -> dict[tuple[str, str], Learnt]:
        """By tenant and task class, where anything was seen. Raises RedisAwayError."""
        names = list(tenants)
        try:
            async with asyncio.timeout(self._timeout_s):
                pipe = (await self._connected()).pipeline(transaction=False)
                for tenant in names:
                    pipe.hgetall(self._key(tenant))
                replies = await pipe.execute()
        except (RedisError, OSError, TimeoutError) as error:
            raise RedisAwayError(type(error).__name__) from None
        table, one = {}, self._weight_now()
        for tenant, reply in zip(names, replies, strict=True):
            counts = {name.decode(): float(value) / one for name, value in reply.items()}
            own = self._config.tenants[tenant].accepted_cache_error if tenant in self._config.tenants else None
            for task, bins in by_task(counts).items():
                accepted = own or self._config.cache.accepted_error
                table[tenant, task] = learn(bins, self._shipped, accepted, self._config.cache.checks)
        return table

    async def close(self) -> None:
        """Write what was noted, then disconnect."""
        try:
            await self.flush()
        except (RedisError, OSError, TimeoutError):
            log.warning("the last observations of cached answers were not counted")
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    @property
    def _half_life_days(self) -> float:
        return self._config.cache.checks.half_life_days

    def _weight_now(self) -> float:
        return float(2.0 ** ((time.time() - _EPOCH_S) / (_DAY_S * self._half_life_days)))

    def _key(self, tenant: str) -> str:
        return f"{root_key(tenant)}:cache_seen:v1:{self._half_life_days:g}"

    async def _connected(self) -> Client:
        if self._client is None:
            self._client = await open_redis(self._url, self._timeout_s)
        return self._client

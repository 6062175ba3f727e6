"""Counts outcomes in Redis, beside the request path: they are gathered here and written every few seconds.

One hash per tenant and day, `tw:{tenant}:outcomes:v1:YYYYMMDD` (UTC), with the fields of `plugins.outcomes`; it
expires when decay has left nothing of it. Fails open: what cannot be written is lost rather than counted twice.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

from redis.exceptions import RedisError

from plugins.adapters.redis_scripts import Client, RedisAwayError, open_redis, root_key
from plugins.learning_config import LearningConfig
from plugins.outcomes import PEOPLE, SOURCES, Counts, Outcome, decayed, outcome_of
from plugins.values import Trace

log = logging.getLogger("tierwise")

HALF_LIVES_KEPT: Final = 5  # 3 % of the weight is left then
MOST_WAITING: Final = 20_000  # fields and feedbacks in this process, about 4 MB
RATED_TTL_S: Final = 7 * 86_400
READ_AT_ONCE: Final = 200


class RedisOutcomes:
    """Implements ports.Sink: it counts what the gateway's own check said; `record` takes everything else. For use
    within one event loop."""

    def __init__(self, url: str, config: LearningConfig, timeout_ms: int = 1000) -> None:
        self._url, self._timeout_s = url, timeout_ms / 1000
        self._config = config
        self._client: Client | None = None
        self._waiting: dict[tuple[str, str], Counter[str]] = {}  # by tenant and day
        self._feedback: list[Outcome] = []
        self._fields = 0

    def configure(self, config: LearningConfig) -> None:
        """Use changed settings from now on."""
        self._config = config

    def emit(self, trace: Trace) -> None:
        """Note what the gateway's own check said of a finished request."""
        if self._config.enabled and (outcome := outcome_of(trace)) is not None:
            self._count(outcome)

    def record(
        self,
        tenant: str,
        task: str,
        tier: str,
        ok: bool,
        source: str,
        hardness: float | None = None,
        trace_id: str = "",
    ) -> None:
        """Note one outcome; never blocks and never raises. `source` is one of `plugins.outcomes.SOURCES`.

        With a `trace_id`, people's judgement of one answer counts once. Nothing is noted while learning is off.
        """
        outcome = Outcome(tenant, task, tier, ok, source, hardness, None, trace_id)
        if not self._config.enabled or not tenant:
            return
        if not trace_id or SOURCES.get(source) != PEOPLE:
            self._count(outcome)
        elif len(self._feedback) < MOST_WAITING:
            self._feedback.append(outcome)

    async def flush(self) -> int:
        """Write what was gathered; how many outcomes were lost because Redis did not take them."""
        feedback, self._feedback = self._feedback, []
        lost = await self._count_once(feedback) if feedback else 0
        waiting, self._waiting, self._fields = self._waiting, {}, 0
        for (tenant, day), counter in waiting.items():
            try:
                async with asyncio.timeout(self._timeout_s):
                    pipe = (await self._connected()).pipeline(transaction=False)
                    for name, amount in counter.items():
                        pipe.hincrby(_key(tenant, day), name, amount)
                    pipe.expire(_key(tenant, day), self._days_kept * 86_400)
                    await pipe.execute()
            except (RedisError, OSError, TimeoutError):
                lost += sum(amount for name, amount in counter.items() if not name.endswith("|cost"))
        if lost:
            log.warning("%d outcomes were not counted: Redis did not take them", lost)
        return lost

    async def read(self, tenants: Iterable[str]) -> Counts:
        """The decayed outcomes of these tenants together. Raises RedisAwayError."""
        try:
            return decayed(await self._days(tenants), self._config.half_life_days)
        except (RedisError, OSError, TimeoutError) as error:
            raise RedisAwayError(f"{type(error).__name__}: {error}") from None

    async def _days(self, tenants: Iterable[str]) -> list[tuple[int, dict[str, int]]]:
        """The counters of all days kept, each with its age in days."""
        today = datetime.now(UTC)
        names = [(today - timedelta(days=age)).strftime("%Y%m%d") for age in range(self._days_kept)]
        keys = [(age, _key(tenant, name)) for tenant in tenants for age, name in enumerate(names)]
        days: list[tuple[int, dict[str, int]]] = []
        client = await self._connected()
        for start in range(0, len(keys), READ_AT_ONCE):
            batch = keys[start : start + READ_AT_ONCE]
            pipe = client.pipeline(transaction=False)
            for _, key in batch:
                pipe.hgetall(key)
            async with asyncio.timeout(10 * self._timeout_s):
                replies = await pipe.execute()
            for (age, _), found in zip(batch, replies, strict=True):
                days.append((age, {name.decode(): int(count) for name, count in found.items()}))
        return days

    async def close(self) -> None:
        """Write what was gathered, then disconnect."""
        await self.flush()
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    @property
    def _days_kept(self) -> int:
        return int(HALF_LIVES_KEPT * self._config.half_life_days) + 1

    def _count(self, outcome: Outcome) -> None:
        counter = self._waiting.setdefault((outcome.tenant, datetime.now(UTC).strftime("%Y%m%d")), Counter())
        for name, amount in outcome.fields().items():
            if name not in counter:
                if self._fields >= MOST_WAITING:
                    return
                self._fields += 1
            counter[name] += amount

    async def _count_once(self, feedback: list[Outcome]) -> int:
        """Gather what was not yet said of its trace; how many were lost."""
        try:
            async with asyncio.timeout(self._timeout_s):
                client = await self._connected()
                pipe = client.pipeline(transaction=False)
                for said in feedback:
                    pipe.set(f"{root_key(said.tenant)}:rated:{said.trace_id}", "1", nx=True, ex=RATED_TTL_S)
                firsts = await pipe.execute()
        except (RedisError, OSError, TimeoutError):
            return len(feedback)
        for said, first in zip(feedback, firsts, strict=True):
            if first:
                self._count(said)
        return 0

    async def _connected(self) -> Client:
        if self._client is None:
            self._client = await open_redis(self._url, self._timeout_s)
        return self._client


def _key(tenant: str, day: str) -> str:
    return f"{root_key(tenant)}:outcomes:v1:{day}"

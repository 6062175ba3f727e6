"""Keeps one gateway process taught: writes its outcomes, and fetches the learnt table and, to explore, the outcomes."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import Final

from plugins.adapters.redis_learnt import RedisLearnt
from plugins.adapters.redis_outcomes import RedisOutcomes
from plugins.adapters.redis_scripts import RedisAwayError
from plugins.config import GatewayConfig
from plugins.routing.explore import Explorer
from plugins.routing.learnt import Learnt

log = logging.getLogger("tierwise")

EVERY_S: Final = 5.0
COUNTS_EVERY_S: Final = 300.0


@dataclass(frozen=True, slots=True)
class Taught:
    """What the path is to use from now on."""

    learnt: Learnt
    explorer: Explorer


class LearningHouse:
    """`tend` is called by the housekeeping every few seconds; it never raises for Redis."""

    def __init__(self, url: str, config: GatewayConfig) -> None:
        self.outcomes = RedisOutcomes(url, config.routing.learning)
        self._table = RedisLearnt(url)
        self._taught = Taught(Learnt(), Explorer())
        self._due_s = self._counts_due_s = 0.0  # time.monotonic()

    async def tend(self, config: GatewayConfig) -> Taught:
        """What is in force: unchanged while Redis is away, nothing while learning is off."""
        learning = config.routing.learning
        self.outcomes.configure(learning)
        if not learning.enabled:
            self._taught = Taught(Learnt(), Explorer())
            self._due_s = self._counts_due_s = 0.0
            return self._taught
        if time.monotonic() < self._due_s:
            return self._taught
        self._due_s = time.monotonic() + EVERY_S
        await self.outcomes.flush()
        learnt, explorer = self._taught.learnt, self._taught.explorer
        try:
            learnt = await self._table.current()
            if learning.exploration_share > 0 and time.monotonic() >= self._counts_due_s:
                explorer = Explorer(await self.outcomes.read(config.tenants))
                self._counts_due_s = time.monotonic() + COUNTS_EVERY_S
        except RedisAwayError as away:
            log.warning("what was learnt could not be fetched: %s", away.reason)
        if learnt.version != self._taught.learnt.version:
            log.info("learnt table %d is in use", learnt.version)
        self._taught = Taught(learnt, explorer)
        return self._taught

    async def close(self) -> None:
        await self.outcomes.close()
        await self._table.close()

"""What one gateway process holds, and what happens to a request besides its path: its end, and the house."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

from plugins.adapters import litellm_io, router_io
from plugins.adapters.alerts import Alerts
from plugins.adapters.cache_checks import CacheChecks
from plugins.adapters.cache_evidence import CacheEvidence
from plugins.adapters.learning_house import LearningHouse
from plugins.adapters.redis_ledger import RedisLedger
from plugins.adapters.shadow import Shadow
from plugins.adapters.telemetry import Telemetry
from plugins.adapters.trials_house import TrialsHouse
from plugins.adapters.upstream import Upstream
from plugins.budget_path import FAILED_ATTEMPTS
from plugins.catalog import Catalog
from plugins.config import GatewayConfig
from plugins.config_file import Watched, draining_file
from plugins.errors import ConfigError
from plugins.escalation_path import EscalationPath
from plugins.flight import Flight, Flights
from plugins.pipeline import Pipeline
from plugins.proof.shadow import ShadowPath
from plugins.screening import Screening
from plugins.tenancy import Keyring

log = logging.getLogger("tierwise")

# How long after a stream's end its usage may still come before the whole hold is charged.
USAGE_GRACE_S = 10.0
# The same when the process is to end.
CLOSE_GRACE_S = 2.0
# How often the config file is looked at.
WATCH_S = 2.0


@dataclass(slots=True)
class Runtime:
    """The adapters and the pipeline; replaced piece by piece when the config changes."""

    config: GatewayConfig
    catalog: Catalog
    keyring: Keyring
    pipeline: Pipeline
    telemetry: Telemetry
    upstream: Upstream
    escalation: EscalationPath
    ledger: RedisLedger
    alerts: Alerts
    flights: Flights
    watched: Watched
    learning: LearningHouse
    evidence: CacheEvidence
    checks: CacheChecks
    lane_is_free: bool  # nothing of LiteLLM's configuration would be passed by
    trials: TrialsHouse
    shadowing: ShadowPath
    shadow: Shadow = field(default_factory=Shadow)
    ledger_answers: bool = False  # as last asked; not yet at the start
    draining: bool = False  # to end soon: clients are told to come back on another connection
    _late: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def fast_lane(self) -> bool:
        """Whether chat requests are answered past what of LiteLLM has no say in them."""
        return self.lane_is_free and self.config.fast_lane

    def any_group(self, flight: Flight) -> str:
        """A group to name to LiteLLM: the routed one; for a cache hit any one, as no model will be called."""
        if flight.route is not None:
            return flight.route.group
        hit_group = self.config.group(flight.tier) if flight.tier in self.config.tiers else ""
        return hit_group if hit_group in self.catalog else next(iter(self.catalog.groups))

    async def settle_stream(self, flight: Flight) -> None:
        """Settle a stream once both are known: how it ended, and what it used."""
        if flight.billed is None or not flight.ended:
            return
        usage, cost = flight.billed
        whole = flight.stream_complete and not flight.aborted and not flight.failed
        # After an attempt that broke half-way LiteLLM counts both as one.
        complete = whole and flight.usage_told and FAILED_ATTEMPTS not in flight.costs
        await self.pipeline.settle(flight, litellm_io.charge_of(flight, usage, cost, complete))
        await self._finish(flight)

    async def response_ended(self, flight: Flight, complete: bool) -> None:
        """The response has left, or the client has: close the books, now or when a stream's usage is known."""
        flight.ended = True
        if not complete and flight.error is None:
            flight.aborted = True
        call = flight.call
        streaming = call is not None and call.stream and flight.hold is not None and flight.hit is None
        if streaming and flight.settled is None and (flight.error is None or flight.stream_complete or flight.aborted):
            await self.settle_stream(flight)
            if not flight.emitted:
                loop = asyncio.get_running_loop()
                loop.call_later(USAGE_GRACE_S, lambda: self._later(self._finish(flight)))
            return
        self._later(self._finish(flight))

    async def _finish(self, flight: Flight) -> None:
        await self.escalation.check_afterwards(flight)
        if self.checks.wants(flight, self.config):
            self._later_beside(flight, self._checked)
        elif self.shadowing.wanted(flight):
            self._later_beside(flight, self._shadowed)
        elif not flight.checked:
            await self._close_books(flight)

    def _later_beside(self, flight: Flight, ask: Callable[[Flight], Awaitable[None]]) -> None:
        """Ask another model beside an answer that is out: nobody waits for it but the trace, which tells its cost."""
        flight.checked, flight.ended_ns = True, flight.ended_ns or time.time_ns()

        async def beside() -> None:
            if flight.outcome == "answered":
                await self.pipeline.cache.store(flight)  # others may be waiting for it
            try:
                await ask(flight)
            finally:
                await self._close_books(flight)

        self._later(beside())

    async def _checked(self, flight: Flight) -> None:
        """Compare a cached answer with the model's."""
        await self.checks.check(flight, self.config, self.catalog, self.pipeline.cache, self.pipeline.budget)

    async def _shadowed(self, flight: Flight) -> None:
        """Ask a rollout's candidate."""
        await self.shadow.beside(self.shadowing, flight, self.pipeline.trials)

    async def _close_books(self, flight: Flight) -> None:
        try:
            await self.pipeline.finish(flight)
        finally:
            self.flights.remove(flight)
        if flight.hold is not None:
            await self.pipeline.remember(flight)

    def _later(self, work: object) -> None:
        task = asyncio.ensure_future(work)  # type: ignore[call-overload]  # only coroutines come here
        self._late.add(task)
        task.add_done_callback(self._late.discard)

    def apply(self, config: GatewayConfig) -> None:
        """Use a changed config for the requests from now on. Models, Redis and tracing need a restart."""
        cascade = replace(self.pipeline.cascade, config=config.routing)
        path = replace(self.pipeline.cache, config=config)
        budget = replace(self.pipeline.budget, config=config)
        screening = Screening(config.policy)
        self.pipeline = replace(
            self.pipeline, config=config, cascade=cascade, cache=path, budget=budget, screening=screening
        )
        judge = replace(self.escalation.judge, config=config, budget=budget)
        self.escalation = replace(self.escalation, config=config, budget=budget, judge=judge)
        self.shadowing = replace(self.shadowing, config=config, budget=budget)
        self.keyring = self.keyring.renewed(config)
        self.ledger.configure(config.budgets)
        self.alerts.configure(config.budgets.alert_webhook_url)
        self.config = config

    async def keep_house(self) -> None:
        """Until cancelled: take up a changed config, ask for Redis, and deliver settlements that waited for it."""
        while True:
            try:
                self.draining = draining_file(self.watched.path).exists()
                if (loaded := self.watched.changed()) is not None:
                    self.apply(loaded.gateway)
                    log.info("the changed config is in use")
                self.ledger_answers = await self.ledger.answers()
                await self.pipeline.cache.look()
                await self.ledger.replay_journal()
                self.pipeline.budget.monitor.windows_end(int(time.time()))
                await self._learn()
                await self.evidence.tend(self.config)
                self.pipeline = replace(self.pipeline, trials=await self.trials.tend(self.config))
                self.telemetry.observe(self.pipeline.cache.reachable, await router_io.cooling(), len(self.flights))
            except ConfigError as error:
                log.error("the changed config is not used: %s", error)
            except Exception:
                log.exception("housekeeping failed; it goes on")
            await asyncio.sleep(WATCH_S)

    async def _learn(self) -> None:
        """Use what production taught, as it now is."""
        taught = await self.learning.tend(self.config)
        path = self.pipeline
        if taught.learnt is not path.cascade.learnt or taught.explorer is not path.explorer:
            self.pipeline = replace(path, cascade=replace(path.cascade, learnt=taught.learnt), explorer=taught.explorer)

    async def close(self) -> None:
        """Finish what is in flight and deliver the traces; called when the server has drained."""
        await self.checks.close()
        for flight in self.flights:
            flight.ended = True
            await self.settle_stream(flight)
        until = time.monotonic() + CLOSE_GRACE_S
        # LiteLLM's logging worker brings a finished stream's usage, and signals nothing to wait for.
        while any(f.stream_complete and not f.emitted for f in self.flights) and time.monotonic() < until:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        await self.shadow.close()
        for flight in self.flights:
            if not flight.checked:
                await self.pipeline.finish(flight)
        await asyncio.gather(*self._late, return_exceptions=True)
        await self.pipeline.conversations.close()
        await self.ledger.close()
        await self.alerts.close()
        await self.telemetry.close()
        await self.learning.close()
        await self.evidence.close()
        await self.trials.close()

"""build(): config -> adapters -> pipeline; and the one runtime of the process."""

from __future__ import annotations

import asyncio
import logging
import os
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version
from pathlib import Path

from classifier.artifact import Model
from classifier.embedding import Embedder
from classifier.pairs.verify import PairVerifier
from plugins.adapters import cache_seam, litellm_io
from plugins.adapters.alerts import BudgetAlerts
from plugins.adapters.embedder import AsyncEmbedder
from plugins.adapters.fan_out import FanOut
from plugins.adapters.file_sink import FileSink
from plugins.adapters.langfuse_sink import LangfuseSink
from plugins.adapters.metrics import MetricsSink
from plugins.adapters.price_data import catalog_of
from plugins.adapters.redis_cache import RedisCache
from plugins.adapters.redis_ledger import RedisLedger
from plugins.adapters.small_judge import SmallJudge
from plugins.adapters.upstream import Upstream
from plugins.cache_path import CachePath
from plugins.catalog import Catalog
from plugins.config import GatewayConfig
from plugins.config_file import Loaded, load_config
from plugins.errors import StartError
from plugins.flight import Flight, Flights
from plugins.pipeline import Pipeline
from plugins.ports import Sink
from plugins.routing.cascade import Cascade
from plugins.routing.scored import Thresholds
from plugins.sensitive import compile_patterns
from plugins.tenancy import Keyring

log = logging.getLogger("tierwise")

# How long after a stream's end its usage may still come before the whole hold is charged.
USAGE_GRACE_S = 10.0
TRACES_FILE = "traces.jsonl"


@dataclass(slots=True)
class Runtime:
    """Everything that one gateway process holds."""

    config: GatewayConfig
    catalog: Catalog
    keyring: Keyring
    pipeline: Pipeline
    sink: Sink
    upstream: Upstream
    ledger: RedisLedger
    alerts: BudgetAlerts
    flights: Flights
    _late: set[asyncio.Task[None]] = field(default_factory=set)

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
        complete = flight.stream_complete and not flight.aborted and not flight.failed
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
                self._later(self._finish_after_grace(flight))
            return
        self._later(self._finish(flight))

    async def _finish_after_grace(self, flight: Flight) -> None:
        await asyncio.sleep(USAGE_GRACE_S)
        await self._finish(flight)

    async def _finish(self, flight: Flight) -> None:
        await self.pipeline.finish(flight)
        self.flights.remove(flight)
        if flight.outcome == "answered":
            await self.pipeline.cache.store(flight)

    def _later(self, work: object) -> None:
        task = asyncio.ensure_future(work)  # type: ignore[call-overload]  # only coroutines come here
        self._late.add(task)
        task.add_done_callback(self._late.discard)

    async def close(self) -> None:
        """Finish what is in flight and deliver the traces; called when the server has drained."""
        for flight in self.flights:
            await self.pipeline.finish(flight)
        await self.ledger.close()
        await self.alerts.close()
        await self.sink.close()


def build(loaded: Loaded) -> Runtime:
    """Raises ConfigError or StartError with what to do."""
    config = loaded.gateway
    if not config.redis_url:
        raise StartError("gateway.redis_url is empty. Set REDIS_URL, or start with `tierwise serve`, which brings one.")
    model = Model.load()
    shipped = Thresholds(model.easy_below, model.hard_from)
    alerts = BudgetAlerts(config.budgets.alert_webhook_url)
    ledger = RedisLedger(config.redis_url, config.budgets, Path(config.state_dir) / "journal", alerts)
    store = RedisCache(config.redis_url, config.cache, PairVerifier.load()) if config.cache.enabled else None
    catalog, flights, sink = catalog_of(loaded.model_list), Flights(), build_sink(config)
    pipeline = Pipeline(
        config=config,
        catalog=catalog,
        ledger=ledger,
        cache=CachePath(config, catalog, store, AsyncEmbedder(Embedder())),
        cascade=Cascade(config.routing, model, shipped),
        judge=SmallJudge(config.routing.judge) if config.routing.judge.enabled else None,
        sink=sink,
        patterns=compile_patterns(config.policy.patterns),
    )
    keyring = Keyring(config, os.environ.get("LITELLM_MASTER_KEY"))
    return Runtime(config, catalog, keyring, pipeline, sink, Upstream(), ledger, alerts, flights)


def build_sink(config: GatewayConfig) -> Sink:
    """Metrics always; Langfuse when its keys are set; the local file when named, or without Langfuse."""
    metrics, tracing = MetricsSink(), config.tracing
    sinks: list[Sink] = [metrics]
    if tracing.langfuse_public_key and tracing.langfuse_secret_key:
        sinks.append(
            LangfuseSink(
                tracing.langfuse_host,
                tracing.langfuse_public_key,
                tracing.langfuse_secret_key,
                environment=config.environment,
                queue_bytes=tracing.queue_bytes,
                timeout_ms=tracing.timeout_ms,
                spool_dir=Path(tracing.spool_dir) if tracing.spool_dir else None,
                spool_bytes=tracing.spool_bytes,
                release=version("tierwise"),
                monitor=metrics,
            )
        )
    if tracing.file or len(sinks) == 1:
        path = Path(tracing.file) if tracing.file else Path(config.state_dir) / TRACES_FILE
        sinks.append(FileSink(path, max_bytes=tracing.file_max_bytes, queue_bytes=tracing.queue_bytes, monitor=metrics))
    return FanOut(sinks)


@cache
def runtime() -> Runtime:
    """The process's runtime, built from the file that LiteLLM was given."""
    built = build(load_config())
    cache_seam.install(built.flights)
    return built

"""build(): config -> adapters -> pipeline; and the one runtime of the process."""

from __future__ import annotations

import os
from functools import cache
from importlib.metadata import version
from pathlib import Path

from classifier.artifact import Model
from classifier.embedding import Embedder
from classifier.pairs.verify import PairVerifier
from plugins.adapters import cache_seam
from plugins.adapters.alerts import BudgetAlerts
from plugins.adapters.embedder import AsyncEmbedder
from plugins.adapters.fan_out import FanOut
from plugins.adapters.file_sink import FileSink
from plugins.adapters.langfuse_sink import LangfuseSink
from plugins.adapters.metrics import MetricsSink
from plugins.adapters.price_data import catalog_of
from plugins.adapters.redis_cache import RedisCache
from plugins.adapters.redis_conversations import RedisConversations
from plugins.adapters.redis_ledger import RedisLedger
from plugins.adapters.small_judge import SmallJudge
from plugins.adapters.upstream import Upstream
from plugins.cache_path import CachePath
from plugins.config import GatewayConfig
from plugins.config_file import Loaded, Watched, load_config
from plugins.errors import StartError
from plugins.flight import Flights
from plugins.pipeline import Pipeline
from plugins.ports import Sink
from plugins.routing.cascade import Cascade
from plugins.routing.scored import Thresholds
from plugins.runtime import Runtime
from plugins.sensitive import compile_patterns
from plugins.tenancy import Keyring

TRACES_FILE = "traces.jsonl"


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
        conversations=RedisConversations(config.redis_url, config.cache.timeout_ms),
        sink=sink,
        patterns=compile_patterns(config.policy.patterns),
    )
    watched = Watched(loaded.path)
    watched.changed()
    keyring = Keyring(config, os.environ.get("LITELLM_MASTER_KEY"))
    return Runtime(config, catalog, keyring, pipeline, sink, Upstream(), ledger, alerts, flights, watched)


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

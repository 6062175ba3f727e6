"""Everything that a process tells the outside about its requests: traces, scores, metrics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from prometheus_client import REGISTRY, CollectorRegistry

from plugins.adapters import metrics_page
from plugins.adapters.background_sink import BackgroundSink
from plugins.adapters.fan_out import FanOut
from plugins.adapters.file_sink import FileSink
from plugins.adapters.langfuse_sink import LangfuseSink
from plugins.adapters.metrics import MetricsSink
from plugins.adapters.recent_traces import Known, RecentTraces
from plugins.adapters.score_sink import AutomaticScores, ScoreFile, ScoreSink
from plugins.adapters.state_metrics import StateMetrics
from plugins.config import GatewayConfig, TracingConfig
from plugins.ports import Sink
from plugins.scores import Score

TRACES_FILE = "traces.jsonl"
SCORES_FILE = "scores.jsonl"
SPOOL = "spool"


@dataclass(frozen=True, slots=True)
class Telemetry:
    """`sink` takes the finished traces; the rest is for the gateway's own routes and the housekeeping."""

    sink: Sink
    scores: BackgroundSink[Score]
    recent: RecentTraces
    metrics: MetricsSink
    state: StateMetrics

    async def request_of(self, tenant: str, trace_id: str) -> Known | None:
        """A request that this tenant made lately. Raises Unavailable."""
        return await self.recent.find(tenant, trace_id)

    def take_feedback(self, score: Score, known: Known, is_bad: bool) -> bool:
        """Queue what an application said of an answer; False when too much is waiting."""
        if not self.scores.offer(score):
            return False
        self.metrics.count_feedback(known.cache, is_bad)
        return True

    def observe(self, cache_reachable: bool, cooling: Mapping[str, tuple[int, int]], flights: int) -> None:
        self.state.observe(cache_reachable, cooling, flights)

    def page(self) -> tuple[str, bytes]:
        """(content type, body) of the metrics; reads files with several workers."""
        return metrics_page.CONTENT_TYPE, metrics_page.metrics_page()

    async def close(self) -> None:
        """Deliver what is queued: first the traces, whose last ones may still make scores."""
        await self.sink.close()
        await self.scores.close()


def build_telemetry(config: GatewayConfig, redis_url: str, registry: CollectorRegistry = REGISTRY) -> Telemetry:
    """Metrics always; Langfuse when its keys are set; the local file when named, or without Langfuse."""
    metrics, tracing = MetricsSink(registry), config.tracing
    state_dir = Path(config.state_dir)
    spool = Path(tracing.spool_dir) if tracing.spool_dir else state_dir / SPOOL
    recent = RecentTraces(redis_url, config.cache.timeout_ms, tracing.feedback_ttl_s)
    sinks: list[Sink] = [metrics, recent]
    to_langfuse = _langfuse(tracing)
    scores: BackgroundSink[Score]
    if to_langfuse:
        sinks.append(_langfuse_sink(config, to_langfuse, spool, metrics))
        scores = ScoreSink(*to_langfuse, spool_dir=spool / "scores", timeout_ms=tracing.timeout_ms, monitor=metrics)
        sinks += [AutomaticScores(scores, config.environment)] if tracing.automatic_scores else []
    else:
        scores = ScoreFile(state_dir / SCORES_FILE, tracing.queue_bytes, metrics)
    if tracing.file or not to_langfuse:
        path = Path(tracing.file) if tracing.file else state_dir / TRACES_FILE
        limits = {"max_bytes": tracing.file_max_bytes, "queue_bytes": tracing.queue_bytes}
        sinks.append(FileSink(path, config.environment, **limits, monitor=metrics))
    return Telemetry(FanOut(sinks), scores, recent, metrics, StateMetrics(registry))


def _langfuse(tracing: TracingConfig) -> tuple[str, str, str] | None:
    """Host, public and secret key, if both keys are set."""
    if not (tracing.langfuse_public_key and tracing.langfuse_secret_key):
        return None
    return tracing.langfuse_host, tracing.langfuse_public_key, tracing.langfuse_secret_key


def _langfuse_sink(config: GatewayConfig, to: tuple[str, str, str], spool: Path, metrics: MetricsSink) -> LangfuseSink:
    tracing = config.tracing
    return LangfuseSink(
        *to,
        environment=config.environment,
        queue_bytes=tracing.queue_bytes,
        timeout_ms=tracing.timeout_ms,
        spool_dir=spool,
        spool_bytes=tracing.spool_bytes,
        release=version("tierwise"),
        monitor=metrics,
    )

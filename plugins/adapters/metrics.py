"""Prometheus metrics, fed from the same finished traces as the other sinks.

Label values come from clients and configuration, so each label has a limit: what comes after the first
`max_values` distinct values of a label is counted as "other". With several worker processes set
PROMETHEUS_MULTIPROC_DIR (an empty directory) before Python starts, serve a registry with
`prometheus_client.multiprocess.MultiProcessCollector`, and call `mark_process_dead(pid)` when a worker ends.
The gauges below say how they are merged; the limit then holds per process. Every metric is a plain counter,
histogram or gauge, because custom collectors do not work in that mode.
"""

from __future__ import annotations

from typing import Final

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram

from plugins.tracing import CACHE_CHECK, CALLS
from plugins.values import MICROS_PER_USD, Step, Trace

OTHER: Final = "other"
NONE: Final = "none"
SINKS: Final = ("langfuse", "scores", "file")
DROP_REASONS: Final = (
    *("queue_full", "closed", "refused", "undelivered", "spool_full", "too_large", "not_encodable"),
    *("damaged", "expired", "disk", "error"),
)
CACHE_KINDS: Final = ("exact", "semantic", "miss", "bypass")

_LATENCY_S = (0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60, 120, 300)
_STEP_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30, 120)
_DISTANCE = (0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5)
_WHO = ("tenant", "app", "tier")
_CALLED = ("provider", "model")


class LabelLimit:
    """Keeps the number of values of each label below a limit; empty values become "none"."""

    def __init__(self, max_values: int) -> None:
        self._max_values = max_values
        self._seen: dict[str, set[str]] = {}

    def __call__(self, label: str, value: str) -> str:
        value = value or NONE
        seen = self._seen.setdefault(label, set())
        if value in seen:
            return value
        if len(seen) >= self._max_values:
            return OTHER
        seen.add(value)
        return value


class MetricsSink:
    """`ports.Sink` and `SinkMonitor`: counts in memory only. One per process and registry."""

    def __init__(self, registry: CollectorRegistry = REGISTRY, max_values: int = 100) -> None:
        self._limit = LabelLimit(max_values)
        self._request_metrics(registry)
        self._provider_metrics(registry)
        self._money_metrics(registry)
        self._sink_metrics(registry)

    def _request_metrics(self, registry: CollectorRegistry) -> None:
        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"tierwise_{name}", text, labels, registry=registry)

        self._requests = counter("requests", "Client requests.", *_WHO, "outcome")
        self._errors = counter("errors", "Refused, failed and aborted requests.", "tenant", "code")
        self._routed = counter("routed", "Routed requests by task class and layer.", "task", "layer", "tier")
        self._models = counter("model_requests", "Requests by model.", "provider", "model", "outcome")
        self._cache = counter("cache_verdicts", "Cache verdicts.", "tenant", "verdict")
        self._cache_checks = counter(
            "cache_checks", "Cached answers compared with the model's.", "tenant", "of", "result"
        )
        self._fallbacks = counter("fallbacks", "Attempts after a failed one.", "tier", "provider")
        self._escalations = counter("escalations", "Answers asked again of a better model.", "tier", "task")
        self._latency = Histogram(
            "tierwise_request_seconds",
            "Request to end of answer.",
            ("tier", "outcome"),
            buckets=_LATENCY_S,
            registry=registry,
        )
        self._first_token = Histogram(
            "tierwise_first_token_seconds",
            "Request to first token, streams only.",
            ("tier",),
            buckets=_LATENCY_S,
            registry=registry,
        )
        self._steps = Histogram(
            "tierwise_step_seconds", "One step of a request.", ("step",), buckets=_STEP_S, registry=registry
        )
        self._distance = Histogram(
            "tierwise_cache_distance",
            "Cosine distance of served semantic hits.",
            buckets=_DISTANCE,
            registry=registry,
        )

    def _provider_metrics(self, registry: CollectorRegistry) -> None:
        self._attempts = Counter(
            "tierwise_provider_attempts",
            "Model calls; result: ok or why it failed.",
            (*_CALLED, "result"),
            registry=registry,
        )
        self._headroom = Gauge(
            "tierwise_provider_rate_limit_remaining",
            "What the provider's last answer said is left of its rate limit.",
            (*_CALLED, "unit"),
            multiprocess_mode="mostrecent",
            registry=registry,
        )
        self._feedback = Counter(
            "tierwise_feedback", "Feedback on answers, by cache verdict.", ("cache", "verdict"), registry=registry
        )
        for kind in CACHE_KINDS:
            for verdict in ("good", "bad"):
                self._feedback.labels(kind, verdict)

    def _money_metrics(self, registry: CollectorRegistry) -> None:
        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"tierwise_{name}", text, labels, registry=registry)

        self._tokens = counter("tokens", "Tokens used.", "tenant", "tier", "direction")
        self._cost = counter("cost_usd", "Dollars charged.", *_WHO)
        self._cost_kinds = counter("cost_by_kind_usd", "Dollars charged, by kind.", "kind")
        self._saved = counter("saved_usd", "Dollars below the baseline tier.", "tenant", "tier")
        self._budget_left = Gauge(
            "tierwise_budget_left_usd",
            "Least dollar headroom seen with the tenant's last request.",
            ("tenant",),
            multiprocess_mode="mostrecent",
            registry=registry,
        )

    def _sink_metrics(self, registry: CollectorRegistry) -> None:
        self._dropped = Counter(
            "tierwise_trace_drops", "Traces lost, by reason.", ("sink", "reason"), registry=registry
        )
        for sink in SINKS:  # at zero from the start: Prometheus sees no increase in a counter that appears with one
            for reason in DROP_REASONS:
                self._dropped.labels(sink, reason)
        self._queue_bytes = Gauge(
            "tierwise_trace_queue_bytes",
            "Traces waiting to be sent.",
            ("sink",),
            multiprocess_mode="livesum",
            registry=registry,
        )

    def emit(self, trace: Trace) -> None:
        """Count one request: about 50 microseconds, no I/O (a mapped file in multi-process mode)."""
        limit = self._limit
        tenant, tier = limit("tenant", trace.caller.tenant), limit("tier", trace.tier)
        app, outcome = limit("app", trace.caller.app), limit("outcome", trace.outcome)
        self._requests.labels(tenant, app, tier, outcome).inc()
        self._cache.labels(tenant, limit("verdict", trace.cache.kind)).inc()
        if trace.cache.kind == "semantic" and trace.cache.distance is not None:
            self._distance.observe(trace.cache.distance)
        if trace.outcome in ("refused", "failed", "aborted"):
            self._errors.labels(tenant, limit("code", trace.error_code)).inc()
        self._count_route(trace, tier, outcome)
        self._count_money(trace, tenant, app, tier)
        self._observe_times(trace, tier, outcome)

    async def close(self) -> None:
        """Nothing is queued."""

    def count_feedback(self, cache: str, is_bad: bool) -> None:
        """What an application said of an answer: many bad words on semantic hits mean that the cache errs."""
        self._feedback.labels(self._limit("verdict", cache), "bad" if is_bad else "good").inc()

    def dropped(self, sink: str, reason: str, traces: int) -> None:
        """`SinkMonitor`: traces that another sink had to give up."""
        self._dropped.labels(sink, reason).inc(traces)

    def queued(self, sink: str, size_bytes: int) -> None:
        """`SinkMonitor`: bytes waiting in another sink."""
        self._queue_bytes.labels(sink).set(size_bytes)

    def _count_route(self, trace: Trace, tier: str, outcome: str) -> None:
        limit = self._limit
        task, provider = limit("task", trace.task), limit("provider", trace.provider)
        if trace.layer:
            self._routed.labels(task, limit("layer", trace.layer), tier).inc()
        if trace.model and trace.outcome != "cached":
            self._models.labels(provider, limit("model", trace.model), outcome).inc()
        if trace.fallbacks:
            self._fallbacks.labels(tier, provider).inc(trace.fallbacks)
        if trace.escalations:
            self._escalations.labels(tier, task).inc(trace.escalations)

    def _count_money(self, trace: Trace, tenant: str, app: str, tier: str) -> None:
        self._cost.labels(tenant, app, tier).inc(trace.cost_micros / MICROS_PER_USD)
        for kind, amount in trace.costs.items():
            self._cost_kinds.labels(self._limit("kind", kind)).inc(amount / MICROS_PER_USD)
        self._saved.labels(tenant, tier).inc(max(0, trace.saved_micros) / MICROS_PER_USD)
        self._tokens.labels(tenant, tier, "input").inc(trace.usage.input_tokens)
        self._tokens.labels(tenant, tier, "output").inc(trace.usage.output_tokens)
        if trace.budget_left_micros is not None:
            self._budget_left.labels(tenant).set(trace.budget_left_micros / MICROS_PER_USD)

    def _observe_times(self, trace: Trace, tier: str, outcome: str) -> None:
        self._latency.labels(tier, outcome).observe(_seconds(trace.started_ns, trace.ended_ns))
        if trace.first_token_ns is not None:
            self._first_token.labels(tier).observe(_seconds(trace.started_ns, trace.first_token_ns))
        for step in trace.steps:
            name = self._limit("step", step.name)
            self._steps.labels(name).observe(_seconds(step.started_ns, step.ended_ns))
            if step.name in CALLS:
                self._count_attempt(step)
            elif step.name == CACHE_CHECK:
                self._count_check(step, self._limit("tenant", trace.caller.tenant))

    def _count_check(self, step: Step, tenant: str) -> None:
        """Of a hit, whose answer was served, or of a near miss, whose answer was not."""
        of, result = (self._limit(name, str(step.attributes.get(name) or "")) for name in ("of", "result"))
        self._cache_checks.labels(tenant, of, result).inc()

    def _count_attempt(self, step: Step) -> None:
        limit, told = self._limit, step.attributes
        provider, model = (limit(name, str(told.get(name) or "")) for name in _CALLED)
        self._attempts.labels(provider, model, limit("result", str(told.get("error") or "ok"))).inc()
        for unit in ("requests", "tokens"):
            left = told.get(f"remaining_{unit}")
            if isinstance(left, int | float):
                self._headroom.labels(provider, model, unit).set(left)


def _seconds(started_ns: int, ended_ns: int) -> float:
    return max(0, ended_ns - started_ns) / 1e9

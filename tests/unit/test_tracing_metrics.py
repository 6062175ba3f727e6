"""Prometheus metrics, and one trace for several sinks."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from plugins.adapters.fan_out import FanOut
from plugins.adapters.metrics import LabelLimit, MetricsSink
from plugins.values import CacheVerdict, Caller, Trace
from tests.unit.traces import a_trace, mixed_traces


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


def test_a_request_is_counted_with_its_tenant_app_tier_and_outcome(registry: CollectorRegistry) -> None:
    """Requests, dollars, savings, tokens and the budget left come from the same trace."""
    MetricsSink(registry).emit(a_trace())
    who = {"tenant": "acme", "app": "helpdesk", "tier": "mid"}
    assert registry.get_sample_value("tierwise_requests_total", {**who, "outcome": "answered"}) == 1
    assert registry.get_sample_value("tierwise_cost_usd_total", who) == pytest.approx(0.00152)
    assert registry.get_sample_value("tierwise_cost_by_kind_usd_total", {"kind": "embedding"}) == 0.00002
    assert registry.get_sample_value("tierwise_saved_usd_total", {"tenant": "acme", "tier": "mid"}) == 0.00348
    assert registry.get_sample_value("tierwise_budget_left_usd", {"tenant": "acme"}) == 9.99848
    tokens = {"tenant": "acme", "tier": "mid", "direction": "input"}
    assert registry.get_sample_value("tierwise_tokens_total", tokens) == 120


def test_latency_first_token_and_steps_are_histograms(registry: CollectorRegistry) -> None:
    """Seconds from the trace's own times."""
    MetricsSink(registry).emit(a_trace())
    assert registry.get_sample_value(
        "tierwise_request_seconds_sum", {"tier": "mid", "outcome": "answered"}
    ) == pytest.approx(0.9)
    assert registry.get_sample_value("tierwise_first_token_seconds_sum", {"tier": "mid"}) == pytest.approx(0.3)
    assert registry.get_sample_value("tierwise_step_seconds_sum", {"step": "classify"}) == pytest.approx(0.003)


def test_cache_verdicts_errors_fallbacks_and_escalations_are_counted(registry: CollectorRegistry) -> None:
    """What alerts are written on."""
    sink = MetricsSink(registry)
    sink.emit(a_trace(outcome="cached", cache=CacheVerdict("semantic", "", 0.12)))
    sink.emit(a_trace(outcome="failed", error_code="upstream_error", fallbacks=2, escalations=1))
    seen = registry.get_sample_value
    assert seen("tierwise_cache_verdicts_total", {"tenant": "acme", "verdict": "semantic"}) == 1
    assert seen("tierwise_cache_distance_sum") == pytest.approx(0.12)
    assert seen("tierwise_errors_total", {"tenant": "acme", "code": "upstream_error"}) == 1
    assert seen("tierwise_fallbacks_total", {"tier": "mid", "provider": "openai"}) == 2
    assert seen("tierwise_escalations_total", {"tier": "mid", "task": "code"}) == 1


def test_label_values_are_bounded(registry: CollectorRegistry) -> None:
    """A thousand apps do not make a thousand series: after the limit they count as "other"."""
    sink = MetricsSink(registry, max_values=10)
    for number in range(1_000):
        sink.emit(a_trace(caller=Caller("acme", f"app-{number}", "k")))
    series = [s for m in registry.collect() for s in m.samples if s.name == "tierwise_requests_total"]
    assert len(series) == 11
    assert sum(s.value for s in series) == 1_000
    assert next(s.value for s in series if s.labels["app"] == "other") == 990


def test_an_empty_label_is_named() -> None:
    """A refused request has no tier; its series still has a readable name."""
    assert LabelLimit(5)("tier", "") == "none"


def test_another_sinks_drops_and_queue_are_metrics(registry: CollectorRegistry) -> None:
    """The metrics sink is the monitor of the others."""
    sink = MetricsSink(registry)
    sink.dropped("langfuse", "queue_full", 3)
    sink.queued("langfuse", 512)
    drops = {"sink": "langfuse", "reason": "queue_full"}
    assert registry.get_sample_value("tierwise_trace_drops_total", drops) == 3
    assert registry.get_sample_value("tierwise_trace_queue_bytes", {"sink": "langfuse"}) == 512


def test_any_mix_of_requests_can_be_exposed(registry: CollectorRegistry) -> None:
    """Also refused and failed ones, whose fields are partly empty."""
    sink = MetricsSink(registry)
    for trace in mixed_traces(200):
        sink.emit(trace)
    assert b"tierwise_requests_total" in generate_latest(registry)


def test_worker_processes_add_up_in_multiprocess_mode(tmp_path: Path) -> None:
    """With PROMETHEUS_MULTIPROC_DIR, one scrape sees the requests of all workers."""
    worker = (
        "from prometheus_client import CollectorRegistry\n"
        "from plugins.adapters.metrics import MetricsSink\n"
        "from tests.unit.traces import a_trace\n"
        "MetricsSink(CollectorRegistry()).emit(a_trace())\n"
    )
    scrape = (
        "from prometheus_client import CollectorRegistry, generate_latest\n"
        "from prometheus_client.multiprocess import MultiProcessCollector\n"
        "registry = CollectorRegistry(); MultiProcessCollector(registry)\n"
        "print(generate_latest(registry).decode())\n"
    )
    env = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    for code in (worker, worker):
        subprocess.run([sys.executable, "-c", code], env=env, check=True)
    text = subprocess.run([sys.executable, "-c", scrape], env=env, check=True, capture_output=True, text=True).stdout
    line = next(line for line in text.splitlines() if line.startswith("tierwise_requests_total{"))
    assert line.endswith(" 2.0")
    assert 'tierwise_budget_left_usd{tenant="acme"} 9.99848' in text


class Recorder:
    """A sink that keeps what it is given."""

    def __init__(self) -> None:
        self.traces: list[Trace] = []
        self.closed = False

    def emit(self, trace: Trace) -> None:
        self.traces.append(trace)

    async def close(self) -> None:
        self.closed = True


class Broken:
    """A sink that fails at everything."""

    def emit(self, trace: Trace) -> None:
        raise RuntimeError(trace.id)

    async def close(self) -> None:
        raise RuntimeError("close")


async def test_a_broken_sink_does_not_disturb_the_others() -> None:
    """Neither for a trace nor at the end."""
    first, last = Recorder(), Recorder()
    sinks = FanOut([first, Broken(), last])
    sinks.emit(a_trace())
    await sinks.close()
    assert len(first.traces) == len(last.traces) == 1
    assert first.closed
    assert last.closed

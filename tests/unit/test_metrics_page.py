"""The page that Prometheus reads: who may, what is on it, and how worker processes share it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from plugins.adapters.metrics import MetricsSink
from plugins.adapters.metrics_page import VARIABLE, empty_folder, metrics_page
from plugins.adapters.state_metrics import StateMetrics
from plugins.config import MetricsConfig
from plugins.config_file import load_config
from plugins.tenancy import Keyring
from plugins.values import Step
from tests.unit.traces import a_trace

SHIPPED = Path(__file__).parents[2] / "proxy_config.yaml"
TOKEN = "a-token-for-scraping"
WRITE = (
    "import sys, time\n"
    "from prometheus_client import CollectorRegistry\n"
    "from plugins.adapters.state_metrics import StateMetrics\n"
    "StateMetrics(CollectorRegistry()).observe(True, {'small': (int(sys.argv[1]), 2)}, 3)\n"
)
READ = "from plugins.adapters.metrics_page import metrics_page\nprint(metrics_page().decode())\n"


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


def keyring(token: str | None) -> Keyring:
    config = load_config(SHIPPED, {}).gateway
    return Keyring(config.model_copy(update={"metrics": MetricsConfig(token=token)}), "sk-master")


def test_the_token_and_the_master_key_may_scrape() -> None:
    """And nothing else; without a token only the master key."""
    assert [keyring(TOKEN).may_scrape(key) for key in (TOKEN, "sk-master", "", "a-token")] == [True, True, False, False]
    assert [keyring(None).may_scrape(key) for key in (TOKEN, "sk-master", "")] == [False, True, False]


def test_the_token_administers_nothing() -> None:
    """It is neither a tenant's key nor the master key."""
    assert keyring(TOKEN).find(TOKEN) is None
    assert not keyring(TOKEN).is_master(TOKEN)


def test_model_calls_are_counted_by_provider_and_result(registry: CollectorRegistry) -> None:
    """Failed attempts count although the request was answered; what is left of a rate limit is shown."""
    failed = {"provider": "openai", "model": "gpt-mid", "error": "provider_timeout"}
    answered: dict[str, str | int] = {
        "provider": "google",
        "model": "g-mid",
        "remaining_requests": 17,
        "remaining_tokens": 900,
    }
    MetricsSink(registry).emit(a_trace(steps=(Step("attempt", 1, 2, failed), Step("attempt", 2, 3, answered))))
    seen = registry.get_sample_value
    labels = {"provider": "openai", "model": "gpt-mid", "result": "provider_timeout"}
    assert seen("tierwise_provider_attempts_total", labels) == 1
    google = {"provider": "google", "model": "g-mid"}
    assert seen("tierwise_provider_attempts_total", {**google, "result": "ok"}) == 1
    assert seen("tierwise_provider_rate_limit_remaining", {**google, "unit": "requests"}) == 17
    assert seen("tierwise_provider_rate_limit_remaining", {**google, "unit": "tokens"}) == 900


def test_feedback_is_counted_by_how_the_answer_came_about(registry: CollectorRegistry) -> None:
    """Bad words on semantic hits are what a wrong cache looks like from outside."""
    sink = MetricsSink(registry)
    sink.count_feedback("semantic", True)
    sink.count_feedback("semantic", False)
    assert registry.get_sample_value("tierwise_feedback_total", {"cache": "semantic", "verdict": "bad"}) == 1


def test_the_state_is_shown_as_it_is_now(registry: CollectorRegistry) -> None:
    """A breaker that closes again, and deployments that came back."""
    state = StateMetrics(registry)
    state.observe(False, {"small": (1, 2)}, 4)
    assert registry.get_sample_value("tierwise_breaker_open") == 1
    assert registry.get_sample_value("tierwise_deployments_cooling", {"group": "small"}) == 1
    state.observe(True, {"small": (0, 2)}, 0)
    assert registry.get_sample_value("tierwise_breaker_open") == 0
    assert registry.get_sample_value("tierwise_deployments_cooling", {"group": "small"}) == 0
    assert registry.get_sample_value("tierwise_deployments", {"group": "small"}) == 2
    assert b"tierwise_requests_in_flight 0.0" in metrics_page(registry)


def test_ended_workers_leave_no_gauge_behind(tmp_path: Path) -> None:
    """Whichever worker is asked answers for all that live; a new server starts with an empty folder."""
    folder = tmp_path / "metrics"
    (tmp_path / "metrics").mkdir()
    (folder / "gauge_livemax_1.db").write_bytes(b"old")
    env = {**os.environ, VARIABLE: empty_folder(folder)}
    assert list(folder.iterdir()) == []
    for cooling in ("1", "2"):
        subprocess.run([sys.executable, "-c", WRITE, cooling], env=env, check=True)
    assert any("live" in path.name for path in folder.iterdir())
    text = subprocess.run([sys.executable, "-c", READ], env=env, check=True, capture_output=True, text=True).stdout
    assert "tierwise_deployments_cooling{" not in text
    assert not any("live" in path.name for path in folder.iterdir())

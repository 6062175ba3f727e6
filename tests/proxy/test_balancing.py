"""LiteLLM's strategies of balancing as docs/reliability.md names them, over two simulated providers, a and b, that have
the same models; and an open circuit on the page of metrics. One worker each, because each process counts by itself."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from bench.outage import two_providers
from plugins.fast_lane import obstacle
from plugins.trial.simulator_process import SimulatorProcess
from tests.gateway import Running, gateway
from tests.prompts import new_word
from tests.waiting import eventually

STRATEGIES: Mapping[str, dict[str, Any]] = {
    "usage-based-routing-v2": {},
    "latency-based-routing": {"routing_strategy_args": {"ttl": 60, "lowest_latency_buffer": 0.2}},
    "least-busy": {},
}
LIMITED = "usage-based-routing-v2"
RPM = {"small": (6, None)}  # by group, of a and of b; no limit where there is none
SLOW_S = 20  # of the first call, far beyond what a busy machine makes of the others
PATIENT_S = 600  # of gateway and client: a call that a test holds back ends when the test lets it go


@dataclass(frozen=True, slots=True)
class Balanced:
    running: Running
    strategy: str
    a: str
    b: str

    def ask(self, model: str = "small") -> httpx.Response:
        question = {"role": "user", "content": f"What is the capital of Norway? ({new_word()})"}
        login = {"Authorization": f"Bearer {self.running.keys['globex']}"}
        url = f"{self.running.started.base_url}/chat/completions"
        body = {"model": model, "messages": [question], "max_tokens": 200}
        return httpx.post(url, json=body, headers=login, timeout=PATIENT_S)

    def calls(self, model: str) -> tuple[int, int]:
        """By the books of a and of b."""
        books = [httpx.get(f"{origin}/control/calls").json()["by_model"] for origin in (self.a, self.b)]
        return books[0].get(model, {}).get("calls", 0), books[1].get(model, {}).get("calls", 0)

    @contextmanager
    def fault(self, fault: str, **more: Any) -> Iterator[None]:
        """Of all models of a."""
        httpx.put(f"{self.a}/control/faults", json={"model": "*", "fault": fault, **more}).raise_for_status()
        try:
            yield
        finally:
            httpx.delete(f"{self.a}/control/faults").raise_for_status()

    def metric(self, line: str) -> bool:
        headers = {"Authorization": f"Bearer {self.running.started.master_key}"}
        url = f"{self.running.started.base_url.removesuffix('/v1')}/metrics"
        return line in httpx.get(url, headers=headers, timeout=60).text.splitlines()


def balanced_by(strategy: str, url_b: str, seen: dict[str, Any]) -> Any:
    def adapt(config: dict[str, Any]) -> None:
        two_providers(url_b)(config)
        config["router_settings"] |= {"routing_strategy": strategy, **STRATEGIES[strategy], "timeout": PATIENT_S}
        config["router_settings"] |= {"stream_timeout": PATIENT_S, "cooldown_time": 30}
        config["router_settings"]["allowed_fails"] = 0 if strategy == "least-busy" else 3
        for entry in config["model_list"]:
            place = int(entry["litellm_params"].get("api_base") == url_b)
            limit = RPM.get(entry["model_name"], (None, None))[place] if strategy == LIMITED else None
            entry["litellm_params"] = {**entry["litellm_params"], **({"rpm": limit} if limit else {})}
        seen.update(config)

    return adapt


@pytest.fixture(scope="module", params=STRATEGIES)
def balanced(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Balanced]:
    folder: Path = tmp_path_factory.mktemp("balancing")
    changes = {"cache": {"enabled": False}, "budgets": {"timeout_ms": 10_000}, "escalation": {"enabled": False}}
    seen: dict[str, Any] = {}
    with (
        SimulatorProcess(speed=0) as twin,
        gateway(folder, changes, balanced_by(request.param, twin.url, seen), workers=1) as running,
    ):
        assert obstacle(seen, {}) == "", "the fast lane is open with any strategy"
        yield Balanced(running, request.param, running.origin, twin.origin)


def only_with(balanced: Balanced, *strategies: str) -> None:
    if balanced.strategy not in strategies:
        pytest.skip("of another strategy")


def minutes(begun: float) -> int:
    """How many minutes of the clock have been touched since then, as limits are counted by those."""
    return int(time.time() // 60) - int(begun // 60) + 1


def test_a_deployment_at_its_limit_is_left_to_the_other(balanced: Balanced) -> None:
    """One after the other and at once: all are answered by the tier, and a has no more than its calls a minute."""
    only_with(balanced, LIMITED)
    begun, before = time.time(), balanced.calls("sim-small")
    replies = [balanced.ask() for _ in range(16)]
    with ThreadPoolExecutor(8) as clients:
        replies += clients.map(lambda _: balanced.ask(), range(16))
    a, b = (now - was for now, was in zip(balanced.calls("sim-small"), before, strict=True))
    assert {(r.status_code, r.headers.get("x-tierwise-tier")) for r in replies} == {(200, "small")}
    assert a + b == len(replies)
    assert 1 <= a <= 6 * minutes(begun)


def test_a_slow_deployment_gets_less(balanced: Balanced) -> None:
    """Once both have been asked, most requests go to the one that answered sooner; none is lost."""
    only_with(balanced, "latency-based-routing")
    cold = balanced.ask("mid")  # a process's first call takes long wherever it goes
    with balanced.fault("slow", seconds=SLOW_S, first_n=1):
        warm_up = [balanced.ask() for _ in range(6)]
        before = balanced.calls("sim-small")
        replies = [balanced.ask() for _ in range(16)]
        a, b = (now - was for now, was in zip(balanced.calls("sim-small"), before, strict=True))
    assert {r.status_code for r in (cold, *warm_up, *replies)} == {200}
    assert a + b == len(replies) and a <= len(replies) // 4


def test_a_busy_deployment_is_spared(balanced: Balanced) -> None:
    """While a call is in flight at a, others go to b; it is held there until they have been answered."""
    only_with(balanced, "least-busy")
    with ThreadPoolExecutor(1) as clients:
        with balanced.fault("hold"):
            first = clients.submit(balanced.ask)
            eventually(lambda: first.done() or balanced.calls("sim-small") == (1, 0))
            replies = [balanced.ask() for _ in range(4)]
            assert not first.done(), "a was busy all the time"
        assert {r.status_code for r in (*replies, first.result())} == {200}
    assert balanced.calls("sim-small") == (1, 4)


def test_an_open_circuit_is_on_the_page_of_metrics(balanced: Balanced) -> None:
    """A deployment that failed is counted as cooling down, beside how many its group has; its requests were answered
    by the other."""
    only_with(balanced, "least-busy")
    with balanced.fault("error500"):
        replies = [balanced.ask() for _ in range(4)]
    assert {(r.status_code, r.headers["x-tierwise-tier"]) for r in replies} == {(200, "small")}
    eventually(lambda: balanced.metric('tierwise_deployments_cooling{group="small"} 1.0'))
    assert balanced.metric('tierwise_deployments{group="small"} 2.0')

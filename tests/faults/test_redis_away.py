"""A real gateway whose Redis is taken away and brought back on the same port, as an operator would."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from redis import Redis

from plugins.trial.embedded_redis import EmbeddedRedis
from tests.gateway import Running, gateway
from tests.prompts import new_word
from tests.waiting import eventually

EASY = "What is the capital of {}?"
HARD = "Prove that every bounded monotone sequence of real numbers converges, and say where completeness is used. ({})"
POLICIES = {"acme": "allow", "globex": "deny", "redacting": "small_only"}


@dataclass(frozen=True, slots=True)
class Shaky:
    """A gateway, and the Redis that it depends on."""

    gateway: Running
    redis: EmbeddedRedis

    def ask(self, tenant: str, prompt: str = EASY) -> httpx.Response:
        return self.gateway.ask(prompt.format(new_word()), tenant=tenant)

    def recovered(self) -> bool:
        return self.ask("globex").status_code == 200

    @contextmanager
    def away(self) -> Iterator[None]:
        """Without Redis; at the end it is back and the gateway has noticed by itself."""
        self.redis.stop()
        try:
            yield
        finally:
            self.redis.start()
            eventually(self.recovered)

    def journal(self) -> list[dict[str, Any]]:
        folder = self.gateway.state_dir / "journal"
        lines = [line for path in folder.glob("*.jsonl") for line in path.read_text(encoding="utf-8").splitlines()]
        return [json.loads(line) for line in lines]

    def charges(self, tenant: str, trace_id: str) -> list[dict[str, str]]:
        with Redis.from_url(self.redis.url, decode_responses=True) as client:
            entries = client.xrange(f"tw:{{{tenant}}}:ledger")
        return [fields for _, fields in entries if fields["call"] == trace_id]


@pytest.fixture(scope="module")
def shaky(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shaky]:
    folder: Path = tmp_path_factory.mktemp("shaky")
    with EmbeddedRedis(data_dir=folder / "redis") as server:

        def adapt(config: dict[str, Any]) -> None:
            config["gateway"]["redis_url"] = server.url
            for name, policy in POLICIES.items():
                config["gateway"]["tenants"][name]["when_ledger_away"] = policy

        with gateway(folder, {"budgets": {"timeout_ms": 500}}, adapt) as running:
            yield Shaky(running, server)


def test_by_default_calls_are_refused_and_come_back_by_themselves(shaky: Shaky) -> None:
    """503 with Retry-After, no model call; once Redis is back the next call is answered, without a restart."""
    assert shaky.ask("globex").status_code == 200
    before = shaky.gateway.model_calls()
    with shaky.away():
        refused = shaky.ask("globex")
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "gateway_unavailable")
        assert int(refused.headers["retry-after"]) > 0
        assert shaky.gateway.model_calls() == before


@pytest.mark.parametrize("stream", [False, True])
def test_a_tenant_that_is_let_through_is_charged_exactly_once(shaky: Shaky, stream: bool) -> None:
    """What is spent meanwhile is on disk before it is in the ledger, and there once, with the provider's price."""
    with shaky.away():
        answered = shaky.gateway.ask(EASY.format(new_word()), tenant="acme", stream=stream)
        assert answered.status_code == 200
        trace_id = answered.headers["x-tierwise-trace-id"]
        trace = shaky.gateway.trace(trace_id)
        assert trace["cost_exact"] and trace["cost_micros"] > 0
        kept = [row for row in shaky.journal() if row["call_id"] == trace_id]
        assert [row["micros"] for row in kept] == [trace["cost_micros"]]
    eventually(lambda: bool(shaky.charges("acme", trace_id)))
    eventually(lambda: not shaky.journal())
    (charge,) = shaky.charges("acme", trace_id)
    assert (charge["op"], int(charge["micros"])) == ("unheld_exact", trace["cost_micros"])


def test_small_only_lets_the_cheapest_tier_through(shaky: Shaky) -> None:
    """Easy questions are answered within the local allowance; hard ones wait for Redis."""
    with shaky.away():
        assert shaky.ask("redacting").headers["x-tierwise-tier"] == "small"
        assert shaky.ask("redacting", HARD).status_code == 503


def test_a_call_in_flight_while_redis_leaves_is_settled_later(shaky: Shaky) -> None:
    """Held before, answered meanwhile: its settlement is journalled and turns the hold into a charge, once."""
    with shaky.gateway.fault("sim-small", "slow", seconds=2), ThreadPoolExecutor(1) as pool:
        before = shaky.gateway.model_calls()
        asked = pool.submit(shaky.gateway.ask, EASY.format(new_word()), "small", "globex")
        eventually(lambda: shaky.gateway.model_calls() > before)
        with shaky.away():
            answered = asked.result()
            assert answered.status_code == 200
    trace_id = answered.headers["x-tierwise-trace-id"]
    eventually(lambda: bool(shaky.charges("globex", trace_id)))
    assert [charge["op"] for charge in shaky.charges("globex", trace_id)] == ["settled_exact"]


def test_readiness_follows_redis_where_nobody_asks_anything(shaky: Shaky) -> None:
    """With `?redis=required` a replica out of the service gets no requests: the probe itself must find Redis again."""
    probe = shaky.gateway.started.base_url.removesuffix("/v1") + "/readyz"

    def says(query: str, status: int, text: str) -> bool:
        reply = httpx.get(probe + query, timeout=30)
        return (reply.status_code, reply.json()["status"]) == (status, text)

    eventually(lambda: says("?redis=required", 200, "ready"))
    shaky.redis.stop()
    try:
        eventually(lambda: says("?redis=required", 503, "redis_away"))
        assert says("", 200, "redis_away")
    finally:
        shaky.redis.start()
    eventually(lambda: says("?redis=required", 200, "ready"))
    eventually(shaky.recovered)

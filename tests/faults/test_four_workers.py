"""Four workers behind one port, and a Redis Cluster of three nodes: the path of a request in short."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bench.fault_stand import workers_of
from plugins.adapters.redis_ledger import RedisLedger
from plugins.config import BudgetConfig
from tests.clusters import running_cluster
from tests.gateway import Running, gateway
from tests.prompts import new_word
from tests.waiting import eventually, eventually_async

CALLS = 12  # so that more than one worker answers


def ask(running: Running, prompt: str, tenant: str = "globex", stream: bool = False) -> tuple[int, str, str]:
    """(status, what the cache says, trace id) of a whole answer."""
    reply = running.ask(prompt, tenant=tenant, stream=stream)
    whole = "data: [DONE]" in reply.text if stream else bool(reply.json().get("choices"))
    assert whole == (reply.status_code == 200), reply.text
    return reply.status_code, reply.headers.get("x-tierwise-cache", ""), reply.headers["x-tierwise-trace-id"]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("four")
    with running_cluster(folder / "cluster") as nodes:
        changes = {"redis_url": nodes[0].url, "budgets": {"timeout_ms": 10_000}}
        with gateway(folder, changes, workers=4) as started:
            eventually(lambda: len(workers_of(started.started.process.pid)) == 4)
            yield started


@pytest.mark.parametrize("stream", [False, True])
async def test_whoever_answers_settles_in_one_book(running: Running, stream: bool) -> None:
    """Plain and streamed: each call is charged what its trace says, once; nothing stays held; the books agree."""
    said = [ask(running, f"What is the capital of {new_word()}?", stream=stream) for _ in range(CALLS)]
    assert [status for status, _, _ in said] == [200] * CALLS
    traces = [running.trace(trace_id) for _, _, trace_id in said]
    assert all(trace["cost_exact"] and trace["cost_micros"] > 0 for trace in traces)
    address = running.started.redis_url, BudgetConfig(timeout_ms=10_000), running.state_dir, lambda _: None
    ledger = RedisLedger(*address)

    async def nothing_held() -> bool:
        return (await ledger.reconcile("globex")).open_holds == 0

    try:
        await eventually_async(nothing_held)
        assert (await ledger.audit("globex")).equal
    finally:
        await ledger.close()


def test_what_one_worker_stored_every_worker_serves(running: Running) -> None:
    """An exact repetition is a hit whoever gets it, plain or streamed."""
    prompt = f"What is the capital of Norway? ({new_word()})"
    ask(running, prompt)
    eventually(lambda: ask(running, prompt)[1] == "exact")
    before = running.model_calls()
    assert {ask(running, prompt, stream=n % 2 == 1)[1] for n in range(CALLS)} == {"exact"}
    assert running.model_calls() == before


def test_a_cap_holds_at_every_worker(running: Running) -> None:
    """A tenant at its cap is refused whoever is asked, before any model is."""
    before = running.model_calls()
    assert {ask(running, f"hello {new_word()}", "capped")[0] for _ in range(CALLS)} == {429}
    assert running.model_calls() == before

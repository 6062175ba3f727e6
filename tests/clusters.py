"""Redis in more than one process: a cluster of primaries, or a pair that a Sentinel watches."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

from redis import Redis
from redis.exceptions import RedisError

from plugins.trial.embedded_redis import binaries
from plugins.trial.lifeline import start_child, stop_child
from tests.waiting import eventually

SLOTS = 16384
SERVICE = "budgets"


@dataclass(frozen=True, slots=True)
class Node:
    """One server; `life` ends with it."""

    port: int
    bus_port: int
    life: ExitStack

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def ask(self, *words: str | int) -> Any:
        with Redis(host="127.0.0.1", port=self.port, decode_responses=True) as client:
            return client.execute_command(*words)

    def answers(self) -> bool:
        try:
            return bool(self.ask("PING"))
        except RedisError:
            return False

    def knows(self, nodes: int) -> bool:
        info = self.ask("CLUSTER INFO")
        return bool(info["cluster_state"] == "ok" and int(info["cluster_known_nodes"]) == nodes)

    def is_primary(self) -> bool:
        return bool(self.ask("INFO", "replication")["role"] == "master")

    def kill(self) -> None:
        """As kill -9 does: it saves nothing, and tells nobody."""
        os.kill(self.ask("INFO", "server")["process_id"], signal.SIGKILL)


def free_port() -> int:
    """A port that is free now; the server binds it a moment later."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return cast(int, probe.getsockname()[1])


@contextmanager
def running_node(folder: Path, config: Sequence[str], *more: str) -> Iterator[Node]:
    """A plain Redis on a free port, from a config file that it may rewrite; `more` are words of its command line."""
    folder.mkdir(parents=True)
    server, _ = binaries(folder)
    with ExitStack() as life:
        node = Node(free_port(), free_port(), life)
        lines = [f"port {node.port}", "bind 127.0.0.1", f"dir {folder}", *config]
        if "cluster-enabled yes" in config:
            lines.append(f"cluster-port {node.bus_port}")
        (folder / "redis.conf").write_text("\n".join(lines) + "\n", encoding="utf-8")
        process = start_child([str(server), str(folder / "redis.conf"), *more], folder / "redis.log")
        life.callback(stop_child, process)
        eventually(node.answers)
        yield node


@contextmanager
def running_cluster(folder: Path, count: int = 3, *more: str) -> Iterator[list[Node]]:
    """So many primaries with vector search that share the slots; `more` are lines of their config."""
    folder.mkdir(parents=True)
    config = _clustered(folder, *more)
    with ExitStack() as stack:
        nodes = [stack.enter_context(running_node(folder / f"node{n}", config)) for n in range(count)]
        bounds = [SLOTS * n // count for n in range(count + 1)]
        for number, node in enumerate(nodes):
            node.ask("CLUSTER ADDSLOTSRANGE", bounds[number], bounds[number + 1] - 1)
            node.ask("CLUSTER SET-CONFIG-EPOCH", number + 1)  # equal ones would have to be told apart first
        for node in nodes[1:]:
            nodes[0].ask("CLUSTER MEET", "127.0.0.1", node.port, node.bus_port)
        for node in nodes:
            eventually(partial(node.knows, count))
        yield nodes


@contextmanager
def running_replica(folder: Path, nodes: Sequence[Node], primary: Node, *more: str) -> Iterator[Node]:
    """A further node of a cluster, in step with one of its primaries; `more` are lines of its config."""
    folder.mkdir(parents=True)
    config = _clustered(folder, "cluster-replica-validity-factor 0", "repl-diskless-sync-delay 0", *more)
    with running_node(folder / "node", config) as replica:
        replica.ask("CLUSTER MEET", "127.0.0.1", primary.port, primary.bus_port)
        for node in (*nodes, replica):
            eventually(partial(node.knows, len(nodes) + 1))
        replica.ask("CLUSTER REPLICATE", primary.ask("CLUSTER MYID"))
        eventually(lambda: replica.ask("INFO", "replication").get("master_link_status") == "up")
        for node in nodes:
            eventually(partial(node.ask, "CLUSTER REPLICAS", primary.ask("CLUSTER MYID")))
        yield replica


def _clustered(folder: Path, *more: str) -> tuple[str, ...]:
    _, search = binaries(folder)
    return ('save ""', "cluster-enabled yes", f"loadmodule {search}", *more)


@dataclass(frozen=True, slots=True)
class Watched:
    """A primary, its replica and the Sentinel that promotes it."""

    primary: Node
    replica: Node
    sentinel: Node

    @property
    def url(self) -> str:
        """By way of the Sentinel; one that does not answer stands before it and is passed over."""
        return f"redis+sentinel://127.0.0.1:{free_port()},127.0.0.1:{self.sentinel.port}/{SERVICE}"


@contextmanager
def watched_pair(folder: Path, down_after_ms: int = 500) -> Iterator[Watched]:
    """A primary and a replica in step; a Sentinel takes the primary for dead after so many milliseconds."""
    with ExitStack() as stack:
        primary = stack.enter_context(running_node(folder / "primary", ('save ""',)))
        follows = ('save ""', f"replicaof 127.0.0.1 {primary.port}", "repl-diskless-sync-delay 0")
        replica = stack.enter_context(running_node(folder / "replica", follows))
        watch = (
            f"sentinel monitor {SERVICE} 127.0.0.1 {primary.port} 1",
            f"sentinel down-after-milliseconds {SERVICE} {down_after_ms}",
            f"sentinel failover-timeout {SERVICE} 3000",
        )
        sentinel = stack.enter_context(running_node(folder / "sentinel", watch, "--sentinel"))
        eventually(lambda: replica.ask("INFO", "replication")["master_link_status"] == "up")
        eventually(lambda: sentinel.ask("SENTINEL", "REPLICAS", SERVICE))
        yield Watched(primary, replica, sentinel)

"""How long a gateway feels that the primary of its Redis Cluster died, until the replica that takes over is in use.

    python -m bench.failover [--node-timeout-ms 1000] [--runs 3] [--json]

Three primaries and a replica of the one with the budgets of three tenants and their cached answers; that one is ended
by kill -9 while each tenant asks one question after another. Seconds from the kill on, for each run:

- `promoted_s`: the replica is primary (the cluster's own doing, by its node timeout).
- `budgets_back_s`: the last refusal of the tenant that is refused without a ledger; 0 if there was none.
- `cache_back_s`: a stored answer is found again.
- `refused`: requests by tenant that got no answer; `other`: those that got anything but an answer or a 503.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from tests.clusters import Node, running_cluster, running_replica
from tests.gateway import Running, gateway
from tests.prompts import new_word
from tests.waiting import eventually

Json = dict[str, Any]
# Their budgets lie on the third primary.
POLICIES = {"acme": "allow", "globex": "deny", "traced": "small_only"}
STORED = "What is the capital of Austria?"
AFTER_S = 5.0


class Load:
    """(when, tenant, status) of every request, by the monotonic clock."""

    def __init__(self, running: Running) -> None:
        self.running, self.enough = running, threading.Event()
        self.came: list[tuple[float, str, int]] = []

    def ask(self, tenant: str) -> None:
        while not self.enough.is_set():
            status = self.running.ask(f"What is the capital of {new_word()}?", tenant=tenant).status_code
            self.came.append((time.monotonic(), tenant, status))


def stored_on(running: Running, node: Node) -> int:
    """The number of output tokens that binds the stored question's answer to a shelf of this node."""
    for tokens in range(100, 200):
        before = len(node.ask("KEYS", "tw:c:*:e:*"))
        running.ask(STORED, model="small", max_tokens=tokens)
        eventually(partial(is_stored, running, tokens))
        if len(node.ask("KEYS", "tw:c:*:e:*")) > before:
            return tokens
    raise SystemExit("no answer came to lie on the node that is to die")


def is_stored(running: Running, tokens: int) -> bool:
    reply = running.ask(STORED, model="small", max_tokens=tokens)
    return bool(reply.headers.get("x-tierwise-cache") == "exact")


def measure(node_timeout_ms: int) -> Json:
    """One run."""
    quick = f"cluster-node-timeout {node_timeout_ms}"
    with tempfile.TemporaryDirectory(prefix="tierwise-failover-") as name:
        folder = Path(name)
        with (
            running_cluster(folder / "cluster", 3, quick) as nodes,
            running_replica(folder / "replica", nodes, nodes[-1], quick) as replica,
        ):

            def adapt(config: Json) -> None:
                config["gateway"]["redis_url"] = nodes[-1].url
                for tenant, policy in POLICIES.items():
                    config["gateway"]["tenants"][tenant]["when_ledger_away"] = policy

            with gateway(folder, {"budgets": {"timeout_ms": 500}}, adapt) as running:
                tokens = stored_on(running, nodes[-1])
                load = Load(running)
                with ThreadPoolExecutor(len(POLICIES)) as pool:
                    clients = [pool.submit(load.ask, tenant) for tenant in POLICIES]
                    time.sleep(1)
                    killed = time.monotonic()
                    nodes[-1].kill()
                    eventually(replica.is_primary)
                    promoted = time.monotonic()
                    eventually(partial(is_stored, running, tokens))
                    cached = time.monotonic()
                    time.sleep(AFTER_S)
                    load.enough.set()
                    for client in clients:
                        client.result()
    refused = [(when, tenant) for when, tenant, status in load.came if status == 503]
    late = max((when for when, tenant in refused if POLICIES[tenant] == "deny"), default=killed)
    return {
        "promoted_s": round(promoted - killed, 2),
        "budgets_back_s": round(late - killed, 2),
        "cache_back_s": round(cached - killed, 2),
        "requests": len(load.came),
        "refused": dict(Counter(tenant for _, tenant in refused)),
        "other": sum(status not in (200, 503) for _, _, status in load.came),
    }


def main() -> int:
    """Print one object a run."""
    parser = argparse.ArgumentParser(prog="python -m bench.failover", description=__doc__)
    parser.add_argument("--node-timeout-ms", type=int, default=1000, help="of the cluster (Redis' default is 15000)")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="print one JSON list")
    options = parser.parse_args()
    runs = []
    for number in range(options.runs):
        print(f"run {number + 1} of {options.runs}", file=sys.stderr)
        runs.append(measure(options.node_timeout_ms))
    print(json.dumps(runs) if options.json else "\n".join(map(str, runs)))
    return int(any(run["other"] or run["refused"].get("acme") for run in runs))


if __name__ == "__main__":
    raise SystemExit(main())

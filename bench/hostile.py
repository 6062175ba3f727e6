"""Hostile input: thousands of wrong requests against a real gateway, and what it made of them.

    python -m bench.hostile --json [--cases 20000]

Counts what must not be: a status of 500 and more although every provider works, an error without OpenAI's shape, an
answer that shows anybody's internals, a connection that breaks, and holds left behind. Each finding keeps its request.
Cases are drawn by hypothesis before the gateway starts, and sent over as many connections at once as `--clients`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import re
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
from hypothesis import HealthCheck, Phase, given, seed, settings

from bench.hostile_cases import Case, cases
from plugins.adapters.redis_ledger import RedisLedger
from plugins.config import BudgetConfig
from tests.gateway import Running, gateway

TENANT: Final = "acme"
INTERNALS: Final = re.compile(
    r"Traceback|litellm|\.py\b|Exception|object at 0x|<class|NoneType|KeyError|sim-\w+.*api_key"
)
# What a provider's own 400 is called.
CLIENTS_FAULT: Final = ("invalid_request", "unsupported_parameter", "context_length_exceeded")
ERROR_FIELDS: Final = {"message", "type", "param", "code"}
MOST_EXAMPLES: Final = 25
TIMEOUT_S: Final = 60.0
PROCESSES: Final = 2  # that draw, and the gateway's workers


@dataclass(slots=True)
class Found:
    """What came back, by status, and what must not have."""

    statuses: Counter[str] = field(default_factory=Counter)
    wrongs: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)

    def add(self, case: Case, status: int, wrong: str, told: str) -> None:
        self.statuses[str(status)] += 1
        if wrong:
            self.wrongs[wrong] += 1
            asked = f"{case.method} {case.path} {case.headers} {case.body[:400]!r}"
            self.examples.setdefault(f"{wrong}: {status} {told[:200]!r}", asked)

    def join(self, other: Found) -> None:
        self.statuses += other.statuses
        self.wrongs += other.wrongs
        self.examples = {**self.examples, **other.examples}


def drawn(count: int, number: int) -> list[Case]:
    """`count` cases with `number` as seed. Drawing one costs some 5 ms, so it is done before the gateway runs."""
    made: list[Case] = []

    @seed(number)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(cases())
    def keep(case: Case) -> None:
        made.append(case)

    keep()
    return made[:count]


async def attack(base_url: str, key: str, made: list[Case], clients: int) -> Found:
    """Send them all, over so many connections at once."""
    found, waiting = Found(), iter(made)

    async def one_after_another(client: httpx.AsyncClient) -> None:
        for case in waiting:
            given_key = key if case.key is None else case.key
            headers = [(b"content-type", b"application/json"), (b"authorization", f"Bearer {given_key}".encode())]
            try:
                url = base_url + case.path
                reply = await client.request(case.method, url, content=case.body, headers=[*headers, *case.headers])
                found.add(case, reply.status_code, wrong_with(case, reply), reply.text)
            except httpx.HTTPError as error:
                found.add(case, 0, type(error).__name__, str(error))

    async with httpx.AsyncClient(timeout=TIMEOUT_S, limits=httpx.Limits(max_connections=clients)) as client:
        await asyncio.gather(*(one_after_another(client) for _ in range(clients)))
    return found


def wrong_with(case: Case, reply: httpx.Response) -> str:
    """What must not be in a reply; empty if it is as it should be."""
    if reply.status_code >= 500:
        return "server_error"
    if INTERNALS.search(reply.text) and not INTERNALS.search(case.body.decode("utf-8", "replace") + repr(case.headers)):
        return "internals_shown"
    if reply.status_code < 400 or case.method == "HEAD":
        return ""
    try:
        error = reply.json()["error"]
        fine = set(error) == ERROR_FIELDS and len(error["message"]) > 15
    except (ValueError, KeyError, TypeError):
        fine = False
    return "" if fine else "unshaped_error"


def failed_attempts(running: Running) -> Counter[str]:
    """Model calls that failed although every provider works, by error and endpoint, other than by a provider's 400:
    each would count against the deployment, and so against other tenants."""
    steps = ((t["endpoint"], s["attributes"]) for t in running.traces() for s in t["steps"] if s["name"] == "attempt")
    errors = Counter(f"{attributes['error']} {endpoint}" for endpoint, attributes in steps if "error" in attributes)
    return Counter({name: count for name, count in errors.items() if name.partition(" ")[0] not in CLIENTS_FAULT})


async def holds_left(running: Running) -> int:
    """Reservations still open once every request has ended."""
    ledger = RedisLedger(running.started.redis_url, BudgetConfig(timeout_ms=10_000), running.state_dir, lambda _: None)
    try:
        for _ in range(30):
            open_holds = (await ledger.reconcile(TENANT)).open_holds
            if not open_holds:
                return 0
            await asyncio.sleep(1)
        return open_holds
    finally:
        await ledger.close()


def hostile(count: int, clients: int, first_seed: int) -> dict[str, Any]:
    """The drill with a gateway of its own."""
    context, began = multiprocessing.get_context("spawn"), time.monotonic()
    with ProcessPoolExecutor(PROCESSES, mp_context=context) as pool:
        parts = [pool.submit(drawn, -(-count // PROCESSES), first_seed + n) for n in range(PROCESSES)]
        made = [case for part in parts for case in part.result()]
    drawn_s, began = time.monotonic() - began, time.monotonic()
    with tempfile.TemporaryDirectory() as folder, gateway(Path(folder), workers=PROCESSES) as running:
        found = asyncio.run(attack(running.started.base_url, running.keys[TENANT], made, clients))
        good = running.ask("What is the capital of Norway?").status_code
        left = asyncio.run(holds_left(running))
        failed = failed_attempts(running)
    wrongs = {name: found.wrongs.pop(name, 0) for name in ("server_error", "unshaped_error", "internals_shown")}
    return {
        "cases": found.statuses.total(),
        **wrongs,
        "connections_broken": found.wrongs.total(),
        "holds_left": left,
        "failed_attempts": failed,
        "answers_afterwards": good == 200,
        "by_status": dict(sorted(found.statuses.items())),
        "seconds": {"drawing": round(drawn_s, 1), "gateway": round(time.monotonic() - began, 1)},
        "examples": dict(list(found.examples.items())[:MOST_EXAMPLES]),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=20_000)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")
    chosen = parser.parse_args()
    result = hostile(chosen.cases, chosen.clients, chosen.seed)
    if chosen.json:
        print(json.dumps(result, indent=1))
    else:
        for name, value in result.items():
            print(f"{name:20} {value}")
    clean = not any(result[n] for n in ("server_error", "unshaped_error", "internals_shown", "holds_left"))
    return 0 if clean and not result["connections_broken"] else 1


if __name__ == "__main__":
    sys.exit(main())

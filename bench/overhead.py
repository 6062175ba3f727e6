"""What the gateway adds to a request, against vanilla LiteLLM, a provider that answers at once, and others.

    python -m bench.overhead --json [--quick] [--arms NAME,NAME] [--rounds N] [--page FILE]

Every arm is one kind of work at one server (`bench.overhead_work`). In each round all arms are visited once, in random
order: first an open loop at a constant rate (`rate_per_s`), each request timed from when it was meant to leave, then as
many requests as 16 clients can keep under way. Figures of one arm against another's are paired by round: mean and an
interval of 95 % (bootstrap over rounds). Per arm, beside latencies:

- `one_client_p50_ms`: of one client that asks again as soon as it is answered, so that no processor falls asleep.
- `rps_ceiling`: answers a second with 16 clients; `cpu_ms`: processor time of the server for each of them.
- `rss_mb`: resident memory of the server at the end; `redis_round_trips`: reads by Redis from its sockets for each
  request, without those of the idle servers.
- `added_p50_ms`, `added_first_byte_ms`, `throughput_ratio`: [mean, low, high] against vanilla.
- `caches`: what the answers said of the cache, so that an arm which is meant to hit can be seen to hit.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import redis
import uvloop

from bench import overhead_peers as peers
from bench import overhead_servers as servers
from bench.overhead_load import Answer, Client, Target, at_most, at_rate
from bench.overhead_page import write_page
from bench.overhead_servers import Server, Surroundings
from bench.overhead_stats import Round, summary
from bench.overhead_work import ARMS, COUNTRIES, QUESTION, Arm, Body, chat
from plugins.trial.embedded_redis import EmbeddedRedis
from plugins.trial.lifeline import start_child, stop_child
from tests.clusters import free_port

Json = dict[str, Any]
RATE = 30.0  # requests a second of the open loop, but on a slow machine
SHARE = 0.25  # this share of what vanilla takes: streams and embeddings take three times as long, and must not queue
CLIENTS = 16
WARM_UP, WARM_RATE = 30, 10.0
CEILING_S = 2.0
IDLE_S = 3.0
PEERS = ("portkey", "redisvl", "gptcache")
CACHE = re.compile(rb"\r\n(?:x-tierwise-cache: (\w+)|(x-litellm-cache-key|x-cache): )")


@dataclass(frozen=True, slots=True)
class Plan:
    """How long each arm of a round is."""

    rounds: int
    open_count: int  # requests
    closed_s: float
    rate: float = RATE


class Visit:
    """One arm over all rounds: its client, and its endless supply of requests."""

    def __init__(self, arm: Arm, server: Server, upstream_port: int, store: redis.Redis) -> None:
        self.arm, self.server, self._store = arm, server, store
        portkey = {"x-portkey-provider": "openai", "x-portkey-custom-host": f"http://127.0.0.1:{upstream_port}/v1"}
        self.target = Target(server.port, server.key, headers=portkey if server.name == "portkey" else {})
        self.client = Client(self.target)
        self.rounds: list[Round] = []
        self._bodies = self._endless(random.Random(arm.name))

    def _endless(self, rng: random.Random) -> Iterator[Body]:
        while True:
            yield from self.arm.maker(rng)

    def take(self, count: int) -> list[bytes]:
        return [self.target.request(next(self._bodies)) for _ in range(count)]

    async def warm(self) -> str:
        """Store the known questions, and let the server meet its work. Why it cannot be measured; empty if it can."""
        first = await self.client.ask(next(self._bodies))
        if first.status != 200:
            return (
                f"HTTP {first.status}: {first.body[:200].decode('utf-8', 'replace')}" if first.status else "no answer"
            )
        if self.arm.seeded:
            model = str(next(self._bodies)["model"])
            for country in COUNTRIES:
                await self.client.ask(chat(QUESTION.format(country), model=model))
            await asyncio.sleep(0.5)  # storing is done behind the answer
        await at_rate(self.client, self.take(WARM_UP), WARM_RATE)
        return ""

    async def ceiling(self) -> float:
        """Answers a second with as many clients as it takes."""
        busy, seconds = await at_most(self.client, iter(lambda: self.take(1)[0], b""), CLIENTS, CEILING_S)
        return len(busy) / seconds

    async def measure(self, plan: Plan, idle_reads_per_s: float) -> None:
        began, reads = time.perf_counter(), self.reads()
        answers = await at_rate(self.client, self.take(plan.open_count), plan.rate)
        await asyncio.sleep(0.1)  # what is done behind the last answers
        trips = self.reads() - reads - 1 - idle_reads_per_s * (time.perf_counter() - began)
        alone, _ = await at_most(self.client, iter(lambda: self.take(1)[0], b""), 1, plan.closed_s / 2)
        cpu = self.server.cpu_s
        busy, seconds = await at_most(self.client, iter(lambda: self.take(1)[0], b""), CLIENTS, plan.closed_s)
        await asyncio.sleep(0.2)
        self.rounds.append(
            Round(
                whole_ms=[a.whole_s * 1000 for a in answers],
                first_ms=[a.first_s * 1000 for a in answers],
                alone_ms=[a.whole_s * 1000 for a in alone],
                rps=len(busy) / seconds,
                cpu_ms=(self.server.cpu_s - cpu) * 1000 / len(busy),
                redis_trips=max(0.0, trips) / len(answers),
                failed=sum(a.status != 200 for a in (*answers, *alone, *busy)),
                caches=dict(Counter(_said(a) for a in (*answers, *alone, *busy))),
            )
        )

    def reads(self) -> int:
        return int(self._store.info("stats")["total_reads_processed"])


def _said(answer: Answer) -> str:
    found = CACHE.search(answer.head)
    return "none" if found is None else (found[1] or b"hit").decode()


def idle_reads(store: redis.Redis) -> float:
    """Reads by Redis a second while nobody asks anything."""
    before = int(store.info("stats")["total_reads_processed"])
    time.sleep(IDLE_S)
    return (int(store.info("stats")["total_reads_processed"]) - before - 1) / IDLE_S


def measure(arms: Sequence[Arm], plan: Plan, log: Path) -> tuple[Json, Json, float]:
    """(figures by arm, what could not run and why, requests a second of the open loops)."""
    needed = list(dict.fromkeys(arm.server for arm in arms))
    left_out = {name: why for name in needed if name in PEERS and (why := peers.missing(name))}
    arms = [arm for arm in arms if arm.server not in left_out]
    ours = [n for n in needed if n in servers.TIERWISE or n in servers.LITELLM]
    others = [n for n in needed if n in PEERS and n not in left_out]
    with ExitStack() as stack:
        store = stack.enter_context(EmbeddedRedis())
        port = free_port()
        provider = start_child([sys.executable, "-m", "bench.overhead_upstream", str(port)], log / "provider.log")
        stack.callback(stop_child, provider)
        around = Surroundings(log, port, store.port)
        found = stack.enter_context(servers.running(ours, around)) | stack.enter_context(peers.running(others, around))
        found["provider"] = Server("provider", port, provider.pid)
        client = stack.enter_context(redis.Redis(port=store.port))
        visits = [Visit(arm, found[arm.server], port, client) for arm in arms]
        dumb, rate = uvloop.run(visit_all(visits, plan, client))
        return figures([v for v in visits if v.arm.name not in dumb], found), left_out | dumb, rate


async def visit_all(visits: Sequence[Visit], plan: Plan, store: redis.Redis) -> tuple[dict[str, str], float]:
    """Measure all in all rounds; (which could not be measured, and why; requests a second of the open loops)"""
    dumb = {visit.arm.name: why for visit in visits if (why := await visit.warm())}
    visits = [visit for visit in visits if visit.arm.name not in dumb]
    if vanilla := [visit for visit in visits if visit.arm.name == "vanilla"]:
        plan = replace(plan, rate=min(RATE, SHARE * await vanilla[0].ceiling()))
    idle = await asyncio.to_thread(idle_reads, store)
    rng = random.Random(7)
    for number in range(plan.rounds):
        print(f"round {number + 1} of {plan.rounds}", file=sys.stderr)
        for visit in rng.sample(visits, len(visits)):
            await visit.measure(plan, idle)
    for visit in visits:
        visit.client.close()
    return dumb, plan.rate


def figures(visits: Sequence[Visit], found: dict[str, Server]) -> Json:
    """By arm; see the module's text."""
    by_name = {visit.arm.name: visit for visit in visits}
    vanilla = found["vanilla"].rss_mb if "vanilla" in found else None
    made = {}
    for name, visit in by_name.items():
        against = by_name.get(visit.arm.against)
        made[name] = summary(visit.rounds, against.rounds if against else (), visit.server.rss_mb, vanilla)
    return made


def table(arms: Json) -> str:
    """For a terminal."""
    head = f"{'arm':36}{'p50':>7}{'p95':>7}{'p99':>7}{'alone':>7}{'rps':>8}{'cpu ms':>8}{'RSS':>6}{'Redis':>7}"
    lines = [f"{head}  {'added p50 ms':22}throughput"]
    for name, row in arms.items():
        added, ratio = (row.get(key) for key in ("added_p50_ms", "throughput_ratio"))
        told = f"{added[0]:+.2f} [{added[1]:+.2f}, {added[2]:+.2f}]" if added else ""
        share = f"{ratio[0]:.2f} [{ratio[1]:.2f}, {ratio[2]:.2f}]" if ratio else ""
        lines.append(
            f"{name:36}{row['p50_ms']:7.2f}{row['p95_ms']:7.2f}{row['p99_ms']:7.2f}"
            f"{row['one_client_p50_ms']:7.2f}{row['rps_ceiling']:8.0f}{row['cpu_ms']:8.2f}{row['rss_mb']:6.0f}"
            f"{row['redis_round_trips']:7.2f}  {told:22}{share}"
        )
        if row["failed"]:
            lines.append(f"    {row['failed']} of its requests failed")
    return "\n".join(lines)


def chosen(names: str, quick: bool) -> list[Arm]:
    """The arms that were asked for, with those of vanilla that they are compared with."""
    known = {arm.name: arm for arm in ARMS}
    asked = [name.strip() for name in names.split(";") if name.strip()]
    if unknown := [name for name in asked if name not in known]:
        raise SystemExit(f"unknown arm {unknown[0]!r}. Known: {'; '.join(known)}")
    arms = [known[name] for name in asked] or [arm for arm in ARMS if arm.main or not quick]
    return list(dict.fromkeys([*(known[arm.against] for arm in arms), *arms]))


def main() -> int:
    """Print the figures, and write the page if asked for."""
    parser = argparse.ArgumentParser(prog="python -m bench.overhead", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON (the default is a table)")
    parser.add_argument("--quick", action="store_true", help="the main arms alone")
    parser.add_argument("--arms", default="", help="these alone, separated by semicolons")
    parser.add_argument("--rounds", type=int, help="by default 10 of the main arms, 6 of all")
    parser.add_argument("--page", type=Path, help="write an HTML page with plots there")
    parser.add_argument("--fetch-peers", action="store_true", help="install Portkey's gateway and GPTCache first")
    options = parser.parse_args()
    if options.fetch_peers:
        peers.fetch()
    few = options.quick or options.arms
    plan = Plan(options.rounds or (10 if few else 6), open_count=36 if few else 30, closed_s=1.0 if few else 0.8)
    with tempfile.TemporaryDirectory(prefix="tierwise-overhead-") as folder:
        arms, left_out, rate = measure(chosen(options.arms, options.quick), plan, Path(folder))
    result = {
        "arms": arms,
        "left_out": left_out,
        "rounds": plan.rounds,
        "rate_per_s": round(rate, 1),
        "clients": CLIENTS,
    }
    print(json.dumps(result) if options.json else table(arms))
    for name, why in left_out.items():
        print(f"{name} did not run: {why}", file=sys.stderr)
    if options.page:
        write_page(result, options.page)
        print(f"written: {options.page}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

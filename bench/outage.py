"""What clients notice while providers die, hang, limit the rate and come back, and whether the books agree.

    python -m bench.outage --json [--requests 10000]

A real gateway with two simulated providers, each with every tier. `lost`: answered with an error (a stream: before
the first byte of the answer) although some deployment that may see the request worked throughout the phase.
`duplicated_charges`: questions charged more than the providers billed for them, or traced twice; `ledger_micros` and
`traced_micros` are the sum of all charges, by the ledger's counter and by the traces.
`residency_violations`: calls with a sensitive prompt that a model outside the premises saw, by the providers' books.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx

from bench.outage_load import CLIENT_TIMEOUT_S, ON_PREMISE, PHASES, Came, Trouble, load, run
from plugins.config_file import load_config
from plugins.trial.simulator_process import SimulatorProcess
from plugins.values import MICROS_PER_USD
from tests.gateway import Running, gateway

Json = dict[str, Any]
TENANT = "acme"
BOOKS_KEPT = 5_000  # the latest calls that a simulated provider keeps
# A healthy call takes milliseconds; long enough for a busy machine, short enough to sit out a hang.
ATTEMPT_TIMEOUT_S = 5
COOLDOWN_S = 3
# Redis is not what fails here: it is waited for, however busy the machine. Paraphrases would hide model calls.
CHANGES = {"cache": {"semantic": False, "timeout_ms": 2_000}, "budgets": {"timeout_ms": 10_000}}


@dataclass(slots=True)
class Provider:
    """One simulated provider. `b` is ours to stop; `a` belongs to the gateway's launcher."""

    name: str
    origin: str
    process: SimulatorProcess | None = None
    calls: list[Json] = field(default_factory=list)

    def begin(self, trouble: Trouble) -> None:
        if self.process is not None and self.name in trouble.gone:
            self.process.stop()
            return
        faults = trouble.faults.get(self.name, {})
        rules: list[Json] = [{"model": model, "fault": fault} for model, fault in faults.items()]
        httpx.put(f"{self.origin}/control/faults", json={"rules": rules}).raise_for_status()
        httpx.delete(f"{self.origin}/control/calls").raise_for_status()

    def end(self, trouble: Trouble) -> None:
        """Keep the books of the phase; a stopped provider comes back on its port."""
        if self.process is not None and self.name in trouble.gone:
            self.process.start()
            return
        books = httpx.get(f"{self.origin}/control/calls", params={"recent": BOOKS_KEPT}).json()
        self.calls += [{**call, "provider": self.name} for call in books["recent"]]


def two_providers(url_b: str) -> Any:
    """An edit of the config: each simulated model twice, time-outs that fit a simulation, and a cap to count on."""

    def adapt(config: Json) -> None:
        simulated = [entry for entry in config["model_list"] if (entry.get("model_info") or {}).get("simulated")]
        params = [{**entry["litellm_params"], "api_base": url_b} for entry in simulated]
        twins = [{**entry, "litellm_params": p} for entry, p in zip(simulated, params, strict=True)]
        config["model_list"] += twins
        router = config.setdefault("router_settings", {})
        router |= {"timeout": ATTEMPT_TIMEOUT_S, "stream_timeout": ATTEMPT_TIMEOUT_S, "cooldown_time": COOLDOWN_S}
        config["gateway"]["tenants"][TENANT]["caps"] = [{"usd": 100_000, "per": "total"}]

    return adapt


def left_micros(running: Running) -> tuple[int, int]:
    """(the tenant's headroom when nothing of it is in flight, what asking for it cost)."""
    reply = running.ask(f"What is left? {time.time_ns()}", model="small", tenant=TENANT)
    left, cost = (float(reply.headers[f"x-tierwise-{name}"]) for name in ("budget-remaining-usd", "cost-usd"))
    return round(left * MICROS_PER_USD), round(cost * MICROS_PER_USD)


def measure(requests: int, workers: int) -> Json:
    """Run the whole script; see the module's text for what is counted."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tierwise-outage-")))
        twin = stack.enter_context(SimulatorProcess(speed=0))
        running = stack.enter_context(gateway(folder, CHANGES, two_providers(twin.url)))
        providers = [Provider("a", running.origin), Provider("b", twin.origin, twin)]
        before, _ = left_micros(running)
        began = time.monotonic()
        came = drive(running, providers, requests, workers)
        seconds = time.monotonic() - began
        traces = wait_for_traces(running, {c.trace_id for c in came if c.trace_id})
        after, last = left_micros(running)
        limit = running_limit(running)
        calls = [call for provider in providers for call in provider.calls]
    traced = sum(trace["cost_micros"] for kept in traces.values() for trace in kept)
    figures = judge(came, traces, calls) | {"configured_attempts": limit, "seconds": round(seconds, 1)}
    return figures | {"ledger_micros": before - after - last, "traced_micros": traced}


def running_limit(running: Running) -> int:
    """The configured bound on attempts."""
    return load_config(running.started.rendered, running.started.environ).gateway.limits.attempts


def drive(running: Running, providers: Sequence[Provider], requests: int, workers: int) -> list[Came]:
    """Send each phase its share of the load."""
    asked = load(requests, seed=int(time.time()))
    bounds = [round(place * requests / len(PHASES)) for place in range(len(PHASES) + 1)]
    came: list[Came] = []
    for trouble, (start, end) in zip(PHASES, pairwise(bounds), strict=True):
        for provider in providers:
            provider.begin(trouble)
        began = time.monotonic()
        batch = asyncio.run(
            run(running.started.base_url, running.keys[TENANT], trouble.name, asked[start:end], workers)
        )
        came += batch
        failed = Counter(c.code for c in batch if not c.complete)
        print(f"{trouble.name}: {len(batch)} in {time.monotonic() - began:.1f} s, {dict(failed)}", file=sys.stderr)
        for provider in providers:
            provider.end(trouble)
    return came


def wait_for_traces(running: Running, wanted: set[str]) -> dict[str, list[Json]]:
    """The traces by id; they are written behind the responses, a broken stream's after a grace."""
    deadline = time.monotonic() + CLIENT_TIMEOUT_S
    while True:
        traces: dict[str, list[Json]] = defaultdict(list)
        for trace in running.traces():
            if trace["trace_id"] in wanted:
                traces[trace["trace_id"]].append(trace)
        if len(traces) == len(wanted) or time.monotonic() > deadline:
            return traces
        time.sleep(0.5)


def judge(came: Sequence[Came], traces: Mapping[str, Sequence[Json]], calls: Iterable[Json]) -> Json:
    """All that is counted, from what clients saw, the traces, and the providers' books."""
    books: dict[str, list[Json]] = defaultdict(list)
    for call in calls:
        books[call["prompt_hash"]].append(call)
    troubles = {trouble.name: trouble for trouble in PHASES}
    failed = [c for c in came if not c.begun]
    lost = [c for c in failed if troubles[c.phase].healthy(c.asked.sensitive)]
    made = [
        max(_attempts(traces.get(c.trace_id, ())), 0 if c.asked.repeated else len(books[c.asked.hash])) for c in came
    ]
    return {
        "requests": len(came),
        "lost": len(lost),
        **_charges(came, traces, books),
        "residency_violations": sum(
            call["model"] != ON_PREMISE for c in came if c.asked.sensitive for call in books[c.asked.hash]
        ),
        "max_attempts": max(made, default=0),
        "streams": sum(c.asked.stream for c in came),
        "answered": sum(c.complete for c in came),
        "from_cache": sum(c.complete and c.cache == "exact" for c in came),
        "broken_after_first_byte": sum(c.begun and not c.complete for c in came),
        "unclean_ends": sum(not c.clean for c in came),
        "refused_with_nothing_healthy": len(failed) - len(lost),
        "untraced": sum(c.trace_id not in traces for c in came),
        "lost_by_phase": dict(Counter(f"{c.phase}: {c.status} {c.code}" for c in lost)),
        "attempts": dict(sorted(Counter(made).items())),
    }


def _charges(came: Sequence[Came], traces: Mapping[str, Sequence[Json]], books: Mapping[str, Sequence[Json]]) -> Json:
    """Charges against the providers' bills, question by question (several requests may ask the same one).

    Where the gateway cannot know what was used (a broken stream, an attempt that timed out) it charges a bound and
    says so; those are summed apart.
    """
    phases = {trouble.name: trouble for trouble in PHASES}
    by_question: dict[str, list[Came]] = defaultdict(list)
    for one in came:
        by_question[one.asked.hash].append(one)
    doubled = bounds = under = 0
    for question, group in by_question.items():
        kept = [row for one in group for row in traces.get(one.trace_id, ())]
        whole = sum(row["cost_micros"] for row in kept)
        bound = whole - sum(row["cost_model_micros"] for row in kept if row["cost_exact"])
        billed = sum(call["billed_micros"] for call in books[question])
        books_whole = not any(phases[one.phase].gone for one in group)
        doubled += len(kept) > len(group) or (books_whole and whole - bound > billed)
        bounds += bound
        under += max(0, billed - whole)
    return {"duplicated_charges": doubled, "charged_as_bound_micros": bounds, "billed_but_not_charged_micros": under}


def _attempts(traces: Sequence[Json]) -> int:
    """Calls that the gateway traced, also those that reached nobody."""
    return sum(step["name"] == "attempt" for trace in traces for step in trace["steps"])


def main() -> int:
    """Print one object; exit code 1 when a goal is missed."""
    parser = argparse.ArgumentParser(prog="python -m bench.outage", description=__doc__)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=12)
    parser.add_argument("--json", action="store_true", help="print JSON (the default is a table)")
    options = parser.parse_args()
    figures = measure(options.requests, options.workers)
    print(json.dumps(figures) if options.json else "\n".join(f"{name:32} {value}" for name, value in figures.items()))
    goals = ("lost", "duplicated_charges", "residency_violations", "unclean_ends")
    return int(any(figures[goal] for goal in goals) or figures["max_attempts"] > figures["configured_attempts"])


if __name__ == "__main__":
    raise SystemExit(main())

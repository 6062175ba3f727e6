"""Two drills on tracing, with a real gateway, simulated models and an endpoint that checks what Langfuse would get.

conformance   mixed requests of every kind, forgeries included: each has exactly one trace, attributed to its
              sender, and the traced cost equals the ledger's per tenant, application and model
endurance     latency with Langfuse healthy, hanging and dead; memory of the gateway over many requests; what
              arrives once Langfuse is back

python -m bench.tracing --json [--mixed 1000] [--rounds 2] [--requests 2000] [--only conformance]
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, cast

import httpx
from redis import Redis

from bench.tracing_mix import FORGED, Sender, Sent, Traffic, senders, tenants, wait_for
from plugins.values import MICROS_PER_USD
from tests.fake_langfuse import PUBLIC_KEY, SECRET_KEY, FakeLangfuse, Received, fake_langfuse
from tests.gateway import Running, gateway
from tests.servers import running_redis

DELIVERY_S = 90.0  # the sender's longest pause is 30 s
DELIVERED_PER_S = 100  # traces that are delivered at least, once Langfuse is back
FIFTHS = 5
Money = dict[tuple[str, str, str], int]  # micro-dollars by tenant, application, model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--mixed", type=int, default=1_000, help="requests of the conformance drill")
    parser.add_argument("--rounds", type=int, default=2, help="rounds of healthy, hanging and dead")
    parser.add_argument("--block", type=int, default=100, help="measured requests of each kind in a round")
    parser.add_argument("--requests", type=int, default=2_000, help="requests over which memory is watched")
    parser.add_argument("--only", choices=("conformance", "endurance"), help="run one of the two drills")
    options = parser.parse_args()
    found: dict[str, object] = {}
    if options.only != "endurance":
        found |= conformance(options.mixed)
    if options.only != "conformance":
        found |= endurance(options.rounds, options.block, options.requests)
    if options.json:
        print(json.dumps(found))
        return
    for name, value in found.items():
        print(f"{name:>24}  {value}")


@contextmanager
def traced_gateway(fake: FakeLangfuse, known: Mapping[str, Sequence[Sender]], redis_url: str) -> Iterator[Running]:
    """A gateway whose Langfuse is the local endpoint; stopping it delivers what is queued."""
    tracing = {"langfuse_host": fake.url, "langfuse_public_key": PUBLIC_KEY, "langfuse_secret_key": SECRET_KEY}
    changes = {"tenants": tenants(known), "tracing": tracing, "redis_url": redis_url, "environment": "bench"}
    with tempfile.TemporaryDirectory() as folder, gateway(Path(folder), changes) as running:
        yield running


def conformance(count: int) -> dict[str, object]:
    """Send, stop the gateway, and compare what was sent, what was charged and what arrived."""
    known = senders()
    with running_redis() as redis, fake_langfuse() as fake:
        with traced_gateway(fake, known, redis.url) as running:
            traffic = Traffic(running.started.base_url, running.origin, known)
            traffic.mixed(count)
        charged = ledger(redis.url, sorted({sender.tenant for group in known.values() for sender in group}))
    return compare(traffic.sent, charged, fake)


def ledger(redis_url: str, names: Sequence[str]) -> Counter[str]:
    """Micro-dollars by call id, from the entries of the ledger itself. Further holds of a call (`ID-judge`,
    `ID-escalate`, `ID-2` for an attempt after one that may have been billed) count to it."""
    charged: Counter[str] = Counter()
    with Redis.from_url(redis_url) as client:
        for name in names:
            for _, fields in cast("list[tuple[bytes, dict[bytes, bytes]]]", client.xrange(f"tw:{{{name}}}:ledger")):
                charged[fields[b"call"].decode().partition("-")[0]] += int(fields[b"micros"])
    return charged


def compare(sent: Sequence[Sent], charged: Counter[str], fake: FakeLangfuse) -> dict[str, object]:
    """The figures of the conformance drill."""
    by_trace: dict[str, list[Received]] = {}
    for seen in fake.observations.values():
        by_trace.setdefault(seen.trace_id, []).append(seen)
    expected = {one.trace_id: one for one in sent}
    ledgered, traced = Counter[tuple[str, str, str]](), Counter[tuple[str, str, str]]()
    differing = 0
    for trace_id, one in expected.items():
        generations = [seen for seen in by_trace.get(trace_id, ()) if seen.is_generation]
        cost = sum(round(seen.details("cost")["total"] * MICROS_PER_USD) for seen in generations)
        model = generations[0].attributes.get("langfuse.observation.model.name", "") if generations else ""
        ledgered[one.tenant, one.app, model] += charged[trace_id]
        traced[one.tenant, one.app, model] += cost
        differing += cost != charged[trace_id]
    return {
        "requests": len(sent),
        "by_kind": dict(Counter(one.kind for one in sent)),
        "by_status": dict(Counter(str(one.status) for one in sent)),
        "ledger_micros": sum(charged.values()),
        "traced_micros": sum(traced.values()),
        "sums_equal": ledgered == traced,
        "sums_compared": len(ledgered),
        "calls_differing": differing,
        "missing": sum(trace_id not in by_trace for trace_id in expected) + len(charged.keys() - expected.keys()),
        "duplicated": fake.repeated + sum(not _single(seen) for seen in by_trace.values()),
        "forged": len(by_trace.keys() - expected.keys()) + sum(_forged(one, by_trace) for one in sent),
        "rejected_by_schema": len(fake.problems),
        "observations": len(fake.observations),
    }


def _single(observations: Sequence[Received]) -> bool:
    """One root and one generation."""
    return sum(not seen.parent_id for seen in observations) == 1 == sum(seen.is_generation for seen in observations)


def _forged(one: Sent, by_trace: Mapping[str, Sequence[Received]]) -> bool:
    """Whether any observation of this request is attributed to anybody else than its sender. Of a body that could not
    be read, feature and session are not told; a key that is none has nobody."""
    right = {
        "user.id": (one.tenant,),
        "session.id": (f"{one.tenant}/{one.session}", None),
        "langfuse.trace.name": (f"{one.app}/{one.feature}", one.app),
    }
    for seen in by_trace.get(one.trace_id, ()):
        if one.tenant and any(seen.attributes.get(key) not in allowed for key, allowed in right.items()):
            return True
        if FORGED in json.dumps(seen.attributes):
            return True
    return False


def endurance(rounds: int, block: int, requests: int) -> dict[str, object]:
    """Latency in rounds of healthy, hanging and dead, so that a slower hour hits all three; then memory."""
    known = senders()
    with running_redis() as redis, ExitStack() as stack:
        fake = FakeLangfuse(light=True)
        up = stack.enter_context(ExitStack())
        up.enter_context(fake_langfuse(fake))
        running = stack.enter_context(traced_gateway(fake, known, redis.url))
        drill = Drill(running, fake, up, known["ordinary"])
        drill.ask_many(300)  # LiteLLM fills its own caches with the first requests
        for _ in range(rounds):
            drill.round(block)
        memory_mb = [drill.rss_mb(), *drill.watched(requests // 2)]
        with drill.dead():
            memory_mb += drill.watched(requests - requests // 2)
        began = time.monotonic()
        delivered = drill.delivered(DELIVERY_S + requests / DELIVERED_PER_S)
        delivered_s = time.monotonic() - began
    medians = {mode: statistics.median(times) for mode, times in drill.times_s.items()}
    return {
        **{f"p50_ms_{mode}": round(1_000 * value, 2) for mode, value in medians.items()},
        **{f"p95_ms_{mode}": round(1_000 * sorted(t)[int(0.95 * len(t))], 2) for mode, t in drill.times_s.items()},
        "p50_ratio_hanging": round(medians["hanging"] / medians["healthy"], 3),
        "p50_ratio_dead": round(medians["dead"] / medians["healthy"], 3),
        "measured_per_mode": len(drill.times_s["healthy"]),
        "rss_growth_mb": round(memory_mb[-1] - memory_mb[0], 1),
        "rss_late_growth_mb": round(memory_mb[-1] - memory_mb[-3], 1),  # over the last two fifths
        "rss_before_mb": round(memory_mb[0], 1),
        "rss_mb": [round(value, 1) for value in memory_mb],  # after each fifth, healthy and then dead
        "rss_requests": requests,
        "sent_during_outage": len(drill.during_outage),
        "delivered_after_outage": delivered,
        "delivered_in_s": round(delivered_s, 1),
        "failed_requests": drill.failed,
    }


class Drill:
    """One gateway whose Langfuse can be made to hang or be gone."""

    def __init__(self, running: Running, fake: FakeLangfuse, up: ExitStack, keys: Sequence[Sender]) -> None:
        self._fake, self._up, self._keys = fake, up, keys
        self._pid = running.started.process.pid
        self._client = httpx.Client(base_url=running.started.base_url, timeout=60)
        self._number = 0
        self._port = int(fake.url.rpartition(":")[2])
        self.times_s: dict[str, list[float]] = {"healthy": [], "hanging": [], "dead": []}
        self.during_outage: set[str] = set()
        self.failed = 0
        self._down = False

    def round(self, block: int) -> None:
        """One block of each; the next begins when everything has arrived."""
        self._measure("healthy", block)
        self._fake.hanging = threading.Event()
        self._down = True
        self._measure("hanging", block)
        self._fake.hanging.set()
        self._fake.hanging, self._down = None, False
        self.delivered(DELIVERY_S)
        with self.dead():
            self._measure("dead", block)
        self.delivered(DELIVERY_S)

    @contextmanager
    def dead(self) -> Iterator[None]:
        """Nobody listens at Langfuse's address while the block runs."""
        self._up.close()
        self._down = True
        yield
        self._up.enter_context(fake_langfuse(self._fake, self._port))
        self._down = False

    def ask_many(self, count: int) -> None:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda _: self._ask(), range(count)))

    def watched(self, count: int) -> list[float]:
        """Resident megabytes after each fifth of so many requests."""
        found = []
        for part in range(FIFTHS):
            self.ask_many(count * (part + 1) // FIFTHS - count * part // FIFTHS)
            found.append(self.rss_mb())
        return found

    def delivered(self, most_s: float) -> int:
        """How many of the requests sent while Langfuse was not there have arrived, waiting for the rest."""
        wait_for(lambda: self.during_outage <= self._fake.trace_ids, most_s)
        return len(self.during_outage & self._fake.trace_ids)

    def rss_mb(self) -> float:
        """Resident memory of the gateway's one process."""
        status = Path(f"/proc/{self._pid}/status").read_text(encoding="ascii", errors="replace")
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) / 1024

    def _measure(self, mode: str, count: int) -> None:
        for _ in range(count):
            began = time.perf_counter()
            self._ask()
            self.times_s[mode].append(time.perf_counter() - began)

    def _ask(self) -> None:
        self._number += 1
        sender = self._keys[self._number % len(self._keys)]
        text = f"In which year was the building with house number {self._number} on Main Street finished?"
        body: dict[str, Any] = {"model": "auto", "messages": [{"role": "user", "content": text}], "max_tokens": 60}
        reply = self._client.post("/chat/completions", headers={"Authorization": f"Bearer {sender.key}"}, json=body)
        self.failed += reply.status_code != 200
        if self._down:
            self.during_outage.add(reply.headers["x-tierwise-trace-id"])


if __name__ == "__main__":
    main()

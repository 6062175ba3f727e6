"""How well bad answers of a cheap model are found and asked again, what that costs, and that its budget holds.

    python -m bench.escalation --json [--requests 300]

A real gateway; the simulated small model answers some questions badly on purpose. `caught`: planted bad answers for
which a better model's went out. `needless`: sound answers that were asked again. Latency and dollars are those of
escalated against other requests. A second part sends nothing but bad answers under a small budget.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from plugins.values import MICROS_PER_USD
from tests.gateway import Running, gateway

Json = dict[str, Any]
TENANT = "globex"  # has no cap of its own
SMALL = "sim-small"
# A planted answer that the simulator words as fluent and wrong can be told from a right one by sums alone.
FAULTS = ("refuse", "empty", "truncate", "wrong_json", "wrong_model", "filtered_finish", "bad_answer")
SHARE = 0.05
# A little more than the worst case of one second attempt here, so that a few of them use it up.
DAY_MICROS = 1_200
SCHEMA = {
    "type": "json_schema",
    "json_schema": {
        "name": "fact",
        "schema": {
            "type": "object",
            "properties": {"subject": {"type": "string"}, "answer": {"type": "string"}},
            "required": ["subject", "answer"],
        },
    },
}
CAPITALS = ("Norway", "Austria", "Italy", "Portugal", "Japan", "Canada", "Spain", "Greece", "France", "Egypt")


@dataclass(frozen=True, slots=True)
class Asked:
    """One question, and what the small model was made to do with it (nothing where `fault` is empty)."""

    prompt: str
    fault: str
    in_json: bool


@dataclass(frozen=True, slots=True)
class Seen:
    """Its trace. `sound`: the small model's answer was right by the simulator's own books."""

    asked: Asked
    sound: bool
    escalated: bool
    check: str
    latency_ms: float
    cost_micros: int


def questions(count: int) -> Iterator[Asked]:
    """Half of them planted, each fault as often as the others; a third asks for JSON."""
    draw = random.Random(7)  # a repeatable load, no secret
    for place in range(count):
        fault = FAULTS[place // 2 % len(FAULTS)] if place % 2 else ""
        a, b = draw.randrange(10, 99), draw.randrange(10, 99)
        prompt = f"What is {a} plus {b}?" if draw.random() < 0.5 else f"What is the capital of {draw.choice(CAPITALS)}?"
        yield Asked(f"{prompt} (question {place})", fault, fault == "wrong_json" or draw.random() < 0.3)


def ask(running: Running, asked: Asked) -> Seen:
    """Send one with its fault, and read what became of it."""
    more: Json = {"response_format": SCHEMA} if asked.in_json else {}
    with planted(running, asked.fault):
        began = time.monotonic()
        reply = running.ask(asked.prompt, model="small", tenant=TENANT, **more)
        latency_ms = 1000 * (time.monotonic() - began)
        quality = running.latest_call(SMALL)["quality"]
    trace = running.trace(reply.headers["x-tierwise-trace-id"])
    checks = [s["attributes"] for s in trace["steps"] if s["name"] == "escalation check"]
    check = str(checks[-1]["check"]) if checks else ""
    sound = quality == "right" and asked.fault != "wrong_model"
    return Seen(asked, sound, trace["escalations"] > 0, check, latency_ms, trace["cost_micros"])


@contextmanager
def planted(running: Running, fault: str) -> Iterator[None]:
    """The fault at the small model, if there is one."""
    if not fault:
        yield
        return
    with running.fault(SMALL, fault):
        yield


def figures(seen: Sequence[Seen]) -> Json:
    """Shares over sound and unsound answers, by fault and by check."""
    bad, good = [s for s in seen if not s.sound], [s for s in seen if s.sound]
    caught, needless = [s for s in bad if s.escalated], [s for s in good if s.escalated]
    escalated, plain = [s for s in seen if s.escalated], [s for s in seen if not s.escalated]
    return {
        "requests": len(seen),
        "bad_answers": len(bad),
        "caught": _share(len(caught), len(bad)),
        "needless": _share(len(needless), len(good)),
        "precision": _share(len(caught), len(escalated)),
        "caught_by_fault": {
            fault or "own mistakes": _share(
                sum(s.escalated for s in bad if s.asked.fault == fault), sum(s.asked.fault == fault for s in bad)
            )
            for fault in sorted({s.asked.fault for s in bad})
        },
        "by_check": {name: sum(s.check == name for s in escalated) for name in sorted({s.check for s in escalated})},
        "extra_latency_ms_p50": round(
            _median(s.latency_ms for s in escalated) - _median(s.latency_ms for s in plain), 1
        ),
        "extra_usd_per_escalation": round(
            (_mean(s.cost_micros for s in escalated) - _mean(s.cost_micros for s in plain)) / MICROS_PER_USD, 8
        ),
    }


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def _median(values: Iterator[float]) -> float:
    kept = list(values)
    return statistics.median(kept) if kept else 0.0


def _mean(values: Iterator[int]) -> float:
    kept = list(values)
    return statistics.fmean(kept) if kept else 0.0


def budget(folder: Path, requests: int) -> Json:
    """Nothing but refusals under a share, and under a few micro-dollars a day."""
    found: Json = {}
    limits: Mapping[str, Json] = {
        "share": {"max_share": SHARE},
        "dollars": {"max_share": 1, "max_usd_per_day": DAY_MICROS / MICROS_PER_USD},
    }
    for name, limit in limits.items():
        place = folder / name
        place.mkdir()
        with gateway(place, {"cache": {"enabled": False}, "escalation": limit}) as running:
            with running.fault(SMALL, "refuse"):
                ids = [
                    running.ask(f"What is {n} plus 4?", "small", TENANT).headers["x-tierwise-trace-id"]
                    for n in range(requests)
                ]
            traces = [running.trace(i) for i in ids]
        spent = sum(trace.get("cost_escalation_micros", 0) for trace in traces)
        found[name] = {"escalated": sum(t["escalations"] for t in traces), "requests": requests, "micros": spent}
    allowed = int(SHARE * requests)
    return {
        "budget_exceeded": int(found["share"]["escalated"] > allowed) + int(found["dollars"]["micros"] > DAY_MICROS),
        "under_share": {**found["share"], "allowed": allowed},
        "under_dollars": {**found["dollars"], "allowed_micros": DAY_MICROS},
    }


def main() -> int:
    """Print one object; exit code 1 when the budget was exceeded."""
    parser = argparse.ArgumentParser(prog="python -m bench.escalation", description=__doc__)
    parser.add_argument("--requests", type=int, default=300)
    parser.add_argument("--json", action="store_true", help="print JSON (the default is a table)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tierwise-escalation-") as name:
        folder = Path(name)
        (folder / "open").mkdir()
        with gateway(folder / "open", {"cache": {"enabled": False}, "escalation": {"max_share": 1}}) as running:
            found = figures([ask(running, asked) for asked in questions(options.requests)])
        found |= budget(folder, max(20, options.requests // 4))
    print(json.dumps(found) if options.json else "\n".join(f"{key:28} {value}" for key, value in found.items()))
    return int(found["budget_exceeded"] > 0)


if __name__ == "__main__":
    raise SystemExit(main())

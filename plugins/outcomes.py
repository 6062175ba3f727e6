"""Outcomes of routed calls, and how they are counted: per task class, tier and hardness, by day and by source.

One field of a day's counters is `task|tier|bin|source|ok` (or `...|bad`), a number of outcomes; `task|tier|bin|cost`
is the micro-dollars of the calls that were checked. `bin` is the hardness in steps of 1/20, `x` where nobody knows it.
So a day has at most tasks * tiers * 21 * 9 fields, and in practice a few hundred.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from classifier.labels import TASKS
from plugins.tracing import trace_id_of
from plugins.values import Layer, Trace

BINS: Final = 20
UNKNOWN: Final = -1
GRADED: Final = (Layer.SCORED, Layer.JUDGED)  # routed by hardness, so that thresholds matter
CHECK_STEPS: Final = ("escalation check", "answer check")  # the steps of `plugins.escalation_path`
# People and evaluators say whether an answer was good; the gateway's checks only find what is wrong on its face.
PEOPLE, CHECKS = "people", "checks"
SOURCES: Final[Mapping[str, str]] = {"check": CHECKS, "schema": CHECKS, "feedback": PEOPLE, "thumbs": PEOPLE}


@dataclass(frozen=True, slots=True)
class Outcome:
    """One judgement on the answer that `tier` gave. `hardness` is 0 to 1, or None; `source` is one of SOURCES.
    `trace_id`: such an outcome counts once per trace. `cost_micros`: what the call cost, an escalation included."""

    tenant: str
    task: str
    tier: str
    ok: bool
    source: str
    hardness: float | None = None
    cost_micros: int | None = None
    trace_id: str = ""

    def fields(self) -> dict[str, int]:
        """What it adds to its day's counters; nothing for a task or source that is not known."""
        if self.task not in TASKS or self.source not in SOURCES or not self.tier or "|" in self.tier:
            return {}
        place = bin_of(self.hardness)
        cell = f"{self.task}|{self.tier}|{'x' if place == UNKNOWN else place}"
        counted = {f"{cell}|{self.source}|{'ok' if self.ok else 'bad'}": 1}
        return counted if self.cost_micros is None else {**counted, f"{cell}|cost": self.cost_micros}


@dataclass(frozen=True, slots=True)
class Cell:
    """Where outcomes are counted. `kind` is PEOPLE or CHECKS."""

    task: str
    tier: str
    bin: int
    kind: str


@dataclass(frozen=True, slots=True)
class Tally:
    """Decayed numbers of good and bad outcomes."""

    ok: float = 0.0
    bad: float = 0.0

    @property
    def n(self) -> float:
        return self.ok + self.bad

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.ok + other.ok, self.bad + other.bad)


@dataclass(frozen=True, slots=True)
class Counts:
    """Decayed outcomes. `costs` are (micro-dollars, checked calls) by (task, tier); `days` is the decayed time that
    they were taken in."""

    cells: Mapping[Cell, Tally] = field(default_factory=dict)
    costs: Mapping[tuple[str, str], tuple[float, float]] = field(default_factory=dict)
    days: float = 0.0

    def tally(self, task: str, tier: str, kind: str, bins: Iterable[int]) -> Tally:
        """The outcomes of one tier on one task class in these bins."""
        return sum((self.cells.get(Cell(task, tier, place, kind), Tally()) for place in bins), Tally())

    def cost_micros(self, task: str, tier: str) -> float | None:
        """Mean cost of a checked call, of this task class if there were any; None without any."""
        for wanted in ((task,), TASKS):
            known = [self.costs.get((each, tier), (0.0, 0.0)) for each in wanted]
            if calls := sum(count for _, count in known):
                return sum(micros for micros, _ in known) / calls
        return None


def bin_of(hardness: float | None) -> int:
    """0 to 19; UNKNOWN for None."""
    return UNKNOWN if hardness is None else min(BINS - 1, max(0, int(hardness * BINS)))


def bins_between(low: float, high: float) -> tuple[int, ...]:
    """The bins whose middle lies in [low, high)."""
    return tuple(place for place in range(BINS) if low <= (place + 0.5) / BINS < high)


def decayed(days: Iterable[tuple[int, Mapping[str, int]]], half_life_days: float) -> Counts:
    """Counters of days, each with its age in days, weighted by 2^(-age / half-life). Unknown fields are left out."""
    cells: dict[Cell, Tally] = {}
    costs: dict[tuple[str, str], tuple[float, float]] = {}
    oldest = -1
    for age, counters in days:
        weight = 2.0 ** (-age / half_life_days)
        oldest = max(oldest, age) if counters else oldest
        for name, count in counters.items():
            match name.split("|"):
                case [task, tier, _, "cost"]:
                    micros, calls = costs.get((task, tier), (0.0, 0.0))
                    costs[task, tier] = (micros + weight * count, calls)
                case [task, tier, place, source, ("ok" | "bad") as side] if source in SOURCES:
                    cell = Cell(task, tier, UNKNOWN if place == "x" else int(place), SOURCES[source])
                    more = Tally(weight * count, 0.0) if side == "ok" else Tally(0.0, weight * count)
                    cells[cell] = cells.get(cell, Tally()) + more
                    if cell.kind == CHECKS:
                        micros, calls = costs.get((task, tier), (0.0, 0.0))
                        costs[task, tier] = (micros, calls + more.n)
    return Counts(cells, costs, sum(2.0 ** (-age / half_life_days) for age in range(oldest + 1)))


def outcome_of(trace: Trace) -> Outcome | None:
    """What the gateway's own check said of a finished call that it routed by hardness; None for any other.

    After an escalation it is the first tier's outcome; after a fallback, that of the tier that answered.
    """
    if trace.outcome != "answered" or trace.layer not in GRADED:
        return None
    steps = {step.name: step.attributes for step in reversed(trace.steps)}  # the first of each name
    check = next((steps[name] for name in CHECK_STEPS if name in steps), None)
    if check is None:
        return None
    tier = str(steps.get("classify", {}).get("tier", "")) if trace.escalations else trace.tier
    source = "schema" if check.get("check") == "schema" else "check"
    ok, id_ = bool(check.get("ok")), trace_id_of(trace.id)
    return Outcome(trace.caller.tenant, trace.task, tier, ok, source, trace.score, trace.cost_micros, id_)

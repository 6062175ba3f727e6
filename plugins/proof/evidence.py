"""What the answers of a trial's arms say: counts, costs, and tests that stay valid however often one looks.

Everything is turned into badness in 0..1. RATES are looked at for harm; `bad` (no answer, or one that the checks find
wanting) is the quality on which a route advances; `cost` is dollars over a scale. The tests are those of
`classifier.proof.two_arms`; the highest evidence ever seen is kept, which is what Ville's inequality allows.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from classifier.proof import two_arms
from classifier.proof.betting import Bettor
from plugins.values import Observation

Array = NDArray[np.float64]
Json = dict[str, Any]

RATES: Final = ("failed", "escalation", "refusal", "schema", "score")
QUALITY: Final = "bad"
COST: Final = "cost"
METRICS: Final = (QUALITY, *RATES, COST)


@dataclass(frozen=True, slots=True)
class ArmEvidence:
    """One arm: how many calls, what they cost and how long they took in sum, and the bets by metric."""

    calls: int = 0
    cost_micros: int = 0
    latency_ms: int = 0
    metrics: Mapping[str, two_arms.Arm] = field(default_factory=dict)

    def seen(self, metric: str) -> int:
        """Answers that say something of this metric."""
        return self.metrics[metric].over.seen if metric in self.metrics else 0

    def mean(self, metric: str) -> float:
        """Mean badness; nan before any answer."""
        return self.metrics[metric].mean if metric in self.metrics else float("nan")


@dataclass(frozen=True, slots=True)
class Evidence:
    """A trial so far. `peaks`: the highest log evidence by test name; see `test`. `version` counts the looks."""

    version: int = 0
    arms: Mapping[str, ArmEvidence] = field(default_factory=dict)
    peaks: Mapping[str, float] = field(default_factory=dict)

    def after(self, observations: Iterable[Observation], cost_scale_usd: float) -> Evidence:
        """With further answers, in the order in which they came."""
        by_arm: dict[str, list[Observation]] = {}
        for one in observations:
            by_arm.setdefault(one.arm, []).append(one)
        grown = {name: _grown(self.arms.get(name, ArmEvidence()), new, cost_scale_usd) for name, new in by_arm.items()}
        return replace(self, version=self.version + 1, arms={**self.arms, **grown})

    def afresh(self) -> Evidence:
        """No evidence, but bets fitted to what was seen: where the same arms go on at another stage."""
        arms = {
            name: ArmEvidence(metrics={metric: told.afresh() for metric, told in arm.metrics.items()})
            for name, arm in self.arms.items()
        }
        return Evidence(arms=arms)

    def arm(self, name: str) -> ArmEvidence:
        return self.arms.get(name, ArmEvidence())

    def exceeds(self, metric: str, arm: str, other: str, by: float) -> float:
        """Log evidence at this look that the arm's mean badness exceeds the other's by more than `by` (-1 to 1)."""
        one, two = self.arm(arm).metrics.get(metric), self.arm(other).metrics.get(metric)
        return 0.0 if one is None or two is None else two_arms.log_evidence(one, two, by)

    def noting(self, tests: Mapping[str, float]) -> Evidence:
        """With the tests' log evidence of this look, where it is higher than ever."""
        highest = {name: max(value, self.peaks.get(name, 0.0)) for name, value in tests.items()}
        return replace(self, peaks={**self.peaks, **highest})

    def interval(self, metric: str, arm: str, other: str, alpha: float) -> tuple[float, float]:
        """Of the difference in badness, arm minus other; valid at all looks together."""
        one, two = self.arm(arm).metrics.get(metric), self.arm(other).metrics.get(metric)
        return (-1.0, 1.0) if one is None or two is None else two_arms.difference_interval(one, two, alpha)

    def mean_interval(self, metric: str, arm: str, alpha: float) -> tuple[float, float]:
        """Of one arm's mean badness; valid at all looks together. Rounded outwards to the grid of levels."""
        told = self.arm(arm).metrics.get(metric)
        if told is None:
            return 0.0, 1.0
        limit = np.log(2.0 / alpha)
        above = two_arms.LEVELS[told.over.log_wealth >= limit]
        below = two_arms.LEVELS[told.under.log_wealth >= limit]
        return float(above.max(initial=0.0)), float(below.min(initial=1.0))


def badness(one: Observation, cost_scale_usd: float) -> dict[str, float]:
    """What one answer says of each metric; nothing where nobody looked."""
    found: dict[str, float] = {}
    if one.failed is not None:
        found["failed"] = float(one.failed)
    if one.check is not None:
        found |= {"escalation": float(bool(one.check)), "schema": float(one.check == "schema")}
        found["refusal"] = float(one.check in ("refusal", "content_filter"))
    if one.failed or one.check is not None:
        found[QUALITY] = float(bool(one.failed or one.check))
    if one.cost_micros is not None:
        found[COST] = min(1.0, one.cost_micros / (cost_scale_usd * 1e6))
    if one.score is not None:
        found["score"] = 1.0 - min(1.0, max(0.0, one.score))
    return found


def _grown(arm: ArmEvidence, new: list[Observation], cost_scale_usd: float) -> ArmEvidence:
    told = [badness(one, cost_scale_usd) for one in new]
    metrics = dict(arm.metrics)
    for metric in METRICS:
        if values := [each[metric] for each in told if metric in each]:
            metrics[metric] = metrics.get(metric, two_arms.Arm.start()).after(np.array(values))
    return ArmEvidence(
        arm.calls + sum(one.failed is not None for one in new),
        arm.cost_micros + sum(one.cost_micros or 0 for one in new),
        arm.latency_ms + sum(one.latency_ms or 0 for one in new),
        metrics,
    )


def to_text(evidence: Evidence) -> str:
    """As it is kept: one JSON object; bets as base64 of little-endian doubles."""
    arms = {
        name: {
            "calls": arm.calls,
            "cost_micros": arm.cost_micros,
            "latency_ms": arm.latency_ms,
            "metrics": {m: {"over": _pack(a.over), "under": _pack(a.under)} for m, a in arm.metrics.items()},
        }
        for name, arm in evidence.arms.items()
    }
    return json.dumps({"version": evidence.version, "peaks": dict(evidence.peaks), "arms": arms})


def from_text(text: bytes | str | None) -> Evidence:
    """The reverse; an empty trial for None. Raises ValueError for anything else."""
    if text is None:
        return Evidence()
    try:
        told = json.loads(text)
        arms = {
            str(name): ArmEvidence(
                int(arm["calls"]),
                int(arm["cost_micros"]),
                int(arm["latency_ms"]),
                {str(metric): _read_arm(bets) for metric, bets in arm["metrics"].items()},
            )
            for name, arm in told["arms"].items()
        }
        peaks = {str(name): float(value) for name, value in told["peaks"].items()}
        return Evidence(int(told["version"]), arms, peaks)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not the evidence of a trial: {error}") from None


def _read_arm(told: Json) -> two_arms.Arm:
    start = two_arms.Arm.start()
    return two_arms.Arm(_unpack(start.over, told["over"]), _unpack(start.under, told["under"]))


def _pack(bettor: Bettor) -> list[Any]:
    logs = np.ascontiguousarray(bettor.logs, dtype="<f8")
    return [bettor.seen, bettor.total, bettor.squares, base64.b64encode(logs.tobytes()).decode(), list(bettor.taught)]


def _unpack(start: Bettor, told: list[Any]) -> Bettor:
    seen, total, squares, logs, *taught = told
    wealth = np.frombuffer(base64.b64decode(logs), dtype="<f8").reshape(start.logs.shape).astype(np.float64)
    count, sum_, sum_squares = taught[0] if taught else start.taught
    known = (float(count), float(sum_), float(sum_squares))
    return replace(start, logs=wealth, seen=int(seen), total=float(total), squares=float(squares), taught=known)

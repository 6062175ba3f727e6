"""When a rollout moves: up on evidence that the candidate is not worse, back at once when it is shown to be worse.

All decisions are on evidence of the present stage, from requests that ran at the same time: those that the candidate
answered (or, in shadow, was asked beside) against those of the baseline.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from classifier.labels import TASKS
from plugins.proof.evidence import QUALITY, RATES, Evidence
from plugins.proof_config import RolloutConfig
from plugins.values import Difficulty, Move, Rollout, Stage

CANDIDATE: Final = "candidate"
BASELINE: Final = "baseline"
COST_SCALE_USD: Final = 1.0
# Harm is looked for in each rate at each of the three stages that have a baseline.
LOOKED_FOR: Final = len(RATES) * 3
_NOT_WORSE: Final = "not_worse"


@dataclass(frozen=True, slots=True)
class Finding:
    """What the evidence says now. `harmed`: the rate that is shown to be worse, if any; `ready`: it may advance;
    `reason`: why it is so, in words."""

    harmed: str
    ready: bool
    reason: str


def looked(rollout: Rollout, evidence: Evidence, config: RolloutConfig) -> Evidence:
    """The evidence with the tests of this look noted."""
    tests = {f"worse_{rate}": evidence.exceeds(rate, CANDIDATE, BASELINE, 0.0) for rate in RATES}
    tests[_NOT_WORSE] = evidence.exceeds(QUALITY, BASELINE, CANDIDATE, -config.margin)
    return evidence.noting(tests)


def judge(rollout: Rollout, evidence: Evidence, config: RolloutConfig) -> Finding:
    """What follows from evidence that was `looked` at."""
    new, old = evidence.arm(CANDIDATE), evidence.arm(BASELINE)
    for rate in RATES:
        if evidence.peaks.get(f"worse_{rate}", 0.0) >= math.log(LOOKED_FOR / config.alpha):
            words = f"{rate} {new.mean(rate):.3f} against {old.mean(rate):.3f} of the baseline"
            return Finding(rate, False, f"{words}, after {new.seen(rate)} and {old.seen(rate)} answers")
    if rollout.stage.following is None:
        return Finding("", False, "it is at its last stage" if rollout.stage is Stage.FULL else "it was rolled back")
    fewest = min(new.seen(QUALITY), old.seen(QUALITY))
    if fewest < config.min_observations:
        return Finding("", False, f"{fewest} of {config.min_observations} answers in the smaller arm")
    rates = f"bad answers {new.mean(QUALITY):.3f} against {old.mean(QUALITY):.3f}"
    if evidence.peaks.get(_NOT_WORSE, 0.0) < math.log(1.0 / config.alpha):
        return Finding("", False, f"{rates}: not yet shown to be within {config.margin:g}")
    return Finding("", True, f"{rates}: within {config.margin:g} of the baseline, after {fewest} answers")


def started(task: str, candidate: str, difficulty: str, by: str, before: Rollout | None) -> Rollout:
    """A new rollout of a task class, in shadow."""
    serial, version = (before.serial + 1, before.version + 1) if before else (1, 1)
    return Rollout(task, candidate, difficulty, serial, version, (_move(Stage.SHADOW, "started", by),))


def moved(rollout: Rollout, stage: Stage, reason: str, by: str) -> Rollout:
    """The rollout at another stage, with the reason for it."""
    move = _move(stage, reason, by)
    return replace(rollout, version=rollout.version + 1, moves=(*rollout.moves, move))


def _move(stage: Stage, reason: str, by: str) -> Move:
    return Move(stage, reason, by, datetime.now(UTC).isoformat(timespec="seconds"))


def refusal(task: str, candidate: str, difficulty: str, known: Mapping[str, Rollout], targets: frozenset[str]) -> str:
    """Why a rollout cannot be started; empty if it can. `targets`: the tiers and models that there are."""
    if task not in TASKS:
        return f"No task class {task!r}: known are {', '.join(TASKS)}."
    if candidate not in targets:
        return f"No tier or model {candidate!r} in the config: it has {', '.join(sorted(targets))}."
    if difficulty and difficulty not in [each.value for each in Difficulty]:
        return f"No difficulty {difficulty!r}: known are {', '.join(Difficulty)}."
    under_way = known.get(task)
    if under_way and under_way.stage is not Stage.BACK:
        return f"A rollout of {task} to {under_way.candidate} is under way: take it back first."
    return ""


def to_json(rollout: Rollout) -> dict[str, Any]:
    """As it is kept and printed."""
    return {**asdict(rollout), "stage": rollout.stage.value}


def read_rollout(text: bytes | str) -> Rollout:
    """The reverse of `to_json`, from its text. Raises ValueError."""
    try:
        told = json.loads(text)
        moves = tuple(Move(Stage(m["stage"]), str(m["reason"]), str(m["by"]), str(m["at"])) for m in told["moves"])
        names = (str(told[name]) for name in ("task", "candidate", "difficulty"))
        task, candidate, difficulty = names
        return Rollout(task, candidate, difficulty, int(told["serial"]), int(told["version"]), moves)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a rollout: {error}") from None

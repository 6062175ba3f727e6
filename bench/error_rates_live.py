"""Do the error rates of rollouts and experiments hold, looked at each day? Part of `bench.error_rates`.

The gateway's own decisions are run on simulated answers, through the same evidence. The truth lies on the edge of what
may be decided wrongly: a candidate as good as the baseline must not be rolled back, one that is worse by exactly the
margin must not advance, a variant that is only cheaper or only better must not be promoted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plugins.proof import experiments, rollouts
from plugins.proof.evidence import Evidence
from plugins.proof_config import ExperimentConfig, RolloutConfig
from plugins.values import Observation, Rollout, Stage

Rng = np.random.Generator
Rate = Callable[[NDArray[np.bool_], float], dict[str, Any]]

CONFIG = RolloutConfig()
BEGUN = rollouts.started("code", "small", "", "bench", None)
DAYS, PER_DAY, PER_DAY_IN_SHADOW = 30, 200, 100  # requests of the class; in shadow, answers of both arms
BASE = 0.08  # the baseline's share of bad answers
CHECKS = ("refusal", "schema", "hedge")  # what a bad answer is bad at, equally often
MICROS = (200, 1_000)  # of the cheaper and of the dearer, on average


def _answers(rng: Rng, arm: str, n: int, bad: float, micros: int | None = None) -> list[Observation]:
    """`n` answers of which a share `bad` are bad, a fifth of these failed; costs are spread exponentially."""
    kinds, costs = rng.random(n), rng.exponential(micros or 1, n)
    found = []
    for kind, cost in zip(kinds, costs, strict=True):
        failed = bool(kind < bad / 5)
        check = CHECKS[int(rng.integers(len(CHECKS)))] if not failed and kind < bad else ""
        found.append(Observation("t", arm, failed, None if failed else check, None if micros is None else int(cost), 0))
    return found


def _day(rng: Rng, rollout: Rollout, bad: tuple[float, float]) -> list[Observation]:
    """One day's answers of candidate and baseline at the rollout's stage."""
    if rollout.stage is Stage.SHADOW:
        sizes = PER_DAY_IN_SHADOW // 2, PER_DAY_IN_SHADOW // 2
    else:
        new = int(rng.binomial(PER_DAY, rollout.stage.share))
        sizes = new, PER_DAY - new
    arms = (rollouts.CANDIDATE, rollouts.BASELINE)
    return [one for arm, n, share in zip(arms, sizes, bad, strict=True) for one in _answers(rng, arm, n, share)]


def _whole(rng: Rng, bad: tuple[float, float], days_a_stage: int = DAYS) -> tuple[Rollout, int]:
    """A rollout that advances by itself whenever it may, and the day on which it ended."""
    rollout, seen, left, day = BEGUN, Evidence(), days_a_stage, 0
    while rollout.stage.following is not None and left:
        day, left = day + 1, left - 1
        seen = rollouts.looked(rollout, seen.after(_day(rng, rollout, bad), 1.0), CONFIG)
        found = rollouts.judge(rollout, seen, CONFIG)
        if found.harmed:
            return rollouts.moved(rollout, Stage.BACK, found.reason, "bench"), day
        if found.ready and (stage := rollout.stage.following):
            rollout, seen, left = rollouts.moved(rollout, stage, found.reason, "bench"), seen.afresh(), days_a_stage
    return rollout, day


def whole_rollouts(rng: Rng, runs: int, rate: Rate) -> dict[str, Any]:
    """All stages, daily looks: rolled back though as good, advanced though worse by the margin."""
    equal = [_whole(rng, (BASE, BASE)) for _ in range(runs)]
    edge = [_whole(rng, (BASE + CONFIG.margin, BASE)) for _ in range(runs)]
    back = np.array([rollout.stage is Stage.BACK for rollout, _ in equal])
    through = np.array([any(move.stage is Stage.FIVE for move in rollout.moves) for rollout, _ in edge])
    full = [day for rollout, day in equal if rollout.stage is Stage.FULL]
    return {
        "rolled back, as good as the baseline": rate(back, CONFIG.alpha),
        "left shadow, worse by the margin": rate(through, CONFIG.alpha),
        "reached 100 %, worse by the margin": rate(
            np.array([rollout.stage is Stage.FULL for rollout, _ in edge]), CONFIG.alpha
        ),
        "as good: reached 100 %": {
            "share": round(len(full) / runs, 4),
            "median_day": float(np.median(full)) if full else None,
        },
    }


def rollout_power(rng: Rng, runs: int, rate: Rate) -> dict[str, Any]:
    """How soon a worse candidate is rolled back, from the first day in shadow."""
    found: dict[str, Any] = {}
    for worse in (0.16, 0.24, 0.4):
        ended = [_whole(rng, (worse, BASE)) for _ in range(max(20, runs // 20))]
        days = [day for rollout, day in ended if rollout.stage is Stage.BACK]
        median = float(np.median(days)) if days else None
        found[f"bad answers {BASE} -> {worse}"] = {"rolled_back": len(days) / len(ended), "median_day": median}
    return found


def live_stages(rng: Rng, runs: int, rate: Rate) -> dict[str, Any]:
    """One live stage by itself for 30 days: false alarms, of the level for all stages."""
    found: dict[str, Any] = {}
    for stage in (Stage.QUARTER,):
        live = rollouts.moved(BEGUN, stage, "", "bench")
        alarms = np.zeros(runs, dtype=bool)
        for run in range(runs):
            seen = Evidence()
            for _ in range(DAYS):
                seen = rollouts.looked(live, seen.after(_day(rng, live, (BASE, BASE)), 1.0), CONFIG)
                alarms[run] = alarms[run] or bool(rollouts.judge(live, seen, CONFIG).harmed)
        found[f"false alarm at {stage.value} %"] = rate(alarms, CONFIG.alpha)
    return found


EXPERIMENT = ExperimentConfig.model_validate(
    {
        "variants": {"control": {}, "other": {"tier": "small"}},
        "cost_scale_usd": "0.01",
        "promotion": {"enabled": True, "min_observations": 200, "min_saving": 0.0},
    }
)


def _promoted(rng: Rng, bad: tuple[float, float], micros: tuple[int, int], days: int = DAYS) -> int | None:
    """The day on which the other variant is promoted, with 50 answers of each a day."""
    seen = Evidence()
    for day in range(1, days + 1):
        arms = zip(("other", "control"), bad, micros, strict=True)
        new = [one for arm, share, cost in arms for one in _answers(rng, arm, 50, share, cost)]
        seen = experiments.looked(EXPERIMENT, seen.after(new, float(EXPERIMENT.cost_scale_usd)))
        if experiments.winner(EXPERIMENT, seen):
            return day
    return None


def promotions(rng: Rng, runs: int, rate: Rate) -> dict[str, Any]:
    """Daily looks for 30 days: promoted though only cheaper, or only better; and when a good one is."""
    cheap, dear = MICROS
    cases = {"only cheaper": ((0.1, 0.1), (cheap, dear)), "only better": ((0.04, 0.1), (dear, dear))}
    found: dict[str, Any] = {}
    for name, (bad, micros) in cases.items():
        wrong = np.array([_promoted(rng, bad, micros) is not None for _ in range(runs)])
        found[f"promoted, {name}"] = rate(wrong, EXPERIMENT.promotion.alpha)
    days = [_promoted(rng, (0.04, 0.1), (cheap, dear)) for _ in range(max(20, runs // 20))]
    known = [day for day in days if day is not None]
    median = float(np.median(known)) if known else None
    found["better and cheaper"] = {"promoted": len(known) / len(days), "median_day": median}
    return found

"""Figures and verdicts of a finished run, per task class and overall."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from classifier.proof import judge
from classifier.proof.betting import mean_interval
from classifier.proof.items import JUDGE
from classifier.proof.live import Run
from classifier.proof.verdict import Decision, Verdict, decide

Array = NDArray[np.float64]

DRAWS: Final = 2_000
_AT_ONCE: Final = 200  # draws, which bounds memory
MIX: Final = "random_mix"
EXIT_CODES: Final = {Decision.SHIP: 0, Decision.DO_NOT_SHIP: 1, Decision.NOT_ENOUGH_DATA: 3}


@dataclass(frozen=True, slots=True)
class Rules:
    """Stated before the run: the `margin` (points, 0..1), `alpha`, whether data is looked at repeatedly, and from
    which agreement with people (lower end of its 95 % interval) the judge is believed."""

    margin: float
    alpha: float = 0.05
    many_looks: bool = False
    least_agreement: float = 0.6


@dataclass(frozen=True, slots=True)
class Table:
    """The items of one task class that every arm has: (arms, n) each. Costs in micro-dollars, latency in ms."""

    arms: Sequence[str]
    quality: Array
    cost: Array
    latency: Array
    judged: bool

    def row(self, arm: str) -> int:
        """The row of an arm."""
        return self.arms.index(arm)


def table_of(run: Run, task: str | None) -> Table:
    """Items of a task class (None: all) that all arms have marks for."""
    chosen = [
        place
        for place, item in enumerate(run.items)
        if (task is None or item.task == task) and _complete(run, place, item.key)
    ]
    shape = (len(run.arms), len(chosen))
    quality, cost, latency = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    for column, place in enumerate(chosen):
        for row, arm in enumerate(run.arms):
            reply = run.replies[run.items[place].key, arm]
            quality[row, column] = run.marks[place, arm]
            cost[row, column], latency[row, column] = reply.cost_micros or 0, reply.latency_ms
    judged = any(run.items[place].scorer == JUDGE for place in chosen)
    return Table(tuple(run.arms), quality, cost, latency, judged)


def _complete(run: Run, place: int, key: str) -> bool:
    """Without the baseline's answer there is nothing to compare with; a candidate without one is marked 0."""
    baseline = run.replies.get((key, run.baseline))
    return bool(baseline and baseline.answered and all((place, arm) in run.marks for arm in run.arms))


def _drawn(size: int, figure: Callable[[NDArray[np.int64]], Array]) -> list[float] | None:
    """95 % percentile bootstrap over items of a figure that takes (draws, n) picks to (draws,)."""
    if size < 2:
        return None
    rng = np.random.default_rng(0)
    found = [figure(rng.integers(0, size, (_AT_ONCE, size))) for _ in range(DRAWS // _AT_ONCE)]
    return [round(float(end), 6) for end in np.percentile(np.concatenate(found), [2.5, 97.5])]


def _with_interval(name: str, size: int, figure: Callable[[NDArray[np.int64]], Array]) -> dict[str, Any]:
    point = float(figure(np.arange(size)[None, :])[0]) if size else float("nan")
    known = bool(np.isfinite(point))
    return {name: round(point, 6) if known else None, f"{name}_ci": _drawn(size, figure) if known else None}


def _without_spread(quality: Array) -> dict[str, Any]:
    """The interval where all marks are the same: a bootstrap would claim certainty, however few they are."""
    if len(quality) < 2 or quality.std() > 0:
        return {}
    return {"quality_ci": [round(end, 6) for end in mean_interval(quality)]}


def arm_figures(table: Table, arm: str, baseline: str) -> dict[str, Any]:
    """Quality, cost and latency of one arm with intervals, and the share of the baseline's bill it saves."""
    mine, base, n = table.row(arm), table.row(baseline), table.quality.shape[1]
    quality, cost, latency = table.quality[mine], table.cost[mine], table.latency[mine]

    def saved(pick: NDArray[np.int64]) -> Array:
        bill = table.cost[base][pick].sum(axis=1)
        return np.where(bill > 0, 1.0 - cost[pick].sum(axis=1) / np.maximum(bill, 1.0), np.nan)

    return {
        "n": n,
        **_with_interval("quality", n, lambda pick: quality[pick].mean(axis=1)),
        **({} if table.judged and arm == baseline else _without_spread(quality)),
        **_with_interval("cost_usd", n, lambda pick: cost[pick].mean(axis=1) / 1e6),
        **_with_interval("latency_p50_ms", n, lambda pick: np.median(latency[pick], axis=1)),
        **_with_interval("latency_p95_ms", n, lambda pick: np.percentile(latency[pick], 95, axis=1)),
        **_with_interval("saved", n, saved),
    }


def mix_figures(table: Table, candidate: str, baseline: str) -> dict[str, Any] | None:
    """A content-blind random mix of the baseline and the cheapest other model that costs what the candidate costs.

    Reckoned in expectation from the answers of both, item by item; its share of baseline calls is chosen on the same
    items, in each resample anew. None without a third arm that is cheaper than the baseline.
    """
    base, mine, n = table.row(baseline), table.row(candidate), table.quality.shape[1]
    others = [row for row, arm in enumerate(table.arms) if arm not in (baseline, candidate)]
    means = table.cost.mean(axis=1) if n else np.zeros(len(table.arms))
    cheap = min(others, key=lambda row: float(means[row]), default=None)
    if cheap is None or means[cheap] >= means[base]:
        return None

    def share(pick: NDArray[np.int64]) -> Array:
        high, low, own = (table.cost[row][pick].mean(axis=1) for row in (base, cheap, mine))
        return np.asarray(np.clip((own - low) / np.where(high > low, high - low, 1.0), 0.0, 1.0))

    def quality(pick: NDArray[np.int64]) -> Array:
        dear, plain = (table.quality[row][pick].mean(axis=1) for row in (base, cheap))
        return np.asarray(plain + share(pick) * (dear - plain))

    return {
        "cheap": table.arms[cheap],
        **_with_interval("baseline_share", n, share),
        **_with_interval("quality", n, quality),
        **_with_interval("candidate_over_mix", n, lambda pick: table.quality[mine][pick].mean(axis=1) - quality(pick)),
    }


def verdict_of(table: Table, arm: str, baseline: str, rules: Rules, judge_believed: bool) -> dict[str, Any]:
    """The verdict on one arm; a task class that a judge marks cannot ship before the judge is believed."""
    base, mine = table.quality[table.row(baseline)], table.quality[table.row(arm)]
    found: Verdict = decide(base, mine, rules.margin, rules.alpha, rules.many_looks)
    value = found.as_json()
    if table.judged and not judge_believed and found.decision is not Decision.NOT_ENOUGH_DATA:
        value |= {
            "decision": Decision.NOT_ENOUGH_DATA,
            "reason": "the judge's agreement with people is not shown (--judge-check); " + found.reason,
        }
    return value


def analyse(run: Run, candidate: str, rules: Rules) -> dict[str, Any]:
    """Everything that the report shows: `decision`, `exit_code`, `overall`, `by_task`, `judge`, `stopped`.

    In each class `proposed` is the arm that its line of the dispatch table should name.

    The decision is `ship` if the candidate may ship in every task class, `do_not_ship` if it may not in one of them.
    Each class is tested at alpha; that all of them ship by mistake is rarer still.
    """
    agreed = judge.agreement([check.human for check in run.checks], run.opinions) if run.checks else None
    believed = agreed is not None and agreed["agreement_ci"][0] >= rules.least_agreement
    by_task = {task: _part(run, task, candidate, rules, believed) for task in sorted({item.task for item in run.items})}
    decisions = {part["verdicts"][candidate]["decision"] for part in by_task.values()}
    decision = next(d for d in (Decision.DO_NOT_SHIP, Decision.NOT_ENOUGH_DATA, Decision.SHIP) if d in decisions)
    return {
        "decision": decision,
        "exit_code": EXIT_CODES[decision],
        "baseline": run.baseline,
        "candidate": candidate,
        "margin": rules.margin,
        "alpha": rules.alpha,
        "many_looks": rules.many_looks,
        "stopped": run.stopped or None,
        "judge": agreed and {**agreed, "model": run.judge_model, "believed": believed},
        "overall": _part(run, None, candidate, rules, believed),
        "by_task": by_task,
    }


def _part(run: Run, task: str | None, candidate: str, rules: Rules, believed: bool) -> dict[str, Any]:
    table = table_of(run, task)
    asked = [item for item in run.items if task is None or item.task == task]
    keys = [item.key for item in asked]
    arms = {arm: arm_figures(table, arm, run.baseline) | _answered(run, keys, arm) for arm in run.arms}
    others = [arm for arm in run.arms if arm != run.baseline]
    verdicts = {arm: verdict_of(table, arm, run.baseline, rules, believed) for arm in others}
    return {
        "items": len(asked),
        "compared": table.quality.shape[1],
        "arms": arms,
        MIX: mix_figures(table, candidate, run.baseline),
        "verdicts": verdicts,
        "proposed": proposed(arms, verdicts, run.baseline, rules.alpha),
    }


def proposed(arms: dict[str, Any], verdicts: dict[str, Any], baseline: str, alpha: float) -> str:
    """The arm for the dispatch table: the cheapest that may ship, or the baseline if none is cheaper.

    As the best of several is chosen, each must pass at alpha over their number (Bonferroni): then the chance that any
    wrong one could be proposed is still at most alpha.
    """
    passed = [
        arm
        for arm, verdict in verdicts.items()
        if verdict["decision"] == Decision.SHIP and verdict["p_ship"] <= alpha / len(verdicts)
    ]
    return min([baseline, *passed], key=lambda arm: float(arms[arm]["cost_usd"] or 0.0))


def _answered(run: Run, keys: Sequence[str], arm: str) -> dict[str, Any]:
    """`failed`: answers refused or lost; of the others, `escalated`: the share in which a better tier's answer took the
    place of the first one; `tiers`: shares by the tier that answered, if it said so.

    A tier that was named may have been overruled, by residency for example: then the arms do not differ there.
    """
    replies = [reply for key in keys if (reply := run.replies.get((key, arm)))]
    given = [reply for reply in replies if not reply.error]
    tiers = Counter(reply.tier for reply in given if reply.tier)
    shares = {tier: round(count / tiers.total(), 4) for tier, count in tiers.most_common()}
    again = round(sum(reply.escalated for reply in given) / len(given), 4) if given else None
    return {"failed": len(replies) - len(given), "escalated": again, "tiers": shares}

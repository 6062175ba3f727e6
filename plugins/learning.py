"""What outcomes say about the thresholds: a proposal with its evidence, which passes the gate or does not.

A threshold divides two tiers by hardness. Whether it stands right is read off the cheaper tier just beside it:

- Lower it (more calls to the dearer tier) when that tier's success in the BAND below the threshold is below the
  target. The checks alone may say so, or people.
- Raise it (more calls to the cheaper tier) when people or evaluators say that success is above the target: right
  above the threshold where exploration tried the cheaper tier, otherwise in the band below, which is easier and must
  therefore be better than the target by RAISE_MARGIN. Checks alone never make an answer cheaper: passing them is
  weak evidence of a good answer.

A step is small, and the next look judges the new edge by its own outcomes. The chance of a change without cause is
shared among all tests of a look (Bonferroni): each needs an e-value of tests / (1 - gate).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from classifier.labels import TASKS
from plugins.config import RoutingConfig
from plugins.evidence import Belief, Side, belief, log_e_value
from plugins.outcomes import CHECKS, PEOPLE, UNKNOWN, Counts, Tally, bins_between
from plugins.routing.learnt import THRESHOLDS, Learnt
from plugins.routing.scored import Thresholds
from plugins.values import Difficulty

STEP: Final = 0.05  # of hardness, which is a rank: about one call in twenty of everyday traffic
BAND: Final = 0.10
RAISE_MARGIN: Final = 0.02
_SIDES: Final = {"easy_below": (Difficulty.EASY, Difficulty.MEDIUM), "hard_from": (Difficulty.MEDIUM, Difficulty.HARD)}


@dataclass(frozen=True, slots=True)
class Cut:
    """A threshold between two tiers as it stands for one task class, `shift` included; hardness, 0 to 1."""

    task: str
    threshold: str
    at: float
    shift: float
    cheaper: str
    dearer: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One test of one threshold. `past_gate` also says that nothing contradicts it. `shift` is the one proposed,
    equal to the cut's own where `max_shift` allows no more. Rates are per day, as decayed as the outcomes;
    `cost_change_micros` is per day too, None without costs of both tiers."""

    cut: Cut
    side: Side
    kind: str
    tally: Tally
    belief: Belief
    target: float
    log_e: float
    log_needed: float
    past_gate: bool
    shift: float
    calls: float
    cost_change_micros: float | None

    @property
    def changes(self) -> bool:
        """Whether there is something to apply."""
        return self.past_gate and self.shift != self.cut.shift


def cuts(config: RoutingConfig, shipped: Thresholds, learnt: Learnt, tenant: str) -> Iterator[Cut]:
    """Every threshold of the dispatch table that really divides two tiers."""
    for task in TASKS:
        row = config.tasks.get(task)
        base = shipped.of(row, config.default)
        moved = base.shifted(learnt, tenant, task, config.learning.max_shift)
        for name in THRESHOLDS:
            cheaper, dearer = ((row.tier(d) if row else None) or config.default.tier(d) for d in _SIDES[name])
            if cheaper and dearer and cheaper != dearer:
                shift = learnt.shift(tenant, task, name, config.learning.max_shift)
                yield Cut(task, name, getattr(moved, name), shift, cheaper, dearer)


def findings(
    config: RoutingConfig, shipped: Thresholds, learnt: Learnt, counts: Counts, tenant: str
) -> tuple[Finding, ...]:
    """Every test there are enough outcomes for. What was found twice for a threshold may be past the gate once."""
    tested = [finding for cut in cuts(config, shipped, learnt, tenant) for finding in _tests(cut, config, counts)]
    needed = math.log(max(1, len(tested)) / (1.0 - config.learning.gate))
    judged = [replace(f, log_needed=needed, past_gate=f.log_e >= needed) for f in tested]
    return tuple(replace(f, past_gate=f.past_gate and not _contradicted(f, judged)) for f in judged)


def apply(learnt: Learnt, tenant: str, found: Sequence[Finding]) -> Learnt:
    """The table with all changes that passed the gate."""
    for finding in found:
        if finding.changes:
            learnt = learnt.moved(tenant, finding.cut.task, finding.cut.threshold, finding.shift)
    return learnt


def _tests(cut: Cut, config: RoutingConfig, counts: Counts) -> Iterator[Finding]:
    target, least = config.learning.target(cut.task), config.learning.min_observations
    edge = bins_between(cut.at - BAND, cut.at)
    for kind in (CHECKS, PEOPLE):
        # Calls of unknown hardness are on average easier than those at the edge: they cannot make it look worse.
        tally = counts.tally(cut.task, cut.cheaper, kind, (*edge, UNKNOWN))
        if tally.n >= least:
            yield _finding(cut, "below", kind, tally, target, config, counts)
    tried = counts.tally(cut.task, cut.cheaper, PEOPLE, bins_between(cut.at, cut.at + STEP))
    beside = counts.tally(cut.task, cut.cheaper, PEOPLE, edge)
    if tried.n >= least:
        yield _finding(cut, "above", PEOPLE, tried, target, config, counts)
    elif beside.n >= least:
        yield _finding(cut, "above", PEOPLE, beside, min(0.999, target + RAISE_MARGIN), config, counts)


def _finding(
    cut: Cut, side: Side, kind: str, tally: Tally, target: float, config: RoutingConfig, counts: Counts
) -> Finding:
    most = config.learning.max_shift
    down = side == "below"
    shift = round(max(-most, cut.shift - STEP) if down else min(most, cut.shift + STEP), 4)
    after = cut.at + shift - cut.shift
    low, high = sorted((cut.at, after))
    source, goal = (cut.cheaper, cut.dearer) if down else (cut.dearer, cut.cheaper)
    moved = counts.tally(cut.task, source, CHECKS, bins_between(low, high))
    calls = moved.n / counts.days if counts.days else 0.0
    before, then = counts.cost_micros(cut.task, source), counts.cost_micros(cut.task, goal)
    change = None if before is None or then is None else calls * (then - before)
    log_e = log_e_value(tally, target, side)
    return Finding(cut, side, kind, tally, belief(tally), target, log_e, math.inf, False, shift, calls, change)


def _contradicted(finding: Finding, others: Sequence[Finding]) -> bool:
    """Quality first: nothing is made cheaper while other outcomes speak against it, and one move is enough."""
    same = [o for o in others if o.cut == finding.cut and o is not finding]
    if finding.side == "above":
        return any(o.side == "below" and o.belief.mean < o.target for o in same)
    return finding.kind == PEOPLE and any(o.side == "below" and o.kind == CHECKS and o.past_gate for o in same)

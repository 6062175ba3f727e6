"""Exploration: a small share of routed calls tries a neighbouring tier, so that there are outcomes beside a threshold.

Thompson sampling (Thompson 1933; Russo et al. 2018, "A tutorial on Thompson sampling", arXiv 1707.02038): a success is
drawn from the posterior of the routed tier and of its neighbours, and the cheapest whose draw reaches the target
answers. What is unlikely to be good enough is thus tried rarely, and what is certain not at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from plugins.learning_config import LearningConfig
from plugins.outcomes import CHECKS, GRADED, PEOPLE, Counts, Tally, bin_of
from plugins.values import Verdict


@dataclass(frozen=True, slots=True)
class Trial:
    """A tier to try instead of the routed one, and why."""

    tier: str
    reason: str


@dataclass(frozen=True, slots=True)
class Explorer:
    """`counts` are the outcomes as they were read last."""

    counts: Counts = field(default_factory=Counts)
    dice: Random = field(default_factory=Random)

    def trial(self, verdict: Verdict, routed: str, allowed: Sequence[str], config: LearningConfig) -> Trial | None:
        """What to try for this call; None for most. `allowed`: what the call may use, from cheap to dear."""
        graded = verdict.layer in GRADED and routed in allowed
        if not config.enabled or not graded or self.dice.random() >= config.exploration_share:
            return None
        place, target = allowed.index(routed), config.target(verdict.task)
        near = allowed[max(0, place - 1) : place + 2]
        draws = {tier: self._draw(verdict.task, tier, verdict.score) for tier in near}
        best = next((tier for tier in near if draws[tier] >= target), max(near, key=lambda tier: draws[tier]))
        if best == routed:
            return None
        return Trial(best, f"explored {routed} -> {best}: success drawn {draws[best]:.2f}, wanted {target:.2f}")

    def _draw(self, task: str, tier: str, hardness: float) -> float:
        """A success from what people say of this tier at such hardness, and from the checks: the lower of the two."""
        place = bin_of(hardness)
        tallies = [self.counts.tally(task, tier, kind, (place - 1, place, place + 1)) for kind in (PEOPLE, CHECKS)]
        known = [tally for tally in tallies if tally.n > 0] or [Tally()]
        return min(self.dice.betavariate(1.0 + tally.ok, 1.0 + tally.bad) for tally in known)

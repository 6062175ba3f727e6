"""Ship, do not ship, or not enough data: one decision for one task class, with the evidence for it.

Ship: the candidate is shown to be at most `margin` worse than the baseline. Do not ship: it is shown to be more than
`margin` worse. Each of the two is wrong with a chance of at most `alpha`. Anything else is not enough data.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from classifier.proof import betting, paired

Array = NDArray[np.float64]

POWER: Final = 0.8  # of the number of items that is asked for; the field's usual choice
MOST_NEEDED: Final = 1_000_000  # beyond it the difference lies at the margin, and no number would be honest
_BETTING_COST: Final = (
    1.6  # items that a betting test needs for one of the exact test; see `power` in bench/error_rates.py
)


class Decision(StrEnum):
    """What the evidence allows."""

    SHIP = "ship"
    DO_NOT_SHIP = "do_not_ship"
    NOT_ENOUGH_DATA = "not_enough_data"


@dataclass(frozen=True, slots=True)
class Verdict:
    """`difference`: candidate minus baseline, mean over `n` items, with the 95 % `interval`; both in points, 0..1.

    `p_ship` and `p_do_not_ship`: p-values behind the two decisions. `mcnemar_p`: of "no difference", None for scores
    between 0 and 1. `more_needed`: further items for a decision with 80 % power if what was seen is the truth;
    None where there is a decision or where the difference lies at the margin.
    """

    decision: Decision
    n: int
    difference: float
    interval: tuple[float, float]
    margin: float
    alpha: float
    test: str
    p_ship: float
    p_do_not_ship: float
    mcnemar_p: float | None
    more_needed: int | None
    reason: str

    def as_json(self) -> dict[str, Any]:
        """Plain values, rounded to six places."""
        return {
            name: round(value, 6) if isinstance(value, float) else value
            for name, value in (asdict(self) | {"interval": [round(end, 6) for end in self.interval]}).items()
        }


@dataclass(frozen=True, slots=True)
class _Evidence:
    test: str
    p_ship: float
    p_worse: float
    interval: tuple[float, float]
    cost: float  # items needed for one of the exact test


def _exact(gained: int, lost: int, n: int, margin: float) -> _Evidence:
    return _Evidence(
        "exact score test (Tango)",
        paired.p_exceeds(gained, lost, n, -margin),
        paired.p_exceeds(lost, gained, n, margin),
        paired.score_interval(gained, lost, n),
        1.0,
    )


def _betting(difference: Array, margin: float, many_looks: bool) -> _Evidence:
    # Without any spread a bootstrap would claim certainty, however few the items are.
    resamples = not many_looks and bool(difference.std() > 0)
    interval = paired.bootstrap_mean(difference) if resamples else betting.difference_interval(difference)
    p_ship = betting.p_difference(difference, -margin, design=margin)
    p_worse = betting.p_difference(-difference, margin, design=margin)
    return _Evidence("betting", p_ship, p_worse, interval, _BETTING_COST)


def decide(baseline: Array, candidate: Array, margin: float, alpha: float = 0.05, many_looks: bool = False) -> Verdict:
    """Compare two models' scores (n,) in 0..1 on the same items, in the order in which they came.

    Right/wrong scores are tested exactly (paired.py), others by betting (betting.py), which needs more items but holds
    for any scores in 0..1. With `many_looks` betting is used for both, and the interval is a confidence sequence: data
    may then be added and looked at again as often as one likes. Raises ValueError for a margin that is not in 0..1.
    """
    if not 0.0 < margin < 1.0 or len(baseline) != len(candidate):
        raise ValueError("the margin must lie between 0 and 1, and both models need a score for each item")
    n, difference = len(baseline), candidate - baseline
    if not n:
        reason = "no item was answered by both models"
        nothing = Decision.NOT_ENOUGH_DATA
        return Verdict(nothing, 0, 0.0, (-1.0, 1.0), margin, alpha, "none", 1.0, 1.0, None, None, reason)
    gained, lost = int((difference > 0).sum()), int((difference < 0).sum())
    binary = bool(np.isin(baseline, (0.0, 1.0)).all() and np.isin(candidate, (0.0, 1.0)).all())
    found = _betting(difference, margin, many_looks) if many_looks or not binary else _exact(gained, lost, n, margin)
    decision, mean = Decision.NOT_ENOUGH_DATA, float(difference.mean())
    if found.p_ship <= alpha:
        decision = Decision.SHIP
    elif found.p_worse <= alpha:
        decision = Decision.DO_NOT_SHIP
    # Nobody can lose more than there is: wrong references or broken tests would let anything ship.
    blind = decision is Decision.SHIP and float(baseline.mean()) <= margin
    decision = Decision.NOT_ENOUGH_DATA if blind else decision
    undecided = decision is Decision.NOT_ENOUGH_DATA and not blind
    more = items_needed(difference, margin, alpha, found.cost) if undecided else None
    reason = _blind(float(baseline.mean()), margin) if blind else _words(decision, mean, margin, more)
    test, p_value = found.test, paired.mcnemar(gained, lost) if binary else None
    return Verdict(
        decision, n, mean, found.interval, margin, alpha, test, found.p_ship, found.p_worse, p_value, more, reason
    )


def items_needed(difference: Array, margin: float, alpha: float, cost: float = 1.0) -> int | None:
    """Further items until a decision, with a chance of POWER, if the truth is what was seen; None: no useful number.

    Normal approximation, (z_alpha + z_power)^2 * variance / (difference + margin)^2 (Julious, Statistics in Medicine 23
    (2004) 1921-1986). One imagined full disagreement keeps the variance from being nought.
    """
    n, mean = len(difference), float(difference.mean())
    variance = (float(((difference - mean) ** 2).sum()) + 1.0) / (n + 2)
    distance = abs(mean + margin)
    needed = cost * float(norm.ppf(1 - alpha) + norm.ppf(POWER)) ** 2 * variance / max(distance, 1e-9) ** 2
    return max(1, math.ceil(needed) - n) if needed <= MOST_NEEDED else None


def _words(decision: Decision, mean: float, margin: float, more: int | None) -> str:
    seen = f"{100 * mean:+.1f} points against the baseline, margin {100 * margin:.1f}"
    match decision:
        case Decision.SHIP:
            return f"shown to lose less than the margin ({seen})"
        case Decision.DO_NOT_SHIP:
            return f"shown to lose more than the margin ({seen})"
    if more is None:
        return f"the difference lies at the margin; more items will hardly tell ({seen})"
    return f"about {more} more items needed ({seen})"


def _blind(quality: float, margin: float) -> str:
    seen = f"the baseline scores {100 * quality:.1f} points, margin {100 * margin:.1f}"
    return f"such items cannot show a loss; check their references and tests ({seen})"

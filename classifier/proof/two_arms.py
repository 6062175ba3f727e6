"""Two arms that serve different requests (A/B, roll-out), compared at every look with controlled error.

Against "arm A's mean exceeds arm B's by at most t" each arm bets on its own scores: for every level c, A against "A's
mean is at most c" and B against "B's mean is at least c - t". Whatever the true means, both statements hold for c = A's
true mean, so the least product over c is at most a fair game's wealth and Ville's inequality applies: the evidence
reaches 1/alpha with a chance of at most alpha, at any time, with any and changing shares of traffic. Levels lie on
a grid and each is rounded to the side that is true a fortiori, so the grid costs power and not validity.

Source of the bets: betting.py. Source of the product over a shared nuisance mean: Turner, Ly and Gruenwald,
"Generic E-variables for exact sequential k-sample tests that allow for optional stopping", J. Statistical Planning
and Inference 230 (2024).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from classifier.proof.betting import Bettor

Array = NDArray[np.float64]

_POINTS: Final = 400
# Finer towards 0 and 1, as the spread of a rate is smaller there.
LEVELS: Final[Array] = np.sin(np.linspace(0.0, np.pi / 2.0, _POINTS + 1)) ** 2


@dataclass(frozen=True, slots=True)
class Arm:
    """What one arm's scores (0..1) say of its mean. `over`: bets against "at most LEVELS[k]"; `under`: "at least"."""

    over: Bettor
    under: Bettor

    @classmethod
    def start(cls) -> Arm:
        """Before any score."""
        return cls(Bettor.start(np.maximum(LEVELS, 1e-9)), Bettor.start(np.maximum(1.0 - LEVELS, 1e-9)))

    def after(self, scores: Array) -> Arm:
        """After further scores (n,), in the order in which they came."""
        return Arm(self.over.after(scores), self.under.after(1.0 - scores))

    def afresh(self) -> Arm:
        """Before any score, but with bets fitted to what this arm has seen."""
        return Arm(self.over.afresh(), self.under.afresh())

    @property
    def mean(self) -> float:
        """Of the scores seen; nan before any."""
        return self.over.total / self.over.seen if self.over.seen else float("nan")


def log_evidence(a: Arm, b: Arm, tolerance: float) -> float:
    """Log e-value against "A's mean exceeds B's by at most `tolerance`" (-1..1). Reject at log(1 / alpha) or more.

    Looking again and again is allowed: keep the highest value seen.
    """
    return lower_bound(a.over.log_wealth, b.under.log_wealth, tolerance)


def lower_bound(over: Array, under: Array, tolerance: float) -> float:
    """`log_evidence` of the log wealth of A's `over` and B's `under`, (levels,) each: the least over A's level."""
    needed = LEVELS[:-1] - tolerance  # of B, at A's level in LEVELS[k] .. LEVELS[k + 1]
    place = np.searchsorted(LEVELS, needed + 1e-12, side="right") - 1  # rounded down: implied by what is needed
    of_b = np.where(place >= 0, under[np.clip(place, 0, _POINTS)], 0.0)  # below 0 says nothing of B
    impossible = needed > 1.0  # B cannot be that good, so A's mean is not here
    together = np.where(impossible, np.inf, over[1:] + of_b)
    return float(together.min())


def p_exceeds(a: Arm, b: Arm, tolerance: float) -> float:
    """p-value of "A's mean exceeds B's by at most `tolerance`" at this look; valid at all looks together."""
    return float(min(1.0, np.exp(-log_evidence(a, b, tolerance))))


def difference_interval(a: Arm, b: Arm, alpha: float = 0.05) -> tuple[float, float]:
    """Confidence sequence of A's mean minus B's, -1..1, valid at all looks together; steps of 0.0025."""
    limit, steps = np.log(2.0 / alpha), np.arange(-400, 401) / 400.0
    up, down = (a.over.log_wealth, b.under.log_wealth), (b.over.log_wealth, a.under.log_wealth)
    more = [step for step in steps if lower_bound(*up, step) >= limit]
    less = [step for step in steps if lower_bound(*down, -step) >= limit]
    return float(max(more, default=-1.0)), float(min(less, default=1.0))

"""Is a tier's success below (or above) a target? Beta posteriors to show, and a gate that stands looking often.

With k good and m bad outcomes and a uniform prior the posterior of the success is Beta(1 + k, 1 + m).

The gate is an e-value: the mean likelihood ratio, against success `target`, of all successes on the other side of it,
averaged over the prior cut to that side (Robbins 1970, "Statistical methods related to the law of the iterated
logarithm"; Ramdas, Gruenwald, Vovk and Shafer 2023, "Game-theoretic statistics and safe anytime-valid inference").
If the success is not on that side its expectation is at most 1, so it reaches 1/a with a chance of at most a
(Markov). Decay keeps that: an outcome that counts with weight w <= 1 contributes its likelihood ratio to the power w,
whose expectation is at most 1 too (Jensen). Without decay it also holds over any number of looks (Ville); with decay
old and new looks are nearly independent, so it holds per look, and about once per half-life over many.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal

from scipy import special

from plugins.outcomes import Tally

PRIOR: Final = (1.0, 1.0)  # uniform
INTERVAL: Final = 0.95
Side = Literal["below", "above"]


@dataclass(frozen=True, slots=True)
class Belief:
    """The posterior of a success, 0 to 1: its mean and central 95 % credible interval."""

    mean: float
    low: float
    high: float


def belief(tally: Tally) -> Belief:
    """What the outcomes say, with a uniform prior."""
    a, b = PRIOR[0] + tally.ok, PRIOR[1] + tally.bad
    tail = (1.0 - INTERVAL) / 2
    return Belief(a / (a + b), float(special.betaincinv(a, b, tail)), float(special.betaincinv(a, b, 1.0 - tail)))


def log_e_value(tally: Tally, target: float, side: Side, prior: tuple[float, float] = PRIOR) -> float:
    """Natural logarithm of the evidence that the success is `side` the target (0 < target < 1); no upper bound.
    A `prior` nearer to what the success may be finds it with fewer outcomes; any is valid."""
    a, b = prior
    after = special.betaln(a + tally.ok, b + tally.bad) + _log_mass(a + tally.ok, b + tally.bad, target, side)
    before = special.betaln(a, b) + _log_mass(a, b, target, side)
    against = tally.ok * math.log(target) + tally.bad * math.log1p(-target)
    return float(after - before - against)


def _log_mass(a: float, b: float, target: float, side: Side) -> float:
    """Log of the part of Beta(a, b) on that side of the target."""
    mass = float(special.betainc(a, b, target) if side == "below" else special.betaincc(a, b, target))
    return math.log(mass) if mass > 0 else -math.inf

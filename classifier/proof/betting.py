"""Tests and intervals for means of scores in 0..1 that stay valid however often, and whenever, one looks.

A gambler who starts with 1 bets on each score against "the mean is at most m": the wealth is multiplied by
1 + bet * (score - m). Under that hypothesis no strategy makes money, so the wealth ever reaches 1/alpha with
a chance of at most alpha (Ville's inequality), at any sample size and at any time of looking.

Source: Waudby-Smith and Ramdas, "Estimating means of bounded random variables by betting", JRSS B 86 (2024) 1-27;
the bets are its LBOW ("lower-bound on the wealth"): with d the past excess and v the past variance, both shrunk at
first, d / (m * d + v + d^2). The term m * d keeps bets small where scores are skewed, as those of rare failures are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_CAP: Final = 0.9  # of the largest bet that cannot lose everything
_DESIGNED: Final = 0.75  # share of the money that is bet for the designed excess, if there is one
_CELLS: Final = 28_000  # numbers handled at once: what fits a processor's cache is several times as fast
_PRIOR_WEIGHT: Final = 4.0  # scores that the starting guess of the variance counts for
_PRIOR_VARIANCE: Final = 0.0625  # of scores in 0..1; a quarter of the largest possible


@dataclass(frozen=True, slots=True)
class Bettor:
    """Wealth against "the mean is at most `means[k]`" for each k, after `seen` scores (0..1).

    `taught`: (how many, total, sum of squares) of scores seen elsewhere before, to which the first bets are fitted.
    They win nothing themselves, and bets may rest on all that is known before the score, so this costs no validity.
    `design` > 0 is the excess one hopes for: most of the money is then bet in the size that suits it, the rest, or
    all of it without a design, learns its bets from the scores. `logs` (strategies, k): log wealth of each strategy.
    Immutable: `after` gives the next state, and scores in one piece or in many give the same.
    """

    means: Array
    design: float
    logs: Array
    seen: int = 0
    total: float = 0.0
    squares: float = 0.0
    taught: tuple[float, float, float] = (0.0, 0.0, 0.0)

    @classmethod
    def start(cls, means: Array, design: float = 0.0) -> Bettor:
        """Before any score. `means` (k,), each above 0."""
        return cls(means, design, np.zeros((2 if design > 0 else 1, len(means))))

    def afresh(self) -> Bettor:
        """Without wealth or scores, but taught by those of this one and by what had taught it."""
        count, total, squares = self.taught
        known = (count + self.seen, total + self.total, squares + self.squares)
        return replace(self.start(self.means, self.design), taught=known)

    def after(self, scores: Array) -> Bettor:
        """The state after further scores (n,), in the order in which they came."""
        state = self
        for block in self._blocks(scores):
            state = state._after_block(block, state._growth(block).sum(axis=-1))
        return state

    def _blocks(self, scores: Array) -> Iterator[Array]:
        size = max(16, _CELLS // len(self.means))
        return (scores[first : first + size] for first in range(0, len(scores), size))

    def _after_block(self, scores: Array, growth: Array) -> Bettor:
        total, squares = self.total + float(scores.sum()), self.squares + float((scores**2).sum())
        return replace(self, logs=self.logs + growth, seen=self.seen + len(scores), total=total, squares=squares)

    def _growth(self, scores: Array) -> Array:
        """Log growth by score (strategies, k, n); a bet depends on earlier scores alone."""
        taught_count, taught_total, taught_squares = self.taught
        count = taught_count + self.seen + np.arange(len(scores), dtype=np.float64)
        total = taught_total + self.total + np.cumsum(scores) - scores
        squares = taught_squares + self.squares + np.cumsum(scores**2) - scores**2
        spread = np.maximum(squares - total**2 / np.maximum(count, 1.0), 0.0)
        variance = (_PRIOR_WEIGHT * _PRIOR_VARIANCE + spread) / (_PRIOR_WEIGHT + count)
        level = self.means[:, None]
        excess = total / (_PRIOR_WEIGHT + count) - level * (count / (_PRIOR_WEIGHT + count))
        np.maximum(excess, 0.0, out=excess)
        hoped = [excess] if self.design <= 0 else [excess, np.full((1, 1), self.design)]
        return np.stack([_log_growth(scores, level, each, variance) for each in hoped])

    def path(self, scores: Array) -> Array:
        """Log wealth after each of further scores: (k, n)."""
        state, parts = self, [np.empty((len(self.logs), len(self.means), 0))]
        for block in self._blocks(scores):
            grown = np.cumsum(state._growth(block), axis=-1)
            parts.append(state.logs[:, :, None] + grown)
            state = state._after_block(block, grown[:, :, -1])
        return self._together(np.concatenate(parts, axis=-1))

    @property
    def log_wealth(self) -> Array:
        """(k,) of all strategies together."""
        return self._together(self.logs)

    def _together(self, logs: Array) -> Array:
        if self.design <= 0:
            learning: Array = logs[0]
            return learning
        return np.asarray(np.logaddexp(logs[0] + np.log(1.0 - _DESIGNED), logs[1] + np.log(_DESIGNED)))


def _log_growth(scores: Array, level: Array, excess: Array, variance: Array) -> Array:
    """Of the bets that suit this excess (k or 1, n or 1) over each level (k, 1), with past variances (n,): (k, n)."""
    bets = excess * (level + excess) + variance
    np.divide(excess, bets, out=bets)
    np.minimum(bets, _CAP / level, out=bets)
    bets *= scores - level
    return np.asarray(np.log1p(bets, out=bets))


def p_anytime(scores: Array, mean: float, design: float = 0.0) -> float:
    """p-value of "the mean is at most `mean`" (0..1), valid at any time of looking: one over the highest wealth."""
    if not len(scores):
        return 1.0
    path = Bettor.start(np.array([mean]), design).path(scores)
    return float(min(1.0, np.exp(-path.max())))


def mean_interval(scores: Array, alpha: float = 0.05, points: int = 200) -> tuple[float, float]:
    """Confidence sequence of a mean of scores in 0..1, at this time of looking: all means not bet against enough.

    Valid at all times together with a chance of 1 - alpha. Ends are rounded outwards to the grid of 1 / `points`.
    """
    grid = np.arange(1, points) / points
    limit = np.log(2.0 / alpha)
    above = Bettor.start(grid).after(scores).log_wealth >= limit  # the mean is more than the grid point
    below = Bettor.start(grid).after(1.0 - scores).log_wealth[::-1] >= limit
    low = float(grid[above].max()) if above.any() else 0.0
    high = float(grid[below].min()) if below.any() else 1.0
    return min(low, high), max(low, high)


def p_difference(differences: Array, more_than: float, design: float = 0.0) -> float:
    """p-value of "the mean of the differences (each -1 to 1) is at most `more_than`", valid at any time of looking."""
    return p_anytime((1.0 + differences) / 2.0, (1.0 + more_than) / 2.0, design / 2.0)


def difference_interval(differences: Array, alpha: float = 0.05) -> tuple[float, float]:
    """Confidence sequence of a mean paired difference, -1 to 1."""
    low, high = mean_interval((1.0 + differences) / 2.0, alpha, points=800)
    return 2.0 * low - 1.0, 2.0 * high - 1.0

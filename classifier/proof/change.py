"""Notices when the mean of a stream of scores has changed: a provider's model that is another one under its name.

An e-detector of the Shiryaev-Roberts kind: with L the growth of a bet against "the mean is still within `tolerance`
of the baseline", the statistic M becomes (M + 1) * L with each score, averaged over bets of several sizes, downwards
and upwards. Without a change the expected number of scores until M reaches a threshold is at least that threshold,
whatever the distribution in 0..1: the threshold is the average run length to a false alarm.

Source: Shin, Ramdas and Rinaldo, "E-detectors: a nonparametric framework for sequential change detection",
New England J. Statistics in Data Science 2 (2024).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# Shares of the largest bet that cannot lose everything: for changes from a few points to most of the scale.
BETS: Final[Array] = np.array([0.02, 0.05, 0.1, 0.2, 0.4, 0.8])


@dataclass(frozen=True, slots=True)
class ChangeDetector:
    """`baseline`: the mean (0..1) while all is well; estimate it on many scores, its error counts against `tolerance`.

    `run_length`: scores that pass on average before a false alarm, at least. `statistic` (2, bets): down and up.
    `alarm_at`: how many scores had been seen at the first alarm. Immutable; `after` gives the next state.
    """

    baseline: float
    tolerance: float
    run_length: float
    statistic: Array
    seen: int = 0
    alarm_at: int | None = None

    @classmethod
    def start(cls, baseline: float, run_length: float, tolerance: float = 0.0) -> ChangeDetector:
        """Before any score. Raises ValueError if the arguments leave nothing to detect."""
        if not 0.0 <= tolerance <= min(baseline, 1.0 - baseline) or run_length <= 1.0:
            raise ValueError("baseline +- tolerance must lie in 0..1, and the run length above 1")
        return cls(baseline, tolerance, run_length, np.zeros((2, len(BETS))))

    def after(self, scores: Array) -> ChangeDetector:
        """The state after further scores (n,), each 0..1, in order. After an alarm it stays as it was then."""
        statistic, seen = self.statistic, self.seen
        for score in scores:
            if self.alarm_at is not None:
                return self
            statistic, seen = advance(statistic, float(score), self.baseline, self.tolerance), seen + 1
            if statistic.mean() >= self.run_length:
                return replace(self, statistic=statistic, seen=seen, alarm_at=seen)
        return replace(self, statistic=statistic, seen=seen)

    @property
    def direction(self) -> str | None:
        """`down` or `up` once there was an alarm."""
        if self.alarm_at is None:
            return None
        return "down" if self.statistic[0].sum() >= self.statistic[1].sum() else "up"


def advance(statistic: Array, score: Array | float, baseline: float, tolerance: float) -> Array:
    """One score further. `statistic` (..., 2, bets), `score` broadcasts against its leading axes."""
    low, high = baseline - tolerance, baseline + tolerance
    value = np.asarray(score)[..., None, None]
    # The worst score for a bet on "lower than low" is 1, for a bet on "higher than high" it is 0.
    down = 1.0 + BETS / max(1.0 - low, 1e-9) * (low - value)
    up = 1.0 + BETS / max(high, 1e-9) * (value - high)
    return np.asarray((statistic + 1.0) * np.concatenate([down, up], axis=-2))

"""Two models on the same items, looked at once: McNemar's test, intervals, and non-inferiority.

`gained`: items that the candidate alone answers right; `lost`: items that the baseline alone answers right.

Non-inferiority of right/wrong answers uses Tango's score statistic, because it stays sound when few items disagree
(a Wald statistic has no variance when none do), and makes its size exact: the critical value is the least one whose
chance of a false "not inferior" is at most alpha for every possible rate of disagreement, reckoned from the trinomial
distribution and not from an approximation.

Sources: McNemar, Psychometrika 12 (1947); Tango, Statistics in Medicine 17 (1998) 891-908; Lloyd and
Moldovan, Statistics in Medicine 27 (2008) 3540-3549 (exact size by maximising over the nuisance parameter).
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.stats import binom, norm

Array = NDArray[np.float64]
Counts = NDArray[np.int64]

_NUISANCE_POINTS: Final = 80  # rates of disagreement at which the size is reckoned, denser near the least possible
_REACH: Final = 9.0  # standard deviations around the expected disagreements that are summed: all but 1e-18


def mcnemar(gained: int, lost: int) -> float:
    """Exact two-sided p-value of "both are right equally often"."""
    return float(min(1.0, 2.0 * binom.cdf(min(gained, lost), gained + lost, 0.5)))


def score_z(gained: Counts | int, lost: Counts | int, items: int, difference: float) -> Array:
    """Tango's statistic for "candidate minus baseline is `difference`" (-1 to 1); large when it is more. Broadcasts."""
    up, down = np.asarray(gained, dtype=np.float64), np.asarray(lost, dtype=np.float64)
    linear = -up - down + (2.0 * items - up + down) * difference
    constant = -down * difference * (1.0 - difference)
    root = np.sqrt(np.maximum(linear**2 - 8.0 * items * constant, 0.0))
    lost_rate = (root - linear) / (4.0 * items)
    variance = items * (2.0 * lost_rate + difference * (1.0 - difference))
    excess = up - down - items * difference
    z = excess / np.sqrt(np.maximum(variance, 1e-300))
    return np.asarray(np.where(variance > 1e-12, z, np.sign(excess) * 1e9))


def score_interval(gained: int, lost: int, items: int, confidence: float = 0.95) -> tuple[float, float]:
    """Tango's interval of candidate minus baseline, -1 to 1."""
    z = float(norm.ppf(0.5 + confidence / 2))

    def at(difference: float, level: float) -> float:
        return float(score_z(gained, lost, items, difference)) - level

    edge = 1.0 - 1e-9
    low = -1.0 if at(-edge, z) <= 0 else brentq(at, -edge, edge, args=(z,))
    high = 1.0 if at(edge, -z) >= 0 else brentq(at, -edge, edge, args=(-z,))
    return float(low), float(high)


def _least_gained(items: int, difference: float, z: float) -> Counts:
    """For each number of disagreements 0..items the fewest gains whose statistic reaches z; one more if none does."""
    total = np.arange(items + 1)
    low, high = np.zeros(items + 1, dtype=np.int64), total + 1
    while np.any(low < high):
        middle = (low + high) // 2
        tried = np.minimum(middle, total)
        enough = score_z(tried, total - tried, items, difference) >= z - 1e-12
        high = np.where((low < high) & enough, middle, high)
        low = np.where((low < high) & ~enough, middle + 1, low)
    return low


def size_at(items: int, difference: float, z: float) -> float:
    """Highest chance, over all rates of disagreement, that the statistic reaches z when `difference` is the truth."""
    least = _least_gained(items, difference, z)
    floor = abs(difference)
    worst = 0.0
    for step in np.linspace(0.0, 1.0, _NUISANCE_POINTS):
        rate = max(floor + (1.0 - floor) * step**2, 1e-12)
        spread = _REACH * math.sqrt(items * rate * (1.0 - rate)) + _REACH
        first, last = max(0, math.floor(items * rate - spread)), min(items, math.ceil(items * rate + spread))
        total = np.arange(first, last + 1)
        upward = min(1.0, max(0.0, (rate + difference) / (2.0 * rate)))
        reach = binom.sf(least[first : last + 1] - 1, total, upward)
        worst = max(worst, float(np.dot(binom.pmf(total, items, rate), reach)))
    return worst


@lru_cache(maxsize=1024)
def critical_z(items: int, difference: float, alpha: float) -> float:
    """The least critical value (to 0.001) whose exact size is at most alpha."""
    low, high = 0.0, float(norm.ppf(1.0 - alpha)) * 2.0 + 1.0
    while size_at(items, difference, high) > alpha and high < 1e6:
        low, high = high, high * 2.0
    while high - low > 1e-3:
        middle = (low + high) / 2.0
        low, high = (low, middle) if size_at(items, difference, middle) <= alpha else (middle, high)
    return high


def exceeds(gained: Counts | int, lost: Counts | int, items: int, difference: float, alpha: float) -> NDArray[np.bool_]:
    """Whether candidate minus baseline is shown to be more than `difference`, with an error of at most alpha.

    Non-inferiority at a margin m is `difference=-m`. That baseline minus candidate exceeds m is the same call with
    `gained` and `lost` exchanged and `difference=m`. Broadcasts over counts.
    """
    return np.asarray(score_z(gained, lost, items, difference) >= critical_z(items, difference, alpha))


def p_exceeds(gained: int, lost: int, items: int, difference: float) -> float:
    """The exact p-value of `exceeds`."""
    return min(1.0, size_at(items, difference, float(score_z(gained, lost, items, difference))))


def bootstrap_mean(values: Array, draws: int = 2_000, seed: int = 0, confidence: float = 0.95) -> tuple[float, float]:
    """Percentile interval of the mean over items (n,). For a paired difference pass the differences."""
    if not len(values):
        return math.nan, math.nan
    rng = np.random.default_rng(seed)
    distinct, counts = np.unique(values, return_counts=True)
    means = rng.multinomial(len(values), counts / len(values), size=draws) @ distinct / len(values)
    low, high = np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)

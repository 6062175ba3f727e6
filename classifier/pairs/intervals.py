"""Confidence intervals of a share: Clopper and Pearson (Biometrika 26, 1934), exact for the binomial."""

from __future__ import annotations

from scipy.special import betaincinv


def clopper_pearson(hits: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Two-sided interval of `hits` out of `n`; (0, 1) when there is nothing to count."""
    if n == 0:
        return 0.0, 1.0
    tail = (1.0 - confidence) / 2.0
    low = 0.0 if hits == 0 else float(betaincinv(hits, n - hits + 1, tail))
    high = 1.0 if hits == n else float(betaincinv(hits + 1, n - hits, 1.0 - tail))
    return low, high


def upper_bound(hits: int, n: int, confidence: float = 0.95) -> float:
    """One-sided upper bound of the share; 1 when there is nothing to count."""
    if n == 0 or hits == n:
        return 1.0
    return float(betaincinv(hits + 1, n - hits, confidence))

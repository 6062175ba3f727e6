"""Gradient-boosted trees as plain arrays: the probability that one answer serves both questions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

ARRAYS = ("feature", "limit", "left", "right", "value", "roots", "base")


@dataclass(frozen=True, slots=True)
class TreeScorer:
    """All trees in one table of N nodes: a row goes left if its feature is <= limit; leaves point to themselves.

    `feature`, `left`, `right` (N,) int; `limit`, `value` (N,) float64; `roots` (T,) int; `base` the start value.
    """

    feature: NDArray[np.int64]
    limit: NDArray[np.float64]
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    value: NDArray[np.float64]
    roots: NDArray[np.int64]
    base: float
    depth: int

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[np.float64]], depth: int) -> TreeScorer:
        """Build from the arrays of an artifact. Raises KeyError if one is missing."""
        whole = {name: arrays[name].astype(np.int64) for name in ("feature", "left", "right", "roots")}
        return cls(limit=arrays["limit"], value=arrays["value"], base=float(arrays["base"]), depth=depth, **whole)

    def probability(self, row: NDArray[np.float64]) -> float:
        """The chance, 0 to 1, for one row of features."""
        at = self.roots
        for _ in range(self.depth):
            at = np.where(row[self.feature[at]] <= self.limit[at], self.left[at], self.right[at])
        return float(1.0 / (1.0 + np.exp(-(self.base + self.value[at].sum()))))

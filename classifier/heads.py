"""The learners as they are served: plain arrays, no scikit-learn, nothing that runs code when it is read.

Each head scores one prompt and returns float64 (outputs,). `arrays` and `read` are its two halves of the file format.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from classifier.features import BUCKETS, Lexical
from classifier.kernel_sum import KernelSum

Array = NDArray[Any]
Vector = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a head may look at: both lexical views and, unless the request is decided without it, the embedding."""

    lexical: Lexical
    embedding: NDArray[np.float32] | None

    def vector(self) -> NDArray[np.float32]:
        """The embedding. Only heads of the full mode ask, and that mode always has it."""
        if self.embedding is None:
            raise ValueError("this head needs an embedding")
        return self.embedding

    def both(self) -> NDArray[np.float32]:
        """Lexical numbers and embedding side by side, float32 (lexical + 384,)."""
        return np.concatenate([self.lexical.dense, self.vector()])


class Head(Protocol):
    """One learner."""

    def __call__(self, inputs: Inputs) -> Vector: ...
    def arrays(self) -> dict[str, Array]: ...


@dataclass(frozen=True, slots=True)
class SparseLinear:
    """Ridge on L2-normalised TF-IDF of hashed words. `buckets` (k,) sorted, `idf` (k,), `weights` (k, outputs).

    `place` (BUCKETS,) says where a bucket stands in them, or -1: a third of the time of a search for each.
    """

    buckets: Array
    idf: Array
    weights: Array
    intercept: Array
    place: Array

    def __call__(self, inputs: Inputs) -> Vector:
        lexical = inputs.lexical
        at = self.place.take(lexical.buckets)
        known = np.flatnonzero(at >= 0)
        at = at.take(known)
        value = lexical.counts.take(known) * self.idf.take(at).astype(np.float64)
        norm = float(np.sqrt(value @ value)) or 1.0
        return np.asarray((value / norm) @ self.weights.take(at, axis=0).astype(np.float64) + self.intercept)

    def arrays(self) -> dict[str, Array]:
        """Buckets need 16 bits and float16 is precise enough for weights (checked against the fit in the tests)."""
        return {
            "buckets": self.buckets.astype(np.uint16),
            "idf": self.idf.astype(np.float16),
            "weights": self.weights.astype(np.float16),
            "intercept": self.intercept.astype(np.float64),
        }

    @classmethod
    def read(cls, arrays: Mapping[str, Array]) -> SparseLinear:
        """From `arrays`."""
        buckets = arrays["buckets"].astype(np.int64)
        place = np.full(BUCKETS, -1, dtype=np.int32)
        place[buckets] = np.arange(len(buckets))
        return cls(**{**arrays, "buckets": buckets, "place": place})


@dataclass(frozen=True, slots=True)
class DenseLinear:
    """Linear map of standardised numbers: `lexical`, `embedding` or `both`. `weights` (inputs, outputs)."""

    view: str
    mean: Array
    scale: Array
    weights: Array
    intercept: Array

    def __call__(self, inputs: Inputs) -> Vector:
        value = inputs.lexical.dense if self.view == "lexical" else inputs.both()
        # Clipped, so that one feature far outside of what was trained on cannot decide alone.
        standard = np.minimum(np.maximum((value - self.mean) / self.scale, -4.0), 4.0)
        return np.asarray(standard @ self.weights + self.intercept, dtype=np.float64)

    def arrays(self) -> dict[str, Array]:
        """Float32 is enough for sums of a few hundred terms."""
        floats = {name: getattr(self, name).astype(np.float32) for name in ("mean", "scale", "weights", "intercept")}
        return {"view": np.asarray(self.view), **floats}

    @classmethod
    def read(cls, arrays: Mapping[str, Array]) -> DenseLinear:
        """From `arrays`."""
        return cls(**{**arrays, "view": str(arrays["view"])})  # type: ignore[arg-type]  # a str among arrays


@dataclass(frozen=True, slots=True)
class Kernel:
    """Kernel ridge (RBF) on embeddings: a smooth nearest-neighbour vote.

    `support` (n, 384) int8 of unit vectors times 127 / `peak`; `weights` (n, outputs).
    """

    support: Array
    peak: Array
    gamma: Array
    weights: Array
    intercept: Array
    votes: KernelSum

    def __call__(self, inputs: Inputs) -> Vector:
        return np.asarray(self.votes(inputs.vector()) + self.intercept, dtype=np.float64)

    def arrays(self) -> dict[str, Array]:
        """One byte a coordinate."""
        return {
            "support": self.support,
            "peak": self.peak,
            "gamma": self.gamma,
            "weights": self.weights.astype(np.float32),
            "intercept": self.intercept.astype(np.float64),
        }

    @classmethod
    def read(cls, arrays: Mapping[str, Array]) -> Kernel:
        """From `arrays`."""
        votes = KernelSum(arrays["support"], float(arrays["peak"]), float(arrays["gamma"]), arrays["weights"])
        return cls(**arrays, votes=votes)


@dataclass(frozen=True, slots=True)
class Trees:
    """Boosted regression trees, all walked at once. Nodes of all trees lie in one row of arrays; a leaf is its own
    child. `roots` (trees,), `owner` (trees,) the output a tree adds to, `depth` the longest walk."""

    view: str
    feature: Array
    threshold: Array
    left: Array
    right: Array
    value: Array
    roots: Array
    owner: Array
    depth: Array
    intercept: Array

    def __call__(self, inputs: Inputs) -> Vector:
        row = inputs.lexical.dense if self.view == "lexical" else inputs.both()
        node = self.roots
        for _ in range(int(self.depth)):  # by index, as `take` lets go of the interpreter each time
            goes_left = row[self.feature[node]] <= self.threshold[node]
            node = np.where(goes_left, self.left[node], self.right[node])
        sums = np.bincount(self.owner, weights=self.value[node], minlength=len(self.intercept))
        return np.asarray(sums + self.intercept, dtype=np.float64)

    def arrays(self) -> dict[str, Array]:
        """Small integers."""
        return {
            "view": np.asarray(self.view),
            "feature": self.feature.astype(np.int16),
            "threshold": self.threshold.astype(np.float32),
            "left": self.left.astype(np.int32),
            "right": self.right.astype(np.int32),
            "value": self.value.astype(np.float32),
            "roots": self.roots.astype(np.int32),
            "owner": self.owner.astype(np.int16),
            "depth": self.depth,
            "intercept": self.intercept.astype(np.float64),
        }

    @classmethod
    def read(cls, arrays: Mapping[str, Array]) -> Trees:
        """From `arrays`. Indices as numpy's own, as narrower ones are widened at each step: half of the time."""
        wide = {name: arrays[name].astype(np.intp) for name in ("feature", "left", "right", "roots", "owner")}
        return cls(**{**arrays, **wide, "view": str(arrays["view"])})  # type: ignore[arg-type]  # a str among arrays


KINDS: dict[str, type[SparseLinear] | type[DenseLinear] | type[Kernel] | type[Trees]] = {
    "words": SparseLinear,
    "line": DenseLinear,
    "both": DenseLinear,
    "near": Kernel,
    "tree": Trees,
    "wide": Trees,
}

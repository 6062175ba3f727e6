"""Fitting of the served heads with scikit-learn. One thread and fixed seeds: the same rows give the same numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, Ridge

from classifier.features import BUCKETS, Lexical
from classifier.heads import DenseLinear, Head, Inputs, Kernel, SparseLinear, Trees

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Matrix:
    """The features of many prompts. `dense` (n, lexical), `embedding` (n, 384), `words` sparse (n, BUCKETS)."""

    rows: tuple[Inputs, ...]
    dense: NDArray[np.float32]
    embedding: NDArray[np.float32]
    words: Any

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, index: Array) -> Matrix:
        """The rows at `index` (integers)."""
        rows = tuple(self.rows[i] for i in index)
        return Matrix(rows, self.dense[index], self.embedding[index], self.words[index])


def matrix(lexicals: Sequence[Lexical], embeddings: NDArray[np.float32]) -> Matrix:
    """Stack the features of all prompts."""
    bounds = np.cumsum([0] + [len(lex.buckets) for lex in lexicals])
    counts = np.concatenate([lex.counts for lex in lexicals])
    buckets = np.concatenate([lex.buckets for lex in lexicals])
    words = csr_matrix((counts, buckets, bounds), shape=(len(lexicals), BUCKETS))
    rows = tuple(Inputs(lex, vector) for lex, vector in zip(lexicals, embeddings, strict=True))
    return Matrix(rows, np.stack([lex.dense for lex in lexicals]), embeddings, words)


def _inverse_document_frequency(words: Any) -> Array:
    seen = np.bincount(words.indices, minlength=BUCKETS)
    return np.where(seen >= 2, np.log((1 + words.shape[0]) / (1 + seen)) + 1.0, 0.0)


def fit_words(data: Matrix, target: Array, alpha: float) -> SparseLinear:
    """Ridge on TF-IDF; buckets seen once are dropped."""
    idf = _inverse_document_frequency(data.words)
    weighted = data.words.multiply(idf[None, :]).tocsr()
    norm = np.sqrt(np.asarray(weighted.multiply(weighted).sum(axis=1)).ravel())
    unit = csr_matrix(weighted.multiply(1.0 / np.where(norm > 0, norm, 1.0)[:, None]))
    model = Ridge(alpha=alpha, solver="sparse_cg", tol=1e-6).fit(unit, target)
    kept = np.flatnonzero(idf)
    weights = np.atleast_2d(model.coef_).T[kept]
    intercept = np.atleast_1d(model.intercept_).astype(np.float64)
    return SparseLinear.read({"buckets": kept, "idf": idf[kept], "weights": weights, "intercept": intercept})


def _standard(data: Matrix, view: str) -> tuple[Array, Array, Array]:
    value = data.dense if view == "lexical" else np.hstack([data.dense, data.embedding])
    mean = value.mean(axis=0)
    scale = value.std(axis=0)
    # A feature that (almost) never moved in training says nothing when it suddenly does.
    scale = np.where(scale > 1e-3, scale, 1e3)
    return np.clip((value - mean) / scale, -4.0, 4.0), mean, scale


def fit_line(data: Matrix, target: Array, alpha: float, view: str = "lexical") -> DenseLinear:
    """Ridge on standardised numbers."""
    standard, mean, scale = _standard(data, view)
    model = Ridge(alpha=alpha).fit(standard, target)
    return DenseLinear(view, mean, scale, np.atleast_2d(model.coef_).T, np.atleast_1d(model.intercept_))


def fit_logistic(data: Matrix, label: Array, weight: Array, strength: float, view: str) -> DenseLinear:
    """Multinomial logistic regression on standardised numbers; scores are log-odds, one output a class (>= 2)."""
    standard, mean, scale = _standard(data, view)
    model = LogisticRegression(C=strength, max_iter=400).fit(standard, label, sample_weight=weight)
    weights, intercept = model.coef_.T, model.intercept_
    if weights.shape[1] == 1:  # two classes come as one column: make them two
        weights, intercept = np.hstack([-weights / 2, weights / 2]), np.concatenate([-intercept / 2, intercept / 2])
    return DenseLinear(view, mean, scale, weights, intercept)


def fit_near(data: Matrix, target: Array, gamma: float, alpha: float) -> Kernel:
    """Kernel ridge on the embeddings as they will be stored (int8), so that serving repeats training exactly."""
    peak = float(np.abs(data.embedding).max())
    support = np.round(data.embedding * (127.0 / peak)).astype(np.int8)
    widened = support.astype(np.float32) * np.float32(peak / 127.0)
    gram = np.exp(-2.0 * gamma * (1.0 - (widened @ widened.T).astype(np.float64)))
    mean = target.mean(axis=0)
    gram[np.diag_indices_from(gram)] += alpha
    weights = np.linalg.solve(gram, target - mean)
    fitted = {"support": support, "peak": np.asarray(peak), "gamma": np.asarray(gamma), "weights": weights}
    return Kernel.read({**fitted, "intercept": np.atleast_1d(mean)})


def _boosted(value: Array, target: Array, trees: int, share: float, seed: int) -> Any:
    leaf = max(10, min(40, len(value) // 60))
    model = GradientBoostingRegressor(
        n_estimators=trees,
        learning_rate=0.05,
        max_depth=4,
        min_samples_leaf=leaf,
        subsample=0.6,
        max_features=share,
        random_state=seed,
        init="zero",
    )
    return model.fit(value, target)


def fit_trees(data: Matrix, target: Array, view: str, trees: int, seed: int) -> Trees:
    """Gradient boosted trees, one ensemble an output, packed into one table."""
    value = data.dense if view == "lexical" else np.hstack([data.dense, data.embedding])
    mean = target.mean(axis=0)
    columns: tuple[list[Array], ...] = ([], [], [], [], [])
    roots: list[int] = []
    owner: list[int] = []
    depth, offset = 1, 0
    for output in range(target.shape[1]):
        share = 0.25 if view == "lexical" else 0.1
        model = _boosted(value, target[:, output] - mean[output], trees, share, seed + output)
        for tree in (estimator.tree_ for estimator in model.estimators_[:, 0]):
            own = np.arange(tree.node_count)
            is_leaf = tree.children_left < 0
            columns[0].append(np.where(is_leaf, 0, tree.feature))
            columns[1].append(tree.threshold)
            columns[2].append(np.where(is_leaf, own, tree.children_left) + offset)
            columns[3].append(np.where(is_leaf, own, tree.children_right) + offset)
            columns[4].append(tree.value[:, 0, 0] * model.learning_rate)
            roots.append(offset)
            owner.append(output)
            depth = max(depth, int(tree.max_depth))
            offset += int(tree.node_count)
    feature, threshold, left, right, leaves = (np.concatenate(parts) for parts in columns)
    packed = (feature, threshold, left, right, leaves, np.asarray(roots), np.asarray(owner))
    return Trees(view, *packed, np.asarray(depth), mean)


def score(head: Head, data: Matrix) -> NDArray[np.float64]:
    """The head's outputs on every row, exactly as served: (n, outputs)."""
    return np.stack([head(row) for row in data.rows])

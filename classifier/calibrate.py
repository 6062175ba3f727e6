"""Curves from held-out scores to probabilities, and the scales and thresholds that stand in the manifest."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.isotonic import IsotonicRegression

from classifier.mixture import GAIN, WEAK, Curves, Vector, logit, sigmoid

GRID: int = 21


def fit_logistic_curve(inputs: Vector, target: Vector, ridge: float = 1.0) -> Vector:
    """Logistic regression of a target in 0..1 on (n, k) inputs by Newton's method; (k + 1,), intercept first."""
    design = np.column_stack([np.ones(len(inputs)), inputs])
    beta = np.zeros(design.shape[1])
    penalty = ridge * np.diag([0.0] + [1.0] * (design.shape[1] - 1))
    for _ in range(50):
        p = sigmoid(design @ beta)
        gradient = design.T @ (target - p) - penalty @ beta
        curvature = (design * (p * (1 - p))[:, None]).T @ design + penalty + 1e-6 * np.eye(len(beta))
        step = np.linalg.solve(curvature, gradient)
        beta = beta + step
        if float(np.abs(step).max()) < 1e-9:
            break
    return beta


def fit_curves(scores: NDArray[np.float64], weight: Vector, strong: Vector, weak: Vector) -> Curves:
    """Curves of one expert from its heads' held-out scores (heads, n, 2), weighed by `weight` (heads,)."""
    centre = scores.mean(axis=1)
    spread = np.maximum(scores.std(axis=1), 1e-6)
    share = weight / weight.sum()
    z = np.tensordot(share, (scores - centre[:, None]) / spread[:, None], axes=1)
    slope, intercept = np.polyfit(z[:, GAIN], strong - weak, 1)
    return Curves(
        centre=centre,
        spread=spread,
        share=share,
        gain=np.array([intercept, max(slope, 0.0)]),
        weak=fit_logistic_curve(z[:, [WEAK]], weak),
        strong=fit_logistic_curve(z[:, [WEAK, GAIN]], strong),
    )


def between(weak: Vector, mid: Vector, strong: Vector) -> float:
    """Where mid lies between weak (0) and strong (1) in log-odds, least squares."""
    low, high = logit(weak), logit(strong)
    gap = high - low
    return float(np.clip((gap @ (logit(mid) - low)) / max(float(gap @ gap), 1e-9), 0.0, 1.0))


def rank_scale(gain: Vector, weight: Vector) -> dict[str, list[float]]:
    """Knots of the map from expected gain to its (weighted) rank in 0..1."""
    order = np.argsort(gain, kind="stable")
    rank = (np.cumsum(weight[order]) - weight[order] / 2) / weight.sum()
    at = np.linspace(0.0, 1.0, 4 * GRID + 1)
    knots = np.maximum.accumulate(np.interp(at, rank, gain[order]))
    knots = knots + np.arange(len(knots)) * 1e-9  # strictly rising, so that the map has one answer
    width = max(float(knots[-1] - knots[0]), 1e-6)
    knots[0] -= width / 10
    knots[-1] += width / 10
    return {"gain": [round(float(x), 9) for x in knots], "hardness": [round(float(x), 6) for x in at]}


def split_at(hardness: Vector, is_hard: NDArray[np.bool_]) -> float:
    """The cut with the best balanced accuracy."""
    cuts = np.linspace(0.05, 0.95, 91)
    quality = [float((hardness[is_hard] >= c).mean() + (hardness[~is_hard] < c).mean()) for c in cuts]
    best = np.flatnonzero(np.asarray(quality) >= max(quality) - 1e-12)
    return round(float(cuts[best].mean()), 3)


def accuracy_curve(weak: Vector, outcome: Vector) -> list[float]:
    """Accuracy of the call "weak is good enough" at |P(weak) - 0.5| = 0, 0.025 ... 0.5, made to rise (isotonic).

    A soft outcome counts as its distance from the call.
    """
    distance = np.abs(weak - 0.5)
    right = np.where(weak >= 0.5, outcome, 1.0 - outcome)
    model = IsotonicRegression(y_min=0.5, y_max=1.0, out_of_bounds="clip").fit(distance, right)
    return [round(float(x), 6) for x in model.predict(np.linspace(0.0, 0.5, GRID))]

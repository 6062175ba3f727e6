"""Curves from held-out scores to probabilities, and the scales and thresholds that stand in the manifest.

Hardness is a rank among the prompts of one source, bent so that the source's own decision point lies where easy ends in
everyday traffic. Of a source with recorded outcomes that point is the largest share of its prompts that the weak model
may answer while KEEP of the strong one's quality is kept, read off held-out predictions.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.isotonic import IsotonicRegression

from classifier.metrics import recovered
from classifier.mixture import GAIN, WEAK, Curves, Scale, Vector, logit, sigmoid

GRID: int = 21
KEEP = 0.97  # of the strong model's mean score
LEAST = 0.05  # the least distance of a decision point from the ends, in rank


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


def decision_point(gain: Vector, strong: Vector, weak: Vector) -> float:
    """The share of prompts, those of least held-out gain (n,), that the weak model may answer: 0 to 1.

    With that share and any smaller one KEEP is kept on these rows; a larger one that happens to keep it does not count.
    """
    gap = float((strong - weak).mean())
    need = KEEP * float(strong.mean()) - float(weak.mean())
    short = np.flatnonzero(recovered(gain, strong, weak) * gap < need - 1e-12) if gap > 0 else np.array([], np.int64)
    asked = (short[-1] + 1) / len(strong) if len(short) else 0.0
    return float(np.clip(1.0 - asked, LEAST, 1.0 - LEAST))


def rank_scale(gain: Vector, point: float, easy_below: float) -> Scale:
    """From expected gain to hardness: its rank in (n,), with the rank `point` moved to `easy_below`."""
    ordered = np.sort(gain)
    rank = (np.arange(len(gain)) + 0.5) / len(gain)
    at = np.linspace(0.0, 1.0, 4 * GRID + 1)
    knots = np.maximum.accumulate(np.interp(at, rank, ordered))
    knots = knots + np.arange(len(knots)) * 1e-9  # strictly rising, so that the map has one answer
    width = max(float(knots[-1] - knots[0]), 1e-6)
    knots[0] -= width / 10
    knots[-1] += width / 10
    return Scale(np.round(knots, 9), np.round(np.interp(at, (0.0, point, 1.0), (0.0, easy_below, 1.0)), 6))


def accuracy_curve(weak: Vector, outcome: Vector) -> list[float]:
    """Accuracy of the call "weak is good enough" at |P(weak) - 0.5| = 0, 0.025 ... 0.5, made to rise (isotonic).

    A soft outcome counts as its distance from the call.
    """
    distance = np.abs(weak - 0.5)
    right = np.where(weak >= 0.5, outcome, 1.0 - outcome)
    model = IsotonicRegression(y_min=0.5, y_max=1.0, out_of_bounds="clip").fit(distance, right)
    return [round(float(x), 6) for x in model.predict(np.linspace(0.0, 0.5, GRID))]

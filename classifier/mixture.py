"""From heads to probabilities: experts, one for each source of outcomes, mixed by how much a prompt looks like it.

An expert takes the weighted mean of its heads' z-scores (they are on different scales, and the mean of several kinds of
learner ranks better than any of them), then maps it to probabilities with curves fitted on held-out folds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from classifier.heads import Head, Inputs

Vector = NDArray[np.float64]
GAIN, WEAK = 0, 1  # a head's outputs: strong minus weak, and weak
# The share of a weak model's failures that a strong one is taken to mend in prompts of unseen sources: 0.4 on recorded
# exam questions, 0.6 on sums in words.
MENDED = 0.6


def sigmoid(value: Vector | float) -> Vector:
    """Logistic function, safe for large arguments."""
    bounded = np.minimum(np.maximum(value, -30.0), 30.0)  # np.clip takes three times as long for one number
    return np.asarray(1.0 / (1.0 + np.exp(-bounded)))


def chance(value: float) -> float:
    """`sigmoid` of one number."""
    return 1.0 / (1.0 + math.exp(-min(max(value, -30.0), 30.0)))


def logit(p: Vector | float) -> Vector:
    """Inverse of `sigmoid`, clipped to +-6.9 (p of 0.001 and 0.999)."""
    p = np.minimum(np.maximum(p, 1e-3), 1.0 - 1e-3)
    return np.asarray(np.log(p / (1.0 - p)))


@dataclass(frozen=True, slots=True)
class Curves:
    """The fitted numbers of one expert in one mode.

    `centre`, `spread` (heads, 2): of the heads' scores in held-out folds. `share` (heads,): of each head in the mean,
    sums to one. `gain` (2,): intercept and slope of the expected gain. `weak` (2,) and `strong` (3,): logistic (Platt)
    coefficients.
    """

    centre: Vector
    spread: Vector
    share: Vector
    gain: Vector
    weak: Vector
    strong: Vector

    def apply(self, scores: Vector) -> Vector:
        """Scores (heads, 2) to (3,): expected gain, P(weak is good enough), P(strong is good enough)."""
        z = (self.share @ ((scores - self.centre) / self.spread)).tolist()  # of single numbers Python's own are quicker
        (level, slope), (easy, by_weak), strong = self.gain.tolist(), self.weak.tolist(), self.strong.tolist()
        p_strong = chance(strong[0] + strong[1] * z[WEAK] + strong[2] * z[GAIN])
        return np.array([level + slope * z[GAIN], chance(easy + by_weak * z[WEAK]), p_strong])

    def elsewhere(self, outcome: Vector) -> Vector:
        """The same for a prompt of another source: the gain is taken from difficulty alone.

        Where the strong model fails too is peculiar to a source and does not carry over; where the weak one fails
        does. On sources that no head had seen this ranks better, on known ones it changes nothing.
        """
        gain = self.gain[0] + MENDED * (chance(float(self.weak[0])) - outcome[1])
        return np.array([gain, outcome[1], outcome[2]])


@dataclass(frozen=True, slots=True)
class Scale:
    """Hardness of an expert's expected gain, by straight lines; `gain` (k,) rises, `hardness` (k,) is 0 to 1.

    Gains of different sources cannot be compared, as they depend on whose outcomes were recorded. So each expert says
    where a prompt stands among those of its own source, with that source's own decision points (see `calibrate.py`).
    """

    gain: Vector
    hardness: Vector

    def __call__(self, gain: float) -> float:
        return float(np.interp(gain, self.gain, self.hardness))


@dataclass(frozen=True, slots=True)
class Expert:
    """Heads and curves of one source, in one mode (`full` or `lexical`). `for_others`: it answers for other sources."""

    heads: Mapping[str, Head]
    curves: Curves
    scale: Scale
    for_others: bool = False

    def __call__(self, inputs: Inputs, said: dict[str, Vector]) -> Vector:
        """(4,): expected gain, P(weak), P(strong), hardness. `said`: what heads said of this prompt, by place."""
        for place, head in self.heads.items():
            if place not in said:
                said[place] = head(inputs)
        own = self.curves.apply(np.stack([said[place] for place in self.heads]))
        answer = self.curves.elsewhere(own) if self.for_others else own
        return np.append(answer, self.scale(answer[0]))


@dataclass(frozen=True, slots=True)
class Mixture:
    """Everything that answers in one mode: the gate, the experts in its order, and the task head."""

    gate: Head
    task: Head
    experts: tuple[Expert, ...]

    def shares(self, inputs: Inputs) -> Vector:
        """How much each expert is believed, (experts,), sums to one."""
        return softmax(self.gate(inputs)) if len(self.experts) > 1 else np.ones(1)

    def outcome(self, inputs: Inputs) -> Vector:
        """(4,): the experts' answers, mixed. An expert hardly believed is not asked, and no head is asked twice."""
        believed = [(share, i) for i, share in enumerate(self.shares(inputs).tolist()) if share >= 0.02]
        whole = sum(share for share, _ in believed)
        said: dict[str, Vector] = {}
        mixed = np.zeros(4)
        for share, i in believed:
            mixed += share / whole * self.experts[i](inputs, said)
        return mixed

    def tasks(self, inputs: Inputs) -> Vector:
        """Probability of each task class, (tasks,)."""
        return softmax(self.task(inputs))


def softmax(scores: Vector) -> Vector:
    """Log-odds to probabilities."""
    shifted = np.exp(scores - scores.max())
    return np.asarray(shifted / shifted.sum())

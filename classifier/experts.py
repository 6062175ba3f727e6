"""Fitting one expert: cross-validated heads, curves on held-out scores, and the final heads on all rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from classifier.calibrate import fit_curves
from classifier.fit import Array, Matrix, fit_line, fit_near, fit_trees, fit_words, score
from classifier.heads import KINDS, Head
from classifier.labels import LENT
from classifier.mixture import Curves, Expert, Vector

FOLDS = 5
MODES = ("full", "lexical")
Uses = dict[str, tuple[str, ...]]
# Deep trees on single coordinates of the embedding, fitted on the corpus, did not carry over to sources that no head
# had seen (APGR 0.47 on exam questions, where trees on lexical features have 0.60), so they are left out there.
USES_OF_ESTIMATES: Uses = {
    "full": ("words", "line", "both", "tree", "near"),
    "lexical": ("words", "line", "tree"),
}
USES_OF_OUTCOMES: Uses = {
    "full": ("words", "line", "both", "tree", "wide", "near"),
    "lexical": ("words", "line", "tree"),
}


@dataclass(frozen=True, slots=True)
class Fitted:
    """One expert. `held_out[mode]` (n, 3): gain, P(weak), P(strong) of rows that the fold had not seen."""

    name: str
    heads: dict[str, Head]
    curves: dict[str, Curves]
    held_out: dict[str, Vector]
    uses: Uses

    def expert(self, mode: str) -> Expert:
        """As served."""
        return Expert({kind: self.heads[kind] for kind in self.uses[mode]}, self.curves[mode], self.name == LENT)


def stored(kind: str, head: Head) -> Head:
    """The head after a trip through the file format, so that everything measured is what will be served."""
    return KINDS[kind].read(head.arrays())


@dataclass(frozen=True, slots=True)
class Shrinkage:
    """How much the heads hold back; chosen by cross-validation on the shipped data, by kind of target."""

    words: float
    line: float
    both: float
    trees: int
    gamma: float
    near: float


ESTIMATES = Shrinkage(words=1.0, line=100.0, both=600.0, trees=120, gamma=1.0, near=0.3)  # targets with little noise
FEW = Shrinkage(words=5.0, line=1000.0, both=3000.0, trees=50, gamma=1.5, near=3.0)  # some hundred 0/1 outcomes
MANY = Shrinkage(words=5.0, line=300.0, both=1000.0, trees=120, gamma=3.0, near=3.0)  # thousands of them
FEW_ROWS = 1500


def are_estimates(target: Array) -> bool:
    """Whether most targets (n, 2) are estimated chances, strictly between 0 and 1, rather than outcomes."""
    weak = target[:, 1]
    return float(((weak > 0) & (weak < 1)).mean()) > 0.5


def fit_heads(data: Matrix, target: Array, seed: int) -> dict[str, Head]:
    """All heads that these rows deserve; `target` (n, 2): gain, weak."""
    estimates = are_estimates(target)
    held = ESTIMATES if estimates else FEW if len(target) < FEW_ROWS else MANY
    uses = USES_OF_ESTIMATES if estimates else USES_OF_OUTCOMES
    fits: dict[str, Callable[[], Head]] = {
        "words": lambda: fit_words(data, target, held.words),
        "line": lambda: fit_line(data, target, held.line, "lexical"),
        "both": lambda: fit_line(data, target, held.both, "both"),
        "tree": lambda: fit_trees(data, target, "lexical", held.trees, seed),
        "wide": lambda: fit_trees(data, target, "both", held.trees, seed),
        "near": lambda: fit_near(data, target, held.gamma, held.near),
    }
    return {kind: stored(kind, fits[kind]()) for kind in fits if kind in uses["full"]}


def folds_of(count: int, seed: int, folds: int = FOLDS) -> NDArray[np.int64]:
    """A fold number for each row."""
    numbers = np.arange(count) % folds
    return np.asarray(np.random.default_rng(seed).permutation(numbers), dtype=np.int64)


def fit_expert(name: str, data: Matrix, strong: Vector, weak: Vector, seed: int, tick: Callable[[str], None]) -> Fitted:
    """Cross-validate, calibrate, fit."""
    target = np.column_stack([strong - weak, weak])
    fold = folds_of(len(data), seed)
    uses = USES_OF_ESTIMATES if are_estimates(target) else USES_OF_OUTCOMES
    scores = {kind: np.zeros((len(data), 2)) for kind in uses["full"]}
    for number in range(FOLDS):
        tick(f"{name}: fold {number + 1} of {FOLDS}")
        train, test = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
        for kind, head in fit_heads(data.take(train), target[train], seed).items():
            scores[kind][test] = score(head, data.take(test))
    tick(f"{name}: all rows")
    heads = fit_heads(data, target, seed)
    curves: dict[str, Curves] = {}
    held_out: dict[str, Vector] = {}
    for mode, kinds in uses.items():
        own = np.stack([scores[kind] for kind in kinds])
        curves[mode] = fit_curves(own, strong, weak)
        answers = [curves[mode].apply(own[:, i]) for i in range(len(data))]
        held_out[mode] = np.stack([curves[mode].elsewhere(a) for a in answers] if name == LENT else answers)
    return Fitted(name, heads, curves, held_out, uses)

"""Fitting one expert: cross-validated heads, curves on held-out scores, and the final heads on all rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from classifier.calibrate import fit_curves
from classifier.data import EVERYDAY
from classifier.fit import Array, Matrix, fit_line, fit_near, fit_trees, fit_words, score
from classifier.heads import KINDS, Head
from classifier.labels import LENT
from classifier.mixture import Curves, Vector

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
# Neighbours and lines on the embedding of exam questions say nothing of other sources: on those that nothing is trained
# on the ranking is as good without them, or better (RouterArena .648 with them, .659 without).
USES_FOR_OTHERS: Uses = {
    "full": ("words", "line", "tree", "wide"),
    "lexical": ("words", "line", "tree"),
}


@dataclass(frozen=True, slots=True)
class Fitted:
    """One expert. `held_out[mode]` (n, 3): gain, P(weak), P(strong) of rows that the fold had not seen.

    `heads` are its own, by kind; `borrowed` those of the expert it leans on, by place (`expert/kind`). `uses` has the
    places of a mode, own and borrowed.
    """

    name: str
    heads: dict[str, Head]
    borrowed: dict[str, Head]
    curves: dict[str, Curves]
    held_out: dict[str, Vector]
    uses: Uses


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
# The share of the nearest prompts, as a multiple of another head's, where thousands of outcomes of a known source are
# there to be near to. By cross-validation on MMLU's training rows (APGR .663 at 1, .667 at 3, .668 at 5).
NEAR_SHARE = 3.0
# What a source with few outcomes borrows: all heads of the corpus' expert, and of those of other sources the kinds that
# carry over. Words and neighbours of exam questions do not: on sums in words APGR .48 and .53, the others .55 to .58.
LENT_KINDS = ("line", "both", "tree")
LENT_SHARE = 1.5  # the say of all that is borrowed, as a multiple of the expert's own heads


def are_estimates(target: Array) -> bool:
    """Whether most targets (n, 2) are estimated chances, strictly between 0 and 1, rather than outcomes."""
    weak = target[:, 1]
    return float(((weak > 0) & (weak < 1)).mean()) > 0.5


def uses_of(name: str, target: Array) -> Uses:
    """The kinds of heads that an expert has, by mode."""
    if name == LENT:
        return USES_FOR_OTHERS
    return USES_OF_ESTIMATES if are_estimates(target) else USES_OF_OUTCOMES


def fit_heads(data: Matrix, target: Array, seed: int, kinds: Sequence[str]) -> dict[str, Head]:
    """Heads of these kinds, holding back as these rows deserve; `target` (n, 2): gain, weak."""
    held = ESTIMATES if are_estimates(target) else FEW if len(target) < FEW_ROWS else MANY
    fits: dict[str, Callable[[], Head]] = {
        "words": lambda: fit_words(data, target, held.words),
        "line": lambda: fit_line(data, target, held.line, "lexical"),
        "both": lambda: fit_line(data, target, held.both, "both"),
        "tree": lambda: fit_trees(data, target, "lexical", held.trees, seed),
        "wide": lambda: fit_trees(data, target, "both", held.trees, seed),
        "near": lambda: fit_near(data, target, held.gamma, held.near),
    }
    return {kind: stored(kind, fits[kind]()) for kind in fits if kind in kinds}


def folds_of(count: int, seed: int, folds: int = FOLDS) -> NDArray[np.int64]:
    """A fold number for each row."""
    numbers = np.arange(count) % folds
    return np.asarray(np.random.default_rng(seed).permutation(numbers), dtype=np.int64)


def _weights(name: str, places: tuple[str, ...], rows: int) -> Vector:
    """The weight of each head; all that are borrowed weigh LENT_SHARE times as much together as the expert's own."""
    own = sum(place.startswith(f"{name}/") for place in places)
    lent = LENT_SHARE * own / max(len(places) - own, 1)
    near = NEAR_SHARE if name != LENT and rows >= FEW_ROWS else 1.0
    weights = {place: near if place.endswith("/near") else 1.0 for place in places}
    return np.array([weights[place] if place.startswith(f"{name}/") else lent for place in places])


def fit_expert(
    name: str,
    data: Matrix,
    strong: Vector,
    weak: Vector,
    seed: int,
    tick: Callable[[str], None],
    others: Mapping[str, Fitted],
) -> Fitted:
    """Cross-validate, calibrate, fit. `others`: the experts fitted before; a source with few outcomes leans on their
    heads, which have not seen these rows and know more about difficulty than some hundred of them can teach
    (grade-school sums, by cross-validation: APGR .590 alone, .621 with them)."""
    target = np.column_stack([strong - weak, weak])
    own = uses_of(name, target)
    scores = _held_out_scores(name, data, target, seed, tick)
    tick(f"{name}: all rows")
    leans = name not in (EVERYDAY, LENT) and len(data) < FEW_ROWS
    lenders = [other for other in others.values() if other.name != LENT and not other.borrowed] if leans else []
    borrowed = {
        f"{other.name}/{kind}": head
        for other in lenders
        for kind, head in other.heads.items()
        if other.name == EVERYDAY or kind in LENT_KINDS
    }
    scores |= {place: score(head, data) for place, head in borrowed.items()}
    uses = {
        mode: (
            *(f"{name}/{kind}" for kind in kinds),
            *(place for other in lenders for place in other.uses[mode] if place in borrowed),
        )
        for mode, kinds in own.items()
    }
    curves: dict[str, Curves] = {}
    held_out: dict[str, Vector] = {}
    for mode, places in uses.items():
        said = np.stack([scores[place] for place in places])
        curves[mode] = fit_curves(said, _weights(name, places, len(data)), strong, weak)
        answers = [curves[mode].apply(said[:, i]) for i in range(len(data))]
        held_out[mode] = np.stack([curves[mode].elsewhere(a) for a in answers] if name == LENT else answers)
    return Fitted(name, fit_heads(data, target, seed, own["full"]), borrowed, curves, held_out, uses)


def _held_out_scores(
    name: str, data: Matrix, target: Array, seed: int, tick: Callable[[str], None]
) -> dict[str, Array]:
    """What each of the expert's own heads says of rows that it was not fitted on, by place: (n, 2)."""
    fold, kinds = folds_of(len(data), seed), uses_of(name, target)["full"]
    scores: dict[str, Array] = {}
    for number in range(FOLDS):
        tick(f"{name}: fold {number + 1} of {FOLDS}")
        train, test = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
        for kind, head in fit_heads(data.take(train), target[train], seed, kinds).items():
            scores.setdefault(f"{name}/{kind}", np.zeros((len(data), 2)))[test] = score(head, data.take(test))
    return scores

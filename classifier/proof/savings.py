"""What routing saves on recorded outcomes, at 97 % of the strong model's quality.

A strong call costs `price_ratio`, a weak one 1, so a policy that sends the share p to strong saves
(1 - p) * (1 - 1 / price_ratio) of the always-strong bill. With constant prices the best policy for a given share
sends the prompts with the highest expected gain (strong minus weak) first; they are ranked by `hardness`, which the
gateway compares with its thresholds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from classifier.artifact import Model
from classifier.data import DataError, Row
from classifier.embedding import Embedder
from classifier.evaluate import DRAWS, MIN_SOURCE, predict_all

Array = NDArray[np.float64]

KEEP: Final = 0.97  # of the strong model's mean score; the figures are named after it
SPLITS: Final = 200  # random halvings behind a cross-fitted figure
_CELLS: Final = 4_000_000  # numbers held at once: 32 MB
_TINY: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Ranked:
    """Outcomes in the order in which prompts would go to the strong model.

    `strong`, `weak` (n,): mean scores of the prompt's group of equal scores, so that ties are taken in random order,
    in expectation. `starts` (groups,): where each group begins.
    """

    strong: Array
    weak: Array
    starts: NDArray[np.int64]
    score: Array

    @classmethod
    def of(cls, score: Array, strong: Array, weak: Array) -> Ranked:
        """Highest score first. All three (n,), n >= 1."""
        order = np.argsort(-score, kind="stable")
        ordered = score[order]
        starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
        return cls(strong[order], weak[order], starts, ordered)

    def sums(self, counts: Array) -> tuple[Array, Array, Array]:
        """Per draw and group: prompts, strong's points, weak's points. `counts` (draws, n) -> three (draws, groups)."""
        parts = (counts, counts * self.strong, counts * self.weak)
        return tuple(np.add.reduceat(part, self.starts, axis=1) for part in parts)  # type: ignore[return-value]  # three parts give three sums


def _running(groups: Array) -> Array:
    """Cumulative sums with a zero before them: (draws, groups) -> (draws, groups + 1)."""
    return np.concatenate([np.zeros((len(groups), 1)), np.cumsum(groups, axis=1)], axis=1)


def _at(table: Array, place: NDArray[np.int64]) -> Array:
    found: Array = np.take_along_axis(table, place[:, None], axis=1)[:, 0]
    return found


def _first_reaching(gained: Array, need: Array) -> NDArray[np.int64]:
    """The first column of (draws, groups + 1) that reaches `need` (draws,); the last one always does."""
    reached = gained >= need[:, None] - _TINY
    reached[:, -1] = True
    return np.asarray(reached.argmax(axis=1))


def least_strong(counts: Array, strong: Array, weak: Array) -> Array:
    """Fewest calls to strong that keep KEEP of its points: (draws, groups) sums of `Ranked.sums` -> (draws,)."""
    gained, asked = _running(strong - weak), _running(counts)
    need = KEEP * strong.sum(axis=1) - weak.sum(axis=1)
    place = _first_reaching(gained, need)
    before = np.maximum(place - 1, 0)
    step, size = _at(gained, place) - _at(gained, before), _at(asked, place) - _at(asked, before)
    missing = need - _at(gained, before)
    part = np.where(step > _TINY, np.ceil(missing / np.maximum(step, _TINY) * size - 1e-6), size)
    return np.where(place == 0, 0.0, _at(asked, before) + np.minimum(part, size))


def figures(ranked: Ranked, counts: Array, price_ratio: float) -> dict[str, Array]:
    """Each figure of `evaluate_savings` except the cross-fitted ones, per row of `counts` (draws, n)."""
    groups = ranked.sums(counts)
    total, strong, weak = (group.sum(axis=1) for group in groups)
    share = least_strong(*groups) / total
    most = 1.0 - 1.0 / price_ratio
    gap, need = strong - weak, KEEP * strong - weak
    mixed = np.clip(need / np.where(gap > _TINY, gap, 1.0), 0.0, 1.0)
    random = np.where(need <= _TINY, 0.0, mixed)
    saved = {"": (1.0 - share) * most, "_random_mix": (1.0 - random) * most}
    saved["_best_single"] = np.where(need <= _TINY, most, 0.0)
    gained, asked = _running(groups[1] - groups[2]), _running(groups[0])
    reached = np.array([np.interp(s * n, a, g) for s, n, a, g in zip(share, total, asked, gained, strict=True)])
    return {
        "strong": strong / total,
        "weak": weak / total,
        **{f"saved_at_97{name}": value for name, value in saved.items()},
        "saved_over_random_mix": saved[""] - saved["_random_mix"],
        "saved_over_best_single": saved[""] - saved["_best_single"],
        "quality_over_random_mix_same_cost": (reached - share * gap) / total,
    }


def shipped(ranked: Ranked, counts: Array, price_ratio: float, easy_below: float) -> dict[str, Array]:
    """With weak for the prompts that score below `easy_below` and strong for all others, per row of `counts`."""
    easy = ranked.score < easy_below
    share = counts @ easy / counts.sum(axis=1)
    kept = (counts @ np.where(easy, ranked.weak, ranked.strong)) / np.maximum(counts @ ranked.strong, _TINY)
    return {"saved_as_shipped": share * (1.0 - 1.0 / price_ratio), "kept_as_shipped": kept}


def crossfit(ranked: Ranked, chosen_on: Array, measured_on: Array, price_ratio: float) -> dict[str, Array]:
    """Saving, and share of strong's quality kept, on rows that had no say in the threshold.

    `chosen_on`, `measured_on` (draws, n): how often each row is in either half.
    """
    here, there = ranked.sums(chosen_on), ranked.sums(measured_on)
    need = KEEP * here[1].sum(axis=1) - here[2].sum(axis=1)
    cut = _first_reaching(_running(here[1] - here[2]), need)
    total, strong = np.maximum(there[0].sum(axis=1), 1.0), there[1].sum(axis=1)
    kept = there[2].sum(axis=1) + _at(_running(there[1] - there[2]), cut)
    return {
        "saved_at_97_crossfit": (1.0 - _at(_running(there[0]), cut) / total) * (1.0 - 1.0 / price_ratio),
        "crossfit_quality_kept": kept / np.maximum(strong, _TINY),
    }


def _both_ways(ranked: Ranked, weights: Array, first: NDArray[np.bool_], price_ratio: float) -> dict[str, Array]:
    one = crossfit(ranked, weights * first, weights * ~first, price_ratio)
    other = crossfit(ranked, weights * ~first, weights * first, price_ratio)
    return {name: (one[name] + other[name]) / 2 for name in one}


def _chunks(draws: int, size: int) -> Iterator[int]:
    step = max(1, _CELLS // max(size, 1))
    while draws > 0:
        yield min(step, draws)
        draws -= step


def _drawn(
    ranked: Ranked, draws: int, price_ratio: float, easy_below: float, rng: np.random.Generator
) -> dict[str, Array]:
    """Bootstrap over rows; the threshold is chosen anew in each resample, and halves are split anew."""
    size, parts = len(ranked.strong), []
    for step in _chunks(draws, size):
        counts = rng.multinomial(size, np.full(size, 1.0 / size), size=step).astype(np.float64)
        found = figures(ranked, counts, price_ratio) | shipped(ranked, counts, price_ratio, easy_below)
        # Rows are split before they are drawn, so that no copy of a row is on both sides.
        weights = rng.poisson(1.0, (step, size)).astype(np.float64)
        parts.append(found | _both_ways(ranked, weights, rng.random((step, size)) < 0.5, price_ratio))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _point(ranked: Ranked, price_ratio: float, easy_below: float, rng: np.random.Generator) -> dict[str, float]:
    size = len(ranked.strong)
    once = np.ones((1, size))
    found = figures(ranked, once, price_ratio) | shipped(ranked, once, price_ratio, easy_below)
    parts = [
        _both_ways(ranked, np.ones((step, size)), rng.random((step, size)) < 0.5, price_ratio)
        for step in _chunks(SPLITS, size)
    ]
    halved = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return {name: float(value.mean()) for name, value in (found | halved).items()}


def saving_figures(
    score: Array,
    strong: Array,
    weak: Array,
    price_ratio: float,
    easy_below: float,
    draws: int = DRAWS,
    seed: int = 0,
) -> dict[str, Any]:
    """`n`, and each figure with its 95 % percentile bootstrap interval as `<name>_ci`; see `evaluate_savings`."""
    ranked, rng = Ranked.of(score, strong, weak), np.random.default_rng(seed)
    drawn = _drawn(ranked, draws, price_ratio, easy_below, rng)
    result: dict[str, Any] = {"n": len(score)}
    for name, value in _point(ranked, price_ratio, easy_below, rng).items():
        result[name] = round(value, 4)
        result[f"{name}_ci"] = [round(float(x), 4) for x in np.percentile(drawn[name], [2.5, 97.5])]
    result["weak_suffices"] = bool(weak.mean() >= KEEP * strong.mean() - _TINY)
    return result


def evaluate_savings(
    rows: Sequence[Row],
    model: Model,
    embedder: Embedder | None,
    price_ratio: float,
    draws: int = DRAWS,
    advance: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """`price_ratio`, and under `overall` and `by_source` the figures below, each with `<name>_ci`.

    strong, weak                    mean scores
    saved_at_97                     by routing on `hardness`: the cheapest point of the curve that keeps 97 % of
                                    strong's quality, found on the rows themselves, in each resample anew
    saved_at_97_crossfit            the threshold chosen on one half, the saving measured on the other, with
    crossfit_quality_kept           the share of strong's quality that was kept there: read the two together
    saved_as_shipped                at the model's own decision point: weak below `easy_below`, strong for all others,
    kept_as_shipped                 and the share of strong's quality that this keeps; nothing is chosen on the rows
    saved_at_97_random_mix          content-blind: the share of strong calls whose expected quality is 97 %
    saved_at_97_best_single         one model for everything: all that weak saves if it reaches 97 %, else nothing
    saved_over_random_mix, saved_over_best_single       differences, paired within each resample
    quality_over_random_mix_same_cost                   points more than a random mix with as many strong calls
    weak_suffices                   the weak model alone keeps 97 %: then there is nothing that routing could add
    Raises DataError when no row has outcomes.
    """
    usable = [row for row in rows if row.has_outcomes]
    if not usable:
        raise DataError("no row has outcomes: give 'strong_ok' and 'weak_ok', or scores with --strong A --weak B")
    score = np.array([p.hardness for p in predict_all(model, [row.prompt for row in usable], embedder, advance)])
    strong = np.array([row.strong for row in usable], dtype=np.float64)
    weak = np.array([row.weak for row in usable], dtype=np.float64)
    sources = np.array([row.source for row in usable])
    cut, by_source = model.easy_below, {}
    for source in sorted(set(sources.tolist())):
        pick = sources == source
        if pick.sum() >= MIN_SOURCE:
            by_source[source] = saving_figures(score[pick], strong[pick], weak[pick], price_ratio, cut, draws)
    overall = saving_figures(score, strong, weak, price_ratio, cut, draws)
    return {"price_ratio": price_ratio, "overall": overall, "by_source": by_source}

"""Choose the threshold for an accepted share of wrong answers among served hits, with a confidence bound.

Fixed-sequence testing as in Learn-then-Test (Angelopoulos et al., arXiv 2110.01052): thresholds are tried from
strict to lenient, and the last one before the first whose one-sided Clopper-Pearson upper bound of the error among
served pairs exceeds the accepted share is taken. Because the sequence is fixed beforehand and stops at the first
failure, the bound holds for the chosen threshold with the stated confidence. vCache (arXiv 2502.03771) states the
same aim, a user-given error rate, per stored entry and online.

A bound of 0.5 % at 95 % needs at least 598 served pairs without an error: with fewer, nothing is certified.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from classifier.pairs.certificate import ALL_TASKS, sentences
from classifier.pairs.evaluate import judge
from classifier.pairs.intervals import upper_bound
from classifier.pairs.rows import Embeds, PairRow
from classifier.pairs.verify import PairVerifier

DEFAULT_MAX_ERROR: Final = 0.005
CONFIDENCE: Final = 0.95
# The fixed sequence, strict to lenient. Scores below 0.3 are never served.
_GRID: Final = tuple(round(1.0 - 0.005 * i, 3) for i in range(141))


@dataclass(frozen=True, slots=True)
class Calibration:
    """`threshold` is None if none could be certified. `served`, `wrong` and the upper bound `error_bound` are of it, or
    else of the threshold that failed: the strictest with enough pairs, or the most lenient where there are too few."""

    threshold: float | None
    served: int
    wrong: int
    error_bound: float
    max_error: float
    confidence: float


def choose_threshold(
    scored: Sequence[tuple[float, bool]], max_error: float = DEFAULT_MAX_ERROR, confidence: float = CONFIDENCE
) -> Calibration:
    """Pick from (score, same) of pairs that passed the checks. Raises ValueError for a share outside (0, 1)."""
    if not 0.0 < max_error < 1.0:
        raise ValueError("max_error is a share between 0 and 1, for example 0.005")
    best = Calibration(None, 0, 0, 1.0, max_error, confidence)
    needed = least_served(max_error, confidence)
    for limit in _GRID:
        served, wrong = served_at(scored, limit)
        if served < needed and limit != _GRID[-1]:
            continue  # too few to certify anything; skipping looks at no label
        bound = upper_bound(wrong, served, confidence) if served else 1.0
        if bound > max_error:
            return best if best.threshold is not None else replace(best, served=served, wrong=wrong, error_bound=bound)
        best = Calibration(limit, served, wrong, bound, max_error, confidence)
    return best


def served_at(scored: Sequence[tuple[float, bool]], limit: float) -> tuple[int, int]:
    """How many would be served at a threshold, and how many of them are wrong."""
    served = [same for score, same in scored if score >= limit]
    return len(served), served.count(False)


def least_served(max_error: float, confidence: float) -> int:
    """The smallest number of served pairs that could certify the share, all being right."""
    n = 1
    while upper_bound(0, n, confidence) > max_error:
        n *= 2
    low = n // 2
    while low + 1 < n:
        middle = (low + n) // 2
        low, n = (middle, n) if upper_bound(0, middle, confidence) > max_error else (low, middle)
    return n


def calibrate_pairs(
    rows: Sequence[PairRow], verifier: PairVerifier, embedder: Embeds, max_error: float = DEFAULT_MAX_ERROR
) -> dict[str, Any]:
    """Calibrate over all rows (`default`) and for each task class that the rows name.

    A pair counts once; a pair that a check or the reader refuses is never served, whatever the threshold. `shipped` is
    what the verifier's own threshold does on the same pairs, and `certificate` says all of it in sentences.
    """
    open_verdict = [(o, max(v.score for v in o.verdicts)) for o in judge(rows, verifier, embedder, _GRID[-1])]
    scored = [(o.row, score) for o, score in open_verdict if score > 0.0]
    tasks: dict[str, list[tuple[float, bool]]] = {ALL_TASKS: [(score, row.same) for row, score in scored]}
    for row, score in scored:
        if row.task:
            tasks.setdefault(row.task, []).append((score, row.same))
    counts = Counter(row.task for row in rows) | {ALL_TASKS: len(rows)}
    served, wrong = served_at(tasks[ALL_TASKS], verifier.threshold)
    bound = upper_bound(wrong, served, CONFIDENCE) if served else 1.0
    shipped = {"threshold": verifier.threshold, "pairs": len(rows), "served": served, "wrong": wrong}
    chosen = {task: asdict(choose_threshold(pairs, max_error)) for task, pairs in sorted(tasks.items())}
    report = {
        "max_error": max_error,
        "confidence": CONFIDENCE,
        "pairs": len(rows),
        "needed": least_served(max_error, CONFIDENCE),
        "thresholds": {task: {"pairs": counts[task], **told} for task, told in chosen.items()},
        "shipped": {**shipped, "error_bound": bound},
    }
    return {**report, "certificate": sentences(report)}

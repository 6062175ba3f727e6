"""Measuring an artifact: routing on recorded outcomes, and task classes on labelled prompts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classifier.artifact import Model, Prediction
from classifier.baselines import BASELINES, Baseline
from classifier.data import DataError, Row
from classifier.embedding import Embedder
from classifier.labels import TASKS
from classifier.metrics import ece, ece_by_chance, with_intervals
from classifier.mixture import Vector

DRAWS = 1000
MIN_SOURCE = 10  # fewer prompts say nothing about a source; they still count in `overall`


def predict_all(
    model: Model, prompts: Sequence[str], embedder: Embedder | None, advance: Callable[[], None] = lambda: None
) -> list[Prediction]:
    """Each prompt on its own, as served; without an embedder the lexical heads answer."""
    found = []
    for prompt in prompts:
        found.append(model.predict(prompt, embedder.embed(prompt) if embedder else None))
        advance()
    return found


def _ends(rows: Sequence[Row]) -> tuple[Vector, Vector]:
    strong = np.array([row.strong for row in rows], dtype=np.float64)
    weak = np.array([row.weak for row in rows], dtype=np.float64)
    return strong, weak


def _figures(
    pick: NDArray[np.int64], scores: dict[str, Vector], ends: tuple[Vector, Vector], draws: int
) -> dict[str, Any]:
    strong, weak = (end[pick] for end in ends)
    result = with_intervals(scores["model"][pick], strong, weak, draws, seed=0)
    result["strong_mean"], result["weak_mean"] = round(float(strong.mean()), 4), round(float(weak.mean()), 4)
    result["baselines"] = {
        name: with_intervals(score[pick], strong, weak, draws, seed=0)
        for name, score in scores.items()
        if name != "model"
    }
    return result


def evaluate_routing(
    rows: Sequence[Row],
    model: Model,
    embedder: Embedder | None,
    draws: int = DRAWS,
    advance: Callable[[], None] = lambda: None,
    baselines: Mapping[str, Baseline] = BASELINES,
) -> dict[str, Any]:
    """`n`, `apgr`, `cpt50`, `cpt80` (per cent of calls to strong) and `auroc`, each with a 95 % bootstrap interval.

    Under `overall` and `by_source`, beside the same for each baseline. Definitions: arXiv 2406.18665.
    Also the calibration error of both ends, and what it would be `by_chance` with perfect calibration; and `coverage`.
    Raises DataError when no row has outcomes.
    """
    usable = [row for row in rows if row.has_outcomes]
    if not usable:
        raise DataError("no row has outcomes: give 'strong_ok' and 'weak_ok', or scores with --strong A --weak B")
    prompts = [row.prompt for row in usable]
    predictions = predict_all(model, prompts, embedder, advance)
    scores = {"model": np.array([p.hardness for p in predictions])}
    scores |= {name: baseline(prompts) for name, baseline in baselines.items()}
    ends = _ends(usable)
    overall = _figures(np.arange(len(usable), dtype=np.int64), scores, ends, draws)
    overall |= _trust(predictions, ends)
    by_source = {}
    for source in sorted({row.source for row in usable}):
        pick = np.array([i for i, row in enumerate(usable) if row.source == source], dtype=np.int64)
        if len(pick) >= MIN_SOURCE:
            by_source[source] = _figures(pick, scores, ends, draws)
            by_source[source] |= _trust([predictions[i] for i in pick], (ends[0][pick], ends[1][pick]))
    return {"overall": overall, "by_source": by_source}


def _trust(predictions: Sequence[Prediction], ends: tuple[Vector, Vector]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for tier, outcome in zip(("strong", "weak"), ends, strict=True):
        stated = np.array([getattr(p, f"ok_{tier}") for p in predictions])
        found[f"ece_{tier}"] = round(ece(stated, outcome), 4)
        found[f"ece_{tier}_by_chance"] = round(ece_by_chance(stated), 4)
    return {**found, "coverage": coverage(predictions, ends[1])}


def coverage(predictions: Sequence[Prediction], weak: Vector) -> list[dict[str, float]]:
    """Accuracy of "the weak model is good enough, or not" on the surest share of the prompts, by share; beside that of
    a `guess` which says the same of all of them, the likelier."""
    stated = np.array([p.ok_weak for p in predictions])
    sure = np.array([p.confidence for p in predictions])
    right = np.where(stated >= 0.5, weak, 1.0 - weak)
    order = np.lexsort((-np.abs(stated - 0.5), -sure))
    found = []
    for share in (0.25, 0.5, 0.75, 1.0):
        surest = order[: max(1, round(share * len(order)))]
        mean = float(weak[surest].mean())
        row = {"coverage": share, "accuracy": float(right[surest].mean()), "guess": max(mean, 1.0 - mean)}
        found.append({name: round(value, 4) for name, value in row.items()})
    return found


def evaluate_tasks(
    rows: Sequence[Row], model: Model, embedder: Embedder | None, advance: Callable[[], None] = lambda: None
) -> dict[str, Any]:
    """Accuracy, macro F1, per-class precision and recall, and confusion of the task classes.

    Raises DataError when no row carries a task label of TASKS.
    """
    labelled = [row for row in rows if row.task is not None]
    if not labelled:
        raise DataError(f"no row has a task label; 'task_class' or 'task' must be one of {', '.join(TASKS)}")
    predictions = predict_all(model, [row.prompt for row in labelled], embedder, advance)
    truth = np.array([TASKS.index(str(row.task)) for row in labelled])
    guess = np.array([TASKS.index(p.task) for p in predictions])
    confusion = np.zeros((len(TASKS), len(TASKS)), dtype=np.int64)
    np.add.at(confusion, (truth, guess), 1)
    return {"n": len(truth), **task_figures(confusion)}


def task_figures(confusion: np.ndarray[Any, np.dtype[np.int64]]) -> dict[str, Any]:
    """Figures of a confusion matrix (truth, guess) over TASKS."""
    hits = np.diag(confusion).astype(np.float64)
    recall = hits / np.maximum(confusion.sum(axis=1), 1)
    precision = hits / np.maximum(confusion.sum(axis=0), 1)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    present = confusion.sum(axis=1) > 0
    return {
        "accuracy": round(float(hits.sum() / confusion.sum()), 4),
        "macro_f1": round(float(f1[present].mean()), 4),
        "by_task": {
            task: {
                "n": int(confusion[i].sum()),
                "precision": round(float(precision[i]), 4),
                "recall": round(float(recall[i]), 4),
            }
            for i, task in enumerate(TASKS)
        },
        "confusion": {task: confusion[i].tolist() for i, task in enumerate(TASKS)},
    }

"""Training: outcome files and the shipped corpus in, one artifact and a report out. Same input, same bytes."""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from threadpoolctl import threadpool_limits

from classifier import features
from classifier.artifact import FORMAT, Manifest, save
from classifier.calibrate import LEAST, accuracy_curve, between, decision_point, rank_scale
from classifier.data import CORPUS, EVERYDAY, DataError, Row, has_options, lend, read_corpus, read_rows, sha256_of
from classifier.embedding import MODEL_ID, MODEL_SHA256, Embedder
from classifier.experts import FEW_ROWS, MODES, Fitted, fit_expert, folds_of, stored
from classifier.features import lexical
from classifier.fit import Array, Matrix, fit_logistic, matrix, score
from classifier.heads import Head
from classifier.labels import LENT, TASKS
from classifier.metrics import ece, routing_figures
from classifier.mixture import Scale, Vector, softmax

MIN_ROWS = 200  # outcomes of one source that make an expert of its own; smaller sources share one
VIEWS = {"full": "both", "lexical": "lexical"}
SMALL_SOURCES = "other"
ENDS = ("strong", "weak")


@dataclass(frozen=True, slots=True)
class Trained:
    """What the report needs beside the manifest."""

    manifest: Manifest
    rows: list[Row]
    experts: dict[str, Fitted]
    members: dict[str, list[int]]
    tasks_held_out: Vector
    labelled: list[int]


def _rounded(value: Any) -> Any:
    return np.round(np.asarray(value, dtype=np.float64), 9).tolist()


def _members(rows: Sequence[Row]) -> dict[str, list[int]]:
    """Rows with outcomes by expert. The corpus always has its own and is the first, then come the others from the
    largest: those with few outcomes lean on those before them."""
    sizes = Counter(row.source for row in rows if row.has_outcomes)
    members: dict[str, list[int]] = {}
    for index, row in enumerate(rows):
        if row.has_outcomes:
            big = row.source in (EVERYDAY, LENT) or sizes[row.source] >= MIN_ROWS
            members.setdefault(row.source if big else SMALL_SOURCES, []).append(index)
    return dict(sorted(members.items(), key=lambda found: (found[0] != EVERYDAY, -len(found[1]), found[0])))


def _balanced(label: Array, power: float = 0.7) -> Array:
    """Weights that lift rare classes, not all the way: n to the power of 0.3 each."""
    sizes = np.bincount(label)
    return np.asarray((len(label) / np.maximum(sizes, 1) ** power)[label] / len(label) * 100.0)


def _fit_gate(data: Matrix, rows: Sequence[Row], members: dict[str, list[int]]) -> dict[str, Head]:
    """Which expert a prompt belongs to. Prompts without outcomes are everyday ones."""
    names = list(members)
    owner = {index: names.index(name) for name, found in members.items() for index in found}
    label = np.array([owner.get(index, names.index(EVERYDAY)) for index in range(len(rows))])
    for name, index in members.items():
        if name == LENT:
            # A question without options is an everyday one, of which the corpus has many that are hard.
            index = [i for i in index if has_options(rows[i].prompt)] or index
            label[sorted({*members[name]} - {*index})] = names.index(EVERYDAY)
        if name == LENT or len(index) < FEW_ROWS:
            # Half of them count as everyday: a question of no known format, or of a source with few outcomes, is
            # answered by both experts, about equally.
            label[index[1::2]] = names.index(EVERYDAY)
    source = {rows[i].prompt: owner[i] for name, index in members.items() if name != LENT for i in index}
    same = [i for i in members.get(LENT, ()) if rows[i].prompt in source]
    if len(same) < len(members.get(LENT, ())):
        # Without options to rearrange, the other format is the same text, which its own expert should answer.
        label[same] = [source[rows[i].prompt] for i in same]
    weight = _balanced(label, power=1.0)
    return {m: stored("line", fit_logistic(data, label, weight, 0.1, view)) for m, view in VIEWS.items()}


def _fit_tasks(data: Matrix, rows: Sequence[Row], seed: int) -> tuple[dict[str, Head], Vector, list[int]]:
    """Task heads, and the held-out probabilities of the full one."""
    labelled = [index for index, row in enumerate(rows) if row.task is not None]
    own = data.take(np.asarray(labelled))
    label = np.array([TASKS.index(str(rows[i].task)) for i in labelled])
    if len(set(label)) < len(TASKS):
        missing = sorted(set(TASKS) - {TASKS[i] for i in set(label)})
        raise DataError(f"no rows of the task classes {', '.join(missing)}: the corpus in {CORPUS} is incomplete")
    weight = _balanced(label)
    heads = {m: stored("line", fit_logistic(own, label, weight, 0.02, view)) for m, view in VIEWS.items()}
    held_out = np.zeros((len(labelled), len(TASKS)))
    fold = folds_of(len(labelled), seed)
    for number in range(5):
        train, test = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
        head = fit_logistic(own.take(train), label[train], weight[train], 0.02, "both")
        held_out[test] = np.stack([softmax(x) for x in score(head, own.take(test))])
    return heads, held_out, labelled


@dataclass(frozen=True, slots=True)
class Scales:
    """From held-out predictions: the thresholds of everyday traffic, and by expert and mode its hardness scale."""

    thresholds: tuple[float, float]
    hardness: dict[str, dict[str, Scale]]
    points: dict[str, float]
    confidence: dict[str, list[float]]


def _thresholds(everyday: Fitted, rows: Sequence[Row]) -> tuple[float, float]:
    """In ranks of everyday traffic. Easy ends where the weak model no longer keeps 97 % of a mid one's quality, the
    next dearer; hard begins so late that as many are hard as a mid model fails one time in three."""
    gain = everyday.held_out["full"][:, 0]
    weak, mid = (np.array([getattr(row, end) for row in rows], dtype=np.float64) for end in ("weak", "mid"))
    easy = round(decision_point(gain, mid, weak), 3)
    return easy, round(float(np.clip(1.0 - (mid < 2 / 3).mean(), easy + LEAST, 1.0 - LEAST / 2)), 3)


def _scales(experts: dict[str, Fitted], rows: list[Row], members: dict[str, list[int]]) -> Scales:
    weak, strong = (
        {name: np.array([getattr(rows[i], end) for i in members[name]], dtype=np.float64) for name in experts}
        for end in ("weak", "strong")
    )
    thresholds = _thresholds(experts[EVERYDAY], [rows[i] for i in members[EVERYDAY]])
    easy = thresholds[0]
    points = {
        name: easy if name == EVERYDAY else decision_point(fitted.held_out["full"][:, 0], strong[name], weak[name])
        for name, fitted in experts.items()
    }
    hardness = {
        name: {mode: rank_scale(fitted.held_out[mode][:, 0], points[name], easy) for mode in MODES}
        for name, fitted in experts.items()
    }
    seen = np.concatenate([weak[name] for name in experts])
    confidence = {
        mode: accuracy_curve(np.concatenate([fitted.held_out[mode][:, 1] for fitted in experts.values()]), seen)
        for mode in MODES
    }
    return Scales(thresholds, hardness, points, confidence)


def _metrics(experts: dict[str, Fitted], rows: list[Row], members: dict[str, list[int]]) -> dict[str, Any]:
    """Held-out figures by source and mode."""
    found: dict[str, Any] = {}
    for name, fitted in experts.items():
        strong = np.array([rows[i].strong for i in members[name]], dtype=np.float64)
        weak = np.array([rows[i].weak for i in members[name]], dtype=np.float64)
        for mode, held_out in fitted.held_out.items():
            figures = routing_figures(held_out[:, 0], strong, weak)
            figures |= {"ece_weak": ece(held_out[:, 1], weak), "ece_strong": ece(held_out[:, 2], strong)}
            found.setdefault(name, {"n": len(strong)})[mode] = {
                k: round(v, 4) for k, v in figures.items() if np.isfinite(v)
            }
    return found


def embed_rows(rows: Sequence[Row], embedder: Embedder, advance: Callable[[], None]) -> Matrix:
    """Features of all rows."""
    vectors = []
    for row in rows:
        vectors.append(embedder.embed(row.prompt))
        advance()
    return matrix([lexical(row.prompt) for row in rows], np.stack(vectors))


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description:40}"),
        BarColumn(),
        TimeElapsedColumn(),
        transient=True,
        console=Console(stderr=True),
    )


def fit(
    files: Sequence[Path],
    seed: int,
    embedder: Embedder | None = None,
    strong: str | None = None,
    weak: str | None = None,
    corpus: Path = CORPUS,
) -> tuple[dict[str, Array], Trained]:
    """Everything but writing: the arrays of the artifact and what was learnt. `strong`, `weak`: see `read_rows`.

    On one thread of BLAS, as sums in another order would give other bytes on a machine with other cores.
    """
    with threadpool_limits(1):
        return _fit(files, seed, embedder or Embedder(), strong, weak, corpus)


def _fit(
    files: Sequence[Path], seed: int, embedder: Embedder, strong: str | None, weak: str | None, corpus: Path
) -> tuple[dict[str, Array], Trained]:
    rows = read_rows(files, strong, weak)
    if not any(row.has_outcomes for row in rows):
        raise DataError("no row has outcomes: give 'strong_ok' and 'weak_ok', or scores with --strong A --weak B")
    rows += read_corpus(corpus)
    rows += lend(rows, seed)
    members = _members(rows)
    with _progress() as progress:
        bar = progress.add_task("embedding", total=len(rows))
        data = embed_rows(rows, embedder, lambda: progress.advance(bar))
        bar = progress.add_task("fitting", total=6 * len(members) + 2)

        def tick(what: str) -> None:
            progress.update(bar, advance=1, description=what)

        tick("task classes")
        tasks, held_out, labelled = _fit_tasks(data, rows, seed)
        tick("gate")
        gate = _fit_gate(data, rows, members)
        experts: dict[str, Fitted] = {}
        for name, index in members.items():
            high, low = (np.array([getattr(rows[i], end) for i in index], dtype=np.float64) for end in ENDS)
            own = data.take(np.asarray(index))
            experts[name] = fit_expert(name, own, high, low, seed, tick, experts)
    manifest = _manifest([*files, *sorted(corpus.glob("*.jsonl"))], seed, experts, rows, members)
    guessed = held_out.argmax(axis=1)
    truth = np.array([TASKS.index(str(rows[i].task)) for i in labelled])
    manifest["metrics"]["tasks"] = {"n": len(truth), "accuracy": round(float((guessed == truth).mean()), 4)}
    return _arrays(experts, gate, tasks), Trained(manifest, rows, experts, members, held_out, labelled)


def _arrays(experts: dict[str, Fitted], gate: dict[str, Head], tasks: dict[str, Head]) -> dict[str, Array]:
    flat: dict[str, Array] = {}
    named = [(f"{name}/{kind}", head) for name, fit in experts.items() for kind, head in fit.heads.items()]
    named += [(f"gate/{mode}/line", head) for mode, head in gate.items()]
    named += [(f"task/{mode}/line", head) for mode, head in tasks.items()]
    for prefix, head in named:
        flat |= {f"{prefix}/{key}": value for key, value in head.arrays().items()}
    return flat


def _manifest(
    files: Sequence[Path], seed: int, experts: dict[str, Fitted], rows: list[Row], members: dict[str, list[int]]
) -> Manifest:
    mids = [row for row in rows if row.mid is not None and row.has_outcomes]
    columns = [np.array([getattr(row, tier) for row in mids], dtype=np.float64) for tier in ("weak", "mid", "strong")]
    scales = _scales(experts, rows, members)
    described = [
        {
            "name": name,
            "rows": len(members[name]),
            "decision_point": round(scales.points[name], 6),
            "modes": {
                mode: {
                    "heads": list(places),
                    "curves": {k: _rounded(v) for k, v in asdict(fit.curves[mode]).items()},
                    "scale": {k: _rounded(v) for k, v in asdict(scales.hardness[name][mode]).items()},
                }
                for mode, places in fit.uses.items()
            },
        }
        for name, fit in experts.items()
    ]
    libraries = ("numpy", "scikit-learn", "scipy", "onnxruntime", "tokenizers")
    return {
        "format": FORMAT,
        "features": features.VERSION,
        "feature_names": list(features.NAMES),
        "tasks": list(TASKS),
        "embedding": {"id": MODEL_ID, "sha256": MODEL_SHA256},
        "seed": seed,
        "libraries": {"python": platform.python_version(), **{name: version(name) for name in libraries}},
        "data": sha256_of(files),
        "experts": described,
        "mid_between": round(between(*columns), 6),
        "metrics": _metrics(experts, rows, members),
        "confidence": scales.confidence,
        "thresholds": dict(zip(("easy_below", "hard_from"), scales.thresholds, strict=True)),
    }


def train(files: Sequence[Path], out: Path, seed: int = 0, embedder: Embedder | None = None) -> Manifest:
    """Train on outcome files (and the shipped corpus), write the artifact into `out`. Raises DataError."""
    arrays, trained = fit(files, seed, embedder)
    return save(out, arrays, trained.manifest)

"""Train the scorer on labelled pairs and write the artifact. Deterministic for equal files and seed.

Only files whose licence allows a shipped artifact may be given; pairs that this package generates are added.
Run: `python -m classifier.pairs.train FILE... --out classifier/artifacts/pairs`.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import sklearn
import typer
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import GroupKFold

from classifier.embedding import Embedder
from classifier.pairs.artifact import DEFAULT_FOLDER, write_artifact
from classifier.pairs.checks import first_refusal
from classifier.pairs.features import FEATURES, featurise
from classifier.pairs.generate import generate
from classifier.pairs.lexicon import Lexicon
from classifier.pairs.pair import compare
from classifier.pairs.rows import Cosines, PairRow, read_rows

_TREES: Final = 150
_DEPTH: Final = 3
_FOLDS: Final = 5
# What this check refuses is near to what it lets pass: without these pairs the scorer serves a
# twentieth less at the same precision.
_TAUGHT_TOO: Final = ("frame",)
# Say of each source. Intent labels group questions that one help page answers, which is looser than one answer:
# their paraphrases weigh little, their near misses more.
_SAY: Final = {
    ("banking77", True): 0.5, ("banking77", False): 1.5, ("groups", True): 4.0, ("groups", False): 5.0,
    ("actions", True): 0.3, ("actions", False): 0.3, ("queries", True): 0.3, ("queries", False): 0.3,
    ("dressed", True): 0.3, ("surface_clean", True): 0.3, ("one_edit_clean", False): 0.5,
    ("edits", True): 0.3, ("edits", False): 0.5, ("paws_wiki", True): 0.3, ("paws_wiki", False): 0.5,
}  # fmt: skip


def make_model(seed: int) -> HistGradientBoostingClassifier:
    """Shallow monotone trees: few enough to serve in well under a millisecond."""
    return HistGradientBoostingClassifier(
        max_iter=_TREES,
        max_depth=_DEPTH,
        learning_rate=0.06,
        min_samples_leaf=25,
        l2_regularization=5.0,
        monotonic_cst=list(FEATURES.values()),
        early_stopping=False,
        random_state=seed,
    )


def row_weights(rows: Sequence[PairRow]) -> NDArray[np.float64]:
    """Each source and label has a fixed say, whatever the number of its rows."""
    counts = Counter((r.source, r.same) for r in rows)
    weights = np.array([_SAY.get((r.source, r.same), 1.0) / counts[(r.source, r.same)] for r in rows])
    return np.asarray(weights * (len(rows) / weights.sum()))


def training_rows(files: Sequence[Path], seed: int) -> tuple[list[PairRow], list[str]]:
    """Rows of the files and generated ones, with the unit that cross-validation keeps together."""
    rows = read_rows(files)
    units = [r.a for r in rows]
    made = generate(seed)
    return rows + [row for _, row in made], units + [unit for unit, _ in made]


def open_rows(rows: Sequence[PairRow], lexicon: Lexicon, cosines: Cosines) -> tuple[list[int], NDArray[np.float64]]:
    """The rows that the scorer learns from, which no other check refuses, and their features."""
    kept, features = [], []
    for at, row in enumerate(rows):
        pair = compare(row.a, row.b, lexicon)
        if pair.a.tokens and pair.b.tokens and first_refusal(pair, _TAUGHT_TOO) is None:
            kept.append(at)
            features.append(featurise(pair, cosines(row.a, row.b)))
    return kept, np.stack(features)


def cross_validate(
    rows: Sequence[PairRow], units: Sequence[str], features: NDArray[np.float64], seed: int
) -> NDArray[np.float64]:
    """Out-of-fold scores; questions with the same base stay in one fold."""
    labels, weights = np.array([r.same for r in rows]), row_weights(rows)
    scores = np.zeros(len(rows))
    for fitted, held in GroupKFold(_FOLDS).split(features, labels, units):
        model = make_model(seed).fit(features[fitted], labels[fitted], sample_weight=weights[fitted])
        scores[held] = model.predict_proba(features[held])[:, 1]
    return scores


def export_trees(model: HistGradientBoostingClassifier) -> tuple[dict[str, Any], int]:
    """All trees in one node table (see `scorer.TreeScorer`) and the greatest depth."""
    columns: dict[str, list[float]] = {name: [] for name in ("feature", "limit", "left", "right", "value")}
    roots, depth = [], 0
    for (tree,) in model._predictors:  # scikit-learn has no public access to the trees of this estimator
        start = len(columns["feature"])
        roots.append(start)
        for at, node in enumerate(tree.nodes):
            leaf = bool(node["is_leaf"])
            depth = max(depth, int(node["depth"]))
            columns["feature"].append(0 if leaf else int(node["feature_idx"]))
            columns["limit"].append(np.inf if leaf else float(node["num_threshold"]))
            columns["left"].append(start + (at if leaf else int(node["left"])))
            columns["right"].append(start + (at if leaf else int(node["right"])))
            columns["value"].append(float(node["value"]) if leaf else 0.0)
    arrays: dict[str, Any] = {name: np.asarray(values) for name, values in columns.items()}
    arrays["roots"], arrays["base"] = np.asarray(roots), np.asarray(float(model._baseline_prediction.item()))
    return arrays, depth


def validation_report(
    every: Sequence[PairRow], kept: Sequence[int], scores: NDArray[np.float64], threshold: float
) -> dict[str, dict[str, float | None]]:
    """Recall and pass rate by source, out of fold; what a check refuses counts as not served."""
    served = dict(zip(kept, (scores >= threshold).tolist(), strict=True))
    totals: Counter[tuple[str, bool]] = Counter((r.source, r.same) for r in every)
    hits: Counter[tuple[str, bool]] = Counter((every[at].source, every[at].same) for at, hit in served.items() if hit)
    return {
        source: {
            name: round(hits[(source, same)] / totals[(source, same)], 4) if totals[(source, same)] else None
            for name, same in (("recall", True), ("pass_rate", False))
        }
        for source in sorted({r.source for r in every})
    }


def train(files: Sequence[Path], out: Path, seed: int = 7, threshold: float = 0.675) -> dict[str, Any]:
    """Fit on `files` and write the artifact into `out`, which holds the lexicon. Returns the manifest's facts."""
    every, units = training_rows(files, seed)
    lexicon, cosines = Lexicon(out), Cosines(Embedder())
    kept, features = open_rows(every, lexicon, cosines)
    rows = [every[at] for at in kept]
    scores = cross_validate(rows, [units[at] for at in kept], features, seed)
    model = make_model(seed).fit(features, [r.same for r in rows], sample_weight=row_weights(rows))
    arrays, depth = export_trees(model)
    facts = {
        "seed": seed,
        "trained_on": {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in files},
        "generated_rows": sum(r.source in ("groups", "actions", "queries", "dressed", "edits") for r in every),
        "cross_validation": validation_report(every, kept, scores, threshold),
        "versions": {"numpy": np.__version__, "scikit-learn": sklearn.__version__},
    }
    write_artifact(out, arrays, depth, {"default": threshold}, facts)
    return facts


def main(
    files: list[Path] = typer.Argument(...),  # noqa: B008 - typer's way
    out: Path = typer.Option(DEFAULT_FOLDER),  # noqa: B008 - typer's way
    seed: int = typer.Option(7),
    threshold: float = typer.Option(0.675),
) -> None:
    """Train on FILES and print what was learnt."""
    typer.echo(json.dumps(train(files, out, seed, threshold), indent=1))


if __name__ == "__main__":
    typer.run(main)

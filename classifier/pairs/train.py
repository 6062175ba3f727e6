"""Train the scorer on labelled pairs and write the artifact. Deterministic for equal files and seed.

Only files whose licence allows a shipped artifact may be given; pairs that this package generates are added.
Run: `python -m classifier.pairs.train FILE... --out classifier/artifacts/pairs`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import sklearn
import typer
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier

from classifier.embedding import Embedder
from classifier.pairs.artifact import DEFAULT_FOLDER, write_artifact
from classifier.pairs.features import FEATURES, featurise
from classifier.pairs.lexicon import Lexicon
from classifier.pairs.pair import compare
from classifier.pairs.rows import Cosines, PairRow, read_rows

_TREES: Final = 120
_DEPTH: Final = 4


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


def feature_matrix(rows: Sequence[PairRow], lexicon: Lexicon, cosines: Cosines) -> NDArray[np.float64]:
    """Float64 (rows, features)."""
    return np.stack([featurise(compare(r.a, r.b, lexicon), cosines(r.a, r.b)) for r in rows])


def row_weights(rows: Iterable[PairRow]) -> NDArray[np.float64]:
    """Equal say for each source and label within it, whatever the number of its rows."""
    rows = list(rows)
    keys = [(r.source, r.same) for r in rows]
    counts = {key: keys.count(key) for key in set(keys)}
    return np.array([len(rows) / (len(counts) * counts[key]) for key in keys])


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


def train(files: Sequence[Path], out: Path, seed: int = 7, threshold: float = 0.8) -> dict[str, Any]:
    """Fit on `files` and write the artifact into `out`, which holds the lexicon. Returns the manifest's facts."""
    rows = read_rows(files)
    lexicon, cosines = Lexicon(out / "lexicon.npz", out / "vectors.npz"), Cosines(Embedder())
    model = make_model(seed)
    model.fit(feature_matrix(rows, lexicon, cosines), [r.same for r in rows], sample_weight=row_weights(rows))
    arrays, depth = export_trees(model)
    facts = {
        "seed": seed,
        "trained_on": {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in files},
        "versions": {"numpy": np.__version__, "scikit-learn": sklearn.__version__},
    }
    write_artifact(out, arrays, depth, {"default": threshold}, facts)
    return facts


def main(
    files: list[Path] = typer.Argument(...),  # noqa: B008 - typer's way
    out: Path = typer.Option(DEFAULT_FOLDER),  # noqa: B008 - typer's way
    seed: int = typer.Option(7),
    threshold: float = typer.Option(0.8),
) -> None:
    """Train on FILES and print what was learnt."""
    typer.echo(json.dumps(train(files, out, seed, threshold), indent=1))


if __name__ == "__main__":
    typer.run(main)

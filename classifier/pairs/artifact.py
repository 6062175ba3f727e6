"""The verifier's files: a JSON manifest with sha256 sums and npz arrays. Loading runs no code from them.

`manifest.json`: format, features, threshold, depth, sums (file name to sha256), metrics and versions.
`scorer.npz`: the trees; the other files: see `lexicon.Lexicon`.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from classifier.pairs.features import FEATURES
from classifier.pairs.lexicon import Lexicon
from classifier.pairs.scorer import ARRAYS, TreeScorer

FORMAT: Final = 1
DEFAULT_FOLDER: Final = Path(__file__).parents[1] / "artifacts" / "pairs"
_FILES: Final = ("scorer.npz", "lexicon.npz", "vectors.npz", "synonyms.txt", "opposites.txt")


class PairArtifactError(RuntimeError):
    """The verifier's files are missing, altered or made by another version. The message says what to do."""


@dataclass(frozen=True, slots=True)
class PairArtifact:
    """What loading yields: `thresholds` by task class, with `default` always there."""

    scorer: TreeScorer
    lexicon: Lexicon
    thresholds: dict[str, float]
    manifest: dict[str, Any]


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_artifact(
    folder: Path, arrays: dict[str, Any], depth: int, thresholds: dict[str, float], facts: dict[str, Any]
) -> None:
    """Write `scorer.npz` and the manifest beside the lexicon. `facts` (metrics, versions) is kept as it is."""
    np.savez_compressed(folder / "scorer.npz", **{name: arrays[name] for name in ARRAYS})
    manifest = {
        "format": FORMAT,
        "features": list(FEATURES),
        "depth": depth,
        "thresholds": thresholds,
        "sha256": {name: _sha256(folder / name) for name in _FILES},
        **facts,
    }
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n", "utf-8")


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest, checked against the files and this code. Raises PairArtifactError."""
    path = folder / "manifest.json"
    try:
        manifest: dict[str, Any] = json.loads(path.read_text("utf-8"))
        sums, known = manifest["sha256"], (manifest["format"], manifest["features"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise PairArtifactError(f"{path} is missing or unreadable: reinstall, or train the verifier again") from error
    if known != (FORMAT, list(FEATURES)):
        raise PairArtifactError(f"{path} was made for other features or another format: train the verifier again")
    for name in _FILES:
        if not (folder / name).is_file() or _sha256(folder / name) != sums.get(name):
            raise PairArtifactError(f"{folder / name} is missing or not the file of the manifest: reinstall it")
    return manifest


def load_artifact(folder: Path | None = None) -> PairArtifact:
    """Read and check everything. Raises PairArtifactError on any mismatch."""
    folder = folder or DEFAULT_FOLDER
    manifest = read_manifest(folder)
    try:
        with np.load(folder / "scorer.npz", allow_pickle=False) as data:
            scorer = TreeScorer.from_arrays({name: data[name] for name in ARRAYS}, int(manifest["depth"]))
        lexicon = Lexicon(folder)
        thresholds = {name: float(value) for name, value in manifest["thresholds"].items()}
        thresholds["default"]
    except (OSError, ValueError, KeyError) as error:
        raise PairArtifactError(f"{folder} cannot be read: {error}") from error
    return PairArtifact(scorer, lexicon, thresholds, manifest)

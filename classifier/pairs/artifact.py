"""The verifier's files: a JSON manifest with sha256 sums and npz arrays. Loading runs no code from them.

`manifest.json`: format, features, thresholds, depth, sums (file name to sha256), what is known of the reader (the
embedding it was taught on, its threshold), when it may overrule, metrics and versions.
`scorer.npz`: the trees; `reader.npz`: see `reader.ARRAYS`; the other files: see `lexicon.Lexicon`.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from classifier.embedding import MODEL_SHA256
from classifier.pairs.features import FEATURES
from classifier.pairs.lexicon import Lexicon
from classifier.pairs.overrule import Overrule
from classifier.pairs.reader import ARRAYS as READER_ARRAYS
from classifier.pairs.reader import PairReader
from classifier.pairs.scorer import ARRAYS, TreeScorer

FORMAT: Final = 2
DEFAULT_FOLDER: Final = Path(__file__).parents[1] / "artifacts" / "pairs"
_FILES: Final = ("scorer.npz", "reader.npz", "lexicon.npz", "vectors.npz", "synonyms.txt", "opposites.txt")


class PairArtifactError(RuntimeError):
    """The verifier's files are missing, altered or made by another version. The message says what to do."""


@dataclass(frozen=True, slots=True)
class PairArtifact:
    """What loading yields: `thresholds` of the scorer by task class, with `default` always there; what the reader must
    say of a pair that the scorer passes, and when it may overrule."""

    scorer: TreeScorer
    reader: PairReader
    reader_threshold: float
    overrule: Overrule
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
    _write_manifest(folder, {"features": list(FEATURES), "depth": depth, "thresholds": thresholds, **facts})


def write_reader(folder: Path, arrays: dict[str, Any], facts: dict[str, Any]) -> None:
    """Write `reader.npz` and what the manifest says of it (`threshold`, metrics); the rest of it stays."""
    np.savez_compressed(folder / "reader.npz", **{name: arrays[name] for name in READER_ARRAYS})
    _write_manifest(folder, {"reader": {"embedding_sha256": MODEL_SHA256, **facts}})


def write_overrule(folder: Path, overrule: Overrule) -> None:
    """Write when the reader may overrule into the manifest; the rest of it stays."""
    _write_manifest(folder, {"overrule": overrule.as_facts()})


def read_reader(folder: Path) -> PairReader:
    """The reader alone, unchecked. Raises OSError, ValueError or KeyError if its file is none."""
    with np.load(folder / "reader.npz", allow_pickle=False) as data:
        return PairReader({name: data[name] for name in READER_ARRAYS})


def _write_manifest(folder: Path, facts: dict[str, Any]) -> None:
    path = folder / "manifest.json"
    known: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    sums = {name: _sha256(folder / name) for name in _FILES if (folder / name).is_file()}
    manifest = known | facts | {"format": FORMAT, "sha256": sums}
    path.write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n", "utf-8")


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
    if manifest.get("reader", {}).get("embedding_sha256") != MODEL_SHA256:
        raise PairArtifactError(f"{path}: its reader was taught on another embedding: teach the reader again")
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
        reader, overrule = read_reader(folder), Overrule.read(manifest)
        reader_threshold = float(manifest["reader"]["threshold"])
        lexicon = Lexicon(folder)
        thresholds = {name: float(value) for name, value in manifest["thresholds"].items()}
        thresholds["default"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise PairArtifactError(f"{folder} cannot be read ({error}): reinstall, or train the verifier again") from error
    return PairArtifact(scorer, reader, reader_threshold, overrule, lexicon, thresholds, manifest)

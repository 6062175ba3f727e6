"""The model file: `weights.npz` (numbers only, read without pickle) and `manifest.json` that says what they are.

Loading runs no code from the file, and refuses what does not belong together, saying what to do.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from classifier import features
from classifier.embedding import MODEL_ID, MODEL_SHA256
from classifier.heads import KINDS, Head, Inputs, Kernel
from classifier.kernel_sum import KernelSum
from classifier.labels import LENT, TASKS
from classifier.mixture import Curves, Expert, Mixture, Scale, logit, sigmoid

FORMAT: Final = 3
SHIPPED: Final = Path(__file__).parent / "artifacts"
WEIGHTS, MANIFEST = "weights.npz", "manifest.json"
MODES: Final = ("full", "lexical")
_RETRAIN: Final = "train again with `tierwise train`, or restore the files of one release together"

Manifest = dict[str, Any]


class ArtifactError(RuntimeError):
    """The model file is missing, damaged, or made for other features, labels or another embedding model."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the classifier says about one prompt. All probabilities are calibrated on held-out rows.

    `hardness` in [0, 1] is the rank of the expected gain of strong over weak among prompts of the same kind (0.7 of
    everyday traffic: harder than 70 % of it); routes go by it. `gain` is that expected gain, by the experts' recorded
    outcomes. `confidence` is the expected accuracy of the call "weak is good enough / is not".
    """

    task: str
    task_p: float
    ok_weak: float
    ok_mid: float
    ok_strong: float
    hardness: float
    confidence: float
    gain: float


class Model:
    """A loaded artifact. Immutable, thread-safe."""

    def __init__(self, manifest: Manifest, mixtures: Mapping[str, Mixture]) -> None:
        self.manifest = manifest
        self._mixtures = dict(mixtures)
        self._confidence = {
            mode: (np.linspace(0.0, 0.5, len(curve)), np.asarray(curve))
            for mode, curve in manifest["confidence"].items()
        }
        self._mid = float(manifest["mid_between"])

    @classmethod
    def load(cls, path: Path | None = None) -> Model:
        """Read and check a folder with both files (default: the shipped one). Raises ArtifactError."""
        folder = path or SHIPPED
        manifest = _read_manifest(folder)
        arrays = _read_weights(folder, manifest)
        return cls(manifest, {mode: read_mixture(arrays, manifest, mode) for mode in MODES})

    @property
    def easy_below(self) -> float:
        """Hardness below which a prompt is easy."""
        return float(self.manifest["thresholds"]["easy_below"])

    @property
    def hard_from(self) -> float:
        """Hardness from which a prompt is hard."""
        return float(self.manifest["thresholds"]["hard_from"])

    @property
    def usual_sums(self) -> list[KernelSum]:
        """What is asked of the embedding of nearly every prompt, see `KernelSum.join`."""
        everyday = self._mixtures["full"].experts[0]
        return [head.votes for head in everyday.heads.values() if isinstance(head, Kernel)]

    def predict(self, text: str, embedding: NDArray[np.float32] | None) -> Prediction:
        """Answer from both views, or from the lexical one alone when `embedding` is None."""
        return self.predict_from(Inputs(features.lexical(text), embedding))

    def predict_from(self, inputs: Inputs) -> Prediction:
        """The same for features already computed."""
        mode = "lexical" if inputs.embedding is None else "full"
        mixture = self._mixtures[mode]
        gain, weak, strong, hardness = mixture.outcome(inputs).tolist()
        tasks = mixture.tasks(inputs)
        best = int(tasks.argmax())
        strong = max(strong, weak)
        mid = float(sigmoid((1.0 - self._mid) * logit(weak) + self._mid * logit(strong)))
        sureness = np.interp(abs(weak - 0.5), *self._confidence[mode])
        return Prediction(
            task=TASKS[best],
            task_p=float(tasks[best]),
            ok_weak=weak,
            ok_mid=min(max(mid, weak), strong),
            ok_strong=strong,
            hardness=hardness,
            confidence=float(sureness),
            gain=gain,
        )


def _read_manifest(folder: Path) -> Manifest:
    path = folder / MANIFEST
    try:
        manifest: Manifest = json.loads(path.read_text())
    except FileNotFoundError:
        raise ArtifactError(f"no model at {folder}: {MANIFEST} is missing; {_RETRAIN}") from None
    except json.JSONDecodeError as error:
        raise ArtifactError(f"{path} is not JSON ({error}); {_RETRAIN}") from None
    expected = {
        "format": FORMAT,
        "features": features.VERSION,
        "feature_names": list(features.NAMES),
        "tasks": list(TASKS),
        "embedding": {"id": MODEL_ID, "sha256": MODEL_SHA256},
    }
    for name, value in expected.items():
        if manifest.get(name) != value:
            raise ArtifactError(f"{path}: {name!r} is not what this version reads; {_RETRAIN}")
    major = np.__version__.split(".")[0]
    if manifest["libraries"]["numpy"].split(".")[0] != major:
        raise ArtifactError(f"{path} was made with numpy {manifest['libraries']['numpy']}, not {major}.x; {_RETRAIN}")
    return manifest


def _read_weights(folder: Path, manifest: Manifest) -> dict[str, NDArray[Any]]:
    path = folder / WEIGHTS
    if not path.is_file():
        raise ArtifactError(f"no model at {folder}: {WEIGHTS} is missing; {_RETRAIN}")
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    wanted = manifest["files"][WEIGHTS]
    if found != wanted:
        raise ArtifactError(f"{path} has sha256 {found}, its manifest says {wanted}; {_RETRAIN}")
    with np.load(path, allow_pickle=False) as stored:
        return dict(stored)


def _read_head(arrays: Mapping[str, NDArray[Any]], prefix: str, kind: str) -> Head:
    own = {key.removeprefix(prefix): value for key, value in arrays.items() if key.startswith(prefix)}
    return KINDS[kind].read(own)


def read_mixture(arrays: Mapping[str, NDArray[Any]], manifest: Manifest, mode: str) -> Mixture:
    """Build one mode's mixture from the flat arrays."""
    experts = []
    read: dict[str, Head] = {}
    for entry in manifest["experts"]:
        fitted = entry["modes"][mode]
        for place in fitted["heads"]:
            if place not in read:
                read[place] = _read_head(arrays, f"{place}/", place.rsplit("/", 1)[1])
        heads = {place: read[place] for place in fitted["heads"]}
        curves = Curves(**{name: np.asarray(value) for name, value in fitted["curves"].items()})
        scale = Scale(**{name: np.asarray(value) for name, value in fitted["scale"].items()})
        experts.append(Expert(heads, curves, scale, for_others=entry["name"] == LENT))
    gate = _read_head(arrays, f"gate/{mode}/line/", "line")
    task = _read_head(arrays, f"task/{mode}/line/", "line")
    return Mixture(gate, task, tuple(experts))


def save(folder: Path, arrays: Mapping[str, NDArray[Any]], manifest: Manifest) -> Manifest:
    """Write both files; the same arguments give the same bytes. Returns the manifest with the file's sha256."""
    folder.mkdir(parents=True, exist_ok=True)
    ordered = {key: arrays[key] for key in sorted(arrays)}
    np.savez_compressed(folder / WEIGHTS, allow_pickle=False, **ordered)
    digest = hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()
    complete = {**manifest, "files": {WEIGHTS: digest}}
    (folder / MANIFEST).write_text(json.dumps(complete, indent=1, sort_keys=True) + "\n")
    return complete

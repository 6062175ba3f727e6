"""The shipped model, and what loading refuses."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from classifier.artifact import MANIFEST, SHIPPED, WEIGHTS, ArtifactError, Model
from classifier.embedding import Embedder
from classifier.labels import TASKS


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the shipped artifact."""
    for name in (MANIFEST, WEIGHTS):
        shutil.copy(SHIPPED / name, tmp_path / name)
    return tmp_path


def change(folder: Path, **fields: object) -> None:
    """Overwrite fields of the manifest."""
    path = folder / MANIFEST
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


def test_the_shipped_files_are_small() -> None:
    """Weights and manifest together are below 20 MB."""
    assert sum((SHIPPED / name).stat().st_size for name in (MANIFEST, WEIGHTS)) < 20_000_000


@pytest.mark.parametrize(
    "fields",
    [
        {"format": 99},
        {"tasks": list(reversed(TASKS))},
        {"features": 0},
        {"embedding": {"id": "another", "sha256": ""}},
        {"files": {WEIGHTS: "0" * 64}},
        {"libraries": {"numpy": "0.1"}},
    ],
    ids=lambda fields: next(iter(fields)),
)
def test_what_does_not_belong_together_does_not_load(copy: Path, fields: dict[str, object]) -> None:
    """Another format, label set, feature set, embedding model, checksum or numpy is refused, with advice."""
    change(copy, **fields)
    with pytest.raises(ArtifactError, match="tierwise train"):
        Model.load(copy)


@pytest.mark.parametrize("name", [MANIFEST, WEIGHTS])
def test_a_missing_file_is_named(copy: Path, name: str) -> None:
    """The error says which file is missing."""
    (copy / name).unlink()
    with pytest.raises(ArtifactError, match=name):
        Model.load(copy)


def test_pickled_objects_are_never_read(copy: Path) -> None:
    """A weights file with a pickle inside does not load, even with a matching checksum."""
    import hashlib

    np.savez(copy / WEIGHTS, evil=np.array([{"a": 1}], dtype=object))
    change(copy, files={WEIGHTS: hashlib.sha256((copy / WEIGHTS).read_bytes()).hexdigest()})
    with pytest.raises(ValueError, match="allow_pickle"):
        Model.load(copy)


def test_probabilities_rise_with_the_tier(model: Model, embedder: Embedder) -> None:
    """Every answer is a probability, and a stronger model is never said to be worse; with and without embedding."""
    for text in ("", "hi", "Prove that pi is transcendental.", "x" * 20_000, "写一首诗", "```\n{}\n```"):
        for vector in (embedder.embed(text), None):
            p = model.predict(text, vector)
            assert 0 <= p.ok_weak <= p.ok_mid <= p.ok_strong <= 1
            assert 0 <= p.hardness <= 1
            assert 0.5 <= p.confidence <= 1
            assert p.task in TASKS
            assert 0 < p.task_p <= 1


def test_thresholds_are_in_order(model: Model) -> None:
    """Easy lies below hard."""
    assert 0 < model.easy_below < model.hard_from < 1

"""Training on a small made-up set: it repeats, it learns, it reports."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from classifier.artifact import MANIFEST, WEIGHTS, Model, save
from classifier.baselines import random_order
from classifier.data import DataError
from classifier.embedding import Embedder
from classifier.evaluate import evaluate_routing, evaluate_tasks
from classifier.labels import TASKS
from classifier.report import write_report
from classifier.train import Trained, fit

WORDS = ("lamp", "river", "carpet", "violin", "bridge", "pepper", "window", "saddle", "orchid", "anchor")


def corpus(folder: Path) -> Path:
    """Sixty short prompts, six a task class, in which the word "rigorous" makes it hard."""
    folder.mkdir()
    lines = []
    for task in TASKS:
        for number in range(6):
            hard = number % 2 == 1
            prompt = f"{task} about a {WORDS[number]}" + (", rigorous and complete" if hard else "")
            chances = {"weak": 0.2, "mid": 0.5, "strong": 0.8} if hard else {"weak": 0.9, "mid": 0.95, "strong": 0.97}
            lines.append(json.dumps({"prompt": prompt, "task": task, **chances}))
    (folder / "made_up.jsonl").write_text("\n".join(lines))
    return folder


def outcomes(path: Path) -> Path:
    """60 outcomes of a source in which prompts about bridges need the strong model."""
    lines = []
    for number in range(60):
        word = WORDS[number % 10]
        row = {"prompt": f"Case {number}: tell about the {word} in room {number % 7}", "source": "desk"}
        lines.append(json.dumps({**row, "strong_ok": 1, "weak_ok": int(word != "bridge")}))
    path.write_text("\n".join(lines))
    return path


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, embedder: Embedder) -> tuple[Path, Trained, list[bytes]]:
    """The same training twice, written to two folders."""
    folder = tmp_path_factory.mktemp("train")
    made_up, files = corpus(folder / "corpus"), [outcomes(folder / "desk.jsonl")]
    written = []
    for name in ("one", "two"):
        arrays, found = fit(files, 0, embedder, corpus=made_up)
        save(folder / name, arrays, found.manifest)
        written.append((folder / name / WEIGHTS).read_bytes() + (folder / name / MANIFEST).read_bytes())
    return folder, found, written


def test_the_same_input_gives_the_same_bytes(trained: tuple[Path, Trained, list[bytes]]) -> None:
    """Weights and manifest repeat byte for byte."""
    assert trained[2][0] == trained[2][1]


def test_it_learns_what_the_outcomes_say(trained: tuple[Path, Trained, list[bytes]], embedder: Embedder) -> None:
    """The trained file loads and sends the prompts about bridges to the strong model."""
    model = Model.load(trained[0] / "one")
    rows = [row for row in trained[1].rows if row.source == "desk"]
    found = evaluate_routing(rows, model, embedder, draws=20, baselines={"random": random_order})
    assert found["overall"]["apgr"] > 0.8
    assert found["overall"]["baselines"]["random"]["apgr"] == pytest.approx(0.5)
    assert set(found["by_source"]) == {"desk"}


def test_task_classes_are_learnt(trained: tuple[Path, Trained, list[bytes]], embedder: Embedder) -> None:
    """The task of the rows it was trained on is right almost always."""
    found = evaluate_tasks(trained[1].rows, Model.load(trained[0] / "one"), embedder)
    assert found["accuracy"] > 0.9
    assert sum(map(sum, found["confusion"].values())) == found["n"]


def test_the_manifest_says_what_was_used(trained: tuple[Path, Trained, list[bytes]]) -> None:
    """Hashes of the data, library versions and figures stand in the manifest."""
    manifest = json.loads((trained[0] / "one" / MANIFEST).read_text())
    assert set(manifest["data"]) == {"desk.jsonl", "made_up.jsonl"}
    assert {"numpy", "scikit-learn", "onnxruntime"} <= set(manifest["libraries"])
    assert manifest["metrics"]["other"]["full"]["apgr"] > 0.6


def test_the_report_stands_alone(trained: tuple[Path, Trained, list[bytes]]) -> None:
    """One HTML page with plots inside, which loads nothing from elsewhere."""
    path = trained[0] / "report.html"
    write_report(trained[1], path)
    page = path.read_text()
    assert page.count("<svg") == 3
    assert "http" not in page


def test_an_incomplete_corpus_is_refused(tmp_path: Path, embedder: Embedder) -> None:
    """Without rows of each task class there is no model, and the message says which are missing."""
    made_up = corpus(tmp_path / "corpus")
    path = made_up / "made_up.jsonl"
    path.write_text("\n".join(line for line in path.read_text().splitlines() if '"maths"' not in line))
    with pytest.raises(DataError, match="maths"):
        fit([outcomes(tmp_path / "desk.jsonl")], 0, embedder, corpus=made_up)


def test_files_without_outcomes_are_refused(tmp_path: Path, embedder: Embedder) -> None:
    """Training on prompts alone is not possible, and the message says what is missing."""
    path = tmp_path / "x.jsonl"
    path.write_text('{"prompt": "a"}')
    with pytest.raises(DataError, match="strong_ok"):
        fit([path], 0, embedder)

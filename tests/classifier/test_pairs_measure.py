"""Reading pairs, intervals, the report, calibration, the artifact, generation and training."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import typer
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from typer.testing import CliRunner

from classifier.pairs import cli
from classifier.pairs.artifact import DEFAULT_FOLDER, PairArtifactError, load_artifact
from classifier.pairs.calibrate import calibrate_pairs, choose_threshold
from classifier.pairs.evaluate import evaluate_pairs
from classifier.pairs.generate import generate
from classifier.pairs.intervals import clopper_pearson, upper_bound
from classifier.pairs.rows import PairRow, read_rows
from classifier.pairs.scorer import TreeScorer
from classifier.pairs.train import export_trees
from classifier.pairs.verify import PairVerifier


class LetterEmbedder:
    """A deterministic embedding by letter counts: near texts have near vectors."""

    def embed(self, text: str) -> NDArray[np.float32]:
        """Unit vector of letter counts."""
        counts = np.array([text.lower().count(c) + 0.01 for c in "abcdefghijklmnopqrstuvwxyz"], dtype=np.float32)
        return counts / np.float32(np.linalg.norm(counts))


ROWS = [
    PairRow("How do I buy a bike?", "How do I purchase a bike?", True, "mine", "synonym", "howto"),
    PairRow("How do I buy a bike?", "how do i buy a bike", True, "mine", "case", "howto"),
    PairRow("How do I buy a bike?", "How do I sell a bike?", False, "mine", "antonym", "howto"),
    PairRow("Who owns shop 12?", "Who owns shop 21?", False, "other", "number"),
]


@pytest.fixture(scope="module")
def verifier() -> PairVerifier:
    """The shipped verifier."""
    return PairVerifier.load()


def test_the_report_counts_both_directions(verifier: PairVerifier) -> None:
    """Each pair is asked twice, shares follow from the counts, and refusals name their check."""
    report = evaluate_pairs(ROWS, verifier, LetterEmbedder())
    overall = report["overall"]
    assert (overall["n"], overall["n_same"], overall["n_different"]) == (8, 4, 4)
    assert (overall["recall"], overall["pass_rate"], overall["precision"]) == (1.0, 0.0, 1.0)
    assert report["refused_by"]["different"] == {"antonym": 2, "numbers": 2}
    assert report["by_source"]["other"]["recall"] is None
    assert report["by_kind"]["mine/case"]["recall_ci"][1] == 1.0
    assert report["baselines"]["litellm_documented_rule_cosine_0_80"]["pass_rate"] == 0.5


def test_intervals_hold_the_known_values() -> None:
    """No error in 598 bounds the share by half a percent with 95 % confidence; an empty count says nothing."""
    assert upper_bound(0, 598) <= 0.005 < upper_bound(0, 597)
    assert clopper_pearson(0, 0) == (0.0, 1.0)
    low, high = clopper_pearson(5, 10)
    assert (round(low, 4), round(high, 4)) == (0.1871, 0.8129)


def test_calibration_takes_the_last_threshold_before_the_bound_breaks() -> None:
    """Right answers score high, wrong ones low: the threshold stops above the wrong ones."""
    scored = [(0.95, True)] * 700 + [(0.80, True)] * 300 + [(0.60, False)] * 50
    found = choose_threshold(scored, 0.005)
    assert found.threshold is not None
    assert 0.60 < found.threshold <= 0.80
    assert (found.served, found.wrong) == (1000, 0)


def test_calibration_certifies_nothing_from_too_few_pairs(verifier: PairVerifier) -> None:
    """A handful of right answers does not show an error rate below half a percent."""
    report = calibrate_pairs(ROWS, verifier, LetterEmbedder())
    assert set(report["thresholds"]) == {"default", "howto"}
    assert report["thresholds"]["default"]["threshold"] is None


def test_a_calibration_says_what_it_certified_and_what_not(verifier: PairVerifier) -> None:
    """In sentences: for which task classes, on how many pairs, how surely; what has too few pairs, or none."""
    told = "\n".join(calibrate_pairs(ROWS, verifier, LetterEmbedder())["certificate"])
    assert "with 95% confidence: at most 0.50%" in told and f"{len(ROWS)} pairs" in told
    assert "Not certified for all task classes together: too few: " in told and "below 598" in told
    assert "no pair names it: classification" in told and "At the shipped threshold" in told
    rows = [
        PairRow(f"How do I buy bike {i}?", f"how do I buy bike {i}", True, "mine", task="howto") for i in range(700)
    ]
    told = "\n".join(calibrate_pairs(rows, verifier, LetterEmbedder())["certificate"])
    assert "Certified for the task class howto: from threshold 0.300 on at most 0.43% of served paraphrases" in told
    assert "700 of 700 pairs were served and none of them were wrong" in told
    wrong = [replace(row, same=i % 20 > 0) for i, row in enumerate(rows)]
    told = "\n".join(calibrate_pairs(wrong, verifier, LetterEmbedder())["certificate"])
    assert "too many wrong: 700 of 700 pairs were served and 35 of them were wrong" in told


def test_calibration_refuses_an_impossible_share() -> None:
    """A share of nought or one is a mistake of the operator."""
    with pytest.raises(ValueError, match="between 0 and 1"):
        choose_threshold([], 0.0)


def test_a_bad_row_is_reported_with_its_line(tmp_path: Path) -> None:
    """The message names the file and the line."""
    path = tmp_path / "pairs.jsonl"
    path.write_text('{"a": "x", "b": "y", "same": true}\n{"a": "x"}\n', "utf-8")
    with pytest.raises(ValueError, match=r"pairs\.jsonl:2"):
        read_rows([path])


@pytest.fixture
def altered(tmp_path: Path) -> Iterator[Path]:
    """A copy of the shipped artifact."""
    folder = tmp_path / "pairs"
    shutil.copytree(DEFAULT_FOLDER, folder)
    yield folder


@pytest.mark.parametrize("name", ["scorer.npz", "reader.npz", "lexicon.npz", "synonyms.txt"])
def test_an_altered_file_is_refused(altered: Path, name: str) -> None:
    """One changed byte and the artifact does not load."""
    data = bytearray((altered / name).read_bytes())
    data[len(data) // 2] ^= 1
    (altered / name).write_bytes(bytes(data))
    with pytest.raises(PairArtifactError, match=name):
        load_artifact(altered)


def test_other_features_are_refused(altered: Path) -> None:
    """An artifact that was trained for other features does not load."""
    path = altered / "manifest.json"
    manifest = json.loads(path.read_text("utf-8"))
    manifest["features"].append("one_more")
    path.write_text(json.dumps(manifest), "utf-8")
    with pytest.raises(PairArtifactError, match="other features"):
        load_artifact(altered)


def test_a_reader_of_another_embedding_is_refused(altered: Path) -> None:
    """What it has learnt is added to the weights of one model only."""
    path = altered / "manifest.json"
    manifest = json.loads(path.read_text("utf-8"))
    manifest["reader"]["embedding_sha256"] = "0" * 64
    path.write_text(json.dumps(manifest), "utf-8")
    with pytest.raises(PairArtifactError, match="another embedding"):
        load_artifact(altered)


def test_a_missing_artifact_is_refused(tmp_path: Path) -> None:
    """The error says which file is missing."""
    with pytest.raises(PairArtifactError, match=r"manifest\.json"):
        PairVerifier.load(tmp_path)


def test_generation_is_deterministic_and_has_both_labels() -> None:
    """The same seed gives the same pairs, another seed others, and no pair is of one text with itself."""
    first, again, other = generate(3, 50, 50, 50), generate(3, 50, 50, 50), generate(4, 50, 50, 50)
    assert first == again != other
    assert {row.same for _, row in first} == {True, False}
    assert all(row.a != row.b for _, row in first)


def test_exported_trees_agree_with_the_trained_model() -> None:
    """The arrays give the probabilities that scikit-learn gives."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(400, 5))
    labels = rows[:, 0] + rows[:, 1] * rows[:, 2] > 0
    model = HistGradientBoostingClassifier(max_iter=12, max_depth=3, random_state=0).fit(rows, labels)
    arrays, depth = export_trees(model)
    scorer = TreeScorer.from_arrays(arrays, depth)
    expected = model.predict_proba(rows[:50])[:, 1]
    assert np.allclose([scorer.probability(row) for row in rows[:50]], expected)


def test_the_commands_print_one_json_object(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With --json nothing but the report is on standard output."""
    monkeypatch.setattr(cli, "Embedder", LetterEmbedder)
    path = tmp_path / "pairs.jsonl"
    path.write_text("\n".join(json.dumps({"a": r.a, "b": r.b, "same": r.same, "source": r.source}) for r in ROWS))
    app = typer.Typer()
    app.command("evaluate")(cli.evaluate_cache)
    app.command("calibrate")(cli.calibrate_cache)
    for command, key in (("evaluate", "overall"), ("calibrate", "thresholds")):
        result = CliRunner().invoke(app, [command, "--pairs", str(path), "--json"])
        assert result.exit_code == 0, result.output
        assert key in json.loads(result.stdout)
        assert CliRunner().invoke(app, [command, "--pairs", str(path)]).exit_code == 0

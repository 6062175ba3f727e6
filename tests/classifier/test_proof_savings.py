"""What routing saves on recorded outcomes, against cases that can be worked out by hand."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from classifier.proof.cli import evaluate_quality
from classifier.proof.savings import Ranked, figures, saving_figures, shipped

app = typer.Typer()
app.command()(evaluate_quality)
runner = CliRunner()


def point(score: np.ndarray, strong: np.ndarray, weak: np.ndarray, ratio: float = 25.0) -> dict[str, float]:
    """The figures without resampling."""
    found = figures(Ranked.of(score, strong, weak), np.ones((1, len(score))), ratio)
    return {name: float(value[0]) for name, value in found.items()}


def test_a_perfect_order_pays_only_for_what_strong_adds() -> None:
    """Of 100 prompts strong adds on 40 and needs 97 points: 37 strong calls keep them, a random mix needs 92.5."""
    weak = np.r_[np.zeros(40), np.ones(60)]
    found = point(1.0 - weak, np.ones(100), weak)
    assert found["saved_at_97"] == pytest.approx((1 - 0.37) * 24 / 25)
    assert found["saved_at_97_random_mix"] == pytest.approx((1 - 0.925) * 24 / 25)
    assert found["saved_at_97_best_single"] == 0.0
    assert found["quality_over_random_mix_same_cost"] == pytest.approx(0.37 - 0.37 * 0.40)


def test_equal_scores_save_what_a_random_mix_saves() -> None:
    """Without any knowledge of prompts, routing is the mix, but for whole calls."""
    weak = np.r_[np.zeros(40), np.ones(60)]
    found = point(np.zeros(100), np.ones(100), weak)
    assert found["saved_at_97"] == pytest.approx((1 - 0.93) * 24 / 25)


def test_where_weak_suffices_everything_saves_alike_and_it_is_said() -> None:
    """A weak model that is good enough, or better, needs no router: one model, a mix and routing all save 96 %."""
    rng = np.random.default_rng(0)
    weak, strong = (rng.random(200) < 0.9).astype(float), (rng.random(200) < 0.7).astype(float)
    found = saving_figures(rng.random(200), strong, weak, 25.0, 0.5, draws=40)
    assert found["weak_suffices"] is True
    for name in ("saved_at_97", "saved_at_97_random_mix", "saved_at_97_best_single"):
        assert found[name] == pytest.approx(0.96)


def test_the_models_own_decision_point_is_measured_too() -> None:
    """Of 100 prompts 70 are below it, of which weak fails 10: 70 % of calls are cheap, 90 % of quality is kept."""
    weak = np.r_[np.zeros(40), np.ones(60)]
    ranked = Ranked.of(np.r_[np.full(30, 0.9), np.full(70, 0.2)], np.ones(100), weak)
    found = shipped(ranked, np.ones((1, 100)), 25.0, 0.37)
    assert found["saved_as_shipped"][0] == pytest.approx(0.7 * 24 / 25)
    assert found["kept_as_shipped"][0] == pytest.approx(0.9)


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 1), st.integers(0, 1)), min_size=1, max_size=25))
def test_the_saving_is_the_first_point_of_the_curve_that_keeps_the_quality(rows: list[tuple[int, int, int]]) -> None:
    """For any outcomes: the same as walking along the curve call by call, ties standing for their mean."""
    kept, calls = Fraction(sum(weak for _, _, weak in rows)), 0
    need = Fraction(97, 100) * sum(strong for _, strong, _ in rows)
    walk = [
        Fraction(sum(b - c for a, b, c in rows if a == score), sum(a == score for a, _, _ in rows))
        for score, _, _ in sorted(rows, reverse=True)
    ]
    while kept < need:
        kept, calls = kept + walk[calls], calls + 1
    score, strong, weak = (np.array(column, dtype=np.float64) for column in zip(*rows, strict=True))
    assert point(score, strong, weak)["saved_at_97"] == pytest.approx((1 - calls / len(rows)) * 0.96)


def test_a_threshold_chosen_on_its_own_rows_flatters_and_the_crossfit_does_not() -> None:
    """Scores that know nothing: in-sample the best point saves more than the mix; cross-fitted it keeps less than 97 %
    on average, which the figure beside it says."""
    rng = np.random.default_rng(3)
    strong, weak = (rng.random(80) < 0.85).astype(float), (rng.random(80) < 0.65).astype(float)
    found = saving_figures(rng.random(80), strong, weak, 25.0, 0.5, draws=200)
    assert found["crossfit_quality_kept"] < 0.97
    low, high = found["saved_at_97_ci"]
    assert low <= found["saved_at_97"] <= high


def test_offline_prints_one_json_object(tmp_path: Path) -> None:
    """Every figure with its interval, overall and by source; contaminated rows are left out."""
    rows = [{"prompt": f"What is {i} + {i}?", "source": "s", "strong_ok": 1, "weak_ok": i % 2} for i in range(12)]
    rows.append({"prompt": "seen before", "strong_ok": 1, "weak_ok": 0, "routellm_contaminated": True})
    data = tmp_path / "outcomes.jsonl"
    data.write_text("\n".join(json.dumps(row) for row in rows))
    result = runner.invoke(app, ["--outcomes", str(data), "--price-ratio", "25", "--json"])
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    for part in (found["overall"], found["by_source"]["s"]):
        assert part["n"] == 12
        for name in ("strong", "weak", "saved_at_97", "saved_at_97_random_mix", "saved_at_97_best_single"):
            low, high = part[f"{name}_ci"]
            assert low <= high


def test_scores_per_model_take_two_names(tmp_path: Path) -> None:
    """Rows of `scores` need --strong and --weak, and say so."""
    data = tmp_path / "scores.jsonl"
    data.write_text("\n".join(json.dumps({"prompt": f"p {i}", "scores": {"big": 1, "small": 0}}) for i in range(10)))
    assert runner.invoke(app, ["--outcomes", str(data), "--json"]).exit_code == 2
    result = runner.invoke(app, ["--outcomes", str(data), "--strong", "big", "--weak", "small", "--json"])
    assert json.loads(result.stdout)["overall"]["strong"] == 1.0

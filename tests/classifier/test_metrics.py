"""The figures, against cases that can be worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.metrics import apgr, auroc, cpt, ece, ece_by_chance, recovered, with_intervals

STRONG = np.array([1.0, 1.0, 1.0, 1.0])
WEAK = np.array([0.0, 0.0, 1.0, 1.0])


def test_a_perfect_order_recovers_the_gap_first() -> None:
    """Both prompts that need strong come first: half of the gap after one call of four, all of it after two."""
    score = np.array([4.0, 3.0, 2.0, 1.0])
    assert recovered(score, STRONG, WEAK).tolist() == [0.0, 0.5, 1.0, 1.0, 1.0]
    assert apgr(score, STRONG, WEAK) == pytest.approx(0.75)
    assert cpt(score, STRONG, WEAK, 0.5) == 25.0
    assert auroc(score, STRONG, WEAK) == 1.0


def test_equal_scores_are_a_random_mix() -> None:
    """Ties count in expectation, whatever order the file has."""
    assert apgr(np.zeros(4), STRONG, WEAK) == pytest.approx(0.5)
    assert auroc(np.zeros(4), STRONG, WEAK) == 0.5
    assert cpt(np.zeros(4), STRONG, WEAK, 0.5) == 50.0


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1), st.integers(0, 3)), min_size=2, max_size=30))
def test_reversing_the_order_mirrors_the_area(rows: list[tuple[float, float, int]]) -> None:
    """Whatever an order gains over chance, its reverse loses."""
    strong, weak, score = (np.array(column, dtype=np.float64) for column in zip(*rows, strict=True))
    if (strong - weak).sum() > 0.01:
        assert apgr(score, strong, weak) + apgr(-score, strong, weak) == pytest.approx(1.0, abs=1e-6)


def test_no_gap_has_no_figure() -> None:
    """Where strong is not better, there is nothing to recover: no number rather than a wrong one."""
    found = with_intervals(np.arange(4.0), WEAK, STRONG, draws=20, seed=0)
    assert found["apgr"] is None
    assert found["apgr_ci"] is None


def test_intervals_hold_the_figure() -> None:
    """The bootstrap interval is around the figure, and repeats."""
    rng = np.random.default_rng(1)
    strong = np.ones(400)
    weak = (rng.random(400) < 0.6).astype(float)
    score = rng.random(400) - 0.3 * weak
    found = with_intervals(score, strong, weak, draws=100, seed=0)
    low, high = found["apgr_ci"]
    assert low < found["apgr"] < high
    assert found == with_intervals(score, strong, weak, draws=100, seed=0)


def test_calibration_error_of_honest_probabilities_is_small() -> None:
    """Outcomes drawn from the stated probability give a small error, a constant lie a large one."""
    rng = np.random.default_rng(0)
    stated = rng.random(5000)
    outcome = (rng.random(5000) < stated).astype(float)
    assert ece(stated, outcome) < 0.03
    assert ece(np.full(5000, 0.9), outcome) > 0.3


def test_few_rows_show_a_calibration_error_by_chance_alone() -> None:
    """Perfect calibration shows an error that shrinks with the number of rows."""
    few, many = np.full(86, 0.6), np.full(8600, 0.6)
    assert 0.09 < ece_by_chance(few) < 0.16
    assert ece_by_chance(many) < 0.02

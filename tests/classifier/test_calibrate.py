"""Where hardness lies on its scale: decision points read off held-out scores."""

from __future__ import annotations

import numpy as np
import pytest

from classifier.calibrate import LEAST, decision_point, rank_scale


def test_the_decision_point_is_the_largest_share_that_keeps_the_quality() -> None:
    """Of 100 prompts, 60 need no strong model: with an order that knows them, 63 may go to the weak one at 97 %."""
    weak = np.r_[np.ones(60), np.zeros(40)]
    gain = np.arange(100.0)
    assert decision_point(gain, np.ones(100), weak) == pytest.approx(0.63)


def test_a_share_that_happens_to_keep_the_quality_does_not_count() -> None:
    """A run of luck behind a stretch of failures is not relied on: every smaller share must keep the quality, too."""
    weak = np.r_[np.ones(50), np.zeros(5), np.full(25, 1.2), np.zeros(20)]
    strong = np.ones(100)
    point = decision_point(np.arange(100.0), strong, weak)
    assert point == pytest.approx(0.53)
    lucky = np.where(np.arange(100) < 80, weak, strong).mean()
    assert lucky >= 0.97


def test_where_weak_suffices_nearly_everything_may_go_to_it() -> None:
    """And where it never does, next to nothing."""
    assert decision_point(np.arange(50.0), np.full(50, 0.7), np.full(50, 0.7)) == pytest.approx(1.0 - LEAST)
    assert decision_point(np.arange(50.0), np.ones(50), np.zeros(50)) == pytest.approx(LEAST)


def test_the_scale_puts_the_decision_point_at_the_threshold() -> None:
    """Ranks below and above it are spread evenly over what is left on either side."""
    gain = np.random.default_rng(0).normal(size=4000)
    scale = rank_scale(gain, 0.25, 0.4)
    asked = np.array([scale(g) for g in gain])
    assert (asked < 0.4).mean() == pytest.approx(0.25, abs=0.01)
    assert (asked < 0.2).mean() == pytest.approx(0.125, abs=0.01)
    assert (asked < 0.7).mean() == pytest.approx(0.625, abs=0.01)
    assert scale(-99.0) == 0.0 and scale(99.0) == 1.0

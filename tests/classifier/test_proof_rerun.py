"""A fixed set asked again: what is a change, and what is chance."""

from __future__ import annotations

import numpy as np

from classifier.proof.rerun import Comparison, Marks, compare

ITEMS = 60


def runs(rng: np.random.Generator, n: int, right: float) -> list[Marks]:
    """`n` runs of a model whose answers to most items are always the same."""
    settled = {f"i{k}": float(k < ITEMS * 0.7) for k in range(ITEMS)}
    loose = [f"i{k}" for k in range(ITEMS // 2)]
    return [settled | {key: float(rng.random() < right) for key in loose} for _ in range(n)]


def compared(found: list[Marks], left_out: int = 0) -> Comparison:
    return compare("m", found, reference_runs=3, margin=0.05, false_alarm_runs=1000, left_out=left_out)


def test_the_first_runs_are_learnt() -> None:
    """They say nothing yet, and how many are missing."""
    found = compared(runs(np.random.default_rng(0), 2, 0.9))
    assert found.learning == 1 and found.changed is None


def test_chance_is_no_change() -> None:
    """Hundreds of runs of a model that answers a half of its items by chance."""
    for seed in range(10):
        assert compared(runs(np.random.default_rng(seed), 200, 0.9)).changed is None


def test_a_worse_model_is_noticed_within_a_few_runs() -> None:
    """And a better one, too."""
    rng = np.random.default_rng(1)
    worse = compared(runs(rng, 30, 0.9) + runs(rng, 5, 0.3))
    assert worse.changed == "worse" and worse.since is not None and 31 <= worse.since <= 34
    better = compared(runs(rng, 30, 0.4) + runs(rng, 5, 1.0))
    assert better.changed == "better"


def test_items_that_the_reference_lacks_do_not_count() -> None:
    """A set that grew is compared on what both have."""
    first = [{"a": 1.0, "b": 1.0}] * 3
    assert compared([*first, {"a": 1.0, "b": 1.0, "new": 0.0}]).items == 2


def test_runs_that_are_no_longer_kept_still_count() -> None:
    """Their number goes on, and a change is noticed all the same."""
    rng = np.random.default_rng(1)
    worse = compared(runs(rng, 30, 0.9) + runs(rng, 5, 0.3), left_out=400)
    assert worse.runs == 435
    assert worse.changed == "worse" and worse.since is not None and 431 <= worse.since <= 434

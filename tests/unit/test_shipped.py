"""The classifier of the package, as every command loads it."""

from __future__ import annotations

import pytest

from classifier.artifact import ArtifactError, Model
from plugins.errors import StartError
from plugins.shipped import load_classifier


def test_a_damaged_classifier_is_an_error_for_operators(monkeypatch: pytest.MonkeyPatch) -> None:
    """`route`, `learn` and the gateway end with one line that says what to do, not with a traceback."""

    def damaged() -> Model:
        raise ArtifactError("weights.npz is missing, restore it")

    monkeypatch.setattr(Model, "load", damaged)
    with pytest.raises(StartError, match="npz is missing, restore it"):
        load_classifier()


def test_the_thresholds_are_in_order() -> None:
    """Medium begins before hard does."""
    _, thresholds = load_classifier()
    assert 0 < thresholds.easy_below < thresholds.hard_from < 1

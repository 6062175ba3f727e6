"""The classifier that is in the package, for everything that routes."""

from __future__ import annotations

from classifier.artifact import ArtifactError, Model
from plugins.errors import StartError
from plugins.routing.scored import Thresholds


def load_classifier() -> tuple[Model, Thresholds]:
    """The model and where its medium and hard begin. Raises StartError that says which file is wrong."""
    try:
        model = Model.load()
    except ArtifactError as error:
        raise StartError(str(error)) from None
    return model, Thresholds(model.easy_below, model.hard_from)

"""What the classifier's tests share: the shipped model and the embedder, loaded once."""

from __future__ import annotations

import pytest

from classifier.artifact import Model
from classifier.embedding import Embedder


@pytest.fixture(scope="session")
def embedder() -> Embedder:
    """The installed embedding model."""
    return Embedder()


@pytest.fixture(scope="session")
def model() -> Model:
    """The shipped artifact."""
    return Model.load()

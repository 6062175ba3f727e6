"""The integer sum of a kernel head against the formula in double precision."""

from __future__ import annotations

import numpy as np
import pytest

from classifier.embedding import Embedder
from classifier.kernel_sum import KernelSum

COUNT, INPUTS, PEAK = 500, 384, 0.31


def unit(rng: np.random.Generator, *shape: int) -> np.ndarray:
    drawn = rng.normal(size=shape)
    return np.asarray(drawn / np.linalg.norm(drawn, axis=-1, keepdims=True))


@pytest.mark.parametrize("gamma", [1.0, 1.5, 3.0])
def test_the_integer_sum_is_the_formula(gamma: float) -> None:
    """Within 1e-4 of the sum's scale, for vectors near to a row and far from all."""
    rng = np.random.default_rng(3)
    rows = unit(rng, COUNT, INPUTS)
    support = np.clip(np.rint(rows * 127 / PEAK), -127, 127).astype(np.int8)
    weights = rng.normal(size=(COUNT, 2))
    votes = KernelSum(support, PEAK, gamma, weights)
    for vector in (*rows[:20], *unit(rng, 20, INPUTS), *unit(rng, 20, INPUTS)):
        similar = np.exp(-2 * gamma * (1 - support.astype(float) @ vector * (PEAK / 127)))
        scale = float(similar @ np.abs(weights).max(axis=1))
        assert votes(vector.astype(np.float32)) == pytest.approx(similar @ weights, abs=1e-4 * scale)


def test_a_vector_of_zeros_is_as_far_from_all() -> None:
    """No division by zero: each row counts with a cosine of 0."""
    weights = np.arange(6.0).reshape(3, 2)
    votes = KernelSum(np.full((3, INPUTS), 5, dtype=np.int8), PEAK, 1.0, weights)
    assert votes(np.zeros(INPUTS, dtype=np.float32)) == pytest.approx(weights.sum(axis=0) * np.exp(-2), rel=1e-5)


def test_a_sum_that_is_made_with_its_vector_is_the_same(embedder: Embedder) -> None:
    """The encoder's thread makes the sum, within 1e-4, for whoever asks of that vector; the vector stays as it is."""
    rng = np.random.default_rng(5)
    rows = np.clip(np.rint(unit(rng, COUNT, INPUTS) * 127 / PEAK), -127, 127).astype(np.int8)
    weights = rng.normal(size=(COUNT, 2))
    joined, apart = (KernelSum(rows, PEAK, 1.5, weights) for _ in range(2))
    with_sum = Embedder(sums=[joined])
    for text in ("", "hi", "Prove that every finite integral domain is a field."):
        vector = with_sum.embed(text)
        assert np.array_equal(vector, embedder.embed(text))
        assert joined(vector) is joined(vector)
        assert joined(vector) == pytest.approx(apart(vector), abs=1e-4)
    assert joined(-vector) == pytest.approx(apart(-vector), abs=1e-6)

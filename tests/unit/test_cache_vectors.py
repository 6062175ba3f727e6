"""Vectors of cached questions lose little by being held in small."""

from __future__ import annotations

import numpy as np
import pytest

from plugins.adapters.cache_vectors import INDEXED, WHOLE_BYTES, distances, indexed, whole


def drawn(seed: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    vector = np.random.default_rng(seed).normal(size=384).astype(np.float32)
    return vector / np.float32(np.linalg.norm(vector))


def test_the_distance_of_a_whole_vector_is_nearly_exact() -> None:
    """Within 0.002 of the cosine distance of the vectors themselves; of a vector from itself it is never below 0."""
    asked = drawn(0)
    others = [drawn(seed) + np.float32(near) * asked for seed in range(1, 50) for near in (0, 1, 4)]
    told = distances(asked, [whole(other) for other in others])
    exact = [1 - float(other @ asked / np.linalg.norm(other)) for other in others]
    assert told == pytest.approx(exact, abs=0.002)
    assert 0 <= distances(asked, [whole(asked)])[0] < 0.002


def test_both_forms_have_their_size() -> None:
    """As many bytes as the index and the body reckon with, and the indexed part keeps its direction."""
    vector = drawn(3)
    assert len(whole(vector)) == WHOLE_BYTES == 384
    kept = np.frombuffer(indexed(vector), "<f2").astype(np.float32)
    assert kept.shape == (INDEXED,)
    assert float(kept @ vector[:INDEXED] / np.linalg.norm(kept) / np.linalg.norm(vector[:INDEXED])) > 0.9999

"""The embedder: one unit vector a text, at a bounded cost."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from classifier.embedding import DIMENSIONS, MAX_TOKENS, Embedder, EmbeddingError, last_question


def test_a_text_becomes_a_unit_vector(embedder: Embedder) -> None:
    """Float32, 384 numbers, length one, also for an empty text."""
    for text in ("A lamp on a table", "", "你好"):
        vector = embedder.embed(text)
        assert vector.shape == (DIMENSIONS,)
        assert vector.dtype == np.float32
        assert np.linalg.norm(vector) == pytest.approx(1.0, abs=1e-4)


def test_near_meanings_lie_nearer_than_far_ones(embedder: Embedder) -> None:
    """The vectors mean something."""
    a, b, c = (embedder.embed(t) for t in ("How do I boil an egg?", "Cooking eggs in water", "Bond yields fell"))
    assert a @ b > a @ c + 0.3


def test_a_book_costs_as_much_as_a_page(embedder: Embedder) -> None:
    """Long texts are sampled to a fixed number of tokens."""
    assert len(embedder.token_ids("one two three " * 20_000)) == MAX_TOKENS
    assert len(embedder.token_ids("one two three")) == 5


def test_the_question_in_the_middle_is_seen(embedder: Embedder) -> None:
    """Of a long text head, last question and tail are kept."""
    filler = "The weather was mild and the road was dry. " * 60
    asked = embedder.token_ids(filler + "Which treaty ended the war? " + filler)
    other = embedder.token_ids(filler + "How do bees sleep at night? " + filler)
    assert asked != other
    assert last_question("One. What is it? Two.") == "What is it?"
    assert last_question("No question here.") == ""


def test_threads_get_the_same_vectors(embedder: Embedder) -> None:
    """Calls from many threads do not disturb each other."""
    texts = [f"sentence number {i} about lamps" for i in range(16)]
    alone = [embedder.embed(text) for text in texts]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(embedder.embed, texts))
    assert all(np.array_equal(a, b) for a, b in zip(alone, together, strict=True))


def test_another_model_file_is_refused(tmp_path: Path) -> None:
    """A model with another checksum does not load, and the message says what to do."""
    path = tmp_path / "model.onnx"
    path.write_bytes(b"not the model")
    with pytest.raises(EmbeddingError, match="reinstall the wheel"):
        Embedder(model=path)

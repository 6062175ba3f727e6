"""The reader: the sentence encoder, taught to read two questions at once and say whether one answer serves both.

A cross-encoder (Nogueira & Cho 2019, arXiv 1901.04085). Its weights are the embedding's plus a product of two thin
matrices for each dense layer (LoRA, Hu et al. 2021, arXiv 2106.09685), so that few numbers are shipped. It takes longer
than the checks and the scorer and is therefore asked last, about pairs that all of them would serve.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from classifier.embedding import checked_model, load_tokenizer
from classifier.embedding_graph import LAYERS, TokenTable, Weights, integer_layers
from classifier.embedding_session import open_session

MAX_TOKENS: Final = 63  # of either question; of a longer one both ends are read
DENSE: Final = tuple(
    f"layer{number}.{name}"
    for number in range(LAYERS)
    for name in ("query", "key", "value", "output", "wide", "narrow")
)
_START, _END = 101, 102  # [CLS] and [SEP]

# What `reader.npz` holds. Float16 `down` (inputs, rank) and `up` (rank, outputs) of each dense layer; float32 `types`
# (2, 384), added to the tokens of the first and the second question; `head` (384,) and `bias` () of the logit.
ARRAYS: Final = (*(f"{dense}.{part}" for dense in DENSE for part in ("down", "up")), "types", "head", "bias")


def encode(tokenizer: Tokenizer, one: str, other: str) -> tuple[list[int], list[int]]:
    """Token ids of both questions in one sequence, and of which question each is: 0 or 1."""
    first, second = (_ids(tokenizer, text) for text in (one, other))
    return [_START, *first, _END, *second, _END], [0] * (len(first) + 2) + [1] * (len(second) + 1)


def _ids(tokenizer: Tokenizer, text: str) -> list[int]:
    ids: list[int] = tokenizer.encode(text, add_special_tokens=False).ids
    half = MAX_TOKENS // 2
    return ids if len(ids) <= MAX_TOKENS else ids[:half] + ids[half - MAX_TOKENS :]


class PairReader:
    """`probability` that one answer serves both. Thread-safe: session and tokenizer keep no state."""

    def __init__(self, arrays: Mapping[str, NDArray[Any]], model: Path | None = None) -> None:
        """Join the arrays to the embedding's weights. Raises KeyError if one is missing, and EmbeddingError if the
        embedding's model is missing or another than it was taught on."""
        updates = [(arrays[f"{dense}.down"], arrays[f"{dense}.up"]) for dense in DENSE]
        self._types, self._head = (np.asarray(arrays[name], dtype=np.float32) for name in ("types", "head"))
        self._bias = float(arrays["bias"])
        self._tokenizer, path = load_tokenizer(), checked_model(model)
        weights = Weights(path)
        self._table = TokenTable(path, weights)
        graph = integer_layers(weights, updates)
        del weights  # before the session takes its own
        self._session = open_session(graph)

    def probability(self, one: str, other: str) -> float:
        """The chance, 0 to 1; the same in either order, as the two are read in that of their letters."""
        logit = self._logit(*sorted((one, other)))
        return float(1.0 / (1.0 + np.exp(-logit)))

    def takes_in(self, one: str, other: str) -> bool:
        """Whether it reads the whole of both."""
        return all(len(self._tokenizer.encode(t, add_special_tokens=False).ids) <= MAX_TOKENS for t in (one, other))

    def _logit(self, one: str, other: str) -> float:
        ids, types = encode(self._tokenizer, one, other)
        mean: NDArray[np.float32] = self._session.run(None, {"embedded": self._table(ids) + self._types[types]})[0]
        return float(mean @ self._head) + self._bias

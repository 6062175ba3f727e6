"""How sure the reader must be to overrule the score and the checks that merely doubt.

A logistic regression of its own word, the nearness of the embeddings, and the share of words that both questions have:
of questions that have nearly the same words the reader tells the difference worst.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Final

from classifier.pairs.pair import Pair

# Where it may overrule at all: two that differ in a word or two are left to the checks, and far ones to the model.
MOST_SHARED: Final = 0.7
LEAST_COSINE: Final = 0.8
_CLIP: Final = 1e-4  # of a probability, before its logit is taken


def shared_words(pair: Pair) -> float:
    """The share of all words that stand on both sides, 0 to 1."""
    a, b = set(pair.a.norms()), set(pair.b.norms())
    return len(a & b) / len(a | b)


def is_free(pair: Pair, cosine: float) -> bool:
    """Whether the questions are near and worded freely enough for the reader to overrule."""
    return cosine >= LEAST_COSINE and shared_words(pair) < MOST_SHARED


def logit(probability: float) -> float:
    """Its log odds, clipped."""
    kept = min(max(probability, _CLIP), 1 - _CLIP)
    return math.log(kept / (1 - kept))


@dataclass(frozen=True, slots=True)
class Overrule:
    """The regression's weights and `bias`; `sure` is the certainty from which on the reader overrules."""

    reader: float
    cosine: float
    shared: float
    bias: float
    sure: float

    @classmethod
    def read(cls, manifest: dict[str, Any]) -> Overrule:
        """From an artifact's manifest. Raises KeyError or TypeError if it has no such weights."""
        return cls(**{name: float(value) for name, value in manifest["overrule"].items()})

    def as_facts(self) -> dict[str, float]:
        """What the manifest holds."""
        return {name: round(value, 4) for name, value in asdict(self).items()}

    def start(self, pair: Pair, cosine: float) -> float:
        """The log odds before the reader has said a word."""
        return self.bias + self.cosine * cosine + self.shared * shared_words(pair)

    def certainty(self, start: float, read: float) -> float:
        """The chance, 0 to 1, that one answer serves both."""
        return 1.0 / (1.0 + math.exp(-(start + self.reader * logit(read))))

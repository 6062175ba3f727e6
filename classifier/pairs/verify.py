"""The verifier of the semantic cache: may the answer stored for one question be served for another?

First the checks, each of which can refuse by itself; then a learned score against a calibrated threshold; what both
would serve is read by the reader, which can refuse too.
Every verdict says which check decided and why. Refusing costs a model call, serving wrongly a wrong answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from classifier.pairs.align import LEMMA
from classifier.pairs.artifact import PairArtifact, load_artifact
from classifier.pairs.checks import first_refusal
from classifier.pairs.features import featurise
from classifier.pairs.pair import Pair, compare, is_salient
from classifier.pairs.reconcile import as_question, is_same_text


@dataclass(frozen=True, slots=True)
class PairVerdict:
    """`check` is the check that refused, `scorer` if the score did, `reader`, or `ok`. `score` is the scorer's, and 0
    where a check or the reader refused, whatever the threshold."""

    serve: bool
    score: float
    threshold: float
    check: str
    reason: str


def is_identical(pair: Pair) -> bool:
    """Whether the questions have the same words in the same order, once politeness and spelling are put aside."""
    a, b = pair.a.norms(), pair.b.norms()
    return is_same_text(a, b) or is_same_text(as_question(a), as_question(b))


def is_worded_alike(pair: Pair) -> bool:
    """Whether every word that says something has itself on the other side, in its place: there is nothing to read."""
    lone = [pair.a.tokens[at] for at in pair.alignment.only_a] + [pair.b.tokens[at] for at in pair.alignment.only_b]
    exact = all(link.score >= LEMMA for link in pair.alignment.links)
    return exact and not pair.moved and not any(is_salient(token) for token in lone)


class PairVerifier:
    """Holds the scorer, the lexicon and the thresholds; immutable, safe to share between threads."""

    def __init__(self, artifact: PairArtifact) -> None:
        """Take a loaded artifact; most callers want `load`."""
        self.artifact = artifact

    @classmethod
    def load(cls, path: Path | None = None) -> PairVerifier:
        """Load from a folder, or the shipped one. Raises PairArtifactError if a file is missing or altered."""
        return cls(load_artifact(path))

    @property
    def threshold(self) -> float:
        """The shipped operating point."""
        return self.artifact.thresholds["default"]

    def decide(self, cached: str, asked: str, cosine: float, threshold: float | None = None) -> PairVerdict:
        """Decide for one pair; `cosine` is of their sentence embeddings, `threshold` overrides the shipped one."""
        limit = self.threshold if threshold is None else threshold
        pair = compare(cached, asked, self.artifact.lexicon)
        if not pair.a.tokens or not pair.b.tokens:
            return PairVerdict(False, 0.0, limit, "empty", "no words to compare")
        if is_identical(pair):
            return PairVerdict(True, 1.0, limit, "ok", "the same words")
        if (refusal := first_refusal(pair)) is not None:
            return PairVerdict(False, 0.0, limit, *refusal)
        score = self.artifact.scorer.probability(featurise(pair, cosine))
        if score < limit:
            return PairVerdict(False, score, limit, "scorer", f"score {score:.3f} below {limit:.3f}")
        needed = self.artifact.reader_threshold
        if not is_worded_alike(pair) and (read := self.artifact.reader.probability(cached, asked)) < needed:
            return PairVerdict(False, 0.0, limit, "reader", f"reader: {read:.2f} below {needed:.2f}")
        return PairVerdict(True, score, limit, "ok", f"score {score:.3f} at least {limit:.3f}")

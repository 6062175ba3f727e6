"""The verifier of the semantic cache: may the answer stored for one question be served for another?

First the checks, each of which can refuse by itself; then a learned score against a calibrated threshold; what both
would serve is read by the reader, which can refuse too. Where the questions are worded freely, few of their words being
the same, a reader that is sure overrules the score and the checks that merely doubt (`checks.DOUBTS`).
Every verdict says which check decided and why. Refusing costs a model call, serving wrongly a wrong answer.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from classifier.pairs import words as w
from classifier.pairs.align import LEMMA
from classifier.pairs.artifact import PairArtifact, load_artifact
from classifier.pairs.checks import DOUBTS, first_doubt, first_refusal
from classifier.pairs.checks_senses import check_case
from classifier.pairs.checks_writing import check_writing
from classifier.pairs.features import featurise
from classifier.pairs.overrule import is_free
from classifier.pairs.pair import Pair, compare, is_salient
from classifier.pairs.reconcile import as_question, is_same_text
from classifier.pairs.spelling import without_accents

_READER: Final = "reader"


@dataclass(frozen=True, slots=True)
class PairVerdict:
    """`check` is the check that refused, `scorer` if the score did, `reader`, or `ok`. `score` is the scorer's or that
    of a sure reader on the same scale, and 0 where a check or the reader refused, whatever the threshold. `unread`: the
    reader has the last word, and was not asked yet; `start`: it may overrule, see `Overrule.start`."""

    serve: bool
    score: float
    threshold: float
    check: str
    reason: str
    unread: bool = False
    start: float | None = None


def is_identical(pair: Pair) -> bool:
    """Whether the questions have the same words in the same order, once politeness and spelling are put aside."""
    if check_case(pair) is not None or check_writing(pair) is not None:
        return False
    a, b = pair.a.norms(), pair.b.norms()
    if pair.a.written.isascii() != pair.b.written.isascii() and not w.FOREIGN_OF_WORDS & {*a}:
        a, b = without_accents(a), without_accents(b)
    return is_same_text(a, b) or is_same_text(as_question(a), as_question(b))


def is_worded_alike(pair: Pair) -> bool:
    """Whether every word that says something has itself on the other side, in an order that no check refuses: there is
    nothing to read."""
    lone = [pair.a.tokens[at] for at in pair.alignment.only_a] + [pair.b.tokens[at] for at in pair.alignment.only_b]
    exact = all(link.score >= LEMMA for link in pair.alignment.links)
    return exact and not any(is_salient(token) for token in lone)


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
        weighed = self.weigh(cached, asked, cosine, threshold)
        return self.read(cached, asked, weighed) if weighed.unread else weighed

    def weigh(self, cached: str, asked: str, cosine: float, threshold: float | None = None) -> PairVerdict:
        """The same by checks and scorer alone, a fraction of a millisecond for short questions; a refusal is unread
        where the reader is to be asked."""
        limit = self.threshold if threshold is None else threshold
        pair = compare(cached, asked, self.artifact.lexicon)
        if not pair.a.tokens or not pair.b.tokens:
            return PairVerdict(False, 0.0, limit, "empty", "no words to compare")
        if is_identical(pair):
            return PairVerdict(True, 1.0, limit, "ok", "the same words")
        start = self.artifact.overrule.start(pair, cosine) if is_free(pair, cosine) else None
        if (refusal := first_refusal(pair, DOUBTS if start is not None else ())) is not None:
            return PairVerdict(False, 0.0, limit, *refusal)
        if start is not None and (doubt := first_doubt(pair)) is not None:
            return PairVerdict(False, 0.0, limit, *doubt, True, start)
        score = self.artifact.scorer.probability(featurise(pair, cosine))
        if score < limit:
            told = f"score {score:.3f} below {limit:.3f}"
            return PairVerdict(False, score, limit, "scorer", told, start is not None, start)
        if is_worded_alike(pair):
            return _passed(score, limit)
        return PairVerdict(False, score, limit, _READER, "not read", True, start)

    def read(self, cached: str, asked: str, weighed: PairVerdict) -> PairVerdict:
        """The reader's word on a pair that `weigh` left unread: 3 to 13 ms, in which other threads may run."""
        reader, needed, limit = self.artifact.reader, self.artifact.reader_threshold, weighed.threshold
        read = reader.probability(cached, asked)
        passes = weighed.check == _READER
        if read < needed:
            told = f"reader: {read:.2f} below {needed:.2f}"
            return PairVerdict(False, 0.0, limit, _READER, told) if passes else replace(weighed, unread=False)
        sure = 0.0
        if weighed.start is not None and reader.takes_in(cached, asked):
            sure = self._as_score(self.artifact.overrule.certainty(weighed.start, read))
        best = max(sure, weighed.score if passes else 0.0)
        return _passed(best, limit) if best >= limit else replace(weighed, unread=False)

    def _as_score(self, certainty: float) -> float:
        """On the scorer's scale: where the reader is sure stands the shipped threshold, and at 1 stands 1."""
        sure, limit = self.artifact.overrule.sure, self.threshold
        if certainty < sure:
            return limit * certainty / sure
        return limit + (1 - limit) * (certainty - sure) / (1 - sure)


def _passed(score: float, limit: float) -> PairVerdict:
    return PairVerdict(True, score, limit, "ok", f"score {score:.3f} at least {limit:.3f}")

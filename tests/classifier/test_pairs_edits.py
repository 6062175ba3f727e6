"""Near misses by kind of change: the corpus, the edits made of any question, and what the shipped verifier does."""

from __future__ import annotations

import random
from collections import defaultdict
from pathlib import Path

import pytest

from classifier.pairs.edits import CORPUS, edit_pairs, word_edits
from classifier.pairs.text import parse
from classifier.pairs.verify import PairVerifier

NEAR = 0.97  # about the cosine of questions that differ in one word


UNSEEN = Path(__file__).with_name("unseen_edits.txt")  # other kinds of change, no part of any training


@pytest.mark.parametrize("path", [CORPUS, UNSEEN])
def test_hardly_any_minimal_pair_is_served(path: Path) -> None:
    """At most 1 % of all, and of no kind of change more than one pair, in either direction."""
    verifier, total = PairVerifier.load(), 0
    served: defaultdict[str, int] = defaultdict(int)
    for row in edit_pairs(path):
        total += 1
        served[row.kind] += any(
            verifier.decide(one, other, NEAR).serve for one, other in ((row.a, row.b), (row.b, row.a))
        )
    assert len(served) > 20
    assert sum(served.values()) <= 0.01 * total
    assert max(served.values()) <= 1


def test_a_line_needs_two_readings(tmp_path: Path) -> None:
    """A template without an alternative is refused with its line."""
    path = tmp_path / "edits.txt"
    path.write_text("unit | 3 {feet|yards} of rope\nunit | no choice\n", "utf-8")
    pairs = edit_pairs(path)
    assert (first := next(pairs)).a == "3 feet of rope"
    assert (first.b, first.same, first.kind) == ("3 yards of rope", False, "unit")
    with pytest.raises(ValueError, match=":2: not"):
        next(pairs)


def test_word_edits_are_the_same_for_a_seed_and_change_words() -> None:
    """Every made pair differs in its words, and a seed makes the same pairs again."""
    texts = ["How do I repair a bicycle tyre?", "Which museum shows Roman coins?", "When does the market close?"]
    made = list(word_edits(texts, 40, random.Random(5)))
    assert made == list(word_edits(texts, 40, random.Random(5)))
    assert {row.kind for row in made} == {"word_dropped", "word_replaced", "words_exchanged"}
    assert all(parse(row.a).norms() != parse(row.b).norms() for row in made)

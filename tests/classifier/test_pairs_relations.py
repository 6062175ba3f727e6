"""Small words that turn a question round: relations of place and time, `only`, one or the whole set, sequence, manner.

`unseen_relations.txt` has minimal pairs, one a line, that are no part of any training.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from classifier.embedding import Embedder
from classifier.pairs.checks import Check
from classifier.pairs.checks_relations import check_phase, check_relation
from classifier.pairs.checks_senses import check_part_of_speech
from classifier.pairs.checks_values import check_codes
from classifier.pairs.edits import edit_pairs
from classifier.pairs.lexicon import Lexicon
from classifier.pairs.pair import compare
from classifier.pairs.rows import Cosines, PairRow
from classifier.pairs.text import parse
from classifier.pairs.verify import PairVerifier

ROWS = list(edit_pairs(Path(__file__).with_name("unseen_relations.txt")))


@pytest.fixture(scope="module")
def verifier() -> PairVerifier:
    """The shipped verifier."""
    return PairVerifier.load()


@pytest.fixture(scope="module")
def lexicon(verifier: PairVerifier) -> Lexicon:
    """The shipped lexicon."""
    return verifier.artifact.lexicon


@pytest.fixture(scope="module")
def cosines() -> Cosines:
    """Cosines of the shipped embedding."""
    return Cosines(Embedder())


def serves(verifier: PairVerifier, cosines: Cosines, row: PairRow) -> set[bool]:
    """What is decided in either direction."""
    cosine = cosines(row.a, row.b)
    return {verifier.decide(one, other, cosine).serve for one, other in ((row.a, row.b), (row.b, row.a))}


def test_hardly_any_other_relation_scope_or_sequence_is_served(verifier: PairVerifier, cosines: Cosines) -> None:
    """At most 1 % of all, and of no kind more than one."""
    served = Counter(row.kind for row in ROWS if True in serves(verifier, cosines, row))
    assert len(ROWS) > 250
    assert served.total() <= 0.01 * len(ROWS), served
    assert max(served.values(), default=0) <= 1


SAME = """
In the harbour, where can I eat? | Where can I eat in the harbour?
Is the pool open at the weekend? | Is the pool open on the weekend?
What happens during winter in Oslo? | What happens in winter in Oslo?
How do I change my email on the website? | How do I change my email in the website?
Is the museum open until 6 on Sundays? | On Sundays, is the museum open till 6?
Do you have tips for baking bread? | Do you have tips on baking bread?
How do I walk toward the castle? | How do I walk towards the castle?
Can I pay via bank transfer? | Can I pay by bank transfer?
Is parking only for residents? | Is parking for residents only?
At weekends, do only members pay? | Do only members pay at weekends?
On which days is only the bar open? | Which days is only the bar open?
How do I delete photos? | How do I delete a photo?
How do I grow a tomato? | How do I grow tomatoes?
Can a dog eat grapes? | Can dogs eat grapes?
Is a cat a good pet? | Are cats good pets?
Sort my photos by date. | By date, sort my photos.
Sort the songs by artist and then by title. | Please sort the songs by artist and then by title.
Which of all the rivers is longest? | Which of the rivers is longest?
Does my child have a cold? | Has my child got a cold?
Is my tea cold? | My tea, is it cold?
When does the sale begin? | When does the sale start?
Can I swim after eating? | After eating, can I swim?
How can I cancel my order? | How could I cancel my order?
Can I bring a dog? | Could I bring a dog?
Can I get a refund if I cancel? | If I cancel, can I get a refund?
How do you clean copper? | How do I clean copper?
Which foods contain vitamin A? | which foods contain vitamin a
Is vitamin D good for bones? | is vitamin d good for bones
"""


@pytest.mark.parametrize("line", SAME.strip().splitlines())
def test_what_only_looks_like_it_is_served(verifier: PairVerifier, cosines: Cosines, line: str) -> None:
    """Moved phrases, prepositions of one sense, things in general in either number, other words of one sense."""
    one, other = line.split(" | ")
    assert serves(verifier, cosines, PairRow(one, other, True, "mine")) == {True}


@pytest.mark.parametrize(
    ("one", "other", "check"),
    [
        ("Is tank A full?", "Is tank D full?", check_codes),
        ("on what date did we move it into tank d", "When was it moved out of tank D?", check_relation),
        ("May I use my own lamp behind the altar?", "Am I allowed to use a lamp instead of the altar?", check_relation),
        ("What is the fee before I sign?", "What is the fee once I have signed?", check_phase),
        ("When is it salted, at the start of the boil?", "Is it salted in the middle of the boil?", check_phase),
        ("Is my child cold?", "How do I see that my child has a cold?", check_part_of_speech),
    ],
)
def test_relations_are_told_apart_in_other_wordings(lexicon: Lexicon, one: str, other: str, check: Check) -> None:
    """Named letters, the place of the same thing, before or after the same event, a word's part of speech."""
    assert check(compare(one, other, lexicon))
    assert check(compare(other, one, lexicon))


def test_letters_that_name_something_are_no_articles() -> None:
    """By what stands before and behind them; what an apostrophe cut off is none."""
    for text in ("Is tank A full?", "which foods contain vitamin a", "sort it from a to z", "is tank d full"):
        assert [t.norm for t in parse(text).tokens if t.content and len(t.norm) == 1]
    for text in ("How To Cook A Steak", "what s a lock", "can t i go", "is my dog s nose dry", "A cat is a pet"):
        assert not [t.norm for t in parse(text).tokens if t.content and len(t.norm) == 1]

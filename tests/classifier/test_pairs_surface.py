"""The same question in other dress, and what looks like other dress and is another question.

`surface_variants.txt`: `= kind | one | other` is one question, `! kind | one | other` are two.
"""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest

from classifier.embedding import Embedder
from classifier.pairs.dress import undress
from classifier.pairs.frames import strip_politeness
from classifier.pairs.notation import one_notation
from classifier.pairs.rows import Cosines
from classifier.pairs.slips import edit_distance_two
from classifier.pairs.spelling import fold_accents, standard, write_out
from classifier.pairs.text import parse
from classifier.pairs.verify import PairVerifier

VARIANTS = Path(__file__).with_name("surface_variants.txt")


@cache
def pairs(mark: str) -> dict[str, list[tuple[str, str]]]:
    """The pairs of one mark by kind."""
    found: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for line in VARIANTS.read_text("utf-8").splitlines():
        kind, one, other = line.split(" | ")
        if kind[0] == mark:
            found[kind[2:]].append((one, other))
    return dict(found)


@cache
def cosines() -> Cosines:
    """One model for all tests."""
    return Cosines(Embedder())


@cache
def shipped() -> PairVerifier:
    """Loaded once."""
    return PairVerifier.load()


def served(one: str, other: str) -> bool:
    """Whether the answer to either is served for the other."""
    verifier, cosine = shipped(), cosines()(one, other)
    verdicts = {verifier.decide(*pair, cosine).serve for pair in ((one, other), (other, one))}
    assert len(verdicts) == 1, f"decided otherwise the other way round: {one} | {other}"
    return verdicts.pop()


@pytest.mark.parametrize("kind", sorted(pairs("=")))
def test_the_same_question_in_other_dress_is_served(kind: str) -> None:
    """Spelling, spacing, accents, abbreviations, notation, slips, words that sound alike, the frame around it."""
    assert [pair for pair in pairs("=")[kind] if not served(*pair)] == []


@pytest.mark.parametrize("kind", sorted(pairs("!")))
def test_a_real_difference_is_not_taken_for_dress(kind: str) -> None:
    """Each mend of writing has its look-alike that stays refused."""
    assert [pair for pair in pairs("!")[kind] if served(*pair)] == []


@pytest.mark.parametrize(
    ("text", "notation"),
    [
        ("at 50 km/h or 30 miles per hour", "at 50 kph or 30 mph"),
        ("at 15:30 or 3:00 pm or 7 o'clock", "at 3h30 pm or 3 pm or 7"),
        ("on May 1st, 2020 or 2020-05-01", "on 1 May 2020 or 1 May 2020"),
        ("the first of May", "1 May"),
        ("the other 2 may fail", "the other 2 may fail"),
        ("what is 18 + 6 - 3", "what is 18 plus 6 minus 3"),
        ("pages 10 - 20", "pages 10 - 20"),
    ],
)
def test_one_notation_for_units_times_dates_and_sums(text: str, notation: str) -> None:
    """Where the text does not say that it is a date or a sum, it stays as it is."""
    assert one_notation(text).split() == notation.split()


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Dear support team, how do I export it?", "how do I export it?"),
        ("Sorry for the silly question, but how do I export it? Thanks a lot!", "how do I export it"),
        ("Play something slow, will you?", "Play something slow"),
        ("If I lost my card, how do I block it?", "If I lost my card, how do I block it?"),
        ("Hello!", "Hello!"),
    ],
)
def test_the_frame_of_a_question_is_dropped(text: str, left: str) -> None:
    """Segments that only ask; a condition is no frame, and something is always left."""
    assert strip_politeness(text) == left


def test_titles_and_roads_are_told_apart() -> None:
    """`St` and `Dr` by what stands beside them."""
    assert write_out("Is St Mary on Hill St. open?") == "Is Saint Mary on Hill Street open?"
    assert write_out("Is Dr. Hill in Sunset Dr?") == "Is Doctor Hill in Sunset Drive?"


def test_spellings_have_a_standard_and_accents_go_in_english_only() -> None:
    """From SCOWL, and from the tables of what it does not decide."""
    assert [standard(word) for word in ("organise", "colours", "grey", "dept", "table")] == [
        "organize", "colors", "gray", "department", "table",
    ]  # fmt: skip
    assert fold_accents("what is crème brûlée") == "what is creme brulee"
    assert fold_accents("ist das schön") == "ist das schön"


@pytest.mark.parametrize(("one", "other", "near"), [("restaraunt", "restaurant", True), ("casual", "castles", False)])
def test_two_slips_of_a_long_word_are_measured(one: str, other: str, near: bool) -> None:
    """Two insertions, deletions, exchanges or swaps of neighbours."""
    assert edit_distance_two(one, other) is near


def test_amounts_are_read_alike() -> None:
    """A sign, a unit's name and a scale stand behind the number; a pound beside a weight is none of money."""
    assert parse("It costs £20").norms() == parse("It costs 20 pounds").norms()
    assert parse("one million people").norms() == parse("1 million people").norms()
    assert parse("Can I lift 20 pounds?").norms() == parse("Can I lift 20 lbs?").norms()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("How does stress make people ill?", "How does being ill make people stressed?"),
        ("Does debt cause divorce?", "Does divorce cause debt?"),
        ("How many people live in the town of Bergen?", "How many people live in the Bergen region?"),
        ("What is the area of the city of Quebec?", "What is the area of the province of Quebec?"),
    ],
)
def test_cause_and_effect_and_the_extent_of_a_place_are_told_apart(one: str, other: str) -> None:
    """Whatever forms of the words stand in the other place."""
    assert not served(one, other)


@pytest.mark.parametrize("signature", ["Sent from my iPhone", "--\nSent from my Galaxy", "Get Outlook for Android"])
def test_what_a_telephone_adds_below_a_question_is_no_part_of_it(signature: str) -> None:
    """Only as the last line: a question about such a line keeps it."""
    assert undress(f"How do I reheat pizza?\n\n{signature}\n") == "How do I reheat pizza?"
    assert undress(f"How do I remove this?\n{signature}\nIt annoys me.").endswith("It annoys me.")

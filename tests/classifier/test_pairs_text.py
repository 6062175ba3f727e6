"""Parsing: numbers, contractions and politeness."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.pairs.numerals import read_digits, read_words
from classifier.pairs.slips import edit_distance_one
from classifier.pairs.text import parse
from classifier.pairs.wh import asked_for


@pytest.mark.parametrize(
    ("text", "norms"),
    [
        ("Don't stop", ["do", "not", "stop"]),
        ("Could you please tell me what it costs?", ["what", "it", "costs"]),
        ("It is $1,250.50", ["it", "is", "1250.5", "usd"]),
        ("twenty-one days", ["21", "day"]),
        ("at 8pm", ["at", "8", "pm"]),
        ("the U.S. flag", ["the", "usa", "flag"]),
        ("part AB-12", ["part", "ab12"]),
        ("we do n't know", ["we", "do", "not", "know"]),
    ],
)
def test_texts_are_read_into_normal_tokens(text: str, norms: list[str]) -> None:
    """Contractions, politeness, amounts, number words, times, acronyms and codes have one form."""
    assert parse(text).norms() == norms


@pytest.mark.parametrize(("word", "value"), [("1,000", "1000"), ("3rd", "3"), ("20k", "20000"), ("abc", None)])
def test_digits_are_read_exactly(word: str, value: str | None) -> None:
    """Separators, ordinals and scales are understood, words are not numbers."""
    assert read_digits(word) == value


def test_number_words_are_read_with_their_scale() -> None:
    """`two hundred five` is 205 and takes three words."""
    assert read_words(["two", "hundred", "five", "eggs"]) == ("205", 3)


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("Who won?", "who"),
        ("What is the reason it fell?", "why"),
        ("How many fell?", "how_many"),
        ("What is the way to fix it?", "how"),
        ("Is it far?", "yes_no"),
        ("The door is stuck.", "none"),
    ],
)
def test_questions_are_classified_by_what_they_ask_for(text: str, asked: str) -> None:
    """The form of the question says what kind of answer it wants."""
    assert asked_for(parse(text)) == asked


@given(st.text(max_size=80))
def test_parsing_never_fails(text: str) -> None:
    """Any text parses, and no token is empty."""
    assert all(parse(text).norms())


@given(st.text("abcd", min_size=1, max_size=6), st.text("abcd", min_size=1, max_size=6))
def test_one_edit_is_symmetric(one: str, other: str) -> None:
    """The distance does not depend on the direction."""
    assert edit_distance_one(one, other) == edit_distance_one(other, one)

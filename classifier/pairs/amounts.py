"""Amounts among the tokens: number words as values, a unit under one name behind its number.

`one million` and `1 million`, `£20` and `20 pounds`, `5 kilometres` and `5 km` become the same tokens.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from classifier.pairs import words as w
from classifier.pairs.numerals import NUMBER_WORDS, SCALES, plain, read_words

if TYPE_CHECKING:
    from classifier.pairs.text import Token

_ORDINAL_MARKS: Final = ("st", "nd", "rd", "th")
# Beside one of these words, a pound is a weight.
_WEIGHING: Final = w.word_set(
    "weigh weighs weighed weighing weight heavy lose lost losing gain gained lift lifting carry luggage baggage "
    "suitcase  bag parcel package kg kgs kilo kilos kilogram kilograms gram grams g oz ounce ounces stone lb lbs "
    "dumbbell deadlift  squat roast cook cooking bake turkey beef pork chicken meat fish potatoes flour sugar baby "
    "puppy dog cat"
)
_COUNTED: Final = w.UNITS.keys() | w.CURRENCY_SIGNS | w.word_set("night person adult child guest")


def join_amounts(tokens: list[Token]) -> list[Token]:
    """Runs of number words and a number with its scale as one number; units named as `words.UNITS` names them."""
    joined = _join_numbers(tokens)
    if not any(t.kind == "number" or t.norm == "one" for t in joined):
        return joined
    for at in range(len(joined) - 1):
        if (
            joined[at].surface in w.CURRENCY_SIGNS and joined[at + 1].kind == "number"
        ):  # a sign stands behind its number
            joined[at], joined[at + 1] = (
                replace(joined[at + 1], first=joined[at].first),
                replace(joined[at], first=False),
            )
    weighed = any(t.norm in _WEIGHING for t in tokens)
    for at in range(1, len(joined)):
        before = joined[at - 1]
        if (before.kind == "number" or before.norm == "one") and (name := _unit(joined[at].norm, weighed)):
            joined[at] = replace(joined[at], norm=name)
        if before.norm == "1" and before.kind == "number" and joined[at].norm in _COUNTED:
            joined[at - 1] = replace(before, norm="one", kind="word", content=False)  # see `numerals.read_words`
        elif joined[at].norm == "one" and before.norm in w.UNITS:  # `day one` is no span
            joined[at] = replace(joined[at], norm="1", kind="number", content=True)
    return joined


def _unit(norm: str, weighed: bool) -> str:
    """The unit's name if the name itself is a word that the checks know as that unit; else empty."""
    name = w.UNITS.get(norm, "")
    if norm in ("pound", "pounds"):
        return "lb" if weighed else name
    return name if w.UNITS.get(name) == name else ""


def _join_numbers(tokens: list[Token]) -> list[Token]:
    joined: list[Token] = []
    at = 0
    while at < len(tokens):
        head = tokens[at]
        found = _read(tokens, at)
        if found:
            joined.append(replace(head, norm=found[0], kind="number", content=True, capital=False))
            at += found[1]
            continue
        joined.append(head)
        at += 1
    return joined


def _read(tokens: list[Token], at: int) -> tuple[str, int] | None:
    """The value of the number that begins here and how many tokens it takes."""
    head = tokens[at]
    following = tokens[at + 1].norm if at + 1 < len(tokens) else ""
    if head.kind == "word":
        if head.norm == "a" and following in SCALES and following != "k":
            return str(SCALES[following]), 2
        return read_words([t.norm for t in tokens[at : at + 8]]) if head.norm in NUMBER_WORDS else None
    scale = SCALES.get(following) if head.kind == "number" and tokens[at + 1 : at + 2] else None
    if scale is None or head.surface.endswith(_ORDINAL_MARKS) or tokens[at + 1].kind != "word":
        return None
    return plain(Decimal(head.norm) * scale), 2

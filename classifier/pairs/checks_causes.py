"""Checks of what brings about what, and of how much of a place is meant. See `checks` for the contract."""

from __future__ import annotations

from typing import Final

from classifier.pairs import words as w
from classifier.pairs.pair import Pair, is_salient
from classifier.pairs.text import Parsed

_CAUSING: Final = w.word_set(
    "make makes made making cause causes caused causing affect affects affected affecting influence influences "
    "increase increases increased reduce reduces reduced improve improves improved worsen worsens trigger triggers "
    "drive drives  lead leads led raise raises lower lowers shape shapes impact impacts harm harms"
)
# How much of a place is meant: words of two lines are two extents.
_EXTENTS: Final = (
    w.word_set("city town municipality village"),
    w.word_set("metropolitan metro area region agglomeration conurbation"),
    w.word_set("county district borough suburb suburbs neighborhood"),
    w.word_set("country nation state province continent"),
)


def check_causes(pair: Pair) -> str | None:
    """`How does stress cause pain` against `how does pain cause stress`, in whatever forms of the words."""
    one, other = _cause(pair.a), _cause(pair.b)
    if one is None or other is None or _is_passive(pair.a, one) != _is_passive(pair.b, other):
        return None
    left = right = ""
    for link in pair.alignment.links:
        token = pair.a.tokens[link.a]
        if not is_salient(token) or link.a == one or link.b == other:
            continue
        if link.a < one and link.b > other:
            left = token.norm
        if link.a > one and link.b < other:
            right = token.norm
    return f"{left} and {right} changed places around {pair.a.tokens[one].norm}" if left and right else None


def _cause(parsed: Parsed) -> int | None:
    return next((at for at, token in enumerate(parsed.tokens) if token.norm in _CAUSING), None)


def _is_passive(parsed: Parsed, at: int) -> bool:
    return "by" in [token.norm for token in parsed.tokens[at + 1 :]]


def check_extent(pair: Pair) -> str | None:
    """`The city of Lyon` against `the region of Lyon`."""
    mine, yours = ({t.norm for t in lone} for lone in (pair.lone_a(), pair.lone_b()))
    for extent in _EXTENTS:
        if (named := mine & extent) and (meant := {*yours} & {word for e in _EXTENTS if e is not extent for word in e}):
            return f"{min(named)} against {min(meant)}"
    return None

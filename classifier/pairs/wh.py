"""What a question asks for: a person, a time, a number, a way of doing something, yes or no."""

from __future__ import annotations

from typing import Final, Literal

from classifier.pairs import words as w
from classifier.pairs.once import once
from classifier.pairs.text import Parsed

Asked = Literal[
    "who", "whose", "when", "where", "why", "how", "how_many", "how_much", "how_long", "how_often", "how_far",
    "how_old", "how_big", "what", "yes_no", "none",
]  # fmt: skip
AFTER_HOW: Final[dict[str, Asked]] = {
    "many": "how_many", "much": "how_much", "long": "how_long", "often": "how_often", "frequently": "how_often",
    "far": "how_far", "old": "how_old", "big": "how_big", "large": "how_big", "tall": "how_big",
    "high": "how_big", "deep": "how_big", "heavy": "how_big", "fast": "how_big", "come": "why", "soon": "when",
    "quickly": "how_long", "quick": "how_long", "late": "when", "expensive": "how_much", "costly": "how_much",
    "frequent": "how_often", "wide": "how_big", "small": "how_big", "distant": "how_far",
}  # fmt: skip
_AFTER_WHAT: Final[dict[str, Asked]] = {
    "time": "when", "date": "when", "day": "when", "reason": "why", "reasons": "why", "cause": "why", "causes": "why",
    "way": "how", "ways": "how", "method": "how", "process": "how", "procedure": "how", "steps": "how",
    "number": "how_many", "amount": "how_much", "price": "how_much", "cost": "how_much", "place": "where",
    "location": "where", "person": "who", "frequency": "how_often", "distance": "how_far", "age": "how_old",
    "duration": "how_long", "height": "how_big", "size": "how_big", "length": "how_big", "weight": "how_big",
    "count": "how_many", "step": "how",
}  # fmt: skip
_SIMPLE: Final[dict[str, Asked]] = {
    "who": "who", "whom": "who", "whose": "whose", "when": "when", "where": "where", "why": "why",
}  # fmt: skip
# Pairs of different forms that often ask for the same thing.
_COMPATIBLE: Final = frozenset(
    frozenset(pair)
    for pair in (
        ("how", "what"), ("how", "yes_no"), ("what", "yes_no"), ("how_much", "what"), ("how_long", "when"),
        ("why", "what"), ("who", "what"), ("where", "what"), ("when", "what"), ("how_many", "what"),
        ("how_old", "what"), ("how_big", "what"), ("how_far", "what"), ("how_often", "what"),
        ("how_far", "how_long"), ("how_big", "how_long"), ("how_much", "how"), ("where", "how"), ("how_long", "what"),
    )
)  # fmt: skip


_PERSONS: Final = w.word_set("person character man woman boy girl guy somebody someone people")


@once
def asked_for(parsed: Parsed) -> Asked:
    """Classify by the first question word, or by a leading auxiliary; `none` for statements and requests."""
    norms = parsed.norms()
    starts = [i for i, t in enumerate(parsed.tokens) if t.first]
    for start in reversed(starts):  # the question itself usually closes a longer text
        if (found := _asked_in(norms[start:])) != "none":
            return found
    return _anywhere(norms)


def _asked_in(norms: list[str]) -> Asked:
    for at, word in enumerate(norms[:4]):
        if word in w.WH_WORDS and word not in ("that", "whether"):
            return _asked_by(word, norms[at + 1 :])
        if at == 0 and (word in w.AUXILIARIES or word == "will"):
            return _yes_no(norms)
        if at == 0 and word in ("steps", "ways", "tips", "procedure", "process", "method"):
            return "how"
    return "none"


def _yes_no(norms: list[str]) -> Asked:
    """`Is there a way to` asks how."""
    return "how" if {"way", "ways", "method"} & set(norms[1:6]) else "yes_no"


def _anywhere(norms: list[str]) -> Asked:
    for at, word in enumerate(norms):
        turned = at + 1 == len(norms) or (at > 0 and norms[at + 1] in w.AUXILIARIES)  # `on Mondays, when is it open`
        if word in ("why", "how", "where", "who") or (word in ("what", "which", "when") and turned):
            return _asked_by(word, norms[at + 1 :])
    return "none"


def _asked_by(word: str, following: list[str]) -> Asked:
    if word == "how" and following[:2] == ["much", "time"]:
        return "how_long"
    if word == "how":
        return AFTER_HOW.get(following[0], "how") if following else "how"
    if word in _SIMPLE:
        return _SIMPLE[word]
    if "do" in following[1:4] and {"to", "about", "against", "if", "when"} & set(following[3:6]):
        return "how"  # what should I do to ...
    if " to do to " in f" {' '.join(following)} ":
        return "how"  # what do I have to do to ...
    if following[:1] in (["does"], ["do"], ["will"], ["would"]) and following[-1:] == ["cost"]:
        return "how_much"
    if "name" in following[:5] and _PERSONS & set(following[:9]):
        return "who"
    for near in following[:5]:
        if near in _AFTER_WHAT:
            return _AFTER_WHAT[near]
    return "what"


def compatible(one: Asked, other: Asked) -> bool:
    """Whether two forms may ask for the same answer."""
    return one == other or "none" in (one, other) or frozenset((one, other)) in _COMPATIBLE

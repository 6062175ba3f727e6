"""Checks of where and when: the relation of a thing to its place, and what is before, during or after. See `checks`."""

from __future__ import annotations

from typing import Final

from classifier.pairs import words as w
from classifier.pairs.once import once
from classifier.pairs.pair import Edit, Pair, is_salient
from classifier.pairs.relations import SENSES, firm_contrast, is_aim_as_doing, relation_at, share_sense
from classifier.pairs.text import Parsed, Token

_PERSONS: Final = w.word_set(
    "mother father mom mum dad parent parents brother sister sibling son daughter child children kid kids baby wife "
    "husband spouse partner fiance fiancee girlfriend boyfriend uncle aunt cousin nephew niece grandmother grandfather "
    "grandma grandpa grandson granddaughter boss manager supervisor colleague coworker employee friend neighbor "
    "roommate flatmate landlord tenant client customer doctor lawyer teacher"
)


def check_possession(pair: Pair) -> str | None:
    """`My boss's boss` against `my boss`: whose person somebody is, where the other side has both and no such bond."""
    for mine, yours in ((pair.a, pair.b), (pair.b, pair.a)):
        theirs = _bonds(yours)
        for owner, owned in _bonds(mine) - theirs:
            if {owner, owned} <= {*yours.norms()} and not any(owner == other for other, _ in theirs):
                return f"the {owned} of the {owner} on one side only"
    return None


@once
def _bonds(parsed: Parsed) -> frozenset[tuple[str, str]]:
    """Who is whose: `wife's sister` (written without the sign here) and `sister of my wife` as (wife, sister)."""
    norms, found = parsed.norms(), set()
    for at, norm in enumerate(norms[:-1]):
        if norm not in _PERSONS:
            continue
        rest = norms[at + 1 : at + 4]
        if rest[0] in _PERSONS:
            found.add((norm, rest[0]))
        elif rest[0] == "of":
            found |= {(owner, norm) for owner in rest[1:] if owner in _PERSONS}
    return frozenset(found)


def check_relation(pair: Pair) -> str | None:
    """`Near the station` against `in the station`: where all else is the same, prepositions must share a sense; and
    however it is worded, no thing is in two relations that exclude each other (`behind`, `instead of`)."""
    if pair.is_one_edit():
        for edit in pair.edits:
            if (reason := _exchanged(pair, edit)) is not None:
                return reason
    for link in pair.alignment.links:
        token = pair.a.tokens[link.a]
        if token.kind != "word" or not is_salient(token) or pair.lexicon.is_verb(token.norm):
            continue
        one, other = relation_at(pair.a, link.a), relation_at(pair.b, link.b)
        if "to" in (one, other) and pair.lexicon.may_be_verb(token.norm):
            continue
        if one and other and one != other and firm_contrast(one, other):
            return f"{one} against {other} {token.norm}"
    return None


def _exchanged(pair: Pair, edit: Edit) -> str | None:
    if is_aim_as_doing(pair):
        return None
    sides = [[t for t in side if t.norm in SENSES] for side in (edit.only_a, edit.only_b)]
    if not all(len(side) == 1 for side in sides):
        return None
    one, other = sides[0][0], sides[1][0]
    at = _place(pair.a, one)
    before = pair.a.tokens[at - 1].norm if at else ""
    after = max(
        _after(pair.a, at), _after(pair.b, _place(pair.b, other)), key=lambda token: bool(token and token.capital)
    )
    return None if share_sense(one.norm, other.norm, before, after) else f"{one.norm} exchanged for {other.norm}"


def _after(parsed: Parsed, at: int) -> Token | None:
    return next((t for t in parsed.tokens[at + 1 : at + 5] if is_salient(t)), None)


def _place(parsed: Parsed, token: Token) -> int:
    return next(at for at, other in enumerate(parsed.tokens) if other is token)


# When something is, against a point or a span that the question names.
_PHASES: Final = {
    **dict.fromkeys(("before", "prior", "beforehand", "until", "ahead", "advance"), "before"),
    **dict.fromkeys(("after", "afterwards", "afterward"), "after"),
    **dict.fromkeys(("during", "while", "whilst", "midway", "halfway"), "during"),
}
_POINTS: Final = {
    **dict.fromkeys(("start", "beginning", "outset", "opening"), "start"),
    **dict.fromkeys(("end", "close", "ending", "conclusion"), "end"),
    **dict.fromkeys(("middle", "midst"), "middle"),
}
_OVER: Final = w.word_set("over finished ended done gone completed complete expired")
_CONDITION: Final = w.word_set("when if once while")
_SUBJECTS: Final = w.ARTICLES | w.word_set("i you we he she it they my our your his her their this that these those")


@once
def _phases(parsed: Parsed) -> frozenset[str]:
    norms = parsed.norms()
    found = set()
    for at, norm in enumerate(norms):
        before, after = norms[at - 1] if at else "", norms[at + 1] if at + 1 < len(norms) else ""
        if norm in _PHASES:
            found.add(_PHASES[norm])
        elif norm in _POINTS and "of" in norms[at + 1 : at + 2] and {"at", "in"} & {*norms[max(0, at - 2) : at]}:
            found.add(_POINTS[norm])
        elif norm == "once" and after in _SUBJECTS and before != "at" and after not in ("a", "an"):
            found.add("after")
        elif norm == "yet" and "not" in norms:
            found.add("before")
        elif norm in _OVER and before in w.AUXILIARIES and _CONDITION & {*norms[:at]}:
            found.add("after")
    return frozenset(found)


def check_phase(pair: Pair) -> str | None:
    """`Before check-in` against `once I have checked in`: neither side names a time that the other names."""
    one, other = _phases(pair.a), _phases(pair.b)
    if one and other and not one & other and one | other != {"end", "after"}:
        return f"{min(one)} against {min(other)}"
    return None

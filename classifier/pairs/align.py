"""Token alignment of two questions: each token of one is matched to its counterpart in the other, with evidence.

Kinds of evidence, strongest first: the same word or number, a common base form, an abbreviation, a shared dictionary
sense or a derivation. What stays unmatched, and where it stands, is what the checks and the scorer judge.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

from classifier.pairs import words as w
from classifier.pairs.lexicon import Lexicon
from classifier.pairs.once import once
from classifier.pairs.text import Parsed, Token

SAME, LEMMA, ABBREVIATION, SYNONYM, NEAR = 1.0, 0.98, 0.92, 0.9, 0.75
_COUNTRY: Final = {"us", "usa"}  # written small it looks like the pronoun
_MAX_LEFT: Final = 60  # with more unequal tokens than this the quadratic step is skipped: they are different texts


class Link(NamedTuple):
    """Token `a` of the first question is the counterpart of token `b` of the second."""

    a: int
    b: int
    score: float


@dataclass(frozen=True, slots=True)
class Alignment:
    """All links, in the order of the first question, and the positions that have none."""

    links: tuple[Link, ...]
    only_a: tuple[int, ...]
    only_b: tuple[int, ...]


def match_score(one: Token, other: Token, lexicon: Lexicon) -> float:
    """How good a counterpart a token is, 0 (none) to 1 (the same)."""
    if one.kind != "word" or other.kind != "word":
        return SAME if one.norm == other.norm and one.kind == other.kind else 0.0
    return _word_score(one.norm, other.norm, one.content, other.content, lexicon)


@lru_cache(maxsize=65536)  # questions of one application are made of the same words: most pairs were looked at before
def _word_score(one: str, other: str, content: bool, other_content: bool, lexicon: Lexicon) -> float:
    if one == other or {one, other} == _COUNTRY:
        return SAME
    if not content and not other_content:
        return _function_score(one, other)
    if lexicon.lemmas(one) & lexicon.lemmas(other) or _is_same_measure(one, other):
        return LEMMA
    if lexicon.opposed(one, other):
        return 0.0
    if not content or not other_content:
        return 0.0
    if _is_acronym(one, other):
        return ABBREVIATION
    return _meaning_score(one, other, lexicon)


def _is_same_measure(one: str, other: str) -> bool:
    """`kg` and `kilograms`, `Jan` and `January`."""
    return any(one in table and table.get(one) == table.get(other) for table in (w.UNITS, w.DATES))


def _function_score(one: str, other: str) -> float:
    for table in (w.AUXILIARIES, w.PRONOUNS):
        if one in table and table.get(one) == table.get(other):
            return LEMMA
    return 0.0


def _is_acronym(one: str, other: str) -> bool:
    """`U.S.` and `us` are written alike after normalising; here `uk` and `UK` or plural `ATMs` and `ATM`."""
    return one.rstrip("s") == other.rstrip("s") and len(one) > 2


def _meaning_score(one: str, other: str, lexicon: Lexicon) -> float:
    if lexicon.antonyms(one, other) or one in w.UNITS or other in w.UNITS or one in w.DATES or other in w.DATES:
        return 0.0
    if lexicon.interchangeable(one, other):
        return SYNONYM
    if lexicon.synonyms(one, other) and lexicon.similarity(one, other) >= 0.35:
        return SYNONYM
    if lexicon.near(one, other) and lexicon.similarity(one, other) >= 0.35:
        return NEAR
    if (
        lexicon.above(one, other)
        and lexicon.is_verb(one)
        and lexicon.is_verb(other)
        and lexicon.similarity(one, other) >= 0.6
    ):
        return NEAR
    return 0.0


def align(first: Parsed, second: Parsed, lexicon: Lexicon) -> Alignment:
    """Match equal tokens first, then what is left by meaning; among equals the nearest in place and neighbours."""
    a, b = first.tokens, second.tokens
    taken: dict[int, Link] = {}
    used: set[int] = set()
    places, others = _places(first), _places(second)
    equal = []
    for norm in places.keys() & others.keys():
        mine, yours = places[norm], others[norm]
        if len(mine) == len(yours) == 1:  # no choice
            taken[mine[0]] = Link(mine[0], yours[0], SAME)
            used.add(yours[0])
        else:
            equal += [(-SAME, _distance(a, b, i, j), i, j) for i in mine for j in yours]
    _take(sorted(equal), taken, used)
    left_a = [i for i in range(len(a)) if i not in taken]
    left_b = [j for j in range(len(b)) if j not in used]
    if len(left_a) <= _MAX_LEFT and len(left_b) <= _MAX_LEFT:
        near = [
            (-score, _distance(a, b, i, j), i, j)
            for i in left_a
            for j in left_b
            if (score := match_score(a[i], b[j], lexicon)) > 0.0
        ]
        _take(sorted(near), taken, used)
    links = tuple(taken[i] for i in sorted(taken))
    only_a = tuple(i for i in left_a if i not in taken)
    return Alignment(links, only_a, tuple(j for j in left_b if j not in used))


@once
def _places(parsed: Parsed) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for at, token in enumerate(parsed.tokens):
        found.setdefault(token.norm, []).append(at)
    return found


def _take(candidates: list[tuple[float, float, int, int]], taken: dict[int, Link], used: set[int]) -> None:
    """Accept candidates, best first, whose tokens are both still free."""
    for negative, _, i, j in candidates:
        if i not in taken and j not in used:
            taken[i] = Link(i, j, -negative)
            used.add(j)


def _distance(a: tuple[Token, ...], b: tuple[Token, ...], i: int, j: int) -> float:
    """Difference of relative places, less one for each neighbour that agrees."""
    return abs(i / len(a) - j / len(b)) - _neighbours(a, b, i, j)


def _neighbours(a: tuple[Token, ...], b: tuple[Token, ...], i: int, j: int) -> float:
    """How many of the direct neighbours agree, 0 to 2: repeated words are matched in their surroundings."""
    left = i > 0 and j > 0 and a[i - 1].norm == b[j - 1].norm
    right = i + 1 < len(a) and j + 1 < len(b) and a[i + 1].norm == b[j + 1].norm
    return float(left) + float(right)

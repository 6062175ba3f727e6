"""Slips of typing: a word that is no word, one or two keystrokes from one that is.

A slip is believed where exactly one of the two words is known to no list, and the other is a common one. Names, codes
and numbers are never slips of each other, but for two neighbouring letters that changed places: `Kaspin` and `Kasdin`
may be two people.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from classifier.pairs import words as w
from classifier.pairs.lexicon import Lexicon
from classifier.pairs.spelling import ABBREVIATIONS, is_listed

# A word of ASCII letters by itself: no part of a path, an address, an option or a name in code.
_WORD: Final = re.compile(r"(?:(?<![\w./@\\=&-])|(?<=[a-z]{2}-))[A-Za-z]{3,}(?![\w/@\\=']|[.-]\w)")
_PROOFREADING: Final = re.compile(
    r"\b(?:proof-?read|grammar|typos?|mis-?spell\w*|mis-?spelt|correct (?:it|this|my|the following))\b",
    re.IGNORECASE,
)
_STRETCHED: Final = re.compile(r"([a-z])\1{2,}")  # `sooo`, `todayyy`
# Parts of learned words by whose exchange one rare word becomes another: `sulfate` and `sulfite`.
_ENDINGS: Final = (
    ("ate", "ite", "ide"), ("itis", "osis", "oma", "otic", "itic"), ("ane", "ene", "yne", "one", "ine"),
    ("ol", "al", "yl"), ("ous", "ic"), ("ectomy", "ostomy", "otomy"), ("logy", "nomy", "graphy"),
)  # fmt: skip
_BEGINNINGS: Final = (("hyper", "hypo"), ("inter", "intra"), ("macro", "micro"), ("ante", "anti"), ("endo", "exo"))
_SHORT: Final = 4  # letters; shorter words have too many neighbours
_LONG: Final = 8  # letters from which on two slips are believed


def edit_distance_one(one: str, other: str) -> bool:
    """Whether one insertion, deletion, exchange or swap of neighbours turns one word into the other."""
    if abs(len(one) - len(other)) > 1 or one == other:
        return False
    start = _common_start(one, other)
    rest, rest_other = one[start:], other[start:]
    if len(one) != len(other):
        longer, shorter = (rest, rest_other) if len(one) > len(other) else (rest_other, rest)
        return longer[1:] == shorter
    swapped = rest[:2] == rest_other[:2][::-1] and rest[2:] == rest_other[2:]
    return swapped or rest[1:] == rest_other[1:]


def _common_start(one: str, other: str) -> int:
    start = 0
    while start < min(len(one), len(other)) and one[start] == other[start]:
        start += 1
    return start


def edit_distance_two(one: str, other: str) -> bool:
    """Whether one edit of the first difference leaves words that are one edit apart."""
    if abs(len(one) - len(other)) > 2:
        return False
    start = _common_start(one, other)
    rest, goal = one[start:], other[start:]
    edited = (rest[1:], goal[:1] + rest, goal[:1] + rest[1:], rest[1:2] + rest[:1] + rest[2:])
    return any(edit_distance_one(word, goal) for word in edited)


def correct(first: str, second: str, lexicon: Lexicon) -> tuple[str, str]:
    """Both texts with each mistyped word written as the other text has it, so that every rule reads what was meant; but
    where slips are what is asked about."""
    if _PROOFREADING.search(first) or _PROOFREADING.search(second):
        return first, second
    words, others = _words_of(first), _words_of(second)
    for word, other in _slips(words, others, lexicon):
        first = _replace(first, word, other)
    for word, other in _slips(others, _words_of(first), lexicon):
        second = _replace(second, word, other)
    return first, second


def _slips(words: dict[str, bool], others: dict[str, bool], lexicon: Lexicon) -> Iterator[tuple[str, str]]:
    """Each mistyped word with the other side's word, one that only the other side has before the rest."""
    for word in words:
        if word in others or _is_word(word, lexicon):
            continue
        for other in sorted(others, key=lambda known: known in words):
            if (
                _may_be(word, other)
                and not _is_other_term(word, other)
                and _is_mistyped(word, other, words[word] and others[other], lexicon)
            ):
                yield word, other
                break


@lru_cache(maxsize=2_048)
def _words_of(text: str) -> dict[str, bool]:
    """Lower-case words in order, and whether each is written as a name: a capital inside a sentence."""
    found: dict[str, bool] = {}
    for match in _WORD.finditer(text):
        word = match[0]
        found.setdefault(word.lower(), word[0].isupper() and not word.isupper() and _is_inside(text, match.start()))
    return found


def _is_inside(text: str, at: int) -> bool:
    """Whether the word that begins at a place does not begin a sentence."""
    return text[max(0, at - 4) : at].rstrip(" \"'([")[-1:] not in ("", ".", "?", "!")


def _replace(text: str, wrong: str, right: str) -> str:
    """Keeps a capital."""
    return re.sub(
        rf"\b{wrong}\b", lambda m: right.capitalize() if m[0][0].isupper() else right, text, flags=re.IGNORECASE
    )


def _may_be(one: str, other: str) -> bool:
    """A cheap look: a slip leaves the first letter, or swaps it with the second, or all behind it."""
    if abs(len(one) - len(other)) > 2:
        return one[:1] == other[:1] and _STRETCHED.search(one) is not None
    return one[0] == other[0] or one[1:2] == other[0] or one[0] == other[1:2] or one[1:] == other[1:]


@lru_cache(maxsize=65536)
def _is_other_term(one: str, other: str) -> bool:
    """Whether they differ in one part of `_ENDINGS` or `_BEGINNINGS` alone."""
    return any(
        one.endswith(mine) and other.endswith(yours) and one[: -len(mine)] == other[: -len(yours)]
        for group in _ENDINGS
        for mine in group
        for yours in group
        if mine != yours
    ) or any(
        one.startswith(mine) and other.startswith(yours) and one[len(mine) :] == other[len(yours) :]
        for group in _BEGINNINGS
        for mine, yours in (group, group[::-1])
    )


def _is_word(word: str, lexicon: Lexicon) -> bool:
    known = word in w.CONTRACTIONS or word in ABBREVIATIONS or word in w.UNITS or word in w.FUNCTION_WORDS
    return known or lexicon.knows(word) or is_listed(word)


@lru_cache(maxsize=65536)
def _is_mistyped(word: str, other: str, named: bool, lexicon: Lexicon) -> bool:
    """Whether an unknown word is the other mistyped; `named` if both are written as names."""
    if _STRETCHED.search(word) and _STRETCHED.sub(r"\1", word) == re.sub(r"(.)\1+", r"\1", other):
        return True
    swap = len(word) == len(other) and sorted(word) == sorted(other)
    near = edit_distance_one(word, other)
    if not _is_word(other, lexicon):
        return near and swap and len(word) >= _SHORT
    if min(len(word), len(other)) < _SHORT:
        return near and other in w.FUNCTION_WORDS and (swap or len(other) >= _SHORT)
    if near:
        return True
    if named or len(other) < _LONG or word[0] != other[0] or not edit_distance_two(word, other):
        return False
    common = lexicon.has_vector(other) or any(lexicon.has_vector(lemma) for lemma in lexicon.lemmas(other))
    return common or _consonants(word) == _consonants(other)


def _consonants(word: str) -> str:
    """What is heard of a word besides its vowels, doubled letters once."""
    return re.sub(r"(.)\1+", r"\1", re.sub(r"[aeiouy]", "", word))

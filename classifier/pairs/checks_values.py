"""Checks of values: language, numbers, codes, units and currencies, dates. See `checks` for the contract."""

from __future__ import annotations

import re
from collections import Counter
from typing import Final

from classifier.pairs import words as w
from classifier.pairs.language import language_of
from classifier.pairs.once import once
from classifier.pairs.pair import Pair
from classifier.pairs.text import Parsed, Token


@once
def _language(parsed: Parsed) -> str:
    return language_of(parsed.lower)


def check_language(pair: Pair) -> str | None:
    """Another language is another answer; outside English only equal words are trusted."""
    one, other = _language(pair.a), _language(pair.b)
    if one != other:
        return f"language {one} against {other}"
    exact = not pair.lone_a() and not pair.lone_b() and not pair.moved
    if one != "en" and not exact:
        return f"language {one} is served on equal words only"
    return None


@once
def _numbers(parsed: Parsed) -> list[str]:
    return [t.norm for t in parsed.tokens if t.kind == "number"]


def check_numbers(pair: Pair) -> str | None:
    """The same numbers, as many times, in an order that keeps each beside its noun."""
    one, other = _numbers(pair.a), _numbers(pair.b)
    if one == other:
        return None
    missing, added = Counter(one) - Counter(other), Counter(other) - Counter(one)
    for counter, parsed in ((missing, pair.b), (added, pair.a)):
        if _has_lone_one(parsed):
            del counter["1"]
    if missing or added:
        return f"numbers {sorted(missing)} against {sorted(added)}"
    if one != other and Counter(one) == Counter(other) and _context(pair.a) != _context(pair.b):
        return "the same numbers stand beside other words"
    return None


@once
def _has_lone_one(parsed: Parsed) -> bool:
    """`one` and `a` say 1 without being read as a number."""
    return any(t.norm in ("one", "a", "an", "single") for t in parsed.tokens)


def _context(parsed: Parsed) -> Counter[tuple[str, str]]:
    """Each number with the next content word after it."""
    found: Counter[tuple[str, str]] = Counter()
    for i, token in enumerate(parsed.tokens):
        if token.kind == "number":
            after = next((t.norm for t in parsed.tokens[i + 1 :] if t.content and t.kind == "word"), "")
            found[(token.norm, after)] += 1
    return found


def check_codes(pair: Pair) -> str | None:
    """Identifiers of letters and digits must be equal, and no two of single letters may differ."""
    one, other = ({t.norm for t in p.tokens if t.kind == "code"} for p in (pair.a, pair.b))
    if one == other and any(not norm[0].isalnum() for norm in one) and _formula(pair.a) != _formula(pair.b):
        return "the same signs in another order"
    if one == other:
        one, other = _letters(pair.a), _letters(pair.b)
        if one <= other or other <= one:
            return None
    return f"codes {sorted(one - other)} against {sorted(other - one)}"


@once
def _formula(parsed: Parsed) -> list[str]:
    """Signs, numbers and single letters, in order."""
    return [t.norm for t in parsed.tokens if t.kind != "word" or len(t.norm) == 1]


@once
def _letters(parsed: Parsed) -> set[str]:
    return {t.norm for t in parsed.tokens if t.content and t.kind == "word" and len(t.norm) == 1}


_QUOTED: Final = re.compile(r"[\"“”«]\s*([^\"“”»]{3,}?)\s*[\"“”»]")
_AFTER_COLON: Final = re.compile(r"^(?!https?:)[^:?.!]{4,80}:\s+(.{3,})$")
_WORDS: Final = re.compile(r"\w+(?:'\w+)*")


@once
def _material(parsed: Parsed, asked: str) -> list[str]:
    """The words of what is to be worked on: a quotation, or what stands behind an instruction and a colon."""
    quoted = _QUOTED.search(parsed.lower)
    if quoted is None and asked == "none":
        quoted = _AFTER_COLON.search(parsed.lower)
    return _WORDS.findall(quoted[1]) if quoted else []


def check_material(pair: Pair) -> str | None:
    """A text that is to be translated, classified or corrected must be the same, word by word."""
    mine, yours = _material(pair.a, pair.asked_a), _material(pair.b, pair.asked_b)
    for words, other in ((mine, pair.b), (yours, pair.a)):
        if len(words) > 1 and f" {' '.join(words)} " not in f" {' '.join(_WORDS.findall(other.lower))} ":
            return f"the other side does not have the text {' '.join(words[:6])}"
    return None


@once
def _units(parsed: Parsed) -> set[str]:
    found = set()
    for i, token in enumerate(parsed.tokens):
        name = token.norm if token.kind == "sign" else w.UNITS.get(token.norm)
        near = parsed.tokens[max(0, i - 1) : i] + parsed.tokens[i + 1 : i + 2]
        beside = any(t.kind == "number" for t in near)
        if name and (token.norm not in w.UNITS_BESIDE_NUMBER or beside or token.kind == "sign"):
            found.add(name)
    return found


def check_units(pair: Pair) -> str | None:
    """Units and currencies must agree; one that only one side names must stand away from any number."""
    one, other = _units(pair.a), _units(pair.b)
    only, only_other = one - other, other - one
    if only and only_other:
        return f"units {sorted(only)} against {sorted(only_other)}"
    loose = only | only_other
    if loose & (_units_of_numbers(pair.a) | _units_of_numbers(pair.b)) or (loose and pair.is_small_edit()):
        return f"unit {sorted(loose)} on one side only"
    return None


@once
def _units_of_numbers(parsed: Parsed) -> set[str]:
    """Units that stand beside a number."""
    found = set()
    for i, token in enumerate(parsed.tokens):
        near = parsed.tokens[max(0, i - 1) : i] + parsed.tokens[i + 1 : i + 2]
        if any(t.kind == "number" for t in near):
            found.add(token.norm if token.kind == "sign" else w.UNITS.get(token.norm, ""))
    return found - {""}


@once
def _dates(parsed: Parsed) -> set[str]:
    found = {w.DATES[t.norm] for t in parsed.tokens if t.norm in w.DATES and not _is_plain(t)}
    for before, token in zip(parsed.tokens, parsed.tokens[1:], strict=False):
        if token.norm in ("fall", "spring") and (before.norm in _BEFORE_SEASON or token.capital):
            found.add(w.DATES[token.norm])
    for i, token in enumerate(parsed.tokens):
        if (token.norm in ("may", "march") and token.capital and not token.first) or (
            token.norm in ("may", "march") and i > 0 and parsed.tokens[i - 1].norm in ("in", "since", "until", "of")
        ):
            found.add(token.norm)
    return found


_BEFORE_SEASON: Final = w.word_set("in the this next last every during and or of")


def _is_plain(token: Token) -> bool:
    """Words that are a date only sometimes: `now`, `fall`, `am` after a pronoun is handled as an auxiliary."""
    return token.norm in (
        "now",
        "currently",
        "fall",
        "am",
        "spring",
        "later",
        "soon",
        "ad",
        "sat",
        "sun",
        "mon",
        "night",
    )


def check_dates(pair: Pair) -> str | None:
    """Days, months, seasons and times of day must agree."""
    one, other = _dates(pair.a), _dates(pair.b)
    common = {w.DATES.get(norm) for norm in {*pair.a.norms()} & {*pair.b.norms()}}
    one, other = one - common, other - common
    if one == other:
        return None
    return f"dates {sorted(one - other)} against {sorted(other - one)}"

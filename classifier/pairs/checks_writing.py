"""Checks of how something is written, where that is what tells two questions apart. See `checks`.

Elsewhere capitals, quotation marks, accents and signs are dress. They are read from the text as it came.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Final

from classifier.pairs import words as w
from classifier.pairs.once import once
from classifier.pairs.pair import Pair, is_salient
from classifier.pairs.spelling import standard
from classifier.pairs.text import Parsed

_PICTURE: Final = re.compile(r"[\U0001F1E6-\U0001FAFF\u2600-\u27BF]")
_PICTURE_AS_WORD: Final = re.compile(rf"\b(?:an?|the|of|for|with|my|this|eat|cook)\s*{_PICTURE.pattern}", re.IGNORECASE)
_QUOTED: Final = re.compile(r"[\"“„«]([^\"“”„«»]+)[\"”“»]")
_CODE: Final = re.compile(
    r"\b(?:bash|shell|python|sql|java|javascript|js|php|perl|ruby|c|literal|string|regex|echo|print)\b", re.IGNORECASE
)
_LITERAL: Final = re.compile(r"(?<![\w'\"])(['\"])([^\s'\"]{1,30})\1(?![\w'\"])")
# An option or a format's letter, a repetition, the ends of an interval, a sign in an exponent, the charge of an ion,
# doubled brackets, a tuple of one, a dot apart from its path.
_SIGNS: Final = re.compile(
    r"(?<!\S)-[A-Za-z](?!\w)|(?<!\S)[a-z][*+](?=[\s?.,]|$)|[\[(](?=\d+, ?\d+[\])])|(?<=\d)[\])](?=\s)|\^\([+-]"
    r"|%[A-Za-z](?!\w)|\b[A-Z][a-z]?\d*[+-](?=[\s?.,!]|$)|\[\[|,\)|(?<!\S)\. ?/"
)
_REGIONAL: Final = re.compile(
    r"\b(?:lorr(?:y|ies)|trucks?|aubergines?|eggplants?|courgettes?|zucchini|napp(?:y|ies)|diapers?|spanners?|wrench(?:es)?)"
    r"\b",
    re.IGNORECASE,
)
_OF_REGIONS: Final = re.compile(
    r"\b(?:american|british|english|us|uk|call|called|word|term|same|than|between|vs|or)\b|\bamericans\b"
)
_SOUND_ALIKE: Final = ("it's its", "you're your", "who's whose", "they're their there", "let's lets")
_OF_WORDS: Final = re.compile(rf"\b(?:{'|'.join(sorted(w.OF_WORDS))})\b")
_SMALL: Final = w.word_set("a an and the of in on to for")


def check_writing(pair: Pair) -> str | None:
    """`-d` against `-D`, `"maybe"` against `"may be"`, `'$HOME'` against `"$HOME"`, one picture for another."""
    one, other = pair.a.written, pair.b.written
    if one == other or one.isalnum():
        return None
    if _signs(pair.a) != _signs(pair.b):
        return f"signs {sorted(_signs(pair.a))} against {sorted(_signs(pair.b))}"
    if (_pictures(pair.a) or _pictures(pair.b)) and (told := _other_pictures(pair)):
        return told
    if "http" in one and "http" in other and ("https://" in one) != ("https://" in other):
        return "http against https"
    if _REGIONAL.search(one) and _REGIONAL.search(other) and (told := _other_region(pair)):
        return told
    if any(mark in text for text in (one, other) for mark in "\"'“„«"):
        return _other_quotation(pair) or _other_literal(pair) or _sounds_alike(pair)
    return None


def _other_region(pair: Pair) -> str | None:
    """A lorry is a truck, but where the words themselves are compared or asked about."""
    one, other = ([word.lower() for word in _REGIONAL.findall(p.written)] for p in (pair.a, pair.b))
    asked = one != other and all(_OF_REGIONS.search(p.lower) for p in (pair.a, pair.b))
    return f"{one} against {other}" if asked else None


@once
def _signs(parsed: Parsed) -> Counter[str]:
    return Counter(sign.replace(" ", "_") for sign in _SIGNS.findall(parsed.written))


@once
def _pictures(parsed: Parsed) -> str:
    return "" if parsed.written.isascii() else "".join(_PICTURE.findall(parsed.written))


def _other_pictures(pair: Pair) -> str | None:
    one, other = _pictures(pair.a), _pictures(pair.b)
    lone = next((p for p, theirs in ((pair.a, other), (pair.b, one)) if not theirs), None)
    if one == other or (lone is not None and not _PICTURE_AS_WORD.search(lone.written)):
        return None
    return f"pictures {one or 'none'} against {other or 'none'}"


@once
def _quotations(parsed: Parsed) -> list[str]:
    """What stands in quotation marks, in small letters and one spelling, without a full stop at the end."""
    found = (said.lower().replace("’", "'").split() for said in _QUOTED.findall(parsed.written))
    return [" ".join(standard(word) or word for word in words).rstrip(".,!?; ") for words in found]


def _other_quotation(pair: Pair) -> str | None:
    one, other = _quotations(pair.a), _quotations(pair.b)
    if one and len(one) == len(other) and Counter(one) != Counter(other):
        return f"{sorted(one)} against {sorted(other)}"
    for mine, yours in ((pair.a, pair.b), (pair.b, pair.a)):
        if _quotations(yours) or not yours.cased:
            continue
        for said in _QUOTED.findall(mine.written):
            named = [word for word in said.split() if word.lower() not in _SMALL]
            if len(named) > 1 and all(word[:1].isupper() for word in named) and said.lower().strip() in yours.written:
                return f"{said} a title on one side only"
    return None


def _other_literal(pair: Pair) -> str | None:
    """In code the kind of quotation mark matters, and for a number or a variable whether there is one."""
    texts = pair.a.written, pair.b.written
    if not all(_CODE.search(text) for text in texts):
        return None
    one, other = ({said: mark for mark, said in _LITERAL.findall(text)} for text in texts)
    for said in one.keys() | other.keys():
        marks = one.get(said), other.get(said)
        alone = None in marks
        weighty = said.isdigit() or said[0] == "$" or "select" in texts[0].lower()
        if marks[0] != marks[1] and (not alone or (weighty and all(said in text for text in texts))):
            return f"{said} in other quotation marks"
    return None


def _sounds_alike(pair: Pair) -> str | None:
    """Where a word is asked about, `its` is not `it's`."""
    if not all(_OF_WORDS.search(p.lower) for p in (pair.a, pair.b)):
        return None
    for group in _SOUND_ALIKE:
        one, other = ({*p.lower.replace("?", " ").split()} & {*group.split()} for p in (pair.a, pair.b))
        if one and other and one != other:
            return f"{sorted(one)} against {sorted(other)}"
    return None


def check_rank(pair: Pair) -> str | None:
    """`The six wives` against `the sixth wife`: so many, or the one in that place."""
    for mine, yours in ((pair.a, pair.b), (pair.b, pair.a)):
        ranks, counts = _numbered(mine, True), _numbered(yours, False)
        for number, noun in ranks - _numbered(yours, True):
            if any(n == number and other != noun and other[:2] == noun[:2] for n, other in counts):
                return f"one in place {number} against {number} of them"
    return None


@once
def _numbered(parsed: Parsed, ranked: bool) -> frozenset[tuple[str, str]]:
    """Numbers with the noun behind them, of those that say a place (`3rd`, `sixth`) or of the others."""
    found = set()
    for token, after in zip(parsed.tokens, parsed.tokens[1:], strict=False):
        if token.kind == "number" and after.kind == "word" and is_salient(after) and after.norm not in w.MONTHS:
            ends = token.surface.lower().endswith(("st", "nd", "rd", "th"))
            if ends == ranked:
                found.add((token.norm, after.norm))
    return frozenset(found)


def check_sex(pair: Pair) -> str | None:
    """`Mr Curie` against `Mrs Curie`."""
    one, other = ({*p.norms()} & {"mr", "mrs", "ms", "miss"} for p in (pair.a, pair.b))
    return f"{min(one)} against {min(other)}" if one and other and ("mr" in one) != ("mr" in other) else None

"""Fractions as decimal numbers: `1/2`, `half a`, `0.5` and, of a number, `50 %`; `1 1/2` and `one and a half`.

Fractions in lowest terms only, so that none stands for another (`6/8` is a metre, or a date); `4/3` is left alone.
"""

from __future__ import annotations

import re
from decimal import Decimal
from math import gcd
from typing import Final

from classifier.pairs.numerals import plain, read_words

_NUMBER: Final = "one|two|three|four|five|six|seven|eight|nine|ten"
_PARTS: Final = {
    "half": 2,
    "halve": 2,
    "third": 3,
    "quarter": 4,
    "fourth": 4,
    "fifth": 5,
    "sixth": 6,
    "eighth": 8,
    "tenth": 10,
}
_DIGITS: Final = re.compile(
    r"(?<![\w/.,:-])(?<!\bon )(?:(\d{1,3})(?: | and |-))?([1-9])/(10|[2-9])(?![\w/-])(?![.,]\d)"
)
_AND_HALF: Final = re.compile(rf"\b(\d+|{_NUMBER}) and (?:a|one) (half|quarter|third)\b", re.IGNORECASE)
_OF: Final = re.compile(
    r"\b(a|one|two|three|four|five|seven) (half|halve|third|quarter|fourth|fifth|sixth|eighth|tenth)s?"
    r"(?= (?:of (?:an?|the|my|all|\d)|cups?\b|miles?\b|inch|(?:as|to|into|in) (?:an? )?(?:decimal|percent)))",
    re.IGNORECASE,
)
# Behind another word `half` is a part that is named, not counted (`the second half of`).
_HALF: Final = re.compile(
    r"(?:^|(?<=\bis )|(?<=\bof )|(?<=\babout )|(?<=\bthan )|(?<=\bonly )|(?<=\bby )|(?<=\bfor )|(?<=\bin )|(?<=\badd )"
    r"|(?<=\buse )|(?<=\beat )|(?<=\bat )|(?<=\bdoes )|(?<=\bwith )|(?<=\bare )|(?<=\bate )"
    r"|(?<=\bdrank )|(?<=\bused )|(?<=\bleaves ))half (?:(an? )(?=[a-z])|(of )(?=(?:an? )?\d))",
    re.IGNORECASE,
)
_TENS: Final = (
    r"(?:(?:twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)(?:[- ](?:one|two|three|four|five|six|seven|eight|"
    r"nine))?|five|ten|fifteen)"
)
_PERCENT: Final = re.compile(
    rf"(?<![\w.,-])(?:(\d{{1,3}}(?:\.\d+)?)|({_TENS})) ?(?:%|percent)(?= of [$€£]?\d)", re.IGNORECASE
)
_HYPHENED: Final = re.compile(
    r"\b(one|two|three|four|five|seven)-(third|quarter|fourth|fifth|sixth|eighth|tenth)s?\b(?!-)", re.I
)
_OF_ONE: Final = re.compile(r"(?<![\w/])([1-9]/[2-9]) (?:of )?an? (?=[a-z])")  # `1/2 a cup`
_BARE_POINT: Final = re.compile(r"(?<![\w.,)/])\.(?=\d+\b(?!\.))")
_SIGNS: Final = ("half", "quarter", "third", "fourth", "fifth", "sixth", "eighth", "tenth", "/", "%", "percent", " .")


def ratios_in_digits(text: str) -> str:
    """The text with its fractions as decimal numbers of at most four places."""
    lower = text.lower()
    if not any(sign in lower for sign in _SIGNS):
        return text
    text = _BARE_POINT.sub("0.", text)
    text = _OF_ONE.sub(r"\1 ", text)
    text = _AND_HALF.sub(lambda m: _shown(_value(m[1]), 1, _PARTS[m[2].lower()]), text)
    text = _DIGITS.sub(_digits, text)
    text = _HYPHENED.sub(lambda m: _lowest(_value(m[1]), _PARTS[m[2].lower()]) or m[0], text)
    text = _OF.sub(lambda m: _lowest(_value(m[1]), _PARTS[m[2].lower()]) or m[0], text)
    text = _HALF.sub(lambda m: "0.5 of " if m[2] else "0.5 ", text)
    return _PERCENT.sub(lambda m: plain(Decimal(m[1] or _value(m[2])) / 100), text)


def _value(word: str) -> int:
    """A small whole number in digits or words; `a` is one."""
    if word.isdigit():
        return int(word)
    read = read_words(re.split(r"[- ]", word.lower()))
    return int(read[0]) if read else 1


def _digits(match: re.Match[str]) -> str:
    part, whole = int(match[2]), int(match[3])
    if part >= whole or gcd(part, whole) > 1:
        return match[0]
    return _shown(int(match[1] or 0), part, whole)


def _lowest(part: int, whole: int) -> str:
    return _shown(0, part, whole) if part < whole and gcd(part, whole) == 1 else ""


def _shown(number: int, part: int, whole: int) -> str:
    return plain(round(number + Decimal(part) / whole, 4))

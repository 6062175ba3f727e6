"""Numbers in English text, in digits or words, to exact decimal strings: `21`, `twenty-one` and `21.0` agree."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import Final

_UNITS: Final = {
    w: i
    for i, w in enumerate(
        [
            "zero",
            "one",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
            "thirteen",
            "fourteen",
            "fifteen",
            "sixteen",
            "seventeen",
            "eighteen",
            "nineteen",
        ]
    )
}
_TENS: Final = {
    w: 10 * (i + 2)
    for i, w in enumerate(["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"])
}
SCALES: Final = {
    "hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9, "trillion": 10**12,
    "lakh": 10**5, "crore": 10**7, "k": 1000, "mn": 10**6, "bn": 10**9,
}  # fmt: skip
_ORDINALS: Final = {
    "third": 3, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8, "ninth": 9, "tenth": 10,
    "eleventh": 11, "twelfth": 12, "thirteenth": 13, "fourteenth": 14, "fifteenth": 15, "sixteenth": 16,
    "seventeenth": 17, "eighteenth": 18, "nineteenth": 19, "twentieth": 20, "thirtieth": 30, "hundredth": 100,
}  # fmt: skip
NUMBER_WORDS: Final = frozenset((*_UNITS, *_TENS, *_ORDINALS))  # that a number may begin with
_AFTER_TENS: Final = {"first": 1, "second": 2}  # alone they are words of order, or a unit
_ROMAN: Final = {"ii": 2, "iii": 3, "iv": 4, "vi": 6, "vii": 7, "viii": 8, "ix": 9, "xi": 11, "xii": 12}
_LONG_ROMAN: Final = re.compile(r"x{1,3}(?:ix|iv|v?i{0,3})")  # from 11 on; none of them is a word but `xi`
_DIGITS: Final = re.compile(r"^(-?\d[\d,]*(?:\.\d+)?)(st|nd|rd|th|k|m|bn|s)?$")
_COMMA: Final = re.compile(r"(\d),(\d{1,2})(?=$|[a-z])")  # not of thousands
_DOTTED: Final = re.compile(r"-?[1-9]\d{0,2}\.\d\d0")


def plain(value: Decimal) -> str:
    """A number without trailing zeros or exponent."""
    return f"{value.normalize():f}"


def read_digits(word: str) -> str | None:
    """`1,250.50` to `1250.5`, `1,5` to `1.5`, `3rd` to `3`, `20k` to `20000`; None if the word is no number. `3.000` is
    three or three thousand, and stays as it is."""
    if _DOTTED.fullmatch(word):
        return word
    word = _COMMA.sub(r"\1.\2", word) if word.count(",") == 1 and "." not in word else word
    if not (match := _DIGITS.match(word)):
        return None
    scale = {"k": 1000, "m": 10**6, "bn": 10**9}.get(match[2] or "", 1)
    try:
        return plain(Decimal(match[1].replace(",", "")) * scale)
    except InvalidOperation:
        return None


def read_roman(word: str) -> str | None:
    """`II` to `2` for the numerals up to 39 that are no English words."""
    if word in _ROMAN:
        return str(_ROMAN[word])
    if not _LONG_ROMAN.fullmatch(word):
        return None
    values = [{"i": 1, "v": 5, "x": 10}[letter] for letter in word]
    return str(sum(-v if v < max(values[i:]) else v for i, v in enumerate(values)))


def read_words(words: list[str]) -> tuple[str, int] | None:
    """Read a number from the start of lower-case words: its value and how many words it took.

    A lone `one` is a pronoun as often as a number, and `second` a unit, so neither is read by itself.
    """
    total, current, used = 0, 0, 0
    for word in words:
        if word in _UNITS and (used == 0 or current % 10 == 0):
            current += _UNITS[word]
        elif word in _TENS and current % 100 == 0:
            current += _TENS[word]
        elif word in SCALES and (used > 0):
            current = max(current, 1) * SCALES[word]
            if word != "hundred":
                total, current = total + current, 0
        elif word in _ORDINALS and current % 10 == 0:
            return str(total + current + _ORDINALS[word]), used + 1
        elif word in _AFTER_TENS and current % 100 >= 20 and current % 10 == 0:
            return str(total + current + _AFTER_TENS[word]), used + 1
        else:
            break
        used += 1
    if used == 0 or (used == 1 and words[0] == "one"):
        return None
    return str(total + current), used

"""Times of day in words: `half past three` as `3:30`, `quarter to nine` as `8:45`, `seven in the morning` as `7 am`.

`half to three` is no time, `ten to six` is one only behind a word that a moment follows (`from ten to six` is a span).
"""

from __future__ import annotations

import re
from typing import Final

from classifier.pairs.numerals import read_words

_WORDS: Final = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_HOUR: Final = rf"(\d{{1,2}}(?![\d:.])|{'|'.join(_WORDS)})"
_MOMENT: Final = r"(?<=\bat )|(?<=\bby )|(?<=\buntil )|(?<=\btill )|(?<=\bbefore )|(?<=\bafter )|(?<=\baround )"
_MINUTE: Final = r"twenty[- ]five|five|ten|twenty|\d{1,2}"
_PAST: Final = re.compile(
    rf"\b(half|(?:a )?quarter|{_MINUTE})(?: minutes)? past {_HOUR}\b(?: o'?clock)?", re.IGNORECASE
)
_TO: Final = re.compile(
    rf"(?:\b(?:a )?(quarter)|(?:{_MOMENT})({_MINUTE})(?: minutes)?) to {_HOUR}\b(?: o'?clock)?", re.IGNORECASE
)
_DAYPART: Final = re.compile(
    rf"(?:(?:{_MOMENT}){_HOUR}|\b(\d{{1,2}}:\d\d)|\b{_HOUR}(?= o'?clock))(?: o'?clock)? in the "
    rf"(morning|afternoon|evening)\b",
    re.IGNORECASE,
)


def clock_in_digits(text: str) -> str:
    """The text with its times of day in digits."""
    if " past " in text:
        text = _PAST.sub(_past, text)
    if " to " in text:
        text = _TO.sub(_to, text)
    return _DAYPART.sub(_daypart, text) if " in the " in text else text


def _value(word: str) -> int:
    """An hour or minutes, in digits or words."""
    word = word.lower()
    if word.isdigit():
        return int(word)
    read = read_words(re.split(r"[- ]", word))
    return int(read[0]) if read else 1


def _minutes(word: str) -> int:
    if word.lower() == "half":
        return 30
    return 15 if word.lower().endswith("quarter") else _value(word)


def _past(match: re.Match[str]) -> str:
    hour, minutes = _value(match[2]), _minutes(match[1])
    return f"{hour}:{minutes:02}" if 1 <= hour <= 12 and 0 < minutes < 60 else match[0]


def _to(match: re.Match[str]) -> str:
    hour, minutes = _value(match[3]), _minutes(match[1] or match[2])
    return f"{(hour - 2) % 12 + 1}:{60 - minutes}" if 1 <= hour <= 12 and 0 < minutes <= 30 else match[0]


def _daypart(match: re.Match[str]) -> str:
    hour, minutes = match[1] or match[3], match[2]
    shown = minutes or str(_value(hour))
    if int(shown.split(":")[0]) > 11:
        return match[0]
    return f"{shown} {'am' if match[4].lower() == 'morning' else 'pm'}"

"""What a detector of sensitive content is, and the words that the detectors share.

A detector costs nothing on most prompts: its pattern runs only if one of its `cues` is in the text. All
patterns have bounded repetitions and no nested ones, so that the time is linear on hostile input too.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

BEFORE_CHARS = 56  # how far before a value its context is looked for: about one clause
AFTER_CHARS = 24

UPPER = "A-ZÀ-ÖØ-ÞĄĆČĐĘĞİŁŃŐŚŠŞŹŻŽ"
WORD = rf"[{UPPER}][^\W\d_]{{1,24}}"  # one capitalised word
NAME_PART = rf"(?:O['\u2019]|D['\u2019]|Mc|Mac)?{WORD}(?:['\u2019\-]{WORD})?"
PARTICLE = r"(?:(?:von|van|der|den|zu|de|del|della|di|da|du|la|las|los|le|bin|al|y)[ ]){0,2}"
FULL_NAME = rf"{NAME_PART}(?:[ ]{PARTICLE}{NAME_PART}){{0,3}}"
LAST_NAMES = rf"(?:[ ]{PARTICLE}{NAME_PART}){{1,3}}"
TWO_NAMES = NAME_PART + LAST_NAMES

MONTHS = (
    r"(?:jan(?:uary|uar|vier)?|jän(?:ner)?|feb(?:ruary|ruar)?|févr(?:ier)?|mar(?:ch|s)?|märz|apr(?:il)?|avril"
    r"|may|mai|june?|juni|juin|july?|juli|juillet|aug(?:ust)?|août|sept?(?:ember|embre)?|o[ck]t(?:ober|obre)?"
    r"|nov(?:ember|embre)?|de[cz](?:ember)?|déc(?:embre)?|enero|febrero|marzo|abril|mayo|junio|julio|agosto"
    r"|septiembre|octubre|noviembre|diciembre)"
)
DATE = (
    r"(?:\d{1,2}[./\-]\d{1,2}[./\-](?:19|20)?\d{2}|(?:19|20)\d{2}-\d{2}-\d{2}"
    rf"|\d{{1,2}}(?:st|nd|rd|th|er|\.|º)?[ ](?:of[ ]|de[ ])?{MONTHS}\.?,?[ ](?:de[ ]|del[ ])?(?:19|20)\d{{2}}"
    rf"|{MONTHS}\.?[ ]\d{{1,2}}(?:st|nd|rd|th)?,?[ ](?:19|20)\d{{2}})(?!\d)"
)


@dataclass(frozen=True, slots=True)
class Match:
    """A candidate: its text, the lower-cased text around it, and where it stands."""

    value: str
    before: str
    after: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Detector:
    """How one kind is recognised. `pattern` finds candidates: its group `v`, or the whole match.

    `cues` are substrings of the lower-cased text of which one must be there (none: always tried); `needs`
    asks for four digits anywhere, or for a run of seven with separators; `accept` has the last word.
    """

    kind: str
    pattern: re.Pattern[str]
    cues: tuple[str, ...] = ()
    needs: Literal["", "digits", "run"] = ""
    accept: Callable[[Match], bool] | None = None


def near(match: Match, words: re.Pattern[str]) -> bool:
    """Whether a context word stands close before the value, or right behind it."""
    return words.search(match.before) is not None or words.search(match.after) is not None


def digits_of(value: str) -> str:
    return "".join(c for c in value if c.isdigit())

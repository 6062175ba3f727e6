"""Other spellings of a text under which orders are hidden: hexadecimal, percent signs, rot13, backwards, in parts,
look-alikes.

Only spellings that a text shows signs of are tried, so that plain prompts cost next to nothing.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from urllib.parse import unquote

MAX_CHARS = 8192  # of a text that is spelt anew

_HEX = re.compile(r"(?<![0-9A-Za-z])(?:(?:\\x|0x)?[0-9A-Fa-f]{2}[ ,]?){12,}(?![0-9A-Za-z])")
_PERCENT = re.compile(r"(?:%[0-9A-Fa-f]{2}\w{0,20}){4,}")
_SPACED = re.compile(r"(?<!\w)(?:\w[ .\-_*]){4,}\w(?!\w)")
_LEET = re.compile(r"(?<!\w)(?=[a-z]*[013457@$]+[a-z])[a-z013457@$]{4,}(?!\w)", re.IGNORECASE)
_MIXED = re.compile("[A-Za-z][\u0370-\u052f]|[\u0370-\u052f][A-Za-z]")
_DOTTED = re.compile(r"(?<!\w)(?:[A-Za-z]{1,14}[.|/_*]+ ?){5,}")  # a stop after each word
_PARTS = re.compile(r"=\s*[\"']([^\"'\n]{1,200})[\"']")
_AS_LETTERS = str.maketrans("013457@$", "oieastas")
_LATIN = str.maketrans(
    "аеорсухіјѕԁһкмтвнАЕОРСУХІЈЅКМТВНοαεικντρυχΑΒΕΖΗΙΚΜΝΟΡΤΥΧ",
    "aeopcyxijsdhkmtbhAEOPCYXIJSKMTBHoaeikvtpuxABEZHIKMNOPTYX",
)
_BACKWARDS = ("revers", "backward", "rückwärts", "envers", "al revés", "noitcurtsn", "tpmorp")
_ROTATED = ("rot13", "rot-13", "rot 13", "caesar", "cipher")


def respelt(text: str, lower: str) -> Iterator[str]:
    """`text` as it may have been meant; `lower` is the same in lower case."""
    text, lower = text[:MAX_CHARS], lower[:MAX_CHARS]
    for run in _HEX.findall(text):
        yield bytes.fromhex(re.sub(r"\\x|0x|[ ,]", "", run)).decode("utf-8", "ignore")
    if (dotted := _DOTTED.search(text)) is not None:
        yield re.sub(r"[.|/_*]+ ?", " ", dotted[0]).lower()
    if "+" in text and len(parts := _PARTS.findall(text)) > 1:
        yield "".join(parts).lower()
    if "%" in text and _PERCENT.search(text):
        yield unquote(text)
    if _SPACED.search(text):
        yield re.sub(r" {2,}", " ", re.sub(r"(?<=\b\w)[ .\-_*](?=\w\b)", "", text))
    if len(_LEET.findall(text)) > 1:
        yield lower.translate(_AS_LETTERS)
    if not text.isascii() and _MIXED.search(text):
        yield text.translate(_LATIN)
    if any(word in lower for word in _BACKWARDS):
        yield text[::-1]
    if any(word in lower for word in _ROTATED):
        yield codecs.decode(text, "rot13")

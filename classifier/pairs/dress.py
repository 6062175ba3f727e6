"""What programs, devices and manners add to a question: escaped signs, a signature, the scheme of an address, asides.

Read first, from the text as it came; each rule is asked where its sign is in the text.
"""

from __future__ import annotations

import html
import re
from typing import Final

from classifier.pairs.words import OF_WORDS

_TAGGED: Final = re.compile(r"^\s*<(p|div|span|b|i|em|strong)>(.*)</\1>\s*$", re.IGNORECASE | re.DOTALL)
_ESCAPED: Final = re.compile(r"&(?:#\d+|[a-z]+);")
_SIGNATURE: Final = re.compile(r"(?:sent from (?:my|a)|get outlook for) ", re.IGNORECASE)  # begins a last line
_TWICE: Final = re.compile(r"^\s*(.{12,250}[.?!])\s+\1\s*$", re.IGNORECASE)
# `i.e.` says nothing by itself; the others ask politely in the middle or at the end.
_ASIDES: Final = re.compile(
    r",? (?:if (?:i may ask|you don'?t mind(?: my asking| me asking)?|you would be so kind|it'?s not too much trouble)"
    r"|i\.e\.)(?:,(?= )|(?=[.?! ])|$)",
    re.IGNORECASE,
)
_RULES: Final = tuple(
    (sign, re.compile(pattern, re.IGNORECASE), name)
    for sign, pattern, name in (
        ("://", r"\bhttps?://(?:www\.)?((?:[\w-]+\.)+[a-z]{2,})/?(?=[\s?,!]|\.?$)", r"\1"),
        ("www.", r"(?<![/\w])www\.(?=(?:[\w-]+\.)+[a-z]{2,}\b(?![/:]))", ""),
        ('"', r"[\"`](--?\w[\w-]*)[\"`]", r"\1"),
        ("#", r"(?<!\S)#(?=[a-z]{4,}\b)(?!include|define|pragma|ifdef|endif)", ""),
    )
)
_RUN_ON: Final = re.compile(r"\b(do|can|should|am|if|did|will|may|could|would|must|have)I\b")  # `how doI`
_ADDRESS: Final = re.compile(r"(?<![\w.-])(?:[\w-]+\.)+[a-z]{2,}\b")
_ABOUT_ADDRESSES: Final = re.compile(r"\b(?:safe|secure|encrypt\w*|redirect\w*|certificate|protocol|ssl|tls)\b")
_ABOUT_SIGNS: Final = re.compile(rf"\b(?:html|xml|entity|entities|escaped?|{'|'.join(sorted(OF_WORDS))})\b")


def undress(text: str) -> str:
    """The text without these; left alone where it asks about signs or words."""
    if "\n" in text:
        before, _, last = text.rstrip().rpartition("\n")
        text = before.rstrip(" -\r\n") if _SIGNATURE.match(last.lstrip(" -")) else text
    lower = text.lower()
    if "&" in text and _ESCAPED.search(lower) and (("&quot;" in lower) or not _ABOUT_SIGNS.search(lower)):
        text = html.unescape(text)
    if "</" in text and "html" not in lower and (tagged := _TAGGED.match(text)):
        text = tagged[2]
    text = _RUN_ON.sub(r"\1 I", text) if "I" in text else text
    if len(_ADDRESS.findall(lower)) <= 1 and not ("http" in lower and _ABOUT_ADDRESSES.search(lower)):
        for sign, pattern, name in _RULES:
            if sign in text:
                text = pattern.sub(name, text)
    if " if " in lower or "i.e." in lower:
        text = _ASIDES.sub("", text)
    return said[1] if (said := _TWICE.match(text)) else text

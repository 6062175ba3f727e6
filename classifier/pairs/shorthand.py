"""Shorthand of notes and chats written out: `w/o`, `e.g.`, `b/c`, `@ work`, `get 2 the airport`, `y do`, `gonna`.

Only where the words around leave one reading: `2 beds` stays a number. Each row is asked where its sign is in the text.
"""

from __future__ import annotations

import re
from typing import Final

from classifier.pairs.words import OF_WORDS

_DETERMINER: Final = r"(?:the|my|your|our|this|that|his|her|their)"
# Behind a name `2 the` is its number (`is Rocky 2 the best`).
_GOES: Final = "(?:" + "|".join(rf"(?<=\b{word} )" for word in (
    "get", "go", "going", "went", "come", "back", "drive", "walk", "fly", "travel", "listen", "talk", "reply", "next",
    "close", "according", "due", "belong", "happened", "happens", "added", "add", "send", "sent", "give",
)) + ")"  # fmt: skip
# Behind these a verb in the infinitive, unless what follows is counted (`safe 2 days after`).
_OPEN_TO: Final = "(?:" + "|".join(rf"(?<=\b{word} )" for word in (
    "ok", "okay", "alright", "all right", "safe", "legal", "easy", "hard", "possible", "allowed", "how", "want", "like",
)) + ")"  # fmt: skip
_COUNTED: Final = (
    "(?:days?|weeks?|hours?|months?|years?|minutes?|people|persons?|adults?|of|or|and|in|by|more|different|[a-z]+s)"
)
_AUX: Final = r"(?:do|does|did|is|are|was|were|can|cant|can't|should|would|will|has|have|isnt|isn't|dont|don't)"
_BASE: Final = r"\d+|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|twenty|hundred|[nxy]"
_ROWS: Final = tuple(
    (sign, re.compile(pattern, re.IGNORECASE), name)
    for sign, pattern, name in (
        ("w/", r"(?<!\S)w/(?:o|out)(?!\w)", "without"),
        ("w/", r"(?<!\S)w/ ?(?=\w)", "with "),
        ("b/c", r"(?<!\S)b/c(?!\S)", "because"),
        ("eg", r"(?<=[,(;-] )eg\b[.,]?(?=\s)|(?<=\()eg\b[.,]?(?=\s)", "for example"),
        (" @ ", r"(?<=[a-z]) @ (?=[a-z])", " at "),
        ("tel", r"\btel(?:ephone|\b\.?) no\b\.?", "phone number"),
        ("diff", r"\bdiff\b\.?(?= between\b)", "difference"),
        ("pres.", r"\bpres\.(?= of\b)", "president"),
        ("number one", r"\bnumber one\b", "number 1"),
        ("dozen", r"\bhalf a dozen\b", "6"),
        ("dozen", r"(?<!half )\b(?:a|one) dozen\b(?! or)", "12"),
        ("per cent", r"\bper cent\b", "percent"),
        ("squared", rf"\b({_BASE}) squared\b", r"\1 to the power of 2"),
        ("cubed", rf"\b({_BASE}) cubed\b", r"\1 to the power of 3"),
        (" 2 ", rf"{_GOES}2(?= {_DETERMINER}\b)", "to"),
        (" 2 ", r"(?<=\bsupposed )2\b|(?<=\bgoing )2\b|(?<=\bable )2\b|(?<=\btrying )2\b|(?<=\bway )2\b", "to"),
        (" 2 ", rf"{_OPEN_TO}2 (?=[a-z]+)(?!{_COUNTED}\b)", "to "),
        (" 4 ", r"\b4 (?=(?:my|your|our|his|her|their|me|mum|mom|dad)\b|(?:you|u|sale)\W*$)", "for "),
        ("y ", rf"^y (?={_AUX}\b)", "why "),
        ("bc ", r"\bbc(?= of\b)", "because"),
        ("kinda", r"\bkinda\b", "kind of"),
        (" on earth", r"\b(what|how|why|where|who|when) on earth\b", r"\1"),
        ("the he", r"\b(what|how|why|where|who|when) the (?:heck|hell)\b", r"\1"),
        ("gonna", r"\bgonna\b", "going to"),
        ("anna", r"\bwanna\b", "want to"),
        ("afta", r"\bhafta\b", "have to"),
        ("otta", r"\bgotta\b", "have to"),
        ("§", r"§ ?(?=\d)", "section "),
        ("no.", r"\bno\. ?(?=\d)", "number "),
        ("kph", r"\bkph\b", "km/h"),
        ("magnetic", r"\bmagnetic resonance imaging(?: scan)?\b", "MRI"),
        ("'s", r"\b((?-i:[IVX]{2,}))'s\b", r"\1"),
        (" + ", r"(?<=[a-z]{3}) \+ (?=[a-z]{3})", " and "),
        ("°", r"\bin °\s?c\b", "in celsius"),
        ("°", r"\bin °\s?f\b", "in fahrenheit"),
        ("in degrees", r"\bin degrees (?=celsius|fahrenheit)", "in "),
        ("dollar", r"\bu\.?s\.? dollars?\b", "USD"),
        ("dollar", r"\b(canad|austral)ian dollars?\b", lambda m: {"c": "CAD", "a": "AUD"}[m[1][0].lower()]),
        ("pounds", r"\bbritish pounds?\b", "GBP"),
        ("kron", r"\bdanish kron(?:e|er)\b", "DKK"),
        ("kron", r"\bswedish kron(?:a|or)\b", "SEK"),
        ("kron", r"\bnorwegian kron(?:e|er)\b", "NOK"),
        ("yen", r"\bjapanese yen\b", "JPY"),
        ("franc", r"\bswiss francs?\b", "CHF"),
        ("rupee", r"\bindian rupees?\b", "INR"),
        ("deoxy", r"\bdeoxyribonucleic acid\b", "DNA"),
        ("hypertext", r"\bhypertext markup language\b", "HTML"),
        ("unidentified", r"\bunidentified flying objects?\b", "UFO"),
        ("%", r"\bin %(?!\d)", "in percent"),
        ("%", r"(?<=\d) %", "%"),
        ("tn", r"(?<=\d) ?tn\b", " trillion"),
        ("minus", r"(?<!\d )\bminus (?=\d+ ?(?:degrees|°|[cf]\b))", "-"),
        ("it", r"\bwho (?:is|was) it (?:that|who)\b", "who"),
        ("in the w", r"\b(what|how|why) in the world\b", r"\1"),
        ("damn", r"\b(my|this|that) (?:god)?damn (?=[a-z])", r"\1 "),
        ("th c", r"(?<=\dth) c\.(?=\W|$)", " century"),
        ("yourself", r"\bdo[- ]it[- ]yourself\b", "DIY"),
        ("governmental", r"\bnon[- ]?governmental organi[sz]ation(s?)\b", r"NGO\1"),
        ("sterling", r"(?<=\d )pounds? sterling\b", "pounds"),
        ("about", r"\b(tell me) (?:a (?:little )?bit|a little|something)(?= about\b)", r"\1"),
        ("txt", r"(?<=\bi )txt\b|\btxt(?= (?:me|him|her|them|some|my)\b)", "text"),
        ("many ", r"(?<=\bhow many )g(?= of\b)", "grams"),
        ("many ", r"(?<=\bhow many )l(?= of\b)", "liters"),
        ("cos ", r"\bcos(?= (?:i|im|i'm|it|its|he|she|we|they|you|my|the)\b)", "because"),
        ("dunno", r"\b(?:i )?dunno\b", "I don't know"),
        ("ray", r"\bx[- ]ray", "xray"),
        ("home page", r"\bhome page", "homepage"),
        ("idk", r"\bidk\b", "I don't know"),
        ("ats ", r"\bw[au]ts\b", "what is"),
        ("hw ", r"\bhw(?= (?:do|does|did|can|much|many|long|to|u|you|r|are|is)\b)", "how"),
        ("ooo", r"\bsooo+\b", "so"),
        ("ill", r"\btill(?= (?:\d|noon|midnight))", "until"),
    )
)

_OF_WORDS: Final = re.compile(rf"\b(?:{'|'.join(sorted(OF_WORDS))})\b")


def write_shorthand_out(text: str) -> str:
    """The text with its shorthand in words, but where it asks about a word."""
    lower = text.lower()
    if _OF_WORDS.search(lower):
        return text
    for sign, pattern, name in _ROWS:
        if sign in lower:
            text = pattern.sub(name, text)
    return text

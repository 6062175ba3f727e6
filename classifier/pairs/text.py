"""A question as the checks see it: tokens with lemmas, numbers and classes, without greetings and politeness."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Final, Literal

from classifier.pairs import words as w
from classifier.pairs.amounts import join_amounts
from classifier.pairs.dress import undress
from classifier.pairs.frames import strip_politeness
from classifier.pairs.notation import one_notation
from classifier.pairs.numerals import read_digits, read_roman
from classifier.pairs.once import once
from classifier.pairs.shorthand import write_shorthand_out
from classifier.pairs.signs import OPEN, SHUT, mark_signs
from classifier.pairs.spelling import fold_accents, standard, write_out

Kind = Literal["word", "number", "code", "sign"]
_TOKEN: Final = re.compile(
    rf"{OPEN}[^{SHUT}]+{SHUT}|"
    r"(?<!\S)(?:--[A-Za-z][\w-]*|-[A-Za-z]{1,2}(?!\S))"  # a command's options
    r"|[$€£¥₹%]|(?<![\w)])(?<!\d )-(?=\d+(?:\.\d+)?(?!\w|[-/]))\d[\d,]*(?:\.\d+)?"
    r"|\d[\d,]*(?:\.\d+)?(?:st|nd|rd|th|k|m|bn|s)?(?![\w])|[A-Za-z]*\d[\w]*(?:[-/.]\w*\d\w*)*"
    r"|[^\W\d_]+(?:'[^\W\d_]+)*|[&#]",
    re.UNICODE,
)
_CODE_JOINT: Final = re.compile(r"\b([A-Za-z]{1,6})-(\d[\w]*)\b")
_RAISED: Final = re.compile(r"(?<=[\w)])[²³]")
_VULGAR: Final = re.compile(r"(?<=\d)(?=[½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞])")
_ACRONYM: Final = re.compile(r"\b[A-Za-z](?:\.[A-Za-z])+\b\.?")
_IN_BRACKETS: Final = re.compile(r"((?:\b[^\W\d_]+[ -]+){2,6})\(([A-Z]{2,6})s?\)")
# Each row is asked where its sign is in the lower-case text.
_SAME_PHRASES: Final = tuple(
    (sign, re.compile(pattern, re.IGNORECASE), name)
    for sign, pattern, name in (
        ("united states", r"\b(?:the )?united states(?: of america)?\b", "US"),
        ("usa", r"\busa\b", "US"),
        ("united kingdom", r"\b(?:the )?united kingdom\b", "UK"),
        ("great britain", r"\bgreat britain\b", "UK"),
        ("in order", r"\bin order to\b", "to"),
        ("list", r"\b(?:a |the )?lists? of (?=\w)", ""),
        ("second", r"\bsecond[- ]hand\b", "used"),
        ("world war", r"\bworld war (?:one|i|1)\b|\b(?:the )?first world war\b", "world war 1"),
        ("world war", r"\bworld war (?:two|ii|2)\b|\b(?:the )?second world war\b", "world war 2"),
        (
            "you",
            r"\b(?:do|would) you (?:think|say|guess|believe)\b|\b\(?in your (?:honest )?opinion\)?\b"
            r"|\baccording to you\b",
            "",
        ),
        ("rid of", r"\bget(?:ting)? rid of\b", "remove"),
        ("re-", r"\bre-(?=sign|cover|form|lease|sort|press|creat|mark|sent|store)", "again "),
        ("-", r"\b(co|e|re|pre|on|off|check|log|sign)-(?=[a-z])", r"\1"),
        ("non", r"\bnon[- ](?=[a-z]{3})", "non"),
        ("new york", r"\bnew york city\b", "New York"),
        ("nyc", r"\bnyc\b", "New York"),
        ("least ", r"\bleast (?:difficult|hard|demanding|challenging)\b", "easiest"),
        ("less ", r"\bless (?:difficult|hard|demanding|challenging)\b", "easier"),
        ("least ", r"\bleast (?:expensive|costly)\b", "cheapest"),
        ("less ", r"\bless (?:expensive|costly)\b", "cheaper"),
        (  # the best there is
            "t",
            r"(\b(?:the|your|my) (?:most|best|worst|top|greatest|favou?rite|\w{2,}est)\b[^?.,]*?) "
            r"(?:in the (?:whole |entire )?world|of all times?|on earth)\b",
            r"\1",
        ),
        ("same time", r"\bat the same time\b", "together"),
        (
            " the",
            r"\b(?:out of|of|from|among)(?: all)?(?: of)? the\b(?=[^,?.]*,? (?:which|what)\b)",
            "the",
        ),
        ("step", r"\bstep[- ]by[- ]step\b", "stepwise"),
        (" going to", r"\b(is|are) (it|he|she|they|we|you|there) going to\b", r"will \2"),
        (" going to", r"\b(?-i:(?:is|are|am) going to(?= [a-z]+))", "will"),
        ("possible", r"\bis it possible (?:for (?:me|us) )?to\b", "can I"),
        ("do ", r"^do (i|we|you) (?:have|need) to\b", r"must \1"),
        ("rs", r"\brs\.? ?(?=\d)|(?<=\d) ?rs\b\.?", " INR "),
    )
)
# Verbs that ask for the same text or list; read where a question, put aside its politeness, begins.
_REQUESTS: Final = tuple(
    (re.compile(rf"^(?:{pattern})", re.IGNORECASE), name)
    for pattern, name in (
        (r"(?:give|write|make|create|provide)(?: (?:me|us))?(?: (?:a|the))? summary of ", "Summarize "),
        (r"summari[sz]e ", "Summarize "),
        (r"(?:i need|i want|we need|i would like|i'd like)(?= (?:an?|some|\d+) )", "Write"),
        (r"(?:give|get|show|provide|write|create|draft|make|tell) (?:me|us)(?: with)?(?= (?:an?|some) )", "Write"),
        (
            r"(?:help me (?:to )?)?(?:draft|compose|create|make|generate|prepare|produce|come up with|write)"
            r"(?= (?:an?|some|\d+) )",
            "Write",
        ),
        (r"(?:give|show|provide|name|list|tell)(?: (?:me|us))?(?: with)?(?= \w)", "List"),
        (r"(?:describe|outline)(?= \w)", "Explain"),
        (
            r"(?:how (?:do|would|can|should) (?:you|i|we|one) (?:say|write)|what is|what's|what does) "
            r"(\"[^\"]+\") (?:mean )?in (?=[a-z]+\W*$)",
            r"Translate \1 into ",
        ),
        (r"(?:suggest|propose)(?: (?:me|us))?(?= \w)", "Recommend"),
    )
)
_ATTACHED_UNIT: Final = re.compile(
    r"(?<=\d)(?=(?:am|pm|kgs?|g|mg|lbs?|oz|kms?|cm|mm|ft|ml|l|hrs?|mins?|secs?|gb|mb|kb|tb|inch(?:es)?|foot|feet|(?:kilo|centi|milli)?(?:met(?:er|re)|lit(?:er|re)|gram|watt)s?|miles?|minutes?|hours?|days|weeks?"
    r"|months?|years?|volts?|percent|degrees|pounds?|dollars?|euros?|mph|kph|kw|usd|eur|gbp)\b)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Token:
    """One token. `norm` is the lower-case word or the number's value; `first` marks the start of a sentence."""

    surface: str
    norm: str
    kind: Kind
    content: bool
    capital: bool
    first: bool


@dataclass(frozen=True, slots=True)
class Parsed:
    """A parsed question: `tokens` without politeness, `lower` the whole text normalised and lower-cased, `written` the
    text as it came; `cased` if it begins with a capital and is not all capitals."""

    tokens: tuple[Token, ...]
    lower: str
    written: str
    cased: bool
    known: dict[Any, Any] = field(init=False, repr=False, compare=False, default_factory=dict)  # see `once`

    @once
    def norms(self) -> list[str]:
        """The norms of all tokens, in order."""
        return [token.norm for token in self.tokens]


def _same_request(text: str) -> str:
    """`Draft a letter`, `I need a letter` and `write me a letter` as one request."""
    for pattern, name in _REQUESTS:
        if pattern.match(text):
            return pattern.sub(name, text, count=1)
    return text


def _drop_initials(match: re.Match[str]) -> str:
    """`Digital Audio Workstation (DAW)` without the brackets if they hold the initials of the words before."""
    initials = "".join(word[0] for word in re.split(r"[ -]+", match[1].strip())).upper()
    return match[1] if initials.endswith(match[2]) else match[0]


def normalise(text: str) -> str:
    """Unicode-compatible form, plain quotes and dashes, single spaces."""
    if not text.isascii():  # `5²` and `1½` are not `52` and `11/2`
        text = _RAISED.sub(lambda m: f"^{'23'['²³'.index(m[0])]}", _VULGAR.sub(" ", text))
        text = unicodedata.normalize("NFKC", text).replace("⁄", "/")
    text = text.replace("’", "'").replace("‘", "'").replace("`", "'")
    text = re.sub(r"[‐-―]", "-", text)
    text = re.sub(r"\s+", " ", _ACRONYM.sub(lambda m: m[0].replace(".", ""), text))
    text = _IN_BRACKETS.sub(_drop_initials, text) if "(" in text else text
    text = write_shorthand_out(text)
    return re.sub(r"\s+", " ", _ATTACHED_UNIT.sub(" ", _with_one_phrase(text))).strip()


def _with_one_phrase(text: str) -> str:
    lower, plain = text.lower(), text.isascii()  # without regard to case `i` is more letters than two
    for sign, pattern, name in _SAME_PHRASES:
        if sign in lower or not plain:
            text = pattern.sub(name, text)
            lower = text.lower()
    return text


@lru_cache(maxsize=4096)  # the questions of one application are made of the same words
def _expand(word: str) -> list[str]:
    """Split contractions and abbreviations: `don't` to `do not`, `what's` to `what is`."""
    if word in w.CONTRACTIONS:
        return w.CONTRACTIONS[word].split()
    if "'" not in word:
        return [full] if (full := standard(word)) else []
    if word.endswith("n't"):
        return [word[:-3], "not"]
    for ending, full in (("'re", "are"), ("'ve", "have"), ("'ll", "will"), ("'m", "am"), ("'d", "would")):
        if word.endswith(ending):
            return [word[: -len(ending)], full]
    if word.endswith("'s"):
        stem = word[:-2]
        is_verb = stem in w.WH_WORDS or w.PRONOUNS.get(stem) in ("it", "he", "she")
        return [stem, "is"] if is_verb else [standard(stem)]
    word = standard(word.replace("'", ""))
    return [word] if word else []


_ORDERS: Final = {"1st": "first", "2nd": "second"}


@lru_cache(maxsize=4096)  # as above
def _classify(surface: str, norm: str, first: bool) -> Token:
    if surface[0] == OPEN:
        return Token(surface, norm[1:-1], "code", True, False, first)
    if surface in w.CURRENCY_SIGNS:
        return Token(surface, w.CURRENCY_SIGNS[surface], "sign", True, False, first)
    if norm in _ORDERS:
        return Token(surface, _ORDERS[norm], "word", True, False, first)
    if (value := read_digits(norm)) is not None:
        return Token(surface, value, "number", True, False, first)
    if norm.startswith("-"):  # a command's option
        return Token(surface, norm, "code", True, False, first)
    if not norm.isalpha() and any(c.isdigit() for c in norm):
        return Token(surface, re.sub(r"[-/.]", "", norm), "code", True, surface[:1].isupper(), first)
    if surface.isupper() and (value := read_roman(norm)) is not None:
        return Token(surface, value, "number", True, False, first)
    norm = "usa" if surface == "US" else norm
    content = norm not in w.FUNCTION_WORDS
    return Token(surface, norm, "word", content, surface[:1].isupper() and norm != "i", first)


_KEPT: Final = 2_048  # questions kept, with what was read of them: 4 kB each for a sentence of fourteen words
_KEPT_CHARS: Final = 500  # longer ones are parsed anew: one of 20,000 characters would hold 0.8 MB


def parse(text: str) -> Parsed:
    """Parse one question. Never fails; an empty text gives no tokens."""
    return _kept(text) if len(text) <= _KEPT_CHARS else _parsed(text)


@lru_cache(maxsize=_KEPT)
def _kept(text: str) -> Parsed:
    return _parsed(text)


def _parsed(written: str) -> Parsed:
    written = undress(written)
    text = normalise(written)
    lower = text.lower()
    plain = one_notation(write_out(fold_accents(text)))
    stripped = _CODE_JOINT.sub(r"\1\2", _same_request(strip_politeness(plain)))
    shouting = stripped.isupper()
    stripped = mark_signs(stripped)
    tokens: list[Token] = []
    end = 0
    for match in _TOKEN.finditer(stripped):
        gap = stripped[end : match.start()]
        first = not tokens or any(c in ".?!:" for c in gap)
        end = match.end()
        surface = match[0].lower() if shouting else match[0]
        for place, part in enumerate(filter(None, _expand(surface.lower()))):
            keep = surface if part == surface.lower() else part
            if place == 0 and surface[:1].isupper():
                keep = keep[:1].upper() + keep[1:]
            tokens.append(_classify(keep, part, first and place == 0))
    return Parsed(tuple(_label(join_amounts(tokens))), lower, written, text[:1].isupper() and not shouting)


def _label(tokens: list[Token]) -> list[Token]:
    """`Tank A`, `vitamin d`, `from A to Z`: letters that name something, though they look like an article or an ending
    that an apostrophe cut off."""
    if not any(token.norm in _MISTAKABLE for token in tokens):
        return tokens
    words = [token for token in tokens if len(token.norm) > 1 and not token.first]
    titled = 2 * sum(token.capital for token in words) > len(words)
    return [
        replace(token, content=True) if token.norm in _MISTAKABLE and _is_label(tokens, at, titled) else token
        for at, token in enumerate(tokens)
    ]


def _is_label(tokens: list[Token], at: int, titled: bool) -> bool:
    token, before = tokens[at], tokens[at - 1] if at else None
    following = tokens[at + 1] if at + 1 < len(tokens) and not tokens[at + 1].first else None
    if before is None or token.first:
        return False
    named = before.kind == "word" and before.content and before.norm not in w.LIGHT
    if token.norm == "a":
        closed = following is None or following.norm in _AFTER_LABEL
        return (token.capital and not titled) or ((named or before.norm in ("from", "to", "and", "or")) and closed)
    cut_off = before.norm.endswith("n") or (token.norm == "s" and following is not None and following.content)
    return token.capital or (named and not cut_off)


_MISTAKABLE: Final = w.word_set("a d m s t")
_AFTER_LABEL: Final = (w.PREPOSITIONS.keys() | w.AUXILIARIES.keys() | w.WH_WORDS | w.word_set("and or not")) - {"over"}

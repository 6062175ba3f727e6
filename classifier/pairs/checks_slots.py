"""Checks of what fills the places of a template, however it is worded. See `checks` for the contract.

The questions nearest to a new one of the same application ask the same of another thing, for another reader or
under another condition, and often in other words. So where both sides name something that nothing on the other side
may stand for, they ask for two things.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator
from typing import Final

from classifier.pairs import words as w
from classifier.pairs.lexicon import Lexicon
from classifier.pairs.pair import Pair, is_salient
from classifier.pairs.phrases import (
    POINTING,
    REQUEST,
    Phrase,
    akin,
    clauses_of,
    is_quality,
    is_thing,
    mean_the_same,
    names,
    phrases_of,
    stands_alone,
)
from classifier.pairs.text import Parsed, Token

_DEGREES: Final = w.word_set("more most less least fewer")  # left to the checks of degrees and scope
_COMPARING: Final = w.word_set("difference differences differ differs compare compares comparison compared versus vs")
_CHOOSING: Final = w.word_set("or better best different which")
_SURE: Final = 0.6  # word-vector cosine of nouns that replace each other
_QUALITY: Final = 0.35  # of adjectives before one noun
_SAME_ATTRIBUTE: Final = 0.75  # and of what a thing has: `revenue` and `profit` are at 0.73
_ALLOWED: Final = w.word_set("allow allowed permit permitted")
_PERSONS: Final = w.word_set("people person persons")
# Adverbs of place and manner, with what says the same.
_WHERE: Final = {
    "indoors": w.word_set("inside indoor"), "outdoors": w.word_set("outside outdoor"), "offline": w.word_set(""),
    "abroad": w.word_set("overseas foreign"), "overseas": w.word_set("abroad foreign"),
    "remotely": w.word_set("remote"), "manually": w.word_set("manual hand"), "locally": w.word_set("local"),
    "upstairs": w.word_set("above upper"), "downstairs": w.word_set("below lower"),
    "automatically": w.word_set("automatic"), "anonymously": w.word_set("anonymous"),
}  # fmt: skip
_IF: Final = w.word_set("if when while unless once")
_NARROWING: Final = w.word_set("for with without during as per by in on at from")


def check_contrast(pair: Pair) -> str | None:
    """Each side names a thing, or says of what kind one is, and the other has nothing that may stand for it."""
    kinds = (_things, _qualities, _deeds) if pair.asked_a == pair.asked_b == "yes_no" else (_things, _qualities)
    facing_a = _facing(pair.b, pair.alignment.only_b, pair.lexicon)
    facing_b = _facing(pair.a, pair.alignment.only_a, pair.lexicon)
    for kind in kinds:
        mine = kind(pair.a, pair.alignment.only_a, facing_a, pair.lexicon)
        yours = mine and kind(pair.b, pair.alignment.only_b, facing_b, pair.lexicon)
        if mine and yours:
            return f"{mine[0].norm} against {yours[0].norm}"
    return _other_kind(pair) or _other_attribute(pair)


def _things(parsed: Parsed, lone: tuple[int, ...], others: list[Token], lexicon: Lexicon) -> list[Token]:
    heads = [parsed.tokens[at] for at in _heads(parsed, lone, lexicon)]
    return [token for token in heads if token.norm not in _DEGREES and stands_alone(token, others, lexicon)]


def _facing(parsed: Parsed, lone: tuple[int, ...], lexicon: Lexicon) -> list[Token]:
    """The unmatched words that something on the other side may stand for: `margin` in `profit margin`, not `profit`."""
    modifiers = {at - 1 for at in lone if is_thing(parsed, at, lexicon)}
    tokens = [parsed.tokens[at] for at in lone if at not in modifiers]
    return [t for t in tokens if is_salient(t) and t.norm not in w.LIGHT and t.norm not in _ALLOWED]


def _qualities(parsed: Parsed, lone: tuple[int, ...], others: list[Token], lexicon: Lexicon) -> list[Token]:
    found = [parsed.tokens[at] for at in lone if is_quality(parsed.tokens[at], lexicon)]
    return [token for token in found if stands_alone(token, others, lexicon)]


def _deeds(parsed: Parsed, lone: tuple[int, ...], others: list[Token], lexicon: Lexicon) -> list[Token]:
    """Verbs that say what may be done: `may I sublet` is not `may I renovate`."""
    verbs = [parsed.tokens[at] for at in lone if _is_deed(parsed, at, lexicon)]
    said = [t for t in verbs if is_salient(t) and t.norm not in w.LIGHT and t.norm not in REQUEST | _ALLOWED]
    return [token for token in said if stands_alone(token, others, lexicon)]


def _is_deed(parsed: Parsed, at: int, lexicon: Lexicon) -> bool:
    led = at > 0 and parsed.tokens[at - 1].norm in ("i", "we", "you", "to")
    return lexicon.is_verb(parsed.tokens[at].norm) or (led and lexicon.may_be_verb(parsed.tokens[at].norm))


def _heads(parsed: Parsed, lone: Container[int], lexicon: Lexicon) -> list[int]:
    """Places of the unmatched nouns that end a phrase: `club` in `the chess club`, `guests` in `guests allowed`."""
    found = []
    for phrase in phrases_of(parsed):
        for at, after in zip(phrase.places, (*phrase.places[1:], None), strict=True):
            named = after is not None and parsed.tokens[after].norm in _PERSONS  # `retired people` are a kind of thing
            ends = after is None or _is_participle(parsed.tokens[after].norm, lexicon)
            if at in lone and (named or (ends and is_thing(parsed, at, lexicon))):
                found.append(at)
    return found


def _is_participle(word: str, lexicon: Lexicon) -> bool:
    return lexicon.is_verb(word) and (word.endswith("ed") or lexicon.is_irregular(word))


def _other_kind(pair: Pair) -> str | None:
    """`Remote workers` against `seasonal staff`: other words before a word that is matched."""
    only_a, only_b = set(pair.alignment.only_a), set(pair.alignment.only_b)
    for link in pair.alignment.links:
        one, other = link.a - 1, link.b - 1
        if not is_salient(pair.a.tokens[link.a]) or one not in only_a or other not in only_b:
            continue
        first, second = pair.a.tokens[one], pair.b.tokens[other]
        if _modifies(pair.a, one, pair.lexicon) and _modifies(pair.b, other, pair.lexicon):
            things = is_thing(pair.a, one, pair.lexicon) and is_thing(pair.b, other, pair.lexicon)
            if not akin(first.norm, second.norm, pair.lexicon, _SURE if things else _QUALITY):
                return f"{first.norm} against {second.norm} {pair.a.tokens[link.a].norm}"
    return None


def _modifies(parsed: Parsed, at: int, lexicon: Lexicon) -> bool:
    compound = at > 0 and is_salient(parsed.tokens[at - 1]) and is_salient(parsed.tokens[at])  # `part-time staff`
    before = parsed.tokens[at - 1].norm if at else ""
    led = (before in w.PREPOSITIONS and before != "to") or (
        at == 1 and before in w.AUXILIARIES
    )  # `does home insurance`
    named = names(parsed.tokens[at]) and (led or before in POINTING)
    return compound or named or is_thing(parsed, at, lexicon) or is_quality(parsed.tokens[at], lexicon)


def _other_attribute(pair: Pair) -> str | None:
    """`The depth of the canal` against `the width of the canal`: near in meaning is not enough before `of`."""
    links = {(link.a, link.b) for link in pair.alignment.links}
    for one in pair.alignment.only_a:
        for other in pair.alignment.only_b:
            first, second = pair.a.tokens[one], pair.b.tokens[other]
            if (_owner(pair.a, one), _owner(pair.b, other)) not in links or not (names(first) and names(second)):
                continue
            if not akin(first.norm, second.norm, pair.lexicon, _SAME_ATTRIBUTE):
                return f"{first.norm} against {second.norm} of the same thing"
    return None


def _owner(parsed: Parsed, at: int) -> int | None:
    """The thing after `of`."""
    if [token.norm for token in parsed.tokens[at + 1 : at + 2]] != ["of"]:
        return None
    return next((i for i in range(at + 2, min(at + 5, len(parsed.tokens))) if is_salient(parsed.tokens[i])), None)


def _is_instruction(parsed: Parsed, asked: str, lexicon: Lexicon) -> bool:
    head = parsed.tokens[0]
    verb = head.norm in REQUEST or (head.content and lexicon.may_be_verb(head.norm))
    return asked == "none" and verb and len(parsed.tokens) > 2


def check_instruction(pair: Pair) -> str | None:
    """What is to be written is told word by word: each word of an instruction needs one that may stand for it."""
    sides = ((pair.a, pair.asked_a), (pair.b, pair.asked_b))
    if not any(_is_instruction(parsed, asked, pair.lexicon) for parsed, asked in sides):
        return None
    strict = "yes_no" in (pair.asked_a, pair.asked_b)  # `explain the rule` is not `is the rule kept`
    for parsed, lone, other in _both_ways(pair):
        for at in lone:
            token = parsed.tokens[at]
            if token.kind != "word" or not is_salient(token) or _says_little(parsed, at, lone, pair.lexicon, strict):
                continue
            if stands_alone(token, other.tokens, pair.lexicon, _SURE):
                return f"only one side says {token.norm}"
    return None


def _both_ways(pair: Pair) -> Iterator[tuple[Parsed, tuple[int, ...], Parsed]]:
    """Each question with its unmatched places and the other question."""
    yield pair.a, pair.alignment.only_a, pair.b
    yield pair.b, pair.alignment.only_b, pair.a


def _says_little(parsed: Parsed, at: int, lone: tuple[int, ...], lexicon: Lexicon, strict: bool) -> bool:
    """A light word, the verb of the request, or what a name is anyway (`the Fall term`)."""
    token = parsed.tokens[at]
    named = at > 0 and at - 1 not in lone and parsed.tokens[at - 1].capital and not parsed.tokens[at - 1].first
    said = token.norm in w.LIGHT or token.norm in REQUEST or token.norm in w.SCOPE_WORDS or token.norm in _DEGREES
    return said or (lexicon.is_verb(token.norm) and not strict) or (named and not lexicon.is_adjective(token.norm))


def check_statement(pair: Pair) -> str | None:
    """A statement that only one side has and that says something: what is known changes what is advised."""
    for parsed, lone, _ in _both_ways(pair):
        clauses = clauses_of(parsed)
        for places in clauses if len(clauses) > 1 else ():
            head = parsed.tokens[places[0]].norm
            said = [at for at in places if is_salient(parsed.tokens[at]) and parsed.tokens[at].norm not in w.LIGHT]
            asks = head in w.WH_WORDS or head in w.AUXILIARIES
            if len(places) > 2 and said and not asks and all(at in lone for at in said):
                return f"only one side says that {' '.join(parsed.tokens[at].norm for at in places)}"
    return None


def check_comparison(pair: Pair) -> str | None:
    """How a thing differs from another is not what it is."""
    one, other = ({*p.norms()} for p in (pair.a, pair.b))
    if bool(one & _COMPARING) == bool(other & _COMPARING) or _CHOOSING & (one ^ other):
        return None
    return f"{sorted((one | other) & _COMPARING)[0]} on one side only"


_REGARDLESS: Final = re.compile(r"\b(?:whether or not|regardless|no matter)\b")
_PROVIDED: Final = re.compile(r"\b(?:provided|providing|if|unless|as long as)\b")


def check_joining(pair: Pair) -> str | None:
    """`A and B` against `A or B`, and against `A B` (`peanuts and butter`), where nothing else is asked."""
    if pair.lone_a() or pair.lone_b():
        return None
    joined = sorted("".join(word for word in ("and", "or") if word in p.norms()) for p in (pair.a, pair.b))
    if joined == ["", "and"] and (one := next(iter(_in_one(pair)), "")):
        return f"{one} joined by and on one side only"
    return "and against or" if joined == ["and", "or"] else None


def _in_one(pair: Pair) -> Iterator[str]:
    """Words before and behind an `and` that stand beside each other without it on the other side."""
    links = pair.alignment.links
    sides = (pair.a, pair.b, {x.a: x.b for x in links}), (pair.b, pair.a, {x.b: x.a for x in links})
    for parsed, beside, matches in sides:
        for at, token in enumerate(parsed.tokens):
            after = next((i for i in (at + 1, at + 2) if i in matches and is_salient(parsed.tokens[i])), 0)
            if token.norm == "and" and after and at - 1 in matches and matches[after] == matches[at - 1] + 1:
                first, second = (beside.tokens[matches[at_]].surface.lower() for at_ in (at - 1, after))
                if f"{first} {second}" in beside.lower:
                    yield f"{first} {second}"


def check_condition(pair: Pair) -> str | None:
    """A phrase with `for`, `with`, `during` ..., or an adverb of place, that nothing on the other side stands for."""
    texts = sorted(((" ".join(p.norms())) for p in (pair.a, pair.b)), key=lambda text: _REGARDLESS.search(text) is None)
    if _REGARDLESS.search(texts[0]) and not _REGARDLESS.search(texts[1]) and _PROVIDED.search(texts[1]):
        return "in any case against on a condition"
    for parsed, lone, other in _both_ways(pair):
        for at in lone:
            if parsed.tokens[at].norm in _WHERE and not _WHERE[parsed.tokens[at].norm] & {*other.norms()}:
                return f"only one side says {parsed.tokens[at].norm}"
        for phrase in phrases_of(parsed):
            if phrase.lead in _NARROWING and _is_news(parsed, phrase, lone, other, pair.lexicon):
                said = " ".join(parsed.tokens[at].norm for at in phrase.places)
                return f"only one side says {phrase.lead} {said}"
    return _other_case(pair)


def _other_case(pair: Pair) -> str | None:
    """`If my train is late` against `when I lose my ticket`: clauses of which nothing is the same."""
    mine, yours = _clause(pair.a), _clause(pair.b)
    said_a = [pair.a.tokens[at] for at in mine if is_salient(pair.a.tokens[at])]
    said_b = [pair.b.tokens[at] for at in yours if is_salient(pair.b.tokens[at])]
    linked = any(x.a in mine and x.b in yours and is_salient(pair.a.tokens[x.a]) for x in pair.alignment.links)
    if not said_a or not said_b or linked:
        return None
    if any(mean_the_same(one.norm, other.norm, pair.lexicon) for one in said_a for other in said_b):
        return None
    return f"if {said_a[0].norm} against if {said_b[0].norm}"


def _clause(parsed: Parsed) -> range:
    """The places behind `if`, or `when` where it asks nothing, up to the question."""
    norms = parsed.norms()
    for at, norm in enumerate(norms):
        asks = norm == "when" and (at == 0 or norms[at + 1 : at + 2] == [] or norms[at + 1] in w.AUXILIARIES)
        if norm in _IF and not asks:
            ends = (i for i in range(at + 1, len(norms)) if norms[i] in w.WH_WORDS or parsed.tokens[i].first)
            return range(at + 1, next(ends, len(norms)))
    return range(0)


def _is_news(parsed: Parsed, phrase: Phrase, lone: tuple[int, ...], other: Parsed, lexicon: Lexicon) -> bool:
    tokens = [parsed.tokens[at] for at in phrase.places]
    if not all(at in lone for at in phrase.places) or not is_thing(parsed, phrase.places[-1], lexicon):
        return False
    gerund = tokens[0].norm.endswith("ing") and phrase.lead not in ("with", "without")
    return not gerund and all(stands_alone(token, other.tokens, lexicon) for token in tokens)

"""The check of the question words: who, when, why, how many, whether. See `checks` for the contract."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from classifier.pairs import words as w
from classifier.pairs.pair import Pair, is_salient
from classifier.pairs.phrases import stands_alone
from classifier.pairs.text import Parsed
from classifier.pairs.wh import AFTER_HOW, compatible


def check_wh_word(pair: Pair) -> str | None:
    """Who, when, where, why and how many ask for different things."""
    one, other = pair.asked_a, pair.asked_b
    if not compatible(one, other):
        return f"asks {one} against {other}"
    small = not pair.lone_a() and not pair.lone_b()
    if (
        small
        and one != other
        and "none" not in (one, other)
        and {one, other} != {"how", "what"}
        and not (pair.asks_for_list() or {one, other} == {"how", "where"} or _is_how_do_i(pair))
    ):
        return f"asks {one} against {other}, all else equal"
    for check in (_asks_whether, _asks_why, _asks_which, _asks_leave):
        if (reason := check(pair)) is not None:
            return reason
    shared = sum(is_salient(pair.a.tokens[x.a]) for x in pair.alignment.links)
    alone = shared >= _MUCH and bool(pair.lone_a()) != bool(pair.lone_b())
    if alone and one != other and not {"none", "yes_no"} & {one, other} and {one, other} not in _FORMS_OF_HOW:
        added = [t for t in (*pair.lone_a(), *pair.lone_b()) if t.norm not in w.LIGHT]
        if added:
            return f"asks {one} against {other}, and only one side says {added[0].norm}"
    return None


def _asks_whether(pair: Pair) -> str | None:
    """`How can I get a permit` beside `can I get a permit by post`: only one side names a way or place."""
    if {pair.asked_a, pair.asked_b} != {"how", "yes_no"} or bool(pair.lone_a()) == bool(pair.lone_b()):
        return None
    told = [t for t in (*pair.lone_a(), *pair.lone_b()) if t.norm not in w.LIGHT]
    if len(told) <= _FEW and not all(pair.lexicon.is_verb(t.norm) for t in told):
        return f"asks {pair.asked_a} against {pair.asked_b}, and only one side says {told[0].norm}"
    return None


def _asks_which(pair: Pair) -> str | None:
    """`Which licence do I need` beside `may I rent a van`, `what can I do about mice` beside `are there mice`: whether
    something is so tells neither which thing nor what to do."""
    for asked, against, parsed, lone, other in (
        (pair.asked_a, pair.asked_b, pair.a, pair.alignment.only_a, pair.b),
        (pair.asked_b, pair.asked_a, pair.b, pair.alignment.only_b, pair.a),
    ):
        if against != "yes_no" or asked not in ("what", "how"):
            continue
        for at in _told_by_which(parsed) if asked == "what" else ():
            if at in lone and stands_alone(parsed.tokens[at], other.tokens, pair.lexicon):
                return f"asks which {parsed.tokens[at].norm} against whether something is so"
        norms = parsed.norms()
        if asked == "how" and norms[0] == "what" and "do" in norms[1:4] and not _HELPING & {*other.norms()[1:]}:
            return "asks what to do against whether something is so"
    return None


_ALLOWED: Final = w.word_set("may can could allowed permitted able")
_OBLIGED: Final = w.word_set("must necessary required obliged")


def _asks_leave(pair: Pair) -> str | None:
    """Whether, when or what one may is not whether, when or what one must."""
    if pair.asked_a != pair.asked_b or pair.asked_a in ("how", "where", "why", "none"):
        return None
    sides = [
        (bool(_ALLOWED & norms), bool(_OBLIGED & norms) or "have to" in text or "has to" in text)
        for norms, text in (({*p.norms()}, " ".join(p.norms())) for p in (pair.a, pair.b))
    ]
    return "whether one may against whether one must" if sorted(sides) == [(False, True), (True, False)] else None


def _told_by_which(parsed: Parsed) -> Iterator[int]:
    """The last word of the phrase after `which` or `what`, and what it is said to be: `films` and `sold` in `which new
    films are sold out`."""
    asked = next((at for at, token in enumerate(parsed.tokens[:5]) if token.norm in ("which", "what")), None)
    last = asked if asked is not None else len(parsed.tokens)
    while last + 1 < len(parsed.tokens) and is_salient(parsed.tokens[last + 1]):
        last += 1
    if asked is None or last == asked:
        return
    predicate = last + 2 if [t.norm for t in parsed.tokens[last + 1 : last + 2]] in (["is"], ["are"]) else last
    for at in {last, predicate}:
        if at < len(parsed.tokens) and is_salient(parsed.tokens[at]) and parsed.tokens[at].norm not in w.LIGHT:
            yield at


_HELPING: Final = w.word_set("do help fix treat solve stop prevent cure")


def _asks_why(pair: Pair) -> str | None:
    """`Why did rents fall` beside `what were the rents`: what happened stands on one side only."""
    if _asks_what_to_do(pair.a) != _asks_what_to_do(pair.b) and _is_why(pair.a, pair.asked_a) != _is_why(
        pair.b, pair.asked_b
    ):
        return "asks what to do against why"
    whys = [_is_why(parsed, asked) for parsed, asked in ((pair.a, pair.asked_a), (pair.b, pair.asked_b))]
    if whys[0] == whys[1]:
        return None
    told = [[t for t in lone if t.norm not in _SAID_WITH_WHY] for lone in (pair.lone_a(), pair.lone_b())]
    if all(told) or not any(told):
        return None
    return f"only one side asks why, and only one says {(told[0] or told[1])[0].norm}"


def _asks_what_to_do(parsed: Parsed) -> bool:
    norms = parsed.norms()
    return norms[0] == "what" and "do" in norms[2:5]


def _is_why(parsed: Parsed, asked: str) -> bool:
    """`What made rents fall` asks why, too."""
    norms = parsed.norms()
    return asked == "why" or (norms[0] == "what" and bool({*norms[1:2]} & {"made", "makes", "caused", "causes"}))


_REASONS: Final = w.word_set("made makes caused causes cause make purpose wrong reason reasons leads lead led")
_SAID_WITH_WHY: Final = w.LIGHT | _REASONS | AFTER_HOW.keys()
_FEW: Final = 2  # words more; with many of them the wording is another one as a whole
_MUCH: Final = 4  # shared content words that say about whom or what both ask
_FORMS_OF_HOW: Final = ({"how", "what"}, {"how", "where"})


def _is_how_do_i(pair: Pair) -> bool:
    """`Is it possible to ..., and how?` beside `how do I ...`."""
    return (
        pair.asked_a in ("how", "yes_no")
        and pair.asked_b in ("how", "yes_no")
        and all("how" in p.norms() for p in (pair.a, pair.b))
    )

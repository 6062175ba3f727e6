"""Checks of what is left unmatched: names, function words, one word exchanged or added.

See `checks` for the contract.
"""

from __future__ import annotations

from typing import Final

from classifier.pairs import words as w
from classifier.pairs.align import match_score
from classifier.pairs.lexicon import Lexicon
from classifier.pairs.once import once
from classifier.pairs.pair import Edit, Pair, is_salient, speaks
from classifier.pairs.phrases import PRAISE
from classifier.pairs.relations import is_aim_as_doing
from classifier.pairs.text import Parsed, Token


def is_name(token: Token, lexicon: Lexicon) -> bool:
    """Capitalised inside a sentence, known only as a name, or a word that no dictionary knows."""
    if token.kind != "word" or not token.content or token.norm in w.FILLERS or token.norm in w.UNITS:
        return False
    if token.capital and not token.first:
        return True
    return lexicon.is_name(token.norm) or not lexicon.knows(token.norm)


def check_entities(pair: Pair) -> str | None:
    """A name on one side needs its counterpart on the other."""
    titled = _is_titled(pair.a) or _is_titled(pair.b)
    for mine, yours in ((pair.lone_a(), pair.lone_b()), (pair.lone_b(), pair.lone_a())):
        for token in mine:
            named = is_name(token, pair.lexicon) if not titled else pair.lexicon.is_name(token.norm)
            if named and not any(_same_name(token, other, pair) for other in yours):
                return f"name {token.surface} has no counterpart"
    return None


def _same_name(token: Token, other: Token, pair: Pair) -> bool:
    """Derived forms (`India`, `Indian`) and initials share their start."""
    one, two = sorted((token.norm, other.norm), key=len)
    return match_score(token, other, pair.lexicon) > 0 or (len(one) >= 4 and two.startswith(one[:-1]))


@once
def _is_titled(parsed: Parsed) -> bool:
    """Most words are capitalised, so that capitals say nothing."""
    content = [t for t in parsed.tokens if t.kind == "word" and t.content]
    return len(content) >= 4 and sum(t.capital for t in content) > 0.7 * len(content)


def _word_class(token: Token, how: bool) -> str:
    """What a function word contributes; empty for the ones that contribute nothing."""
    norm = token.norm
    if norm in w.ARTICLES or norm in w.FILLERS or norm in w.PLAIN_CONJUNCTIONS or norm in w.WH_WORDS:
        return ""
    if norm in w.QUANTIFIERS_WEAK:
        return ""
    if norm in w.NEGATORS:
        return "not"
    if norm in w.AUXILIARIES:
        tense = w.AUXILIARIES[norm]
        return (
            ""
            if tense == "present" or (how and tense in ("can", "should", "would", "may", "must"))
            else f"tense {tense}"
        )
    if norm in w.PRONOUNS:
        person = w.PRONOUNS[norm]
        if person == "it" or (how and person in ("generic", "first")):
            return ""
        return f"person {person}" if person not in ("generic", "first") or norm in _POSSESSIVES else "person any"
    name = w.PREPOSITIONS.get(norm, norm)
    return "" if name == "plain" else name


def _exchanged(pair: Pair) -> str | None:
    """The only difference is a function word put in another's place: both must belong to one class."""
    places = [e for e in pair.edits if e.only_a and e.only_b]
    if len(places) != 1 or not pair.is_one_edit():
        return None
    how = pair.asked_a == pair.asked_b == "how"
    one, other = ({_place_of(t, how) for t in side} - {""} for side in (places[0].only_a, places[0].only_b))
    if how and (
        "asking" in one ^ other or one | other == {"to", "anyone"}
    ):  # `how to` and `is there any way to` beside `how can I`
        one, other = (side - {"asking", "anyone", "any", "to"} for side in (one, other))
    if one | other == {"to", "plain"} and is_aim_as_doing(pair):
        return None
    return f"{sorted(one)} exchanged for {sorted(other)}" if one and other and one != other else None


def _place_of(token: Token, how: bool) -> str:
    """The class of a function word for which another may stand; the word itself if it has none."""
    norm = token.norm
    if norm in ("want", "need"):  # `have to` is `need to`, not `want to`
        return "want" if norm == "want" else "asking" if how else "present"
    if norm in w.ARTICLES or norm in w.FILLERS:
        return ""
    if norm in w.AUXILIARIES:
        tense = w.AUXILIARIES[norm]
        return "asking" if how and tense in ("present", "can", "should", "would") else tense
    if norm in ("i", "you", "we", "one", "u"):
        return "anyone"
    if norm in ("which", "what", "that"):
        return "which"
    for table in (w.PRONOUNS, w.PREPOSITIONS, w.QUANTIFIERS_WEAK):
        if norm in table:
            return table[norm]
    return "not" if norm in w.NEGATORS else norm


_TURNING: Final = w.word_set("from_ before after above below inside outside against than")
_POSSESSIVES: Final = w.word_set("my mine our ours your yours")


def check_function_words(pair: Pair) -> str | None:
    """Where all content is matched, differing tense, mood, person or preposition makes another question."""
    if pair.lone_a() or pair.lone_b():
        return None
    if (exchange := _exchanged(pair)) is not None:
        return exchange
    how = pair.asked_a == "how" and pair.asked_b == "how"
    only_a = {c for i in pair.alignment.only_a if (c := _word_class(pair.a.tokens[i], how))}
    only_b = {c for j in pair.alignment.only_b if (c := _word_class(pair.b.tokens[j], how))}
    if "person any" in only_a & only_b:  # I and my became you and your
        only_a, only_b = (s - {"person first", "person generic"} for s in (only_a, only_b))
    if not (only_a | only_b) & _TURNING:  # `what should I do to` beside `how do I`
        only_a, only_b = only_a - {"to"}, only_b - {"to"}
    if {pair.asked_a, pair.asked_b} == {"where"} or {pair.asked_a, pair.asked_b} == {"what"}:
        only_a, only_b = (s - {"tense can", "tense should"} for s in (only_a, only_b))
    if pair.moved:  # active and passive
        only_a, only_b = only_a - {"by"}, only_b - {"by"}
    if pair.names_time() or {pair.asked_a, pair.asked_b} <= {
        "how_long",
        "how_much",
    }:  # what is offered next term will be offered next term
        only_a, only_b = only_a - {"tense future"}, only_b - {"tense future"}
    if only_a != only_b and ((only_a and only_b) or _weighty(only_a | only_b)):
        return f"{sorted(only_a) or 'nothing'} against {sorted(only_b) or 'nothing'}"
    return None


def _weighty(classes: set[str]) -> bool:
    """Classes whose mere absence changes a question; a bare pronoun or `to` may be left out."""
    return any(not c.startswith("person") and c not in ("to", "tense can", "or") for c in classes)


def _harmless(token: Token) -> bool:
    return not is_salient(token) or token.norm in w.LIGHT


def check_substitution(pair: Pair) -> str | None:
    """A word exchanged in place, between equal neighbours, for one that is not known to mean the same."""
    if not pair.is_small_edit():
        return None
    for edit in pair.edits:
        mine, yours = edit.content_a(), edit.content_b()
        if not mine or not yours or all(_harmless(t) for t in (*mine, *yours)):
            continue
        if _is_exchange(edit) and (pair.is_one_edit() or not _may_mean_the_same(mine, yours, pair.lexicon)):
            return f"{' '.join(t.norm for t in mine)} exchanged for {' '.join(t.norm for t in yours)}"
    return None


def check_frame(pair: Pair) -> str | None:
    """Sentences of one form, as templates give, with other words in some places (`explain the cost of it to a nurse,
    briefly` and `explain the use of it to a nurse, as a list`): a paraphrase seldom keeps the frame. In one place
    something near in meaning may stand, in several nothing that is no synonym."""
    places = _exchanged_in_frame(pair)
    for edit in places:
        mine, yours = edit.content_a(), edit.content_b()
        for token, others in [*((t, yours) for t in mine), *((t, mine) for t in yours)]:
            if not _harmless(token) and (len(places) > 1 or not _may_mean_the_same([token], others, pair.lexicon)):
                return f"{token.norm} in the place of {' '.join(t.norm for t in others) or 'other words'}"
    return None


def _exchanged_in_frame(pair: Pair) -> list[Edit]:
    """The exchanges, where beginning and order are the same and nothing is added but a function word."""
    links = pair.alignment.links
    if any(is_salient(t) for t in pair.moved) or not any((link.a, link.b) == (0, 0) for link in links):
        return []
    if sum(is_salient(pair.a.tokens[link.a]) for link in links) < _FRAME:
        return []
    exchanges = []
    for edit in pair.edits:
        sides = [[t for t in side if speaks(t)] for side in (edit.only_a, edit.only_b)]
        if all(sides) and (edit.content_a() or edit.content_b()):
            exchanges.append(edit)
        elif edit.content_a() or edit.content_b() or (sum(map(len, sides)) > 1 and len(sides[0]) != len(sides[1])):
            return []
    return exchanges if any(e.content_a() and e.content_b() for e in exchanges) else []


_FRAME: Final = 2  # content words that stay


def _may_mean_the_same(mine: list[Token], yours: list[Token], lexicon: Lexicon) -> bool:
    """Near in meaning and not two kinds of one thing: left to the scorer where the wording differs elsewhere too."""
    return any(
        lexicon.similarity(one.norm, other.norm) >= _NEAR_ENOUGH and not lexicon.siblings(one.norm, other.norm)
        for one in mine
        for other in yours
    )


def _is_exchange(edit: Edit) -> bool:
    return max(len(edit.content_a()), len(edit.content_b())) <= 2


_NEAR_ENOUGH: Final = 0.3  # word-vector cosine: below it words seldom replace each other
_REQUESTS: Final = w.word_set("list write explain")  # what the requests for a text or a list are read as
# What a form of question implies anyway: `how do I` the easy way, `how many` the number.
_IMPLIED: Final = {
    "how": w.word_set("easiest easy easily simplest simple effective efficient"),
    "how_many": w.word_set("number"),
}


def _is_redundant(token: Token, other: Parsed, lexicon: Lexicon) -> bool:
    """Whether the other question says the same with a word that is already matched (`legal` beside `legally`)."""
    return any(match_score(token, o, lexicon) > 0 for o in other.tokens if is_salient(o) and o.kind == "word")


def _asks_way(pair: Pair) -> bool:
    """How to do something, or what there is: a light word more says the same (`find ways`, `offered`)."""
    return pair.asked_a in ("how", "what") or pair.asks_for_list()


def check_insertion(pair: Pair) -> str | None:
    """A salient word added in one place while all else is matched, or while only the form of asking differs."""
    lone_a, lone_b = pair.lone_a(), pair.lone_b()
    if bool(lone_a) == bool(lone_b):
        return None
    if not pair.is_one_edit():
        return _narrowed(pair)
    other = pair.b if lone_a else pair.a
    asked = pair.asked_a if pair.asked_a == pair.asked_b else ""
    repeated = max(len(lone_a), len(lone_b)) == 1
    added = [
        t
        for t in (*lone_a, *lone_b)
        if is_salient(t)
        and not (t.norm in w.LIGHT and _asks_way(pair))
        and not (t.norm in _REQUESTS and t.first)
        and not (repeated and _is_redundant(t, other, pair.lexicon))
        and t.norm not in _IMPLIED.get(asked, frozenset())
    ]
    return f"only one side says {' '.join(t.norm for t in added)}" if added else None


def _narrowed(pair: Pair) -> str | None:
    """`How can I fix a laptop` beside `how do I fix a laptop after an update`: the form may differ, and one side adds
    a phrase with a preposition (a condition, place, time or purpose) or an adjective, which narrows the question."""
    places = [e for e in pair.edits if e.content_a() or e.content_b()]
    if len(places) != 1 or pair.asked_a != pair.asked_b or any(is_salient(t) for t in pair.moved):
        return None
    tokens = [t for t in (*places[0].only_a, *places[0].only_b) if t.norm not in w.LIGHT]
    phrase = any(t.norm in w.PREPOSITIONS and t.norm not in ("of", "to") for t in tokens)
    other = pair.b if pair.lone_a() else pair.a
    for token in tokens:
        narrows = phrase or (pair.lexicon.may_be_adjective(token.norm) and token.norm not in PRAISE)
        implied = token.norm in _IMPLIED.get(pair.asked_a, frozenset())
        if is_salient(token) and narrows and not implied and not _is_redundant(token, other, pair.lexicon):
            return f"only one side says {token.norm}"
    return None

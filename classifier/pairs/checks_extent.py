"""Checks of how far a word reaches: one or the whole set, and what `only` or `even` is said of. See `checks`."""

from __future__ import annotations

from typing import Final, Literal

from classifier.pairs import words as w
from classifier.pairs.lexicon import Lexicon
from classifier.pairs.once import once
from classifier.pairs.pair import Pair, is_salient
from classifier.pairs.phrases import POINTING, stands_alone
from classifier.pairs.text import Parsed

Extent = Literal["one", "set", ""]
_ONE: Final = w.word_set("a an one single 1 individual another")
_THIS_ONE: Final = w.word_set("this that")
_DEFINITE: Final = w.word_set(
    "the my our your his her their its these those both all every s several few some many most"
)
_POSSESSIVE: Final = w.word_set("my our your his her their these those all several few some many most both")
_WHOLE: Final = w.word_set("whole entire complete full all")
# Of these the singular and the plural ask for the same.
_ASKED_AS_ONE: Final = w.LIGHT | w.FILLERS | w.word_set("symptom side effect benefit advantage disadvantage way")
_CONTENTS: Final = w.word_set(  # nouns before `of` that name no part and no amount of what follows
    "kind kinds type types sort sorts form forms number amount list lot lots copy name cost price way piece brand "
    "example case couple pair means source matter sign waste cup glass picture photo bit average total variety range"
)
_BE: Final = w.word_set("is are was were be been am")
_SPAN: Final = 5  # words between an article and the noun


def check_extent_of_set(pair: Pair) -> str | None:
    """`A photo` against `my photos`, `one volume of the set` against `the whole set`."""
    listing = pair.list_head()
    for link in pair.alignment.links:
        first, second = pair.a.tokens[link.a], pair.b.tokens[link.b]
        if first.kind != "word" or not is_salient(first) or first.norm in _ASKED_AS_ONE or link.a == listing:
            continue
        if pair.lexicon.is_verb(first.norm) and first.norm == second.norm:
            continue
        one, other = extent_of(pair.a, link.a, pair.lexicon), extent_of(pair.b, link.b, pair.lexicon)
        if one and other and one != other:
            return f"one against several or the whole: {first.norm}, {second.norm}"
    return _part_of(pair)


@once
def extent_of(parsed: Parsed, at: int, lexicon: Lexicon) -> Extent:
    """Whether a noun names one thing or a definite set or whole of them; empty for neither (`photos`, `the photo`)."""
    place, whole = at - 1, False
    while place >= max(0, at - _SPAN) and is_salient(parsed.tokens[place]) and not parsed.tokens[place + 1].first:
        norm = parsed.tokens[place].norm
        if norm in _ONE:
            break
        whole = whole or norm in _WHOLE
        place -= 1
    before = parsed.tokens[place].norm if place >= 0 else ""
    if whole or before in _WHOLE:
        return "set"
    plural = is_plural(parsed.tokens[at].norm, lexicon)
    if _is_partitive(parsed, place):
        return "one"
    if not plural and place > 0 and _is_predicate(parsed, place):
        return ""
    if not plural:
        return "one" if before in _ONE or before in _THIS_ONE else ""
    return "set" if before in _DEFINITE else ""


def _is_predicate(parsed: Parsed, article: int) -> bool:
    """`Is India an ally` beside `are they allies`."""
    before = parsed.tokens[article - 1]
    return before.norm in _BE or (parsed.tokens[0].norm in _BE and is_salient(before) and before.kind == "word")


def _is_partitive(parsed: Parsed, place: int) -> bool:
    """`One of the`, `each of the`."""
    norms = parsed.norms()[max(0, place - 2) : place]
    return norms[-1:] == ["of"] and bool({*norms[:-1]} & {"one", "each", "1"})


def is_plural(word: str, lexicon: Lexicon) -> bool:
    """Whether a noun is in the plural."""
    return (
        word.endswith("s")
        and not word.endswith(("ss", "us", "is"))
        and word[:-1] != ""
        and any(lemma != word and len(lemma) < len(word) for lemma in lexicon.lemmas(word))
    )


def _part_of(pair: Pair) -> str | None:
    """`A slice of the cake` against `the cake`: only one side names a part, a container or an amount of the same."""
    for parsed, lone, other, other_lone in (
        (pair.a, pair.alignment.only_a, pair.b, pair.alignment.only_b),
        (pair.b, pair.alignment.only_b, pair.a, pair.alignment.only_a),
    ):
        facing = [other.tokens[at] for at in other_lone]
        for at in lone:
            token = parsed.tokens[at]
            if not 0 < at < len(parsed.tokens) - 2 or parsed.tokens[at + 1].norm != "of":
                continue
            if token.kind != "word" or not is_salient(token) or token.norm in _CONTENTS | w.LIGHT:
                continue
            if parsed.tokens[at - 1].norm in _ONE and stands_alone(token, facing, pair.lexicon):
                return f"only one side says {token.norm} of"
    return None


# Particles that are said of what stands beside them.
_FOCUS: Final = w.word_set("only solely exclusively merely purely even just")


def check_focus(pair: Pair) -> str | None:
    """`Only members pay` against `members pay only for the sauna`: of what `only` is said."""
    for word in _FOCUS & {*pair.a.norms()} & {*pair.b.norms()}:
        at, other = pair.a.norms().index(word), pair.b.norms().index(word)
        one, two = _said_of(pair.a, at, pair.lexicon), _said_of(pair.b, other, pair.lexicon)
        links = {link.a: link.b for link in pair.alignment.links}
        known = one & links.keys() and two & {*links.values()}
        if known and not any(links.get(x) in two for x in one):
            return f"{word} of {pair.a.tokens[min(one)].norm} against {word} of {pair.b.tokens[min(two)].norm}"
    return None


def _said_of(parsed: Parsed, at: int, lexicon: Lexicon) -> set[int]:
    """The places of the words that the particle may be said of: the next one, or the one before where a phrase ends;
    before a verb, all that follows."""
    rest = [i for i in range(at + 1, len(parsed.tokens)) if is_salient(parsed.tokens[i])]
    before = [i for i in range(at) if is_salient(parsed.tokens[i])][-1:]
    if not rest:
        return set(before)
    led = [t.norm for t in parsed.tokens[at + 1 : rest[0]]]
    found = {rest[0]}
    ends = {*led} & (w.PREPOSITIONS.keys() | w.AUXILIARIES.keys())
    if lexicon.may_be_verb(parsed.tokens[rest[0]].norm) and not POINTING & {*led} and before and not ends:
        found |= {*rest}
    return found

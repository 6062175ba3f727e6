"""Differences of writing that only the two questions together show, undone before they are aligned.

- Words written apart and together: `wi fi` and `wifi`, `check in` and `checkin`.
- An abbreviation of three letters or more and the words with those initials.
- Words that sound alike, one in the place of the other between equal words (`where can I`, `were can I`), where at
  most one of the two is grammatical: the pairs below are of different parts of speech, so that no sentence takes both.

Names, numbers and codes are never touched, except that a name may be written apart.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from classifier.pairs import words as w
from classifier.pairs.lexicon import Lexicon
from classifier.pairs.once import once
from classifier.pairs.spelling import is_listed
from classifier.pairs.text import Parsed, Token

_SMALL: Final = w.word_set("of and the for in to on at de la")  # not counted among initials
_SHORTEST: Final = 3  # letters of an abbreviation that words may stand for
_LONGEST: Final = 8  # words that an abbreviation may stand for, small ones with it
_TWO_LETTERS: Final = {
    "ai": ("artificial", "intelligence"), "un": ("united", "nations"), "eu": ("european", "union"),
    "hr": ("human", "resources"), "pr": ("public", "relations"), "vr": ("virtual", "reality"),
    "cv": ("curriculum", "vitae"), "ml": ("machine", "learning"), "ui": ("user", "interface"),
    "ux": ("user", "experience"), "os": ("operating", "system"), "gp": ("general", "practitioner"),
    "qa": ("quality", "assurance"), "la": ("los", "angeles"), "sf": ("san", "francisco"), "nz": ("new", "zealand"),
}  # fmt: skip
# What may be written apart although its first part is no word of content (`in form` is not `inform`).
_JOINED: Final = w.word_set(
    "into onto upon within without inside outside online offline indoors outdoors maybe cannot another today tonight "
    "wellbeing forever whatever whoever whenever wherever however therefore"
) | {
    one + other for one in ("any", "some", "every", "no") for other in ("one", "body", "thing", "where", "time", "way")
}
_PARTICLES: Final = w.word_set("up down over under out off i e t x")
_APART: Final = w.word_set("notable overall outlook undergo overdo offend output")  # other words than their parts


def write_alike(a: Parsed, b: Parsed, lexicon: Lexicon) -> tuple[Parsed, Parsed]:
    """The questions with words joined and initials used wherever the other side does so."""
    norms_a, norms_b = _norms(a), _norms(b)
    if norms_a == norms_b:
        return a, b
    return _joined(a, b, norms_a, norms_b, lexicon), _joined(b, a, norms_b, norms_a, lexicon)


def _joined(parsed: Parsed, other: Parsed, mine: frozenset[str], theirs: frozenset[str], lexicon: Lexicon) -> Parsed:
    lone = _possible({t.norm: t for t in other.tokens if t.kind == "word" and t.norm not in mine}, parsed)
    if not lone:
        return parsed
    tokens: list[Token] = []
    at = 0
    while at < len(parsed.tokens):
        whole, taken = _whole(parsed.tokens, at, lone, theirs, lexicon)
        tokens.append(parsed.tokens[at] if whole is None else replace(whole, first=parsed.tokens[at].first))
        at += taken
    return replace(parsed, tokens=tuple(tokens)) if len(tokens) < len(parsed.tokens) else parsed


def _possible(lone: dict[str, Token], parsed: Parsed) -> dict[str, Token]:
    """Those words that the question's letters, or the initials of its words, hold as a whole: mostly none."""
    letters = _letters(parsed)
    return {norm: token for norm, token in lone.items() if norm in letters or norm in _TWO_LETTERS}


@once
def _norms(parsed: Parsed) -> frozenset[str]:
    return frozenset(t.norm for t in parsed.tokens)


@once
def _letters(parsed: Parsed) -> str:
    """All letters of the words, their initials, and the initials without small words."""
    norms = [t.norm for t in parsed.tokens if t.kind == "word"]
    long = [norm for norm in norms if norm not in _SMALL]
    return " ".join(("".join(norms), "".join(norm[0] for norm in norms), "".join(norm[0] for norm in long)))


def _whole(
    tokens: tuple[Token, ...], at: int, lone: dict[str, Token], theirs: frozenset[str], lexicon: Lexicon
) -> tuple[Token | None, int]:
    """The other side's word for the words that begin here, and how many they are."""
    text = tokens[at].norm
    for size in (2, 3):
        if at + size > len(tokens) or tokens[at + size - 1].kind != "word":
            break
        text += tokens[at + size - 1].norm
        if text in lone and _may_join(tokens[at], tokens[at + 1], text, lexicon):
            return lone[text], size
    if tokens[at].norm in theirs or tokens[at].kind != "word":
        return None, 1
    for norm, token in lone.items():
        if norm[0] == tokens[at].norm[0] and (size := _spelt_out(norm, tokens, at, theirs)):
            return token, size
    return None, 1


def _may_join(one: Token, other: Token, whole: str, lexicon: Lexicon) -> bool:
    """Not where the parts make sense apart: an adjective before its noun (`green house`), a function word."""
    if whole in _APART:
        return False
    if not lexicon.knows(whole) and not is_listed(whole):
        return True  # a blank that was left out
    if not one.content:
        return whole in _JOINED or (one.norm in _PARTICLES and other.content)
    described = (
        not one.norm.endswith("s")
        and lexicon.may_be_adjective(one.norm)
        and other.content
        and not lexicon.is_adjective(other.norm)
    )
    return not (described and lexicon.knows_exactly(whole))


def _spelt_out(norm: str, tokens: tuple[Token, ...], at: int, theirs: frozenset[str]) -> int:
    """How many words from here have the abbreviation's letters as initials; 0 if they do not, or are matched."""
    if norm in _TWO_LETTERS:
        return 2 if tuple(t.norm for t in tokens[at : at + 2]) == _TWO_LETTERS[norm] else 0
    initials, letters = "", norm if len(norm) >= _SHORTEST else ""
    for size, token in enumerate(tokens[at : at + _LONGEST], 1):
        if token.kind != "word" or (token.content and token.norm in theirs):
            return 0
        if token.norm not in _SMALL or letters[len(initials) :][:1] == token.norm[0]:
            initials += token.norm[0]
        if not letters.startswith(initials):
            return 0
        if initials == letters:
            return 0 if token.norm in _SMALL else size
    return 0


# Any of one line for another; `_` joins what is read as two words. No sentence takes two words of one line.
_ALIKE: Final = tuple(
    frozenset(tuple(word.split("_")) for word in line.split())
    for line in (
        *("were where wear we_are", "by buy", "its it_is", "your you_are", "whose who_is", "their they_are"),
        *("there they_are", "then than", "to too", "lose loose", "weather whether", "here hear", "no know", "new knew"),
        *(
            "our are",
            "past passed",
            "advice advise",
            "breath breathe",
            "effect affect",
            "effects affects",
            "ware wear",
            "aloud allowed",
            "way weigh",
            "about approximate",
            "quite quiet",
            "device devise",
        ),
        *(
            "belief believe",
            "proof prove",
            "life live",
            "loss lose",
            "an and",
            "a an",
            "your you",
            "the they",
            "sea see",
        ),
        *("dose does", "form from", "si is", "ot to", "fo of", "fro for", "tel tell"),
        *("though through", "thought though", "has as", "is are", "do does", "was were", "has have"),
        *("could_have could_of", "should_have should_of", "would_have would_of"),
    )
)
_BEGINNING: Final = {
    first: tuple(alike for alike in _ALIKE if any(words[0] == first for words in alike))
    for first in {words[0] for alike in _ALIKE for words in alike}
}
# And of these where a verb must stand: behind a subject or `to`.
_ALIKE_AS_VERBS: Final = tuple(
    frozenset((word,) for word in line.split())
    for line in ("write right", "accept except", "choose chose", "save safe")
)
_BEFORE_VERB: Final = w.word_set("i you we they to not he she it")
_OFF: Final = w.word_set("turn turned turning switch switched switching log logged logging sign signed shut")
_EXISTING: Final = w.word_set("a an any no is are was were some")  # behind `there`, never behind `their`
_FINITE: Final = w.word_set("do does did is are was were can could will would shall should may might must has have had")
_COURTESY: Final = w.word_set("please kindly")


def is_same_text(a: list[str], b: list[str]) -> bool:
    """Whether two lists of norms are the same but for words that sound alike, `please` and a word written twice; where
    a word is asked about, it is that word."""
    if not w.OF_WORDS.isdisjoint(a):
        return a == b
    i = j = 0
    while i < len(a) and j < len(b):
        if a[i] == b[j]:
            i, j = i + 1, j + 1
        elif _is_idle(a, i):
            i += 1
        elif _is_idle(b, j):
            j += 1
        elif step := _step(a[i - 1] if i else "", a[i : i + 3], b[j : j + 3]):
            i, j = i + step[0], j + step[1]
        else:
            return False
    return all(_is_idle(a, k) for k in range(i, len(a))) and all(_is_idle(b, k) for k in range(j, len(b)))


def as_question(norms: list[str]) -> list[str]:
    """`When my order will arrive`, as it stands in a longer sentence, in the order of a question."""
    if norms[:1] and norms[0] in w.WH_WORDS and (at := _first_auxiliary(norms)) is not None:
        return [norms[0], norms[at], *norms[1:at], *norms[at + 1 :]]
    return norms


def _first_auxiliary(norms: list[str]) -> int | None:
    return next((at for at in range(1, len(norms)) if norms[at] in _FINITE), None)


def _is_idle(norms: list[str], at: int) -> bool:
    return norms[at] in _COURTESY or (at > 0 and norms[at] == norms[at - 1] and norms[at] in w.FUNCTION_WORDS)


def _step(before: str, mine: list[str], yours: list[str]) -> tuple[int, int] | None:
    """How many words on either side sound alike here."""
    one, other = mine[0], yours[0]
    if {one, other} == {"of", "off"}:
        return (1, 1) if before in _OFF else None
    if {one, other} == {"there", "their"}:
        return (1, 1) if {*mine[1:2], *yours[1:2]} <= _EXISTING and mine[1:2] else None
    if before in _BEFORE_VERB and any({(one,), (other,)} <= alike for alike in _ALIKE_AS_VERBS):
        return 1, 1
    for alike in _BEGINNING.get(one, ()) if other in _BEGINNING else ():
        for sizes in ((1, 1), (1, 2), (2, 1)):
            if {tuple(mine[: sizes[0]]), tuple(yours[: sizes[1]])} <= alike:
                return sizes
    return None

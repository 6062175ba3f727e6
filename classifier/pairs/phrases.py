"""Phrases of a question and which words may stand for one another: what the checks of `checks_slots` read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from classifier.pairs import words as w
from classifier.pairs.lexicon import Lexicon
from classifier.pairs.once import once
from classifier.pairs.pair import is_salient
from classifier.pairs.text import Parsed, Token

AKIN: Final = 0.45  # word-vector cosine: less near words seldom stand for one another in a paraphrase
_COMMON_SENSE: Final = 0.35  # and less near ones share no sense but a rare one (`get` and `post`)
_STEM: Final = 4  # letters that forms of one word share at least
_ENDINGS: Final = w.word_set(
    "s es ed d ing ly y ic ical al ally ation ations ion ions ive er ers or ors ment ments ness ity ist ists "
    "ance ence ant ent able ible ful age ian ier iest est en e ied ies"
) | {""}
# Words that only say that something is wanted: leaving them out changes nothing.
REQUEST: Final = w.word_set(
    "explain describe tell show list write give make create draft compose prepare suggest recommend help summarize "
    "summarise need want provide define outline generate compare answer come mention discuss say name find know count"
)
# What may stand between a lead and the phrase that it leads.
POINTING: Final = w.ARTICLES | w.word_set("my our your his her their its this that these those each every all any some")
_UNNAMED: Final = (
    w.LIGHT
    | w.DATES.keys()
    | w.SCOPE_WORDS.keys()
    | w.QUANTIFIERS_WEAK.keys()
    | w.word_set("lot lots amount number moment case purpose market world life")
)
NOUNS_IN_LY: Final = w.word_set("family assembly supply reply anomaly monopoly ally belly jelly bully butterfly fly")
_JOINING: Final = w.word_set("and but because since although though while so")
_SUBJECTS: Final = w.word_set("i we he she it they there my our the a an")
_OF_NOUNS: Final = w.word_set("do does did are is was were")  # in a question the subject stands right after them


@dataclass(frozen=True, slots=True)
class Phrase:
    """A run of salient words, by place, and the preposition before it (`for` in `for the night shift`), or empty."""

    lead: str
    places: tuple[int, ...]


def phrases_of(parsed: Parsed) -> Iterator[Phrase]:
    """All runs of salient words, in order; a sentence ends a run."""
    lead = ""
    run: list[int] = []
    for at, token in enumerate(parsed.tokens):
        ends = token.first or not is_salient(token)
        if run and ends:
            yield Phrase(lead, tuple(run))
            lead, run = "", []
        if is_salient(token):
            run.append(at)
        elif token.norm in w.PREPOSITIONS or token.norm == "without":
            lead = token.norm
        elif token.norm not in POINTING and token.norm not in w.FILLERS:
            lead = ""
    if run:
        yield Phrase(lead, tuple(run))


@once
def clauses_of(parsed: Parsed) -> list[list[int]]:
    """The places of each sentence's tokens; `and I ...`, `but there is ...` begin one of their own."""
    found: list[list[int]] = []
    for at, token in enumerate(parsed.tokens):
        after = parsed.tokens[at + 1].norm if at + 1 < len(parsed.tokens) else ""
        if token.first or not found or (token.norm in _JOINING and after in _SUBJECTS):
            found.append([])
        found[-1].append(at)
    return found


def names(token: Token) -> bool:
    """Whether the word may name a thing: no light word, adverb, date or quantity."""
    adverb = token.norm.endswith("ly") and token.norm not in NOUNS_IN_LY
    return token.kind == "word" and is_salient(token) and token.norm not in _UNNAMED and not adverb


def is_noun(token: Token, lexicon: Lexicon) -> bool:
    """Whether the word is a noun wherever it stands."""
    named = names(token) and not token.norm.endswith("ing")
    return named and not lexicon.is_verb(token.norm) and not lexicon.may_be_adjective(token.norm)


def is_thing(parsed: Parsed, at: int, lexicon: Lexicon) -> bool:
    """Whether the word is a noun, by the dictionary or by what stands before it (`the`, `for`, `do`, a verb)."""
    token = parsed.tokens[at]
    if is_noun(token, lexicon):
        return True
    if not names(token):
        return False
    if token.norm.endswith("ing"):
        return at > 0 and parsed.tokens[at - 1].norm in POINTING
    if at and parsed.tokens[at - 1].norm in w.AUXILIARIES and lexicon.may_be_adjective(token.norm):
        return False
    modifies = (
        at + 1 < len(parsed.tokens) and is_salient(parsed.tokens[at + 1]) and lexicon.may_be_adjective(token.norm)
    )
    return not modifies and not lexicon.is_adjective(token.norm) and _is_led(parsed, at, lexicon)


def _is_led(parsed: Parsed, at: int, lexicon: Lexicon) -> bool:
    """Whether an article, a preposition, the auxiliary of a question or a verb stands right before the word."""
    if not at:
        return False
    before, earlier = parsed.tokens[at - 1], parsed.tokens[at - 2].norm if at > 1 else ""
    if before.norm in w.AUXILIARIES:
        return before.norm in _OF_NOUNS and earlier not in w.PRONOUNS
    if before.norm in w.PREPOSITIONS:
        return before.norm != "to"
    return before.norm in POINTING or (is_salient(before) and lexicon.is_verb(before.norm) and earlier not in POINTING)


def is_quality(token: Token, lexicon: Lexicon) -> bool:
    """Whether the word is an adjective that tells kinds of a thing apart."""
    return (
        token.kind == "word"
        and is_salient(token)
        and token.norm not in PRAISE
        and not token.norm.endswith("ly")
        and token.norm not in _UNNAMED
        and lexicon.may_be_adjective(token.norm)
        and (token.norm.endswith("est") or not lexicon.may_be_verb(token.norm))
    )


# Adjectives of praise, and what any phone or film is anyway: they narrow nothing.
PRAISE: Final = w.word_set(
    "great nice fine famous popular right correct full real true easy effective main major good best better top "
    "perfect excellent amazing awesome wonderful incredible fantastic huge wide big large important"
)


@lru_cache(maxsize=65536)
def akin(one: str, other: str, lexicon: Lexicon, least: float = AKIN) -> bool:
    """Whether the words may say the same in two wordings: forms of one word, a common sense or near vectors, but not
    two kinds of one thing."""
    if one == other or _is_cognate(one, other) or lexicon.interchangeable(one, other):
        return True
    if lexicon.siblings(one, other):
        return False
    similarity = lexicon.similarity(one, other)
    measured = lexicon.has_vector(one) and lexicon.has_vector(other)
    return similarity >= least or ((similarity >= _COMMON_SENSE or not measured) and lexicon.synonyms(one, other))


@lru_cache(maxsize=65536)
def mean_the_same(one: str, other: str, lexicon: Lexicon) -> bool:
    """Whether the words are known to say the same: forms of one word, by hand, or by the dictionary. Near vectors say
    nothing here: they are as near for what excludes each other (`northbound`, `eastbound`)."""
    if is_form_of(one, other, lexicon) or lexicon.interchangeable(one, other):
        return True
    if lexicon.antonyms(one, other):
        return False
    measured = lexicon.has_vector(one) and lexicon.has_vector(other)
    related = lexicon.synonyms(one, other) or lexicon.near(one, other)
    return related and (not measured or lexicon.similarity(one, other) >= _COMMON_SENSE)


def is_form_of(one: str, other: str, lexicon: Lexicon) -> bool:
    """Whether the words are forms of one word: `coach` and `coaches`, `legal` and `legally`."""
    return one == other or _is_cognate(one, other) or bool(lexicon.lemmas(one) & lexicon.lemmas(other))


def _is_cognate(one: str, other: str) -> bool:
    stem = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    return stem >= _STEM and one[stem:] in _ENDINGS and other[stem:] in _ENDINGS


def stands_alone(token: Token, others: Iterable[Token], lexicon: Lexicon, least: float = AKIN) -> bool:
    """Whether nothing among the others may stand for the word."""
    return not any(akin(token.norm, other.norm, lexicon, least) for other in others if is_salient(other))

"""The check of words that play the same part on either side of a pair. See `checks` for the contract.

Where a template has a place, each of its questions has another word in it, at the same word of the rest: before the
noun that it tells a kind of, after the noun or verb that it goes with, behind one preposition, as what is said of the
subject. In such a place nearness is not enough (`mild`, `severe`; `northbound`, `eastbound`; `beginner`, `advanced`):
words that differ there must be known to mean the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from classifier.pairs import words as w
from classifier.pairs.lexicon import Lexicon
from classifier.pairs.pair import Pair, is_salient
from classifier.pairs.phrases import NOUNS_IN_LY, POINTING, PRAISE, REQUEST, is_form_of, mean_the_same
from classifier.pairs.text import Parsed, Token

Role = tuple[str, str | int]

# Words of asking, and those that the checks of negation, degree and scope compare.
_FRAME: Final = (
    REQUEST | PRAISE | w.LIGHT | w.NEGATIVE_VERBS | w.SCOPE_WORDS.keys() | w.word_set("allow allowed permit permitted")
)
_BE: Final = w.word_set("is are was were be been being am get gets got getting")
_ASKING: Final = w.word_set("is are was were do does did can could may might must should will would shall")
_SOON: Final = 5  # the auxiliary of a question stands among its first words
_PASSED: Final = POINTING | w.FILLERS
_TIMES: Final = w.word_set("before after during since until while following")  # prepositions of time, always
_PERHAPS_TIMES: Final = w.word_set("at in on")


def check_role(pair: Pair) -> str | None:
    """Words in the same place of what is else the same, or after the same preposition, that are no synonyms."""
    mine = _lone(pair.a, pair.alignment.only_a)
    yours = mine and _lone(pair.b, pair.alignment.only_b)
    if not mine or not yours:
        return None
    subjects = _subject(pair.a, pair.lexicon), _subject(pair.b, pair.lexicon)
    links_a = {link.a: link.a for link in pair.alignment.links}
    links_b = {link.b: link.a for link in pair.alignment.links}
    roles_b = {at: set(_roles(pair.b, at, links_b)) for at in yours}
    for at in mine:
        roles = set(_roles(pair.a, at, links_a))
        for other, others in roles_b.items():
            first, second = pair.a.tokens[at], pair.b.tokens[other]
            alike = _share(roles, others) or (at in subjects[0] and other in subjects[1])
            if alike and not _either_is_said(pair, first, second):
                return f"{first.norm} in the part of {second.norm}"
    return _other_things(pair, mine, yours) if pair.asked_a == pair.asked_b == "yes_no" else None


def _other_things(pair: Pair, mine: list[int], yours: list[int]) -> str | None:
    """`Are there tours for pupils` against `is it free for pupils`: yes to one says nothing about the other."""
    for first in (pair.a.tokens[at] for at in mine):
        if pair.lexicon.is_verb(first.norm) or _is_said(first, pair.b, pair.alignment.only_b, pair.lexicon):
            continue
        for second in (pair.b.tokens[at] for at in yours):
            verb = pair.lexicon.is_verb(second.norm)
            if not verb and not _is_said(second, pair.a, pair.alignment.only_a, pair.lexicon):
                return f"whether {first.norm} against whether {second.norm}"
    return None


def _lone(parsed: Parsed, places: tuple[int, ...]) -> list[int]:
    return [at for at in places if _tells(parsed.tokens[at])]


def _tells(token: Token) -> bool:
    return token.kind == "word" and is_salient(token) and token.norm not in _FRAME


def _either_is_said(pair: Pair, first: Token, second: Token) -> bool:
    """Whether the other side says one of the words: by a word that is unmatched, too, or in another form of it."""
    return _is_said(first, pair.b, pair.alignment.only_b, pair.lexicon) or _is_said(
        second, pair.a, pair.alignment.only_a, pair.lexicon
    )


def _is_said(token: Token, other: Parsed, lone: tuple[int, ...], lexicon: Lexicon) -> bool:
    alone = (other.tokens[at].norm for at in lone if is_salient(other.tokens[at]))
    return any(mean_the_same(token.norm, norm, lexicon) for norm in alone) or any(
        is_form_of(token.norm, o.norm, lexicon) for o in other.tokens if is_salient(o)
    )


def _subject(parsed: Parsed, lexicon: Lexicon) -> list[int]:
    """The words between the auxiliary of a question and its verb: `business customers` in `may business customers`."""
    asked = next((at for at, token in enumerate(parsed.tokens[:_SOON]) if token.norm in _ASKING), None)
    found: list[int] = []
    for at in range(len(parsed.tokens) if asked is None else asked + 1, len(parsed.tokens)):
        token = parsed.tokens[at]
        if not is_salient(token) and (found or token.norm not in POINTING):
            break
        if is_salient(token):
            if lexicon.is_verb(token.norm) or (found and lexicon.may_be_verb(token.norm)):
                break
            found.append(at)
    return found


def _share(roles: set[Role], others: set[Role]) -> bool:
    if roles & others:
        return True
    both = roles | others
    return ("led", "time") in both and ("led", "perhaps time") in both


def _roles(parsed: Parsed, at: int, links: Mapping[int, int]) -> Iterator[Role]:
    """What the word at a place does; words of the rest are named by their places in the first question."""
    for head in _modified(parsed, at, links):
        yield "modifies", head
    before = _passing(parsed, at, _PASSED | w.AUXILIARIES.keys())
    if before > 0 and [t.norm for t in parsed.tokens[before - 1 : before + 1]] == ["out", "of"]:  # `is out of stock`
        before = _passing(parsed, before - 1, _PASSED | w.AUXILIARIES.keys())
    if before in links and is_salient(parsed.tokens[before]):
        yield "follows", links[before]
    yield from _leads(parsed, at)
    norm = parsed.tokens[at].norm
    if _is_counted(parsed, at):
        yield "counted", 0
    before = _passing(parsed, at, _PASSED)
    if before >= 0 and parsed.tokens[before].norm in _BE and not norm.endswith("ing"):
        yield "is", 0
    if norm.endswith("ly") and norm not in NOUNS_IN_LY:
        yield "in which way", 0


def _is_counted(parsed: Parsed, at: int) -> bool:
    """`siblings` in `how many siblings` and in `the number of siblings`."""
    before = [token.norm for token in parsed.tokens[max(0, at - 2) : at]]
    return before in (["how", "many"], ["how", "much"], ["number", "of"], ["amount", "of"])


def _passing(parsed: Parsed, at: int, passed: frozenset[str] | set[str]) -> int:
    """The place before, past words that do not matter; -1 at the start."""
    at -= 1
    while at >= 0 and not parsed.tokens[at].content and parsed.tokens[at].norm in passed:
        at -= 1
    return at


def _modified(parsed: Parsed, at: int, links: Mapping[int, int]) -> Iterator[int]:
    """The matched words of the phrase that the word stands before, or the one before `of`."""
    after = at + 1
    while after < len(parsed.tokens) and is_salient(parsed.tokens[after]) and not parsed.tokens[after].first:
        if after in links:
            yield links[after]
        after += 1
    of = _passing(parsed, at, POINTING)
    if of > 0 and parsed.tokens[of].norm == "of" and of - 1 in links and is_salient(parsed.tokens[of - 1]):
        yield links[of - 1]


def _leads(parsed: Parsed, at: int) -> Iterator[Role]:
    before = _passing(parsed, at, _PASSED - w.PREPOSITIONS.keys())
    lead = parsed.tokens[before].norm if before >= 0 else ""
    if lead in _TIMES:
        yield "led", "time"
    elif lead in w.PREPOSITIONS and lead not in ("to", "of"):
        group = w.PREPOSITIONS[lead]
        yield "led", lead if group == "plain" else group
        if lead in _PERHAPS_TIMES:
            yield from (("led", "place"), ("led", "perhaps time"))

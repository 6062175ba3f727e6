"""Where, when and in which relation: the preposition that leads a phrase, also one of several words.

A preposition has senses; two may stand for one another if they share one. The table is the closed class of English
prepositions; what depends on the noun (`on the website`, `in the website`, but `in the box`, `on the box`) follows it.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final

from classifier.pairs import words as w
from classifier.pairs.once import once
from classifier.pairs.pair import Pair, is_salient
from classifier.pairs.phrases import POINTING
from classifier.pairs.text import Parsed, Token


def _table(**senses: str) -> dict[str, frozenset[str]]:
    """Words and phrases (joined by `_`) of each sense."""
    found: dict[str, set[str]] = {}
    for sense, members in senses.items():
        for member in members.split():
            found.setdefault(member.replace("_", " "), set()).add(sense.rstrip("_"))
    return {member: frozenset(names) for member, names in found.items()}


SENSES: Final = _table(
    inside="in inside within at of during inside_of",
    on="on upon onto atop on_top_of",
    under="under underneath beneath below at_the_bottom_of",
    above="above over at_the_top_of",
    near="near beside by alongside nearby next_to close_to",
    around="around round",
    behind="behind at_the_back_of in_back_of",
    front="in_front_of",
    opposite="opposite across_from facing",
    between="between among amongst amid amidst",
    outside="outside out outside_of out_of",
    away="away off away_from far_from off_of",
    from_="from off of_f",
    into="into in",
    onto="onto on upon",
    to="to towards toward up_to as_far_as",
    along="along",
    across="across throughout",
    through="through throughout via",
    past="past beyond",
    by="by via through using",
    with_="with using along_with together_with including of",
    without="without excluding",
    for_="for of on_behalf_of",
    topic="about on of regarding concerning over",
    against="against versus vs",
    instead="instead_of in_place_of rather_than",
    because="because due because_of due_to owing_to thanks_to since as",
    despite="despite in_spite_of although though",
    unless="unless",
    than="than",
    before="before prior prior_to ahead_of",
    until="until till",
    after="after following",
    since="since",
    during="during while whilst throughout over amid in_the_middle_of",
    start="at_the_start_of at_the_beginning_of at_the_outset_of",
    end="at_the_end_of",
    as_="as",
    like="like unlike",
    per="per",
    except_="except besides except_for apart_from other_than",
    up="up",
    down="down",
)
# `In`, `on` and `at` stand for one another before names of times, and before what is both a place and a medium.
_IN_OR_ON: Final = w.word_set(
    "website site page webpage app application phone mobile computer laptop tablet television radio internet web "
    "network screen list menu street road avenue corner bus train plane flight ship boat ferry tram team committee "
    "board holiday holidays vacation trip school university college hospital work campus farm account subscription "
    "contract plan bill invoice order form document project course program policy system platform server device "
    "version topic subject average general stage level moment time times day week month year season weekend night "
    "portal forum dashboard article paper file report email message account profile settings chart table map"
)
_WIDE: Final = w.word_set("world globe country city town region state continent web day year night week season")
_SPREAD: Final = frozenset({"across", "around", "inside", "during", "through"})
_ADVICE: Final = w.word_set(
    "tips tip advice ideas idea help information guide guides guidelines rules rule suggestions recommendations "
    "question questions book books article opinion report policy law laws"
)
_TOPICAL: Final = frozenset({"topic", "for", "on", "with"})
_WORDS: Final = max(len(phrase.split()) for phrase in SENSES)
_LAST: Final = frozenset(phrase.split()[-1] for phrase in SENSES)
_SPAN: Final = 5  # words of a phrase before its head

# Relations of place, direction and stead that hold of a thing whatever the wording around it; of two in one line the
# one may be said for the other.
_FIRM: Final = w.word_set(
    "inside into onto on under above near around behind front opposite between outside away to along across past "
    "instead without before after start end"
)
_LOOSE: Final = tuple(
    w.word_set(names)
    for names in (
        "inside on to into onto", "inside to across around during along", "inside under", "inside above on during",
        "near along around opposite", "outside away from to on", "on along across above", "to before until",
        "past after", "across around along through", "inside between", "front before near", "behind after",
        "end after", "start before", "to against", "inside start end",
    )
)  # fmt: skip


def is_aim_as_doing(pair: Pair) -> bool:
    """`For cutting tiles` on one side and `to cut tiles` on the other."""
    one, other = (
        any(before == "for" and after.endswith("ing") for before, after in pairwise(p.norms()))
        for p in (pair.a, pair.b)
    )
    return one != other and "to" in (pair.b if one else pair.a).norms()


def share_sense(one: str, other: str, before: str, after: Token | None) -> bool:
    """Whether a preposition may stand for another between the two words."""
    first, second = SENSES[one], SENSES[other]
    norm, named = (after.norm, after.capital) if after else ("", False)
    timed = norm in w.DATES or norm in w.UNITS or norm in w.MONTHS
    if first & second:
        return True
    if (timed or named or norm in _IN_OR_ON) and {one, other} <= {"in", "on", "at", "during", "over"}:
        return True
    if {one, other} == {"in", "for"}:  # `exams in all classes`, `exams for all classes`, but not `for May`
        return after is not None and after.kind == "word" and not timed
    if (named or norm in _WIDE) and first & _SPREAD and second & _SPREAD:
        return True
    return before in _ADVICE and bool(first & _TOPICAL and second & _TOPICAL)


@once
def relation_at(parsed: Parsed, at: int) -> str:
    """The preposition that leads the phrase of a word, all its words (`in front of`); empty if there is none."""
    norms = parsed.norms()
    place = at - 1
    while place >= max(0, at - _SPAN) and norms[place] not in _LAST and _is_in_phrase(parsed, place):
        place -= 1
    for size in range(min(_WORDS, place + 1), 0, -1):
        phrase = " ".join(norms[place - size + 1 : place + 1])
        if phrase in SENSES:
            return phrase
    return ""


def _is_in_phrase(parsed: Parsed, place: int) -> bool:
    token = parsed.tokens[place]
    return not parsed.tokens[place + 1].first and (is_salient(token) or token.norm in POINTING)


def firm_contrast(one: str, other: str) -> bool:
    """Whether a thing is meant to stand in two relations that exclude each other."""
    first, second = SENSES[one] & _FIRM, SENSES[other] & _FIRM
    if not first or not second or "by" in (one, other) or SENSES[one] & SENSES[other]:
        return False
    return not any(first & loose and second & loose for loose in _LOOSE)

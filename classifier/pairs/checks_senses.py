"""Checks of words that are the same on both sides and are used otherwise: as noun or adjective, by another verb before
them, by another person, in another sequence, as a name. See `checks`."""

from __future__ import annotations

from typing import Final

from classifier.pairs import words as w
from classifier.pairs.lexicon import Lexicon
from classifier.pairs.once import once
from classifier.pairs.pair import Pair, is_salient
from classifier.pairs.text import Parsed

# Names that are other words in small letters; those that are often written so (`excel`, `in may`) are left out.
_NAMES: Final = w.word_set("it who polish turkey reading nice cork bath rust swift china aids")
_BE: Final = w.word_set("is are was were be been am feel feels felt get gets getting got seem seems look looks")
_HAVE: Final = w.word_set("have has had having get gets got getting catch catches caught with")
# Verbs that say how somebody stands to what another verb says; a word may be of several classes.
_STANCES: Final = tuple(
    w.word_set(verbs)
    for verbs in (
        "want wants wanted wish wishes wished", "like likes liked love loves enjoy enjoys", "try tries tried attempt",
        "manage manages managed", "fail fails failed", "forget forgets forgot", "remember remembers remembered",
        "refuse refuses refused decline declines declined", "agree agrees agreed", "ask asks asked request requested",
        "let lets letting allow allows allowed permit permits", "make makes made making force forces forced",
        "help helps helped", "hesitate hesitates", "pretend pretends", "hope hopes hoped", "promise promised promises",
        "deny denies denied", "offer offers offered", "threaten threatens threatened", "happen happens happened",
        "seem seems seemed appear appears", "tend tends", "start starts started begin begins began",
        "stop stops stopped quit quits", "continue continues continued keep keeps kept", "resume resumes resumed",
        "finish finishes finished complete completes completed", "fear fears feared", "plan plans planned",
        "decide decides decided", "afford", "dare dares dared", "learn learns learned", "teach teaches taught",
    )
)  # fmt: skip
_POSSIBLE: Final = w.word_set("can able possible")
_HAS: Final = w.word_set("has have had")
_ADVISED: Final = w.word_set("wise smart sensible advisable")  # which possible is not
_LIGHT_VERBS: Final = w.word_set("do make take give put let keep find come bring become")
_SAME_LIGHT: Final = tuple(
    w.word_set(verbs)
    for verbs in ("do make", "make take", "make give", "put keep", "give let", "find take", "take bring")
)
_PARTICLES: Final = w.word_set("up down in out on off away back apart over through along together")
_COUNTED: Final = ("how_many", "how_much", "how_long", "how_big", "how_far")
_ORDERING: Final = w.word_set("sort order rank arrange list group index classify organize file")


def check_case(pair: Pair) -> str | None:
    """`What does IT do` against `what does it do`, where both are written with capitals at all."""
    if not (pair.a.cased and pair.b.cased):
        return None
    differing = {name for name in _named(pair.a) ^ _named(pair.b) if all(name in p.norms() for p in (pair.a, pair.b))}
    return f"{sorted(differing)} a name on one side only" if differing else None


@once
def _named(parsed: Parsed) -> frozenset[str]:
    return frozenset(t.norm for t in parsed.tokens if t.norm in _NAMES and t.capital and not t.first)


def check_part_of_speech(pair: Pair) -> str | None:
    """`Is my child cold` against `has my child a cold`."""
    for link in pair.alignment.links:
        token = pair.a.tokens[link.a]
        if not is_salient(token) or not pair.lexicon.may_be_adjective(token.norm):
            continue
        one, other = _used_as(pair.a, link.a), _used_as(pair.b, link.b)
        if one and other and one != other:
            return f"{token.norm} as {one} against {other}"
    return None


def _used_as(parsed: Parsed, at: int) -> str:
    """`noun` for what one has, right behind an article; `adjective` right behind a form of be."""
    before = parsed.tokens[at - 1].norm if at else ""
    ends = at + 1 >= len(parsed.tokens) or parsed.tokens[at + 1].first or not is_salient(parsed.tokens[at + 1])
    if not ends:
        return ""
    if before in ("a", "an"):
        return "noun" if any(t.norm in _HAVE for t in parsed.tokens[:at]) else ""
    asked = at > 2 and parsed.tokens[at - 1].content and any(t.norm in _BE for t in parsed.tokens[:2])
    return "adjective" if before in _BE or (asked and at + 1 >= len(parsed.tokens)) else ""


# Nouns that mean another thing in the plural.
_OTHER_IN_PLURAL: Final = {
    **{noun: f"{noun}s" for noun in ("manner", "damage", "spectacle", "custom", "spirit", "saving")},
    "cloth": "clothes", "glass": "glasses",
}  # fmt: skip


def check_plural(pair: Pair) -> str | None:
    """`How do I fold cloth` against `how do I fold clothes`."""
    for link in pair.alignment.links:
        one, other = sorted((pair.a.tokens[link.a].norm, pair.b.tokens[link.b].norm), key=len)
        if _OTHER_IN_PLURAL.get(one) == other:
            return f"{one} against {other}"
    return None


def check_aspect(pair: Pair) -> str | None:
    """`When a bone is healing` against `when a bone has healed`."""
    for link in pair.alignment.links:
        one, other = pair.a.tokens[link.a].norm, pair.b.tokens[link.b].norm
        for doing, done in ((one, other), (other, one)):
            if doing.endswith("ing") and done.endswith("ed") and doing[:3] == done[:3]:
                mine, yours = (pair.a, pair.b) if doing == one else (pair.b, pair.a)
                if _BE & {*mine.norms()} and _HAS & {*yours.norms()}:
                    return f"{doing} against {done}"
    return None


def check_stance(pair: Pair) -> str | None:
    """`Does she want to move` against `does she like to move`: the verb before the verb, where all else is the same."""
    if not pair.is_one_edit():
        return None
    for edit in pair.edits:
        one, other = (_stances([t.norm for t in side]) for side in (edit.only_a, edit.only_b))
        if one and other and not one & other:
            return f"{edit.only_a[0].norm} exchanged for {edit.only_b[0].norm}"
    if (told := _advice(pair)) is not None:
        return told
    return _other_light_verb(pair) or _other_person(pair) or _could(pair)


def _advice(pair: Pair) -> str | None:
    one, other = (_ADVISED & {*p.norms()} for p in (pair.a, pair.b))
    possible = any(_POSSIBLE & {*p.norms()} for p in (pair.a, pair.b))
    return f"{sorted(one | other)} on one side only" if possible and bool(one) != bool(other) else None


def _other_light_verb(pair: Pair) -> str | None:
    """`Make a bed` against `take a bed apart`: light verbs that may not stand for one another here."""
    for edit in pair.edits:
        one, other = ({t.norm for t in side} & _LIGHT_VERBS for side in (edit.only_a, edit.only_b))
        if len(one) != 1 or len(other) != 1:
            continue
        apart = bool(_PARTICLES & {*pair.a.norms()} & {*pair.b.norms()})
        if apart or not any(one | other <= group for group in _SAME_LIGHT):
            return f"{min(one)} exchanged for {min(other)}"
    return None


def _stances(norms: list[str]) -> set[int]:
    if "would" in norms and "like" in norms:
        return {0}
    return {at for at, verbs in enumerate(_STANCES) if verbs & {*norms}}


def _other_person(pair: Pair) -> str | None:
    """`Do I get a refund if I cancel` against `if you cancel`: both speak of the asker, and one of the asked, too."""
    if pair.lone_a() or pair.lone_b():
        return None
    for edit in pair.edits:
        one, other = ({t.norm for t in side} & {"i", "we", "you"} for side in (edit.only_a, edit.only_b))
        if {*one, *other} >= {"you"} and one and other:
            mine, yours = ({*p.norms()} for p in (pair.a, pair.b))
            if {"i", "we"} & mine & yours:
                return f"{min(one)} exchanged for {min(other)}"
    return None


def _could(pair: Pair) -> str | None:
    """How much something could hold, before or if, is not how much it holds."""
    if pair.asked_a not in _COUNTED or pair.asked_a != pair.asked_b:
        return None
    one, other = (_subject_of(p, "could") for p in (pair.a, pair.b))
    if bool(one) == bool(other):
        return None
    return None if (one or other) in ("i", "we", "you", "one") else "could on one side only"


def _subject_of(parsed: Parsed, auxiliary: str) -> str:
    norms = parsed.norms()
    return norms[norms.index(auxiliary) + 1] if auxiliary in norms[:-1] else ""


_MODALS: Final = w.word_set("would could should might must")
_UNREAL: Final = w.word_set("been happened had done won lost gone become made taken died")  # `would have happened`
_ALL: Final = w.word_set("all anything everything everyone everybody anyone nothing none nobody")
_TAKING: Final = w.word_set("eat need drink use cook take buy wear")  # `eat just rice`
# `Stop to smoke` against `stop smoking`.
_TO_OR_ING: Final = w.word_set("stop stopped forget forgot remember remembered regret")
_DEGREES: Final = {
    **dict.fromkeys(("about", "around", "approximately", "approximate", "roughly", "circa"), "about"),
    **dict.fromkeys(("exactly", "exact", "precisely"), "exactly"),
}


@once
def _manners(parsed: Parsed) -> frozenset[str]:
    """What small adverbs and forms of be say: `too hot`, `even if`, `about ten`, `is being done`, `is to be done`."""
    norms = parsed.norms()
    found = set()
    for at, norm in enumerate(norms):
        after = parsed.tokens[at + 1] if at + 1 < len(norms) else None
        if norm in _DEGREES and after and after.kind == "number":
            found.add(_DEGREES[norm])
        elif norm == "too" and after and not after.first and after.norm not in w.PREPOSITIONS:
            found.add("too")
        elif norm == "even" and after and after.norm in ("if", "when"):
            found.add("even if")
        elif (
            norm == "being"
            and at
            and norms[at - 1] not in w.PREPOSITIONS
            and any(n in ("is", "are", "was", "were") for n in norms[:at])
        ):
            found.add("being")
        elif norm == "have" and {*norms[max(0, at - 4) : at]} & _MODALS and _UNREAL & {*norms[at + 1 : at + 3]}:
            found.add("unreal past")
        elif norm in ("just", "only") and at and (norms[at - 1] in w.PREPOSITIONS or norms[at - 1] in _TAKING):
            found.add("only")
        elif norm == "to" and at and norms[at - 1] in _TO_OR_ING:
            found.add(f"{norms[at - 1]} to")
        elif norm.endswith("ing") and at and norms[at - 1] in _TO_OR_ING:
            found.add(f"{norms[at - 1]} doing")
        elif norm == "but" and norms[at - 1] in _ALL:
            found.add("but")
        elif norm == "be" and norms[at - 1] == "to" and norms[0] in ("is", "are", "was", "were"):
            found.add("to be")
    return frozenset(found)


def check_manner(pair: Pair) -> str | None:
    """`Too hot` against `hot`, `even if` against `if`; and where only that differs, `is being painted`, `about ten`."""
    one, other = _manners(pair.a), _manners(pair.b)
    if one == other:
        return None
    differing = one ^ other
    to_or_ing = any({f"{verb} to", f"{verb} doing"} <= differing for verb in _TO_OR_ING)
    always = differing & {"too", "even if", "unreal past", "only"} or differing >= {"about", "exactly"}
    if to_or_ing or always or (pair.is_one_edit() and differing != {"about"}):
        return f"{sorted(one)} against {sorted(other)}"
    return None


def check_sequence(pair: Pair) -> str | None:
    """`By author, then by year` against `by year, then by author`."""
    links = [(x.a, x.b) for x in pair.alignment.links if is_salient(pair.a.tokens[x.a])]
    then = _then(pair.a), _then(pair.b)
    if then[0] and then[1]:
        later = [pair.a.tokens[a].norm for a, b in links if a < then[0] and b > then[1]]
        earlier = [pair.a.tokens[a].norm for a, b in links if a > then[0] and b < then[1]]
        if later and earlier:
            return f"first {later[0]} against first {earlier[0]}"
    by = _ordered_by(pair.a, pair.lexicon), _ordered_by(pair.b, pair.lexicon)
    keys = [(a, b) for a, b in links if by[0] and by[1] and a > by[0] and b > by[1]]
    ordered = all(keys[at][1] < keys[at + 1][1] for at in range(len(keys) - 1))
    return None if ordered or not pair.moved else f"ordered by {pair.a.tokens[keys[0][0]].norm} first or not"


@once
def _then(parsed: Parsed) -> int:
    """Place of a `then` between two things; 0 if there is none."""
    return next((at for at, token in enumerate(parsed.tokens) if at and token.norm in ("then", "afterwards")), 0)


@once
def _ordered_by(parsed: Parsed, lexicon: Lexicon) -> int:
    """Place of the `by` behind a verb of ordering; 0 if there is none."""
    norms = parsed.norms()
    ordering = next((at for at, norm in enumerate(norms) if lexicon.lemmas(norm) & _ORDERING), None)
    if ordering is None or "by" not in norms[ordering:]:
        return 0
    return norms.index("by", ordering)

"""Checks of what is asked about whom: the attribute that a question names, and who does what. See `checks`."""

from __future__ import annotations

from typing import Final

from classifier.pairs import words as w
from classifier.pairs.lexicon import Lexicon
from classifier.pairs.once import once
from classifier.pairs.pair import Pair, is_salient
from classifier.pairs.text import Parsed, Token

_BE: Final = w.word_set("is are was were be been being am get gets got getting")
_AFTER_TARGET: Final = w.word_set("of for that who which whose in on at to from by with")
_OPEN: Final = w.word_set("thing things way ways name names best top some good") | w.LIGHT
GENERIC_SUBJECTS: Final = w.word_set("i we you they one people someone anyone somebody us u")


@once
def _target(parsed: Parsed) -> int | None:
    """The noun that `what is the N of ...` or `who was the N that ...` asks for; None for other forms."""
    tokens = parsed.tokens
    if len(tokens) < 4 or tokens[0].norm not in ("what", "which", "who") or tokens[1].norm not in _BE:
        return None
    last = None
    for at in range(2, min(len(tokens), 9)):
        if is_salient(tokens[at]):
            last = at
        elif last is not None:
            return last if tokens[at].norm in _AFTER_TARGET else None
    return None


@once
def _asks_name(parsed: Parsed) -> bool:
    """`What is the (last) name of ...`."""
    norms = parsed.norms()[:6]
    return norms[:1] in (["what"], ["which"]) and bool({"name", "names"} & set(norms))


def _asks_else(parsed: Parsed, asked: str, alone: tuple[int, ...]) -> str:
    """What is asked where it cannot be a name: `how long`, `where`, or `what item did` with a noun of its own."""
    if asked.startswith(("how", "when", "where", "why")):
        return asked
    tokens = parsed.tokens
    noun = len(tokens) > 3 and tokens[0].norm in ("what", "which") and tokens[2].norm in w.AUXILIARIES and 1 in alone
    return tokens[1].norm if noun else ""


def check_target(pair: Pair) -> str | None:
    """Both ask for a named attribute of something, and not for the same one."""
    names = _asks_name(pair.a), _asks_name(pair.b)
    if names[0] != names[1]:
        else_b = _asks_else(pair.b, pair.asked_b, pair.alignment.only_b)
        if other_asked := else_b if names[0] else _asks_else(pair.a, pair.asked_a, pair.alignment.only_a):
            return f"asks for a name against {other_asked}"
    one, other = _target(pair.a), _target(pair.b)
    if one is None or other is None or any((x.a, x.b) == (one, other) for x in pair.alignment.links):
        return None
    first, second = pair.a.tokens[one], pair.b.tokens[other]
    lone = one in pair.alignment.only_a, other in pair.alignment.only_b
    if not any(lone) or first.norm in _OPEN - {"name"} or second.norm in _OPEN - {"name"}:
        return None
    return f"asks for {first.norm} against {second.norm}"


def voice_of(parsed: Parsed, at: int, lexicon: Lexicon) -> str:
    """`passive` for a participle right after a form of be, `active` for another verb form; empty if undecided."""
    norm = parsed.tokens[at].norm
    before = [t.norm for t in parsed.tokens[max(0, at - 2) : at]]
    participle = norm.endswith(("ed", "en", "wn", "ght")) or lexicon.is_irregular(norm)
    if participle and not norm.endswith("ing"):
        if before[-1:] and (before[-1] in _BE or (len(before) > 1 and before[-2] in _BE and before[-1] == "not")):
            return "passive"
        return "active" if not _BE & {t.norm for t in parsed.tokens[max(0, at - 5) : at]} else ""
    return "active" if lexicon.may_be_verb(norm) else ""


@once
def _says_be(parsed: Parsed) -> bool:
    """Without a form of be nothing is passive."""
    return not _BE.isdisjoint(parsed.norms())


def check_voice(pair: Pair) -> str | None:
    """`Who hired` against `who was hired by`: the same verb in another voice, while nothing changed sides."""
    if any(is_salient(t) for t in pair.moved) or not (_says_be(pair.a) or _says_be(pair.b)):
        return None
    for link in pair.alignment.links:
        first, second = pair.a.tokens[link.a], pair.b.tokens[link.b]
        if not is_salient(first) or first.kind != "word" or first.norm in w.LIGHT:
            continue
        voices = {voice_of(pair.a, link.a, pair.lexicon), voice_of(pair.b, link.b, pair.lexicon)}
        if voices == {"active", "passive"}:
            parsed, at = (pair.a, link.a) if voice_of(pair.a, link.a, pair.lexicon) == "active" else (pair.b, link.b)
            if not GENERIC_SUBJECTS & {t.norm for t in parsed.tokens[:at]}:
                return f"{first.norm} against {second.norm}: done to, or done by"
    return None


def check_tense(pair: Pair) -> str | None:
    """`Who manages` against `who managed`, where all else is matched."""
    if pair.lone_a() or pair.lone_b() or pair.asked_a == "how":
        return None
    if any(w.AUXILIARIES.get(t.norm) == "past" for t in (*pair.a.tokens, *pair.b.tokens)):
        return None
    for link in pair.alignment.links:
        first, second = pair.a.tokens[link.a], pair.b.tokens[link.b]
        if first.norm == second.norm or not first.content or not pair.lexicon.may_be_verb(first.norm):
            continue
        past = _is_past(pair.a, link.a, first, pair.lexicon), _is_past(pair.b, link.b, second, pair.lexicon)
        if past[0] != past[1] and pair.lexicon.may_be_verb(second.norm):
            return f"{first.norm} against {second.norm}"
    return None


def _is_past(parsed: Parsed, at: int, token: Token, lexicon: Lexicon) -> bool:
    """A past form that no auxiliary makes a participle."""
    helped = any(t.norm in w.AUXILIARIES or t.norm in _BE for t in parsed.tokens[max(0, at - 3) : at])
    form = (token.norm.endswith("ed") and not lexicon.knows_exactly(token.norm)) or lexicon.is_irregular(token.norm)
    return form and not helped and lexicon.may_be_verb(token.norm)

"""Checks of words: negation, quantifiers, scope, degree, opposites, names, question words and one-place edits.

See `checks` for the contract.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

from classifier.pairs import words as w
from classifier.pairs.align import match_score
from classifier.pairs.lexicon import NEGATIVE_PREFIXES, Lexicon
from classifier.pairs.pair import Edit, Pair, is_salient
from classifier.pairs.synonyms import are_opposites
from classifier.pairs.text import Parsed, Token
from classifier.pairs.wh import compatible

_IDIOMS: Final = (("or", "not"), ("whether", "not"), ("not", "only"), ("no", "matter"))
_IRREGULAR_DEGREE: Final = {
    "better": "more", "best": "most", "worse": "less", "worst": "least", "more": "more", "most": "most",
    "less": "less", "least": "least", "fewer": "less", "fewest": "least", "max": "most", "min": "least",
}  # fmt: skip


def _negations(parsed: Parsed) -> int:
    norms = parsed.norms()
    count = sum(norm in w.NEGATORS for norm in norms)
    for first, second in _IDIOMS:
        count -= sum(norms[i : i + 2] == [first, second] for i in range(len(norms) - 1))
    return count


def _says_except(parsed: Parsed) -> int:
    """`avoid Mondays` and `other than Mondays` say what a negation says on the other side."""
    norms = parsed.norms()
    return int(bool({"avoid", "except", "besides", "excluding", "unpaid", "fail", "fails"} & set(norms) or "other than" in " ".join(norms)))


def check_negation(pair: Pair) -> str | None:
    """As many negations on either side, also as prefixes (`legal`, `illegal`) and verbs (`stop`, `avoid`)."""
    one, other = _negations(pair.a), _negations(pair.b)
    one += _says_except(pair.a) if one < other else 0
    other += _says_except(pair.b) if other < one else 0
    if one % 2 != other % 2 or (one != other and pair.is_small_edit()):
        return f"{one} negations against {other}"
    for first in pair.lone_a():
        for second in pair.lone_b():
            if _is_negated_form(first.norm, second.norm, pair.lexicon):
                return f"{first.norm} against {second.norm}"
    verbs = [{t.norm for t in lone} & w.NEGATIVE_VERBS for lone in (pair.lone_a(), pair.lone_b())]
    if bool(verbs[0]) != bool(verbs[1]) and pair.is_small_edit():
        return f"{sorted(verbs[0] | verbs[1])} on one side only"
    return None


def _is_negated_form(one: str, other: str, lexicon: Lexicon) -> bool:
    short, long = sorted((one, other), key=len)
    stems = {long[len(p) :] for p in NEGATIVE_PREFIXES if long.startswith(p) and len(long) - len(p) > 3}
    if any(lexicon.lemmas(stem) & lexicon.lemmas(short) for stem in stems):
        return True
    return (long.endswith("less") or long.endswith("free")) and long[:-4] and long[:-4] == short[: len(long) - 4]


def _classes(parsed: Parsed, table: dict[str, str]) -> Counter[str]:
    return Counter(table[t.norm] for t in parsed.tokens if t.norm in table)


def check_quantifiers(pair: Pair) -> str | None:
    """`only`, `both`, `half`, `except` ... must agree; `all`, `some`, `any` where the rest is equal."""
    one, other = (_classes(p, w.QUANTIFIERS_STRONG) for p in (pair.a, pair.b))
    if set(one) != set(other):
        return f"quantifiers {sorted(set(one) ^ set(other))} on one side only"
    one, other = (_weak_quantifiers(p) for p in (pair.a, pair.b))
    only, only_other = set(one) - set(other), set(other) - set(one)
    listing = pair.asks_for_list()
    loose = {"some", "any", "many"} | ({"all"} if listing else set())
    if only - loose and only_other - loose or (only and only_other and pair.is_small_edit() and not listing
                                               and {*only, *only_other} != {"some", "any"}):  # fmt: skip
        return f"quantifiers {sorted(only)} against {sorted(only_other)}"
    if (only | only_other) - loose and pair.is_small_edit():
        return f"quantifiers {sorted(only | only_other)} on one side only"
    return None


def _weak_quantifiers(parsed: Parsed) -> Counter[str]:
    """`most` after `the` is a degree and left to that check."""
    counts = _classes(parsed, w.QUANTIFIERS_WEAK)
    for i, token in enumerate(parsed.tokens):
        if token.norm in ("most", "mostly") and (i == 0 or parsed.tokens[i - 1].norm in _BEFORE_DEGREE):
            counts["most"] -= 1
    return +counts


_BEFORE_DEGREE: Final = frozenset("the a my your is are be this that earn learned used s i".split())
_BEFORE_LAST: Final = _BEFORE_DEGREE | frozenset("our his her their in during at to of for from on since".split())


def _scopes(parsed: Parsed) -> set[str]:
    """Scope words; `last` only where it is no verb (`how long does it last`)."""
    found = set()
    for i, token in enumerate(parsed.tokens):
        name = w.SCOPE_WORDS.get(token.norm)
        verb = token.norm == "last" and i > 0 and parsed.tokens[i - 1].norm not in _BEFORE_LAST
        if name and not verb:
            found.add(name)
    return found


def check_scope(pair: Pair) -> str | None:
    """`first`, `last`, `next`, `other`, `again` ... must agree."""
    one, other = _scopes(pair.a), _scopes(pair.b)
    if one - other and other - one:
        return f"scope {sorted(one - other)} against {sorted(other - one)}"
    if one != other and (pair.is_small_edit() or (one ^ other) & {"first", "last", "next", "previous"}):
        return f"scope {sorted(one ^ other)} on one side only"
    return None


def _degrees(parsed: Parsed, lexicon: Lexicon) -> set[str]:
    found = set()
    for token in parsed.tokens:
        if token.norm in _IRREGULAR_DEGREE:
            found.add(_IRREGULAR_DEGREE[token.norm])
        elif token.kind == "word" and len(token.norm) > 4 and token.content:
            for ending, degree in (("est", "most"), ("er", "more")):
                if token.norm.endswith(ending) and _is_adjective_form(token.norm, ending, lexicon):
                    found.add(degree)
    return found


def _is_adjective_form(word: str, ending: str, lexicon: Lexicon) -> bool:
    """Whether the ending is a degree: `cheaper`, not `teacher` (whose base is a verb) or `forest`."""
    if ending == "er" and lexicon.knows_exactly(word):
        return False
    return len(lexicon.lemmas(word)) > 1 and not lexicon.knows_exactly(word)


def check_comparatives(pair: Pair) -> str | None:
    """More against less, best against worst; base against comparative where the rest is equal."""
    one, other = _degrees(pair.a, pair.lexicon), _degrees(pair.b, pair.lexicon)
    up, down = {"more", "most"}, {"less", "least"}
    if (one & up and other & down and not other & up) or (one & down and other & up and not one & up):
        return f"degree {sorted(one)} against {sorted(other)}"
    if bool(one & down) != bool(other & down):
        return f"degree {sorted(one)} against {sorted(other)}"
    if one != other and "more" in one ^ other and not pair.lone_a() and not pair.lone_b():
        return f"degree {sorted(one)} against {sorted(other)}"
    return None


def check_antonyms(pair: Pair) -> str | None:
    """An unmatched word whose opposite is unmatched on the other side."""
    for first in pair.lone_a():
        for second in pair.lone_b():
            if first.kind != "word" or second.kind != "word":
                continue
            if pair.lexicon.antonyms(first.norm, second.norm) or are_opposites(
                pair.lexicon.lemmas(first.norm), pair.lexicon.lemmas(second.norm)
            ):
                return f"{first.norm} against {second.norm}"
    return None


def is_name(token: Token, lexicon: Lexicon) -> bool:
    """Capitalised inside a sentence, known only as a name, or a word that no dictionary knows."""
    if token.kind != "word" or not token.content or token.norm in w.FILLERS:
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


def _is_titled(parsed: Parsed) -> bool:
    """Most words are capitalised, so that capitals say nothing."""
    content = [t for t in parsed.tokens if t.kind == "word" and t.content]
    return len(content) >= 4 and sum(t.capital for t in content) > 0.7 * len(content)


def check_wh_word(pair: Pair) -> str | None:
    """Who, when, where, why and how many ask for different things."""
    one, other = pair.asked_a, pair.asked_b
    if not compatible(one, other):
        return f"asks {one} against {other}"
    small = not pair.lone_a() and not pair.lone_b()
    if small and one != other and "none" not in (one, other) and {one, other} != {"how", "what"} and not (
        pair.asks_for_list() or {one, other} == {"how", "where"} or _is_how_do_i(pair)
    ):
        return f"asks {one} against {other}, all else equal"
    return None


def _is_how_do_i(pair: Pair) -> bool:
    """`Is it possible to ..., and how?` beside `how do I ...`."""
    return pair.asked_a in ("how", "yes_no") and pair.asked_b in ("how", "yes_no") and all(
        "how" in p.norms() for p in (pair.a, pair.b)
    )


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
        return "" if tense == "present" or (how and tense in ("can", "should", "would", "may", "must")) else f"tense {tense}"
    if norm in w.PRONOUNS:
        person = w.PRONOUNS[norm]
        if person == "it" or (how and person in ("generic", "first")):
            return ""
        return f"person {person}" if person not in ("generic", "first") or norm in _POSSESSIVES else "person any"
    name = w.PREPOSITIONS.get(norm, norm)
    return "" if name == "plain" else name


_TURNING: Final = frozenset("from_ before after above below inside outside against than".split())
_POSSESSIVES: Final = frozenset("my mine our ours your yours".split())


def check_function_words(pair: Pair) -> str | None:
    """Where all content is matched, differing tense, mood, person or preposition makes another question."""
    if pair.lone_a() or pair.lone_b():
        return None
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
    if pair.names_time() or {pair.asked_a, pair.asked_b} <= {"how_long", "how_much"}:  # what is offered next term will be offered next term
        only_a, only_b = only_a - {"tense future"}, only_b - {"tense future"}
    if only_a != only_b and (only_a and only_b or _weighty(only_a | only_b)):
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
        if mine and yours and _is_exchange(edit) and not all(_harmless(t) for t in (*mine, *yours)):
            return f"{' '.join(t.norm for t in mine)} exchanged for {' '.join(t.norm for t in yours)}"
    return None


def _is_exchange(edit: Edit) -> bool:
    return max(len(edit.content_a()), len(edit.content_b())) <= 2


_EASY: Final = frozenset("easiest easy easily simplest simple effective efficient".split())


def _is_redundant(token: Token, other: Parsed, lexicon: Lexicon) -> bool:
    """Whether the other question says the same with a word that is already matched (`city` beside `capital`)."""
    return any(
        match_score(token, o, lexicon) > 0 or lexicon.above(token.norm, o.norm)
        for o in other.tokens
        if is_salient(o) and o.kind == "word"
    )


def check_insertion(pair: Pair) -> str | None:
    """A salient word added in one place while all else is matched."""
    lone_a, lone_b = pair.lone_a(), pair.lone_b()
    if bool(lone_a) == bool(lone_b) or not pair.is_small_edit():
        return None
    other = pair.b if lone_a else pair.a
    how = pair.asked_a == pair.asked_b == "how"
    added = [
        t
        for t in (*lone_a, *lone_b)
        if not _harmless(t) and not _is_redundant(t, other, pair.lexicon) and not (how and t.norm in _EASY)
    ]
    return f"only one side says {' '.join(t.norm for t in added)}" if added else None

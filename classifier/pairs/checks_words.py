"""Checks of words: negation, quantifiers, scope, degree, opposites, names, question words and one-place edits.

See `checks` for the contract.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

from classifier.pairs import words as w
from classifier.pairs.lexicon import NEGATIVE_PREFIXES, Lexicon
from classifier.pairs.once import once
from classifier.pairs.pair import Pair
from classifier.pairs.text import Parsed, Token

_WITHOUT: Final = ("less", "free")
_IDIOMS: Final = (("or", "not"), ("whether", "not"), ("not", "only"), ("no", "matter"))
_IRREGULAR_DEGREE: Final = {
    "better": "more", "best": "most", "worse": "less", "worst": "least", "more": "more", "most": "most",
    "less": "less", "least": "least", "fewer": "less", "fewest": "least", "max": "most", "min": "least",
}  # fmt: skip


@once
def _negations(parsed: Parsed) -> int:
    norms = parsed.norms()
    count = sum(norm in w.NEGATORS for norm in norms)
    for first, second in _IDIOMS:
        count -= sum(norms[i : i + 2] == [first, second] for i in range(len(norms) - 1))
    return count


@once
def _says_except(parsed: Parsed) -> int:
    """`avoid Mondays` and `other than Mondays` say what a negation says on the other side."""
    norms = parsed.norms()
    return int(
        bool(
            {"avoid", "except", "besides", "excluding", "unpaid", "fail", "fails"} & set(norms)
            or "other than" in " ".join(norms)
        )
    )


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
    if not long.startswith(NEGATIVE_PREFIXES) and not long.endswith(_WITHOUT):
        return False
    stems = {long[len(p) :] for p in NEGATIVE_PREFIXES if long.startswith(p) and len(long) - len(p) > 3}
    if any(lexicon.lemmas(stem) & lexicon.lemmas(short) for stem in stems):
        return True
    return long.endswith(_WITHOUT) and len(long) > 4 and long[:-4] == short[: len(long) - 4]


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
    if (only - loose and only_other - loose) or (only and only_other and pair.is_small_edit() and not listing
                                               and {*only, *only_other} != {"some", "any"}):  # fmt: skip
        return f"quantifiers {sorted(only)} against {sorted(only_other)}"
    if pair.asked_a == pair.asked_b == "yes_no" and (only | only_other) - {"some", "any", "many"}:
        return f"yes or no of {sorted(only) or 'nothing'} against {sorted(only_other) or 'nothing'}"
    if (
        (only | only_other) - loose
        and pair.is_small_edit()
        and (pair.is_one_edit() or not pair.lone_a() + pair.lone_b())
    ):
        return f"quantifiers {sorted(only | only_other)} on one side only"
    return None


@once
def _weak_quantifiers(parsed: Parsed) -> Counter[str]:
    """`most` after `the` is a degree and left to that check."""
    counts = _classes(parsed, w.QUANTIFIERS_WEAK)
    for i, token in enumerate(parsed.tokens):
        if token.norm == "few" and (i == 0 or parsed.tokens[i - 1].norm not in _BEFORE_FEW):
            counts["some"] -= 1
            counts["few"] += 1
        if token.norm in ("most", "mostly") and (i == 0 or parsed.tokens[i - 1].norm in _BEFORE_DEGREE):
            counts["most"] -= 1
    return +counts


_BEFORE_DEGREE: Final = w.word_set("the a my your is are be this that earn learned used s i")
_BEFORE_FEW: Final = w.word_set("a the last past next first these those quite my your")
_BEFORE_LAST: Final = _BEFORE_DEGREE | w.word_set("our his her their in during at to of for from on since")


@once
def _scopes(parsed: Parsed) -> set[str]:
    """Scope words; `last` only where it is no verb (`how long does it last`)."""
    found = set()
    for i, token in enumerate(parsed.tokens):
        name = w.SCOPE_WORDS.get(token.norm)
        timed = i + 1 < len(parsed.tokens) and parsed.tokens[i + 1].norm in w.UNITS  # `scrap last month`
        verb = token.norm == "last" and i > 0 and parsed.tokens[i - 1].norm not in _BEFORE_LAST and not timed
        if name and not verb:
            found.add(name)
    return found


_DIFFER: Final = w.word_set("different difference")


def check_scope(pair: Pair) -> str | None:
    """`first`, `last`, `next`, `other`, `again` ... must agree."""
    one, other = _scopes(pair.a), _scopes(pair.b)
    if not {"same"} & (one | other) and (pair.asks_for_list() or {*pair.a.norms(), *pair.b.norms()} >= _DIFFER):
        one, other = one - {"different"}, other - {"different"}  # the (different) kinds there are
    if one - other and other - one:
        return f"scope {sorted(one - other)} against {sorted(other - one)}"
    alone = pair.is_one_edit() or not (pair.lone_a() or pair.lone_b())
    if one != other and (alone or (one ^ other) & {"first", "last", "previous"}):
        return f"scope {sorted(one ^ other)} on one side only"
    return None


@once
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
    adjective = lexicon.may_be_adjective(word) if ending == "est" else lexicon.is_adjective(word)
    if lexicon.knows_exactly(word) and not adjective:
        return False
    return len(lexicon.lemmas(word)) > 1


def _asks_way(pair: Pair) -> bool:
    """The best way to do something is how to do it."""
    return pair.asked_a == "how" or bool(_WAYS & {*pair.a.norms(), *pair.b.norms()})


_WAYS: Final = w.word_set("way ways method methods tip tips practice practices")


_PRAISED: Final = w.word_set("good best great greatest top nice nicest")  # which good ones there are


def check_comparatives(pair: Pair) -> str | None:
    """More against less, best against worst; base against comparative where the rest is equal."""
    one, other = _degrees(pair.a, pair.lexicon), _degrees(pair.b, pair.lexicon)
    up, down = {"more", "most"}, {"less", "least"}
    if (one & up and other & down and not other & up) or (one & down and other & up and not one & up):
        return f"degree {sorted(one)} against {sorted(other)}"
    if bool(one & down) != bool(other & down):
        return f"degree {sorted(one)} against {sorted(other)}"
    added = [t.norm for t in (*pair.lone_a(), *pair.lone_b())]
    best = any(norm.endswith("est") or _IRREGULAR_DEGREE.get(norm) == "most" for norm in added)
    praised = pair.asks_for_list() and all(_PRAISED & {*p.norms()} for p in (pair.a, pair.b))
    if "most" in one ^ other and best and pair.is_one_edit() and not praised and not _asks_way(pair):
        return f"degree {sorted(one)} against {sorted(other)}"
    how = "how" in (pair.asked_a, pair.asked_b)
    if (
        "most" in one ^ other
        and not how
        and not _asks_way(pair)
        and any(_is_superlative(n, pair.lexicon) for n in added)
    ):
        return f"degree {sorted(one)} against {sorted(other)}"
    whole = not pair.lone_a() and not pair.lone_b()
    if one != other and whole and ("more" in one ^ other or (pair.is_one_edit() and pair.asked_a != "how")):
        return f"degree {sorted(one)} against {sorted(other)}"
    return None


def _is_superlative(word: str, lexicon: Lexicon) -> bool:
    """`Highest`; praise like `greatest` says little."""
    return word.endswith("est") and word not in _PRAISED and _is_adjective_form(word, "est", lexicon)


def _unmatched(parsed: Parsed, places: Iterable[int]) -> list[Token]:
    """Unmatched content, light words too (`get` turns `give` round), and what stands for `increase` and `decrease`."""
    return [parsed.tokens[i] for i in places if parsed.tokens[i].content or parsed.tokens[i].norm in ("up", "down")]


def check_antonyms(pair: Pair) -> str | None:
    """An unmatched word whose opposite is unmatched on the other side."""
    for first in _unmatched(pair.a, pair.alignment.only_a):
        for second in _unmatched(pair.b, pair.alignment.only_b):
            if first.kind != "word" or second.kind != "word":
                continue
            if pair.lexicon.antonyms(first.norm, second.norm):
                return f"{first.norm} against {second.norm}"
    return None

"""Checks of order: the same words in another order, and what stands after `from` and `to`. See `checks`.

Content that moved is harmless only in three shapes: one phrase that keeps its preposition (or names a time), a
swap inside a list, and a modifier that changed sides (`easy courses`, `courses that are easy`).
"""

from __future__ import annotations

from typing import Final

from classifier.pairs import words as w
from classifier.pairs.checks_asked import GENERIC_SUBJECTS, voice_of
from classifier.pairs.once import once
from classifier.pairs.pair import Pair, is_salient
from classifier.pairs.phrases import POINTING
from classifier.pairs.text import Parsed

_DIRECTED: Final = ("from_", "to", "before", "after", "by", "than", "against", "above", "below", "because")
_LIST: Final = w.word_set("and or versus vs between with both") | w.ARTICLES
_REPLACING: Final = w.word_set("replace substitute swap exchange trade confuse mistake compare")  # A with B
_MEASURES: Final = w.word_set("best cost costs price worth legal legally allowed average expensive possible safe")
_COUNTS: Final = w.word_set("number amount count")
_LEADING: Final = w.word_set("in on at for during if when as of within since with without under about before after by")
_MODIFYING: Final = w.word_set("that which who are is was were of be being been for in on with the a an s")


_OBJECTS: Final = w.word_set("me him us them")


@once
def _arguments(parsed: Parsed) -> dict[str, set[str]]:
    """The first content word after each directed preposition."""
    found: dict[str, set[str]] = {}
    for i, token in enumerate(parsed.tokens):
        name = w.PREPOSITIONS.get(token.norm)
        if name in _DIRECTED:
            after = next((t.norm for t in parsed.tokens[i + 1 : i + 5] if t.content or t.norm in _OBJECTS), None)
            if after:
                found.setdefault(name, set()).add(after)
    return found


def check_direction(pair: Pair) -> str | None:
    """A word that follows `from` on one side and `to` on the other turns the question round."""
    one, other = _arguments(pair.a), _arguments(pair.b)
    for first, second in (("from_", "to"), ("before", "after"), ("above", "below"), ("by", "to")):
        mine, yours = one.get(first, set()), other.get(first, set())
        crossed = (mine & other.get(second, set())) | (one.get(second, set()) & yours)
        if crossed - (mine & yours) - (one.get(second, set()) & other.get(second, set())):
            return f"{sorted(crossed)} after {first.strip('_')} against {second}"
    for name in ("than", "by", "against"):
        mine, yours = one.get(name, set()), other.get(name, set())
        if mine and yours and not mine & yours and pair.moved:
            return f"{sorted(mine)} against {sorted(yours)} after {name}"
    return None


_TIMES: Final = w.word_set("before after prior following")
_OTHER_TIMES: Final = _TIMES | w.word_set("during at on in since without until")
_PARTICLES: Final = {"in": "out", "into": "out", "on": "off", "onto": "off", "up": "down", "over": "under"}
_IN_OR_OUT: Final = {(one, other) for pair in _PARTICLES.items() for one, other in (pair, pair[::-1])}


def check_lead(pair: Pair) -> str | None:
    """The same word with another time before it (`before the operation`, `during the operation`) or another particle
    behind it (`scale up`, `scale down`)."""
    for link in pair.alignment.links:
        token = pair.a.tokens[link.a]
        if not is_salient(token):
            continue
        after = _word_at(pair.a, link.a + 1), _word_at(pair.b, link.b + 1)
        if after in _IN_OR_OUT:
            return f"{token.norm} {after[0]} against {after[1]}"
        leads = _lead_place(pair.a, link.a), _lead_place(pair.b, link.b)
        first, second = _word_at(pair.a, leads[0]), _word_at(pair.b, leads[1])
        if not ({first, second} <= _OTHER_TIMES and {first, second} & _TIMES):
            continue
        if w.PREPOSITIONS.get(first) != w.PREPOSITIONS.get(second):
            return f"{first} against {second} {token.norm}"
        spans = _word_at(pair.a, leads[0] - 1), _word_at(pair.b, leads[1] - 1)
        if w.UNITS.get(spans[0]) != w.UNITS.get(spans[1]):  # `the week after the race`, `right after the race`
            return f"{spans[0]} against {spans[1]} {first} {token.norm}"
    return None


def _word_at(parsed: Parsed, at: int) -> str:
    return parsed.tokens[at].norm if 0 <= at < len(parsed.tokens) else ""


def _lead_place(parsed: Parsed, at: int) -> int:
    """Where the word before a word and its articles stands; -1 at the start."""
    at -= 1
    while at >= 0 and parsed.tokens[at].norm in POINTING:
        at -= 1
    return at


def check_word_order(pair: Pair) -> str | None:
    """All content is matched but stands in another order."""
    whole = not pair.alignment.only_a and not pair.alignment.only_b  # a mere permutation: light words count too
    moved = [t for t in pair.moved if is_salient(t) or (whole and t.content)]
    if not moved or len(pair.lone_a()) + len(pair.lone_b()) > 1:
        return None
    if _is_list_swap(pair) or _is_modifier_swap(pair) or _explains_moves(pair, _links(pair, whole), 2):
        return None
    return f"same words in another order ({', '.join(t.norm for t in moved[:3])})"


def _links(pair: Pair, light: bool = False) -> list[tuple[int, int]]:
    """Places of the matched salient tokens (and the light ones), in the order of the first question."""
    return [
        (x.a, x.b) for x in pair.alignment.links if is_salient(token := pair.a.tokens[x.a]) or (light and token.content)
    ]


def _explains_moves(pair: Pair, links: list[tuple[int, int]], budget: int) -> bool:
    """Whether taking out runs of neighbours that are free to stand elsewhere leaves the rest in order.

    A phrase that keeps its preposition costs 1, anything else that may move 2.
    """
    if _ordered(links):
        return True
    for at in range(len(links) - 1):
        if links[at][1] > links[at + 1][1] and _links_modifier(pair, links[at], links[at + 1]):
            swapped = [*links[:at], links[at + 1], links[at], *links[at + 2 :]]
            if budget and _explains_moves(pair, swapped, budget - 1):
                return True
    for start in range(len(links)):
        for end in range(start + 1, min(start + 5, len(links)) + 1):
            run, rest = links[start:end], links[:start] + links[end:]
            if not rest or not _ordered(run) or not _is_block(run, rest):
                continue
            cost = _cost_of_move(pair, run)
            if cost and cost <= budget and _explains_moves(pair, rest, budget - cost):
                return True
    return False


def _cost_of_move(pair: Pair, run: list[tuple[int, int]]) -> int:
    """1 for a phrase that keeps its preposition, 2 for a measure, a list's part or what is listed, 0 for no move."""
    if _keeps_lead(pair, run) or (len(run) == 1 and _turns_passive(pair, *run[0])):
        return 1
    head = pair.a.tokens[run[0][0]].norm
    if len(run) == 1 and pair.lexicon.is_adjective(head):  # `tours that are free` beside `free tours`
        return 1 if _is_predicate(pair.a, run[0][0]) != _is_predicate(pair.b, run[0][1]) else 0
    words = [pair.a.tokens[a].norm for a, _ in run]
    counting = pair.asked_a == pair.asked_b and pair.asked_a in ("how_many", "how_much")
    if len(run) == 1 and (words[0] in _MEASURES or words[0].endswith("est") or (counting and words[0] in _COUNTS)):
        return 2
    if _directed(pair.a) or _directed(pair.b):
        return 0
    if _is_listed(pair.a, run[0][0], run[-1][0]) and _is_listed(pair.b, run[0][1], run[-1][1]):
        return 2
    return 2 if pair.list_head() in [a for a, _ in run] else 0


def _is_listed(parsed: Parsed, first: int, last: int) -> bool:
    """Whether `and`, `or` or `versus` stands right before or after the run."""
    joints = w.word_set("and or versus vs")
    before = [t.norm for t in parsed.tokens[max(0, first - 2) : first] if t.norm not in w.ARTICLES][-1:]
    after = [t.norm for t in parsed.tokens[last + 1 : last + 2]]
    return bool(joints & {*before, *after})


def _directed(parsed: Parsed) -> bool:
    return any(w.PREPOSITIONS.get(t.norm) in _DIRECTED for t in parsed.tokens)


def _ordered(links: list[tuple[int, int]]) -> bool:
    return all(links[i][1] < links[i + 1][1] for i in range(len(links) - 1))


def _is_block(run: list[tuple[int, int]], rest: list[tuple[int, int]]) -> bool:
    """The run also stands together in the second question."""
    low, high = run[0][1], run[-1][1]
    return not any(low < b < high for _, b in rest)


def _keeps_lead(pair: Pair, run: list[tuple[int, int]]) -> bool:
    first, second = _lead(pair.a, run[0][0]), _lead(pair.b, run[0][1])
    if (first and first == second) or (len(run) > 1 and _is_purpose(pair, *run[0])):
        return True
    head = pair.a.tokens[run[0][0]].norm
    timed = head in w.DATES or head in w.SCOPE_WORDS or any(pair.a.tokens[a].norm in w.DATES for a, _ in run)
    passive = {first, second} == {"by", ""} and any(t.norm in w.AUXILIARIES for t in (*pair.a.tokens, *pair.b.tokens))
    turned = first != second and {first, second} & {"before", "after", "since"}
    return (timed and bool(first or second) and not turned) or (timed and len(run) > 1) or passive


def _is_purpose(pair: Pair, at: int, other: int) -> bool:
    """`To board early, which ticket ...` beside `which ticket ... to board early`."""
    verb = pair.lexicon.may_be_verb(pair.a.tokens[at].norm) and pair.lexicon.may_be_verb(pair.b.tokens[other].norm)
    return verb and at > 0 and other > 0 and pair.a.tokens[at - 1].norm == pair.b.tokens[other - 1].norm == "to"


def _is_predicate(parsed: Parsed, at: int) -> bool:
    return at > 0 and parsed.tokens[at - 1].norm in ("is", "are", "was", "were")


def _lead(parsed: Parsed, at: int) -> str:
    """The preposition before a phrase, looking past articles and the like; empty if there is none."""
    for token in reversed(parsed.tokens[max(0, at - 3) : at]):
        if is_salient(token):
            return ""
        if token.norm in _LEADING:
            return token.norm
        if token.norm in w.PREPOSITIONS:
            return ""
    return ""


def _swapped_neighbours(links: list[tuple[int, int]]) -> list[int] | None:
    """Positions i where links i and i+1 changed places; None if the order cannot be explained by such swaps."""
    order = [b for _, b in links]
    swaps = []
    for i in range(len(order) - 1):
        if order[i] > order[i + 1]:
            order[i], order[i + 1] = order[i + 1], order[i]
            swaps.append(i)
    return swaps if order == sorted(order) and swaps else None


def _between(parsed: Parsed, one: int, other: int) -> set[str]:
    low, high = sorted((one, other))
    return {t.norm for t in parsed.tokens[low + 1 : high]}


def _is_list_swap(pair: Pair) -> bool:
    """Neighbours joined by `and`, `or` or `versus` changed places and nothing else did."""
    links = _links(pair)
    swaps = _swapped_neighbours(links)
    if swaps is None or any(_REPLACING & pair.lexicon.lemmas(norm) for norm in pair.a.norms()):
        return False
    for i in swaps:
        (a1, b1), (a2, b2) = links[i], links[i + 1]
        between = _between(pair.a, a1, a2), _between(pair.b, b1, b2)
        if not all(part - w.ARTICLES and part <= _LIST for part in between):
            return False
    return True


def _is_modifier_swap(pair: Pair) -> bool:
    """`Y X` on one side, `X that is Y` or `X of Y` on the other: exactly one side has a linking word between."""
    links = _links(pair)
    swaps = _swapped_neighbours(links)
    if swaps is None:
        return False
    return all(_links_modifier(pair, links[i], links[i + 1]) for i in swaps)


def _links_modifier(pair: Pair, one: tuple[int, int], other: tuple[int, int]) -> bool:
    between = _between(pair.a, one[0], other[0]), _between(pair.b, one[1], other[1])
    filled = [part for part in between if part]
    return len(filled) == 1 and filled[0] <= _MODIFYING and not filled[0] <= w.ARTICLES


def _turns_passive(pair: Pair, at: int, other: int) -> bool:
    """`May the form be signed (by me)` beside `may I sign the form`: whoever asks is the one who does it."""
    sides = ((pair.a, at), (pair.b, other))
    voices = [voice_of(parsed, place, pair.lexicon) for parsed, place in sides]
    if sorted(voices) != ["active", "passive"]:
        return False
    (active, place), (passive, _) = sides if voices[0] == "active" else sides[::-1]
    return active.tokens[place - 1].norm in GENERIC_SUBJECTS | {"to"} and _names_no_agent(passive)


def _names_no_agent(parsed: Parsed) -> bool:
    norms = parsed.norms()
    return "by" not in norms or norms[norms.index("by") + 1 : norms.index("by") + 2] in (["me"], ["us"], ["you"])

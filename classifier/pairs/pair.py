"""Two parsed questions with their alignment: what every check and feature reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from classifier.pairs import words as w
from classifier.pairs.align import Alignment, align
from classifier.pairs.lexicon import Lexicon
from classifier.pairs.once import once
from classifier.pairs.reconcile import write_alike
from classifier.pairs.slips import correct
from classifier.pairs.text import Parsed, Token, parse
from classifier.pairs.wh import Asked, asked_for

Side = Literal["a", "b"]


@dataclass(frozen=True, slots=True)
class Edit:
    """One place where the questions differ: the unmatched tokens of either side between the same neighbours."""

    only_a: tuple[Token, ...]
    only_b: tuple[Token, ...]

    def content_a(self) -> list[Token]:
        """Unmatched content of the first question, fillers left out."""
        return [t for t in self.only_a if is_salient(t)]

    def content_b(self) -> list[Token]:
        """Unmatched content of the second question, fillers left out."""
        return [t for t in self.only_b if is_salient(t)]


@dataclass(frozen=True, slots=True)
class Pair:
    """`edits` are the in-place differences; `moved` counts matched content tokens that stand in another order."""

    a: Parsed
    b: Parsed
    alignment: Alignment
    edits: tuple[Edit, ...]
    moved: tuple[Token, ...]
    asked_a: Asked
    asked_b: Asked
    lexicon: Lexicon
    known: dict[Any, Any] = field(init=False, repr=False, compare=False, default_factory=dict)  # see `once`

    @once
    def lone_a(self) -> list[Token]:
        """Unmatched salient content of the first question."""
        return [t for i in self.alignment.only_a if is_salient(t := self.a.tokens[i])]

    @once
    def lone_b(self) -> list[Token]:
        """Unmatched salient content of the second question."""
        return [t for j in self.alignment.only_b if is_salient(t := self.b.tokens[j])]

    @once
    def asks_for_list(self) -> bool:
        """Whether both ask which things there are: `which rooms are free`, `are there any free rooms`, `list ...`."""
        return asks_for_list(self.a, self.asked_a) and asks_for_list(self.b, self.asked_b)

    def list_head(self) -> int | None:
        """Place in the first question of the thing that both questions ask for a list of, if it is the same."""
        if not self.asks_for_list():
            return None
        head, other = _head_of(self.a), _head_of(self.b)
        return head if any((link.a, link.b) == (head, other) for link in self.alignment.links) else None

    def names_time(self) -> bool:
        """Whether both sides say when, so that the tense adds nothing."""
        return all(any(t.norm in w.DATES or t.norm == "next" for t in p.tokens) for p in (self.a, self.b))

    @once
    def is_one_edit(self) -> bool:
        """Whether one question is the other with a single change, articles and fillers apart."""
        places = [e for e in self.edits if any(speaks(t) for t in (*e.only_a, *e.only_b))]
        return len(places) <= 1 and not any(is_salient(t) for t in self.moved)

    @once
    def is_small_edit(self) -> bool:
        """Whether all content is matched but for at most one place: then each difference must be harmless."""
        lone_a, lone_b = self.lone_a(), self.lone_b()
        places = [e for e in self.edits if e.content_a() or e.content_b()]
        return len(places) <= 1 and max(len(lone_a), len(lone_b)) <= 3


def is_salient(token: Token) -> bool:
    """Whether leaving the token out may change the answer."""
    return token.content and token.norm not in w.FILLERS


def asks_for_list(parsed: Parsed, asked: Asked) -> bool:
    """`which`, `what ... are`, `are there`, `show`, `list`."""
    norms = parsed.norms()
    head = norms[:7]
    if asked == "what":
        return "are" in norms or "which" in head or "do" not in head
    if asked == "yes_no":
        return "there" in norms[:3] or "any" in norms[:4]
    return asked == "none" and bool(
        {"show", "list", "name", "give", "find", "any"} & set(head) or {"which", "what"} & set(norms)
    )


def _head_of(parsed: Parsed) -> int | None:
    """The last word of the first run of content words: `classes` in `which upper level classes ...`."""
    head = None
    for i, token in enumerate(parsed.tokens):
        if is_salient(token) and token.norm not in ("show", "name", "give"):
            head = i
        elif head is not None:
            return head
    return head


def speaks(token: Token) -> bool:
    """Whether the token is more than an article or a filler."""
    return token.norm not in w.ARTICLES and token.norm not in w.FILLERS


def compare(first: str, second: str, lexicon: Lexicon) -> Pair:
    """Parse and align two questions, slips of typing corrected."""
    first, second = correct(first, second, lexicon)
    a, b = write_alike(parse(first), parse(second), lexicon)
    alignment = align(a, b, lexicon)
    edits, moved = _find_edits(a, b, alignment)
    return Pair(a, b, alignment, edits, moved, asked_for(a), asked_for(b), lexicon)


def _find_edits(a: Parsed, b: Parsed, alignment: Alignment) -> tuple[tuple[Edit, ...], tuple[Token, ...]]:
    """Difference of the two sequences in which linked tokens count as equal."""
    partners: list[int | None] = [None] * len(a.tokens)
    linked_b = set()
    for link in alignment.links:
        partners[link.a] = link.b
        linked_b.add(link.b)
    edits: list[Edit] = []
    moved: list[Token] = []
    at_a = at_b = 0
    for block_a, block_b, length in (*_blocks(partners, len(b.tokens)), (len(a.tokens), len(b.tokens), 0)):
        only_a = tuple(a.tokens[i] for i in range(at_a, block_a) if partners[i] is None)
        only_b = tuple(b.tokens[j] for j in range(at_b, block_b) if j not in linked_b)
        moved.extend(a.tokens[i] for i in range(at_a, block_a) if partners[i] is not None)
        if only_a or only_b:
            edits.append(Edit(only_a, only_b))
        at_a, at_b = block_a + length, block_b + length
    return tuple(edits), tuple(moved)


def _blocks(partners: Sequence[int | None], length_b: int) -> list[tuple[int, int, int]]:
    """Runs (start in a, start in b, length) of neighbours that are linked to neighbours, in order: the longest one, the
    first of equals, then what lies left and right of it. As difflib's, for tokens that have one partner at most."""
    found = []
    ranges = [(0, len(partners), 0, length_b)]
    while ranges:
        low_a, high_a, low_b, high_b = ranges.pop()
        start_a, start_b, length = _longest(partners, low_a, high_a, low_b, high_b)
        if length:
            found.append((start_a, start_b, length))
            ranges.append((low_a, start_a, low_b, start_b))
            ranges.append((start_a + length, high_a, start_b + length, high_b))
    return sorted(found)


def _longest(partners: Sequence[int | None], low_a: int, high_a: int, low_b: int, high_b: int) -> tuple[int, int, int]:
    longest = (low_a, low_b, 0)
    at = low_a
    while at < high_a:
        start, partner = at, partners[at]
        at += 1
        if partner is None or not low_b <= partner < high_b:
            continue
        while at < high_a and partner + at - start < high_b and partners[at] == partner + at - start:
            at += 1
        if at - start > longest[2]:
            longest = (start, partner, at - start)
    return longest

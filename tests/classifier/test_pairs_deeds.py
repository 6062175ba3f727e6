"""Another action on the same object is another question, whatever the wording around it."""

from __future__ import annotations

from itertools import combinations, product
from pathlib import Path

import pytest

from bench.faq_day import CHANGES, FRAMES, LIMITS
from classifier.pairs.edits import edit_pairs
from classifier.pairs.rows import PairRow
from classifier.pairs.verify import PairVerifier

NEAR = 0.97  # about the cosine of questions that differ in one word
ROWS = list(edit_pairs(Path(__file__).with_name("unseen_deeds.txt")))  # no part of any training


@pytest.fixture(scope="module")
def verifier() -> PairVerifier:
    """The shipped verifier."""
    return PairVerifier.load()


@pytest.mark.parametrize("row", [row for row in ROWS if not row.same], ids=lambda row: row.a)
def test_another_deed_is_refused_in_another_frame(verifier: PairVerifier, row: PairRow) -> None:
    """`How do I raise the quota` and `the steps to clear the quota` have two answers, whichever is cached."""
    assert not verifier.decide(row.a, row.b, NEAR).serve
    assert not verifier.decide(row.b, row.a, NEAR).serve


@pytest.mark.parametrize("row", [row for row in ROWS if row.same], ids=lambda row: row.a)
def test_the_same_deed_is_served_in_another_frame(verifier: PairVerifier, row: PairRow) -> None:
    """Other ways to ask how, and synonyms of the deed, change nothing."""
    verdict = verifier.decide(row.a, row.b, NEAR)
    assert verdict.serve, verdict.reason


@pytest.mark.parametrize("limit", LIMITS)
def test_no_change_of_a_limit_is_served_for_another(verifier: PairVerifier, limit: str) -> None:
    """Increase, decrease and remove, in each wording of the bank's help page against each other wording."""
    served = [
        (frame.format(deed=f"{one} the {limit}"), other_frame.format(deed=f"{other} the {limit}"))
        for one, other in combinations(CHANGES, 2)
        for frame, other_frame in product(FRAMES, FRAMES)
        if verifier.decide(
            frame.format(deed=f"{one} the {limit}"), other_frame.format(deed=f"{other} the {limit}"), NEAR
        ).serve
    ]
    assert served == []

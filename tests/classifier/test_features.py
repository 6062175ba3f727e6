"""Lexical features: what they ignore, and what they must not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier import features
from classifier.features import NAMES, fold, lexical


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("What is Rust?", "WHAT IS RUST?"),
        ("Crème brûlée recipe", "creme brulee recipe"),
        ("thaaaaanks", "thaanks"),
        ("two   blanks\t here", "two blanks here"),
    ],
)
def test_case_accents_and_blanks_change_nothing(one: str, other: str) -> None:
    """Two spellings of the same text fold to the same text."""
    assert fold(one) == fold(other)


@given(st.text(max_size=300))
def test_any_text_has_finite_features(text: str) -> None:
    """No text breaks the features, and the same text gives the same numbers."""
    found = lexical(text)
    assert found.dense.shape == (len(NAMES),)
    assert np.isfinite(found.dense).all()
    assert (np.diff(found.buckets) > 0).all()
    assert np.array_equal(found.dense, lexical(text).dense)


def test_concepts_are_seen_in_several_languages() -> None:
    """A proof is a proof in English, German, French, Spanish, Russian and Chinese."""
    at = NAMES.index("says_prove")
    for text in ("Prove it", "Beweise es", "Démontrez-le", "Demuéstralo", "Докажите это", "请证明"):
        assert lexical(text).dense[at] > 0, text


def test_a_long_text_is_read_at_both_ends() -> None:
    """What stands in the first and in the last lines counts, however long the middle."""
    middle = "plain words without meaning " * 2_000
    at = NAMES.index("says_prove")
    assert lexical("Prove it. " + middle).dense[at] > 0
    assert lexical(middle + " Prove it.").dense[at] > 0
    assert lexical(middle).dense[at] == 0


@given(
    st.text(alphabet="abx19 `=-:);>{<&|#/(\n\\$^+*٣π", max_size=40), st.sampled_from(["", "select a from b", "def f("])
)
def test_code_and_maths_are_counted_wherever_they_are(text: str, more: str) -> None:
    """The quick look for their signs hides no match of the patterns."""
    folded = fold(text + more)
    dense = dict(zip(NAMES, lexical(text + more).dense, strict=True))
    assert dense["code_marks"] == np.float32(np.log1p(len(features._CODE.findall(folded))))
    assert dense["maths_marks"] == np.float32(np.log1p(len(features._MATHS.findall(folded))))

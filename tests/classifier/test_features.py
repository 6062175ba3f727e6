"""Lexical features: what they ignore, and what they must not."""

from __future__ import annotations

import hashlib
import itertools
import json
import random
import re
import zlib
from collections import Counter

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


# What is odd in texts: scripts, digits, blanks, marks of code, maths and lists, words of the lexicon, half a letter.
ODD = (
    *("ab", "x", "aaa", "AAA", "B", "é", "e\u0301", "ß", "İ", "ﬁ", "ς", "中", "翻译", "コード", "안녕", "🙂", "\ud800"),
    *("1", "0", "12,5", "3.4.5", "９", "٣", "½", "Ⅷ", "𝟏", "𞥐", "2 x 3", "2-x", "a = b", "a=b=c", "b / c", "x\n+ 1"),
    *(
        "=",
        "+",
        "*",
        "/",
        "<",
        ">",
        "-",
        "^",
        "$",
        "$a$",
        "\\al",
        "\\a",
        "π",
        "×",
        "%",
        "|",
        "||",
        "&&",
        "```",
        "=>",
        "->",
    ),
    *("::", ");", "{ \n", "#include", "</b>", "def f(", "undef f(", "select a from b", "preselect a from"),
    *(
        " ",
        "\n",
        "\n\n",
        "\t",
        "\r\n",
        "\x0b",
        "\x1c",
        "\x1f",
        "\u2028",
        "\u00a0",
        ".",
        "?",
        "!",
        "。",
        "？",
        "...",
        ",",
        ":",
    ),
    *("'", "’", "'s", "’t", "c++", "c#", "#", "_", "___", "[mask]", "A) ", "b. ", "(c) ", "1. ", "- ", "• ", "answer:"),
    *("prove", "e-mail", "the mail", "step by step", "state of the art", "measure-theory", "fault tolerant", "thanks!"),
)
# The patterns as one would write them; what is served finds the same in other ways.
WORD = re.compile(r"[^\W_]+(?:[+#]+|['’][a-z]+)?")
NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
OPTION, ITEM = re.compile(r"(?:^|\n)\s*\(?([a-h])[.):]\s"), re.compile(r"(?:^|\n)\s*(?:[-*•]|\d{1,2}[.)])\s")
CODE = re.compile(r"```|=>|->|::|\);|\{\s*\n|\bdef \w+\(|#include|</\w+>|\bselect\b.{1,80}\bfrom\b|==|&&|\|\|")
MATHS = re.compile(
    r"\\[a-z]{2,}|\$[^$\n]{1,80}\$|[∫∑√∞≤≥≠∈∀∃∂∇π±×÷→]|\^|\b[a-z]\s?[=+*/<>]\s?[\da-z]|\d\s?[-+*/=x]\s?\d"
)


@given(st.lists(st.sampled_from(ODD), max_size=25).map("".join))
def test_what_is_counted_is_what_the_patterns_find(text: str) -> None:
    """Each quick way to count leads to the numbers of the plain one."""
    folded = fold(text)
    assert not re.search(r"([a-z])\1\1", folded)
    words = WORD.findall(folded)
    found = {name: float(value) for name, value in zip(NAMES, lexical(text).dense, strict=True)}
    size, count = max(len(folded), 1), max(len(words), 1)
    options = list(OPTION.finditer(folded))
    expected = {
        "words": np.log1p(len(words)),
        "word_length": sum(map(len, words)) / count,
        "distinct": len(set(words)) / count,
        "digits": sum(map(len, NUMBER.findall(folded))) / size,
        "numbers": np.log1p(len(NUMBER.findall(folded))),
        "maths_marks": np.log1p(len(MATHS.findall(folded))),
        "code_marks": np.log1p(len(CODE.findall(folded))),
        "option_lines": float(len(options) >= 3),
        "option_length": np.log1p((len(folded) - options[0].start()) / len(options)) if options else 0.0,
        "items": np.log1p(len(ITEM.findall(folded))),
        "non_ascii": sum(ord(character) > 127 for character in folded) / size,
        "non_latin": sum(ord(character) > 0x24F for character in folded) / size,
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected, rel=1e-6)


@given(st.lists(st.sampled_from(ODD), max_size=25).map("".join))
def test_a_bucket_is_the_checksum_of_a_word_or_of_two_neighbours(text: str) -> None:
    """Digits count as one word, and each bucket as often as its words occur."""
    words = ["#" if word.isdigit() else word for word in WORD.findall(fold(text))]
    pairs = [f"{one} {other}" for one, other in itertools.pairwise(words)]
    expected = Counter(zlib.crc32(each.encode()) % features.BUCKETS for each in [*words, *pairs])
    found = lexical(text)
    assert found.buckets.tolist() == sorted(expected)
    assert np.array_equal(found.counts, np.log1p(np.array([expected[b] for b in sorted(expected)], dtype=np.float32)))


@pytest.mark.parametrize("phrase", sorted(features._PHRASES))
def test_a_phrase_is_seen_also_where_it_begins_within_a_word(phrase: str) -> None:
    """Phrases match as pieces of the text: "the mail" has an e mail in it."""
    at = [NAMES.index(f"says_{features.CONCEPT_NAMES[index]}") for index in features._PHRASES[phrase]]
    for text in (phrase, f"un{phrase}", f"{phrase}s", phrase.replace(" ", "\t")):
        broken = lexical(text.replace(" ", " - ").replace("\t", " - ")).dense
        assert (lexical(text).dense[at] > broken[at]).all(), text


def test_odd_texts_keep_their_numbers() -> None:
    """A change of any number changes what trained artifacts say: raise VERSION and train again."""
    dice = random.Random(7)
    texts = ["", *ODD, *("".join(dice.choices(ODD, k=dice.randint(2, 400))) for _ in range(300))]
    seen = [
        [np.round(found.dense.astype(float), 3).tolist(), found.buckets.tolist(), found.chars]
        for found in map(lexical, texts)
    ]
    assert hashlib.sha256(json.dumps(seen).encode()).hexdigest()[:16] == "dfbaefd3c5773896"

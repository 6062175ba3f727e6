"""Lexical features, shared by training and serving: pure, no model, well under a millisecond for a page of text.

Two views of a prompt: `dense` (counts and shapes, 70-odd numbers) and `hashed` (words and word pairs as bucket
numbers). Case, accents, letter stretching and white space are folded away first, so that they cannot change a route.
"""

from __future__ import annotations

import re
import unicodedata
import zlib
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from classifier.lexicon import CJK, CONCEPTS

VERSION: Final = 1  # raised whenever a number below changes its meaning: an older artifact is then refused
HEAD_CHARS, TAIL_CHARS = 3_000, 1_500  # read of a longer prompt
BUCKETS: Final = 1 << 16

_WORD: Final = re.compile(r"[^\W_]+(?:[+#]+|['’][a-z]+)?")
_NUMBER: Final = re.compile(r"\d+(?:[.,]\d+)*")
_STRETCH: Final = re.compile(r"([a-z])\1{2,}")
_OPTION: Final = re.compile(r"(?:^|\n)\s*\(?([a-h])[.):]\s")
_ITEM: Final = re.compile(r"(?:^|\n)\s*(?:[-*•]|\d{1,2}[.)])\s")
# An end of a sentence, `[.!?]+(\s|$)`, or line breaks; so written that all places but those few are skipped at once.
_SENTENCE: Final = re.compile(r"[.!?。！？\n](?:(?<=\n)\n*|(?<!\n)(?:\s|$))")
_CODE: Final = re.compile(r"```|=>|->|::|\);|\{\s*\n|\bdef \w+\(|#include|</\w+>|\bselect\b.{1,80}\bfrom\b|==|&&|\|\|")
_MATHS: Final = re.compile(
    r"\\[a-z]{2,}|\$[^$\n]{1,80}\$|[∫∑√∞≤≥≠∈∀∃∂∇π±×÷→]|\^|\b[a-z]\s?[=+*/<>]\s?[\da-z]|\d\s?[-+*/=x]\s?\d"
)
_CJK: Final = re.compile(r"[぀-ヿ㐀-鿿가-힯]")
_FORMULA: Final = re.compile(r"[=<>+*/^%]")
# ASCII marks without which the two dear patterns match nowhere in ASCII; most texts have none of them.
_CODE_SIGNS: Final = frozenset("`>:;{(#<=&|")
_MATHS_SIGNS: Final = frozenset("\\$^=+*/<>0123456789")
_DIGITS: Final = frozenset("0123456789")

FloatArray = NDArray[np.float32]

_SHAPE_NAMES: Final = (
    "chars", "words", "word_length", "sentences", "lines", "digits", "numbers", "maths_marks", "code_marks",
    "formula_marks", "questions", "option_lines", "option_length", "ends_with_answer", "items", "non_ascii",
    "non_latin", "long_words", "distinct", "commas", "quotes", "colons", "parentheses", "no_question", "short",
    "sentence_length", "very_long", "has_blank",
)  # fmt: skip
CONCEPT_NAMES: Final = tuple(CONCEPTS)
NAMES: Final = (*_SHAPE_NAMES, *(f"says_{name}" for name in CONCEPT_NAMES), *(f"opens_{n}" for n in CONCEPT_NAMES))


@dataclass(frozen=True, slots=True)
class Lexical:
    """`dense`: float32 (len(NAMES),). `buckets`: sorted distinct int64; `counts`: their log(1 + occurrences)."""

    dense: FloatArray
    buckets: NDArray[np.int64]
    counts: FloatArray
    chars: int


def fold(text: str) -> str:
    """Lower case, without accents, stretched letters or runs of blanks; at most head and tail of a long text."""
    if len(text) > HEAD_CHARS + TAIL_CHARS:
        text = text[:HEAD_CHARS] + "\n" + text[-TAIL_CHARS:]
    text = text.casefold()
    if not text.isascii():
        decomposed = unicodedata.normalize("NFKD", text)
        text = "".join(c for c in decomposed if not unicodedata.combining(c))
        text = unicodedata.normalize("NFC", text)
    text = _STRETCH.sub(r"\1\1", text)
    return "\n".join(" ".join(line.split()) for line in text.splitlines()).strip()


def _build_lexicon() -> tuple[dict[str, list[int]], dict[str, list[int]], list[tuple[str, int]]]:
    whole: dict[str, list[int]] = {}
    prefixes: dict[str, list[int]] = {}
    for index, name in enumerate(CONCEPT_NAMES):
        for entry in CONCEPTS[name].split():
            table = whole if entry.endswith("=") else prefixes
            table.setdefault(fold(entry.rstrip("=").replace("-", " ")), []).append(index)
    substrings = [(stem, CONCEPT_NAMES.index(name)) for name, stems in CJK.items() for stem in stems.split()]
    return whole, prefixes, substrings


_WHOLE, _PREFIXES, _SUBSTRINGS = _build_lexicon()
_PAIRS: Final = {stem: found for stem, found in (*_PREFIXES.items(), *_WHOLE.items()) if " " in stem}
_STEM_LENGTHS: Final = sorted({len(stem) for stem in _PREFIXES if " " not in stem})


@lru_cache(maxsize=16_384)
def _concepts_of(word: str) -> tuple[int, ...]:
    found = list(_WHOLE.get(word, ()))
    for length in _STEM_LENGTHS:
        if length > len(word):
            break
        found.extend(_PREFIXES.get(word[:length], ()))
    return tuple(set(found))


@lru_cache(maxsize=65_536)
def _bucket(*words: str) -> int:
    return zlib.crc32(" ".join(words).encode()) % BUCKETS


def _concept_counts(text: str, words: list[str]) -> tuple[FloatArray, FloatArray]:
    said, opens = [0.0] * len(CONCEPT_NAMES), [0.0] * len(CONCEPT_NAMES)
    for word, times in Counter(words).items():
        for index in _concepts_of(word):
            said[index] += times
    for word in words[:6]:
        for index in _concepts_of(word):
            opens[index] = 1.0
    for stem, found in _PAIRS.items():
        if stem in text:
            for index in set(found):
                said[index] += 1.0
    if _CJK.search(text):
        for stem, index in _SUBSTRINGS:
            if stem in text:
                said[index] += 1.0
                opens[index] = 1.0
    return np.log1p(np.asarray(said, dtype=np.float32)), np.asarray(opens, dtype=np.float32)


def _at_lines(pattern: re.Pattern[str], text: str) -> list[str]:
    """All that a pattern finds at beginnings of lines; a text of one line has one beginning."""
    return pattern.findall(text) if "\n" in text else [found[0] for found in (pattern.match(text),) if found]


def _shape(text: str, words: list[str], full_length: int) -> list[float]:
    count = max(len(words), 1)
    size = max(len(text), 1)
    signs = set(text)
    numbers = _NUMBER.findall(text) if signs & _DIGITS or not text.isascii() else []
    options = _at_lines(_OPTION, text)
    sentences = len(_SENTENCE.findall(text)) + 1
    letters = sum(map(len, words))
    non_ascii = 0 if text.isascii() else sum(ord(c) > 127 for c in text)
    non_latin = 0 if not non_ascii else sum(ord(c) > 0x24F for c in text)
    code = len(_CODE.findall(text)) if signs & _CODE_SIGNS or "select" in text else 0
    maths = len(_MATHS.findall(text)) if signs & _MATHS_SIGNS or not text.isascii() else 0
    first_option = _OPTION.search(text) if options else None
    option_chars = (len(text) - first_option.start()) / max(len(options), 1) if first_option else 0.0
    return [
        float(np.log1p(full_length)),
        float(np.log1p(len(words))),
        letters / count,
        float(np.log1p(sentences)),
        float(np.log1p(text.count("\n"))),
        sum(map(len, numbers)) / size,
        float(np.log1p(len(numbers))),
        float(np.log1p(maths)),
        float(np.log1p(code)),
        float(np.log1p(len(_FORMULA.findall(text)))),
        float(np.log1p(text.count("?") + text.count("？"))),
        float(len(options) >= 3),
        float(np.log1p(option_chars)),
        float(text.endswith("answer:")),
        float(np.log1p(len(_at_lines(_ITEM, text)))),
        non_ascii / size,
        non_latin / size,
        sum(len(word) > 8 for word in words) / count,
        len(set(words)) / count,
        text.count(",") / count,
        float(np.log1p(text.count('"'))),
        float(np.log1p(text.count(":"))),
        float(np.log1p(text.count("("))),
        float(not text.endswith("?") and "?" not in text),
        float(len(words) < 12),
        count / sentences,
        float(full_length > 8_000),
        float("___" in text or "[mask]" in text),
    ]


def _hashed(words: list[str]) -> tuple[NDArray[np.int64], FloatArray]:
    found = [*map(_bucket, words), *map(_bucket, words, words[1:])]
    buckets, times = np.unique(np.array(found, dtype=np.int64), return_counts=True)
    return buckets, np.log1p(times.astype(np.float32))


def lexical(text: str) -> Lexical:
    """Both views of one prompt. Same text, same numbers, on every machine."""
    folded = fold(text)
    words = _WORD.findall(folded)
    said, opens = _concept_counts(folded, words)
    dense = np.concatenate([np.asarray(_shape(folded, words, len(text)), dtype=np.float32), said, opens])
    buckets, counts = _hashed(["#" if word.isdigit() else word for word in words])
    return Lexical(dense=dense, buckets=buckets, counts=counts, chars=len(text))

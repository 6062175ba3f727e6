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
from classifier.marks import code_points, count_code, count_maths

VERSION: Final = 1  # raised whenever a number below changes its meaning: an older artifact is then refused
HEAD_CHARS, TAIL_CHARS = 3_000, 1_500  # read of a longer prompt
BUCKETS: Final = 1 << 16

_WORD: Final = re.compile(r"[^\W_]+(?:[+#]+|['’][a-z]+)?")
# All but the characters of words, and those that may follow one (c++, don't), made blank: the pieces between blanks are
# words, or begin with one.
_BLANKED: Final = {code: " " for code in range(128) if not chr(code).isalnum() and chr(code) not in "+#'"}
_NUMBER: Final = re.compile(r"\d\d*(?:[.,]\d+)*")  # not `\d+`, which is tried at each letter
_STRETCH: Final = re.compile(r"([a-z])\1{2,}")
# At beginnings of lines of a text with a line break before it.
_OPTION: Final = re.compile(r"\n\s*\(?([a-h])[.):]\s")
_ITEM: Final = re.compile(r"\n\s*(?:[-*•]|\d{1,2}[.)])\s")
# An end of a sentence, `[.!?]+(\s|$)`, or line breaks; so written that all places but those few are skipped at once.
_SENTENCE: Final = re.compile(r"[.!?。！？\n](?:(?<=\n)\n*|(?<!\n)(?:\s|$))")
_CJK: Final = re.compile(r"[぀-ヿ㐀-鿿가-힯]")
_FORMULA: Final = re.compile(r"[=<>+*/^%]")

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
        text = unicodedata.normalize("NFKD", text)
        marks = {ord(character): None for character in set(text) if unicodedata.combining(character)}
        text = unicodedata.normalize("NFC", text.translate(marks) if marks else text)
    if _may_be_stretched(text):
        text = _STRETCH.sub(r"\1\1", text)
    return "\n".join(" ".join(line.split()) for line in text.splitlines()).strip()


def _may_be_stretched(text: str) -> bool:
    """Whether three letters in a row are the same: a look at the bytes, as the pattern would try each letter."""
    points = np.frombuffer(text.encode("utf-8", "surrogatepass"), dtype=np.uint8)
    third = points[2:]
    return bool(((third == points[1:-1]) & (third == points[:-2]) & (third >= ord("a"))).any())


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
_PHRASES: Final = {stem: set(found) for stem, found in (*_PREFIXES.items(), *_WHOLE.items()) if " " in stem}
_LAST_WORDS: Final = tuple(stem.rsplit(" ", 1)[1] for stem in _PHRASES)
_STEM_LENGTHS: Final = sorted({len(stem) for stem in _PREFIXES if " " not in stem})


@dataclass(frozen=True, slots=True)
class _Word:
    """What is known of one word: its `concepts`, the `phrases` of the lexicon whose last word begins like it, and for
    its buckets the checksum of the word and its bytes `after` another word."""

    concepts: tuple[int, ...]
    phrases: tuple[str, ...]
    checksum: int
    after: bytes


@lru_cache(maxsize=16_384)
def _known(word: str) -> _Word:
    found = list(_WHOLE.get(word, ()))
    for length in _STEM_LENGTHS:
        if length > len(word):
            break
        found.extend(_PREFIXES.get(word[:length], ()))
    phrases: tuple[str, ...] = ()
    if word.startswith(_LAST_WORDS):  # hardly any word, and asked of each new one
        phrases = tuple(stem for stem, last in zip(_PHRASES, _LAST_WORDS, strict=True) if word.startswith(last))
    written = b"#" if word.isdigit() else word.encode()
    return _Word(tuple(set(found)), phrases, zlib.crc32(written), b" " + written)


def _words(text: str) -> list[str]:
    """All matches of _WORD."""
    if not text.isascii():
        return _WORD.findall(text)
    pieces = text.translate(_BLANKED).split()
    if "'" not in text and "+" not in text and "#" not in text:
        return pieces
    return [word for piece in pieces for word in ((piece,) if piece.isalnum() else _WORD.findall(piece))]


def _concept_counts(text: str, words: list[str], known: dict[str, _Word]) -> tuple[FloatArray, FloatArray]:
    said, opens = [0.0] * len(CONCEPT_NAMES), [0.0] * len(CONCEPT_NAMES)
    phrases: set[str] = set()
    for word, times in Counter(words).items():
        for index in known[word].concepts:
            said[index] += times
        phrases.update(known[word].phrases)
    for word in words[:6]:
        for index in known[word].concepts:
            opens[index] = 1.0
    for phrase in phrases:
        if phrase in text:
            for index in _PHRASES[phrase]:
                said[index] += 1.0
    if not text.isascii() and _CJK.search(text):
        for stem, index in _SUBSTRINGS:
            if stem in text:
                said[index] += 1.0
                opens[index] = 1.0
    return np.log1p(np.asarray(said, dtype=np.float32)), np.asarray(opens, dtype=np.float32)


def _shape(text: str, words: list[str], distinct: int, full_length: int) -> FloatArray:
    """The numbers of _SHAPE_NAMES."""
    count = max(len(words), 1)
    size = max(len(text), 1)
    points = code_points(text)
    numbers = _NUMBER.findall(text)
    below = "\n" + text
    options = [found.start() for found in _OPTION.finditer(below)]
    sentences = len(_SENTENCE.findall(text)) + 1
    counted = {
        "chars": full_length,
        "words": len(words),
        "sentences": sentences,
        "lines": text.count("\n"),
        "numbers": len(numbers),
        "maths_marks": count_maths(text, points),
        "code_marks": count_code(text),
        "formula_marks": len(_FORMULA.findall(text)),
        "questions": text.count("?") + text.count("？"),
        "option_length": (len(text) - max(options[0] - 1, 0)) / len(options) if options else 0.0,
        "items": len(_ITEM.findall(below)),
        "quotes": text.count('"'),
        "colons": text.count(":"),
        "parentheses": text.count("("),
    }
    plain = {
        "word_length": sum(map(len, words)) / count,
        "digits": sum(map(len, numbers)) / size,
        "option_lines": len(options) >= 3,
        "ends_with_answer": text.endswith("answer:"),
        "non_ascii": 0 if text.isascii() else int((points > 127).sum()) / size,
        "non_latin": 0 if text.isascii() else int((points > 0x24F).sum()) / size,
        "long_words": sum(len(word) > 8 for word in words) / count,
        "distinct": distinct / count,
        "commas": text.count(",") / count,
        "no_question": "?" not in text,
        "short": len(words) < 12,
        "sentence_length": count / sentences,
        "very_long": full_length > 8_000,
        "has_blank": "___" in text or "[mask]" in text,
    }
    logarithms = np.log1p(np.fromiter(counted.values(), dtype=np.float64, count=len(counted)))
    found = plain | dict(zip(counted, logarithms, strict=True))
    return np.array([found[name] for name in _SHAPE_NAMES], dtype=np.float32)


def _hashed(words: list[_Word]) -> tuple[NDArray[np.int64], FloatArray]:
    """Buckets of all words, and of all pairs of neighbours: the checksums of `one` and of `one other`."""
    single = [word.checksum for word in words]
    pairs = map(zlib.crc32, [word.after for word in words[1:]], single)
    buckets, times = np.unique(np.array([*single, *pairs], dtype=np.int64) % BUCKETS, return_counts=True)
    return buckets, np.log1p(times.astype(np.float32))


def lexical(text: str) -> Lexical:
    """Both views of one prompt. Same text, same numbers, on every machine."""
    folded = fold(text)
    words = _words(folded)
    known = {word: _known(word) for word in set(words)}
    said, opens = _concept_counts(folded, words, known)
    dense = np.concatenate([_shape(folded, words, len(known), len(text)), said, opens])
    buckets, counts = _hashed([known[word] for word in words])
    return Lexical(dense=dense, buckets=buckets, counts=counts, chars=len(text))

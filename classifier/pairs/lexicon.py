"""The shipped lexicon: WordNet's senses, antonyms and derivations of single words, and a vector for each word.

Arrays of `lexicon.npz` (W words, S senses of words in all, Y synsets):
    words (newline-joined), sense_starts (W+1,), senses (S,) synset numbers; hypernym (Y,) or -1;
    similar_head (Y,) the adjective cluster or -1; instance (Y,) names of single things; pos (Y,);
    antonyms (n, 2) and derived (n, 2) word numbers; exceptions ("form lemma" lines).
`vectors.npz` holds `words` and `vectors` (V, D) int8: the embedding model's mean token vector of the word alone,
centred and projected on its first D principal directions (unit length times 127). `synonyms.txt` and `opposites.txt`
are written by hand: words that questions exchange, and words that turn a question round.
"""

from __future__ import annotations

from collections import defaultdict
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

_SUFFIXES: Final = (
    ("ies", "y"), ("ves", "f"), ("ses", "s"), ("xes", "x"), ("zes", "z"), ("ches", "ch"), ("shes", "sh"),
    ("men", "man"), ("s", ""), ("es", "e"), ("es", ""), ("ied", "y"), ("ed", "e"), ("ed", ""), ("ing", "e"),
    ("ing", ""), ("iest", "y"), ("ier", "y"), ("est", "e"), ("est", ""), ("er", "e"), ("er", ""),
)  # fmt: skip
_BRITISH: Final = (("isation", "ization"), ("ising", "izing"), ("ised", "ized"), ("ise", "ize"), ("our", "or"))
NEGATIVE_PREFIXES: Final = ("un", "dis", "in", "im", "ir", "il", "non", "mis", "de", "anti", "counter")


def _lines(array: NDArray[np.uint8]) -> list[str]:
    return array.tobytes().decode().split("\n")


def _read_groups(path: Path) -> dict[str, set[int]]:
    """One group of interchangeable words a line, written by hand; a word may stand in several."""
    found: dict[str, set[int]] = defaultdict(set)
    for number, line in enumerate(path.read_text("utf-8").splitlines()):
        for word in line.split():
            found[word].add(number)
    return dict(found)


def _read_opposites(path: Path) -> set[tuple[str, str]]:
    """`left words | right words` a line: each word on the left against each on the right."""
    pairs: set[tuple[str, str]] = set()
    for line in path.read_text("utf-8").splitlines():
        left, right = (side.split() for side in line.split("|"))
        pairs.update((one, other) for one in left for other in right)
    return pairs | {(other, one) for one, other in pairs}


class Lexicon:
    """Questions about single lower-case words. Immutable after loading; safe to share between threads."""

    def __init__(self, folder: Path) -> None:
        """Load the files (plain arrays and text, no pickles). Raises OSError or ValueError if one is unreadable."""
        self._groups = _read_groups(folder / "synonyms.txt")
        self._opposites = _read_opposites(folder / "opposites.txt")
        with np.load(folder / "lexicon.npz", allow_pickle=False) as data:
            self._words = _lines(data["words"])
            self._starts, self._senses = data["sense_starts"].tolist(), data["senses"].tolist()
            self._hypernym, self._head = data["hypernym"].tolist(), data["similar_head"].tolist()
            self._instance, self._pos = data["instance"].tolist(), data["pos"].tolist()
            antonyms, derived = data["antonyms"].tolist(), data["derived"].tolist()
            self._forms = dict(line.split(" ") for line in _lines(data["exceptions"]))
        self._number = {word: i for i, word in enumerate(self._words)}
        self._antonyms = {(a, b) for a, b in antonyms} | {(b, a) for a, b in antonyms}
        self._derived = {(a, b) for a, b in derived} | {(b, a) for a, b in derived}
        with np.load(folder / "vectors.npz", allow_pickle=False) as data:
            self._row = {word: i for i, word in enumerate(_lines(data["words"]))}
            self._vectors = data["vectors"]
        self.lemmas = lru_cache(maxsize=65536)(self._lemmas)
        self.synsets = lru_cache(maxsize=65536)(self._synsets)
        self.similarity = lru_cache(maxsize=65536)(self._similarity)
        # Questions of one application are made of the same words: most pairs of them were looked at before.
        self.antonyms = lru_cache(maxsize=65536)(self._are_antonyms)

    def knows(self, word: str) -> bool:
        """Whether the word or one of its base forms is in the dictionary or has a vector of its own."""
        return word in self._row or any(lemma in self._number for lemma in self.lemmas(word))

    def knows_exactly(self, word: str) -> bool:
        """Whether the dictionary has the word itself, not only its base form."""
        return word in self._number

    def has_vector(self, word: str) -> bool:
        """Whether the word is one piece in the embedding model's vocabulary, which says that it is common."""
        return word in self._row

    def _lemmas(self, word: str) -> frozenset[str]:
        """The word and every base form of it that the dictionary knows (WordNet's morphy rules)."""
        found = {word}
        if word in self._forms:
            found.add(self._forms[word])
        for british, american in _BRITISH:
            if word.endswith(british) and word[: -len(british)] + american in self._number:
                found.add(word[: -len(british)] + american)
        for suffix, ending in _SUFFIXES:
            if not word.endswith(suffix) or len(word) - len(suffix) < 2:
                continue
            stem = word[: -len(suffix)]
            if stem + ending in self._number:
                found.add(stem + ending)
            elif suffix in ("ed", "ing", "er", "est") and stem[-1] == stem[-2] and stem[:-1] in self._number:
                found.add(stem[:-1])
        return frozenset(found)

    def _synsets(self, word: str) -> frozenset[int]:
        """The common senses of the word's base forms."""
        found: set[int] = set()
        for lemma in self.lemmas(word):
            if (at := self._number.get(lemma)) is not None:
                found.update(self._senses[self._starts[at] : self._starts[at + 1]])
        return frozenset(found)

    def synonyms(self, one: str, other: str) -> bool:
        """Whether the words share a common sense."""
        return not self.synsets(one).isdisjoint(self.synsets(other))

    def interchangeable(self, one: str, other: str) -> bool:
        """Whether questions exchange the words without changing the answer, by the hand-written groups."""
        return bool(self._groups_of(one) & self._groups_of(other))

    def _groups_of(self, word: str) -> set[int]:
        return {group for lemma in self.lemmas(word) for group in self._groups.get(lemma, ())}

    def opposed(self, one: str, other: str) -> bool:
        """Whether the hand-written list of opposites has the words."""
        return any((a, b) in self._opposites for a in self.lemmas(one) for b in self.lemmas(other))

    def near(self, one: str, other: str) -> bool:
        """Whether one is in the other's adjective cluster, derived from it, or directly above it in meaning."""
        first, second = self.synsets(one), self.synsets(other)
        heads = {self._head[s] for s in first} - {-1}
        other_heads = {self._head[s] for s in second} - {-1}
        if heads & second or other_heads & first:
            return True
        return self._linked(one, other, self._derived)

    def above(self, one: str, other: str) -> bool:
        """Whether one word names a kind of the other (dog and animal)."""
        first, second = self.synsets(one), self.synsets(other)
        up = {self._hypernym[s] for s in first}
        return bool(up & second or {self._hypernym[s] for s in second} & first)

    def siblings(self, one: str, other: str) -> bool:
        """Whether the words are different kinds of one thing (India and China, red and blue)."""
        first, second = self.synsets(one), self.synsets(other)
        if first & second:
            return False
        up = {self._hypernym[s] for s in first} - {-1}
        return bool(up & {self._hypernym[s] for s in second})

    def _are_antonyms(self, one: str, other: str) -> bool:
        """Whether the dictionary lists the words, or the heads of their adjective clusters, as opposites."""
        if self._linked(one, other, self._antonyms) or self.opposed(one, other):
            return True
        short, long = sorted((one, other), key=len)
        return any(long == prefix + short for prefix in NEGATIVE_PREFIXES) and len(short) > 3

    def is_name(self, word: str) -> bool:
        """Whether the dictionary knows the word only as the name of one person, place or thing."""
        senses = [s for s in self.synsets(word) if self._pos[s] == 0]
        if not senses or len(senses) != len(self.synsets(word)):
            return False
        return all(bool(self._instance[s]) for s in senses)

    def is_verb(self, word: str) -> bool:
        """Whether most of the word's common senses are verbs."""
        senses = self.synsets(word)
        return 2 * len([s for s in senses if self._pos[s] == 1]) > len(senses)

    def may_be_verb(self, word: str) -> bool:
        """Whether one of the word's common senses is a verb."""
        return any(self._pos[s] == 1 for s in self.synsets(word))

    def is_adjective(self, word: str) -> bool:
        """Whether all of the word's common senses are adjectives or adverbs."""
        return bool(self.synsets(word)) and all(self._pos[s] >= 2 for s in self.synsets(word))

    def may_be_adjective(self, word: str) -> bool:
        """Whether one of the word's common senses is an adjective or adverb, and most are not verbs."""
        return any(self._pos[s] >= 2 for s in self.synsets(word)) and not self.is_verb(word)

    def is_irregular(self, word: str) -> bool:
        """Whether the word is listed as an irregular form (`took`, `bought`); plurals of nouns are not meant."""
        return word in self._forms and not word.endswith(("ing", "s"))

    def _linked(self, one: str, other: str, pairs: set[tuple[int, int]]) -> bool:
        firsts = [self._number[w] for w in self.lemmas(one) if w in self._number]
        seconds = [self._number[w] for w in self.lemmas(other) if w in self._number]
        return any((a, b) in pairs for a in firsts for b in seconds)

    def _similarity(self, one: str, other: str) -> float:
        """Cosine of the two words' vectors, -1 to 1; 0 where one has none."""
        first, second = self._find_row(one), self._find_row(other)
        if first is None or second is None:
            return 0.0
        a, b = self._vectors[first].astype(np.float32), self._vectors[second].astype(np.float32)
        return float(a @ b / max(float(np.sqrt((a @ a) * (b @ b))), 1e-9))

    def _find_row(self, word: str) -> int | None:
        rows = (self._row[w] for w in (word, *sorted(self.lemmas(word))) if w in self._row)
        return next(rows, None)

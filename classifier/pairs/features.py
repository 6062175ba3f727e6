"""The scorer's inputs: symmetric numbers about a pair, shared by training and serving."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from classifier.pairs import words as w
from classifier.pairs.align import LEMMA, SYNONYM
from classifier.pairs.checks_edits import is_name
from classifier.pairs.lexicon import Lexicon
from classifier.pairs.pair import Pair, is_salient
from classifier.pairs.text import Token
from classifier.pairs.wh import compatible

# Name and direction: +1 raises the chance of the same answer, -1 lowers it, 0 is free. The directions are given
# to the trees as monotone constraints, so that what is learnt on one domain cannot turn round on another.
FEATURES: Final[dict[str, int]] = {
    "cosine": 1,
    "coverage_min": 1,
    "coverage_max": 1,
    "soft_min": 1,
    "soft_max": 1,
    "lone_min": -1,
    "lone_max": -1,
    "lone_weight_min": -1,
    "lone_weight_max": -1,
    "heaviest_lone": -1,
    "weakest_soft": 1,
    "exact_share": 1,
    "synonym_links": 0,
    "edit_places": -1,
    "exchanges": -1,
    "moved_share": -1,
    "lone_names": -1,
    "asked_same": 1,
    "asked_compatible": 1,
    "bigram_overlap": 1,
    "trigram_overlap": 1,
    "word_overlap": 1,
    "length_ratio": 0,
    "content_min": 0,
    "content_max": 0,
    "function_overlap": 1,
    "tense_same": 1,
    "siblings": -1,
    "lone_verbs": 0,
    "first_content_same": 1,
    "last_content_same": 1,
}


def weight(token: Token, lexicon: Lexicon) -> float:
    """How much a token says, about 0.2 to 1.5: light words little, rare words and names much."""
    if token.kind != "word":
        return 1.2
    if token.norm in w.FILLERS:
        return 0.15
    if token.norm in w.LIGHT:
        return 0.4
    return 1.0 if lexicon.has_vector(token.norm) else 1.3


def _soft(token: Token, others: list[Token], lexicon: Lexicon) -> float:
    """The nearest unmatched content word of the other side, 0 to 1."""
    return max((lexicon.similarity(token.norm, other.norm) for other in others), default=0.0)


class _Side:
    """Weights of one question's content: matched, unmatched and softly matched."""

    def __init__(self, pair: Pair, first: bool) -> None:
        lexicon = pair.lexicon
        tokens = pair.a.tokens if first else pair.b.tokens
        other = pair.b.tokens if first else pair.a.tokens
        lone = pair.alignment.only_a if first else pair.alignment.only_b
        links = {(link.a if first else link.b): link.score for link in pair.alignment.links}
        others = [t for t in other if t.content]
        self.content = [i for i, t in enumerate(tokens) if t.content]
        self.lone = [tokens[i] for i in lone if is_salient(tokens[i])]
        total = matched = soft = 0.0
        self.weakest, self.heaviest = 1.0, 0.0
        for i in self.content:
            value = weight(tokens[i], lexicon)
            near = links[i] if i in links else max(0.0, _soft(tokens[i], others, lexicon))
            total, soft = total + value, soft + value * near
            matched += value * links.get(i, 0.0)
            if i not in links and is_salient(tokens[i]):
                self.weakest, self.heaviest = min(self.weakest, near), max(self.heaviest, value * (1 - near))
        self.coverage = matched / total if total else 1.0
        self.soft = soft / total if total else 1.0
        self.lone_weight = total - matched
        self.names = sum(is_name(t, lexicon) for t in self.lone)


def _grams(text: str, size: int) -> set[str]:
    text = f" {text} "
    return {text[i : i + size] for i in range(len(text) - size + 1)}


def _jaccard(one: set[str], other: set[str]) -> float:
    return len(one & other) / len(one | other) if one or other else 1.0


def featurise(pair: Pair, cosine: float) -> NDArray[np.float64]:
    """Float64 (len(FEATURES),), the same for both directions."""
    one, other = _Side(pair, True), _Side(pair, False)
    values = {"cosine": cosine} | _coverage(one, other) | _shape(pair, one, other) | _strings(pair)
    return np.array([values[name] for name in FEATURES], dtype=np.float64)


def _coverage(one: _Side, other: _Side) -> dict[str, float]:
    return {
        "coverage_min": min(one.coverage, other.coverage),
        "coverage_max": max(one.coverage, other.coverage),
        "soft_min": min(one.soft, other.soft),
        "soft_max": max(one.soft, other.soft),
        "lone_min": min(len(one.lone), len(other.lone)),
        "lone_max": max(len(one.lone), len(other.lone)),
        "lone_weight_min": min(one.lone_weight, other.lone_weight),
        "lone_weight_max": max(one.lone_weight, other.lone_weight),
        "heaviest_lone": max(one.heaviest, other.heaviest),
        "weakest_soft": min(one.weakest, other.weakest),
        "lone_names": one.names + other.names,
        "content_min": min(len(one.content), len(other.content)),
        "content_max": max(len(one.content), len(other.content)),
        "length_ratio": min(len(one.content), len(other.content)) / max(len(one.content), len(other.content), 1),
    }


def _shape(pair: Pair, one: _Side, other: _Side) -> dict[str, float]:
    links = [link for link in pair.alignment.links if pair.a.tokens[link.a].content]
    exchanges = sum(bool(e.content_a()) and bool(e.content_b()) for e in pair.edits)
    siblings = sum(pair.lexicon.siblings(s.norm, t.norm) for s in one.lone[:6] for t in other.lone[:6])
    verbs = sum(pair.lexicon.is_verb(t.norm) for t in (*one.lone, *other.lone))
    tenses = [{w.AUXILIARIES[t.norm] for t in p.tokens if t.norm in w.AUXILIARIES} for p in (pair.a, pair.b)]
    return {
        "exact_share": sum(link.score >= LEMMA for link in links) / max(len(links), 1),
        "synonym_links": sum(link.score <= SYNONYM for link in links),
        "edit_places": sum(bool(e.content_a() or e.content_b()) for e in pair.edits),
        "exchanges": exchanges,
        "moved_share": sum(t.content for t in pair.moved) / max(len(links), 1),
        "asked_same": float(pair.asked_a == pair.asked_b),
        "asked_compatible": float(compatible(pair.asked_a, pair.asked_b)),
        "tense_same": float(tenses[0] == tenses[1]),
        "siblings": siblings,
        "lone_verbs": verbs,
        "first_content_same": _same_end(pair, one, other, 0),
        "last_content_same": _same_end(pair, one, other, -1),
    }


def _same_end(pair: Pair, one: _Side, other: _Side, at: int) -> float:
    if not one.content or not other.content:
        return float(not one.content and not other.content)
    ends = one.content[at], other.content[at]
    return float(any((link.a, link.b) == ends for link in pair.alignment.links))


def _strings(pair: Pair) -> dict[str, float]:
    a, b = pair.a.norms(), pair.b.norms()
    functions = [{t.norm for t in p.tokens if not t.content} for p in (pair.a, pair.b)]
    text_a, text_b = " ".join(a), " ".join(b)
    return {
        "bigram_overlap": _jaccard(_grams(text_a, 2), _grams(text_b, 2)),
        "trigram_overlap": _jaccard(_grams(text_a, 3), _grams(text_b, 3)),
        "word_overlap": _jaccard(set(a), set(b)),
        "function_overlap": _jaccard(*functions),
    }

"""Marks from 0 to 1 that need no model: exact, normalised, numeric, schema, unit test, similarity."""

from __future__ import annotations

import json
import math
import re
import string
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from classifier.embedding import Embedder
from classifier.proof.items import Item
from classifier.proof.sandbox import passes

Scorer = Callable[[Item, str], float]

_FENCE: Final = re.compile(r"```[ \t]*[\w+-]*[ \t]*\n(?P<body>.*?)\n?```", re.DOTALL)
_NUMBER: Final = re.compile(r"[-+]?(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d+)?(?:[eE][-+]?\d+)?")
_BOXED: Final = re.compile(r"\\boxed\{([^{}]*)\}")
_ARTICLES: Final = re.compile(r"\b(?:a|an|the)\b")


def exact(item: Item, answer: str) -> float:
    """1 for the same text, apart from white space around it."""
    return float(answer.strip() == str(item.reference).strip())


def normalise(text: str) -> str:
    """Lower case, without punctuation, articles and doubled spaces, as SQuAD marks (arXiv 1606.05250)."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    plain = "".join(" " if c in string.punctuation else c for c in plain)
    return " ".join(_ARTICLES.sub(" ", plain).split())


def normalised(item: Item, answer: str) -> float:
    """1 for the same text once both are normalised. Where that leaves nothing of the reference (the option "A", a
    sign), letter case alone is set aside: no answer at all would be right otherwise."""
    if not normalise(str(item.reference)):
        return float(answer.strip().rstrip(".").casefold() == str(item.reference).strip().casefold())
    return float(normalise(answer) == normalise(str(item.reference)))


def last_number(text: str) -> float | None:
    """The number in the last \\boxed{}, else the last number of the text."""
    boxed = _BOXED.findall(text)
    found = [number for number in _NUMBER.findall(boxed[-1] if boxed else text) if any(c.isdigit() for c in number)]
    return float(found[-1].replace(",", "")) if found else None


def numeric(item: Item, answer: str) -> float:
    """1 if the last number is the reference, within the item's relative tolerance."""
    wanted, found = last_number(str(item.reference)), last_number(answer)
    if wanted is None or found is None:
        return 0.0
    return float(math.isclose(found, wanted, rel_tol=item.tolerance, abs_tol=1e-12))


def unfenced(answer: str) -> str:
    """The first fenced block, or the whole answer."""
    fenced = _FENCE.search(answer)
    return fenced["body"] if fenced else answer


def schema(item: Item, answer: str) -> float:
    """1 for JSON of the item's schema that also equals the reference, if there is one."""
    try:
        value = json.loads(unfenced(answer))
    except (ValueError, RecursionError):
        return 0.0
    try:
        Draft202012Validator(dict(item.schema or {})).validate(value)
    except ValidationError:
        return 0.0
    return float(item.reference is None or value == _as_json(item.reference))


def _as_json(reference: Any) -> Any:
    if not isinstance(reference, str):
        return reference
    try:
        return json.loads(reference)
    except ValueError:
        return reference


def unit_test(item: Item, answer: str) -> float:
    """1 if the item's tests pass on the answer's code, in a process of its own (see sandbox.py)."""
    return float(passes(unfenced(answer), item.tests))


def similarity_by(embedder: Embedder) -> Scorer:
    """Cosine of answer and reference, cut to 0..1. Weak evidence: a negated answer lies close to the right one."""

    def similarity(item: Item, answer: str) -> float:
        cosine = float(np.dot(embedder.embed(answer), embedder.embed(str(item.reference)))) if answer.strip() else 0.0
        return min(1.0, max(0.0, cosine))

    return similarity


def mechanical(items: list[Item]) -> Mapping[str, Scorer]:
    """Scorers by name; the embedder is loaded if an item asks for it."""
    found: dict[str, Scorer] = {
        "exact": exact,
        "normalised": normalised,
        "numeric": numeric,
        "schema": schema,
        "unit_test": unit_test,
    }
    if any(item.scorer == "similarity" for item in items):
        found["similarity"] = similarity_by(Embedder())
    return found

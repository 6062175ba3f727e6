"""/v1/embeddings: deterministic vectors from hashed words and letter triples, so that like texts lie near."""

import array
import base64
import hashlib
import math
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from plugins.trial.simulator import tokens
from plugins.trial.simulator.errors import ApiError, bad_value
from plugins.trial.simulator.fields import Fields
from plugins.trial.simulator.models import EMBEDDING_CONTEXT_TOKENS

_DEFAULT_DIMENSIONS = 256
_MAX_DIMENSIONS = 1536
_MAX_INPUTS = 2048  # OpenAI, "Create embeddings": input
_WORD_WEIGHT = 3.0  # a shared word says more than a shared letter triple


@dataclass(frozen=True, slots=True)
class EmbeddingRequest:
    """`texts` as given; token ids are shown as their numbers. `prompt_tokens` counts all of them."""

    model: str
    texts: tuple[str, ...]
    dimensions: int
    as_base64: bool
    prompt_tokens: int
    user: str | None
    prompt_hash: str


def parse_embeddings(body: dict[str, Any]) -> EmbeddingRequest:
    """Read a body of /v1/embeddings. Raises ApiError 400."""
    fields = Fields(body)
    inputs = _inputs(fields.raw("input"))
    counts = [tokens.count(item) if isinstance(item, str) else len(item) for item in inputs]
    if max(counts) > EMBEDDING_CONTEXT_TOKENS:
        raise ApiError(
            400,
            f"This model's maximum context length is {EMBEDDING_CONTEXT_TOKENS} tokens, however you "
            f"requested {max(counts)} tokens. Please reduce your prompt.",
            code="context_length_exceeded",
            param="input",
        )
    form = fields.text("encoding_format") or "float"
    if form not in ("float", "base64"):
        raise bad_value("encoding_format", "float or base64")
    texts = tuple(item if isinstance(item, str) else " ".join(map(str, item)) for item in inputs)
    return EmbeddingRequest(
        model=fields.required_text("model"),
        texts=texts,
        dimensions=fields.integer("dimensions", 1, _MAX_DIMENSIONS) or _DEFAULT_DIMENSIONS,
        as_base64=form == "base64",
        prompt_tokens=sum(counts),
        user=fields.text("user"),
        prompt_hash=hashlib.blake2b(repr(texts).encode("utf-8", "backslashreplace"), digest_size=8).hexdigest(),
    )


def embeddings_json(request: EmbeddingRequest, shown_model: str, *, show_usage: bool) -> dict[str, Any]:
    """The body of the answer."""
    rows = []
    for index, text in enumerate(request.texts):
        vector = embed(text, request.dimensions)
        shown: Any = vector
        if request.as_base64:
            shown = base64.b64encode(array.array("f", vector).tobytes()).decode()
        rows.append({"object": "embedding", "index": index, "embedding": shown})
    body: dict[str, Any] = {"object": "list", "data": rows, "model": shown_model}
    if show_usage:
        body["usage"] = {"prompt_tokens": request.prompt_tokens, "total_tokens": request.prompt_tokens}
    return body


def embed(text: str, dimensions: int) -> list[float]:
    """Unit vector of `text`: signed feature hashing of its words and letter triples."""
    vector = [0.0] * dimensions
    for word in re.findall(r"\w+", text.casefold()) or [text]:
        framed = f" {word[:64]} "
        _add(vector, framed, _WORD_WEIGHT)
        for start in range(len(framed) - 2):
            _add(vector, framed[start : start + 3], 1.0)
    length = math.sqrt(math.fsum(value * value for value in vector))
    if length == 0.0:
        vector[0] = length = 1.0
    return [value / length for value in vector]


def _add(vector: list[float], feature: str, weight: float) -> None:
    number = _feature_number(feature)
    vector[(number >> 1) % len(vector)] += weight if number & 1 else -weight


@lru_cache(maxsize=50_000)
def _feature_number(feature: str) -> int:
    return int.from_bytes(hashlib.blake2b(feature.encode("utf-8", "backslashreplace"), digest_size=8).digest())


def _inputs(given: object) -> list[str | list[int]]:
    items = given if isinstance(given, list) and not (given and type(given[0]) is int) else [given]
    if not 1 <= len(items) <= _MAX_INPUTS:
        raise bad_value("input", f"1 to {_MAX_INPUTS} inputs")
    checked: list[str | list[int]] = []
    for item in items:
        if (isinstance(item, str) and item) or (
            isinstance(item, list) and item and all(type(token) is int for token in item)
        ):
            checked.append(item)
        else:
            raise bad_value("input", "a text that is not empty, or a list of token ids")
    return checked

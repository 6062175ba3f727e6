"""How a cached answer lies in Redis: one hash per entry, on the shelf of its scope.

    tw:c:{SHELF}:e:TENANT:DIGEST   hash   s scope digest, b body, v the part of the vector that the index has
    tw:c:{SHELF}:l:TENANT:DIGEST   string lease of the call that is answering this request now (single flight)

A shelf is one of sixteen hash tags: all that a lookup touches is in one slot of a cluster, and an index of one shelf
(see cache_shelves) has all that a paraphrase may be found in.
The body is the whole vector in small (see cache_vectors), if there is one, and deflated JSON with a preset dictionary:
answers share LiteLLM's field names and are short. Redis needs 70 bytes and more for a field of its own, and keeps a key
three times where it is indexed, so both are few and short.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final
from urllib.parse import quote

from redis.typing import EncodableT, FieldT

from plugins.adapters.cache_vectors import WHOLE_BYTES, indexed, whole
from plugins.cache import SYSTEM_ROLES, canonical, exact_key, fingerprint, scope_key, system_fingerprint
from plugins.ports import Vector
from plugins.values import CacheVerdict, Entry, Hit, Near, Scope, Usage

PREFIX: Final = "tw:c:"
SHELVES: Final = "0123456789abcdef"
_LEVEL: Final = 6
_DIGEST_CHARS: Final = 16
_KEY_BYTES: Final = 24  # of SHA-256: no two requests share a key, and nobody can make two that do
_NO_VECTOR, _VECTOR = b"\0", b"\1"  # how a body begins
# Changing it makes stored bodies unreadable: change plugins.cache.FORMAT with it.
_DICTIONARY: Final = (
    b'"prompt_tokens_details":{"audio_tokens":null,"cached_tokens":0,"text_tokens":null,"image_tokens":null},'
    b'"completion_tokens_details":{"accepted_prediction_tokens":0,"audio_tokens":0,"reasoning_tokens":0,'
    b'"rejected_prediction_tokens":0,"text_tokens":null},"system_fingerprint":null,"service_tier":"default",'
    b'"logprobs":null,"provider_specific_fields":{"refusal":null},"annotations":[],"reasoning_content":null,'
    b'"tool_calls":null,"function_call":null,"created_s":17,"tier":"small","model":"gpt-4.1-mini","cost_micros":0,'
    b'"usage":{"input_tokens":0,"output_tokens":0,"cached_tokens":0,"reasoning_tokens":0},"task":"chat","tags":[],'
    b'"question":"","system":"","asked":""}\n{"id":"chatcmpl-","created":17,"model":"gpt-4.1-mini","object":"chat.completion",'
    b'"choices":[{"finish_reason":"stop","index":0,"message":{"content":"","role":"assistant","tool_calls":null,'
    b'"function_call":null}}],"usage":{"completion_tokens":1,"prompt_tokens":1,"total_tokens":2}}'
)


class UnreadableEntryError(ValueError):
    """What lies in Redis is not an entry of this format."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a stored answer besides its text. `question` and `system` are digests, for a purge; `asked` is
    the question itself, for the verifier: empty where paraphrases are not answered."""

    created_s: float
    tier: str
    model: str
    cost_micros: int
    usage: Usage
    task: str
    tags: tuple[str, ...]
    question: str
    system: str
    asked: str


@dataclass(frozen=True, slots=True)
class Keys:
    """Of one request: the digest of its scope, the key of its entry, that of the lease to fetch the answer."""

    scope: str
    entry: str
    lease: str


def keys_of(scope: Scope, question: str) -> Keys:
    digest = base64.urlsafe_b64encode(bytes.fromhex(exact_key(scope, question))[:_KEY_BYTES]).decode()
    told, name = scope_key(scope), f"{quoted(scope.tenant)}:{digest}"
    shelf = f"{PREFIX}{{{told[0]}}}"
    return Keys(told, f"{shelf}:e:{name}", f"{shelf}:l:{name}")


def entry_key(scope: Scope, question: str) -> str:
    return keys_of(scope, question).entry


def shelf_of(scope: Scope) -> str:
    return scope_key(scope)[0]


def shelf_prefix(shelf: str) -> str:
    """All entries of a shelf begin with it."""
    return f"{PREFIX}{{{shelf}}}:e:"


def entry_prefix(scope: Scope) -> str:
    """All entries of a scope begin with it, and none of another tenant."""
    return f"{shelf_prefix(shelf_of(scope))}{quoted(scope.tenant)}:"


def entry_pattern(quoted_tenant: str) -> str:
    """Of all entries of a tenant, on whatever shelf."""
    return f"{PREFIX}{{?}}:e:{quoted_tenant}:*"


def quoted(tenant: str) -> str:
    """A tenant's name without the characters that mean something in keys, patterns and queries."""
    return quote(tenant, safe="@")


def question_digest(question: str) -> str:
    return fingerprint(canonical(question))[:_DIGEST_CHARS]


def system_digests(prompt: str) -> frozenset[str]:
    """What `Facts.system` may be for entries under this one system prompt."""
    return frozenset(system_fingerprint([(role, prompt)])[:_DIGEST_CHARS] for role in SYSTEM_ROLES)


def pack(scope: Scope, vector: Vector | None, entry: Entry, now_s: float) -> dict[FieldT, EncodableT]:
    """The hash fields of an entry; without a vector it is for the exact layer only.

    Raises UnicodeEncodeError for text with half a surrogate pair.
    """
    facts = Facts(
        created_s=round(now_s, 1),
        tier=entry.tier,
        model=entry.model,
        cost_micros=entry.cost_micros,
        usage=entry.usage,
        task=entry.task,
        tags=entry.tags,
        question=question_digest(entry.question),
        system=scope.system[:_DIGEST_CHARS],
        asked="" if vector is None else entry.question,
    )
    head = json.dumps(asdict(facts), ensure_ascii=False, separators=(",", ":"))
    deflate = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS, zdict=_DICTIONARY)
    told = deflate.compress(f"{head}\n{entry.response}".encode()) + deflate.flush()
    if vector is None:
        return {"s": scope_key(scope), "b": _NO_VECTOR + told}
    return {"s": scope_key(scope), "b": _VECTOR + whole(vector) + told, "v": indexed(vector)}


def vector_in(body: bytes) -> bytes | None:
    """The whole vector as `cache_vectors.distances` takes it; None in a body without."""
    found = body[1 : 1 + WHOLE_BYTES]
    return found if body[:1] == _VECTOR and len(found) == WHOLE_BYTES else None


def unpack(body: bytes) -> tuple[Facts, str]:
    """The facts and the response. Raises UnreadableEntryError."""
    try:
        told = body[1 + WHOLE_BYTES :] if body[:1] == _VECTOR else body[1:]
        inflate = zlib.decompressobj(-zlib.MAX_WBITS, zdict=_DICTIONARY)
        head, _, response = (inflate.decompress(told) + inflate.flush()).decode().partition("\n")
        fields: dict[str, Any] = json.loads(head)
        usage: Mapping[str, int] = fields.pop("usage")
        tags = tuple(fields.pop("tags"))
        return Facts(**fields, usage=Usage(**usage), tags=tags), response
    except (zlib.error, ValueError, KeyError, TypeError) as error:
        raise UnreadableEntryError(str(error)) from error


def hit(
    kind: str, reason: str, body: bytes, now_s: float, distance: float | None = None, near: Near | None = None
) -> Hit:
    """A body as the answer to serve. Raises UnreadableEntryError."""
    facts, response = unpack(body)
    age_s = max(0, int(now_s - facts.created_s))
    return Hit(
        verdict=CacheVerdict(kind, reason, distance, age_s, near),
        response=response,
        tier=facts.tier,
        model=facts.model,
        cost_micros=facts.cost_micros,
        usage=facts.usage,
        task=facts.task,
    )

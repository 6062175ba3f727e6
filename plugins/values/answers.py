"""What a model used, and stored answers. Distances are cosine distances, 0 (same) to 2 (opposite)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Usage:
    """Token counts as the provider reported them (or as counted, for a broken stream)."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0

    @property
    def total_tokens(self) -> int:
        return self.input_tokens + self.output_tokens


@dataclass(frozen=True, slots=True)
class Scope:
    """Everything a cached answer is bound to. Two calls share entries only if all fields are equal.

    `history` fingerprints the turns before the last; it is empty for a self-contained question.
    """

    tenant: str
    residency: str
    target: str  # tier or named model that would answer
    system: str
    shape: str
    language: str
    history: str
    owner: str = ""  # end user, where the tenant caches per user
    sealed: bool = False  # encrypted at rest, and for the very same request only


@dataclass(frozen=True, slots=True)
class Near:
    """The stored question that the verifier's scorer decided on: its entry's key and task class, the score against the
    threshold. Questions that a check refuses, and the same words, are not near: no threshold decides on them."""

    key: str
    task: str
    score: float
    threshold: float


@dataclass(frozen=True, slots=True)
class CacheVerdict:
    """`kind` is exact, semantic, miss or bypass; `reason` says which check decided; `near` whom the scorer served or
    refused."""

    kind: str
    reason: str = ""
    distance: float | None = None
    age_s: int | None = None
    near: Near | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """A stored answer that may be served: LiteLLM's serialised response and what it cost when it was made."""

    verdict: CacheVerdict
    response: str
    tier: str
    model: str
    cost_micros: int
    usage: Usage
    task: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """An answer to be stored."""

    question: str
    response: str
    tier: str
    model: str
    cost_micros: int
    usage: Usage
    ttl_s: int
    task: str
    tags: tuple[str, ...] = ()  # labels that a purge can name, such as the app or feature


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to call the model for one request while identical ones wait. An empty key: nobody waits."""

    key: str = ""
    token: str = ""


@dataclass(frozen=True, slots=True)
class SmallQuestion:
    """What the gateway asks a small model for itself. `form` is the JSON that is asked for, as `response_format`."""

    messages: tuple[dict[str, str], ...]
    form: Mapping[str, Any]  # Any: a JSON schema
    max_output_tokens: int

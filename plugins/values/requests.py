"""A client's request as it was parsed, and what was found in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Endpoint(StrEnum):
    """The API a client called, in our words."""

    CHAT = "chat"
    RESPONSES = "responses"
    MESSAGES = "messages"
    COMPLETIONS = "completions"
    EMBEDDINGS = "embeddings"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who presented the key. `models` are the model and tier names the key may use; ("*",) means all."""

    tenant: str
    app: str
    key_id: str
    models: tuple[str, ...] = ("*",)

    def may_use(self, name: str) -> bool:
        return "*" in self.models or name in self.models


@dataclass(frozen=True, slots=True)
class Message:
    """The text of one turn; images and tool payloads are counted in `Call`, not carried."""

    role: str
    text: str


@dataclass(frozen=True, slots=True)
class Hints:
    """What the caller declared in headers: never trusted for attribution, only to restrict or steer."""

    task: str | None = None
    sensitive: bool = False
    deadline_ms: int | None = None
    escalate: bool = True  # a better model may answer in place of one whose answer the checks find wanting
    no_cache: bool = False  # do not answer from the cache
    no_store: bool = False  # do not keep the answer
    max_age_s: int | None = None  # answer from the cache only with what is no older
    ttl_s: int | None = None  # keep the answer no longer
    feature: str = ""
    session: str = ""
    traceparent: str = ""


class Extra(StrEnum):
    """What a request has beyond text that changes what it can cost."""

    SERVICE_TIER = "service_tier"  # asked for at another price than the list's
    MEDIA = "media"  # sound, video, or anything but text as answer
    REFERENCED = "referenced"  # content that is not in the request, or not as it is counted
    PROVIDER_TOOLS = "provider_tools"  # run by the provider, which bills each use and what it read


@dataclass(frozen=True, slots=True)
class Call:
    """One client request, parsed once at the edge.

    `shape` is the canonical JSON of everything besides the messages that can change the answer (tools,
    response format, sampling, ...); `input_bytes` is the UTF-8 size of all that is sent to the model but image data.
    """

    id: str
    endpoint: Endpoint
    caller: Caller
    model: str
    messages: tuple[Message, ...]
    shape: str = "{}"
    input_bytes: int = 0
    images: int = 0
    has_tools: bool = False
    wants_schema: bool = False
    stream: bool = False
    temperature: float | None = None
    max_output_tokens: int | None = None
    choices: int = 1
    end_user: str = ""
    hints: Hints = field(default_factory=Hints)
    started_ns: int = 0
    extras: frozenset[Extra] = frozenset()

    @property
    def system(self) -> str:
        return "\n".join(m.text for m in self.messages if m.role in ("system", "developer"))

    @property
    def question(self) -> str:
        """The last user turn; the whole input where there is none."""
        for message in reversed(self.messages):
            if message.role == "user":
                return message.text
        return self.text

    @property
    def text(self) -> str:
        return "\n".join(m.text for m in self.messages)

    @property
    def turns(self) -> tuple[Message, ...]:
        return tuple(m for m in self.messages if m.role not in ("system", "developer"))


@dataclass(frozen=True, slots=True)
class Finding:
    """One piece of sensitive content: its kind and where it stands in the text (character offsets)."""

    kind: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Constraints:
    """What every later step must obey for this request, fallback, escalation, cache and tracing included."""

    on_premise_only: bool = False
    region: str | None = None
    kinds: tuple[str, ...] = ()
    reason: str = ""

    @property
    def residency(self) -> str:
        """A short label that is part of cache keys and traces."""
        if self.on_premise_only:
            return "on_premise"
        return f"region:{self.region}" if self.region else "any"

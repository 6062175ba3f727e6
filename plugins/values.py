"""Frozen values handed between the steps of a request. No I/O, no framework types.

Money is integer micro-dollars (1 USD = 1_000_000), rounded up when charged. Times are epoch nanoseconds
unless the name says otherwise. Distances are cosine distances, 0 (same) to 2 (opposite).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, Decimal
from enum import StrEnum

MICROS_PER_USD = 1_000_000


def micros(usd: float | str | Decimal) -> int:
    """Dollars to micro-dollars, rounded up at the ninth decimal (below that it is binary float noise)."""
    exact = (Decimal(str(usd)) * MICROS_PER_USD).quantize(Decimal("0.001"))
    return int(exact.to_integral_value(ROUND_CEILING))


def usd_text(amount_micros: int) -> str:
    """Micro-dollars as a plain decimal string in dollars: 1500 -> '0.001500'."""
    sign = "-" if amount_micros < 0 else ""
    whole, rest = divmod(abs(amount_micros), MICROS_PER_USD)
    return f"{sign}{whole}.{rest:06d}"


class Endpoint(StrEnum):
    """The API a client called, in our words."""

    CHAT = "chat"
    RESPONSES = "responses"
    MESSAGES = "messages"
    COMPLETIONS = "completions"
    EMBEDDINGS = "embeddings"


class Difficulty(StrEnum):
    """How strong a model the classifier thinks a prompt needs; columns of the dispatch table."""

    EASY = "easy"
    MEDIUM = "medium"
    HARD = "hard"


class Layer(StrEnum):
    """Which layer of the cascade decided."""

    NAMED = "named"  # the caller named a tier or a model
    RULES = "rules"
    SCORED = "scored"
    JUDGED = "judged"


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
    no_cache: bool = False  # do not answer from the cache
    no_store: bool = False  # do not keep the answer
    feature: str = ""
    session: str = ""
    traceparent: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    """One client request, parsed once at the edge.

    `shape` is the canonical JSON of everything besides the messages that can change the answer (tools,
    response format, sampling, ...); `input_bytes` is the UTF-8 size of all that is sent to the model.
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


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a layer of the cascade thinks of a prompt. `score` is the hardness, 0 to 1."""

    task: str
    difficulty: Difficulty
    layer: Layer
    score: float
    threshold: float
    confidence: float
    reason: str
    cost_micros: int = 0  # what asking the small LLM cost


@dataclass(frozen=True, slots=True)
class Deployment:
    """One model behind a model group. Prices are pico-dollars per token (1 USD per million = 1_000_000)."""

    group: str
    model: str
    provider: str
    input_pico: int
    output_pico: int
    max_input_tokens: int
    max_output_tokens: int
    vision: bool = False
    tools: bool = True
    json_schema: bool = True
    on_premise: bool = False
    region: str | None = None
    cached_pico: int = 0  # for input that the provider still has cached


@dataclass(frozen=True, slots=True)
class Route:
    """Where a call goes: the tier, its model group, and the groups it may fall back to, in order."""

    tier: str
    group: str
    fallbacks: tuple[str, ...]
    escalate_to: str | None
    verdict: Verdict
    reason: str
    variant: str = ""


@dataclass(frozen=True, slots=True)
class Previous:
    """How a conversation's last answered turn was routed. `age_s`: seconds since then."""

    tier: str
    age_s: float
    failed: bool = False


class Window(StrEnum):
    """The period that a cap covers, in the tenant's time zone."""

    HOUR = "hour"
    DAY = "day"
    MONTH = "month"
    TOTAL = "total"


@dataclass(frozen=True, slots=True)
class Cap:
    """One limit on one scope. Exactly one of `micros` and `tokens` is set.

    `scope` is what the cap counts on: "tenant", "app:NAME", "key:ID" or "user:ID"; `tier` narrows it.
    """

    scope: str
    window: Window
    micros: int | None = None
    tokens: int | None = None
    tier: str | None = None


@dataclass(frozen=True, slots=True)
class Reservation:
    """What `Ledger.reserve` is asked for: the most this call can cost, against every cap that applies."""

    call_id: str
    tenant: str
    timezone: str
    caps: tuple[Cap, ...]
    micros: int
    tokens: int
    tier: str
    app: str = ""


@dataclass(frozen=True, slots=True)
class CapState:
    """A cap with its counters in the window that the server's clock is in (same unit as the cap)."""

    cap: Cap
    spent: int
    reserved: int
    window_ends_at_s: int  # epoch seconds; 0 for Window.TOTAL

    @property
    def limit(self) -> int:
        return self.cap.micros if self.cap.micros is not None else (self.cap.tokens or 0)

    @property
    def left(self) -> int:
        return self.limit - self.spent - self.reserved


@dataclass(frozen=True, slots=True)
class Hold:
    """A granted reservation. `remaining_micros` is the least dollar headroom after it; None without a cap."""

    call_id: str
    tenant: str
    micros: int
    tokens: int
    remaining_micros: int | None
    states: tuple[CapState, ...] = ()


@dataclass(frozen=True, slots=True)
class OverCap:
    """A refused reservation: the first cap that the call does not fit, and what it would have needed."""

    state: CapState
    needed: int
    retry_after_s: int


@dataclass(frozen=True, slots=True)
class LedgerAway:
    """The ledger could not be asked; the tenant's policy decides what follows."""

    reason: str


@dataclass(frozen=True, slots=True)
class Exact:
    """The provider's own usage: the unused part of the hold is refunded."""

    micros: int
    tokens: int


@dataclass(frozen=True, slots=True)
class LowerBound:
    """At least this much was used (broken stream, no usage): charged, and never a refund below the hold."""

    micros: int
    tokens: int


Charge = Exact | LowerBound


@dataclass(frozen=True, slots=True)
class Settled:
    """The result of settling: what was charged, what is left, and whether this call was the one that did it."""

    charged_micros: int
    remaining_micros: int | None
    first: bool
    alerts: tuple[str, ...] = ()


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


@dataclass(frozen=True, slots=True)
class CacheVerdict:
    """`kind` is exact, semantic, miss or bypass; `reason` says which check decided."""

    kind: str
    reason: str = ""
    distance: float | None = None
    age_s: int | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """A stored answer that may be served: LiteLLM's serialised response and what it cost when it was made."""

    verdict: CacheVerdict
    response: str
    tier: str
    model: str
    cost_micros: int
    usage: Usage


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
class Step:
    """One step inside a request, for its trace."""

    name: str
    started_ns: int
    ended_ns: int
    attributes: Mapping[str, str | int | float | bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Trace:
    """One client request, finished: what the sinks (Langfuse, the trace file, metrics) are given.

    `outcome` is answered, cached, refused, failed or aborted. `costs` splits `cost_micros` by kind: model,
    router_llm, judge, embedding. `input` and `output` are empty unless the tenant's capture policy allows.
    """

    id: str
    started_ns: int
    ended_ns: int
    first_token_ns: int | None
    caller: Caller
    endpoint: Endpoint
    requested_model: str
    stream: bool
    outcome: str
    status: int
    error_code: str
    task: str
    tier: str
    layer: str
    score: float
    threshold: float
    reason: str
    model: str
    deployment: str
    provider: str
    residency: str
    variant: str
    cache: CacheVerdict
    usage: Usage
    cost_micros: int
    cost_exact: bool
    costs: Mapping[str, int]
    saved_micros: int
    baseline_micros: int
    budget_left_micros: int | None
    fallbacks: int
    escalations: int
    end_user: str = ""
    session: str = ""
    feature: str = ""
    traceparent: str = ""
    input: str = ""
    output: str = ""
    steps: tuple[Step, ...] = ()

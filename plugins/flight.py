"""One client request in flight: what the steps leave for each other, for its headers and for its trace.

The only mutable record of the gateway. It is owned by the request that made it, lives in `Flights` until
its trace is emitted, and is found by the call id, which is LiteLLM's call id too.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from plugins.attempts import Target
from plugins.errors import GatewayError, UpstreamError
from plugins.parsing import NOBODY
from plugins.ports import Vector
from plugins.values import (
    Assigned,
    AtMost,
    CacheVerdict,
    Call,
    Caller,
    Charge,
    Constraints,
    Endpoint,
    Exact,
    Hit,
    Hold,
    Lease,
    LowerBound,
    Reservation,
    Route,
    Scope,
    Settled,
    Step,
    Trace,
    Usage,
    usd_text,
)

Attributes = dict[str, str | int | float | bool]


@dataclass(slots=True)
class Flight:
    """`call` is None until the body was read; `route` until the request was routed."""

    id: str
    endpoint: Endpoint
    started_ns: int
    call: Call | None = None
    caller: Caller = NOBODY
    opened: bool = False  # name, policy and cache are done
    constraints: Constraints = field(default_factory=Constraints)
    redact: bool = False
    injection: str = ""  # why the prompt looks like an attempt to override instructions
    cache: CacheVerdict = field(default_factory=lambda: CacheVerdict("bypass", "not reached"))
    scope: Scope | None = None
    lease: Lease | None = None  # our right to fetch an answer that others wait for
    vector: Vector | None = None  # the question's embedding, once a step asked for it
    hit: Hit | None = None
    checked: bool = False  # another model is asked beside an answer that is out: the trace waits for its cost
    assigned: Assigned = field(default_factory=Assigned)
    variant: str = ""  # the arm that its outcome counts for
    system: str = ""  # what that arm puts before the request's own messages
    shadow: Route | None = None  # a candidate to ask beside, once the answer is out
    body: dict[str, Any] = field(default_factory=dict)  # what it is sent
    route: Route | None = None
    hold: Hold | None = None
    reservation: Reservation | None = None  # what the hold was asked with
    holds: int = 0  # how often it was held once more
    attempt: str = ""  # LiteLLM's kind of a model call that was begun and may be billed
    under_way: Attributes = field(default_factory=dict)  # the model call begun last: model, provider, deployment
    most: tuple[int, int] | None = None  # micro-dollars and tokens that it can cost; None where that is not known
    no_attempt: GatewayError | None = None  # why no further attempt was made
    settled: Settled | None = None
    charge: Charge | None = None
    error: GatewayError | None = None
    status: int = 0
    failed: bool = False
    aborted: bool = False
    model: str = ""
    deployment: str = ""
    provider: str = ""
    answered_tier: str = ""  # the tier of the model that answered, which may not be the routed one
    usage: Usage = field(default_factory=Usage)
    answer: str = ""  # the text of the answer
    response: str = ""  # LiteLLM's serialised response, for the cache
    finish_reason: str = ""
    mean_logprob: float | None = None  # per output token, where the provider gives it
    fault: str = ""  # what the response itself has wrong
    tool_calls: int = 0
    called: tuple[tuple[str, str], ...] = ()  # of a plain chat answer: each called function's name and arguments
    left_micros: int | None = None  # headroom where nothing is held: a hit, a refusal
    costs: dict[str, int] = field(default_factory=dict)  # micro-dollars besides the model's own, by kind
    fallbacks: int = 0
    escalations: int = 0
    escalation_reason: str = ""
    first_token_ns: int | None = None
    ended_ns: int = 0
    admitted_ns: int = 0
    attempt_ns: int = 0  # when the model call under way began; 0 while it is the first
    failed_attempts: int = 0
    attempts: int = 0  # model calls that were begun
    attempt_kind: str = ""  # LiteLLM's kind of the first of them
    failed_targets: list[Target] = field(default_factory=list)
    last_failure: UpstreamError | None = None
    headroom: Attributes = field(default_factory=dict)  # what the provider says is left of its rate limits
    ended: bool = False  # the response has left, or the client has
    stream_complete: bool = False
    usage_told: bool = False  # the stream carried the provider's usage
    billed: tuple[Usage | None, float | None] | None = None  # a stream's usage and dollars, once LiteLLM knows
    steps: list[Step] = field(default_factory=list)
    emitted: bool = False

    @contextmanager
    def step(self, name: str) -> Iterator[Attributes]:
        """Times one step; what the block puts into the yielded mapping goes into the trace."""
        attributes: Attributes = {}
        started = time.time_ns()
        try:
            yield attributes
        finally:
            self.steps.append(Step(name, started, time.time_ns(), attributes))

    def attempted(self) -> None:
        """Note the model call that answered, from admission or the failure before it to now, as a step."""
        named = {"model": self.model, "provider": self.provider, "deployment": self.deployment}
        self._attempt({**named, "fallbacks": self.fallbacks, **self.headroom})

    def attempt_failed(self, error: str) -> None:
        """Note the model call under way as one that failed, a step of its own; what comes next begins where it
        ended."""
        self._attempt({**self.under_way, "error": error})
        self.failed_attempts += 1

    def unknown_charge(self, micros: int = 0, tokens: int = 0) -> Charge:
        """What to charge for the model call under way when only that it used this much is known: all that it can have
        used, which is less than the hold where a cheaper model was asked than the dearest that might have been."""
        hold = self.hold
        if hold is None:
            return LowerBound(micros, tokens)
        if self.most is None:
            return LowerBound(max(micros, hold.micros), max(tokens, hold.tokens))
        return AtMost(max(micros, min(self.most[0], hold.micros)), max(tokens, min(self.most[1], hold.tokens)))

    def settled_beside(self, kind: str, settled: Settled) -> None:
        """Count the charge of a model call besides the one that answers; caps that it filled are told in the trace."""
        self.costs[kind] = self.costs.get(kind, 0) + settled.charged_micros
        if settled.alerts:
            now = time.time_ns()
            self.steps.append(Step("alert", now, now, {"alerts": " ".join(settled.alerts)}))
        if self.settled is not None:
            self.settled = replace(self.settled, remaining_micros=settled.remaining_micros)

    def _attempt(self, noted: Attributes) -> None:
        now = time.time_ns()
        self.steps.append(Step("attempt", self.attempt_ns or self.admitted_ns, now, noted))
        self.attempt_ns = now

    @property
    def tier(self) -> str:
        if self.hit is not None:
            return self.hit.tier
        return self.answered_tier or (self.route.tier if self.route is not None else "")

    @property
    def reason(self) -> str:
        if self.error is not None and self.route is None:
            return self.error.code
        if self.hit is not None:
            return f"{self.cache.kind} cache hit: {self.cache.reason}".rstrip(": ")
        if self.route is None:
            return ""
        if self.escalations:
            return f"{self.route.reason}; escalated from {self.route.tier}: {self.escalation_reason}"
        if self.answered_tier and self.answered_tier != self.route.tier:
            return f"{self.route.reason}; {self.route.tier} failed, {self.answered_tier} answered"
        return self.route.reason

    @property
    def outcome(self) -> str:
        if self.failed:
            return "failed"
        if self.error is not None or self.status >= 400:
            return "refused"
        if self.aborted:
            return "aborted"
        return "cached" if self.hit is not None else "answered"

    @property
    def cost_micros(self) -> int:
        own = self.settled.charged_micros if self.settled is not None else 0
        return own + sum(self.costs.values())

    @property
    def remaining_micros(self) -> int | None:
        if self.settled is not None:
            return self.settled.remaining_micros
        return self.hold.remaining_micros if self.hold is not None else self.left_micros


def response_headers(flight: Flight) -> Mapping[str, str]:
    """The `x-tierwise-*` headers of a reply. A stream's head goes out before its cost is known: it then says
    the amount that is held for it, with `x-tierwise-cost-basis: reserved`."""
    headers = {
        "x-tierwise-trace-id": flight.id,
        "x-tierwise-tier": flight.tier,
        "x-tierwise-reason": _header_text(flight.reason),
        "x-tierwise-cache": flight.cache.kind,
        "x-tierwise-variant": flight.variant,
    }
    if flight.cache.distance is not None:
        headers["x-tierwise-cache-distance"] = f"{flight.cache.distance:.4f}"
    if flight.cache.age_s is not None:
        headers["x-tierwise-cache-age"] = str(flight.cache.age_s)
    if flight.settled is None and flight.hold is not None and flight.error is None:
        headers["x-tierwise-cost-usd"] = usd_text(flight.hold.micros)
        headers["x-tierwise-cost-basis"] = "reserved"
    else:
        headers["x-tierwise-cost-usd"] = usd_text(flight.cost_micros)
        headers["x-tierwise-cost-basis"] = (
            "exact" if flight.charge is None or isinstance(flight.charge, Exact) else "bound"
        )
    if flight.remaining_micros is not None:
        headers["x-tierwise-budget-remaining-usd"] = usd_text(flight.remaining_micros)
    return {name: value for name, value in headers.items() if value}


def _header_text(text: str) -> str:
    """Visible ASCII only: a header value must not carry line breaks or raw user text."""
    return "".join(c if " " <= c <= "~" else "?" for c in text)[:300]


def trace_of(flight: Flight, baseline_micros: int, content: tuple[str, str]) -> Trace:
    """The flight as its frozen trace. `content` is (input, output), already cut down to what may be traced."""
    cost = flight.cost_micros
    served = flight.outcome in ("answered", "cached", "aborted")
    others = {kind: amount for kind, amount in flight.costs.items() if amount}
    return Trace(
        id=flight.id,
        started_ns=flight.started_ns,
        ended_ns=flight.ended_ns,
        first_token_ns=flight.first_token_ns,
        caller=flight.caller,
        endpoint=flight.endpoint,
        outcome=flight.outcome,
        status=flight.status,
        error_code=flight.error.code if flight.error else "",
        tier=flight.tier,
        reason=flight.reason,
        model=flight.model,
        deployment=flight.deployment,
        provider=flight.provider,
        residency=flight.constraints.residency,
        cache=flight.cache,
        usage=flight.usage,
        cost_micros=cost,
        cost_exact=flight.charge is None or isinstance(flight.charge, Exact),
        costs={"model": max(0, cost - sum(others.values())), **others},
        saved_micros=max(0, baseline_micros - cost) if served else 0,
        baseline_micros=baseline_micros if served else 0,
        budget_left_micros=flight.remaining_micros,
        fallbacks=flight.fallbacks,
        escalations=flight.escalations,
        variant=flight.variant,
        input=content[0],
        output=content[1],
        steps=tuple(flight.steps),
        **_declared(flight.call),
        **_decided(flight),
    )


def _declared(call: Call | None) -> dict[str, Any]:
    """What the client said of the request; empty for one that could not be read."""
    return {
        "requested_model": call.model if call else "",
        "stream": call.stream if call else False,
        "end_user": call.end_user if call else "",
        "session": call.hints.session if call else "",
        "feature": call.hints.feature if call else "",
        "traceparent": call.hints.traceparent if call else "",
    }


def _decided(flight: Flight) -> dict[str, Any]:
    """What the cascade and the table decided; of a request that was not routed only a cached answer's task class."""
    verdict = flight.route.verdict if flight.route else None
    return {
        "task": verdict.task if verdict else flight.hit.task if flight.hit else "",
        "layer": verdict.layer.value if verdict else "",
        "score": verdict.score if verdict else 0.0,
        "threshold": verdict.threshold if verdict else 0.0,
    }


class Flights:
    """The requests in flight in this process, by call id."""

    def __init__(self) -> None:
        self._by_id: dict[str, Flight] = {}

    def add(self, flight: Flight) -> None:
        self._by_id[flight.id] = flight

    def get(self, call_id: object) -> Flight | None:
        return self._by_id.get(call_id) if isinstance(call_id, str) else None

    def remove(self, flight: Flight) -> None:
        self._by_id.pop(flight.id, None)

    def __iter__(self) -> Iterator[Flight]:
        return iter(list(self._by_id.values()))

    def __len__(self) -> int:
        return len(self._by_id)

"""A finished request, as the sinks are given it. Times are epoch nanoseconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from plugins.values.answers import CacheVerdict, Usage
from plugins.values.requests import Caller, Endpoint


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

"""Turns a finished `Trace` into spans: what Langfuse shows for one client request.

    request                     root: user id, session, trace name, tags, metadata, input and output
    |-- <one per Trace.steps>   policy, cache, classify, reserve, attempt, ...: times and attributes
    `-- <tier>                  the one generation: model, usage, and the whole cost of the request

Every request has exactly one generation, also when it was cached, refused or failed: a server that is
not told "zero" prices prompts itself. Only it carries cost, so sums over observations count nothing twice.
Ids derive from the call id, so that scores and late feedback find a trace without a look-up. A client's
W3C traceparent becomes a link, never the parent: a trace id chosen by a client could join, rename or
overwrite the trace of another tenant.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from plugins.values import MICROS_PER_USD, Step, Trace, Usage, usd_text

Attribute = str | tuple[str, ...]

COST_KINDS: Final = ("model", "router_llm", "judge", "embedding")
ATTEMPT: Final = "attempt"
CALLS: Final = (ATTEMPT, "escalate")  # steps of these names are calls to a model; the generation spans them
CACHE_CHECK: Final = "cache check"  # a cached answer is compared with the model's, afterwards
ROOT: Final = "request"
NO_TIER: Final = "none"  # the generation's name where no tier was chosen
OBSERVATION_METADATA: Final = "langfuse.observation.metadata"
TRACE_METADATA: Final = "langfuse.trace.metadata"

_ID_CHARS = 200  # Langfuse refuses longer user and session ids
_VALUE_CHARS = 1_000
_FEATURE_CHARS = 80
_GENERATION_METADATA = (  # the rest stands once, on the root
    *("call_id", "key_id", "end_user", "feature", "deployment", "provider", "residency", "variant"),
    *("saved_usd", "baseline_usd", "cost_exact"),
)
_LEVELS = {"failed": "ERROR", "refused": "WARNING", "aborted": "WARNING"}
_HEX_ID = re.compile(r"[0-9a-f]{32}")
_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_ENVIRONMENT = re.compile(r"[^a-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class ClientContext:
    """The trace and span that the client says it is in, lower-case hex."""

    trace_id: str
    span_id: str


@dataclass(frozen=True, slots=True)
class Span:
    """One observation. Ids are lower-case hex (32 and 16 digits); `parent_id` is empty for the root."""

    trace_id: str
    span_id: str
    parent_id: str
    name: str
    started_ns: int
    ended_ns: int
    attributes: Mapping[str, Attribute]
    failed: bool = False
    link: ClientContext | None = None


def trace_id_of(call_id: str) -> str:
    """32 hex digits. A call id that is a UUID or 32 hex digits is the trace id; any other is hashed."""
    plain = call_id.replace("-", "").lower()
    if _HEX_ID.fullmatch(plain) and plain.strip("0"):
        return plain
    return hashlib.sha256(call_id.encode("utf-8", "replace")).hexdigest()[:32]


def span_id_of(call_id: str, name: str, index: int = 0) -> str:
    """16 hex digits, different for each name and index within one call."""
    seed = f"{trace_id_of(call_id)}/{index}/{name}"
    return hashlib.sha256(seed.encode("utf-8", "replace")).hexdigest()[:16]


def parse_traceparent(header: str) -> ClientContext | None:
    """The client's context, or None for anything that https://www.w3.org/TR/trace-context/ calls invalid."""
    match = _TRACEPARENT.fullmatch(header.strip()) if len(header) <= 512 else None
    if match is None:
        return None
    version, trace_id, span_id, _, rest = match.groups()
    if version == "ff" or (version == "00" and rest) or not trace_id.strip("0") or not span_id.strip("0"):
        return None
    return ClientContext(trace_id, span_id)


def environment_of(name: str) -> str:
    """A name that Langfuse accepts: `^(?!langfuse)[a-z0-9-_]+$`, at most 40 characters."""
    cleaned = _ENVIRONMENT.sub("-", name.lower()).strip("-") or "default"
    return (f"env-{cleaned}" if cleaned.startswith("langfuse") else cleaned)[:40]


def spans_of(trace: Trace, *, environment: str, release: str = "") -> tuple[Span, ...]:
    """All spans of one request, the root first. Never raises for a well-typed trace."""
    shared = _shared(trace, environment, release)
    client = parse_traceparent(trace.traceparent)
    metadata = _metadata(trace, client)
    own = {key: metadata[key] for key in _GENERATION_METADATA if key in metadata}
    both = {**shared, **_level(trace), **_content(trace)}
    failed = trace.outcome == "failed"
    root = Span(
        trace_id_of(trace.id),
        span_id_of(trace.id, ROOT),
        "",
        ROOT,
        trace.started_ns,
        max(trace.ended_ns, trace.started_ns),
        {**both, "langfuse.observation.type": "span", **_under(TRACE_METADATA, metadata)},
        failed,
        client,
    )
    steps = (_step(trace, step, number, shared) for number, step in enumerate(trace.steps))
    generation = Span(
        root.trace_id,
        span_id_of(trace.id, "generation"),
        root.span_id,
        trace.tier or NO_TIER,
        *_generation_times(trace),
        {**both, **_generation(trace), **_under(OBSERVATION_METADATA, own)},
        failed,
    )
    return (root, *steps, generation)


def usage_details(usage: Usage) -> dict[str, int]:
    """Token counts by kind. Langfuse adds up the kinds of one direction, so they must not overlap."""
    cached = min(usage.cached_tokens, usage.input_tokens)
    reasoning = min(usage.reasoning_tokens, usage.output_tokens)
    return {
        "input": usage.input_tokens - cached,
        "input_cached_tokens": cached,
        "output": usage.output_tokens - reasoning,
        "output_reasoning_tokens": reasoning,
        "total": usage.total_tokens,
    }


def cost_details(trace: Trace) -> dict[str, float]:
    """Dollars by kind, zeros included. `total` is what was charged; the kinds always add up to it."""
    kinds = {kind: trace.costs.get(kind, 0) for kind in (*COST_KINDS, *trace.costs)}
    if rest := trace.cost_micros - sum(kinds.values()):
        kinds["other"] = kinds.get("other", 0) + rest
    kinds["total"] = trace.cost_micros
    return {kind: amount / MICROS_PER_USD for kind, amount in kinds.items()}


def _shared(trace: Trace, environment: str, release: str) -> dict[str, Attribute]:
    """Trace-level fields. They stand on every span, because Langfuse 4 aggregates observations."""
    shared: dict[str, Attribute] = {
        "langfuse.trace.name": trace_name(trace),
        "user.id": trace.caller.tenant[:_ID_CHARS],
        "langfuse.trace.tags": _tags(trace),
        "langfuse.environment": environment_of(environment),
    }
    if trace.session:  # under the tenant: one client's choice of id must not open another's session
        shared["session.id"] = f"{trace.caller.tenant}/{trace.session}"[:_ID_CHARS]
    if release:
        shared["langfuse.release"] = release
    return shared


def trace_name(trace: Trace) -> str:
    """`app/feature`, or the app alone."""
    feature = "".join(c for c in trace.feature if c.isprintable()).strip()[:_FEATURE_CHARS]
    return f"{trace.caller.app}/{feature}" if feature else trace.caller.app


def _tags(trace: Trace) -> tuple[str, ...]:
    pairs = {
        "outcome": trace.outcome,
        "cache": trace.cache.kind,
        "task": trace.task,
        "layer": trace.layer,
        "variant": trace.variant,
        "error": trace.error_code,
    }
    flags = {"escalated": trace.escalations, "fell_back": trace.fallbacks}
    named = [f"{key}:{value}"[:_ID_CHARS] for key, value in pairs.items() if value]
    return (*named, *(name for name, count in flags.items() if count))


def _level(trace: Trace) -> dict[str, Attribute]:
    level = _LEVELS.get(trace.outcome, "DEFAULT")
    if level == "DEFAULT":
        return {"langfuse.observation.level": level}
    message = trace.error_code or trace.reason or trace.outcome
    return {"langfuse.observation.level": level, "langfuse.observation.status_message": message}


def _content(trace: Trace) -> dict[str, Attribute]:
    found = {"langfuse.observation.input": trace.input, "langfuse.observation.output": trace.output}
    return {key: text for key, text in found.items() if text}


def _generation_times(trace: Trace) -> tuple[int, int]:
    """From the first model attempt to the end of the last one; the whole request where there was none."""
    attempts = [step for step in trace.steps if step.name in CALLS]
    started_ns = min((step.started_ns for step in attempts), default=trace.started_ns)
    ended_ns = max((step.ended_ns for step in attempts), default=trace.ended_ns)
    return started_ns, max(started_ns, ended_ns)


def _generation(trace: Trace) -> dict[str, Attribute]:
    attributes: dict[str, Attribute] = {
        "langfuse.observation.type": "generation",
        "langfuse.observation.usage_details": json.dumps(usage_details(trace.usage)),
        "langfuse.observation.cost_details": json.dumps(cost_details(trace)),
    }
    if trace.model:
        attributes["langfuse.observation.model.name"] = trace.model
    if trace.first_token_ns is not None:
        moment = datetime.fromtimestamp(trace.first_token_ns / 1e9, UTC)
        attributes["langfuse.observation.completion_start_time"] = moment.isoformat()
    return attributes


def _metadata(trace: Trace, client: ClientContext | None) -> dict[str, str]:
    fields: dict[str, object] = {
        "call_id": trace.id,
        "app": trace.caller.app,
        "key_id": trace.caller.key_id,
        "feature": trace.feature,
        "end_user": trace.end_user,
        "endpoint": str(trace.endpoint),
        "requested_model": trace.requested_model,
        "stream": trace.stream,
        "outcome": trace.outcome,
        "status": trace.status,
        "error_code": trace.error_code,
        "task": trace.task,
        "tier": trace.tier,
        "layer": trace.layer,
        "score": trace.score if trace.layer else None,
        "threshold": trace.threshold if trace.layer else None,
        "reason": trace.reason,
        "deployment": trace.deployment,
        "provider": trace.provider,
        "residency": trace.residency,
        "variant": trace.variant,
        "cache": trace.cache.kind,
        "cache_reason": trace.cache.reason,
        "cache_distance": trace.cache.distance,
        "cache_age_s": trace.cache.age_s,
        "cost_exact": trace.cost_exact,
        "saved_usd": usd_text(trace.saved_micros),
        "baseline_usd": usd_text(trace.baseline_micros),
        "budget_left_usd": None if trace.budget_left_micros is None else usd_text(trace.budget_left_micros),
        "fallbacks": trace.fallbacks,
        "escalations": trace.escalations,
        "client_trace_id": client.trace_id if client else None,
    }
    return {key: _text(value) for key, value in fields.items() if value is not None and value != ""}


def _step(trace: Trace, step: Step, index: int, shared: Mapping[str, Attribute]) -> Span:
    """A child observation. A step with a non-empty `error` attribute is shown as failed."""
    error = str(step.attributes.get("error", ""))
    attributes: dict[str, Attribute] = {
        **shared,
        "langfuse.observation.type": "span",
        "langfuse.observation.level": "ERROR" if error else "DEFAULT",
        **_under(OBSERVATION_METADATA, {key: _text(value) for key, value in step.attributes.items()}),
    }
    if error:
        attributes["langfuse.observation.status_message"] = error[:_VALUE_CHARS]
    return Span(
        trace_id_of(trace.id),
        span_id_of(trace.id, step.name, index + 1),
        span_id_of(trace.id, ROOT),
        step.name,
        step.started_ns,
        max(step.ended_ns, step.started_ns),
        attributes,
        bool(error),
    )


def _under(prefix: str, metadata: Mapping[str, str]) -> dict[str, Attribute]:
    return {f"{prefix}.{key}": value for key, value in metadata.items()}


def _text(value: object) -> str:
    """Metadata values are strings: Langfuse filters on them, it does not compute with them."""
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return text[:_VALUE_CHARS]

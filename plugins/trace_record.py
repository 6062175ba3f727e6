"""One line of the trace file: a finished `Trace` as one flat JSON object, and back.

    v                     record version, 1
    id, trace_id          call id; trace id as in `x-tierwise-trace-id` and Langfuse
    time                  start, ISO 8601 in UTC (for people; `started_ns` is exact)
    started_ns, ended_ns, first_token_ns          epoch nanoseconds; the last null if nothing was streamed
    tenant, app, key_id, feature, end_user, session, traceparent, environment
    endpoint, requested_model, stream, outcome, status, error_code
    task, tier, layer, score, threshold, reason, variant
    model, deployment, provider, residency
    cache, cache_reason, cache_distance, cache_age_s     kind (exact, semantic, miss, bypass) and why
    input_tokens, output_tokens, cached_tokens, reasoning_tokens
    cost_micros, cost_exact                       what was charged, micro-dollars; false: a lower bound
    cost_<kind>_micros                            the same, split: model, router_llm, judge, embedding
    saved_micros, baseline_micros, budget_left_micros    micro-dollars; the last null without a cap
    fallbacks, escalations
    input, output                                 only as far as the tenant's capture policy allows
    steps                 list of {name, started_ns, ended_ns, attributes}: the only nested field

`Caller.models` is not kept. Readers ignore fields they do not know.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from plugins.tracing import COST_KINDS, trace_id_of
from plugins.values import CacheVerdict, Caller, Endpoint, Step, Trace, Usage

VERSION = 1
_COST = "cost_"
_MICROS = "_micros"
_SAME = (  # the fields that have the same name and a JSON type in both
    *("id", "started_ns", "ended_ns", "first_token_ns", "requested_model", "stream", "outcome", "status"),
    *("error_code", "task", "tier", "layer", "score", "threshold", "reason", "model", "deployment"),
    *("provider", "residency", "variant", "cost_micros", "cost_exact", "saved_micros", "baseline_micros"),
    *("budget_left_micros", "fallbacks", "escalations", "end_user", "session", "feature", "traceparent"),
    *("input", "output"),
)


def to_record(trace: Trace, environment: str = "") -> dict[str, Any]:  # Any: JSON values
    """The flat object described above; `environment` is the gateway's."""
    moment = datetime.fromtimestamp(trace.started_ns / 1e9, UTC)
    costs = {kind: trace.costs.get(kind, 0) for kind in (*COST_KINDS, *trace.costs)}
    return {
        "v": VERSION,
        "time": moment.isoformat(timespec="milliseconds"),
        "trace_id": trace_id_of(trace.id),
        "tenant": trace.caller.tenant,
        "app": trace.caller.app,
        "key_id": trace.caller.key_id,
        "environment": environment,
        "endpoint": str(trace.endpoint),
        **{name: getattr(trace, name) for name in _SAME},
        "cache": trace.cache.kind,
        "cache_reason": trace.cache.reason,
        "cache_distance": trace.cache.distance,
        "cache_age_s": trace.cache.age_s,
        "input_tokens": trace.usage.input_tokens,
        "output_tokens": trace.usage.output_tokens,
        "cached_tokens": trace.usage.cached_tokens,
        "reasoning_tokens": trace.usage.reasoning_tokens,
        **{f"{_COST}{kind}{_MICROS}": amount for kind, amount in costs.items()},
        "steps": [
            {
                "name": step.name,
                "started_ns": step.started_ns,
                "ended_ns": step.ended_ns,
                "attributes": dict(step.attributes),
            }
            for step in trace.steps
        ],
    }


def from_record(record: Mapping[str, Any]) -> Trace:
    """The trace again. Raises KeyError, TypeError or ValueError for a record that is not of this version."""
    if record["v"] != VERSION:
        raise ValueError(f"trace record version {record['v']!r}, expected {VERSION}")
    return Trace(
        **{name: record[name] for name in _SAME},
        caller=Caller(record["tenant"], record["app"], record["key_id"]),
        endpoint=Endpoint(record["endpoint"]),
        cache=CacheVerdict(record["cache"], record["cache_reason"], record["cache_distance"], record["cache_age_s"]),
        usage=Usage(
            record["input_tokens"],
            record["output_tokens"],
            record["cached_tokens"],
            record["reasoning_tokens"],
        ),
        costs={
            name[len(_COST) : -len(_MICROS)]: amount
            for name, amount in record.items()
            if name.startswith(_COST) and name.endswith(_MICROS) and name != "cost_micros"
        },
        steps=tuple(
            Step(step["name"], step["started_ns"], step["ended_ns"], step["attributes"]) for step in record["steps"]
        ),
    )

"""Langfuse's exports in one layout: traces as they are, observations put together to the traces that they belong to.

Exports come from the public API (`/traces`, `/v2/observations`, in camel case), the user interface and the blob storage
integration (`traces/`, or `observations_v2/` since Langfuse 4, in snake case). Fields of the last:
https://langfuse.com/docs/api-and-data-platform/features/blob-storage-export-fields
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

Json = dict[str, Any]
_GENERATION: Final = "GENERATION"
_TYPES: Final = {
    *("SPAN", "EVENT", "AGENT", "TOOL", "CHAIN", "RETRIEVER", "EVALUATOR", "EMBEDDING", "GUARDRAIL"),
    _GENERATION,
}
_NO_TIER: Final = "none"  # a generation's name where no tier was chosen, as plugins.tracing writes it


def as_traces(records: Iterable[Json]) -> list[Json]:
    """Traces, in the order in which their first record came. Of a trace's observations the root says what was asked;
    the tier is in its metadata, or is the name of the generation; the outcome is in the metadata or a tag."""
    traces: dict[str, Json] = {}
    for number, record in enumerate(records):
        found = trace_id(record)
        if not is_observation(record):
            known = traces.get(found, {"metadata": {}})  # its observations may stand before it
            said = {name: value for name, value in record.items() if value is not None}
            traces[found or f"#{number}"] = {**known, **said, "metadata": {**known["metadata"], **metadata_of(record)}}
            continue
        trace = traces.setdefault(found, {"id": found, "metadata": {}})
        trace["metadata"] = {**_tagged(record), **trace["metadata"], **metadata_of(record)}
        if record.get("input") and (not trace.get("input") or not _parent(record)):
            trace["input"] = record["input"]
        if record["type"] == _GENERATION and record.get("name") not in (None, "", _NO_TIER):
            trace["metadata"].setdefault("tier", record["name"])
    return list(traces.values())


def is_observation(record: Mapping[str, Any]) -> bool:
    """Whether this is a part of a trace rather than a trace."""
    return record.get("type") in _TYPES and bool(record.get("trace_id") or record.get("traceId"))


def trace_id(record: Mapping[str, Any]) -> str:
    """The id that scores name: `trace_id` of the gateway's records, `id` of Langfuse's."""
    return str(record.get("trace_id") or record.get("traceId") or record.get("id") or "")


def metadata_of(record: Mapping[str, Any]) -> Json:
    """The metadata, which some exports hold as text."""
    found = decoded(record.get("metadata"))
    return found if isinstance(found, dict) else {}


def decoded(value: Any) -> Any:
    """The object or list that a text holds as JSON; anything else as it is."""
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        try:
            return json.loads(value)
        except (json.JSONDecodeError, RecursionError):
            return value
    return value


def _parent(record: Mapping[str, Any]) -> str:
    return str(record.get("parent_observation_id") or record.get("parentObservationId") or "")


def _tagged(record: Mapping[str, Any]) -> Json:
    said = [str(tag).removeprefix("outcome:") for tag in record.get("tags") or () if str(tag).startswith("outcome:")]
    return {"outcome": said[0]} if said else {}

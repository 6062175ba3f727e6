"""Spans as OTLP protobuf, and the little that must be done to encoded traces later.

One trace is encoded as one `ExportTraceServiceRequest`. Protobuf concatenates: the joined bytes of
several are one valid request with all of them, so a batch is joined and split without decoding.
Schema: https://github.com/open-telemetry/opentelemetry-proto, `collector/trace/v1/trace_service.proto`.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version

# protobuf ships no type hints
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import (
    AnyValue,
    ArrayValue,
    InstrumentationScope,
    KeyValue,
)
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Status
from opentelemetry.proto.trace.v1.trace_pb2 import Span as OtlpSpan

from plugins.tracing import Attribute, Span

_NAME = "tierwise"
_CONTENT = frozenset({"langfuse.observation.input", "langfuse.observation.output"})


@functools.cache  # reads files of the installation
def product_version() -> str:
    """The installed version; empty when run from a tree that is not installed."""
    try:
        return version(_NAME)
    except PackageNotFoundError:
        return ""


def encode(spans: Sequence[Span]) -> bytes:
    """The spans of one trace as one serialised request. Lone surrogates in text become '?'."""
    known: dict[tuple[str, Attribute], KeyValue] = {}
    scope = ScopeSpans(
        scope=InstrumentationScope(name=_NAME, version=product_version()),
        spans=[_span(span, known) for span in spans],
    )
    resource = Resource(attributes=_attributes({"service.name": _NAME}, known))
    request = ExportTraceServiceRequest(resource_spans=[ResourceSpans(resource=resource, scope_spans=[scope])])
    return bytes(request.SerializeToString())


def split(body: bytes) -> list[bytes]:
    """The traces of a joined request, one by one. Raises ValueError for bytes that are none."""
    try:
        request = ExportTraceServiceRequest.FromString(body)
    except DecodeError as error:
        raise ValueError("not an OTLP trace request") from error
    return [ExportTraceServiceRequest(resource_spans=[part]).SerializeToString() for part in request.resource_spans]


def without_content(body: bytes) -> bytes | None:
    """The same trace without prompts and answers; None if it had none, so that nothing would be won."""
    request = ExportTraceServiceRequest.FromString(body)
    removed = False
    for part in request.resource_spans:
        for scope in part.scope_spans:
            for span in scope.spans:
                kept = [item for item in span.attributes if item.key not in _CONTENT]
                removed = removed or len(kept) < len(span.attributes)
                del span.attributes[:]
                span.attributes.extend(kept)
    return request.SerializeToString() if removed else None


def _span(span: Span, known: dict[tuple[str, Attribute], KeyValue]) -> OtlpSpan:
    code = Status.StatusCode.STATUS_CODE_ERROR if span.failed else Status.StatusCode.STATUS_CODE_UNSET
    links = []
    if span.link:
        links = [OtlpSpan.Link(trace_id=bytes.fromhex(span.link.trace_id), span_id=bytes.fromhex(span.link.span_id))]
    return OtlpSpan(
        trace_id=bytes.fromhex(span.trace_id),
        span_id=bytes.fromhex(span.span_id),
        parent_span_id=bytes.fromhex(span.parent_id),
        name=_clean(span.name),
        kind=OtlpSpan.SpanKind.SPAN_KIND_INTERNAL,
        start_time_unix_nano=span.started_ns,
        end_time_unix_nano=span.ended_ns,
        attributes=_attributes(span.attributes, known),
        links=links,
        status=Status(code=code),
    )


def _attributes(attributes: Mapping[str, Attribute], known: dict[tuple[str, Attribute], KeyValue]) -> list[KeyValue]:
    """`known` keeps what one trace repeats on each of its spans: made once, then copied by protobuf."""
    found = []
    for pair in attributes.items():
        if pair not in known:
            known[pair] = KeyValue(key=_clean(pair[0]), value=_value(pair[1]))
        found.append(known[pair])
    return found


def _value(value: Attribute) -> AnyValue:
    if isinstance(value, str):
        return AnyValue(string_value=_clean(value))
    return AnyValue(array_value=ArrayValue(values=[_value(item) for item in value]))


def _clean(text: str) -> str:
    """Protobuf strings are valid UTF-8; JSON from a client may hold a lone surrogate."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")

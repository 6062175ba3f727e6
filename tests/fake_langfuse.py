"""A local OTLP endpoint that behaves like Langfuse's, and checks what it is sent."""

from __future__ import annotations

import base64
import gzip
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from langfuse import LangfuseOtelSpanAttributes
from langfuse.api import CreateScoreRequest
from langfuse.api.core.pydantic_utilities import parse_obj_as
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

PATH = "/api/public/otel/v1/traces"
SCORES_PATH = "/api/public/scores"
PUBLIC_KEY, SECRET_KEY = "pk-lf-test", "sk-lf-test"
_KNOWN = {value for name, value in vars(LangfuseOtelSpanAttributes).items() if not name.startswith("_")}
_METADATA = ("langfuse.observation.metadata.", "langfuse.trace.metadata.")


@dataclass
class Received:
    """One observation as the server stores it."""

    trace_id: str
    span_id: str
    parent_id: str
    name: str
    attributes: dict[str, Any]  # Any: OTLP values

    @property
    def is_generation(self) -> bool:
        return bool(self.attributes["langfuse.observation.type"] == "generation")

    def details(self, kind: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.attributes[f"langfuse.observation.{kind}_details"])
        return found


@dataclass
class FakeLangfuse:
    """Answers 200 and stores by id, unless told otherwise: `status`, `max_bytes` (413 above), `hanging`.

    `repeated` counts observations that came again with other content: the same bytes twice are harmless.
    `light` keeps nothing but the trace ids, for measuring; `gone` hangs up on every request. Servers up to 4.16 take no
    lists of scores (`takes_lists`); of a list, scores of a name among `refused` are rejected.
    """

    url: str = ""
    status: int = 200
    max_bytes: int = 4_500_000
    hanging: threading.Event | None = None
    observations: dict[str, Received] = field(default_factory=dict)
    scores: dict[str, dict[str, Any]] = field(default_factory=dict)
    trace_ids: set[str] = field(default_factory=set)
    light: bool = False
    gone: bool = False
    takes_lists: bool = True
    refused: tuple[str, ...] = ()
    requests: int = 0
    score_requests: int = 0
    repeated: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def generations(self) -> list[Received]:
        return [seen for seen in self.observations.values() if seen.is_generation]

    def post(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, Any]:
        """(status, JSON answer)"""
        self.requests += 1
        if self.hanging is not None:
            self.hanging.wait(30)
        if self.status != 200:
            return self.status, {}
        if len(body) > self.max_bytes:
            return 413, {}
        token = base64.b64encode(f"{PUBLIC_KEY}:{SECRET_KEY}".encode()).decode()
        expected = {"authorization": f"Basic {token}"}
        if path == SCORES_PATH:
            self.problems += [f"header {k}" for k, v in expected.items() if headers.get(k) != v]
            return self._scores(json.loads(body))
        expected |= {"content-type": "application/x-protobuf", "x-langfuse-ingestion-version": "4"}
        self.problems += [f"header {k}" for k, v in expected.items() if headers.get(k) != v]
        self.problems += [] if path == PATH else [f"path {path}"]
        plain = gzip.decompress(body) if headers.get("content-encoding") == "gzip" else body
        self._store(ExportTraceServiceRequest.FromString(plain))
        return 200, {}

    def _scores(self, sent: Any) -> tuple[int, Any]:
        """One score or a list of them, checked by the SDK's own model of what the endpoint takes."""
        self.score_requests += 1
        if isinstance(sent, list) and not self.takes_lists:
            return 400, {}
        listed = sent if isinstance(sent, list) else [sent]
        taken = [one for one in listed if one["name"] not in self.refused]
        for one in taken:
            score = parse_obj_as(CreateScoreRequest, one)
            if score.data_type == "BOOLEAN" and score.value not in (0, 1):
                self.problems.append(f"boolean score {score.name} is {score.value!r}")
            self.scores[one["id"]] = one
        if not isinstance(sent, list):
            return (200, {"id": sent["id"]}) if taken else (400, {})
        if len(taken) == len(listed):
            return 202, {"accepted": len(taken)}
        return 207, {"accepted": len(taken), "rejected": len(listed) - len(taken), "errors": []}

    def _store(self, request: ExportTraceServiceRequest) -> None:
        for resource in request.resource_spans:
            for scope in resource.scope_spans:
                self.trace_ids.update(span.trace_id.hex() for span in scope.spans)
                for span in () if self.light else scope.spans:
                    seen = Received(
                        span.trace_id.hex(),
                        span.span_id.hex(),
                        span.parent_span_id.hex(),
                        span.name,
                        {item.key: _plain(item.value) for item in span.attributes},
                    )
                    self.problems += problems_of(seen)
                    self.repeated += self.observations.get(seen.span_id, seen) != seen
                    self.observations[seen.span_id] = seen


def problems_of(span: Received) -> list[str]:
    """What Langfuse would misread in this observation; empty if nothing."""
    found = [
        f"unknown attribute {key}" for key in span.attributes if key not in _KNOWN and not key.startswith(_METADATA)
    ]
    if not isinstance(span.attributes.get("langfuse.trace.tags"), list):
        found.append("tags are no list")
    if not span.is_generation:
        return found + [f"{key} on a span" for key in span.attributes if key.endswith("_details")]
    try:
        usage, cost = span.details("usage"), span.details("cost")
    except KeyError as missing:
        return [*found, f"generation without {missing}"]
    found += [f"usage {k} is no int" for k, v in usage.items() if type(v) is not int]
    return found + [f"cost {k} is no float" for k, v in cost.items() if type(v) is not float]


def _plain(value: AnyValue) -> Any:  # Any: whatever OTLP can hold
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_plain(item) for item in value.array_value.values]
    return getattr(value, str(kind))


@contextmanager
def fake_langfuse(given: FakeLangfuse | None = None, port: int = 0) -> Iterator[FakeLangfuse]:
    """The endpoint, by default on a free port; stopped at the end. A given one goes on with what it has."""
    fake = given or FakeLangfuse()
    fake.gone = False

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            if fake.gone:  # a thread that still serves a connection from before the end
                self.close_connection = True
                return
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, said = fake.post(self.path, headers, body)
            answer = json.dumps(said).encode()
            try:
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)
            except OSError:
                self.close_connection = True  # the client has gone

        def log_message(self, *_: object) -> None:
            """No noise in the test output."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    fake.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield fake
    finally:
        fake.gone = True
        if fake.hanging is not None:
            fake.hanging.set()
        server.shutdown()
        server.server_close()
        thread.join()

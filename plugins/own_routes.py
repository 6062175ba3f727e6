"""The gateway's own HTTP routes, beside LiteLLM's: probes, metrics for Prometheus, feedback from applications."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping

from starlette.types import Receive, Scope, Send

from plugins.cache_thresholds import PEOPLE, Seen
from plugins.errors import BadRequest, BodyTooLarge, Forbidden, NotServed, Unauthorized, Unavailable
from plugins.parsing import parse_body
from plugins.proof.observe import score_of
from plugins.runtime import Runtime
from plugins.scores import read_feedback

Reply = tuple[int, str, bytes]  # status, content type, body
Route = Callable[[Runtime, Scope, Receive], Awaitable[Reply]]
MAX_FEEDBACK_BYTES = 64 * 1024


async def metrics(ours: Runtime, scope: Scope, receive: Receive) -> Reply:
    """GET /metrics with the token of `gateway.metrics.token`, or the master key."""
    if scope["method"] not in ("GET", "HEAD"):
        raise BadRequest("Metrics are read with GET.", code="method_not_allowed")
    if not ours.keyring.may_scrape(bearer(scope)):
        text = "Metrics are read with the token of gateway.metrics.token, or with the master key, as bearer token."
        raise Unauthorized(text)
    kind, page = await asyncio.to_thread(ours.telemetry.page)
    return 200, kind, page


async def feedback(ours: Runtime, scope: Scope, receive: Receive) -> Reply:
    """POST /v1/tierwise/feedback: a score on a request of the same tenant. It is kept, then sent in the background."""
    if scope["method"] != "POST":
        raise BadRequest("Feedback is sent with POST.", code="method_not_allowed")
    caller = ours.keyring.find(bearer(scope))
    if caller is None:
        raise Unauthorized("The API key is missing or unknown. Send the key that the request was made with.")
    body = parse_body(await _read(receive))
    given = read_feedback(body)
    known = await ours.telemetry.request_of(caller.tenant, given.trace_id)
    if known is None:
        text = "No request with this trace_id was made by this tenant lately. Send the reply's x-tierwise-trace-id."
        raise NotServed(text, code="unknown_trace", param="trace_id")
    if known.app != caller.app:
        raise Forbidden("The request was made by another application of this tenant.", code="other_app")
    score = given.score(caller, ours.config.environment, time.time_ns())
    if not ours.telemetry.take_feedback(score, known, given.is_bad):
        raise Unavailable("Too much feedback is waiting to be sent. Retry later.", headers={"Retry-After": "30"})
    source = "thumbs" if given.data_type == "BOOLEAN" else "feedback"
    routed = known.task, known.tier, not given.is_bad, source, known.hardness
    ours.learning.outcomes.record(caller.tenant, *routed, trace_id=given.trace_id)
    if known.cached_score is not None:
        seen = Seen(caller.tenant, known.cached_task, known.cached_score, not given.is_bad, PEOPLE)
        ours.evidence.record(seen, given.trace_id)
    ours.trials.note(score_of(known.variant, given.value, given.is_bad))
    return 202, "application/json", json.dumps({"id": score.id, "trace_id": score.trace_id}).encode()


async def live(ours: Runtime, scope: Scope, receive: Receive) -> Reply:
    """GET /livez and /startupz: the event loop turns. The server listens only once it has started."""
    return _status(200, "alive")


async def ready(ours: Runtime, scope: Scope, receive: Receive) -> Reply:
    """GET /readyz: 503 when it is to end soon. Ready also while Redis is away, as each tenant's policy decides then;
    `?redis=required` says 503 instead. A probe asks nobody: the housekeeping does, every two seconds."""
    if ours.draining:
        return _status(503, "draining")
    if ours.ledger_answers:
        return _status(200, "ready")
    return _status(503 if b"redis=required" in scope["query_string"] else 200, "redis_away")


def _status(code: int, text: str) -> Reply:
    return code, "application/json", json.dumps({"status": text}).encode()


ROUTES: Mapping[str, Route] = {
    "/livez": live,
    "/startupz": live,
    "/readyz": ready,
    "/metrics": metrics,
    "/metrics/": metrics,
    "/v1/tierwise/feedback": feedback,
    "/tierwise/feedback": feedback,
}


async def send_reply(send: Send, reply: Reply) -> None:
    status, kind, body = reply
    headers = [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def bearer(scope: Scope) -> str:
    """The key of the Authorization header; empty without one."""
    for name, value in scope["headers"]:
        if name.lower() == b"authorization":
            text: str = value.decode("latin-1")
            return text.removeprefix("Bearer ").strip()
    return ""


async def _read(receive: Receive) -> bytes:
    chunks, size, more = [], 0, True
    while more:
        message = await receive()
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        if size > MAX_FEEDBACK_BYTES:
            raise BodyTooLarge(f"Feedback over {MAX_FEEDBACK_BYTES} bytes is not taken. Send a shorter comment.")
        more = message.get("more_body", False)
    return b"".join(chunks)

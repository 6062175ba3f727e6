"""The thin ASGI layer in front of LiteLLM's unmodified app: what must happen before and after it.

Before: only known paths, a bounded UTF-8 JSON body checked field by field, headers that would steer LiteLLM
taken out, and a Flight under an id of ours. After: our headers, errors in OpenAI's shape without anybody's
internals, and the books closed on every request however it ended.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import gzip
import json
import logging
import re
import time
import uuid
from collections.abc import Mapping
from contextlib import suppress

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from plugins import fast_lane
from plugins.adapters.log_guard import guard
from plugins.errors import BadRequest, BodyTooLarge, GatewayError, NotServed, Unavailable
from plugins.fields import OURS, cleaned
from plugins.flight import Flight, response_headers
from plugins.own_routes import ROUTES, Route, bearer, send_reply
from plugins.parsing import parse_body, read_call
from plugins.public_errors import public_error
from plugins.values import Endpoint
from plugins.wiring import runtime

log = logging.getLogger("tierwise")

ENDPOINTS = {
    "/chat/completions": Endpoint.CHAT,
    "/completions": Endpoint.COMPLETIONS,
    "/embeddings": Endpoint.EMBEDDINGS,
    "/messages": Endpoint.MESSAGES,
    "/responses": Endpoint.RESPONSES,
}
# Reachable with any valid key, or without one where LiteLLM says so; everything else is administration.
OPEN_PATHS = re.compile(r"/(?:v1/)?models(?:/[^/]+)?|/health/(?:liveliness|liveness|readiness)")
# Request headers by which a client would steer LiteLLM, forge attribution or choose a call id.
STEERING = (b"x-litellm-", b"langfuse", b"litellm-", b"x-mock-")
KEPT_HEADERS = frozenset({b"x-litellm-api-key"})
# How LiteLLM's last event of a broken stream begins; ours says the same in our words.
ERROR_FRAME = b'data: {"error"'
# Response headers that tell about providers and deployments.
INTERNAL = (b"x-litellm-", b"llm_provider-", b"x-ratelimit-")


def settle_memory() -> None:
    """Once all is loaded: what stays is left out of collections, and what loading took and left goes back to the
    operating system, some 30 MB (glibc keeps it otherwise)."""
    gc.collect()
    gc.freeze()  # 840,000 objects: a full collection took half a second, and will not see them
    with suppress(OSError, AttributeError):  # another C library
        ctypes.CDLL(None).malloc_trim(0)


class Edge:
    """`app` is LiteLLM's FastAPI application; `hits` and `calls` answer what the fast lane takes from it."""

    def __init__(self, app: ASGIApp, hits: ASGIApp, calls: ASGIApp) -> None:
        self.app, self.hits, self.calls = app, hits, calls

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(scope, receive, send)
        elif scope["type"] != "http":
            await _refuse_websocket(receive, send)
        elif endpoint := endpoint_of(scope["path"]):
            await self._serve(endpoint, scope, receive, send)
        elif route := ROUTES.get(scope["path"]):
            await self._answer(route, scope, receive, send)
        elif OPEN_PATHS.fullmatch(scope["path"]) or runtime().keyring.is_master(bearer(scope)):
            await self.app(_without_steering(scope, None), receive, _Shaper(send, None).send)
        else:
            text = "There is nothing at this path. The gateway serves /v1/chat/completions and its siblings."
            await send_error(send, NotServed(text))

    async def _answer(self, route: Route, scope: Scope, receive: Receive, send: Send) -> None:
        """One of our own routes: no flight, no trace."""
        try:
            await send_reply(send, await route(runtime(), scope, receive))
        except GatewayError as refusal:
            await send_error(send, refusal)

    async def _lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        ours = runtime()  # before the first request, and so that a wrong config ends the start-up
        house = asyncio.create_task(ours.keep_house())

        async def told(message: Message) -> None:
            if message["type"] == "lifespan.startup.complete":
                guard()  # once more: LiteLLM's configuration may have brought other handlers
                settle_memory()
            if message["type"] == "lifespan.shutdown.complete":
                house.cancel()
                await ours.close()
            await send(message)

        await self.app(scope, receive, told)

    async def _serve(self, endpoint: Endpoint, scope: Scope, receive: Receive, send: Send) -> None:
        ours = runtime()
        flight = Flight(uuid.uuid4().hex, endpoint, time.time_ns())
        shaper = _Shaper(send, flight)
        try:
            if scope["method"] != "POST":
                raise BadRequest(f"{scope['method']} is not served here. Use POST.", code="method_not_allowed")
            raw = await read_body(receive, ours.config.limits.max_body_bytes)
            if raw is None:
                return
            body = parse_body(raw)
            fields = cleaned(endpoint, body, ours.config.limits.pass_fields)
            flight.call = read_call(endpoint, fields, _headers(scope), flight.id, flight.started_ns, len(raw))
            sent = {name: value for name, value in fields.items() if name not in OURS}
            payload = raw if len(sent) == len(body) else json.dumps(sent).encode()
            ours.flights.add(flight)
            app, kept = self.app, _without_steering(scope, flight, len(payload))
            if ours.fast_lane and await fast_lane.takes(ours.pipeline, ours.keyring, flight, scope):
                app, kept = self.calls if flight.hit is None else self.hits, {**kept, fast_lane.FLIGHT: flight}
            await app(kept, _replay(payload, receive), shaper.send)
        except GatewayError as refusal:
            flight.error, flight.caller = refusal, ours.keyring.find(bearer(scope)) or flight.caller
            await send_error(shaper.send, refusal)
        except Exception:
            # Whatever LiteLLM lets through must not reach a client as a stack trace.
            log.exception("request failed", extra={"call_id": flight.id})
            flight.failed = True
            if shaper.started:
                raise
            flight.error = Unavailable("The gateway failed on this request. Retry.")
            await send_error(shaper.send, flight.error)
        finally:
            flight.status = shaper.status
            await ours.response_ended(flight, shaper.complete)


def endpoint_of(path: str) -> Endpoint | None:
    """The endpoint of a path, with or without /v1."""
    return ENDPOINTS.get(path.removeprefix("/v1"))


async def read_body(receive: Receive, most: int) -> bytes | None:
    """The whole body; None if the client left. Raises BodyTooLarge without reading further."""
    chunks, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > most:
            raise BodyTooLarge(f"The request body is over {most} bytes. Send less at once.")
        chunks.append(chunk)
        if not message.get("more_body", False):
            return b"".join(chunks)


def _replay(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body again, then what comes after it (the client's leaving)."""
    pending = [body]

    async def again() -> Message:
        if pending:
            return {"type": "http.request", "body": pending.pop(), "more_body": False}
        return await receive()

    return again


def _headers(scope: Scope) -> Mapping[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}


def _without_steering(scope: Scope, flight: Flight | None, length: int | None = None) -> Scope:
    kept = [
        (name, value)
        for name, value in scope["headers"]
        if name.lower() in KEPT_HEADERS or not name.lower().startswith(STEERING)
    ]
    if flight is not None:
        kept = [(n, v) for n, v in kept if n.lower() not in (b"content-length", b"transfer-encoding", b"content-type")]
        kept += [(b"content-type", b"application/json"), (b"content-length", str(length).encode())]
        kept.append((b"x-litellm-call-id", flight.id.encode()))
    return {**scope, "headers": kept}


class _Shaper:
    """Sends a response on with our headers; error bodies are held back and rewritten."""

    def __init__(self, send: Send, flight: Flight | None) -> None:
        self._send, self._flight = send, flight
        self._start: Message | None = None
        self._held = b""
        self.status = 0
        self.started = self.complete = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            if self.status >= 400 and not _is_stream(message):
                self._start = message
                return
            await self._begin(message, None)
            return
        if message["type"] != "http.response.body":
            await self._send(message)
            return
        more = message.get("more_body", False)
        if self._start is not None:
            self._held += message.get("body", b"")
            if not more:
                await self._send_error_body()
            return
        self.complete = self.complete or not more
        error = self._flight.error if self._flight else None
        if error is not None and message.get("body", b"").startswith(ERROR_FRAME):
            message = {**message, "body": b"data: " + json.dumps(error.body()).encode() + b"\n\n"}
        await self._send(message)

    async def _send_error_body(self) -> None:
        assert self._start is not None  # noqa: S101  # set by the caller's branch
        headers = [(n.lower(), v) for n, v in self._start.get("headers", [])]
        held = gzip.decompress(self._held) if (b"content-encoding", b"gzip") in headers else self._held
        error = self._flight.error if self._flight else None
        if error is None:
            error = public_error(self.status, held)
            if self._flight is not None:
                self._flight.error, self._flight.failed = error, self._flight.failed or self.status >= 500
        self.status, body = error.http_status, json.dumps(error.body()).encode()
        kept = [(n, v) for n, v in headers if n != b"content-encoding"]
        start: Message = {**self._start, "status": self.status, "headers": kept}
        await self._begin(start, len(body), error)
        self.complete = True
        await self._send({"type": "http.response.body", "body": body})

    async def _begin(self, message: Message, length: int | None, error: GatewayError | None = None) -> None:
        self.started = True
        headers = [(n, v) for n, v in message.get("headers", []) if not n.lower().startswith(INTERNAL)]
        extra = dict(response_headers(self._flight)) if self._flight else {}
        extra.update(error.headers if error else {})
        if runtime().draining:
            extra["connection"] = "close"  # the next request of this client goes to another replica
        if length is not None:
            extra |= {"content-length": str(length), "content-type": "application/json"}
        named = {name.lower().encode() for name in extra}
        headers = [(n, v) for n, v in headers if n.lower() not in named]
        headers += [(name.lower().encode(), value.encode("latin-1", "replace")) for name, value in extra.items()]
        await self._send({**message, "headers": headers})


def _is_stream(start: Message) -> bool:
    return any(n.lower() == b"content-type" and v.startswith(b"text/event-stream") for n, v in start.get("headers", []))


async def send_error(send: Send, error: GatewayError) -> None:
    """A refusal made here, in OpenAI's shape."""
    body = json.dumps(error.body()).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    headers += [(n.lower().encode(), v.encode("latin-1", "replace")) for n, v in error.headers.items()]
    await send({"type": "http.response.start", "status": error.http_status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _refuse_websocket(receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "websocket.close", "code": 1008, "reason": "websockets are not served"})

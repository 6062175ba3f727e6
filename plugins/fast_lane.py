"""The fast lane: chat requests go past what of LiteLLM has no say in them.

A hit of the cache is answered here, in a tenth of the time; what is known by then decides: the key, the tenant, its
policy, and what the cache holds in that scope. A miss goes straight to LiteLLM's endpoint, past its web framework and
key check (`adapters.litellm_chat`), and takes up the path where this left it. The other endpoints go through LiteLLM's
whole application. Nobody is passed by who has a say in every request: with LiteLLM's virtual keys, other callbacks, or
a setting not known to leave chat requests alone, the lane is closed, and so it is for requests of browsers (CORS is
LiteLLM's) and for keys in other headers than `Authorization`.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from starlette.types import Receive, Scope, Send

from plugins.answer_forms import replayed
from plugins.flight import Flight
from plugins.pipeline import Pipeline
from plugins.tenancy import Keyring
from plugins.values import Endpoint

Json = dict[str, Any]
log = logging.getLogger("tierwise")

FLIGHT = "tierwise.flight"  # where the scope carries the flight to whoever answers in the lane
OURS = {"callbacks": ["plugins.gateway.gateway"], "custom_auth": "plugins.gateway.authenticate"}
# Settings of LiteLLM that say nothing about a request before it is at its endpoint, or about one whose answer is known.
HARMLESS = frozenset(
    {"callbacks", "drop_params", "telemetry", "request_timeout", "num_retries", "ssl_verify", "set_verbose"}
    | {"json_logs", "modify_params", "custom_auth", "master_key", "always_include_stream_usage"}
)
# LiteLLM reads keys from these as well, and some of them first.
OTHER_KEYS = frozenset(
    {b"x-litellm-api-key", b"api-key", b"x-api-key", b"x-goog-api-key", b"ocp-apim-subscription-key"}
)
VARIES = ((b"vary", b"Origin"),)  # as everything that LiteLLM answers
CLOSING = OTHER_KEYS | {b"origin"}


def obstacle(raw: Json, environ: Mapping[str, str]) -> str:
    """What of LiteLLM's configuration would be passed by, so that the lane stays closed; empty if nothing."""
    if environ.get("DATABASE_URL"):
        return "DATABASE_URL (LiteLLM checks the keys)"
    for section in ("litellm_settings", "general_settings"):
        settings = raw.get(section) or {}
        if unknown := sorted(set(settings) - HARMLESS):
            return f"{section}.{unknown[0]}"
        if changed := sorted(name for name in OURS.keys() & settings.keys() if settings[name] != OURS[name]):
            return f"{section}.{changed[0]}"
    return ""


def key_of(scope: Scope) -> str:
    """The bearer token, where that is the only key that the request brings; empty otherwise."""
    token = ""
    for name, value in scope["headers"]:
        name = name.lower()
        if name in CLOSING:
            return ""
        if name == b"authorization":
            if token or not value.startswith(b"Bearer "):
                return ""
            token = value[len(b"Bearer ") :].decode("latin-1").strip()
    return token


async def takes(pipeline: Pipeline, keyring: Keyring, flight: Flight, scope: Scope) -> bool:
    """Go the first part of the path in front of LiteLLM; whether the lane answers this request. If there is a stored
    answer, it is in the flight now."""
    caller = keyring.find(key) if (key := key_of(scope)) else None
    if caller is None or flight.call is None or caller.tenant not in pipeline.config.tenants:
        return False
    try:
        flight.error = await pipeline.open(flight, replace(flight.call, caller=caller))
    except Exception:
        log.exception("a lookup in front of LiteLLM failed; the request goes on", extra={"call_id": flight.id})
        flight.opened = False
    return flight.opened and flight.endpoint is Endpoint.CHAT


async def send_hit(scope: Scope, receive: Receive, send: Send) -> None:
    """The ASGI application of the lane: the stored answer under this request's id, as JSON or as a stream."""
    flight: Flight = scope[FLIGHT]
    assert flight.hit is not None, "`takes` said so"  # noqa: S101  # the edge asks it first
    assert flight.call is not None, "`takes` said so"  # noqa: S101  # as above
    stored = json.loads(flight.hit.response)
    answer = replayed(flight.endpoint, stored, flight.id, flight.call.model, int(time.time()))
    flight.admitted_ns = time.time_ns()
    if flight.call.stream:
        headers = [*VARIES, (b"cache-control", b"no-cache"), (b"x-accel-buffering", b"no")]
        headers.append((b"content-type", b"text/event-stream; charset=utf-8"))
        body = b"".join(events(answer))
        flight.first_token_ns, flight.stream_complete, flight.usage_told = time.time_ns(), True, True
    else:
        body = _dumped(answer)
        headers = [*VARIES, (b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": flight.call.stream})
    if flight.call.stream:
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def events(answer: Json) -> Iterator[bytes]:
    """A chat completion as server-sent events: its text, why it ended, what it used, the end mark."""
    head = {name: answer[name] for name in ("id", "created", "model", "system_fingerprint") if answer.get(name)}
    head = {**head, "object": "chat.completion.chunk"}
    for choice in answer["choices"]:
        said = choice["message"].items()
        delta = {name: value for name, value in said if value is not None and name != "provider_specific_fields"}
        chunk = {"index": choice["index"], "delta": delta, "logprobs": choice.get("logprobs")}
        yield _event({**head, "choices": [{name: value for name, value in chunk.items() if value is not None}]})
        end = {"index": choice["index"], "delta": {}, "finish_reason": choice["finish_reason"]}
        yield _event({**head, "choices": [end]})
    if usage := answer.get("usage"):
        yield _event({**head, "choices": [], "usage": usage})
    yield b"data: [DONE]\n\n"


def _event(chunk: Json) -> bytes:
    return b"data: " + _dumped(chunk) + b"\n\n"


def _dumped(value: Json) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()

"""What comes of LiteLLM's endpoint reaches the client as LiteLLM's application would send it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from litellm.proxy._types import ProxyException, UserAPIKeyAuth
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from plugins.adapters.litellm_chat import chat_app
from plugins.fast_lane import FLIGHT
from plugins.flight import Flight
from plugins.values import Caller, Endpoint

Json = dict[str, Any]
BODY = {"model": "auto", "messages": [{"role": "user", "content": "Hi"}]}


async def handled(request: Request, refusal: Any) -> Response:
    """What LiteLLM's handlers do, in short."""
    status = refusal.code if isinstance(refusal, ProxyException) else refusal.status_code
    return PlainTextResponse(f"{type(refusal).__name__} at {request.url.path}", int(status))


async def served(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    await app(scope, receive, send)


def sent(endpoint: Callable[..., Awaitable[Any]]) -> tuple[int, dict[str, str], bytes]:
    """(status, headers, body) of one request, with `endpoint` in the place of LiteLLM's."""
    proxy = SimpleNamespace(app=None, chat_completion=endpoint)
    proxy.openai_exception_handler = proxy.otlp_http_exception_handler = handled
    flight = Flight("id-1", Endpoint.CHAT, 1)
    flight.caller = Caller("acme", "web", "key-1", ("*",))
    scope = {"type": "http", "method": "POST", "path": "/v1/chat/completions", "query_string": b"", FLIGHT: flight}
    scope |= {"headers": [(b"content-type", b"application/json")], "server": ("gateway", 80), "scheme": "http"}
    messages: list[Json] = []
    bodies = [json.dumps(BODY).encode()]

    async def receive() -> Json:
        if bodies:
            return {"type": "http.request", "body": bodies.pop(), "more_body": False}
        return await asyncio.Future()  # the client stays

    async def send(message: Any) -> None:
        messages.append(message)

    asyncio.run(served(chat_app(proxy), scope, receive, send))
    start, *rest = messages
    headers = {name.decode(): value.decode() for name, value in start["headers"]}
    return start["status"], headers, b"".join(message.get("body", b"") for message in rest)


def test_an_answer_is_sent_with_the_headers_that_the_endpoint_set() -> None:
    """The endpoint sees the request and who asks, and returns a dictionary."""

    async def endpoint(request: Request, fastapi_response: Response, model: None, user_api_key_dict: Any) -> Json:
        fastapi_response.headers["x-litellm-model-id"] = "m"
        return {"asked": await request.json(), "by": user_api_key_dict.api_key}

    status, headers, body = sent(endpoint)
    assert (status, headers["x-litellm-model-id"], headers["vary"]) == (200, "m", "Origin")
    assert headers["content-type"] == "application/json" and headers["content-length"] == str(len(body))
    assert json.loads(body) == {"asked": BODY, "by": UserAPIKeyAuth(api_key="key-1").api_key}


def test_no_number_makes_an_answer_unsendable() -> None:
    """JSON has no infinity, though a provider's log probabilities have."""

    async def endpoint(*asked: Any, **more: Any) -> Json:
        return {"logprob": float("-inf"), "of": datetime(2026, 1, 2, tzinfo=UTC)}

    status, _, body = sent(endpoint)
    assert status == 200 and json.loads(body)["logprob"] is None


def test_a_stream_goes_out_as_it_is() -> None:
    """A response of LiteLLM's own is not wrapped."""

    async def endpoint(*asked: Any, **more: Any) -> Response:
        return StreamingResponse(iter([b"data: 1\n\n", b"data: [DONE]\n\n"]), media_type="text/event-stream")

    status, headers, body = sent(endpoint)
    assert status == 200 and headers["content-type"].startswith("text/event-stream")
    assert body == b"data: 1\n\ndata: [DONE]\n\n"


@pytest.mark.parametrize(
    "refusal",
    [ProxyException(message="No.", type="t", param="p", code=429), HTTPException(429, "No.")],
    ids=["of the proxy", "of the web framework"],
)
def test_a_refusal_keeps_its_status(refusal: Exception) -> None:
    """Handlers of LiteLLM make a response of what its endpoint raises."""

    async def endpoint(*asked: Any, **more: Any) -> Json:
        raise refusal

    status, _, body = sent(endpoint)
    assert status == 429 and body.decode() == f"{type(refusal).__name__} at /v1/chat/completions"

"""LiteLLM's own endpoint of chat completions, called without the web framework and the key check around it.

For requests that the fast lane has let in: their key is known to be ours, and nothing of LiteLLM's configuration has a
say before its endpoint. The endpoint itself, its hooks, router and streams are LiteLLM's, as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi.encoders import jsonable_encoder
from litellm.proxy._types import ProxyException
from litellm.proxy.middleware.redis_request_batch_middleware import RedisRequestBatchMiddleware
from pydantic_core import to_json
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from plugins.adapters import litellm_io
from plugins.fast_lane import FLIGHT, VARIES
from plugins.flight import Flight
from plugins.values import Endpoint


def chat_app(proxy: Any) -> ASGIApp:
    """The ASGI application of the lane's misses; `proxy` is LiteLLM's module `proxy_server`, with the endpoint and the
    handlers of what it raises."""

    async def answer(request: Request, flight: Flight) -> Response:
        told = Response()  # whose headers the endpoint sets
        auth = litellm_io.auth_of(flight.caller)
        try:
            answered = await proxy.chat_completion(request, told, model=None, user_api_key_dict=auth)
        except ProxyException as refusal:
            answered = await proxy.openai_exception_handler(request, refusal)
        except HTTPException as refusal:
            answered = await proxy.otlp_http_exception_handler(request, refusal)
        return answered if isinstance(answered, Response) else _json_response(answered, told)

    async def send_call(scope: Scope, receive: Receive, send: Send) -> None:
        response = await answer(Request({**scope, "app": proxy.app, "path_params": {}}, receive), scope[FLIGHT])
        response.raw_headers += VARIES
        await response(scope, receive, send)

    # LiteLLM reads and writes its counters of one request in one go within this.
    batched: ASGIApp = RedisRequestBatchMiddleware(send_call)
    return batched


def log_afterwards(data: Mapping[str, Any], flight: Flight) -> None:
    """LiteLLM builds its log record of an answer once our hook is done with it. Otherwise it does that in the very
    moment in which the ledger is waited for, and the answer waits for both: 1.2 ms. Streams it logs at their end."""
    if flight.endpoint is Endpoint.CHAT and flight.call is not None and not flight.call.stream:
        data["litellm_logging_obj"].defer_async_logging = True


def _json_response(answered: object, told: Response) -> Response:
    """An answer as FastAPI would send it: what the endpoint returned, and the headers that it set beside. No number of
    an answer that was paid for makes it unsendable: what JSON lacks (infinity) becomes null."""
    body = to_json(answered, inf_nan_mode="null", fallback=jsonable_encoder)
    response = Response(body, media_type="application/json")
    response.raw_headers += [(name, value) for name, value in told.raw_headers if name != b"content-length"]
    return response

"""Error bodies as clients may see them: OpenAI's shape, our words, nobody's internals."""

from __future__ import annotations

import json
import re

from plugins.errors import GatewayError, UpstreamError

# What to say where LiteLLM refused by itself, by status: type, code, message.
BY_STATUS: dict[int, tuple[str, str, str]] = {
    401: ("authentication_error", "invalid_api_key",
          "The API key is missing or unknown. Send 'Authorization: Bearer <key>' with a key of this gateway."),
    403: ("permission_error", "not_allowed", "This API key may not do that."),
    404: ("invalid_request_error", "not_found", "There is nothing at this path or under this name."),
    405: ("invalid_request_error", "method_not_allowed", "This method is not served here."),
    429: ("rate_limit_error", "rate_limit_exceeded", "Too many requests. Retry after a pause."),
}  # fmt: skip
FALLBACK = ("invalid_request_error", "invalid_request", "The request was refused. Check its fields.")
INTERNAL = ("service_unavailable", "gateway_unavailable", "The gateway failed on this request. Retry.")
# Signs of an exception's text: module paths, tracebacks, LiteLLM's own names.
RAW = re.compile(r"Traceback|\.py\b|litellm|Exception|object at 0x|<class |NoneType|KeyError|TypeError", re.I)


def public_error(status: int, held: bytes) -> GatewayError:
    """What a client is told of an error answer of LiteLLM's own; `held` is its body."""
    if status >= 500:
        return UpstreamError(503, *INTERNAL)
    kind, code, message = BY_STATUS.get(status, FALLBACK)
    said, param = said_in(held)
    if said and status not in BY_STATUS and not RAW.search(said):
        message = said[:500]
    error = UpstreamError(status, kind, code, message)
    error.param = param
    return error


def said_in(body: bytes | str) -> tuple[str, str | None]:
    """(message, param) of an error's body in OpenAI's shape; the message is empty where it is no such body."""
    try:
        error = json.loads(body).get("error")
    except (ValueError, AttributeError):
        return "", None
    if not isinstance(error, dict) or not isinstance(error.get("message"), str):
        return "", None
    param = error.get("param")
    return error["message"], param if isinstance(param, str) and param != "None" else None

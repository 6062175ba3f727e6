"""LiteLLM's dictionaries and exceptions into our values, and back. The only reader of either."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from litellm.proxy._types import ProxyException, UserAPIKeyAuth

from plugins.answer_forms import read_answer
from plugins.errors import GatewayError, UpstreamError
from plugins.flight import Flight
from plugins.public_errors import said_in
from plugins.sensitive import redact_all
from plugins.values import Caller, Charge, Endpoint, Exact, Usage, micros

Json = dict[str, Any]
METADATA_KEY = "tierwise"
# Where the seam has nothing, LiteLLM need not make keys and copies of request and answer for it.
NOTHING_CACHED = {"no-cache": True, "no-store": True}
# Where text stands inside messages, parts and tool calls.
INNER = ("content", "text", "output", "arguments", "function", "tool_calls")
# As OpenAI's client tells it; LiteLLM's own clients tell the body as it is.
PROVIDER_BODY = re.compile(r"Error code: \d+ - \{.*?['\"]message['\"]: (['\"])(?P<said>.*?)\1, ['\"]", re.S)
# Appended to provider messages by LiteLLM's router: model groups are nobody's business outside.
ROUTER_SUFFIX = re.compile(
    r"\s*\.?\s*(?:LiteLLM: |Received Model Group|Available Model Group Fallbacks|LiteLLM Retried).*", re.S
)
# Kinds of sensitive content that a provider may quote from the request's head.
KEYS = ("api_key", "jwt", "password", "private_key")
EXCEPTION_PREFIX = re.compile(r"^(?:litellm\.)?[A-Za-z.]*(?:Error|Exception)\s*[:-]\s*(?:[A-Za-z]+Exception\s*-\s*)?")

# By LiteLLM's exception, the first that matches: status, type, code, message to a client (None: the provider's own).
FAILURES: Sequence[tuple[str, int, str, str, str | None]] = (
    ("ContextWindowExceededError", 400, "invalid_request_error", "context_length_exceeded",
     "The request is longer than the context window of every model it may use. Shorten it."),
    ("ContentPolicyViolationError", 400, "invalid_request_error", "content_policy_violation",
     "The model provider's content filter refused the request. Rephrase it."),
    ("Timeout", 504, "timeout_error", "provider_timeout", "The model provider did not answer in time. Retry."),
    ("RouterRateLimitError", 503, "service_unavailable", "no_healthy_deployment",
     "Every model that may answer is cooling down after failures. Retry shortly."),
    ("RateLimitError", 429, "rate_limit_error", "rate_limit_exceeded",
     "The model provider is limiting the rate of requests. Retry after a pause."),
    ("AuthenticationError", 502, "upstream_error", "provider_credentials",
     "The model provider refused the gateway's credentials. Tell the platform team."),
    ("PermissionDeniedError", 502, "upstream_error", "provider_credentials",
     "The model provider refused the gateway's credentials. Tell the platform team."),
    ("NotFoundError", 502, "upstream_error", "provider_model_missing",
     "The model provider does not know the configured model. Tell the platform team."),
    ("UnprocessableEntityError", 400, "invalid_request_error", "invalid_request", None),
    ("UnsupportedParamsError", 400, "invalid_request_error", "unsupported_parameter", None),
    ("BadRequestError", 400, "invalid_request_error", "invalid_request", None),
    ("APIConnectionError", 503, "service_unavailable", "provider_unavailable",
     "The model provider cannot be reached. Retry."),
)  # fmt: skip

# In the chain of an attempt's exception: the provider's error answer (openai, httpx), no connection (httpx, aiohttp),
# no request made (LiteLLM's own checks and router).
ANSWERED = frozenset({"APIStatusError", "HTTPStatusError"})
UNREACHED = frozenset({"ConnectError", "ConnectTimeout", "PoolTimeout", "ClientConnectorError", "RouterRateLimitError"})
UNREACHED |= {"UnsupportedParamsError", "Refusal"}
# LiteLLM's classes of 4xx, for integrations that keep no cause.
REFUSED = frozenset({"BadRequestError", "AuthenticationError", "PermissionDeniedError", "NotFoundError"})
REFUSED |= {"UnprocessableEntityError", "RateLimitError"}
# A proxy in front of the provider stopped waiting; the provider may have gone on.
STATUS_OF_GIVING_UP = frozenset({408, 504, 524})


def caller_of(auth: UserAPIKeyAuth) -> Caller:
    """Who calls: from our own key check, or from LiteLLM's virtual keys (team -> tenant, alias -> app)."""
    ours = (auth.metadata or {}).get(METADATA_KEY)
    if isinstance(ours, dict):
        return Caller(ours["tenant"], ours["app"], ours["key_id"], tuple(ours["models"]))
    tenant = auth.team_alias or auth.team_id or ""
    return Caller(tenant, auth.key_alias or "default", (auth.token or "")[:12], tuple(auth.models or ("*",)))


def auth_of(caller: Caller) -> UserAPIKeyAuth:
    """The reverse, for LiteLLM's custom auth. `models` stays empty: access is checked by the pipeline; and so does
    the team: LiteLLM would copy its whole configuration at each request to look for settings of that team."""
    ours = {
        "tenant": caller.tenant,
        "app": caller.app,
        "key_id": caller.key_id,
        "models": list(caller.models),
    }
    return UserAPIKeyAuth(api_key=caller.key_id, key_alias=caller.app, metadata={METADATA_KEY: ours})


class Refusal(ProxyException):  # type: ignore[misc]  # LiteLLM's types are not followed, see pyproject.toml
    """A decision of ours on its way out through LiteLLM: nothing that went wrong."""

    status_code = 400  # for LiteLLM's router, which would try anything else again


def quiet_refusals(record: logging.LogRecord) -> bool:
    """A log filter: LiteLLM logs each refusal as an error with its stack, and on-call would be paged by it."""
    told = record.args if isinstance(record.args, tuple) else ()
    raised = record.exc_info[1] if record.exc_info else None
    return not any(isinstance(item, Refusal) for item in (*told, raised))


def proxy_error(error: GatewayError) -> Refusal:
    """A refusal in the one exception type that the proxy passes to clients as it is."""
    return Refusal(
        message=error.message,
        type=error.kind,
        param=error.param,
        code=error.http_status,
        headers=dict(error.headers),
    )


def upstream_error(exception: BaseException) -> UpstreamError:
    """A provider's or router's exception as a client may see it."""
    names = {c.__name__ for c in type(exception).__mro__}
    for name, status, kind, code, message in FAILURES:
        if name in names:
            return UpstreamError(status, kind, code, message or public_text(exception))
    text = "The model provider failed to answer. Retry."
    return UpstreamError(503, "service_unavailable", "provider_unavailable", text)


def may_be_billed(exception: BaseException) -> bool:
    """Whether a failed attempt may have cost something. It has not where the provider answered with an error, or
    was never reached; in doubt (a time-out, a line that broke) it may have.

    Looks through the causes, because LiteLLM makes one class of both.
    """
    seen: set[int] = set()
    cause: BaseException | None = exception
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        names = {c.__name__ for c in type(cause).__mro__}
        if names & ANSWERED and not type(cause).__module__.startswith("litellm"):  # whose own are named alike
            return _status_of(cause) in STATUS_OF_GIVING_UP
        if names & UNREACHED:
            return False
        cause = cause.__cause__ or cause.__context__
    return not {c.__name__ for c in type(exception).__mro__} & REFUSED


def _status_of(exception: BaseException) -> int:
    response = getattr(exception, "response", None)
    return int(getattr(exception, "status_code", None) or getattr(response, "status_code", None) or 0)


def public_text(exception: BaseException) -> str:
    """A provider's complaint about the request, in one line, without LiteLLM's wrapping and anybody's keys."""
    text = str(getattr(exception, "message", "") or "The model provider refused the request.")
    while (shorter := EXCEPTION_PREFIX.sub("", text, count=1)) != text:
        text = shorter
    text = ROUTER_SUFFIX.sub("", text)
    text = found["said"] if (found := PROVIDER_BODY.search(text)) else said_in(text)[0] or text
    (text,) = redact_all((text[:2_000],), kinds=KEYS)
    return "".join(c if c.isprintable() else " " for c in text)[:500]


def apply_policy(data: Json, flight: Flight, redacted: Callable[[Sequence[str]], Sequence[str]]) -> None:
    """What of the request LiteLLM must not see, and what providers must not."""
    data.pop("cache", None)  # the caller's wishes are honoured by our cache; LiteLLM's would skip the seam
    if flight.hit is None and flight.endpoint is Endpoint.CHAT:
        data["cache"] = dict(NOTHING_CACHED)
    data.pop("user_api_key_auth", None)
    if flight.redact:
        _redact_in_place(data, redacted)


def _redact_in_place(data: Json, redacted: Callable[[Sequence[str]], Sequence[str]]) -> None:
    """Every text that goes to the provider, in one go, so that the same value gets the same placeholder."""
    places = list(_texts(data, ("instructions", "prompt", "suffix", "input", "system", "messages")))
    for (holder, key), text in zip(places, redacted([holder[key] for holder, key in places]), strict=True):
        holder[key] = text


def _texts(holder: Any, fields: Sequence[str]) -> Iterator[tuple[Any, Any]]:
    """(container, key) of every string under these fields, through messages, parts and tool calls."""
    for field in fields:
        value = holder.get(field)
        if isinstance(value, str):
            yield holder, field
        elif isinstance(value, dict):
            yield from _texts(value, INNER)
        elif isinstance(value, list):
            for place, item in enumerate(value):
                if isinstance(item, str):
                    yield value, place
                elif isinstance(item, dict):
                    yield from _texts(item, INNER)


def _field(response: Any, name: str) -> Any:
    """A field of a reply: chat and responses come as objects, messages as a dictionary."""
    return response.get(name) if isinstance(response, dict) else getattr(response, name, None)


def hidden_params(response: Any) -> Json:
    """What LiteLLM notes beside a reply: its cost, deployment and attempts."""
    return dict(_field(response, "_hidden_params") or {})


def cost_of(response: Any, data: Json) -> float | None:
    """What LiteLLM prices the reply at, in dollars; it notes that on most replies, and is asked for the others."""
    noted = hidden_params(response).get("response_cost")
    if noted is not None:
        return float(noted)
    logger = data.get("litellm_logging_obj")
    asked = logger.response_cost_calculator(result=response) if logger is not None else None
    return float(asked) if isinstance(asked, int | float) else None


def name_model(response: Any, model: str) -> None:
    """Every reply carries the name that the client sent; LiteLLM puts the fallback's model there."""
    if isinstance(response, dict):
        response["model"] = model
    elif hasattr(response, "model"):
        response.model = model


def usage_of(response: Any) -> Usage | None:
    """The provider's token counts; None where it reported none."""
    usage = _field(response, "usage")
    if usage is None:
        return None
    given = usage if isinstance(usage, dict) else usage.model_dump()
    details_in = given.get("prompt_tokens_details") or given.get("input_tokens_details") or {}
    details_out = given.get("completion_tokens_details") or given.get("output_tokens_details") or {}
    return Usage(
        input_tokens=int(given.get("prompt_tokens") or given.get("input_tokens") or 0),
        output_tokens=int(given.get("completion_tokens") or given.get("output_tokens") or 0),
        cached_tokens=int(details_in.get("cached_tokens") or 0),
        reasoning_tokens=int(details_out.get("reasoning_tokens") or 0),
    )


def usage_was_told(stream: Any) -> bool:
    """Whether the provider told the usage of a stream that has ended. Where it did not, LiteLLM counts with a
    tokenizer of its own and says so nowhere, but it keeps the provider's chunks. Streams of other endpoints keep
    none: their events carry the usage, and count."""
    chunks = getattr(stream, "chunks", None) or ()
    return not chunks or any(getattr(chunk, "usage", None) is not None for chunk in chunks)


def hidden_of(kwargs: Json) -> Json:
    """The hidden parameters of a logged call, for streams, whose chunks carry none that last."""
    payload = kwargs.get("standard_logging_object") or {}
    hidden = dict(payload.get("hidden_params") or {})
    hidden["model_id"] = payload.get("model_id") or hidden.get("model_id")
    hidden["custom_llm_provider"] = payload.get("custom_llm_provider")
    return hidden


def note_response(flight: Flight, response: Any, hidden: Mapping[str, Any] | None = None) -> None:
    """What the answer says of itself: model, deployment, attempts, text, finish reason."""
    hidden = hidden if hidden is not None else hidden_params(response)
    headers = hidden.get("additional_headers") or {}
    flight.headroom = headroom_of(headers)
    counted = int(headers.get("x-litellm-attempted-fallbacks") or 0)  # by some endpoints' streams it is not
    flight.fallbacks = max(flight.fallbacks, counted, flight.failed_attempts)
    flight.deployment = str(hidden.get("model_id") or flight.under_way.get("deployment") or "")
    # Of a stream and of a message LiteLLM tells the name that the client sent, or none: the call that was begun knows.
    asked = flight.under_way if flight.deployment == flight.under_way.get("deployment") else {}
    flight.provider = str(hidden.get("custom_llm_provider") or asked.get("provider") or flight.provider)
    name = asked.get("model") or hidden.get("litellm_model_name") or _field(response, "model")
    flight.model = str(name or flight.model)
    choices = _field(response, "choices") or []
    if choices:
        message = getattr(choices[0], "message", None)
        flight.answer = str(getattr(message, "content", None) or getattr(choices[0], "text", None) or "")
        flight.finish_reason = str(getattr(choices[0], "finish_reason", "") or "")
        flight.tool_calls = len(getattr(message, "tool_calls", None) or ())
    elif flight.endpoint in (Endpoint.MESSAGES, Endpoint.RESPONSES):
        told = response if isinstance(response, Mapping) else response.model_dump()
        said = read_answer(flight.endpoint, told)
        flight.answer, flight.finish_reason, flight.tool_calls = said.text, said.finish, said.tool_calls


def note_failed_attempt(flight: Flight, request: Mapping[str, Any], exception: BaseException) -> None:
    """One call of a deployment that failed: which, and in which of our words. LiteLLM's bridges between endpoints tell
    the same failure twice."""
    if flight.attempts and flight.failed_attempts >= flight.attempts:
        return
    flight.under_way = named_target(request)
    flight.attempt_failed(upstream_error(exception).code)


def named_target(request: Mapping[str, Any]) -> dict[str, str | int | float | bool]:
    """Which deployment a model call is for: its configured name, provider and id, as far as they are known."""
    model, provider = str(request.get("model") or ""), str(request.get("custom_llm_provider") or "")
    provider = provider or (model.partition("/")[0] if "/" in model else "")
    named = {"model": model, "provider": provider, "deployment": str((request.get("model_info") or {}).get("id") or "")}
    return {name: value for name, value in named.items() if value}


def headroom_of(headers: Mapping[str, Any]) -> dict[str, str | int | float | bool]:
    """What a provider's answer says is left of its rate limits in the present window; nothing where it says nothing."""
    found: dict[str, str | int | float | bool] = {}
    for unit in ("requests", "tokens"):
        name = f"x-ratelimit-remaining-{unit}"
        left = str(headers.get(name) or headers.get(f"llm_provider-{name}") or "")
        if left.isascii() and left.isdigit():
            found[f"remaining_{unit}"] = int(left)
    return found


def charge_of(flight: Flight, usage: Usage | None, cost_usd: float | None, complete: bool) -> Charge:
    """Exact where the provider said what was used and LiteLLM priced it; a bound otherwise.

    No call uses no tokens: LiteLLM says zero of both where the provider said nothing. And no call of a model that has
    a price is free: LiteLLM says zero where it knows none.
    """
    if usage is not None:
        flight.usage = usage
    tokens = flight.usage.total_tokens
    unpriced = cost_usd is None or (not cost_usd and flight.most is not None and flight.most[0] > 0)
    if usage is None or not tokens or unpriced or not complete:
        return flight.unknown_charge(micros(cost_usd or 0), tokens)
    return Exact(micros(cost_usd or 0), tokens)

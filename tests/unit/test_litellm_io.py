"""LiteLLM's dictionaries and exceptions into our values, and back."""

from __future__ import annotations

from types import SimpleNamespace

import litellm
import pytest
from litellm.proxy._types import UserAPIKeyAuth

from plugins.adapters import litellm_io
from plugins.adapters.price_data import catalog_of
from plugins.errors import ConfigError
from plugins.flight import Flight
from plugins.values import AtMost, Caller, Endpoint, Exact, Hold, LowerBound, Usage

PLACE = {"llm_provider": "openai", "model": "gpt-4.1"}


def test_virtual_keys_of_litellm_map_onto_tenants() -> None:
    """With a database, the team's alias is the tenant, the key's alias the app, and its models are kept."""
    auth = UserAPIKeyAuth(team_id="t-1", team_alias="acme", key_alias="bot", token="0123456789abcdef", models=["auto"])
    assert litellm_io.caller_of(auth) == Caller("acme", "bot", "0123456789ab", ("auto",))
    assert litellm_io.caller_of(UserAPIKeyAuth(team_id="t-1")) == Caller("t-1", "default", "", ("*",))


def test_a_caller_survives_the_way_through_litellm() -> None:
    """What custom auth found out is what the pre-call hook reads."""
    caller = Caller("acme", "web", "0123456789ab", ("auto", "small"))
    assert litellm_io.caller_of(litellm_io.auth_of(caller)) == caller


@pytest.mark.parametrize(
    ("exception", "status", "code"),
    [
        (litellm.RateLimitError("x", **PLACE), 429, "rate_limit_exceeded"),
        (litellm.Timeout("x", model="m", llm_provider="p"), 504, "provider_timeout"),
        (litellm.ContextWindowExceededError("x", **PLACE), 400, "context_length_exceeded"),
        (litellm.ContentPolicyViolationError("x", **PLACE), 400, "content_policy_violation"),
        (litellm.AuthenticationError("x", **PLACE), 502, "provider_credentials"),
        (litellm.NotFoundError("x", **PLACE), 502, "provider_model_missing"),
        (litellm.InternalServerError("x", **PLACE), 503, "provider_unavailable"),
        (KeyError("secret"), 503, "provider_unavailable"),
    ],
)
def test_a_providers_failure_in_our_words(exception: Exception, status: int, code: str) -> None:
    """Each kind has a status and code that a client can act on, and no text of the exception."""
    error = litellm_io.upstream_error(exception)
    assert (error.http_status, error.code) == (status, code)
    assert "secret" not in error.message and "litellm" not in error.message.lower()


@pytest.mark.parametrize(
    "text",
    [
        "litellm.BadRequestError: OpenAIException - Unknown parameter: 'foo'.",
        "Unknown parameter: 'foo'. Received Model Group=small\nAvailable Model Group Fallbacks=None",
        "litellm.BadRequestError: OpenAIException - Unknown parameter: 'foo'.\n\nLiteLLM: model group 'small' failed",
        "litellm.BadRequestError: OpenAIException - Error code: 400 - "
        "{'error': {'message': \"Unknown parameter: 'foo'.\", 'type': 'invalid_request_error'}}",
    ],
)
def test_a_providers_complaint_about_the_request_is_passed_on_bare(text: str) -> None:
    """The developer needs what the provider said, without anybody's wrapping."""
    error = litellm_io.upstream_error(litellm.BadRequestError(text, **PLACE))
    assert error.http_status == 400
    assert error.message.rstrip(".") == "Unknown parameter: 'foo'"


def test_redaction_reaches_every_text_that_is_sent() -> None:
    """Strings, parts and tool-call arguments; numbering runs through the request."""
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"to": "secret"}'}}
    data = {
        "messages": [
            {"role": "system", "content": "secret"},
            {"role": "user", "content": [{"type": "text", "text": "my secret"}, {"type": "image_url"}]},
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "content": "the secret"},
        ]
    }
    flight = Flight("id", Endpoint.CHAT, 0, redact=True)
    litellm_io.apply_policy(data, flight, lambda texts: [t.replace("secret", "<X>") for t in texts])
    assert "secret" not in str(data) and str(data).count("<X>") == 4
    text: dict[str, object] = {"prompt": ["a secret", "b"], "suffix": "another secret"}
    litellm_io.apply_policy(text, flight, lambda texts: [t.replace("secret", "<X>") for t in texts])
    assert (text["prompt"], text["suffix"]) == (["a <X>", "b"], "another <X>")


@pytest.mark.parametrize(
    ("usage", "cost", "complete", "charge"),
    [
        (Usage(10, 5), 0.000012, True, Exact(12, 15)),
        (Usage(10, 5), 0.0000121, True, Exact(13, 15)),
        (Usage(10, 5), 0.000012, False, LowerBound(100, 50)),
        (None, 0.000012, True, LowerBound(100, 50)),
        (Usage(10, 5), None, True, LowerBound(100, 50)),
        (Usage(10, 5), 0.0005, False, LowerBound(500, 50)),
    ],
)
def test_only_full_knowledge_is_exact(usage: Usage | None, cost: float | None, complete: bool, charge: object) -> None:
    """Rounded up to the micro-dollar; without usage, price or end of stream the hold stays charged."""
    flight = Flight("id", Endpoint.CHAT, 0, hold=Hold("id", "t", 100, 50, None))
    assert litellm_io.charge_of(flight, usage, cost, complete) == charge


@pytest.mark.parametrize(
    ("usage", "cost", "complete", "charge"),
    [
        (Usage(10, 5), 0.000012, False, AtMost(40, 20)),
        (None, None, True, AtMost(40, 20)),
        (Usage(10, 15), 0.000045, False, AtMost(45, 25)),
        (Usage(10, 5), 0.0, True, AtMost(40, 20)),
        (Usage(10, 5), 0.000012, True, Exact(12, 15)),
    ],
    ids=["broken", "no usage", "more was counted", "priced at zero", "known"],
)
def test_what_the_asked_model_cannot_cost_is_not_charged(
    usage: Usage | None, cost: float | None, complete: bool, charge: object
) -> None:
    """The hold is for the dearest model that might have been asked; and a model with a price is never free."""
    flight = Flight("id", Endpoint.CHAT, 0, hold=Hold("id", "t", 100, 50, None), most=(40, 20))
    assert litellm_io.charge_of(flight, usage, cost, complete) == charge


def test_a_model_without_a_price_stops_the_start() -> None:
    """Unless it is declared free."""
    entry = {"model_name": "mine", "litellm_params": {"model": "openai/my-own-model"}}
    with pytest.raises(ConfigError, match="no known price"):
        catalog_of([entry])
    free = {**entry, "model_info": {"input_cost_per_token": 0, "output_cost_per_token": 0}}
    assert catalog_of([free]).groups["mine"][0].input_pico == 0


MESSAGE = {"content": [{"type": "text", "text": "Lisbon."}, {"type": "tool_use", "name": "look"}], "stop_reason": "end"}
RESPONSE = SimpleNamespace(
    model_dump=lambda: {
        "output": [
            {"type": "message", "content": [{"type": "output_text", "text": "Lisbon."}]},
            {"type": "function_call", "name": "look"},
        ]
    }
)


@pytest.mark.parametrize(("endpoint", "answer"), [(Endpoint.MESSAGES, MESSAGE), (Endpoint.RESPONSES, RESPONSE)])
def test_text_and_tool_calls_are_noted_at_the_other_endpoints(endpoint: Endpoint, answer: object) -> None:
    """An answer that only calls a tool is not an empty one."""
    flight = Flight("1", endpoint, 0)
    litellm_io.note_response(flight, answer, {})
    assert (flight.answer, flight.tool_calls) == ("Lisbon.", 1)

"""The most a call can cost: whatever price a provider may apply to it, the hold covers it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import litellm
import pytest

from plugins.adapters.price_data import catalog_of
from plugins.errors import BadRequest, ConfigError
from plugins.extras import extras_of
from plugins.flight import Flight
from plugins.pricing import bound, most_input_tokens, typical_tokens
from plugins.trial.simulator import tokens
from plugins.values import Deployment, Difficulty, Endpoint, Extra, Layer, Route, Verdict
from tests.fakes import FakeLedger
from tests.unit.test_parsing import chat, read
from tests.unit.test_pipeline import admitted, pipeline
from tests.unit.test_routing import CONFIG, call

PNG = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 100_000}}


def deployment(model: str, **info: Any) -> Deployment:
    """One deployment priced by LiteLLM's data and these overrides."""
    (only,) = catalog_of([{"model_name": "x", "litellm_params": {"model": model}, "model_info": info}]).groups["x"]
    return only


def billed_micros(model: str, tokens_in: int, tokens_out: int, tier: str | None = None, written: int = 0) -> float:
    """What LiteLLM charges for such a usage."""
    costs = litellm.cost_per_token(model, tokens_in, tokens_out, cache_creation_input_tokens=written, service_tier=tier)
    return float(sum(costs)) * 1e6


@pytest.mark.parametrize(
    ("model", "tokens_in", "tier"),
    [
        ("openai/gpt-4.1", 1_000, None),
        ("openai/gpt-4.1", 1_000, "priority"),
        ("gemini/gemini-2.5-pro", 150_000, None),
        ("gemini/gemini-2.5-pro", 250_000, None),
        ("gemini/gemini-2.5-pro", 250_000, "priority"),
        ("anthropic/claude-sonnet-4-5", 1_000, None),
        ("anthropic/claude-sonnet-4-5", 190_000, None),
    ],
)
def test_the_hold_covers_litellms_dearest_price(model: str, tokens_in: int, tier: str | None) -> None:
    """Also of a long context and of a service tier that the client asked for."""
    asked = read(chat("x", **({"service_tier": tier} if tier else {})))
    made = replace(asked, input_bytes=tokens_in, max_output_tokens=2_000)
    most, _ = bound(made, [deployment(model)])
    assert billed_micros(model, tokens_in, 2_000, tier) <= most


def test_the_hold_covers_a_prompt_that_is_written_to_the_providers_cache() -> None:
    """Which costs more than one that is not."""
    model, made = "anthropic/claude-sonnet-4-5", call("x", input_bytes=10_000, max_output_tokens=10)
    plain, written = (billed_micros(model, 10_000, 10, written=share) for share in (0, 10_000))
    assert plain < written <= bound(made, [deployment(model)])[0]


def test_an_ordinary_call_is_not_held_for_as_a_dear_one() -> None:
    """The price of a service tier or of a long context counts only where it can apply."""
    cheap = replace(read(chat("x")), input_bytes=1_000, max_output_tokens=100)
    dear = replace(cheap, extras=frozenset({Extra.SERVICE_TIER}))
    long = replace(cheap, input_bytes=300_000)
    model = deployment("gemini/gemini-2.5-pro")
    assert bound(cheap, [model])[0] < bound(dear, [model])[0]
    per_token = [bound(made, [model])[0] / bound(made, [model])[1] for made in (cheap, long)]
    assert per_token[0] < 2 * per_token[1]


@pytest.mark.parametrize("count", [1, 100, 3_000])
def test_many_short_messages_are_not_taken_for_twice_their_size(count: int) -> None:
    """The estimate for context windows stays near a tokenizer's count, however often JSON frames a message."""
    turns = [f"Turn {n}: go on, and tell me what comes next in the list." for n in range(count)]
    counted = sum(len(tokens.encode(turn)) + len(tokens.encode("user")) + 3 for turn in turns)
    assert counted * 0.8 < typical_tokens(read(chat(*turns))) < counted * 1.35 + 20


def test_many_short_texts_are_not_taken_for_nothing() -> None:
    """Of the other endpoints' inputs JSON frames hardly anything."""
    words = [f"item {n}" for n in range(1_000)]
    counted = sum(len(tokens.encode(word)) for word in words)
    sent = read({"model": "embed", "input": words}, Endpoint.EMBEDDINGS)
    assert typical_tokens(sent) >= counted


def test_an_image_counts_by_itself_and_not_by_its_bytes() -> None:
    """A megabyte of base64 is not a million tokens; a model that counts an image as tens of thousands is known."""
    parts = [{"type": "text", "text": "What is this?"}, PNG]
    made = read({"model": "auto", "messages": [{"role": "user", "content": parts}]})
    assert made.images == 1 and made.input_bytes < 1_000
    assert 5_000 <= most_input_tokens(made, deployment("openai/gpt-4.1")) < 7_000
    assert most_input_tokens(made, deployment("openai/gpt-4o-mini")) > 48_000
    assert most_input_tokens(made, deployment("openai/gpt-4.1", tokens_per_image=9_000)) > 9_000


def test_an_image_in_a_tools_result_counts_as_well() -> None:
    """Wherever in the conversation it stands."""
    result = {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "image", "source": {"url": "https://x"}}]}
    asked = {"model": "auto", "max_tokens": 9, "messages": [{"role": "user", "content": [result]}]}
    assert read(asked, Endpoint.MESSAGES).images == 1


@pytest.mark.parametrize(
    "body",
    [
        chat("x", previous_response_id="resp_1"),
        {"messages": [{"role": "user", "content": [{"type": "file", "file": {"file_id": "f"}}]}]},
        {"messages": [{"role": "user", "content": [{"type": "document", "source": {"type": "url"}}]}]},
        {"input": [{"type": "item_reference", "id": "i"}]},
    ],
)
def test_content_that_is_elsewhere_may_fill_the_context_window(body: dict[str, Any]) -> None:
    """Its size is not in the request, so that the window is the only bound."""
    made = call("x", extras=extras_of(body))
    model = deployment("openai/gpt-4.1")
    assert most_input_tokens(made, model) == model.max_input_tokens


@pytest.mark.parametrize(
    "fields",
    [
        {"web_search_options": {}},
        {"tools": [{"type": "web_search_20250305", "name": "web_search"}]},
        {"tools": [{"googleSearch": {}}]},
        {"tools": [{"type": "mcp", "server_url": "https://x"}]},
        {"mcp_servers": [{"url": "https://x"}]},
    ],
)
async def test_tools_of_the_provider_are_refused_under_a_cap(fields: dict[str, Any]) -> None:
    """The provider bills each use and what it read, without bound: no hold covers that."""
    made = replace(call("x", model="frontier"), extras=extras_of(fields))
    ledger = FakeLedger()
    _, error = await admitted(pipeline(ledger), made)
    assert isinstance(error, BadRequest) and error.code == "unbounded_cost" and not ledger.holds


async def test_tools_of_the_provider_pass_where_a_budget_may_be_passed() -> None:
    """With `admit: typical`, or without a cap."""
    made = replace(call("x"), extras=frozenset({Extra.PROVIDER_TOOLS}))
    route = Route("small", "small", (), None, Verdict("chat", Difficulty.EASY, Layer.NAMED, 0, 0, 1, ""), "")
    typical = CONFIG.budgets.model_copy(update={"admit": "typical"})
    path = pipeline(FakeLedger()).budget
    tenant = CONFIG.tenants["trial"]
    for config, caps in ((CONFIG.model_copy(update={"budgets": typical}), tenant.caps), (CONFIG, ())):
        budget = replace(path, config=config)
        assert (
            await budget.reserve(Flight("id", Endpoint.CHAT, 0), made, tenant.model_copy(update={"caps": caps}), route)
            is None
        )


@pytest.mark.parametrize(
    "tools",
    [
        [{"type": "function", "function": {"name": "f"}}],
        [{"name": "f", "input_schema": {}}],
        [{"type": "text_editor_20250728", "name": "str_replace_based_edit_tool"}],
        [],
    ],
)
def test_tools_of_the_client_are_no_extra(tools: list[dict[str, Any]]) -> None:
    """In OpenAI's form and in Anthropic's."""
    assert extras_of(chat("x", tools=tools)) == frozenset()


@pytest.mark.parametrize("missing", ["output_cost_per_token", "max_input_tokens", "max_output_tokens"])
def test_a_deployment_whose_most_is_unknown_stops_the_start(missing: str) -> None:
    """The message names the setting."""
    info = {"input_cost_per_token": 1e-6, "output_cost_per_token": 1e-6}
    info |= {"max_input_tokens": 1_000, "max_output_tokens": 1_000}
    assert deployment("openai/mine", **info).rates
    del info[missing]
    with pytest.raises(ConfigError, match=f"model_info.*{missing}"):
        deployment("openai/mine", **info)

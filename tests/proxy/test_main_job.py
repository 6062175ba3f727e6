"""The main job over HTTP, as an app developer sees it with the official SDK."""

from __future__ import annotations

import json
import random

import httpx
import openai
import pytest
from rich.console import Console

from plugins.tenancy import hash_key
from plugins.trial.demo import demonstrate
from tests.gateway import Running
from tests.prompts import new_word
from tests.waiting import eventually

EASY = "What is the capital of {}?"
HARD = "Prove that every bounded monotone sequence of real numbers converges, and say where completeness is used. ({})"


def test_an_easy_and_a_hard_prompt_reach_different_tiers(running: Running) -> None:
    """`auto` sends an easy question to the cheapest tier and a proof to the dearest, and says why."""
    easy, hard = running.ask(EASY.format("Norway")), running.ask(HARD.format(new_word()))
    assert (easy.headers["x-tierwise-tier"], hard.headers["x-tierwise-tier"]) == ("small", "frontier")
    assert "hardness" in hard.headers["x-tierwise-reason"]
    assert easy.json()["model"] == "auto"


def test_every_answer_carries_cost_and_budget(running: Running) -> None:
    """Cost is the provider's usage at its price, and what is left went down by just that."""
    first = running.ask(EASY.format("Sweden"), model="mid")
    second = running.ask(EASY.format("Finland"), model="mid")
    usage = second.json()["usage"]
    cost = round(float(second.headers["x-tierwise-cost-usd"]) * 1e6)
    assert cost == usage["prompt_tokens"] * 1 + usage["completion_tokens"] * 4
    left = [round(float(r.headers["x-tierwise-budget-remaining-usd"]) * 1e6) for r in (first, second)]
    assert left[0] - left[1] == cost


@pytest.mark.parametrize(("name", "tier"), [("mid", "mid"), ("sim-frontier", "frontier"), ("best", "frontier")])
def test_a_named_tier_model_or_alias_is_honoured(running: Running, name: str, tier: str) -> None:
    """A caller who names a tier, a model or `best` gets it, also for an easy prompt."""
    reply = running.ask(f"What is the capital of Italy? {new_word()}", model=name)
    assert reply.headers["x-tierwise-tier"] == tier
    assert running.trace(reply.headers["x-tierwise-trace-id"])["model"].endswith(f"sim-{tier}")


def test_a_repeated_question_is_answered_without_a_model_call(running: Running) -> None:
    """The second asker gets the first one's answer, at no cost, plain and streamed."""
    question = f"What is {random.randint(10, 98)} plus {random.randint(10, 98)}?"
    first, before = running.ask(question), running.model_calls()
    again = running.ask(question)
    streamed = running.post(
        "/chat/completions",
        {
            "model": "auto",
            "messages": [{"role": "user", "content": question}],
            "max_tokens": 200,
            "stream": True,
        },
    )
    assert running.model_calls() == before or first.headers["x-tierwise-cache"] == "exact"
    assert again.headers["x-tierwise-cache"] == "exact"
    assert again.json()["choices"] == first.json()["choices"]
    assert float(again.headers["x-tierwise-cost-usd"]) == 0
    assert streamed.headers["x-tierwise-cache"] == "bypass" or "data: [DONE]" in streamed.text


def test_a_paraphrase_is_answered_from_the_cache_and_another_number_is_not(running: Running) -> None:
    """Other words for the same question hit; the same words about another order do not."""
    question = "How do I change my delivery address?"
    eventually(lambda: running.ask(question).headers["x-tierwise-cache"] == "exact")  # it is stored
    other_words = running.ask("How can I change my delivery address?")
    assert other_words.headers["x-tierwise-cache"] == "semantic"
    running.ask("Where can I see invoice 48213?")
    other_number = running.ask("Where can I see invoice 48231?")
    assert other_number.headers["x-tierwise-cache"] in ("miss", "bypass")


def test_no_tenant_sees_another_ones_answers(running: Running) -> None:
    """The same question of another tenant calls a model."""
    question = f"What is the capital of Portugal, asked by {new_word()}?"
    running.ask(question, tenant="acme")
    assert running.ask(question, tenant="globex").headers["x-tierwise-cache"] != "exact"


def test_a_stream_is_ordinary_openai_and_is_settled_exactly(running: Running) -> None:
    """Chunks, usage on request, [DONE]; the trace has the exact cost behind the stream."""
    prompt = EASY.format("Iceland") + new_word()
    with (
        running.client() as client,
        client.chat.completions.with_streaming_response.create(
            model="mid",
            messages=[{"role": "user", "content": prompt}],
            stream=True,
            stream_options={"include_usage": True},
            max_tokens=100,
        ) as reply,
    ):
        lines = [line for line in reply.iter_lines() if line.startswith("data: ")]
        trace_id, basis = (reply.headers[f"x-tierwise-{n}"] for n in ("trace-id", "cost-basis"))
    chunks = [json.loads(line[6:]) for line in lines if line != "data: [DONE]"]
    assert lines[-1] == "data: [DONE]"
    usage = next(c["usage"] for c in chunks if c.get("usage"))
    assert basis == "reserved"
    trace = running.trace(trace_id)
    assert trace["cost_exact"] and trace["outcome"] == "answered"
    assert trace["cost_micros"] == usage["prompt_tokens"] + 4 * usage["completion_tokens"]
    assert trace["first_token_ns"] is not None


def test_a_tenant_at_its_cap_gets_429_and_no_model_is_called(running: Running) -> None:
    """Plain and streamed calls are refused whole with an OpenAI-shaped insufficient_quota."""
    before = running.model_calls()
    for stream in (False, True):
        with running.client("capped") as client, pytest.raises(openai.RateLimitError) as caught:
            client.chat.completions.create(
                model="auto", messages=[{"role": "user", "content": "hello there"}], stream=stream
            )
        assert caught.value.code == "insufficient_quota"
        assert caught.value.type == "insufficient_quota"
        assert int(caught.value.response.headers["retry-after"]) > 0
    assert running.model_calls() == before


@pytest.mark.parametrize("fault", ["error500", "error503", "rate_limit"])
def test_a_failing_provider_is_failed_over(running: Running, fault: str) -> None:
    """While the small model fails, another one answers and the caller notices nothing."""
    with running.fault("sim-small", fault):
        reply = running.ask(EASY.format("Hungary") + new_word())
    assert reply.status_code == 200
    assert reply.json()["choices"][0]["message"]["content"]
    assert reply.headers["x-tierwise-tier"] != "small" and reply.json()["model"] == "auto"
    assert running.trace(reply.headers["x-tierwise-trace-id"])["fallbacks"] >= 1


def test_personal_data_goes_on_premise_whatever_was_named(running: Running) -> None:
    """A prompt with an IBAN is answered by the self-hosted group only, also when a cloud tier was named."""
    prompt = f"My IBAN is GB33BUKB20201555555555, is it valid? {new_word()}"
    for model in ("auto", "frontier", "sim-mid"):
        reply = running.ask(prompt, model=model)
        assert reply.headers["x-tierwise-tier"] == "onprem"
        trace = running.trace(reply.headers["x-tierwise-trace-id"])
        assert trace["model"].endswith("sim-onprem")
        assert trace["input"] == ""


def test_on_premise_data_is_not_sent_elsewhere_when_on_premise_fails(running: Running) -> None:
    """With the self-hosted model down the request fails closed; no cloud model sees it."""
    with running.fault("sim-onprem", "error500"):
        reply = running.ask(f"My IBAN is GB33BUKB20201555555555. {new_word()}")
    assert reply.status_code == 503
    assert running.trace(reply.headers["x-tierwise-trace-id"])["cost_micros"] == 0


def test_a_redacting_tenant_sends_placeholders(running: Running) -> None:
    """The provider sees no personal data of a tenant whose policy is to redact."""
    reply = running.ask(f"Repeat: write to jane.roe@example.org {new_word()}", tenant="redacting")
    assert reply.status_code == 200
    trace = running.trace(reply.headers["x-tierwise-trace-id"])
    assert "jane.roe" not in trace["input"] and "<EMAIL_1>" in trace["input"]


def test_a_refusing_tenant_gets_a_clear_400(running: Running) -> None:
    """The policy `refuse` says what kind of content was found, not the content."""
    reply = running.ask("write to jane.roe@example.org", tenant="refusing")
    assert reply.status_code == 400
    assert "email" in reply.json()["error"]["message"]
    assert "jane" not in reply.text


def test_the_demonstration_shows_all_of_it(running: Running) -> None:
    """`make run` shows nothing here, because these tenants have keys of their own; it says so."""
    console = Console(record=True, width=120)
    assert demonstrate(running.started, console) == []
    assert "keys of its own" in console.export_text()


def test_models_lists_what_the_key_may_use(running: Running) -> None:
    """`/v1/models` shows aliases, tiers and models to a free key, and only its own to a narrow one."""
    with running.client() as client, running.client("narrow") as narrow:
        assert {"auto", "best", "small", "frontier", "sim-mid"} <= {m.id for m in client.models.list()}
        assert {m.id for m in narrow.models.list()} == {"auto", "small"}


def test_a_narrow_key_gets_403_and_auto_stays_within_it(running: Running) -> None:
    """A model the key may not use is a 403 by name, and is not reached through `auto` either."""
    assert running.ask("hi", model="frontier", tenant="narrow").status_code == 403
    reply = running.ask(HARD.format(new_word()), tenant="narrow")
    assert reply.headers["x-tierwise-tier"] == "small"


def test_a_wrong_key_is_401(running: Running) -> None:
    """An unknown key, none at all and the hash of a good one are refused alike."""
    for headers in (
        {"Authorization": "Bearer sk-tw-unknown"},
        {},
        {"Authorization": hash_key(running.keys["acme"])},
    ):
        reply = httpx.post(
            f"{running.started.base_url}/chat/completions",
            json={"model": "auto", "messages": [{"role": "user", "content": "hi"}]},
            headers=headers,
            timeout=30,
        )
        assert (reply.status_code, reply.json()["error"]["code"]) == (401, "invalid_api_key")

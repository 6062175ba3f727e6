"""Text completions, OpenAI's older endpoint: the whole path, for a model that continues texts."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.gateway import Running
from tests.waiting import eventually

PATH = "/completions"


def capital(place: str, **more: Any) -> dict[str, Any]:
    return {"model": "instruct", "prompt": f"What is the capital of {place}?", "max_tokens": 50, **more}


def pieces(reply: httpx.Response) -> list[dict[str, Any]]:
    """The events of a stream, each checked to be a text completion's."""
    assert reply.headers["content-type"].startswith("text/event-stream")
    lines = [line[5:].strip() for line in reply.text.splitlines() if line.startswith("data:")]
    assert lines.pop() == "[DONE]"
    events = [json.loads(line) for line in lines]
    assert {event["object"] for event in events} == {"text_completion"}
    assert all(isinstance(choice["text"], str) for event in events for choice in event["choices"])
    return events


def text_of(reply: httpx.Response) -> str:
    if "stream" in reply.headers["content-type"]:
        return "".join(choice["text"] for event in pieces(reply) for choice in event["choices"])
    choice = reply.json()["choices"][0]
    assert reply.json()["object"] == "text_completion" and "message" not in choice
    return str(choice["text"])


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_is_charged_exactly_what_the_provider_bills(running: Running, stream: bool) -> None:
    """Plain and streamed; the stream ends with the usage, and with why it ended."""
    reply = running.post(PATH, capital("Austria", stream=stream), **{"Cache-Control": "no-cache"})
    assert reply.status_code == 200 and "Vienna" in text_of(reply)
    if stream:
        events = pieces(reply)
        assert [c["finish_reason"] for e in events for c in e["choices"] if c.get("finish_reason")] == ["stop"]
        assert next(event["usage"] for event in events if event.get("usage"))["completion_tokens"] > 0
    trace = running.trace(reply.headers["x-tierwise-trace-id"])
    assert trace["cost_exact"] and trace["cost_micros"] == running.latest_call("sim-instruct")["billed_micros"] > 0


@pytest.mark.parametrize("stream_fills", [False, True])
def test_one_form_fills_the_cache_and_both_are_served(running: Running, stream_fills: bool) -> None:
    """A plain answer serves a streamed call and the other way round, in the endpoint's own form and free of charge."""
    asked = capital("Croatia" if stream_fills else "Estonia")
    first = running.post(PATH, {**asked, "stream": stream_fills})
    assert first.headers["x-tierwise-cache"] == "miss"
    eventually(lambda: running.post(PATH, asked).headers["x-tierwise-cache"] == "exact")
    calls = running.model_calls()
    for stream in (False, True):
        again = running.post(PATH, {**asked, "stream": stream})
        assert again.headers["x-tierwise-cache"] == "exact" and text_of(again) == text_of(first) != ""
        usage = pieces(again)[-1]["usage"] if stream else again.json()["usage"]
        assert usage["completion_tokens"] > 0 and not usage.get("cost")
        assert float(again.headers["x-tierwise-cost-usd"]) == 0
    assert running.model_calls() == calls


def test_a_paraphrase_of_a_prompt_is_no_hit(running: Running) -> None:
    """A text to be continued is no question that could be asked in other words."""
    asked = capital("Latvia")
    eventually(lambda: running.post(PATH, asked).headers["x-tierwise-cache"] == "exact")
    other = running.post(PATH, {**asked, "prompt": "Tell me, what is the capital of Latvia?"})
    assert other.headers["x-tierwise-cache"] == "miss"


@pytest.mark.parametrize(
    "more",
    [
        {"n": 3},
        {"best_of": 3},
        {"prompt": [f"What is the capital of {place}?" for place in ("Malta", "Peru", "Chile")]},
    ],
)
def test_several_answers_are_held_for_and_paid(running: Running, more: dict[str, Any]) -> None:
    """Of several choices, of the best of several, and of several prompts; such requests bypass the cache."""
    one = running.post(PATH, capital("Malta"), tenant="capped").headers
    several = running.post(PATH, capital("Malta", **more), tenant="capped")
    assert several.status_code == 429
    needed = "x-tierwise-budget-needed-usd"
    assert float(several.headers[needed]) > 1.4 * float(one[needed])
    reply = running.post(PATH, capital("Malta", **more))
    assert reply.status_code == 200 and reply.headers["x-tierwise-cache"] == "bypass"
    trace = running.trace(reply.headers["x-tierwise-trace-id"])
    assert trace["cost_micros"] == running.latest_call("sim-instruct")["billed_micros"]


def test_the_tenants_region_and_personal_data_hold(running: Running) -> None:
    """A tenant of a region no model is in, and data that must stay on premise, where no model continues texts: both
    are refused, and nothing is sent."""
    calls = running.model_calls()
    outside = running.post(PATH, capital("Austria"), tenant="elsewhere")
    assert (outside.status_code, outside.json()["error"]["code"]) == (503, "no_allowed_deployment")
    iban = "My IBAN is GB33BUKB20201555555555"
    for private in ({"prompt": iban}, {"suffix": iban}):
        assert running.post(PATH, capital("Austria", **private)).status_code == 400
    assert running.model_calls() == calls
    assert running.post(PATH, capital("Austria"), tenant="regional").status_code == 200


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"prompt": ""}, "prompt"),
        ({"prompt": [""]}, "prompt"),
        ({"prompt": []}, "prompt"),
        ({"prompt": None}, "prompt"),
        ({"prompt": ["a", 1]}, "prompt"),
        ({"prompt": [15339, 1917]}, "prompt"),  # token ids: no policy could see what they say
        ({"prompt": [[15339], [1917]]}, "prompt"),
        ({"n": 0}, "n"),
        ({"n": "2"}, "n"),
        ({"best_of": 21}, "best_of"),
        ({"logprobs": True}, "logprobs"),
        ({"suffix": 5}, "suffix"),
        ({"n": 2, "stream": True}, "stream"),
        ({"prompt": ["a", "b"], "stream": True}, "stream"),
        ({"max_tokens": 5_000}, "model"),
        ({"model": "small"}, "model"),
    ],
)
def test_bad_requests_are_refused_in_openais_form(running: Running, changes: dict[str, Any], param: str) -> None:
    """With the name of the field, and before any model is called."""
    calls = running.model_calls()
    reply = running.post(PATH, {**capital("Austria"), **changes})
    assert reply.status_code == 400
    assert reply.json()["error"]["type"] == "invalid_request_error" and reply.json()["error"]["param"] == param
    assert running.model_calls() == calls


def test_a_failing_provider_costs_nothing(running: Running) -> None:
    """The error is in the form of OpenAI's, too."""
    with running.fault("sim-instruct", "error500"):
        reply = running.post(PATH, capital("Slovenia"))
    assert reply.status_code == 503 and reply.json()["error"]["code"] == "provider_unavailable"
    assert running.trace(reply.headers["x-tierwise-trace-id"])["cost_micros"] == 0


def test_the_official_client_is_served(running: Running) -> None:
    """Plain and streamed, as OpenAI's package reads them."""
    with running.client() as client:
        told = client.completions.create(**capital("Italy"))
        assert "Rome" in told.choices[0].text and told.usage is not None
        streamed = client.completions.create(**capital("Italy"), stream=True)
        assert "".join(chunk.choices[0].text for chunk in streamed if chunk.choices) == told.choices[0].text

"""The other endpoints take the same path: policy, routing, budget, exact cost and trace."""

from __future__ import annotations

import pytest

from tests.gateway import Running

QUESTION = "What is the capital of Austria?"
ASKED = {
    "/responses": {"model": "auto", "input": QUESTION, "max_output_tokens": 100},
    "/messages": {"model": "auto", "max_tokens": 100, "messages": [{"role": "user", "content": QUESTION}]},
}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("path", ASKED)
def test_responses_and_messages_are_routed_and_charged_exactly(running: Running, path: str, stream: bool) -> None:
    """An easy question goes to the small tier by every endpoint, and costs what its tokens cost there."""
    reply = running.post(path, {**ASKED[path], "stream": stream}, **{"Cache-Control": "no-cache"})
    assert reply.status_code == 200 and "Vienna" in reply.text
    assert reply.headers["x-tierwise-tier"] == "small"
    trace = running.trace(reply.headers["x-tierwise-trace-id"])
    assert trace["cost_exact"]
    assert trace["cost_micros"] == -(-(trace["input_tokens"] * 15 + trace["output_tokens"] * 60) // 100)


@pytest.mark.parametrize("path", ASKED)
def test_personal_data_stays_on_premise_by_every_endpoint(running: Running, path: str) -> None:
    """The pin does not depend on the endpoint."""
    text = "My IBAN is GB33BUKB20201555555555, is it valid?"
    body = (
        {**ASKED[path], "input": text}
        if path == "/responses"
        else {
            **ASKED[path],
            "messages": [{"role": "user", "content": text}],
        }
    )
    assert running.post(path, body).headers["x-tierwise-tier"] == "onprem"


@pytest.mark.parametrize("path", ASKED)
def test_caps_hold_by_every_endpoint(running: Running, path: str) -> None:
    """A tenant at its cap is refused before any model is called."""
    before = running.model_calls()
    reply = running.post(path, ASKED[path], tenant="capped")
    assert (reply.status_code, reply.json()["error"]["code"]) == (429, "insufficient_quota")
    assert running.model_calls() == before


def test_auto_cannot_embed(running: Running) -> None:
    """The refusal says to name an embedding model."""
    reply = running.post("/embeddings", {"model": "auto", "input": "hello"})
    assert reply.status_code == 400
    assert "embedding model" in reply.json()["error"]["message"]


def test_tools_and_schemas_are_ordinary_openai(running: Running) -> None:
    """A tool call comes back as one, and a schema is followed, under the name that was sent."""
    weather = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}
    called = running.ask("What is the weather in Paris?", tools=[weather]).json()
    assert called["choices"][0]["message"]["tool_calls"][0]["function"]["name"] == "weather"
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    wanted = {"type": "json_schema", "json_schema": {"name": "place", "schema": schema}}
    answered = running.ask("Extract the city: I live in Graz.", response_format=wanted).json()
    assert "city" in answered["choices"][0]["message"]["content"]
    assert called["model"] == answered["model"] == "auto"

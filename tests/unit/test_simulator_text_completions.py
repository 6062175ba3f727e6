"""The simulated provider continues texts at /v1/completions, as OpenAI's older endpoint does."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from plugins.trial.simulator import tokens
from tests.simulator_client import SimulatorClient

QUESTION = "What is the capital of Austria?"


@pytest.fixture
async def simulator() -> AsyncIterator[SimulatorClient]:
    async with SimulatorClient() as client:
        yield client


async def complete(simulator: SimulatorClient, prompt: object = QUESTION, **more: Any) -> httpx.Response:
    body = {"model": "sim-instruct", "prompt": prompt, "max_tokens": 50, **more}
    return await simulator.http.post("/v1/completions", json=body)


async def test_a_prompt_is_continued_and_billed(simulator: SimulatorClient) -> None:
    """Without a conversation's framing: the prompt's tokens are those of its text."""
    body = (await complete(simulator)).json()
    assert body["object"] == "text_completion" and "Vienna" in body["choices"][0]["text"]
    assert body["usage"]["prompt_tokens"] == tokens.count(QUESTION)
    billed = (await simulator.calls())["recent"][-1]["billed_picos"]
    assert billed == body["usage"]["prompt_tokens"] * 1_500_000 + body["usage"]["completion_tokens"] * 2_000_000


async def test_each_prompt_has_its_choices(simulator: SimulatorClient) -> None:
    """Texts or token ids; those of a prompt stand together, and all that were made are billed."""
    prompts = [QUESTION, "What is the capital of Italy?"]
    for given in (prompts, [tokens.encode(prompt) for prompt in prompts]):
        body = (await complete(simulator, given, n=2, best_of=3)).json()
        texts = [choice["text"] for choice in body["choices"]]
        assert ["Vienna" in text for text in texts] == [True, True, False, False] and "Rome" in texts[2]
        assert body["usage"]["completion_tokens"] > sum(map(tokens.count, texts))


async def test_a_stream_says_the_same_and_may_echo(simulator: SimulatorClient) -> None:
    """Piece by piece, with the prompt in front where that is asked for, and usage at the end."""
    plain = (await complete(simulator, echo=True)).json()
    assert plain["choices"][0]["text"].startswith(QUESTION)
    reply = await complete(simulator, echo=True, stream=True, stream_options={"include_usage": True})
    events = [line.removeprefix("data: ") for line in reply.text.split("\n\n") if line]
    assert events.pop() == "[DONE]"
    chunks = [json.loads(event) for event in events]
    assert "".join(c["text"] for chunk in chunks for c in chunk["choices"]) == plain["choices"][0]["text"]
    assert chunks[-1]["usage"] == plain["usage"]


async def test_sixteen_tokens_unless_more_are_asked_for(simulator: SimulatorClient) -> None:
    """As OpenAI's default is."""
    body = (await complete(simulator, "Tell me a long story.", max_tokens=None)).json()
    assert (body["usage"]["completion_tokens"], body["choices"][0]["finish_reason"]) == (16, "length")


@pytest.mark.parametrize("prompt", [None, [], {}, ["a", 1], [1.5], [10**12], 5])
async def test_bad_prompts_are_400(simulator: SimulatorClient, prompt: object) -> None:
    """Missing, mistyped, or no tokens of the vocabulary."""
    response = await complete(simulator, prompt)
    assert response.status_code == 400 and response.json()["error"]["param"] == "prompt"


@pytest.mark.parametrize(("path", "model"), [("chat/completions", "sim-instruct"), ("completions", "sim-small")])
async def test_each_model_has_its_endpoint(simulator: SimulatorClient, path: str, model: str) -> None:
    """A model that continues texts does not chat, and the other way round."""
    body = {"model": model, "prompt": "hello", "messages": [{"role": "user", "content": "hello"}]}
    assert (await simulator.http.post(f"/v1/{path}", json=body)).status_code == 404

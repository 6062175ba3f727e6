"""The simulated provider streams as OpenAI does."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.simulator_client import SimulatorClient


@pytest.fixture
async def simulator() -> AsyncIterator[SimulatorClient]:
    async with SimulatorClient() as client:
        yield client


def _text(chunks: list[Any], choice: int = 0) -> str:
    rows = [row for chunk in chunks for row in chunk["choices"] if row["index"] == choice]
    return "".join(row["delta"].get("content") or "" for row in rows)


async def test_the_pieces_of_a_stream_are_the_plain_answer(simulator: SimulatorClient) -> None:
    """The role comes first, the finish_reason last, and the deltas joined equal the plain content."""
    plain = await simulator.ask("Describe the sea.")
    chunks = await simulator.stream("Describe the sea.")
    assert chunks[0]["choices"][0]["delta"]["role"] == "assistant"
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"
    assert _text(chunks) == plain["choices"][0]["message"]["content"]
    assert all("usage" not in chunk for chunk in chunks)


async def test_usage_is_streamed_on_request(simulator: SimulatorClient) -> None:
    """The last chunk has no choices and the same usage as the plain answer; the others have usage null."""
    plain = await simulator.ask("Describe the sea.")
    chunks = await simulator.stream("Describe the sea.", stream_options={"include_usage": True})
    assert chunks[-1]["choices"] == [] and chunks[-1]["usage"] == plain["usage"]
    assert all(chunk["usage"] is None for chunk in chunks[:-1])


async def test_each_choice_is_streamed(simulator: SimulatorClient) -> None:
    """Chunks carry the index of their choice."""
    chunks = await simulator.stream("What is 17 + 25?", n=2)
    assert _text(chunks, 0) == _text(chunks, 1) == "17 + 25 = 42"


async def test_tool_arguments_are_streamed_in_pieces(simulator: SimulatorClient) -> None:
    """Id and name come first, then argument fragments that join to JSON."""
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    tool = {"type": "function", "function": {"name": "look", "parameters": schema}}
    chunks = await simulator.stream("Look at Oslo now", tools=[tool])
    deltas = [row["delta"] for chunk in chunks for row in chunk["choices"]]
    calls = [delta["tool_calls"][0] for delta in deltas if delta.get("tool_calls")]
    assert calls[0]["id"] and calls[0]["function"]["name"] == "look"
    assert json.loads("".join(call["function"]["arguments"] for call in calls)) == {"city": "Oslo"}
    assert chunks[-1]["choices"][0]["finish_reason"] == "tool_calls"


async def test_a_streamed_call_is_billed_like_a_plain_one(simulator: SimulatorClient) -> None:
    """Also without include_usage."""
    await simulator.ask("Describe the sea.")
    await simulator.stream("Describe the sea.")
    plain, streamed = (await simulator.calls())["recent"]
    assert streamed["stream"] and streamed["outcome"] == "completed"
    assert streamed["billed_picos"] == plain["billed_picos"] > 0


async def test_responses_are_answered_plain(simulator: SimulatorClient) -> None:
    """A message item with output_text, and usage under the names of that endpoint."""
    body = {"model": "sim-mid", "input": "What is the capital of Spain?", "instructions": "Be short."}
    answer = (await simulator.http.post("/v1/responses", json=body)).json()
    assert answer["status"] == "completed"
    assert answer["output"][0]["content"][0]["text"] == "The capital of Spain is Madrid."
    usage = answer["usage"]
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]


async def test_responses_are_streamed_as_numbered_events(simulator: SimulatorClient) -> None:
    """From response.created to response.completed, whose response equals the joined deltas."""
    body = {"model": "sim-mid", "input": [{"role": "user", "content": "What is 17 + 25?"}], "stream": True}
    text = (await simulator.http.post("/v1/responses", json=body)).text
    events = [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: ")]
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert (events[0]["type"], events[-1]["type"]) == ("response.created", "response.completed")
    deltas = "".join(event["delta"] for event in events if event["type"] == "response.output_text.delta")
    assert deltas == events[-1]["response"]["output"][0]["content"][0]["text"] == "17 + 25 = 42"


async def test_responses_call_tools(simulator: SimulatorClient) -> None:
    """With the endpoint's flat tools, a function_call item with JSON arguments is given."""
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    tools = [{"type": "function", "name": "look", "parameters": schema}]
    body = {"model": "sim-frontier", "input": "Look at Oslo now", "tools": tools}
    item = (await simulator.http.post("/v1/responses", json=body)).json()["output"][0]
    assert (item["type"], item["name"]) == ("function_call", "look")
    assert json.loads(item["arguments"]) == {"city": "Oslo"}


async def test_a_response_without_input_is_refused(simulator: SimulatorClient) -> None:
    """400 in OpenAI's shape."""
    response = await simulator.http.post("/v1/responses", json={"model": "sim-mid"})
    assert response.status_code == 400 and response.json()["error"]["param"] == "input"

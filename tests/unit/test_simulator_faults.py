"""Scripted faults of the simulated provider hit the calls they name, as often as they say."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from plugins.trial.simulator.errors import ApiError
from plugins.trial.simulator.faults import Fault, FaultScript, read_rules
from tests.simulator_client import SimulatorClient
from tests.waiting import eventually_async

PROMPT = "What is the capital of France?"


@pytest.fixture
async def simulator() -> AsyncIterator[SimulatorClient]:
    async with SimulatorClient() as client:
        yield client


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ("error500", 500, None),
        ("error503", 503, None),
        ("rate_limit", 429, "rate_limit_exceeded"),
        ("unauthorized", 401, "invalid_api_key"),
        ("content_filter", 400, "content_policy_violation"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
async def test_error_faults(
    simulator: SimulatorClient, fault: str, status: int, code: str | None, stream: bool
) -> None:
    """Status and code as OpenAI's, for plain and streamed calls, counted as an error and not billed."""
    await simulator.set_faults({"fault": fault})
    response = await simulator.post(PROMPT, stream=stream)
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)
    record = (await simulator.calls())["recent"][-1]
    assert (record["status"], record["fault"], record["outcome"]) == (status, fault, "error")
    assert record["billed_picos"] == 0


async def test_a_rate_limit_says_when_to_come_back(simulator: SimulatorClient) -> None:
    """Retry-After is the rule's seconds, rounded up."""
    await simulator.set_faults({"fault": "rate_limit", "seconds": 6.2})
    assert (await simulator.post(PROMPT)).headers["retry-after"] == "7"


@pytest.mark.parametrize("stream", [False, True])
async def test_a_held_call_is_answered_once_the_script_ends(simulator: SimulatorClient, stream: bool) -> None:
    """Others are answered meanwhile; deleting the script lets it go on."""
    await simulator.set_faults({"fault": "hold", "model": "sim-small"})
    held = asyncio.create_task(simulator.post(PROMPT, "sim-small", stream=stream))

    async def has_begun() -> bool:
        return bool((await simulator.calls())["by_model"].get("sim-small"))

    await eventually_async(has_begun)
    assert (await simulator.post(PROMPT, "sim-mid")).status_code == 200
    assert not held.done()
    await simulator.http.delete("/control/faults")
    assert (await held).status_code == 200


async def test_a_rule_hits_only_its_model_and_endpoint(simulator: SimulatorClient) -> None:
    """Other models and endpoints go on."""
    await simulator.set_faults({"fault": "error500", "model": "sim-small", "endpoint": "chat"})
    assert (await simulator.post(PROMPT, "sim-small")).status_code == 500
    assert (await simulator.post(PROMPT, "sim-mid")).status_code == 200
    body = {"model": "sim-small", "input": PROMPT}
    assert (await simulator.http.post("/v1/responses", json=body)).status_code == 200


async def test_first_n_ends_and_the_next_rule_takes_over(simulator: SimulatorClient) -> None:
    """Rules are tried in order; each says how often it was seen and hit."""
    await simulator.set_faults({"fault": "error500", "first_n": 2}, {"fault": "error503", "first_n": 1})
    statuses = [(await simulator.post(PROMPT)).status_code for _ in range(4)]
    assert statuses == [500, 500, 503, 200]
    rules = (await simulator.http.get("/control/faults")).json()["rules"]
    assert [rule["hits"] for rule in rules] == [2, 1]


async def test_deleting_the_faults_heals_the_provider(simulator: SimulatorClient) -> None:
    """DELETE leaves no rule."""
    await simulator.set_faults({"fault": "error500"})
    assert (await simulator.http.delete("/control/faults")).json() == {"rules": []}
    assert (await simulator.post(PROMPT)).status_code == 200


def test_probability_is_a_seeded_counter() -> None:
    """The same seed gives the same run of hits, at about the stated share; another seed gives another run."""

    def run(seed: int) -> list[bool]:
        script = FaultScript()
        script.replace(read_rules({"fault": "error500", "probability": 0.3, "seed": seed}))
        return [script.pick("sim-small", "chat") is not None for _ in range(1_000)]

    assert run(1) == run(1) != run(2)
    assert 250 < sum(run(1)) < 350


@pytest.mark.parametrize(
    ("fault", "finish", "quality"),
    [
        ("truncate", "length", "truncated"),
        ("filtered_finish", "content_filter", "truncated"),
        ("empty", "stop", "empty"),
        ("bad_answer", "stop", "wrong"),
        ("refuse", "stop", "refusal"),
        ("wrong_json", "stop", "broken_json"),
    ],
)
async def test_answer_faults(simulator: SimulatorClient, fault: str, finish: str, quality: str) -> None:
    """The answer lacks the right word, and the books say what is wrong with it."""
    await simulator.set_faults({"fault": fault})
    choice = (await simulator.ask(PROMPT))["choices"][0]
    assert choice["finish_reason"] == finish
    assert fault == "wrong_json" or "Paris" not in choice["message"]["content"]
    assert (await simulator.calls())["recent"][-1]["quality"] == quality


@pytest.mark.parametrize("form", ["json_object", "tool"])
async def test_wrong_json_cannot_be_parsed(simulator: SimulatorClient, form: str) -> None:
    """Neither as content nor as a tool's arguments."""
    await simulator.set_faults({"fault": "wrong_json"})
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
    wanted: dict[str, Any] = {"tools": [tool]} if form == "tool" else {"response_format": {"type": form}}
    message = (await simulator.ask("Give JSON", **wanted))["choices"][0]["message"]
    text = message["tool_calls"][0]["function"]["arguments"] if form == "tool" else message["content"]
    with pytest.raises(json.JSONDecodeError):
        json.loads(text)


async def test_wrong_model_and_no_usage(simulator: SimulatorClient) -> None:
    """The answer names another model, or lacks usage even where a stream asked for it; both are billed."""
    await simulator.set_faults({"fault": "wrong_model", "first_n": 1}, {"fault": "no_usage"})
    assert (await simulator.ask(PROMPT, "sim-mid"))["model"] == "sim-substitute"
    assert "usage" not in await simulator.ask(PROMPT, "sim-mid")
    chunks = await simulator.stream(PROMPT, "sim-mid", stream_options={"include_usage": True})
    assert all(chunk.get("usage") is None for chunk in chunks)
    bills = {call["billed_picos"] for call in (await simulator.calls())["recent"]}
    assert len(bills) == 1 and bills.pop() > 0


@pytest.mark.parametrize("fault", ["hang", "slow", "stall"])
async def test_waiting_faults_answer_in_the_end(simulator: SimulatorClient, fault: str) -> None:
    """After the rule's seconds the usual answer comes."""
    await simulator.set_faults({"fault": fault, "seconds": 0.01})
    chunks = await simulator.stream(PROMPT)
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"


@pytest.mark.parametrize(
    "rule",
    [
        {},
        7,
        {"rules": {}},
        {"fault": "meteor"},
        {"fault": "error500", "when": "now"},
        {"fault": "error500", "probability": 2},
        {"fault": "error500", "probability": True},
        {"fault": "error500", "first_n": -1},
        {"fault": "error500", "seconds": "1"},
        {"fault": "error500", "seed": None},
        {"fault": "error500", "model": 1},
        {"fault": "error500", "endpoint": "images"},
        {"fault": []},
    ],
)
def test_a_bad_rule_is_refused(rule: object) -> None:
    """400, with the known values where there is a choice."""
    with pytest.raises(ApiError) as caught:
        read_rules(rule)
    assert caught.value.status == 400


async def test_a_refused_script_leaves_the_old_one(simulator: SimulatorClient) -> None:
    """All or nothing."""
    await simulator.set_faults({"fault": "error500"})
    response = await simulator.http.put("/control/faults", json=[{"fault": "error503"}, {"fault": "meteor"}])
    assert response.status_code == 400
    assert (await simulator.post(PROMPT)).status_code == 500


def test_every_fault_can_be_scripted() -> None:
    """Each name of the table makes a rule."""
    assert {rule.fault for rule in read_rules([{"fault": fault.value} for fault in Fault])} == set(Fault)

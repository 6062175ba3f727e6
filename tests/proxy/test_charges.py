"""What is charged is what the provider billed, by its own books; and never less when nobody can be sure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import httpx
import pytest

from tests.gateway import Running
from tests.prompts import new_word

LONG = "You are the assistant of a bridge museum. " + "Keep to the facts on record. " * 220
REASONING = {"model": "frontier", "reasoning_effort": "medium"}
TOOL = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}


def asked_and_billed(running: Running, body: Mapping[str, Any], path: str = "/chat/completions") -> tuple[Any, int]:
    """(the trace of one call, what the provider billed for all its attempts, each rounded up)."""
    httpx.delete(f"{running.origin}/control/calls").raise_for_status()
    reply = running.post(path, {"model": "mid", "max_tokens": 100, **body})
    trace = running.trace(reply.headers["x-tierwise-trace-id"])
    records = httpx.get(f"{running.origin}/control/calls").json()["recent"]
    return trace, sum(record["billed_micros"] for record in records)


def chat(stream: bool, system: str = "", **more: Any) -> dict[str, Any]:
    messages = [{"role": "system", "content": system}] if system else []
    prompt = f"Tell me about old bridges, in the manner of {new_word()}."
    return {"messages": [*messages, {"role": "user", "content": prompt}], "stream": stream, **more}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("more", "kind"),
    [
        ({}, ""),
        ({"system": LONG}, "cached_tokens"),
        (REASONING, "reasoning_tokens"),
        ({"n": 2}, ""),
        ({"tools": [TOOL]}, ""),
    ],
    ids=["plain", "prompt-cache", "reasoning", "two-choices", "tools"],
)
def test_the_charge_is_the_bill(running: Running, more: dict[str, Any], kind: str, stream: bool) -> None:
    """To the micro-dollar: also for tokens from the provider's prompt cache, for reasoning and for several choices."""
    for _ in range(8):  # a deployment that another test broke may cool down, and a prompt cache is one model's own
        trace, billed = asked_and_billed(running, chat(stream, **more))
        assert trace["cost_exact"] and trace["cost_micros"] == billed > 0
        if kind != "cached_tokens" or trace[kind] > 0:
            break
    assert not kind or trace[kind] > 0


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("fault", ["half_stream", "no_usage"])
def test_what_may_have_been_billed_is_charged(running: Running, fault: str, stream: bool) -> None:
    """An attempt whose line broke, and an answer without usage, are charged by their hold and refund nothing."""
    with running.fault("*", fault, first_n=1):
        trace, billed = asked_and_billed(running, chat(stream))
    assert trace["cost_micros"] >= billed > 0
    steps = [step["attributes"] for step in trace["steps"] if step["name"] == "attempt"]
    if fault == "no_usage":
        assert not trace["cost_exact"]
        return
    # Before its first byte or in the midst of the answer: another model goes on, or the answer ends there.
    assert steps[0]["error"] and steps[0]["model"] == "openai/sim-mid"
    went_on = len(steps) > 1
    assert went_on == (trace.get("cost_failed_attempts_micros", 0) > 0) == (trace["outcome"] == "answered")


@pytest.mark.parametrize("model", ["small", "mid"])
def test_a_broken_stream_is_not_charged_as_the_dearest_model(running: Running, model: str) -> None:
    """What broke was asked of this model, though the hold was for the dearest that it might fall back to."""
    with running.fault("*", "half_stream", first_n=1):
        trace, _ = asked_and_billed(running, chat(True, model=model))
    (reserve,) = [step["attributes"] for step in trace["steps"] if step["name"] == "reserve"]
    charged = trace.get("cost_failed_attempts_micros") or trace["cost_micros"]  # the answer may have ended there
    assert 0 < charged < reserve["micros"] / 2


@pytest.mark.parametrize("stream", [False, True])
def test_an_error_answer_costs_nothing(running: Running, stream: bool) -> None:
    """A provider that says 500 bills nothing; the answer of the next one is charged as billed."""
    with running.fault("*", "error500", first_n=1):
        trace, billed = asked_and_billed(running, chat(stream))
    assert trace["cost_exact"] and trace["cost_micros"] == billed and trace.get("cost_failed_attempts_micros", 0) == 0


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/messages", lambda mark: {"messages": [{"role": "user", "content": f"hello {mark}"}]}),
        ("/responses", lambda mark: {"input": f"hello {mark}", "max_output_tokens": 50}),
    ],
)
@pytest.mark.parametrize("fault", ["error500", "half_stream"])
def test_other_endpoints_count_attempts_alike(
    running: Running, path: str, body: Callable[[str], dict[str, Any]], fault: str
) -> None:
    """LiteLLM bridges them to one another; an attempt is one nevertheless."""
    with running.fault("*", fault, first_n=1):
        trace, billed = asked_and_billed(running, body(new_word()), path)
    assert trace["cost_micros"] >= billed > 0
    assert (trace.get("cost_failed_attempts_micros", 0) > 0) == (fault == "half_stream")

"""Each endpoint answers from the cache in its own form, whether the answer was made plain or streamed."""

from __future__ import annotations

import json
import time
from typing import Any

import httpx
import pytest

from tests.gateway import Running
from tests.waiting import eventually

CHAT, RESPONSES, MESSAGES = "/chat/completions", "/responses", "/messages"
TALKING = (CHAT, RESPONSES, MESSAGES)


def body(path: str, question: str, **more: Any) -> dict[str, Any]:
    """A request for the same at any endpoint that talks."""
    if path == RESPONSES:
        return {"model": "auto", "input": question, "max_output_tokens": 90, **more}
    return {"model": "auto", "messages": [{"role": "user", "content": question}], "max_tokens": 90, **more}


def text_of(path: str, answer: dict[str, Any]) -> str:
    """The text of a plain reply, read as its endpoint's clients read it."""
    if path == RESPONSES:
        assert answer["object"] == "response" and answer["status"] == "completed"
        return "".join(p["text"] for i in answer["output"] for p in i["content"] if p["type"] == "output_text")
    if path == MESSAGES:
        assert answer["type"] == "message" and answer["stop_reason"] == "end_turn"
        return "".join(block["text"] for block in answer["content"])
    assert answer["object"] == "chat.completion"
    return str(answer["choices"][0]["message"]["content"])


def streamed(path: str, reply: httpx.Response) -> tuple[str, dict[str, Any]]:
    """(text, usage) of an event stream, checked for its endpoint's first and last events."""
    assert reply.headers["content-type"].startswith("text/event-stream")
    lines = [line[5:].strip() for line in reply.text.splitlines() if line.startswith("data:")]
    events = [json.loads(line) for line in lines if line.startswith("{")]
    if path == RESPONSES:
        assert events[0]["type"] == "response.created" and events[-1]["type"] == "response.completed"
        deltas = [e["delta"] for e in events if e["type"] == "response.output_text.delta"]
        return "".join(deltas), events[-1]["response"]["usage"]
    if path == MESSAGES:
        assert events[0]["type"] == "message_start" and events[-1]["type"] == "message_stop"
        return "".join(e["delta"]["text"] for e in events if e["type"] == "content_block_delta"), events[-2]["usage"]
    assert lines[-1] == "[DONE]"
    usage = next(e["usage"] for e in events if e.get("usage"))
    return "".join(c["delta"].get("content") or "" for e in events for c in e["choices"]), usage


def until_stored(running: Running, path: str, asked: dict[str, Any]) -> httpx.Response:
    """Ask plain until the answer comes from the cache: it is stored behind the response."""
    replies: list[httpx.Response] = []

    def is_stored() -> bool:
        replies.append(running.post(path, {**asked, "stream": False}))
        return replies[-1].headers["x-tierwise-cache"] == "exact"

    eventually(is_stored)
    return replies[-1]


@pytest.mark.parametrize("path", TALKING)
@pytest.mark.parametrize("stream_fills", [False, True])
def test_one_form_fills_the_cache_and_both_are_served(running: Running, path: str, stream_fills: bool) -> None:
    """A plain answer serves a streamed call and the other way round: valid, the same text and usage, free of charge."""
    place = "Norway" if stream_fills else "Portugal"
    asked = body(path, f"What is the capital of {place}?")
    first = running.post(path, {**asked, "stream": stream_fills})
    assert first.headers["x-tierwise-cache"] == "miss"
    said = streamed(path, first)[0] if stream_fills else text_of(path, first.json())
    plain = until_stored(running, path, asked)
    calls = running.model_calls()
    stream = running.post(path, {**asked, "stream": True})
    assert stream.headers["x-tierwise-cache"] == "exact" and running.model_calls() == calls
    text, usage = streamed(path, stream)
    assert text == said == text_of(path, plain.json()) != ""
    told = plain.json()["usage"]
    names = [name for name in ("input_tokens", "output_tokens", "prompt_tokens", "completion_tokens") if name in told]
    assert len(names) == 2 and all(told[name] == usage[name] > 0 for name in names)
    assert not usage.get("cost")
    for reply in (plain, stream):
        assert float(reply.headers["x-tierwise-cost-usd"]) == 0
        assert int(reply.headers["x-tierwise-cache-age"]) >= 0
    assert "litellm" not in stream.text and "_hidden" not in stream.text


@pytest.mark.parametrize("path", TALKING)
def test_a_paraphrase_is_served_at_every_endpoint(running: Running, path: str) -> None:
    """The semantic layer is for all that talk; the reply says how far the stored question is."""
    until_stored(running, path, body(path, "What is the capital of Finland?"))
    reply = running.post(path, body(path, "Tell me, what is the capital of Finland?", stream=True))
    assert reply.headers["x-tierwise-cache"] == "semantic"
    assert 0 <= float(reply.headers["x-tierwise-cache-distance"]) < 0.35
    assert "Helsinki" in streamed(path, reply)[0]


def test_endpoints_never_answer_for_each_other(running: Running) -> None:
    """The same question by another endpoint is another request: no form is ever made of another's."""
    question = "What is the capital of Denmark?"
    for path in TALKING:
        asked = body(path, question)
        first = running.post(path, asked)
        assert first.headers["x-tierwise-cache"] == "miss"
        text_of(path, until_stored(running, path, asked).json())


def test_vectors_are_kept_for_the_very_same_inputs(running: Running) -> None:
    """All vectors of a call come back in order with its usage; other inputs, or another order, are another request."""
    asked = {"model": "embed", "input": ["an order of today", "my own order"]}
    first = running.post("/embeddings", asked)
    assert first.headers["x-tierwise-cache"] == "miss"
    again = until_stored(running, "/embeddings", asked)
    assert again.json()["data"] == first.json()["data"] and again.json()["usage"] == first.json()["usage"]
    assert float(again.headers["x-tierwise-cost-usd"]) == 0
    turned = running.post("/embeddings", {**asked, "input": asked["input"][::-1]})
    assert turned.headers["x-tierwise-cache"] == "miss"
    assert [row["embedding"] for row in turned.json()["data"]] == [
        row["embedding"] for row in first.json()["data"][::-1]
    ]


def test_a_long_message_that_calls_a_tool_is_not_kept(running: Running) -> None:
    """Tool calls stay out of the cache at every endpoint."""
    tool = {"name": "weather", "description": "", "input_schema": {"type": "object", "properties": {}}}
    asked = body(MESSAGES, "What is the weather in Paris?", tools=[tool])
    for _ in range(2):
        assert running.post(MESSAGES, asked).headers["x-tierwise-cache"] == "bypass"
        time.sleep(0.3)


@pytest.mark.parametrize(
    ("fields", "headers", "verdict"),
    [
        ({"cache": {"no-cache": True}}, {}, "bypass"),
        ({"cache": {"no-store": True}}, {}, "bypass"),
        ({}, {"Cache-Control": "no-cache"}, "bypass"),
        ({}, {"Cache-Control": "max-age=0, private"}, "miss"),
        ({"cache": {"s-maxage": 0}}, {}, "miss"),
        ({}, {"Cache-Control": "max-age=3600"}, "exact"),
        ({"cache": {"s-maxage": 3600}}, {}, "exact"),
    ],
)
def test_requests_say_how_fresh_an_answer_must_be(
    running: Running, fields: dict[str, Any], headers: dict[str, str], verdict: str
) -> None:
    """Cache-Control and LiteLLM's `cache` field are both obeyed."""
    asked = body(CHAT, "What is the capital of Belgium?", user=f"{fields}{headers}"[:40])
    until_stored(running, CHAT, asked)
    time.sleep(1.1)  # an age is told in whole seconds
    assert running.post(CHAT, {**asked, **fields}, "acme", **headers).headers["x-tierwise-cache"] == verdict


def test_a_client_may_shorten_how_long_its_answer_is_kept(running: Running) -> None:
    """LiteLLM's `cache.ttl` counts where it is less than the configured time; zero is not to store."""
    asked = body(CHAT, "What is the capital of Iceland?")
    running.post(CHAT, {**asked, "cache": {"ttl": 0}})
    time.sleep(0.5)
    running.post(CHAT, {**asked, "cache": {"ttl": 2}})
    time.sleep(2.5)
    assert running.post(CHAT, asked).headers["x-tierwise-cache"] == "miss"


@pytest.mark.parametrize("text", ["Name a lake, 漢字", "Nenne den größten See; größer: Ладога"])
def test_any_script_is_answered_from_the_cache(running: Running, text: str) -> None:
    """At the responses endpoint, plain and streamed: its input, a text, would not fit into a header."""
    asked = body(RESPONSES, text)
    until_stored(running, RESPONSES, asked)
    reply = running.post(RESPONSES, {**asked, "stream": True})
    assert (reply.status_code, reply.headers["x-tierwise-cache"]) == (200, "exact")

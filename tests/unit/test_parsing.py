"""Client bodies: what passes is safe for every later step; what does not is a BadRequest and nothing else."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.errors import BadRequest
from plugins.fields import ALLOWED, cleaned
from plugins.parsing import parse_body, read_call
from plugins.values import Call, Endpoint

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
FIELDS = ["model", "messages", "input", "prompt", "tools", "stream", "n", "stop", "user", "response_format", "cache"]
BODIES = st.dictionaries(st.sampled_from([*FIELDS, "temperature", "max_tokens", "seed", "instructions"]), JSON)


def read(body: dict[str, Any], endpoint: Endpoint = Endpoint.CHAT, headers: Mapping[str, str] | None = None) -> Call:
    return read_call(endpoint, cleaned(endpoint, body), headers or {}, "id", 0, len(json.dumps(body)))


def chat(*turns: str, **fields: Any) -> dict[str, Any]:
    return {"model": "auto", "messages": [{"role": "user", "content": t} for t in turns], **fields}


@given(body=BODIES, endpoint=st.sampled_from(list(Endpoint)))
def test_any_body_is_a_call_or_a_bad_request(body: dict[str, Any], endpoint: Endpoint) -> None:
    """No JSON at all makes the reader fail in another way."""
    try:
        call = read(body, endpoint)
    except BadRequest as refusal:
        assert len(refusal.message) > 15
    else:
        assert call.question.strip() or call.images or call.text.strip()
        json.loads(call.shape)


@given(raw=st.binary(max_size=200))
def test_any_bytes_are_an_object_or_a_bad_request(raw: bytes) -> None:
    """Bytes that are no UTF-8, no JSON or no object are refused."""
    with contextlib.suppress(BadRequest):
        assert isinstance(parse_body(raw), dict)


@given(sent=st.dictionaries(st.text(max_size=30), JSON), endpoint=st.sampled_from(list(Endpoint)))
def test_only_known_fields_pass(sent: dict[str, Any], endpoint: Endpoint) -> None:
    """Whatever else a client sends, LiteLLM's own switches among it, is gone and does not change the shape."""
    others = {name: value for name, value in sent.items() if name not in ALLOWED[endpoint]}
    hello = {"messages": [{"role": "user", "content": "hello"}], "input": "hello", "prompt": "hello"}
    body: dict[str, Any] = {"model": "auto", "max_tokens": 5, **hello}
    body = {name: value for name, value in body.items() if name in ALLOWED[endpoint]}
    assert cleaned(endpoint, {**others, **body}) == body
    assert read({**others, **body}, endpoint).shape == read(body, endpoint).shape


def test_an_operator_may_let_a_providers_field_through() -> None:
    """It reaches the provider, and an answer is bound to its value."""
    sent = cleaned(Endpoint.CHAT, chat("hello", best_effort=3, other=1), passed=("best_effort",))
    assert sent == chat("hello", best_effort=3)
    assert "best_effort" in read_call(Endpoint.CHAT, sent, {}, "id", 0, 99).shape


def test_a_null_field_is_one_that_was_left_out() -> None:
    """Some clients send every field they know."""
    assert cleaned(Endpoint.CHAT, chat("hello", web_search_options=None, tools=None)) == chat("hello")


@pytest.mark.parametrize("name", ["previous_response_id", "conversation", "prompt", "background"])
def test_what_a_provider_keeps_cannot_be_used(name: str) -> None:
    """Policy and classifier would not see it; the refusal says what to send instead."""
    with pytest.raises(BadRequest, match="cannot be used here"):
        cleaned(Endpoint.RESPONSES, {"model": "auto", "input": "hello", name: "resp_1"})


@pytest.mark.parametrize(
    "fields",
    [
        {"temperature": 0.1},
        {"seed": 7},
        {"tools": [{"type": "function"}]},
        {"response_format": {"type": "json_object"}},
    ],
)
def test_whatever_changes_an_answer_changes_the_shape(fields: dict[str, Any]) -> None:
    """Sampling, tools and formats are part of what a cached answer is bound to."""
    assert read(chat("hello", **fields)).shape != read(chat("hello")).shape


@pytest.mark.parametrize("fields", [{"stream": True}, {"user": "u1"}, {"stream_options": {"include_usage": True}}])
def test_how_an_answer_is_delivered_does_not_change_the_shape(fields: dict[str, Any]) -> None:
    """A streamed answer may serve a plain call."""
    assert read(chat("hello", **fields)).shape == read(chat("hello")).shape


def test_names_and_images_of_messages_are_part_of_the_shape() -> None:
    """What stands beside the text of a message changes what may answer."""
    named = {"model": "auto", "messages": [{"role": "user", "name": "ann", "content": "hello"}]}
    parts = [{"type": "text", "text": "hello"}, {"type": "image_url", "image_url": {"url": "data:,"}}]
    pictured = {"model": "auto", "messages": [{"role": "user", "content": parts}]}
    shapes = {read(body).shape for body in (chat("hello"), named, pictured)}
    assert len(shapes) == 3
    assert read(pictured).images == 1


def test_hints_come_from_headers_and_are_made_printable() -> None:
    """Control characters of a caller's labels never reach a log line."""
    headers = {"x-tierwise-feature": "a\x1b[31mb\n", "cache-control": "no-store", "x-tierwise-deadline-ms": "1200"}
    hints = read(chat("hello"), headers=headers).hints
    assert (hints.feature, hints.no_store, hints.deadline_ms) == ("a[31mb", True, 1200)


def test_hints_may_stand_in_metadata_where_a_header_says_more() -> None:
    """Clients that cannot set headers use OpenAI's `metadata`; other entries mean nothing and change no answer."""
    told = {"tierwise_task": "maths", "tierwise_deadline_ms": "900", "tierwise_feature": "search", "team": "x"}
    call = read(chat("hello", metadata=told), headers={"x-tierwise-feature": "help"})
    assert (call.hints.task, call.hints.deadline_ms, call.hints.feature) == ("maths", 900, "help")
    assert call.shape == read(chat("hello")).shape
    assert read(chat("hello", metadata={"tierwise_sensitive": "true"})).hints.sensitive


def test_the_end_user_of_the_messages_endpoint_stands_in_metadata() -> None:
    """Anthropic's `metadata.user_id` is what OpenAI calls `user`."""
    body = {**chat("hello"), "max_tokens": 5, "metadata": {"user_id": "ann"}}
    assert read(body, Endpoint.MESSAGES).end_user == "ann"


@pytest.mark.parametrize("wrong", ["text", ["a"], {"tierwise_task": 1}, {"tierwise_session": {}}, {"user_id": 7}])
def test_metadata_is_an_object_whose_known_entries_are_strings(wrong: Any) -> None:
    """Anything else is refused by name; entries that mean nothing here may be what they like."""
    with pytest.raises(BadRequest, match=r"metadata|tierwise_|user_id"):
        read(chat("hello", metadata=wrong))
    assert read(chat("hello", metadata={"tags": ["a"], "trace": {"id": 1}})).hints.feature == ""


@pytest.mark.parametrize("kind", ["tool_result", "image", "input_text", "thinking", ""])
def test_a_part_that_no_chat_takes_is_refused(kind: str) -> None:
    """LiteLLM would fail on it, as if the provider could not be reached; other endpoints and roles have parts of their
    own."""
    parts = [{"type": "text", "text": "hello"}, {"type": kind, "text": "hello"}]
    body = {"model": "auto", "messages": [{"role": "user", "content": parts}]}
    with pytest.raises(BadRequest, match=r"messages\[0\]\.content\[1\]\.type"):
        read(body)
    assert read({**body, "max_tokens": 5}, Endpoint.MESSAGES).messages
    assert read({"model": "auto", "input": body["messages"]}, Endpoint.RESPONSES).messages
    assert read({**body, "messages": [{"role": "assistant", "content": parts}]}).messages


@pytest.mark.parametrize("choice", ["auto", "x", {}, {"type": "function"}, {"type": ["auto"]}, {"name": "look"}])
def test_the_messages_endpoint_takes_anthropics_tool_choices_alone(choice: Any) -> None:
    """LiteLLM would fail on others, as if the provider had; a chat takes OpenAI's, among them strings."""
    body = {**chat("hello"), "max_tokens": 5}
    with pytest.raises(BadRequest, match="tool_choice"):
        read({**body, "tool_choice": choice}, Endpoint.MESSAGES)
    for kind in ("auto", "any", "tool", "none"):
        assert read({**body, "tool_choice": {"type": kind, "name": "look"}}, Endpoint.MESSAGES).messages
    assert read({**body, "tool_choice": "auto"}).messages


def test_the_other_endpoints_are_read_alike() -> None:
    """Responses, messages, completions and embeddings give the same text to policy and routing."""
    bodies = {
        Endpoint.RESPONSES: {"model": "auto", "input": "hello", "instructions": "be brief"},
        Endpoint.MESSAGES: {**chat("hello"), "system": "be brief", "max_tokens": 5},
        Endpoint.COMPLETIONS: {"model": "auto", "prompt": "hello"},
        Endpoint.EMBEDDINGS: {"model": "x", "input": ["hello"]},
    }
    calls = {endpoint: read(body, endpoint) for endpoint, body in bodies.items()}
    assert {call.question for call in calls.values()} == {"hello"}
    assert calls[Endpoint.RESPONSES].system == calls[Endpoint.MESSAGES].system == "be brief"
    assert calls[Endpoint.EMBEDDINGS].max_output_tokens == 0


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("x-tierwise-task", "poetry"),
        ("x-tierwise-escalation", "never"),
        *(("x-tierwise-deadline-ms", v) for v in ("soon", "0", "-5", "1.5", "٣٠٠", "9" * 10)),
    ],
)
def test_a_steering_header_that_cannot_be_obeyed_is_refused(header: str, value: str) -> None:
    """Ignoring it would route differently from what the caller believes; the message names the header."""
    with pytest.raises(BadRequest, match=header):
        read(chat("hi"), headers={header: value})


def test_steering_headers_are_read() -> None:
    """Task class and escalation in any case, deadline in milliseconds; empty ones say nothing."""
    hints = read(chat("hi"), headers={"x-tierwise-task": "Maths", "x-tierwise-deadline-ms": " 1500 "}).hints
    assert (hints.task, hints.deadline_ms) == ("maths", 1500)
    assert not read(chat("hi"), headers={"x-tierwise-escalation": "Off"}).hints.escalate
    empty = read(chat("hi"), headers={"x-tierwise-task": "", "x-tierwise-deadline-ms": ""}).hints
    assert (empty.task, empty.deadline_ms, empty.escalate) == (None, None, True)

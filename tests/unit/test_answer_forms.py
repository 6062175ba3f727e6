"""Answers in the forms of the endpoints: what they say, and that a message survives its way through a stream."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.answer_forms import message_events, message_of, read_answer, whole
from plugins.cache import answer_fault
from plugins.values import Endpoint


@given(st.lists(st.text(), min_size=1, max_size=3), st.sampled_from(["end_turn", "stop_sequence"]))
def test_a_message_survives_its_stream(texts: list[str], reason: str) -> None:
    """What the events of a message are put together to is that message, whatever characters its text holds."""
    message = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "auto",
        "content": [{"type": "text", "text": text} for text in texts],
        "stop_reason": reason,
        "stop_sequence": None,
        "usage": {"input_tokens": 3, "output_tokens": 5},
    }
    assert message_of("".join(message_events(message)).encode()) == message


@pytest.mark.parametrize("cut", ["message_stop", "message_delta", "content_block_stop"])
def test_a_broken_message_stream_is_no_answer(cut: str) -> None:
    """A stream that ends early is not kept."""
    message = {"content": [{"type": "text", "text": "Vienna."}], "stop_reason": "end_turn"}
    stream = "".join(message_events(message))
    assert message_of(stream[: stream.index(f"event: {cut}")].encode()) is None


def _chat(**message: Any) -> dict[str, Any]:
    return {"choices": [{"finish_reason": "stop", "message": {"content": "Vienna.", **message}}]}


def _output(*items: dict[str, Any], status: str = "completed") -> dict[str, Any]:
    said = {"type": "message", "content": [{"type": "output_text", "text": "Vienna."}]}
    return {"status": status, "output": [said, *items]}


@pytest.mark.parametrize(
    ("endpoint", "answer", "fault"),
    [
        (Endpoint.CHAT, _chat(), ""),
        (Endpoint.CHAT, _chat(tool_calls=[{"id": "1"}]), "tools"),
        (Endpoint.CHAT, _chat(refusal="No."), "refusal"),
        (Endpoint.CHAT, {"choices": []}, "not complete"),
        (Endpoint.RESPONSES, _output(), ""),
        (Endpoint.RESPONSES, _output({"type": "reasoning", "summary": []}), ""),
        (Endpoint.RESPONSES, _output({"type": "function_call", "name": "f"}), "tools"),
        (Endpoint.RESPONSES, _output({"type": "web_search_call"}), "tools"),
        (Endpoint.RESPONSES, _output(status="incomplete"), "not complete"),
        (Endpoint.RESPONSES, _output({"type": "message", "content": [{"type": "refusal"}]}), "refusal"),
        (Endpoint.MESSAGES, {"stop_reason": "end_turn", "content": [{"type": "text", "text": "Vienna."}]}, ""),
        (Endpoint.MESSAGES, {"stop_reason": "max_tokens", "content": [{"type": "text", "text": "Vi"}]}, "not complete"),
        (Endpoint.MESSAGES, {"stop_reason": "end_turn", "content": [{"type": "tool_use"}]}, "tools"),
        (Endpoint.EMBEDDINGS, {"data": [{"embedding": [0.1]}]}, ""),
        (Endpoint.EMBEDDINGS, {"data": [{"embedding": []}]}, "not complete"),
        (Endpoint.COMPLETIONS, {"choices": [{"finish_reason": "stop", "text": " Vienna."}]}, ""),
        (Endpoint.COMPLETIONS, {"choices": [{"finish_reason": "length", "text": " Vi"}]}, "not complete"),
    ],
)
def test_only_whole_text_answers_are_kept(endpoint: Endpoint, answer: dict[str, Any], fault: str) -> None:
    """Tool calls, refusals and cut answers are known as such in the form of each endpoint."""
    said = read_answer(endpoint, answer)
    found = answer_fault(said.text, said.finish, tool_calls=said.tool_calls, refused=said.refused)
    assert fault in found and bool(found) == bool(fault)


def test_an_answer_of_another_form_is_not_whole() -> None:
    """A chat answer is never kept as one of another endpoint, nor the other way round."""
    assert whole(Endpoint.CHAT, _chat())
    for other in (Endpoint.RESPONSES, Endpoint.MESSAGES, Endpoint.EMBEDDINGS):
        assert not whole(other, _chat())

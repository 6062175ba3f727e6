"""Requests at the edge of what may be sent."""

from __future__ import annotations

from tests.gateway import Running


def test_a_conversation_of_ten_thousand_messages_is_answered_or_refused(running: Running) -> None:
    """It is read whole; where no model's window takes it, the refusal says so. Nothing stays held."""
    turns = [{"role": ("user", "assistant")[i % 2], "content": f"Turn {i}: go on."} for i in range(9_999)]
    reply = running.post("/chat/completions", {"model": "auto", "messages": [*turns, turns[0]], "max_tokens": 20})
    assert reply.status_code in (200, 400), reply.text
    if reply.status_code == 400:
        assert "context window" in reply.json()["error"]["message"]


def test_a_prompt_of_ten_megabytes_is_refused_by_name_of_the_limit(running: Running) -> None:
    """No model takes it: the client is told which limit, while others are served."""
    body = {"model": "auto", "messages": [{"role": "user", "content": "lorem ipsum " * 850_000}], "max_tokens": 20}
    reply = running.post("/chat/completions", body)
    assert reply.status_code == 400
    assert "context window" in reply.json()["error"]["message"]
    assert running.ask("What is the capital of Ghana?").status_code == 200

"""Requests at the edge of what may be sent."""

from __future__ import annotations

from tests.gateway import Running


def test_a_conversation_of_ten_thousand_messages_is_answered(running: Running) -> None:
    """It is read whole, and goes to a model whose window takes it."""
    turns = [{"role": ("user", "assistant")[i % 2], "content": f"Turn {i}: go on."} for i in range(9_999)]
    reply = running.post("/chat/completions", {"model": "auto", "messages": [*turns, turns[0]], "max_tokens": 20})
    assert reply.status_code == 200, reply.text


def test_a_prompt_of_ten_megabytes_is_refused_by_name_of_the_limit(running: Running) -> None:
    """No model takes it: the client is told which limit, while others are served."""
    body = {"model": "auto", "messages": [{"role": "user", "content": "lorem ipsum " * 850_000}], "max_tokens": 20}
    reply = running.post("/chat/completions", body)
    assert reply.status_code == 400
    assert "context window" in reply.json()["error"]["message"]
    assert running.ask("What is the capital of Ghana?").status_code == 200

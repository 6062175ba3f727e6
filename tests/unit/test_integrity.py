"""Whether an answer is what was asked for."""

from __future__ import annotations

import pytest

from plugins.integrity import MAX_ANSWER_CHARS, Received, fault, same_model


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("openai/gpt-4.1-nano", "gpt-4.1-nano-2025-04-14"),
        ("anthropic/claude-haiku-4-5", "claude-haiku-4-5-20251001"),
        ("gemini/gemini-2.5-flash", "gemini-2.5-flash"),
        ("hosted_vllm/meta-llama/Llama-3.3-70B-Instruct", "meta-llama/Llama-3.3-70B-Instruct"),
        ("bedrock/claude-x", "claude-x-v1:0"),
        ("gpt-x-latest", "gpt-x"),
        ("sim-small", ""),
        ("", "sim-small"),
    ],
)
def test_names_of_one_model_are_the_same(asked: str, said: str) -> None:
    """A provider's name in front, dates and versions behind, or nothing said."""
    assert same_model(asked, said)


@pytest.mark.parametrize(
    ("asked", "said"),
    [("sim-small", "sim-substitute"), ("gpt-4.1", "gpt-4.1-nano"), ("gemini-2.5-flash", "gemini-2.5-flash-lite")],
)
def test_a_smaller_sibling_is_another_model(asked: str, said: str) -> None:
    """A word behind the name makes it another model."""
    assert not same_model(asked, said)


@pytest.mark.parametrize(
    ("received", "says"),
    [
        (Received("m", "m", (5,)), ""),
        (Received("m", "m", (0,)), ""),
        (Received("m", "m", ()), "no choices"),
        (Received("m", "m", (1, 1)), "2 choices where 1"),
        (Received("m", "m", (1, 1), 2), ""),
        (Received("m", "m", (MAX_ANSWER_CHARS + 1,)), "characters"),
        (Received("m", "other", (5,)), "another model"),
    ],
)
def test_faults_of_a_response(received: Received, says: str) -> None:
    """Each is named without content; a sound response has none."""
    found = fault(received)
    assert says in found and bool(found) == bool(says)

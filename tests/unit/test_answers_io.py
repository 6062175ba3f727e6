"""What is read from LiteLLM's replies before they go out, what is changed in them, and what is withheld."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from plugins.adapters import answers_io
from plugins.adapters.stream_buffer import note_chunks
from plugins.adapters.upstream import withheld
from plugins.answers_config import AnswersConfig
from plugins.config import GatewayConfig
from plugins.flight import Flight
from plugins.normalise import Rule
from plugins.values import Endpoint, Route
from tests.unit.test_escalation_path import path
from tests.unit.test_routing import CONFIG, call, verdict

JSON = '{"response_format": {"type": "json_object"}}'
FENCED = '```json\n{"a": 1}\n```'


def reply(text: str, model: str = "sim-small", logprobs: Any = None) -> Any:
    choice = SimpleNamespace(message=SimpleNamespace(content=text), finish_reason="end_turn", logprobs=logprobs)
    return SimpleNamespace(model=model, choices=[choice])


def flight(shape: str = "{}") -> Flight:
    route = Route("small", "small", (), "mid", verdict(), "")
    return Flight("id", Endpoint.CHAT, 0, call=call("x", shape=shape), route=route, model="openai/sim-small")


def config(*rules: Rule, **policy: str) -> GatewayConfig:
    named = AnswersConfig(normalise={verdict().task: rules})
    return CONFIG.model_copy(update={"answers": named, "policy": CONFIG.policy.model_copy(update=policy)})


def test_another_models_name_is_a_fault() -> None:
    """Unless the policy does not look."""
    one, other = flight(), flight()
    answers_io.inspect(one, reply("hi", model="sim-substitute"), config())
    answers_io.inspect(other, reply("hi", model="sim-substitute"), config(integrity="off"))
    assert "another model" in one.fault and not other.fault


def test_log_probabilities_are_averaged_where_they_are_given() -> None:
    """Per token, natural logarithm."""
    one = flight()
    answers_io.inspect(one, reply("hi", logprobs={"content": [{"logprob": -1.0}, {"logprob": -2.0}]}), config())
    assert one.mean_logprob == -1.5
    answers_io.inspect(one, reply("hi"), config())
    assert one.mean_logprob is None


@pytest.mark.parametrize(
    ("rules", "shape", "text", "finish"),
    [
        ((), JSON, FENCED, "end_turn"),
        ((Rule.JSON_FENCES,), JSON, '{"a": 1}', "end_turn"),
        ((Rule.JSON_FENCES,), "{}", FENCED, "end_turn"),
        ((Rule.FINISH_REASON,), "{}", FENCED, "stop"),
    ],
)
def test_answers_get_the_configured_form(rules: tuple[Rule, ...], shape: str, text: str, finish: str) -> None:
    """By task class; nothing unless it is switched on."""
    answer = reply(FENCED)
    answers_io.normalise(flight(shape), answer, config(*rules))
    assert (answer.choices[0].message.content, answer.choices[0].finish_reason) == (text, finish)


@pytest.mark.parametrize(("integrity", "status"), [("flag", None), ("refuse", 502)])
def test_a_broken_answer_is_withheld_where_the_policy_says_so(integrity: str, status: int | None) -> None:
    """With an error that names no provider; otherwise it is traced."""
    one = flight()
    one.fault = "the answer has no choices"
    refusal = withheld(replace(path(), config=config(integrity=integrity)), one)
    assert (refusal.http_status if refusal else None) == status


def test_a_stream_that_is_held_back_is_read_like_a_plain_answer() -> None:
    """Text of the first choice, tool calls by index, the last finish reason."""
    tool = SimpleNamespace(index=0)
    deltas = [("Vien", None, None), ("na", None, [tool]), (None, "stop", [tool])]
    chunks = [
        SimpleNamespace(
            choices=[SimpleNamespace(index=0, delta=SimpleNamespace(content=c, tool_calls=t), finish_reason=f)]
        )
        for c, f, t in deltas
    ]
    one = flight()
    note_chunks(one, [*chunks, SimpleNamespace(choices=[])])
    assert (one.answer, one.finish_reason, one.tool_calls) == ("Vienna", "stop", 1)

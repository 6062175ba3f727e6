"""The trace file's record."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins import trace_record
from plugins.trace_record import from_record, to_record
from plugins.values import CacheVerdict
from tests.unit.traces import a_trace, mixed_traces


def test_a_record_gives_the_trace_back() -> None:
    """Through JSON, for every kind of request."""
    for trace in (a_trace(traceparent="x", session="s", input="q"), *mixed_traces(100)):
        back = from_record(json.loads(json.dumps(to_record(trace))))
        assert to_record(back) == to_record(trace)
        assert (back.cost_micros, back.cache, back.usage, back.steps) == (
            trace.cost_micros,
            trace.cache,
            trace.usage,
            trace.steps,
        )


@given(st.text(max_size=50), st.text(max_size=20))
def test_any_text_survives(text: str, feature: str) -> None:
    """Prompts and client tags may hold any character."""
    back = from_record(json.loads(json.dumps(to_record(a_trace(input=text, feature=feature)))))
    assert (back.input, back.feature) == (text, feature)


def test_money_is_whole_micro_dollars() -> None:
    """No float can blur a sum."""
    record = to_record(a_trace())
    money = {key: value for key, value in record.items() if key.endswith("_micros")}
    assert money["cost_micros"] == 1_520
    assert money["cost_model_micros"] == 1_500
    assert money["cost_router_llm_micros"] == 0
    assert all(type(value) is int for value in money.values())


def test_the_record_is_flat_but_for_the_steps() -> None:
    """Any tool that reads JSON lines can group by any field."""
    nested = [k for k, v in to_record(a_trace()).items() if isinstance(v, dict | list | tuple)]
    assert nested == ["steps"]


def test_every_field_is_documented() -> None:
    """The module's docstring names each field."""
    documented = trace_record.__doc__ or ""
    for field in to_record(a_trace(cache=CacheVerdict("semantic", "", 0.1, 5))):
        known = field in documented or (field.startswith("cost_") and field.endswith("_micros"))
        assert known, field


def test_a_record_of_another_version_is_refused() -> None:
    """Instead of being read wrongly."""
    with pytest.raises(ValueError, match="version"):
        from_record({**to_record(a_trace()), "v": 99})

"""One form of answer whatever model gave it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.normalise import Rule, finish_reason_of, text_of

ALL = frozenset(Rule)


@pytest.mark.parametrize(
    ("given_text", "expected"),
    [
        ('{"a": 1}', '{"a": 1}'),
        ('```json\n{"a": 1}\n```', '{"a": 1}'),
        ("  ```\n[1, 2]\n```  ", "[1, 2]"),
        ('Here you are:\n{"a": {"b": "}"}}\nHope that helps!', '{"a": {"b": "}"}}'),
        ('Sure! ```json\n{"a": 1}\n``` Anything else?', '{"a": 1}'),
        ('{"a": 1} or {"a": 2}', '{"a": 1} or {"a": 2}'),
        ("no JSON here { at all", "no JSON here { at all"),
        ('{"a": 1', '{"a": 1'),
        ("", ""),
    ],
)
def test_json_is_freed_of_what_is_around_it(given_text: str, expected: str) -> None:
    """A fence or chatter goes when there is exactly one JSON value; in doubt nothing is changed."""
    assert text_of(given_text, ALL, wants_json=True) == expected


def test_an_answer_in_words_keeps_its_fences() -> None:
    """Without a request for JSON a fence is part of the answer; without rules everything is."""
    fenced = '```json\n{"a": 1}\n```'
    assert text_of(fenced, ALL, wants_json=False) == fenced
    assert text_of(fenced, frozenset(), wants_json=True) == fenced
    assert text_of(f"x {fenced}", frozenset({Rule.JSON_FENCES}), wants_json=True) == f"x {fenced}"


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), VALUES, max_size=4), st.sampled_from(["", "Sure. ", "Voici :\n"]))
def test_the_value_is_never_changed(value: dict[str, object], before: str) -> None:
    """Whatever JSON object a model wraps, the client parses that object."""
    wrapped = f"{before}```json\n{json.dumps(value)}\n```"
    assert json.loads(text_of(wrapped, ALL, wants_json=True)) == value


@given(st.text())
def test_any_text_survives(text: str) -> None:
    """Never raises, and only ever takes away."""
    assert len(text_of(text, ALL, wants_json=True)) <= len(text)


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [("end_turn", "stop"), ("MAX_TOKENS", "length"), ("tool_use", "tool_calls"), ("SAFETY", "content_filter")],
)
def test_finish_reasons_come_in_openai_s_words(theirs: str, ours: str) -> None:
    """Where the rule is on; an unknown word stays."""
    assert finish_reason_of(theirs, ALL) == ours
    assert finish_reason_of(theirs, frozenset()) == theirs
    assert finish_reason_of("novel", ALL) == "novel"

"""Values made for a JSON schema are valid under it."""

from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.trial.simulator.errors import ApiError
from plugins.trial.simulator.schema import Material, fill

MATERIAL = Material("Send 12 apples to Ann Lee in Oslo by 2026-03-04, mail ann@example.org", "apples", "42")


def _numbers() -> st.SearchStrategy[dict[str, Any]]:
    low = st.integers(-1000, 1000)
    bounds = low.flatmap(lambda low: st.just({"minimum": low, "maximum": low + 10}))
    exclusive = low.map(lambda low: {"exclusiveMinimum": low, "exclusiveMaximum": low + 4})
    steps = st.integers(1, 9).map(lambda step: {"multipleOf": step})
    none: st.SearchStrategy[dict[str, Any]] = st.just({})
    extra = st.one_of(none, bounds, exclusive, steps)
    return st.builds(lambda kind, more: {"type": kind, **more}, st.sampled_from(["integer", "number"]), extra)


def _strings() -> st.SearchStrategy[dict[str, Any]]:
    lengths = st.integers(0, 30).map(lambda n: {"minLength": n, "maxLength": n + 3})
    formats = st.sampled_from(["date", "email", "uuid", "ipv4", "date-time"]).map(lambda form: {"format": form})
    none: st.SearchStrategy[dict[str, Any]] = st.just({})
    return st.one_of(none, lengths, formats).map(lambda more: {"type": "string", **more})


def _schemas() -> st.SearchStrategy[dict[str, Any]]:
    leaves = st.one_of(
        _numbers(),
        _strings(),
        st.sampled_from([{"type": "boolean"}, {"type": "null"}, {"type": ["string", "null"]}, {"const": 3}]),
        st.lists(st.sampled_from(["red", "Oslo", 1, None]), min_size=1, unique=True).map(lambda row: {"enum": row}),
    )
    return st.recursive(leaves, _nested, max_leaves=8)


def _nested(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    names = st.sampled_from(["answer", "city", "email", "due_date", "count", "note"])
    objects = st.dictionaries(names, inner, max_size=4).map(
        lambda rows: {
            "type": "object",
            "properties": rows,
            "required": sorted(rows),
            "additionalProperties": False,
        }
    )
    arrays = st.builds(lambda items, n: {"type": "array", "items": items, "minItems": n}, inner, st.integers(0, 3))
    unions = st.lists(inner, min_size=1, max_size=3).map(lambda rows: {"anyOf": rows})
    return st.one_of(objects, arrays, unions)


@given(_schemas())
def test_every_value_is_valid(schema: dict[str, Any]) -> None:
    """For any nesting of objects, arrays, unions, bounds, lengths, enums and formats."""
    jsonschema.validate(fill(schema, MATERIAL), schema)


def test_fields_are_filled_from_the_prompt() -> None:
    """Names such as answer, city, email and date pick the matching words."""
    names = ["answer", "customer", "email", "date"]
    value = fill({"type": "object", "properties": {name: {"type": "string"} for name in names}}, MATERIAL)
    assert value == {
        "answer": "42",
        "customer": "Ann Lee",
        "email": "ann@example.org",
        "date": "2026-03-04",
    }


def test_references_and_all_of_are_followed() -> None:
    """A recursive schema ends where its fields are optional."""
    schema: dict[str, Any] = {
        "$defs": {
            "node": {
                "type": "object",
                "properties": {"name": {"type": "string"}, "next": {"$ref": "#/$defs/node"}},
                "required": ["name"],
            }
        },
        "allOf": [{"$ref": "#/$defs/node"}, {"type": "object", "required": ["next"]}],
    }
    value = fill(schema, MATERIAL)
    jsonschema.validate(value, schema)
    assert "next" in value


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#"},
        {"$ref": "#/nowhere"},
        {"$ref": 7},
        {"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]},
        {"type": "array", "items": {"type": "array", "items": {}, "minItems": 10**9}, "minItems": 10**9},
        {"type": "string", "minLength": 10**12},
        {"enum": []},
        {"type": "colour"},
        {"type": "object", "properties": [1]},
        {"type": "integer", "minimum": "low"},
        {"anyOf": [7]},
    ],
)
def test_impossible_and_enormous_schemas_are_refused(schema: dict[str, Any]) -> None:
    """400 invalid_schema, without running on or filling the memory."""
    with pytest.raises(ApiError) as caught:
        fill(schema, MATERIAL)
    assert (caught.value.status, caught.value.code) == (400, "invalid_schema")

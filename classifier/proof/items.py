"""The labelled set: one JSON object a line, and how each answer to it is marked.

prompt | messages     the question (messages as in the OpenAI API)
reference             the right answer, for exact, normalised, numeric and similarity
schema                a JSON schema; it is also sent as `response_format`
tests                 Python code with assertions on the answer's code
rubric                what a judge model looks at
scorer                which of SCORERS marks it; default: what the fields above suggest
tolerance             relative, for numeric (default 1e-6)
task_class | task     what the report is grouped by; default "all"
tenant                whose key asks
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from referencing import Registry
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012

from classifier.data import DataError, read_json_lines

JUDGE: Final = "judge"
# Scorer to the field without which it cannot mark.
SCORERS: Final[Mapping[str, str | None]] = {
    "exact": "reference",
    "normalised": "reference",
    "numeric": "reference",
    "schema": "schema",
    "unit_test": "tests",
    "similarity": "reference",
    JUDGE: None,
}
TOLERANCE: Final = 1e-6


@dataclass(frozen=True, slots=True)
class Item:
    """One question. `key` identifies its content: equal questions are answered once."""

    key: str
    messages: tuple[Mapping[str, Any], ...]
    scorer: str
    task: str
    tenant: str
    reference: Any = None
    schema: Mapping[str, Any] | None = None
    tests: str = ""
    rubric: str = ""
    tolerance: float = TOLERANCE

    @property
    def question(self) -> str:
        """What a judge is shown: the conversation as text."""
        return "\n\n".join(f"{message['role']}: {text_of(message.get('content'))}" for message in self.messages)


def text_of(content: Any) -> str:
    """The text of a message's content, in either of OpenAI's shapes."""
    if isinstance(content, list):
        return "\n".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return str(content or "")


def _messages(value: Mapping[str, Any], where: str) -> tuple[Mapping[str, Any], ...]:
    if isinstance(value.get("prompt"), str) and value["prompt"].strip():
        return ({"role": "user", "content": value["prompt"]},)
    messages = value.get("messages")
    if isinstance(messages, list) and messages and all(isinstance(m, dict) and "role" in m for m in messages):
        return tuple(messages)
    raise DataError(f"{where}: expected 'prompt' (a string that is not empty) or 'messages' (objects with a role)")


def _is_number(value: Any) -> bool:
    try:
        return math.isfinite(float(str(value).replace(",", "")))
    except ValueError:
        return False


def _suggested(value: Mapping[str, Any]) -> str:
    for field, scorer in (("tests", "unit_test"), ("schema", "schema"), ("rubric", JUDGE)):
        if value.get(field):
            return scorer
    if value.get("reference") is None:
        return JUDGE
    return "numeric" if _is_number(value["reference"]) else "normalised"


def read_items(paths: Sequence[Path], scorer: str | None = None) -> list[Item]:
    """All items; `scorer` marks those that name none. Raises DataError with file, line and what to change."""
    items = []
    for path in paths:
        for number, value in read_json_lines(path):
            items.append(_read(value, f"{path}:{number}", scorer))
    if not items:
        raise DataError(f"no items in {', '.join(str(path) for path in paths)}")
    return items


def _read(value: Mapping[str, Any], where: str, scorer: str | None) -> Item:
    messages = _messages(value, where)
    chosen = str(value.get("scorer") or scorer or _suggested(value))
    if chosen not in SCORERS:
        raise DataError(f"{where}: unknown scorer {chosen!r}; known: {', '.join(SCORERS)}")
    if wrong := _unusable(value, chosen):
        raise DataError(f"{where}: {wrong}")
    asked = json.dumps([messages, value.get("schema"), value.get("tenant")], sort_keys=True, ensure_ascii=False)
    return Item(
        key=hashlib.sha256(asked.encode()).hexdigest()[:32],
        messages=messages,
        scorer=chosen,
        task=str(value.get("task_class") or value.get("task") or "all"),
        tenant=str(value.get("tenant") or ""),
        reference=value.get("reference"),
        schema=value.get("schema"),
        tests=str(value.get("tests") or ""),
        rubric=str(value.get("rubric") or ""),
        tolerance=float(value.get("tolerance", TOLERANCE)),
    )


def _unusable(value: Mapping[str, Any], scorer: str) -> str:
    """Why answers cannot be marked by what the line says; empty if they can. What marks every answer as wrong would
    make all models look equal, so it is found before anything is asked."""
    needs, tolerance = SCORERS[scorer], value.get("tolerance", TOLERANCE)
    if needs and (value.get(needs) is None or not str(value[needs]).strip()):
        return f"the scorer {scorer!r} needs the field {needs!r}"
    if scorer == "numeric" and not any(c.isdigit() for c in str(value["reference"])):
        return f"the scorer 'numeric' needs a reference with a number, found {value['reference']!r}"
    if not isinstance(tolerance, int | float) or not 0 <= tolerance < math.inf:
        return f"'tolerance' must be a number from 0, found {tolerance!r}"
    if not _is_text(value):
        return "it holds half a character (a lone surrogate), which cannot be sent"
    if scorer == "unit_test" and (wrong := _not_python(str(value["tests"]))):
        return f"'tests' is no Python: {wrong}"
    return "" if value.get("schema") is None else _no_schema(value["schema"])


def _is_text(value: Mapping[str, Any]) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _not_python(tests: str) -> str:
    try:
        compile(tests, "tests", "exec")
    except (SyntaxError, ValueError) as error:
        return str(error)
    return ""


def _no_schema(schema: Any) -> str:
    if not isinstance(schema, dict):
        return "'schema' must be a JSON schema (an object)"
    try:
        Draft202012Validator.check_schema(schema)
        resolver = Registry[Any]().resolver_with_root(DRAFT202012.create_resource(schema))
        for reference in _references(schema):
            resolver.lookup(reference)
    except SchemaError as error:
        return f"'schema' is not a JSON schema: {error.message}"
    except Unresolvable as error:
        return f"'schema' refers to what is not in it: {error.ref}"
    return ""


def _references(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        if isinstance(schema.get("$ref"), str):
            yield schema["$ref"]
        schema = list(schema.values())
    if isinstance(schema, list):
        for part in schema:
            yield from _references(part)

"""Does a model's text satisfy the client's JSON schema? Both are untrusted, so everything is bounded.

No reference leaves the document, no pattern can backtrack (RE2), and references are followed a limited number
of times. A schema that cannot be checked within the bounds counts as satisfied: it is no evidence.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from functools import lru_cache
from typing import Any, Final

import re2
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend
from referencing import Registry

MAX_SCHEMA_CHARS: Final = 65_536
MAX_TEXT_CHARS: Final = 1_048_576
MAX_STEPS: Final = 5_000  # rules applied to one answer; about 0.1 s of work
MAX_UNIQUE_ITEMS: Final = 1_000  # the comparison is quadratic
_FENCE = re.compile(r"\A\s*```(?:json)?[ \t]*\n(?P<body>.*?)\n?```\s*\Z", re.DOTALL)


Rule = Callable[[Any, Any, Any, Any], Iterator[ValidationError] | None]  # jsonschema's signature of a rule


class _TooComplexError(Exception):
    """The check would take too long."""


def schema_error(text: str, schema: Mapping[str, Any]) -> str | None:
    """Why `text` is not JSON of this schema, in words without its content; None if it is or cannot be told.

    A single code fence around the JSON is no error here: output normalisation removes it.
    """
    if len(text) > MAX_TEXT_CHARS:
        return "the JSON is oversized"
    fenced = _FENCE.match(text)
    try:
        instance = json.loads(fenced["body"] if fenced else text)
    except (ValueError, RecursionError):
        return "the answer is not JSON"
    try:
        canonical = json.dumps(schema, sort_keys=True)
        if len(canonical) > MAX_SCHEMA_CHARS or '"patternProperties"' in canonical:
            return None
        _steps.set([MAX_STEPS])
        problem = next(_Bounded(dict(schema), registry=Registry()).iter_errors(instance), None)
    except Exception:  # a client's broken schema raises many kinds, and says nothing on the answer
        return None
    return None if problem is None else _words(problem)


def _words(problem: ValidationError) -> str:
    """The failed rule and where; property names are the client's own, values are left out."""
    where = "/".join(str(part) for part in problem.absolute_path) or "the top"
    rule = str(problem.validator)
    if rule == "required" and isinstance(problem.instance, dict):
        missing = [name for name in _names(problem.validator_value) if name not in problem.instance]
        return f"required field {', '.join(map(repr, missing[:3]))} missing at {where}"
    return f"the JSON breaks {rule!r} at {where}"


def _names(required: Any) -> list[str]:
    return required if isinstance(required, list) else []


_steps: ContextVar[list[int]] = ContextVar("schema_steps")


def _bounded(rule: Rule) -> Rule:
    """The rule, counted against the steps of this check."""

    def counted(validator: Any, value: Any, instance: Any, owner: Any) -> Iterator[ValidationError]:
        steps = _steps.get()
        steps[0] -= 1
        if steps[0] < 0:
            raise _TooComplexError
        yield from rule(validator, value, instance, owner) or ()

    return counted


def _pattern(validator: Any, pattern: Any, instance: Any, owner: Any) -> Iterator[ValidationError]:
    """`pattern` on RE2: linear time. A pattern that RE2 does not know ends the check without a verdict."""
    if isinstance(instance, str) and _compiled(pattern).search(instance) is None:
        yield ValidationError("does not match")


def _unique_items(validator: Any, wanted: Any, instance: Any, owner: Any) -> Iterator[ValidationError]:
    if isinstance(instance, list) and len(instance) <= MAX_UNIQUE_ITEMS:
        yield from Draft202012Validator.VALIDATORS["uniqueItems"](validator, wanted, instance, owner) or ()


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> Any:
    options = re2.Options()
    options.log_errors = False
    return re2.compile(pattern, options)


_Bounded = extend(  # type: ignore[no-untyped-call]  # the stubs of jsonschema leave it untyped
    Draft202012Validator,
    {
        name: _bounded(rule)
        for name, rule in (
            Draft202012Validator.VALIDATORS | {"pattern": _pattern, "uniqueItems": _unique_items}
        ).items()
    },
)

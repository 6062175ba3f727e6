"""The types of OpenAI's request fields, checked before LiteLLM sees them. Raises BadRequest with the field."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from plugins.errors import BadRequest

Json = dict[str, Any]  # a parsed JSON object: the edge, where types are not known yet


def text(body: Json, name: str) -> str:
    """A string field; empty where it is missing."""
    value = body.get(name)
    if value is not None and not isinstance(value, str):
        raise BadRequest(f"'{name}' must be a string.", param=name)
    return value or ""


def flag(body: Json, name: str) -> bool:
    """A boolean field; False where it is missing."""
    value = body.get(name)
    if value is not None and not isinstance(value, bool):
        raise BadRequest(f"'{name}' must be true or false.", param=name)
    return bool(value)


def number(body: Json, name: str, low: float, high: float) -> float | None:
    """A number within bounds, ends included."""
    value = body.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise BadRequest(f"'{name}' must be a number between {low:g} and {high:g}.", param=name)
    return float(value)


def integer(body: Json, name: str, low: int, high: int) -> int | None:
    """A whole number within bounds, ends included."""
    value = body.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise BadRequest(f"'{name}' must be a whole number between {low} and {high}.", param=name)
    return value


def _objects(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, dict) for item in value)


def _strings(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _object(value: Any) -> bool:
    return isinstance(value, dict)


# Fields that the gateway does not read but a provider would choke on: what they must be, and how to say it.
SHAPES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "tools": (_objects, "a list of objects"),
    "functions": (_objects, "a list of objects"),
    "tool_choice": (lambda v: isinstance(v, str | dict), "a string or an object"),
    "function_call": (lambda v: isinstance(v, str | dict), "a string or an object"),
    "stop": (lambda v: isinstance(v, str) or _strings(v), "a string or a list of strings"),
    "stream_options": (_object, "an object"),
    "response_format": (_object, "an object"),
    "logit_bias": (_object, "an object"),
    "cache": (_object, 'an object such as {"no-cache": true}'),
    "reasoning_effort": (lambda v: isinstance(v, str), "a string"),
    "modalities": (_strings, "a list of strings"),
}
NUMBERS = {"top_p": (0.0, 1.0), "presence_penalty": (-2.0, 2.0), "frequency_penalty": (-2.0, 2.0)}
INTEGERS = {"seed": (-(2**63), 2**63 - 1), "top_logprobs": (0, 20)}
FLAGS = ("logprobs", "parallel_tool_calls", "store")


def check_shapes(body: Json, *, is_chat: bool) -> None:
    """Check every known field of a body; other endpoints use some names differently."""
    for name, (fits, wanted) in SHAPES.items():
        if body.get(name) is not None and not fits(body[name]):
            raise BadRequest(f"'{name}' must be {wanted}.", param=name)
    for name, (low, high) in NUMBERS.items():
        number(body, name, low, high)
    if is_chat:
        for name, (least, most) in INTEGERS.items():
            integer(body, name, least, most)
        for name in FLAGS:
            flag(body, name)

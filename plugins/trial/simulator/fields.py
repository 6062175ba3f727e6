"""Typed reading of an untrusted JSON object; every mismatch is an OpenAI-shaped 400."""

import json
from typing import Any

from plugins.trial.simulator.errors import ApiError, bad_value

MAX_BODY_BYTES = 32 * 1024 * 1024


def read_object(raw: bytes) -> dict[str, Any]:
    """The JSON object in `raw`. Raises ApiError 400, or 413 above 32 MiB."""
    body = read_json(raw)
    if not isinstance(body, dict):
        raise ApiError(400, "The body of the request must be a JSON object.")
    return body


def read_json(raw: bytes) -> object:
    """Any strict JSON value (no NaN or Infinity). Raises ApiError 400 or 413."""
    if len(raw) > MAX_BODY_BYTES:
        raise ApiError(413, f"The body of the request is larger than {MAX_BODY_BYTES} bytes.")
    try:
        value: object = json.loads(raw, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise ApiError(400, "We could not parse the JSON body of your request.") from error
    return value


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


class Fields:
    """Getters by name. A missing field and an explicit null both give the default."""

    def __init__(self, body: dict[str, Any]) -> None:
        self._body = body

    def raw(self, name: str) -> Any:
        return self._body.get(name)

    def text(self, name: str) -> str | None:
        value = self._body.get(name)
        if value is not None and not isinstance(value, str):
            raise bad_value(name, "a string")
        return value

    def required_text(self, name: str) -> str:
        value = self.text(name)
        if not value:
            raise ApiError(400, f"You must provide the parameter '{name}'.", param=name)
        return value

    def flag(self, name: str) -> bool:
        value = self._body.get(name)
        if value is not None and not isinstance(value, bool):
            raise bad_value(name, "a boolean")
        return bool(value)

    def integer(self, name: str, low: int, high: int) -> int | None:
        value = self._body.get(name)
        if value is None:
            return None
        if type(value) is not int or not low <= value <= high:
            raise bad_value(name, f"an integer from {low} to {high}")
        return value

    def number(self, name: str, low: float, high: float) -> float | None:
        value = self._body.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise bad_value(name, f"a number from {low:g} to {high:g}")
        return float(value)

    def inner(self, name: str) -> "Fields":
        """The object under `name`; empty when missing."""
        value = self._body.get(name)
        if value is not None and not isinstance(value, dict):
            raise bad_value(name, "an object")
        return Fields(value or {})

    def rows(self, name: str) -> list[dict[str, Any]]:
        """The list of objects under `name`; empty when missing."""
        value = self._body.get(name)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
            raise bad_value(name, "a list of objects")
        return value

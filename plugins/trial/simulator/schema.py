"""Values that follow a JSON schema, filled with what the prompt says where a field's name asks for it."""

import json
import math
import re
from dataclasses import dataclass
from typing import Any

from plugins.trial.simulator.errors import ApiError
from plugins.trial.simulator.questions import FOUND_IN_TEXT

_MAX_DEPTH = 30
_MAX_VALUES = 20_000
_MAX_CHARS = 100_000
_FORMATS = {
    "date": "2026-01-31",
    "date-time": "2026-01-31T12:00:00Z",
    "time": "12:00:00Z",
    "email": "someone@example.com",
    "uuid": "123e4567-e89b-42d3-a456-426614174000",
    "uri": "https://example.com/",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "hostname": "example.com",
    "duration": "P1D",
}
_ANSWER_NAMES = ("answer", "result", "value", "output", "solution", "response")
_PLACE_NAMES = ("city", "location", "place", "country", "name", "person", "company", "customer")
_NUMBER = re.compile(r"-?\d{1,15}(?:\.\d{1,6})?")
_CAPITALISED = re.compile(r"(?<=\s)[A-ZÄÖÜÉ][\w'-]+(?: [A-ZÄÖÜÉ][\w'-]+)*")  # not the word that opens the text


@dataclass(frozen=True, slots=True)
class Material:
    """What a value may be made of: the prompt, its subject, and the model's answer to it."""

    prompt: str
    subject: str
    answer: str


def fill(schema: dict[str, Any], material: Material) -> Any:
    """A value valid under `schema` (draft 2020-12 without `pattern`, `not`, `if` and remote references).

    Raises ApiError 400 for a schema that is malformed or has no finite value.
    """
    try:
        return _Filler(schema, material).value(schema, "", 0)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise ApiError(400, "Invalid schema: it could not be followed.", code="invalid_schema") from error


class _Filler:
    def __init__(self, root: dict[str, Any], material: Material) -> None:
        self._root = root
        self._material = material
        self._values_left = _MAX_VALUES

    def value(self, schema: Any, name: str, depth: int) -> Any:
        self._values_left -= 1
        if depth > _MAX_DEPTH or self._values_left < 0:
            raise ValueError("a recursive or enormous schema")
        if schema is True or schema == {}:
            return self._material.subject
        schema = self._resolved(schema)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self._choice(schema["enum"])
        if branches := schema.get("anyOf") or schema.get("oneOf"):
            rest = {key: value for key, value in schema.items() if key not in ("anyOf", "oneOf")}
            return self.value(_merged(rest, self._resolved(branches[0])), name, depth + 1)
        kind = self._kind(schema)
        if kind == "object":
            return self._object(schema, depth)
        if kind == "array":
            return self._array(schema, name, depth)
        if kind in ("integer", "number"):
            return self._number(schema, name, whole=kind == "integer")
        if kind == "string":
            return self._string(schema, name)
        return {"boolean": True, "null": None}[kind]

    def _resolved(self, schema: Any) -> dict[str, Any]:
        for _ in range(_MAX_DEPTH):
            if "$ref" in schema:
                target: Any = self._root
                for step in schema["$ref"].removeprefix("#").strip("/").split("/"):
                    target = target[step] if step else target
                schema = _merged({key: value for key, value in schema.items() if key != "$ref"}, target)
            elif "allOf" in schema:
                whole = {key: value for key, value in schema.items() if key != "allOf"}
                for part in schema["allOf"]:
                    whole = _merged(whole, self._resolved(part))
                schema = whole
            else:
                return dict(schema)
        raise ValueError("reference to itself")

    def _choice(self, options: list[Any]) -> Any:
        prompt = self._material.prompt.casefold()
        named = [option for option in options if isinstance(option, str) and option.casefold() in prompt]
        return named[0] if named else options[0]

    @staticmethod
    def _kind(schema: dict[str, Any]) -> str:
        kind = schema.get("type")
        if isinstance(kind, list):
            kind = kind[0]
        if kind is None:
            kind = "object" if "properties" in schema else "array" if "items" in schema else "string"
        return str(kind)

    def _object(self, schema: dict[str, Any], depth: int) -> dict[str, Any]:
        properties = schema.get("properties", {})
        required = schema.get("required", [])
        wanted = [name for name in properties if name in required or depth < 4]  # deeper: optional ones are left out
        wanted += [name for name in required if name not in properties]
        return {name: self.value(properties.get(name, {}), name, depth + 1) for name in wanted}

    def _array(self, schema: dict[str, Any], name: str, depth: int) -> list[Any]:
        first = [self.value(part, name, depth + 1) for part in schema.get("prefixItems", [])]
        least = max(schema.get("minItems", 0), 1 if depth < 4 and "items" in schema and not first else 0)
        least = min(least, schema.get("maxItems", least))
        items = schema.get("items", {})
        more = [self.value(items, name, depth + 1) for _ in range(least - len(first))]
        return (first + (_distinct(more) if schema.get("uniqueItems") else more))[: schema.get("maxItems")]

    def _number(self, schema: dict[str, Any], name: str, *, whole: bool) -> int | float:
        source = self._material.answer if name.casefold() in _ANSWER_NAMES else self._material.prompt
        found = _NUMBER.search(source) or _NUMBER.search(self._material.answer)
        step = schema.get("multipleOf", 1 if whole else 0)
        low, high = schema.get("minimum", -math.inf), schema.get("maximum", math.inf)
        nudge = step or 1e-6
        low = max(low, schema.get("exclusiveMinimum", -math.inf) + nudge)
        high = min(high, schema.get("exclusiveMaximum", math.inf) - nudge)
        number = min(max(float(found.group()) if found else 1.0, low), high)
        if step:
            number = math.floor(number / step) * step
            number = number if number >= low else number + step
        return int(number) if whole or number == int(number) else number

    def _string(self, schema: dict[str, Any], name: str) -> str:
        if (form := schema.get("format")) in _FORMATS:
            text = _FORMATS[form]
            found = FOUND_IN_TEXT[form].search(self._material.prompt) if form in FOUND_IN_TEXT else None
            return found.group() if found else text
        text = self._text_for(name.casefold())
        least, most = schema.get("minLength", 0), schema.get("maxLength")
        if least > _MAX_CHARS:
            raise ValueError("an enormous text")
        return text.ljust(least, ".")[:most]

    def _text_for(self, name: str) -> str:
        if name in _ANSWER_NAMES:
            return self._material.answer
        for kind, pattern in FOUND_IN_TEXT.items():
            if kind in name and (found := pattern.search(self._material.prompt)):
                return found.group()
        if any(word in name for word in _PLACE_NAMES) and (found := _CAPITALISED.search(self._material.prompt)):
            return found.group()
        return self._material.subject


def _merged(schema: dict[str, Any], other: Any) -> dict[str, Any]:
    both = {**other, **schema}
    for key in ("properties", "required"):
        if key in schema and key in other:
            both[key] = {**other[key], **schema[key]} if key == "properties" else [*other[key], *schema[key]]
    return both


def _distinct(items: list[Any]) -> list[Any]:
    """Items made unequal, for uniqueItems: texts and numbers get their place added, equal others go."""
    changed = [
        f"{item} {place}" if isinstance(item, str) and place else item + place if type(item) in (int, float) else item
        for place, item in enumerate(items)
    ]
    return list({json.dumps(item, sort_keys=True): item for item in changed}.values())

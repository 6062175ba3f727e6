"""`docs/configuration.md`, written from the config types so that it cannot drift: `python -m plugins.config_docs`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from decimal import Decimal
from enum import StrEnum
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from plugins.config import GatewayConfig

HEAD = """# Configuration: the `gateway:` section of `proxy_config.yaml`

Written from the code by `python -m plugins.config_docs > docs/configuration.md`. A value written `os.environ/NAME`
is taken from the environment; an unset one means the default. `keys_file` names a YAML file
(`tenant: {app: [{sha256: ..., models: [...]}]}`), as mounted from a Secret; its keys are added to the tenants'.
"""

PLAIN: dict[type, str] = {str: "text", bool: "yes or no", int: "whole number", float: "number", Decimal: "dollars"}


def document() -> str:
    """The whole page."""
    return "\n".join([HEAD, *(_section(model, path) for model, path in _models(GatewayConfig, "gateway"))])


def _models(model: type[BaseModel], path: str) -> Iterator[tuple[type[BaseModel], str]]:
    yield model, path
    for name, field in model.model_fields.items():
        for inner, suffix in _inner(field.annotation, ""):
            yield from _models(inner, f"{path}.{name}{suffix}")


def _inner(annotation: Any, suffix: str) -> Iterator[tuple[type[BaseModel], str]]:
    """The settings classes inside an annotation, with what stands between (a name, a place in a list)."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation, suffix
        return
    origin = getattr(annotation, "__origin__", None)
    step = {dict: ".NAME", tuple: "[]"}.get(origin, "") if origin is not None else ""
    for argument in get_args(annotation):
        yield from _inner(argument, suffix + step)


def _section(model: type[BaseModel], path: str) -> str:
    lines = [
        f"## `{path}`",
        "",
        " ".join((model.__doc__ or "").split()),
        "",
        "| key | type | default |",
        "|---|---|---|",
    ]
    lines += [f"| `{name}` | {_type(field)} | {_default(field)} |" for name, field in model.model_fields.items()]
    return "\n".join([*lines, ""])


def _type(field: FieldInfo) -> str:
    limits = [str(m).partition("(")[2].rstrip(")") for m in field.metadata if "Metadata" not in type(m).__name__]
    words = _words(field.annotation)
    return f"{words} ({', '.join(limits)})" if limits else words


def _words(annotation: Any) -> str:
    """A type in words that an operator reads."""
    arguments = [a for a in get_args(annotation) if a is not type(None)]
    origin = get_origin(annotation)
    if origin is Annotated:
        return _words(arguments[0])
    if origin is Literal:
        return " or ".join(f"`{value}`" for value in arguments)
    if origin is dict:
        return f"names with {_words(arguments[1])}"
    if origin is tuple:
        return f"list of {_words(arguments[0])}"
    if origin in (Union, UnionType):
        return f"{_words(arguments[0])}, or unset"
    if issubclass(annotation, StrEnum):
        return " or ".join(f"`{member.value}`" for member in annotation)
    return PLAIN.get(annotation) or f"settings ({annotation.__name__})"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True, validated_data={})
    if isinstance(value, bool):
        return "`true`" if value else "`false`"
    if value is None or value == ():
        return "none"
    if isinstance(value, tuple):
        value = list(value)
    return "see below" if isinstance(value, BaseModel) or (value and isinstance(value, dict)) else f"`{value}`"


if __name__ == "__main__":
    sys.stdout.write(document())

"""The `gateway` part of helm/values.schema.json, written from the config types: `python -m plugins.config_schema FILE`.

Two things differ from `GatewayConfig`'s own JSON schema (pydantic, JSON Schema 2020-12). `tiers` is a list whose items
have a `name`, because Helm sorts mappings and the order of tiers means something. Every value may also be written
`os.environ/NAME`. What the chart decides itself is left out, and nothing is required: the chart says in a sentence
what is missing. Definitions get the prefix `gateway.`, so that they cannot meet the chart's own.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from plugins.config import GatewayConfig

Json = dict[str, Any]
PREFIX = "gateway."
FROM_ENVIRONMENT = f"{PREFIX}FromEnvironment"
# Set by the chart: redis_url and state_dir always, the others from `credentials`.
BY_THE_CHART: dict[str, tuple[str, ...]] = {
    "GatewayConfig": ("redis_url", "state_dir", "keys_file", "metrics"),
    "TracingConfig": ("langfuse_public_key", "langfuse_secret_key"),
}
OPTIONAL_HERE = {"RoutingConfig"}
LEAVES = {"string", "integer", "number", "boolean"}


def definitions() -> Json:
    """The schemas by name; `gateway.GatewayConfig` is the section itself."""
    whole = GatewayConfig.model_json_schema()
    named: dict[str, Json] = whole.pop("$defs")
    named["GatewayConfig"] = whole
    built = {PREFIX + name: _model(name, schema) for name, schema in named.items()}
    tiers = {"$ref": f"#/$defs/{PREFIX}TierConfig"}
    built[f"{PREFIX}GatewayConfig"]["properties"]["tiers"] = {"type": "array", "items": tiers}
    tier = built[f"{PREFIX}TierConfig"]
    tier["properties"] = {"name": {"type": "string", "pattern": _name_pattern(whole)}} | tier["properties"]
    tier["required"] = ["name", *tier["required"]]
    built[FROM_ENVIRONMENT] = {"type": "string", "pattern": r"^os\.environ/[A-Za-z_][A-Za-z0-9_]*$"}
    return dict(sorted(built.items()))


def updated(text: str) -> str:
    """The schema file with its `gateway.` definitions replaced by the current ones."""
    schema = json.loads(text)
    own = {name: part for name, part in schema.get("$defs", {}).items() if not name.startswith(PREFIX)}
    schema["$defs"] = own | definitions()
    return json.dumps(schema, indent=1) + "\n"


def _name_pattern(section: Json) -> str:
    """The pattern of a tier's name, as pydantic writes it for the keys of a mapping."""
    return str(next(iter(section["properties"]["tiers"]["patternProperties"])))


def _model(name: str, schema: Json) -> Json:
    """One settings class (or enumeration), without what the chart sets and without titles."""
    part: Json = _part(schema)
    for hidden in BY_THE_CHART.get(name, ()):
        part.get("properties", {}).pop(hidden, None)
    if name == "GatewayConfig" or name in OPTIONAL_HERE:
        part.pop("required", None)
    return part


def _part(schema: Any) -> Any:
    """References renamed, mappings closed, values that are not text allowed to come from the environment."""
    if isinstance(schema, list):
        return [_part(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    part = {key: _keyword(key, value) for key, value in schema.items() if key != "title"}
    if "patternProperties" in part:
        part.setdefault("additionalProperties", False)
    return _or_from_environment(part)


def _keyword(key: str, value: Any) -> Any:
    """The value of one JSON Schema keyword; names of properties are no keywords, and defaults no schemas."""
    if key in ("properties", "patternProperties"):
        return {name: _part(inner) for name, inner in value.items()}
    if key == "$ref":
        return str(value).replace("#/$defs/", f"#/$defs/{PREFIX}")
    return value if key == "default" else _part(value)


def _or_from_environment(part: Json) -> Json:
    closed_text = "enum" in part or "const" in part or "pattern" in part
    if part.get("type") not in LEAVES or (part["type"] == "string" and not closed_text):
        return part
    outer = {key: part.pop(key) for key in ("default", "description") if key in part}
    return outer | {"anyOf": [part, {"$ref": f"#/$defs/{FROM_ENVIRONMENT}"}]}


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.write_text(updated(target.read_text(encoding="utf-8")), encoding="utf-8")

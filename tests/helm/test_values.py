"""values.yaml, its schema and the templates agree: nothing is documented that does nothing, nothing is unchecked."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from plugins.config_schema import updated
from tests.helm.chart import CHART, EVERYTHING, ChartError, Json, text_of

SCHEMA_FILE = CHART / "values.schema.json"
SCHEMA: Json = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
DEFAULTS: Json = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
FILES = {path.stem: path for path in EVERYTHING}
SCENARIOS: dict[str, Json] = {name: yaml.safe_load(p.read_text(encoding="utf-8")) for name, p in FILES.items()}
Path = tuple[str, ...]
# Mappings that are handed on whole: whatever is in them is Kubernetes' or LiteLLM's.
WHOLE: set[Path] = {
    ("litellmSettings",),
    ("generalSettings",),
    ("routerSettings",),
    ("gateway",),
    ("podSecurityContext",),
    ("securityContext",),
    ("stateVolume",),
    ("resources",),
    ("redis", "inChart", "resources"),
    ("metrics", "dashboard", "labels"),
}
# Another valid value where neither the type nor the enumeration gives one.
OTHERS: dict[Path, Any] = {
    ("image", "digest"): f"sha256:{'c' * 64}",
    ("redis", "inChart", "image", "digest"): f"sha256:{'c' * 64}",
    ("redis", "inChart", "maxMemory"): "3gb",
    ("redis", "inChart", "persistence", "size"): "9Gi",
    ("externalSecret", "refreshInterval"): "7m",
    ("metrics", "serviceMonitor", "interval"): "45s",
    ("metrics", "serviceMonitor", "scrapeTimeout"): "7s",
    ("updateStrategy", "maxSurge"): 3,
    ("updateStrategy", "maxUnavailable"): 2,
    ("podDisruptionBudget", "maxUnavailable"): 2,
    ("podDisruptionBudget", "minAvailable"): 1,
    ("routeTimeoutSeconds",): 1000,
    ("metrics", "prometheusRule", "errorShare"): 0.2,
    ("redis", "external", "url"): "redis://elsewhere:6379/0",
    ("redis", "inChart", "resources"): {"requests": {"cpu": "3"}},
    ("resources",): {"requests": {"cpu": "3"}},
    ("credentials", "providers"): {"OTHER_KEY": {}},
    ("externalSecret", "data"): {"OTHER": {"key": "other"}},
    ("gateway",): {"environment": "changed"},
    ("models",): [{"model_name": name, "litellm_params": {"model": "openai/changed"}} for name in ("small", "onprem")],
    ("ingress", "hosts"): [{"host": "other.example.com"}],
    ("httpRoute", "parentRefs"): [{"name": "other"}],
    ("networkPolicy", "redis", "to"): [{"ipBlock": {"cidr": "10.1.1.0/24"}}],
    ("networkPolicy", "langfuse", "to"): [{"ipBlock": {"cidr": "10.1.1.0/24"}}],
    ("networkPolicy", "database", "to"): [{"ipBlock": {"cidr": "10.1.1.0/24"}}],
}
A_KEY = {"keys": [{"sha256": "0" * 64}]}
# What else must be set (or not) for a value to have a meaning.
BESIDE: dict[Path, Json] = {
    ("redis", "external", "url"): {"redis": {"external": {"existingSecret": ""}}},
    ("image", "tag"): {"image": {"digest": ""}},
    ("redis", "inChart", "image", "tag"): {"redis": {"inChart": {"image": {"digest": ""}}}},
    ("nameOverride",): {"fullnameOverride": ""},
    ("replicaCount",): {"keda": {"enabled": False}},
    ("redis", "mode"): {"redis": {"external": {"existingSecret": ""}}},
    ("credentials", "database", "enabled"): {"networkPolicy": {"database": {"to": [{"podSelector": {}}]}}},
    ("autoscaling", "enabled"): {"keda": {"enabled": False}},
    ("metrics", "serviceMonitor", "enabled"): {"credentials": {"metricsToken": {"enabled": True}}},
    ("credentials", "clientKeys", "enabled"): {"gateway": {"tenants": {"acme": {"apps": {"web": A_KEY}}}}},
}


def leaves(values: Json, path: Path = ()) -> Iterator[Path]:
    """Paths of what values.yaml documents: scalars, lists, and mappings that are empty or handed on whole."""
    for name, value in values.items():
        here = (*path, name)
        if isinstance(value, dict) and value and here not in WHOLE:
            yield from leaves(value, here)
        else:
            yield here


LEAVES = [p for p in leaves(DEFAULTS) if p[0] != "gateway"] + [("gateway",)]


def at(values: Any, path: Path) -> Any:
    """The value at a path; None where it is not set."""
    for name in path:
        values = values.get(name) if isinstance(values, dict) else None
    return values


def nested(path: Path, value: Any) -> Json:
    """The mapping that sets one path."""
    for name in reversed(path):
        value = {name: value}
    return dict(value)


def over(base: Json, more: Json) -> Json:
    """`more` laid over `base`, mappings key by key."""
    merged = copy.deepcopy(base)
    for name, value in more.items():
        merged[name] = (
            over(merged[name], value) if isinstance(value, dict) and isinstance(merged.get(name), dict) else value
        )
    return merged


def schema_at(path: Path) -> Json:
    """The schema of a value."""
    part = SCHEMA
    for name in path:
        part = part["properties"][name]
    return part


def changes(path: Path, current: Any) -> Iterator[Any]:
    """Values other than the current one that the schema accepts."""
    if path in OTHERS:
        yield OTHERS[path]
    elif "enum" in schema_at(path):
        yield from (v for v in schema_at(path)["enum"] if v != current)
    elif isinstance(current, bool):
        yield not current
    elif isinstance(current, int):
        yield current + 1
    elif isinstance(current, float):
        yield current + 0.01
    elif isinstance(current, dict):
        yield {**current, "added": "value"}
    elif isinstance(current, list):
        yield []
    else:
        yield "changed"


def setting(path: Path) -> list[str]:
    """The scenarios, first those that give a value other than the default."""
    return sorted(SCENARIOS, key=lambda name: at(SCENARIOS[name], path) in (None, at(DEFAULTS, path)))


@pytest.mark.parametrize("path", LEAVES, ids=".".join)
def test_a_documented_value_does_something(path: Path) -> None:
    """Changing it changes what is rendered, in one of the scenarios that set everything."""
    refusals = []
    for scenario in setting(path):
        file, beside = FILES[scenario], BESIDE.get(path, {})
        current = at(over(DEFAULTS, over(SCENARIOS[scenario], beside)), path)
        for value in changes(path, current):
            try:
                if text_of(file, over(beside, nested(path, value))) != text_of(file, beside):
                    return
            except ChartError as refusal:
                refusals.append(str(refusal))
    pytest.fail(f"changing {'.'.join(path)} changes nothing; {refusals}")


def test_the_scenarios_set_everything() -> None:
    """Each value stands in one of the two files, and other than by default where it is no switch."""
    for path in LEAVES:
        given = [v for values in SCENARIOS.values() if (v := at(values, path)) is not None]
        assert [v for v in given if isinstance(v, bool) or v != at(DEFAULTS, path)] or path in BESIDE, path


def test_every_value_is_in_the_schema_and_the_other_way_round() -> None:
    """A documented value is checked, and a checked one is documented."""

    def compare(schema: Json, values: Json, where: str) -> None:
        if "properties" not in schema or where in {".".join(path) for path in WHOLE}:
            return
        assert schema["additionalProperties"] is False, where
        optional = {"initialDelaySeconds", "successThreshold", "global"}  # passed on, without a default of ours
        assert set(schema["properties"]) - optional == set(values), where
        for name, value in values.items():
            if isinstance(value, dict):
                compare(schema["properties"][name], value, f"{where}.{name}".lstrip("."))

    compare(SCHEMA, DEFAULTS, "")


def test_the_schema_of_the_gateway_section_is_that_of_the_code() -> None:
    """`python -m plugins.config_schema helm/values.schema.json` would change nothing."""
    text = SCHEMA_FILE.read_text(encoding="utf-8")
    assert updated(text) == text

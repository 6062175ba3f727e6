"""Strict JSON schemas of Kubernetes releases, and of the custom resources that the chart may make.

Kubernetes' own come with the wheel kubernetes-validate (made from its OpenAPI documents). The custom ones are in
crds.yaml: closed schemas of the fields that the chart uses, after the operators' published definitions.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from tests.helm.chart import TOOLS, Json

RELEASES = ("1.29", "1.33", "1.37")  # the oldest, one between and the newest that the chart supports
_SCHEMAS = "lib/python3.11/site-packages/kubernetes_validate/kubernetes-json-schema"


@cache
def _registry(release: str) -> Registry[Any]:
    folder = TOOLS / _SCHEMAS / f"v{release}.0-local-strict"
    definitions = json.loads((folder / "_definitions.json").read_text(encoding="utf-8"))
    resource = Resource.from_contents(definitions, DRAFT202012)
    registry: Registry[Any] = Registry().with_resource("/api/_definitions.json", resource)
    return registry


@cache
def _validator(release: str, api_version: str, kind: str) -> Draft202012Validator:
    group = re.sub(r"^([^./]*)(?:\.[^/]*)?/", r"\1-", api_version)  # networking.k8s.io/v1 -> networking-v1
    path = TOOLS / _SCHEMAS / f"v{release}.0-local-strict" / f"{kind.lower()}-{group}.json"
    schema = json.loads(path.read_text(encoding="utf-8"))
    return Draft202012Validator(schema, registry=_registry(release))


@cache
def _custom() -> dict[str, Json]:
    text = (Path(__file__).parent / "crds.yaml").read_text(encoding="utf-8")
    schemas: dict[str, Json] = yaml.safe_load(text)
    return schemas


def is_custom(manifest: Json) -> bool:
    """Whether an operator's definition, and not Kubernetes itself, says what this object may be."""
    return f"{manifest['apiVersion']}/{manifest['kind']}" in _custom()


def complaints(manifest: Json, release: str) -> list[str]:
    """What the release's schema, or the operator's, has against an object; unknown fields count."""
    if is_custom(manifest):
        checked = Draft202012Validator(_custom()[f"{manifest['apiVersion']}/{manifest['kind']}"])
    else:
        checked = _validator(release, manifest["apiVersion"], manifest["kind"])
    return [f"{'.'.join(map(str, e.path))}: {e.message[:300]}" for e in checked.iter_errors(manifest)]

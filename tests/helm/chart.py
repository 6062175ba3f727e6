"""Runs the chart: `helm template` and `helm lint` with the locked versions of Helm, each distinct call once."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

Json = dict[str, Any]
ROOT = Path(__file__).parents[2]
CHART = ROOT / "helm"
TOOLS = ROOT / ".venv-helm"
HELMS = ("3.19.0", "4.3.1")
NEWEST = HELMS[-1]
EXAMPLES = tuple(sorted((CHART / "examples").glob("*.yaml")))
EVERYTHING = tuple(sorted(Path(__file__).parent.glob("everything*.yaml")))
SCENARIOS = (*EXAMPLES, *EVERYTHING)
NAMESPACE = "llm"


class ChartError(Exception):
    """Helm refused; the message is what it said."""


def helm(version: str, *arguments: str, stdin: str = "") -> str:
    """Run one Helm and return what it printed. Raises ChartError."""
    binary = TOOLS / "bin" / f"helm-{version}"
    assert binary.exists(), "Helm is not there: run `make helm-tools`"
    done = subprocess.run(
        [binary, *arguments, "--namespace", NAMESPACE],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "GOGC": "off"},  # short runs: a third quicker without collecting garbage
    )
    if done.returncode:
        raise ChartError(done.stdout + done.stderr)
    return done.stdout + ("" if arguments[0] == "template" else done.stderr)


@cache
def _template(version: str, values: Path, more: str) -> str:
    return helm(version, "template", "tw", str(CHART), "--values", str(values), "--values", "-", stdin=more)


def text_of(values: Path, more: Mapping[str, Any] | None = None, version: str = NEWEST) -> str:
    """The manifests of one values file, with `more` laid over it."""
    return _template(version, values, json.dumps(more or {}))


def manifests(values: Path, more: Mapping[str, Any] | None = None, version: str = NEWEST) -> list[Json]:
    """As `text_of`, parsed. The objects are shared between tests: nobody changes them."""
    return _parsed(text_of(values, more, version))


@cache
def _parsed(text: str) -> list[Json]:
    return [m for m in yaml.load_all(text, yaml.CSafeLoader) if m]


def one(found: list[Json], kind: str, ending: str = "") -> Json:
    """The only object of a kind whose name has this ending."""
    named = [m for m in found if m["kind"] == kind and m["metadata"]["name"].endswith(ending)]
    assert len(named) == 1, [m["metadata"]["name"] for m in named]
    return named[0]


def pods(found: list[Json]) -> dict[str, Json]:
    """Every pod spec by the name of what holds it."""
    held = {m["metadata"]["name"]: m["spec"]["template"]["spec"] for m in found if "template" in (m.get("spec") or {})}
    return held | {m["metadata"]["name"]: m["spec"] for m in found if m["kind"] == "Pod"}

"""Alerts and dashboard: expressions parse, ask for metrics that exist, and every alert says what to do."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry

from plugins.adapters.budget_metrics import BudgetMetrics
from plugins.adapters.metrics import MetricsSink
from plugins.adapters.state_metrics import StateMetrics
from plugins.adapters.trial_metrics import TrialMetrics
from plugins.errors import NoDeployment, OverBudget, Unavailable
from tests.helm.chart import CHART, EXAMPLES, ROOT, TOOLS, Json, manifests, one

PRODUCTION = next(path for path in EXAMPLES if path.stem == "production")
DASHBOARD: Json = json.loads((CHART / "files" / "dashboard.json").read_text(encoding="utf-8"))
# Parses each line of standard input as PromQL, in the environment that has the parser.
PARSE = "import promql_parser, sys; [promql_parser.parse(line) for line in sys.stdin.read().splitlines()]"


def groups() -> list[Json]:
    """The rule groups of the production example."""
    found: list[Json] = one(manifests(PRODUCTION), "PrometheusRule")["spec"]["groups"]
    return found


def alerts() -> dict[str, Json]:
    return {rule["alert"]: rule for group in groups() for rule in group["rules"]}


def panels() -> dict[str, list[str]]:
    """Expressions by panel, with Grafana's variables filled in."""
    filled = {"$namespace": "llm", "$service": "tw", "$__rate_interval": "5m"}

    def fill(text: str) -> str:
        for name, value in filled.items():
            text = text.replace(name, value)
        return text

    return {panel["title"]: [fill(target["expr"]) for target in panel["targets"]] for panel in DASHBOARD["panels"]}


def expressions() -> list[str]:
    return [rule["expr"] for rule in alerts().values()] + [e for found in panels().values() for e in found]


def known_labels() -> dict[str, set[str]]:
    """What the gateway exposes: sample name -> labels, for every metric whether it has a value yet or not."""
    registry = CollectorRegistry()
    owners = (MetricsSink(registry), StateMetrics(registry), BudgetMetrics(registry), TrialMetrics(registry))
    metrics: list[Any] = [v for owner in owners for v in vars(owner).values() if hasattr(v, "_labelnames")]
    found: dict[str, set[str]] = {}
    for metric in metrics:
        suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum"), "gauge": ("",)}[metric._type]
        for suffix in suffixes:
            found[metric._name + suffix] = set(metric._labelnames) | ({"le"} if suffix == "_bucket" else set())
    return found


def test_every_expression_is_valid_promql() -> None:
    """Parsed by a grammar that follows Prometheus' own."""
    python = TOOLS / "bin" / "python"
    lines = "\n".join(" ".join(text.split()) for text in expressions())
    done = subprocess.run([python, "-c", PARSE], input=lines, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr[-500:]


def test_every_metric_exists_and_has_the_labels_that_are_asked_for() -> None:
    """A renamed metric or label would leave an alert silent for ever."""
    known = known_labels()
    scraped = {"namespace", "service"}  # added by Prometheus
    for text in expressions():
        for name in re.findall(r"\btierwise_\w+", text):
            assert name in known, text
        asked = set(re.findall(r'(\w+)=~?"', text)) - scraped
        for names in re.findall(r"by \(([^)]*)\)", text):
            asked |= {name.strip() for name in names.split(",")}
        labels = {label for name in re.findall(r"\btierwise_\w+", text) for label in known[name]}
        assert not labels or asked <= labels, text


def test_the_error_codes_of_the_alerts_are_those_of_the_gateway() -> None:
    """The codes are compared with the error tree."""
    asked = {code for rule in alerts().values() for code in re.findall(r'code="(\w+)"', rule["expr"])}
    assert asked == {error.default_code for error in (Unavailable, NoDeployment, OverBudget)}


@pytest.mark.parametrize("name", sorted(alerts()))
def test_every_alert_says_what_to_do(name: str) -> None:
    """A severity, a summary, a cause; and a section of its name in the operations page."""
    rule = alerts()[name]
    assert rule["labels"]["severity"] in ("critical", "warning", "info")
    assert rule["annotations"]["summary"]
    assert rule["annotations"]["description"].endswith(".")
    operations = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    assert f"### {name}\n" in operations


def test_no_alert_is_described_that_does_not_exist() -> None:
    """The operations page names no alert of the past."""
    operations = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^### (Tierwise\w+)$", operations, re.M)) == set(alerts())


def test_promtool_accepts_the_rules(tmp_path: Path) -> None:
    """Prometheus' own checker, where a machine has it; the tests above stand for it elsewhere."""
    promtool = shutil.which("promtool", path=f"{TOOLS / 'bin'}:{os.environ['PATH']}")
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump({"groups": groups()}))
    if promtool:
        done = subprocess.run([promtool, "check", "rules", file], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
    assert yaml.safe_load(file.read_text())["groups"]


def test_the_dashboard_is_complete() -> None:
    """Every metric of the gateway is on a panel, and panels neither overlap nor share a number."""
    shown = {name for found in panels().values() for text in found for name in re.findall(r"\btierwise_\w+", text)}
    families = {re.sub(r"_(bucket|count|sum)$", "", name) for name in known_labels()}
    assert families == {re.sub(r"_(bucket|count|sum)$", "", name) for name in shown}
    places = [(p["gridPos"]["x"], p["gridPos"]["y"]) for p in DASHBOARD["panels"]]
    assert len(set(places)) == len(places) == len({p["id"] for p in DASHBOARD["panels"]})

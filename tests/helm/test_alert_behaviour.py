"""The alerts fire when they should and stay silent otherwise: Prometheus' own unit tests of the rendered rules."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.helm.chart import EXAMPLES, TOOLS, Json, manifests, one

PROMTOOL = shutil.which("promtool", path=f"{TOOLS / 'bin'}:{os.environ['PATH']}")
PRODUCTION = next(path for path in EXAMPLES if path.stem == "production")


@dataclass(frozen=True, slots=True)
class Case:
    """What one alert says about an hour of samples, one a minute, in promtool's notation."""

    alert: str
    series: dict[str, str]
    fires: bool


ANSWERED, FAILED = 'requests_total{outcome="answered"}', 'requests_total{outcome="failed"}'
GROUP, COOLING = 'deployments{group="small"}', 'deployments_cooling{group="small"}'
OF_TIER, FALLBACKS = (
    'requests_total{tier="small",outcome="answered"}',
    'fallbacks_total{tier="small",provider="openai"}',
)
ROUTED, AGAIN = 'routed_total{task="chat",tier="small"}', 'escalations_total{task="chat",tier="mid"}'
DROPS = 'trace_drops_total{sink="langfuse",reason="spool_full"}'
OK_CALL = 'provider_attempts_total{provider="openai",model="m",result="ok"}'
BAD_CALL = 'provider_attempts_total{provider="openai",model="m",result="provider_timeout"}'
CAP = '{tenant="acme",scope="tenant",tier="any",window="day",unit="usd"}'
GOOD_HIT, BAD_HIT = (f'feedback_total{{cache="semantic",verdict="{verdict}"}}' for verdict in ("good", "bad"))
BAD_MISS = 'feedback_total{cache="miss",verdict="bad"}'
SAME, DIFFERENT = (f'cache_checks_total{{tenant="acme",of="hit",result="{said}"}}' for said in ("same", "different"))
NEAR_MISS = 'cache_checks_total{tenant="acme",of="near miss",result="different"}'
CHANGES = 'model_changes_total{model="m",direction="worse"}'
ROLLBACKS = 'rollout_rollbacks_total{task="code",rate="schema"}'
REFUSED = {
    code: f'errors_total{{tenant="acme",code="{code}"}}'
    for code in ("gateway_unavailable", "no_allowed_deployment", "insufficient_quota")
}
QUICK, ALL = (f'request_seconds_bucket{{tier="small",outcome="answered",le="{le}"}}' for le in ("8", "+Inf"))
SLOWER = 'request_seconds_bucket{tier="small",outcome="answered",le="120"}'
LEFT = 'budget_left_usd{tenant="acme"}'
CASES = (
    Case("TierwiseDown", {"up": "1x5 0x55"}, True),
    Case("TierwiseDown", {"up": "0x5 1x55"}, False),
    Case("TierwiseUnavailable", {REFUSED["gateway_unavailable"]: "0+1x60"}, True),
    Case("TierwiseUnavailable", {REFUSED["gateway_unavailable"]: "9x60"}, False),
    Case("TierwiseNoDeployment", {REFUSED["no_allowed_deployment"]: "0+1x60"}, True),
    Case("TierwiseNoDeployment", {REFUSED["gateway_unavailable"]: "0+1x60"}, False),
    Case("TierwiseOverBudget", {REFUSED["insufficient_quota"]: "0+1x60"}, True),
    Case("TierwiseOverBudget", {REFUSED["insufficient_quota"]: "9x60"}, False),
    Case("TierwiseSlow", {QUICK: "0+8x60", SLOWER: "0+10x60", ALL: "0+10x60"}, True),
    Case("TierwiseSlow", {QUICK: "0+10x60", SLOWER: "0+10x60", ALL: "0+10x60"}, False),
    Case("TierwiseBudgetNearlySpent", {LEFT: "200x10 0.01x50"}, True),
    Case("TierwiseBudgetNearlySpent", {LEFT: "200x60"}, False),
    Case("TierwiseProviderFails", {OK_CALL: "0+7x60", BAD_CALL: "0+3x60"}, True),
    Case("TierwiseProviderFails", {OK_CALL: "0+9x60", BAD_CALL: "0+1x60"}, False),
    Case("TierwiseCapNearlyReached", {f"budget_spent{CAP}": "7x10 8x50", f"budget_cap{CAP}": "10x60"}, True),
    Case("TierwiseCapNearlyReached", {f"budget_spent{CAP}": "7.9x60", f"budget_cap{CAP}": "10x60"}, False),
    Case("TierwiseCapNearlyReached", {f"budget_spent{CAP}": "9x20 0x40", f"budget_cap{CAP}": "10x60"}, False),
    Case("TierwiseCapNearlyReached", {f"budget_spent{CAP}": "0x60", f"budget_cap{CAP}": "0x60"}, False),
    Case("TierwiseCacheMayErr", {GOOD_HIT: "0+1x60", BAD_HIT: "0+1x60"}, True),
    Case("TierwiseCacheMayErr", {GOOD_HIT: "0+20x60", BAD_HIT: "0+1x60"}, False),
    Case("TierwiseCacheMayErr", {SAME: "0+3x60", DIFFERENT: "0+1x60"}, True),
    Case("TierwiseCacheMayErr", {SAME: "0+30x60", DIFFERENT: "0+1x60", NEAR_MISS: "0+30x60"}, False),
    Case("TierwiseCacheMayErr", {GOOD_HIT: "0x60", BAD_HIT: "0x20 1x40", BAD_MISS: "0+5x60"}, False),
    Case("TierwiseRequestsFail", {ANSWERED: "0+9x60", FAILED: "0+1x60"}, True),
    Case("TierwiseRequestsFail", {ANSWERED: "0+99x60", FAILED: "0+1x60"}, False),
    Case("TierwiseRedisAway", {"breaker_open": "1x60"}, True),
    Case("TierwiseRedisAway", {"breaker_open": "0x60"}, False),
    Case("TierwiseGroupDown", {GROUP: "2x60", COOLING: "2x60"}, True),
    Case("TierwiseGroupDown", {GROUP: "2x60", COOLING: "1x60"}, False),
    Case("TierwiseFallsBack", {OF_TIER: "0+10x60", FALLBACKS: "0+5x60"}, True),
    Case("TierwiseFallsBack", {OF_TIER: "0+10x60", FALLBACKS: "0+1x60"}, False),
    Case("TierwiseEscalates", {ROUTED: "0+10x60", AGAIN: "0+3x60"}, True),
    Case("TierwiseEscalates", {ROUTED: "0+10x60", AGAIN: "0+1x60"}, False),
    Case("TierwiseTracesLost", {DROPS: "0x30 5x30"}, True),
    Case("TierwiseTracesLost", {DROPS: "5x60"}, False),
    Case("TierwiseRolloutTakenBack", {ROLLBACKS: "0x30 1x30"}, True),
    Case("TierwiseRolloutTakenBack", {ROLLBACKS: "1x60"}, False),
    Case("TierwiseModelChanged", {CHANGES: "0x30 1x30"}, True),
    Case("TierwiseModelChanged", {CHANGES: "0x60"}, False),
)


@pytest.fixture(scope="module")
def rules() -> Json:
    found: Json = one(manifests(PRODUCTION), "PrometheusRule")
    return found


@pytest.mark.skipif(
    PROMTOOL is None, reason="promtool comes with Prometheus; test_alerts.py checks the rules without it"
)
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.alert}-{'fires' if case.fires else 'silent'}")
def test_an_alert_fires_when_it_should(case: Case, rules: Json, tmp_path: Path) -> None:
    """On samples that are a clear case of trouble, and not on those that are none."""
    (group,) = rules["spec"]["groups"]
    (rule,) = [one for one in group["rules"] if one["alert"] == case.alert]
    plain = {**rule, "annotations": {}, "labels": {}}
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump({"groups": [{"name": "one", "rules": [plain]}]}))
    ours = f'namespace="{rules["metadata"].get("namespace", "llm")}",service="{group["name"]}"'
    tested = {
        "interval": "1m",
        "input_series": [{"series": _named(name, ours), "values": values} for name, values in case.series.items()],
        "promql_expr_test": [
            {"expr": f'count(ALERTS{{alertname="{case.alert}",alertstate="firing"}}) > bool 0', "eval_time": "40m",
             "exp_samples": [{"labels": "{}", "value": 1}] if case.fires else []}
        ],
    }  # fmt: skip
    file = tmp_path / "test.yaml"
    file.write_text(yaml.safe_dump({"rule_files": ["rules.yaml"], "evaluation_interval": "1m", "tests": [tested]}))
    done = subprocess.run([PROMTOOL or "", "test", "rules", file], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_is_tried_both_ways(rules: Json) -> None:
    """None has only been seen silent, or only firing."""
    alerts = {rule["alert"] for group in rules["spec"]["groups"] for rule in group["rules"]}
    assert {(case.alert, case.fires) for case in CASES} == {(name, way) for name in alerts for way in (True, False)}


def _named(series: str, ours: str) -> str:
    name, _, labels = series.partition("{")
    name = name if name == "up" else f"tierwise_{name}"
    return f"{name}{{{ours}{',' + labels.removesuffix('}') if labels else ''}}}"

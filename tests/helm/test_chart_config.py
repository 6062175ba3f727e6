"""The proxy_config.yaml that the chart renders is what the values say, and what the gateway accepts."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from plugins.config_file import load_config
from plugins.rendering import render
from tests.helm.chart import CHART, EXAMPLES, SCENARIOS, Json, manifests, one

SCENARIO = pytest.mark.parametrize("values", SCENARIOS, ids=lambda path: path.stem)
EVERYTHING = next(path for path in SCENARIOS if path.stem == "everything")


def config_text(values: Path) -> str:
    """The file as the pod sees it."""
    maps = [m for m in manifests(values) if m["kind"] == "ConfigMap" and "proxy_config.yaml" in m["data"]]
    return str(one(maps, "ConfigMap")["data"]["proxy_config.yaml"])


def environment(values: Path) -> dict[str, str]:
    """The gateway container's variables; those from Secrets hold their own name."""
    deployment = one([m for m in manifests(values) if m["kind"] == "Deployment"], "Deployment")
    gateway = next(c for c in deployment["spec"]["template"]["spec"]["containers"] if c["name"] == "gateway")
    return {e["name"]: e.get("value", e["name"]) for e in gateway["env"]}


@SCENARIO
def test_the_gateway_accepts_the_rendered_config(values: Path, tmp_path: Path) -> None:
    """With keys mounted and Secrets read as the pod would, start-up finds nothing wrong, and real models are kept."""
    text = config_text(values).replace("/etc/tierwise/keys", str(tmp_path))
    written = yaml.safe_load(text)
    tenant = next(iter(written["gateway"]["tenants"]))
    keys = {tenant: {"app": [{"sha256": "0" * 64}]}}
    (tmp_path / "proxy_config.yaml").write_text(text)
    if keys_file := written["gateway"].get("keys_file"):
        Path(keys_file).write_text(yaml.safe_dump(keys))
    environ = {**environment(values), "REDIS_URL": "redis://localhost:6379/0"}
    loaded = load_config(tmp_path / "proxy_config.yaml", environ)
    assert loaded.gateway.redis_url == environ["REDIS_URL"]
    assert render(loaded, environ, tmp_path).simulated == (values.stem == "trial")


@SCENARIO
def test_models_arrive_as_they_were_written(values: Path) -> None:
    """Names, limits and tiny prices: nothing is rounded, nothing becomes text."""
    written = yaml.safe_load(values.read_text(encoding="utf-8"))["models"]
    assert yaml.safe_load(config_text(values))["model_list"] == written


@SCENARIO
def test_tiers_keep_their_order(values: Path) -> None:
    """The first tier of the values is the cheapest for the gateway too, whatever its name sorts like."""
    written = yaml.safe_load(values.read_text(encoding="utf-8"))["gateway"]["tiers"]
    tiers: Json = yaml.safe_load(config_text(values))["gateway"]["tiers"]
    assert [{"name": name, **tier} for name, tier in tiers.items()] == written


def test_the_gateway_section_is_the_values_and_what_the_chart_adds() -> None:
    """Everything under `gateway` is passed on; Redis, state and credentials are added."""
    written = yaml.safe_load(EVERYTHING.read_text(encoding="utf-8"))["gateway"]
    rendered = yaml.safe_load(config_text(EVERYTHING))["gateway"]
    added = {
        "redis_url": "os.environ/REDIS_URL",
        "state_dir": "/var/lib/tierwise/state",
        "keys_file": "/etc/tierwise/keys/hashes.yaml",
        "metrics": {"token": "os.environ/TIERWISE_METRICS_TOKEN"},
    }
    langfuse = {
        "langfuse_public_key": "os.environ/LANGFUSE_PUBLIC_KEY",
        "langfuse_secret_key": "os.environ/LANGFUSE_SECRET_KEY",
    }
    expected = written | added | {"tracing": written["tracing"] | langfuse}
    assert {k: v for k, v in rendered.items() if k != "tiers"} == {k: v for k, v in expected.items() if k != "tiers"}


def test_litellm_gets_its_sections_and_the_one_callback() -> None:
    """Settings are laid over the chart's defaults and passed on; what the gateway hangs on cannot be set away."""
    defaults = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
    written = yaml.safe_load(EVERYTHING.read_text(encoding="utf-8"))
    rendered = yaml.safe_load(config_text(EVERYTHING))
    fixed = {
        "litellmSettings": {"callbacks": ["plugins.gateway.gateway"]},
        "generalSettings": {
            "custom_auth": "plugins.gateway.authenticate",
            "master_key": "os.environ/LITELLM_MASTER_KEY",
        },
        "routerSettings": {},
    }
    for name, ours in fixed.items():
        section = rendered[name.removesuffix("Settings") + "_settings"]
        assert section == defaults[name] | written[name] | ours


@pytest.mark.parametrize("values", EXAMPLES, ids=lambda path: path.stem)
def test_no_secret_is_in_any_object(values: Path) -> None:
    """The chart makes no Secret, and the config holds references only."""
    assert not [m for m in manifests(values) if m["kind"] == "Secret"]
    for model in yaml.safe_load(config_text(values))["model_list"]:
        assert model["litellm_params"].get("api_key", "none").startswith(("os.environ/", "none", "simulated"))


def test_the_regulated_example_keeps_everything_inside() -> None:
    """No egress to public addresses, no content in traces, only on-premise tiers."""
    values = next(path for path in EXAMPLES if path.stem == "regulated")
    policies = [m for m in manifests(values) if m["kind"] == "NetworkPolicy"]
    assert "ipBlock" not in yaml.safe_dump(policies)
    gateway = yaml.safe_load(config_text(values))["gateway"]
    assert all(tier["on_premise"] for tier in gateway["tiers"].values())
    assert {tenant["capture"] for tenant in gateway["tenants"].values()} == {"none"}

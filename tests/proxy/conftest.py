"""One real gateway for all tests of this folder (start-up takes many seconds)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from tests.gateway import Running, gateway


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All of them in one worker, so that one gateway serves them."""
    for item in items:
        if "proxy" in item.path.parts:
            item.add_marker(pytest.mark.xdist_group("proxy"))


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with gateway(tmp_path_factory.mktemp("gateway"), adapt=extended) as started:
        yield started


EMBED = {
    "model_name": "embed",
    "litellm_params": {
        "model": "openai/sim-embed",
        "api_base": "os.environ/TIERWISE_SIMULATOR_URL",
        "api_key": "simulated",
    },
    "model_info": {
        "simulated": True,
        "mode": "embedding",
        "input_cost_per_token": 0.00000002,
        "max_input_tokens": 8192,
    },
}
INSTRUCT = {
    "model_name": "instruct",
    "litellm_params": {
        "model": "text-completion-openai/sim-instruct",
        "api_base": "os.environ/TIERWISE_SIMULATOR_URL",
        "api_key": "simulated",
    },
    "model_info": {
        "simulated": True,
        "mode": "completion",
        "input_cost_per_token": 0.0000015,
        "output_cost_per_token": 0.000002,
        "max_input_tokens": 4096,
        "max_output_tokens": 4096,
        "region": "eu",
    },
}
# A customer's own: the numbers of its projects, and the label on its papers.
PATTERNS = {"project": r"\bPRJ-\d{4}\b", "label": r"(?i)\bfor internal eyes only\b"}


def extended(config: dict[str, Any]) -> None:
    """Count outcomes, though no threshold moves before a test applies one; have a model that embeds, one that continues
    texts, one tenant that takes part in an experiment, patterns of the customer's own, and two groups in a region. With
    TIERWISE_TEST_FAST_LANE=off in the environment the same tests run with nothing passing by LiteLLM's application."""
    if os.environ.get("TIERWISE_TEST_FAST_LANE") == "off":
        config["gateway"].setdefault("fast_lane", False)
    config["gateway"]["routing"]["learning"] = {"enabled": True}
    variants = {"control": {}, "terse": {"model": "mid", "system": "Answer in one word: TERSE."}}
    config["gateway"]["experiments"] = {"tone": {"by": "user", "tenants": ["trying"], "variants": variants}}
    config["gateway"]["rollout"] = {"shadow_share": 0.5}
    config["gateway"]["policy"]["patterns"] = PATTERNS
    for entry in config["model_list"]:
        if entry["model_name"] in ("mid", "onprem"):
            entry["model_info"] = {**(entry.get("model_info") or {}), "region": "eu"}
    for part in ("budgets", "cache"):  # a busy machine is no reason to fail a test
        config["gateway"].setdefault(part, {})["timeout_ms"] = 5_000
    config["gateway"]["cache"] |= {"lease_ms": 120_000, "wait_ms": 120_000}
    config["model_list"] += [EMBED, INSTRUCT]

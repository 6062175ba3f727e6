"""Values that are missing or contradict each other stop the install with a sentence that says what to set."""

from __future__ import annotations

from typing import Any

import pytest

from tests.helm.chart import CHART, HELMS, SCENARIOS, ChartError, helm, text_of

BASE = {path.stem: path for path in (*SCENARIOS, CHART / "values.yaml")}
GATEWAY_KEY = {"model": "openai/x", "api_key": "sk-live-1234"}

# scenario, values laid over it, what the message must say (cause ... what to set)
REFUSED: dict[str, tuple[str, dict[str, Any], str]] = {
    "no image": ("everything-else", {"image": {"repository": ""}}, "image.repository is empty: build the image"),
    "no models": ("everything-else", {"models": []}, "models is empty: list at least one"),
    "no tiers": ("everything-else", {"gateway": {"tiers": []}}, "gateway.tiers is empty: list the tiers"),
    "tier without model": (
        "everything-else",
        {"gateway": {"tiers": [{"name": "huge", "strength": "strong"}]}},
        "no model_name huge: add such a model, or set model_group",
    ),
    "no tenants": ("values", {}, "gateway.tenants is empty: add at least one tenant"),
    "no default route": ("values", {}, "gateway.routing.default is missing: say which tier serves easy"),
    "secret in clear": (
        "everything-else",
        {"models": [{"model_name": "small", "litellm_params": GATEWAY_KEY}]},
        "models[0].litellm_params.api_key holds a secret in clear text: put it into a Secret",
    ),
    "simulated": ("trial", {"trial": False}, "models[0] is simulated: remove it, or set trial: true"),
    "on premise without tier": (
        "everything-else",
        {"gateway": {"tenants": {"acme": {"residency": "on_premise"}}}},
        "set on_premise: true on a tier",
    ),
    "no client": (
        "trial",
        {"credentials": {"clientKeys": {"enabled": False}}},
        "no client could call: set credentials.clientKeys.enabled",
    ),
    "unset variable": (
        "everything-else",
        {"gateway": {"policy": {"on_premise_tier": "os.environ/OWN_TIER"}}},
        "os.environ/OWN_TIER is used but nothing sets it: add OWN_TIER to credentials.providers",
    ),
    "own variable": (
        "everything-else",
        {"extraEnv": [{"name": "REDIS_URL", "value": "x"}]},
        "extraEnv sets REDIS_URL, which the chart sets itself: remove it",
    ),
    "no secret": ("trial", {"credentials": {"existingSecret": ""}}, "set credentials.existingSecret"),
    "no secret for a provider": (
        "production",
        {"credentials": {"existingSecret": ""}},
        "credentials.providers.OPENAI_API_KEY has no Secret to read: set its existingSecret",
    ),
    "external secret without store": (
        "production",
        {"externalSecret": {"store": {"name": ""}}},
        "set the name of your ClusterSecretStore",
    ),
    "external secret without data": (
        "trial",
        {"externalSecret": {"enabled": True, "store": {"name": "vault"}}},
        "externalSecret.data is empty: say for each key",
    ),
    "external secret without name": (
        "production",
        {"credentials": {"existingSecret": ""}},
        "externalSecret.enabled needs a name for the Secret that it makes: set credentials.existingSecret",
    ),
    "no test key": (
        "trial",
        {"credentials": {"existingSecret": ""}},
        "set tests.existingSecret, or tests.enabled: false",
    ),
    "no metrics token": (
        "production",
        {"credentials": {"metricsToken": {"enabled": False}}},
        "set credentials.metricsToken.enabled",
    ),
    "redis twice": (
        "everything",
        {"redis": {"external": {"url": "redis://redis:6379/0"}}},
        "keep the Secret if the URL has a password",
    ),
    "no redis": (
        "production",
        {"credentials": {"existingSecret": ""}},
        "Redis has no address: set redis.external.existingSecret",
    ),
    "redis password in clear": (
        "production",
        {"redis": {"external": {"url": "redis://:hunter2@redis:6379/0"}}},
        "put the whole URL into a Secret",
    ),
    "redis password among the options": (
        "production",
        {"redis": {"external": {"url": "redis+sentinel://redis:26379/budgets?sentinel_password=hunter2"}}},
        "put the whole URL into a Secret",
    ),
    "password of the cache's redis in clear": (
        "production",
        {"gateway": {"cache": {"redis_url": "redis://:hunter2@cache:6379/0"}}},
        "gateway.cache.redis_url holds a password: put the URL into a Secret",
    ),
    "no address of a redis": (
        "production",
        {"redis": {"external": {"url": "sentinel://redis:26379/budgets"}}},
        "redis.external.url is no address of a Redis: set it to redis://HOST:PORT/0",
    ),
    "both redis": ("trial", {"redis": {"external": {"existingSecret": "redis"}}}, "set redis.mode: external, or empty"),
    "two scalers": ("everything", {"autoscaling": {"enabled": True}}, "set one of them to false"),
    "replicas upside down": (
        "everything-else",
        {"autoscaling": {"minReplicas": 50}},
        "autoscaling.minReplicas is above autoscaling.maxReplicas: set it to 40 or less",
    ),
    "nothing to scale on": (
        "everything-else",
        {"autoscaling": {"targetCPU": 0, "targetMemory": 0, "metrics": []}},
        "set autoscaling.targetCPU, targetMemory or metrics",
    ),
    "keda upside down": ("everything", {"keda": {"minReplicas": 31}}, "keda.minReplicas is above keda.maxReplicas"),
    "keda without trigger": (
        "everything",
        {"keda": {"prometheus": {"serverAddress": ""}, "triggers": []}},
        "set keda.prometheus.serverAddress, or list keda.triggers",
    ),
    "no disruption allowed": (
        "regulated",
        {"podDisruptionBudget": {"minAvailable": 3}},
        "no node could ever be drained: set it below 3",
    ),
    "no disruption at all": (
        "production",
        {"podDisruptionBudget": {"maxUnavailable": 0}},
        "set podDisruptionBudget.maxUnavailable to 1 or more",
    ),
    "no update possible": (
        "trial",
        {"updateStrategy": {"maxSurge": 0, "maxUnavailable": 0}},
        "no update could begin: set maxSurge to 1",
    ),
    "no host": ("trial", {"ingress": {"enabled": True}}, "ingress.enabled has no host: set ingress.hosts"),
    "no parent": ("trial", {"httpRoute": {"enabled": True}}, "set httpRoute.parentRefs"),
    "route too short": ("everything", {"routeTimeoutSeconds": 60}, "streams would be cut: set it to 700 or more"),
    "redis shut out": (
        "production",
        {"networkPolicy": {"redis": {"to": []}}},
        "the network policy would shut Redis out: set networkPolicy.redis.to",
    ),
    "langfuse shut out": (
        "production",
        {"networkPolicy": {"langfuse": {"to": []}}},
        "shut Langfuse out: set networkPolicy.langfuse.to",
    ),
    "database shut out": (
        "everything-else",
        {"networkPolicy": {"database": {"to": []}}},
        "shut the database out: set networkPolicy.database.to",
    ),
    "models shut out": (
        "regulated",
        {"networkPolicy": {"onPremise": {"to": []}}},
        "shut all models out: set networkPolicy.providers.to or networkPolicy.onPremise.to",
    ),
    "rule to nobody": (
        "regulated",
        {"networkPolicy": {"extra": [{"title": "x", "to": [], "ports": [1]}]}},
        "networkPolicy.extra[0] has no one to reach",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_contradictory_values_are_refused_with_what_to_set(case: str) -> None:
    """One sentence a problem, naming the value."""
    scenario, more, said = REFUSED[case]
    with pytest.raises(ChartError) as refusal:
        text_of(BASE[scenario], more)
    assert said in str(refusal.value)


def test_all_problems_are_said_at_once() -> None:
    """Nobody has to install five times to learn of five mistakes."""
    with pytest.raises(ChartError) as refusal:
        text_of(BASE["trial"], {"image": {"repository": ""}, "models": [], "credentials": {"existingSecret": ""}})
    assert len([line for line in str(refusal.value).splitlines() if line.startswith("  - ")]) >= 4


@pytest.mark.parametrize("version", HELMS)
def test_an_install_without_values_says_what_is_needed(version: str) -> None:
    """The bare chart does not install, and the message lists the first steps."""
    with pytest.raises(ChartError) as refusal:
        helm(version, "template", "tw", str(CHART))
    for needed in ("image.repository", "models", "gateway.tiers", "gateway.tenants", "credentials.existingSecret"):
        assert needed in str(refusal.value)


@pytest.mark.parametrize(
    "more",
    [
        {"replicas": 3},
        {"gateway": {"chache": {}}},
        {"gateway": {"cache": {"max_distance": 3}}},
        {"gateway": {"redis_url": "redis://elsewhere"}},
        {"gateway": {"tiers": [{"name": "small", "strength": "huge"}]}},
        {"gateway": {"tenants": {"not a name": {}}}},
        {"image": {"digest": "latest"}},
        {"drain": {"seconds": "60"}},
        {"models": [{"model_name": "small"}]},
        {"networkPolicy": {"redis": {"ports": [0]}}},
    ],
    ids=str,
)
def test_a_typo_is_refused(more: dict[str, Any]) -> None:
    """The schema is closed: unknown names, wrong types and values out of range do not pass."""
    with pytest.raises(ChartError, match="values don't meet the specifications of the schema"):
        text_of(BASE["trial"], more)


def test_a_value_may_come_from_the_environment() -> None:
    """`os.environ/NAME` is accepted for any setting of the gateway, also where a number is wanted."""
    more = {"gateway": {"cache": {"ttl_s": "os.environ/TTL"}}, "extraEnv": [{"name": "TTL", "value": "60"}]}
    assert "ttl_s: os.environ/TTL" in text_of(BASE["trial"], more)

"""Every pod meets the restricted Pod Security Standard, and what platform teams ask for beyond it.

The controls are those of the standard's "restricted" profile (kubernetes.io, Pod Security Standards), which includes
the "baseline" one.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.helm.chart import SCENARIOS, Json, manifests, one, pods

SCENARIO = pytest.mark.parametrize("values", SCENARIOS, ids=lambda path: path.stem)
# "Volume Types" of the restricted profile.
VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}


def _containers(pod: Json) -> Iterator[Json]:
    yield from pod.get("initContainers") or []
    yield from pod["containers"]


def violations(pod: Json) -> list[str]:
    """What the restricted profile has against a pod."""
    whole = pod.get("securityContext") or {}
    found = [f"{name} is set" for name in ("hostNetwork", "hostPID", "hostIPC") if pod.get(name)]
    found += ["runAsUser is 0" for _ in [0] if whole.get("runAsUser") == 0]
    found += [f"volume {v['name']}" for v in pod.get("volumes") or [] if not (set(v) - {"name"}) <= VOLUMES]
    found += ["sysctls"] if whole.get("sysctls") else []
    for container in _containers(pod):
        own = container.get("securityContext") or {}
        name = container["name"]
        capabilities = own.get("capabilities") or {}
        checks = {
            "privileged": not own.get("privileged"),
            "allowPrivilegeEscalation": own.get("allowPrivilegeEscalation") is False,
            "runAsNonRoot": own.get("runAsNonRoot", whole.get("runAsNonRoot")) is True,
            "runAsUser": own.get("runAsUser") != 0,
            "capabilities.drop": "ALL" in (capabilities.get("drop") or []),
            "capabilities.add": set(capabilities.get("add") or []) <= {"NET_BIND_SERVICE"},
            "seccompProfile": (own.get("seccompProfile") or whole.get("seccompProfile") or {}).get("type")
            in ("RuntimeDefault", "Localhost"),
            "procMount": own.get("procMount", "Default") == "Default",
            "hostPort": not [p for p in container.get("ports") or [] if p.get("hostPort")],
        }
        found += [f"{name}: {check}" for check, good in checks.items() if not good]
    return found


@SCENARIO
def test_every_pod_meets_the_restricted_profile(values: Path) -> None:
    """Gateway, Redis and test pod alike, with sidecars."""
    assert not {name: bad for name, pod in pods(manifests(values)).items() if (bad := violations(pod))}


def test_the_checks_see_a_violation() -> None:
    """An ordinary pod without a security context fails on every count that it should."""
    plain = {"containers": [{"name": "x", "image": "x"}], "volumes": [{"name": "h", "hostPath": {"path": "/"}}]}
    assert set(violations(plain)) == {
        "volume h",
        "x: allowPrivilegeEscalation",
        "x: runAsNonRoot",
        "x: capabilities.drop",
        "x: seccompProfile",
    }


@SCENARIO
def test_root_file_systems_are_read_only(values: Path) -> None:
    """And what is written goes to volumes with a size."""
    for pod in pods(manifests(values)).values():
        for container in _containers(pod):
            assert container["securityContext"]["readOnlyRootFilesystem"] is True


@SCENARIO
def test_no_pod_can_talk_to_the_kubernetes_api(values: Path) -> None:
    """No token is mounted, by pod or by service account."""
    found = manifests(values)
    assert all(pod["automountServiceAccountToken"] is False for pod in pods(found).values())
    assert all(m["automountServiceAccountToken"] is False for m in found if m["kind"] == "ServiceAccount")


@SCENARIO
def test_memory_is_limited_and_cpu_is_not_throttled(values: Path) -> None:
    """Requests for both, a limit for memory."""
    for pod in pods(manifests(values)).values():
        for container in (c for c in pod["containers"] if c["name"] in ("gateway", "redis", "auto")):
            assert set(container["resources"]["requests"]) == {"cpu", "memory"}
            assert "memory" in container["resources"]["limits"]


@SCENARIO
def test_images_have_a_fixed_version(values: Path) -> None:
    """A tag that is no moving target, or a digest."""
    for pod in pods(manifests(values)).values():
        for container in _containers(pod):
            _, _, version = container["image"].rpartition("/")[2].partition(":")
            assert version
            assert version != "latest"


@SCENARIO
def test_liveness_depends_on_nothing_else(values: Path) -> None:
    """A busy or Redis-less pod is not killed: liveness asks the process alone, and waits."""
    deployment = one([m for m in manifests(values) if m["kind"] == "Deployment"], "Deployment")
    gateway = next(c for c in deployment["spec"]["template"]["spec"]["containers"] if c["name"] == "gateway")
    live = gateway["livenessProbe"]
    assert live["httpGet"]["path"] == "/livez"
    assert live["timeoutSeconds"] >= 5
    assert live["failureThreshold"] * live["periodSeconds"] >= 60


@SCENARIO
def test_every_network_rule_has_a_title_and_an_end(values: Path) -> None:
    """One policy a rule; none that is open to everything by an empty list, and no port left open."""
    policies = [m for m in manifests(values) if m["kind"] == "NetworkPolicy"]
    assert policies
    for policy in policies:
        assert policy["metadata"]["annotations"]["tierwise/title"]
        for rule in [*(policy["spec"].get("ingress") or []), *(policy["spec"].get("egress") or [])]:
            assert rule.get("from") or rule.get("to")
            assert rule["ports"]


@SCENARIO
def test_egress_goes_only_where_the_values_say(values: Path) -> None:
    """Peers of egress rules are those of the values, the name servers and the in-chart Redis."""
    from tests.helm.chart import CHART

    defaults = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))["networkPolicy"]
    written = yaml.safe_load(values.read_text(encoding="utf-8")).get("networkPolicy") or {}
    named = {
        name: (defaults[name] | (written.get(name) or {}))["to"] for name in defaults if "to" in str(defaults[name])
    }
    named = {name: rule for name, rule in named.items() if isinstance(rule, list)}
    allowed = [peer for rule in named.values() for peer in rule]
    allowed += [peer for rule in written.get("extra") or [] for peer in rule["to"]]
    for policy in (m for m in manifests(values) if m["kind"] == "NetworkPolicy"):
        for rule in policy["spec"].get("egress") or []:
            for peer in rule["to"]:
                inside = (peer.get("podSelector") or {}).get("matchLabels", {}).get("app.kubernetes.io/component")
                assert peer in allowed or inside == "redis"

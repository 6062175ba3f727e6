"""Every example and a values file that sets everything: linted, rendered, and valid for every supported Kubernetes."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.helm.chart import CHART, EXAMPLES, HELMS, NAMESPACE, NEWEST, SCENARIOS, Json, helm, manifests, one, pods
from tests.helm.kube_schemas import RELEASES, complaints, is_custom

SCENARIO = pytest.mark.parametrize("values", SCENARIOS, ids=lambda path: path.stem)


@SCENARIO
@pytest.mark.parametrize("version", HELMS)
def test_lint_finds_nothing(values: Path, version: str) -> None:
    """`helm lint --strict` prints no warning and no error."""
    said = helm(version, "lint", "--strict", str(CHART), "--values", str(values))
    assert "[WARNING]" not in said
    assert "[ERROR]" not in said


@SCENARIO
def test_both_helms_render_the_same(values: Path) -> None:
    """Helm 3 and Helm 4 make the same objects of the same values."""
    older, newer = (manifests(values, version=version) for version in HELMS)

    def order(m: Json) -> tuple[str, str]:
        return m["kind"], m["metadata"]["name"]

    assert sorted(older, key=order) == sorted(newer, key=order)


@SCENARIO
@pytest.mark.parametrize("release", RELEASES)
def test_every_object_is_valid_and_has_no_unknown_field(values: Path, release: str) -> None:
    """Checked against the strict schema of the release."""
    found = {m["metadata"]["name"]: complaints(m, release) for m in manifests(values) if not is_custom(m)}
    assert not {name: text for name, text in found.items() if text}


@SCENARIO
def test_every_custom_resource_is_valid(values: Path) -> None:
    """Against the operators' definitions, as far as the chart uses them."""
    custom = [m for m in manifests(values) if is_custom(m)]
    assert not [text for m in custom for text in complaints(m, "")]


def test_every_kind_of_object_is_rendered_by_some_scenario() -> None:
    """No template is left unchecked."""
    kinds = {m["kind"] for values in SCENARIOS for m in manifests(values)}
    texts = [path.read_text(encoding="utf-8") for path in (CHART / "templates").rglob("*.*")]
    named = {line.removeprefix("kind: ") for text in texts for line in text.splitlines() if line.startswith("kind: ")}
    assert named <= kinds


@SCENARIO
def test_no_name_is_used_twice(values: Path) -> None:
    """Objects of a kind have different names; a second one would silently replace the first."""
    names = [(m["kind"], m["metadata"]["name"]) for m in manifests(values)]
    assert len(names) == len(set(names))


@SCENARIO
def test_references_lead_to_what_is_there(values: Path) -> None:
    """Selectors find the pods they are meant for, and scalers and routes name the deployment and the service."""
    found = manifests(values)
    deployment = one([m for m in found if m["kind"] == "Deployment"], "Deployment")
    name, labels = deployment["metadata"]["name"], deployment["spec"]["template"]["metadata"]["labels"]
    service = next(m for m in found if m["kind"] == "Service" and m["metadata"]["name"] == name)
    assert service["spec"]["selector"].items() <= labels.items()
    for m in found:
        if m["kind"] in ("HorizontalPodAutoscaler", "ScaledObject"):
            assert m["spec"]["scaleTargetRef"]["name"] == name
            assert "replicas" not in deployment["spec"]
        if m["kind"] == "PodDisruptionBudget":
            assert m["spec"]["selector"]["matchLabels"].items() <= labels.items()
        if m["kind"] == "HTTPRoute":
            assert m["spec"]["rules"][0]["backendRefs"] == [{"name": name, "port": service["spec"]["ports"][0]["port"]}]
        if m["kind"] == "ServiceMonitor":
            assert m["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()


def test_a_new_config_makes_new_pods() -> None:
    """The checksum of the rendered config is in the pod template, so a changed tenant rolls the deployment."""
    values = EXAMPLES[0]
    before = one(manifests(values), "Deployment")
    after = one(manifests(values, {"gateway": {"environment": "other"}}), "Deployment")
    assert before["spec"]["template"] != after["spec"]["template"]


@SCENARIO
def test_a_stream_may_finish_before_the_pod_is_killed(values: Path) -> None:
    """The grace period covers the announcement, the drain and the settling after it; a slow start is waited for."""
    spec = one([m for m in manifests(values) if m["kind"] == "Deployment"], "Deployment")["spec"]["template"]["spec"]
    gateway = next(c for c in spec["containers"] if c["name"] == "gateway")
    seconds = {
        name: int(value) for name, _, value in (a.partition("=") for a in gateway["args"]) if name.endswith("-s")
    }
    assert spec["terminationGracePeriodSeconds"] >= seconds["--announce-s"] + seconds["--drain-s"] + 20
    startup = gateway["startupProbe"]
    assert seconds["--start-timeout-s"] == startup["periodSeconds"] * startup["failureThreshold"]


def test_an_update_never_has_fewer_pods_than_wanted() -> None:
    """By default a new pod is ready before an old one goes."""
    for values in EXAMPLES:
        deployment = one(manifests(values), "Deployment")
        assert deployment["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}


@SCENARIO
def test_the_container_is_started_with_options_that_exist(values: Path) -> None:
    """What the chart passes to `tierwise serve` is what the command line knows."""
    import typer.main

    from plugins.cli import app

    serve = typer.main.get_command(app).commands["serve"]  # type: ignore[attr-defined]  # a click Group
    known = {option for p in serve.params for option in (*p.opts, *p.secondary_opts)}
    spec = pods(manifests(values))
    gateway = next(c for pod in spec.values() for c in pod["containers"] if c["name"] == "gateway")
    assert gateway["args"][0] == "serve"
    assert {argument.partition("=")[0] for argument in gateway["args"][1:]} <= known


def test_the_notes_name_three_commands_that_fit_the_release() -> None:
    """Wait, test, reach; said with the release's own names."""
    for values in EXAMPLES:
        said = helm(
            NEWEST, "install", "tw", str(CHART), "--values", str(values), "--dry-run=client", "--output", "json"
        )
        notes = yaml.safe_load(said)["info"]["notes"]
        assert f"kubectl --namespace {NAMESPACE} rollout status deployment/tw-tierwise" in notes
        assert f"helm --namespace {NAMESPACE} test tw\n" in notes
        assert f"kubectl --namespace {NAMESPACE} port-forward service/tw-tierwise 4000:4000" in notes

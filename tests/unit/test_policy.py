"""What follows from sensitive content, residency and region, and which model groups remain."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.config import TenantConfig
from plugins.errors import BadRequest
from plugins.policy import PolicyDecision, allowed_groups, decide_policy, satisfies
from plugins.values import Constraints, Deployment, Finding, Hints

EMAIL = (Finding("email", 0, 5),)


def decide(findings: tuple[Finding, ...] = (), *, declared: bool = False, **settings: str) -> PolicyDecision:
    return decide_policy(TenantConfig.model_validate(settings), findings, Hints(sensitive=declared))


def deployment(group: str, *, on_premise: bool = False, region: str | None = None) -> Deployment:
    return Deployment(group, "m", "p", 0, 0, 1, 1, on_premise=on_premise, region=region)


def test_without_findings_nothing_is_restricted() -> None:
    """A harmless prompt of an ordinary tenant may go anywhere."""
    assert decide() == PolicyDecision(Constraints())


def test_findings_pin_to_on_premise_by_default() -> None:
    """By default a finding keeps the request on premise, and the reason names its kind."""
    decision = decide(EMAIL)
    assert decision.constraints.on_premise_only
    assert decision.constraints.kinds == ("email",)
    assert "email" in decision.constraints.reason


def test_redact_lets_the_rest_go() -> None:
    """A tenant that redacts may use any model, with placeholders."""
    decision = decide(EMAIL, sensitive="redact")
    assert decision.redact
    assert not decision.constraints.on_premise_only


def test_refuse_answers_with_the_kinds() -> None:
    """A tenant that refuses gives the client a 400 that names the kinds."""
    refusal = decide(EMAIL, sensitive="refuse").refuse
    assert isinstance(refusal, BadRequest)
    assert (refusal.status, refusal.code) == (400, "sensitive_content")
    assert "email" in refusal.message


def test_allow_only_notes_the_kinds() -> None:
    """A tenant that allows has the kinds noted and no restriction."""
    decision = decide(EMAIL, sensitive="allow")
    assert decision.constraints.kinds == ("email",)
    assert not decision.constraints.on_premise_only


@pytest.mark.parametrize("setting", ["on_premise", "redact", "allow"])
def test_a_declaration_pins(setting: str) -> None:
    """A caller's declaration keeps the request on premise even where findings alone would not."""
    assert decide(declared=True, sensitive=setting).constraints.on_premise_only


def test_a_declaration_is_refused_where_findings_are() -> None:
    """A declaration counts as a finding for a tenant that refuses."""
    assert decide(declared=True, sensitive="refuse").refuse is not None


@given(
    st.sampled_from(["on_premise", "redact", "refuse", "allow"]),
    st.booleans(),
    st.sampled_from([(), EMAIL]),
)
def test_residency_and_region_always_hold(sensitive: str, declared: bool, findings: tuple[Finding, ...]) -> None:
    """Whatever else is decided, an on-premise tenant stays on premise and a regional one in its region."""
    constraints = decide(
        findings, declared=declared, sensitive=sensitive, residency="on_premise", region="eu"
    ).constraints
    assert constraints.on_premise_only
    assert constraints.region == "eu"


def test_a_group_counts_only_if_all_its_deployments_do() -> None:
    """One deployment outside rules out its whole group, because the router may pick it."""
    deployments = (deployment("mixed", on_premise=True), deployment("mixed"), deployment("local", on_premise=True))
    assert allowed_groups(Constraints(on_premise_only=True), deployments) == ("local",)


def test_an_untagged_deployment_is_in_no_region() -> None:
    """A regional request reaches deployments tagged with its region and no other."""
    deployments = (deployment("eu", region="eu"), deployment("us", region="us"), deployment("none"))
    assert allowed_groups(Constraints(region="eu"), deployments) == ("eu",)


def test_nothing_allowed_is_empty() -> None:
    """With no suitable deployment there is no group: the caller must refuse."""
    assert allowed_groups(Constraints(on_premise_only=True), (deployment("cloud"),)) == ()


@given(
    st.booleans(),
    st.sampled_from([None, "eu", "us"]),
    st.lists(st.tuples(st.sampled_from("abc"), st.booleans(), st.sampled_from([None, "eu", "us"])), max_size=8),
)
def test_no_allowed_group_has_a_forbidden_deployment(
    pinned: bool, region: str | None, rows: list[tuple[str, bool, str | None]]
) -> None:
    """Of any set of deployments, each one of an allowed group satisfies the constraints."""
    constraints = Constraints(on_premise_only=pinned, region=region)
    deployments = [deployment(group, on_premise=local, region=where) for group, local, where in rows]
    allowed = allowed_groups(constraints, deployments)
    assert all(satisfies(d, constraints) for d in deployments if d.group in allowed)

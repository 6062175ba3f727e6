"""What may happen to a request that carries sensitive content, and where it may go.

A tenant's residency and region always hold; its `sensitive` setting says what follows on a finding. What a
caller declares can only restrict. Reasons name kinds, never content. In doubt nothing is allowed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from plugins.config import TenantConfig
from plugins.errors import BadRequest, GatewayError
from plugins.values import Constraints, Deployment, Finding, Hints

DECLARED = "declared"  # the kind that stands for a caller's own declaration


@dataclass(frozen=True, slots=True)
class PolicyDecision:
    """`refuse` is the answer to the client, if any; `redact` asks for placeholders before anything leaves."""

    constraints: Constraints
    redact: bool = False
    refuse: GatewayError | None = None


def decide_policy(tenant: TenantConfig, findings: Sequence[Finding], hints: Hints) -> PolicyDecision:
    """The constraints of a request.

    A declaration without a finding leaves nothing to redact, so it pins to on-premise for every tenant that
    does not refuse, `allow` included: whoever declares it knows more than the patterns.
    """
    kinds = tuple(sorted({f.kind for f in findings} | ({DECLARED} if hints.sensitive else set())))
    reasons = ["residency: on premise"] if tenant.residency == "on_premise" else []
    reasons += [f"region: {tenant.region}"] if tenant.region else []
    pinned = tenant.residency == "on_premise"
    redact = False
    refuse: GatewayError | None = None
    if kinds:
        reasons.append(f"sensitive ({', '.join(kinds)}): {tenant.sensitive}")
        pinned = pinned or hints.sensitive or tenant.sensitive == "on_premise"
        redact = tenant.sensitive == "redact" and bool(findings)
        refuse = _refusal(kinds) if tenant.sensitive == "refuse" else None
    constraints = Constraints(on_premise_only=pinned, region=tenant.region, kinds=kinds, reason="; ".join(reasons))
    return PolicyDecision(constraints, redact, refuse)


def _refusal(kinds: tuple[str, ...]) -> BadRequest:
    return BadRequest(
        f"The request holds sensitive content ({', '.join(kinds)}), which the tenant's policy does not allow."
        " Remove it and send the request again.",
        code="sensitive_content",
        param="messages",
    )


def satisfies(deployment: Deployment, constraints: Constraints) -> bool:
    """Whether this deployment may see the request. An untagged deployment is in no region."""
    if constraints.on_premise_only and not deployment.on_premise:
        return False
    return constraints.region is None or deployment.region == constraints.region


def allowed_groups(constraints: Constraints, deployments: Sequence[Deployment]) -> tuple[str, ...]:
    """The model groups of which every deployment may see the request, in the order given.

    Every one, because the router may pick any deployment of a group. Empty when none may: refuse then.
    """
    verdicts: dict[str, bool] = {}
    for deployment in deployments:
        verdicts[deployment.group] = verdicts.get(deployment.group, True) and satisfies(deployment, constraints)
    return tuple(group for group, allowed in verdicts.items() if allowed)

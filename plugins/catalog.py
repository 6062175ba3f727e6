"""What each model group can do and costs; the effective `model_list`, read once at start-up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from plugins.config import GatewayConfig
from plugins.policy import satisfies
from plugins.values import Call, Constraints, Deployment, Endpoint

# Which of LiteLLM's modes can answer at an endpoint. A provider's 404 for the wrong one would make LiteLLM leave
# the deployment alone for a while, for all tenants.
MODES: Mapping[Endpoint, frozenset[str]] = {
    **dict.fromkeys(Endpoint, frozenset({"chat", "responses", "completion"})),
    Endpoint.COMPLETIONS: frozenset({"completion"}),
    Endpoint.EMBEDDINGS: frozenset({"embedding"}),
}


@dataclass(frozen=True, slots=True)
class Catalog:
    """Deployments by model group. LiteLLM may pick any deployment of a group, so all must fit."""

    groups: Mapping[str, tuple[Deployment, ...]]

    def __contains__(self, group: object) -> bool:
        return group in self.groups

    def tier_with(self, model: str, config: GatewayConfig) -> str:
        """The cheapest tier that has this model (with or without its provider's name); empty if none has."""
        for tier in config.tiers:
            for deployment in self.groups.get(config.group(tier), ()):
                if model in (deployment.model, deployment.model.partition("/")[2]):
                    return tier
        return ""

    def deployments_of(self, model: str) -> tuple[Deployment, ...]:
        """Those that ask this very model; there may be several, priced apart."""
        return tuple(d for group in self.groups.values() for d in group if d.model == model)

    def permits(self, group: str, constraints: Constraints) -> bool:
        """Whether every deployment of the group may see this request."""
        return group in self.groups and all(satisfies(d, constraints) for d in self.groups[group])

    def window(self, group: str) -> int:
        """Input tokens that every deployment of the group takes; 0 where it has none."""
        return min((d.max_input_tokens for d in self.groups.get(group, ())), default=0)

    def unfit(self, group: str, call: Call, input_tokens: int) -> str:
        """Why the group cannot serve the call; empty if it can."""
        deployments = self.groups.get(group, ())
        if not deployments:
            return "has no deployment"
        if any(d.mode not in MODES[call.endpoint] for d in deployments):
            return f"not a model for the {call.endpoint.value} endpoint"
        wanted = input_tokens + (call.max_output_tokens or 0)
        if any(d.max_input_tokens < wanted for d in deployments):
            return f"context window below {wanted} tokens"
        if call.images and not all(d.vision for d in deployments):
            return "no images"
        if call.has_tools and not all(d.tools for d in deployments):
            return "no tools"
        if call.wants_schema and not all(d.json_schema for d in deployments):
            return "no JSON schema"
        return ""


def public_models(config: GatewayConfig, catalog: Catalog) -> tuple[str, ...]:
    """Every name that a client may send as `model`: aliases, tiers, then single models."""
    tiers = [tier for tier in config.tiers if config.group(tier) in catalog]
    groups = {config.group(tier) for tier in tiers}
    return (
        *config.routing.aliases,
        *tiers,
        *(g for g in catalog.groups if g not in groups and g not in tiers),
    )

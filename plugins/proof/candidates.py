"""What an arm changes about a request's route. Residency, region, the key's models, the alias' bounds, a spared tier,
a deadline and fit always win: an arm that cannot have its way leaves the route as it was, and says so."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from plugins.catalog import Catalog
from plugins.config import GatewayConfig
from plugins.pricing import typical_tokens
from plugins.proof import rollouts
from plugins.proof.assign import place
from plugins.proof_config import VariantConfig
from plugins.routing import table
from plugins.routing.cascade import Cascade
from plugins.routing.learnt import Learnt
from plugins.routing.speed import Speeds
from plugins.values import Assigned, Call, Constraints, Route, Stage, Trials


@dataclass(frozen=True, slots=True)
class Ground:
    """What every choice stands on: the request and what it must obey. `spare`: why the dearest tier is spared."""

    call: Call
    constraints: Constraints
    config: GatewayConfig
    catalog: Catalog
    spare: str | None = None
    speeds: Speeds = field(default_factory=Speeds)


@dataclass(frozen=True, slots=True)
class Varied:
    """The route to take, the arm it counts for (empty: none), and a candidate to ask beside it, in shadow."""

    route: Route
    label: str = ""
    shadow: Route | None = None


def variant_of(assigned: Assigned, config: GatewayConfig) -> VariantConfig | None:
    """The request's arm as it is configured; None without an experiment."""
    experiment = config.experiments.get(assigned.experiment)
    return experiment.variants.get(assigned.arm) if experiment else None


def unreachable(config: GatewayConfig, catalog: Catalog) -> list[str]:
    """Variants whose model or tier has no deployment: they would do nothing."""
    return [
        f"experiments.{name}.{arm}: {target} has no deployment, so the variant changes nothing"
        for name, experiment in config.experiments.items()
        for arm, variant in experiment.variants.items()
        if (target := variant.model or variant.tier)
        and (config.group(target) if target in config.tiers else target) not in catalog
    ]


def with_thresholds(cascade: Cascade, variant: VariantConfig | None) -> Cascade:
    """The cascade with the arm's thresholds for every task class, without what was learnt about others."""
    if variant is None or (variant.easy_below is None and variant.hard_from is None):
        return cascade
    told = {"easy_below": variant.easy_below, "hard_from": variant.hard_from}
    changes = {name: value for name, value in told.items() if value is not None}
    rows = {name: row.model_copy(update=changes) for name, row in cascade.config.tasks.items()}
    default = cascade.config.default.model_copy(update=changes)
    config = cascade.config.model_copy(update={"tasks": rows, "default": default})
    return replace(cascade, config=config, learnt=Learnt())


def varied(base: Route, assigned: Assigned, trials: Trials, on: Ground) -> Varied:
    """The route of an alias as the request's arms would have it."""
    variant = variant_of(assigned, on.config)
    if variant is not None and (target := variant.tier or variant.model):
        route = rerouted(base, target, on)
        if isinstance(route, str):
            reason = f"{base.reason}; {assigned.experiment} {assigned.arm}: {target} not taken: {route}"
            return Varied(replace(base, reason=reason), assigned.label)
        reason = f"{base.reason}; {assigned.experiment} {assigned.arm}: {base.tier} -> {target}"
        return Varied(replace(route, reason=reason), assigned.label)
    return _rolled_out(base, assigned, trials, on)


def _rolled_out(base: Route, assigned: Assigned, trials: Trials, on: Ground) -> Varied:
    """Requests for which the candidate does not fit are in neither arm, so that the arms stay comparable."""
    kept = Varied(base, assigned.label)
    rollout = trials.rollouts.get(base.verdict.task)
    if rollout is None or rollout.stage is Stage.BACK or rollout.candidate in (base.tier, base.group):
        return kept
    if rollout.difficulty not in ("", base.verdict.difficulty.value):
        return kept
    route = rerouted(base, rollout.candidate, on)
    if isinstance(route, str):
        return kept
    if rollout.stage is Stage.SHADOW:
        wanted = place(rollout.trial, on.call.id) < on.config.rollout.shadow_share and not assigned.trial
        return replace(kept, shadow=route) if wanted else kept
    if assigned.trial and rollout.stage is not Stage.FULL:
        return kept
    arm = rollouts.CANDIDATE if rollout.trial in assigned.candidates else rollouts.BASELINE
    label = assigned.label or f"{rollout.trial}:{arm}"
    if arm == rollouts.BASELINE:
        return Varied(base, label)
    reason = f"{base.reason}; rollout {rollout.task}: {base.tier} -> {rollout.candidate}"
    return Varied(replace(route, reason=reason), label)


def rerouted(base: Route, target: str, on: Ground) -> Route | str:
    """The route to another tier or model; or why it must not be taken."""
    if target in on.config.tiers:
        return _to_tier(base, target, on)
    catalog, call = on.catalog, on.call
    if not _key_allows(target, on):
        return "the key may not use it"
    if not catalog.permits(target, on.constraints):
        return on.constraints.reason or "it has no deployment"
    if why := catalog.unfit(target, call, typical_tokens(call)):
        return why
    own = table.tier_of(target, on.config, catalog)
    if own in on.config.tiers and (why := _outside(own, on)):
        return why
    groups = [group for group in dict.fromkeys((base.group, *base.fallbacks)) if group != target]
    fallbacks = tuple(groups)[: on.config.limits.attempts - 1]
    wider = tuple(group for group in fallbacks if catalog.window(group) > catalog.window(target))
    escalate_to = base.escalate_to or (base.tier if on.config.escalation.enabled and base.group != target else None)
    return replace(base, tier=own, group=target, fallbacks=fallbacks, wider=wider, escalate_to=escalate_to)


def _to_tier(base: Route, tier: str, on: Ground) -> Route | str:
    choice = table.choices(on.call, on.constraints, on.config, on.catalog)
    if tier not in choice.tiers:
        return dict(choice.dropped).get(tier) or on.constraints.reason or f"{on.call.model} cannot choose it"
    if why := _outside(tier, on):
        return why
    spared = on.config.auto_tiers[-1] if on.spare else None
    fitting = tuple(each for each in choice.tiers if each != spared)
    return table.route_to(tier, fitting, base.verdict, base.reason, on.config, on.catalog)


def _outside(tier: str, on: Ground) -> str:
    """Why the alias, the budget or the caller's patience forbids the tier; empty if they do not."""
    alias, order = on.config.routing.aliases[on.call.model], list(on.config.tiers)
    if on.spare and tier == on.config.auto_tiers[-1]:
        return on.spare
    low = order.index(alias.min_tier) if alias.min_tier else 0
    high = order.index(alias.max_tier) if alias.max_tier else len(order)
    if not low <= order.index(tier) <= high:
        return f"{on.call.model} cannot choose it"
    return on.speeds.too_slow(tier, on.call, alias)


def _key_allows(model: str, on: Ground) -> bool:
    """As for tiers: a key that lists aliases only may reach what those choose."""
    caller, config = on.call.caller, on.config
    names = set(caller.models)
    return caller.may_use(model) or not names & (set(config.tiers) | set(on.catalog.groups))

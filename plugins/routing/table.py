"""The dispatch table: a verdict picks a tier; tiers that cannot or may not serve the call are never chosen."""

from __future__ import annotations

from dataclasses import dataclass, replace

from plugins.catalog import Catalog
from plugins.config import AliasConfig, GatewayConfig
from plugins.errors import BadRequest, Forbidden, GatewayError, NoDeployment, UnknownModel
from plugins.pricing import typical_tokens
from plugins.routing.explore import Explorer
from plugins.routing.speed import Speeds
from plugins.routing.sticky import keeps
from plugins.values import Call, Constraints, Difficulty, Layer, Previous, Route, Verdict


@dataclass(frozen=True, slots=True)
class Choice:
    """The tiers a call may use, cheapest first, and why the others fell away."""

    tiers: tuple[str, ...]
    dropped: tuple[tuple[str, str], ...]


def is_alias(model: str, config: GatewayConfig) -> bool:
    return model in config.routing.aliases


def check_name(call: Call, config: GatewayConfig, catalog: Catalog) -> GatewayError | None:
    """Refuse an unknown model name, or one that the key may not use, before anything is looked at."""
    model = call.model
    if not (is_alias(model, config) or model in config.tiers or model in catalog):
        return UnknownModel(
            f"The model {model!r} does not exist here. Ask GET /v1/models for the names you may use.",
            param="model",
        )
    if not call.caller.may_use(model):
        return Forbidden(
            f"This API key may not use the model {model!r}. Ask GET /v1/models for the names it may use.",
            param="model",
        )
    return None


def check_size(call: Call, catalog: Catalog) -> GatewayError | None:
    """Refuse what no model takes, before megabytes of it are searched. Which of them may, the table says later."""
    widest = max(map(catalog.window, catalog.groups), default=0)
    if typical_tokens(call) <= widest:
        return None
    return BadRequest(
        f"The request is longer than the context window of every model here (about {widest} tokens). Shorten it.",
        code="context_length_exceeded",
        param="messages",
    )


def choices(call: Call, constraints: Constraints, config: GatewayConfig, catalog: Catalog) -> Choice:
    """The tiers that this call could be sent to by `auto` and its siblings."""
    tokens = typical_tokens(call)
    tiers: list[str] = []
    dropped: list[tuple[str, str]] = []
    for tier in _candidates(constraints, config):
        group = config.group(tier)
        if not _granted(call, tier, config):
            dropped.append((tier, "key"))
        elif not catalog.permits(group, constraints):
            dropped.append((tier, "residency" if group in catalog else "has no deployment"))
        elif why := catalog.unfit(group, call, tokens):
            dropped.append((tier, why))
        else:
            tiers.append(tier)
    return Choice(tuple(tiers), tuple(dropped))


def _candidates(constraints: Constraints, config: GatewayConfig) -> tuple[str, ...]:
    if not constraints.on_premise_only:
        return config.auto_tiers
    first = config.policy.on_premise_tier
    on_premise = [name for name, tier in config.tiers.items() if tier.on_premise and name != first]
    return (first, *on_premise) if first else tuple(on_premise)


def _granted(call: Call, tier: str, config: GatewayConfig) -> bool:
    """A key that lists tiers is held to them; one that lists aliases only may reach what those choose."""
    caller = call.caller
    lists_tiers = any(name in config.tiers for name in caller.models)
    return caller.may_use(tier) or not lists_tiers


def route(
    verdict: Verdict,
    call: Call,
    constraints: Constraints,
    config: GatewayConfig,
    catalog: Catalog,
    previous: Previous | None = None,
    step_down: str | None = None,
    explorer: Explorer | None = None,
    speeds: Speeds | None = None,
) -> Route | GatewayError:
    """The tier for an alias: the table's (or the conversation's), or the nearest dearer one that fits, or the
    nearest cheaper one. `step_down` says why the dearest tier is to be spared; it is then chosen only for what no
    other tier can serve, and for an alias that begins there. `speeds` leaves out what is too slow for this caller.
    `explorer` may try a neighbour among what is left, for a first turn."""
    choice = choices(call, constraints, config, catalog)
    alias = config.routing.aliases[call.model]
    if step_down is not None:
        choice = _sparing(choice, alias, config.auto_tiers[-1], step_down)
    wanted, kept = _wanted(verdict, alias, config), ""
    if previous is not None:
        wanted, kept = keeps(previous, wanted, call, config, catalog)
    if not choice.tiers:
        return _nothing_left(choice, constraints)
    order = list(config.tiers)
    allowed, slow = (speeds or Speeds()).in_time(_within(choice.tiers, alias, order) or choice.tiers, call, alias)
    dearer = [t for t in allowed if order.index(t) >= order.index(wanted)]
    tier = dearer[0] if dearer else allowed[-1]
    reason = f"{verdict.reason}; {kept}" if kept else verdict.reason
    if tier != wanted:
        why = (
            constraints.reason
            or dict(choice.dropped).get(wanted)
            or slow.get(wanted)
            or f"{call.model} stops at {tier}"
        )
        reason = f"{reason}; {wanted} -> {tier}: {why}"
    if explorer is not None and previous is None:
        near = [t for t in order if t in allowed]
        if trial := explorer.trial(verdict, tier, near, config.routing.learning):
            tier, reason = trial.tier, f"{reason}; {trial.reason}"
    return route_to(tier, choice.tiers, verdict, reason, config, catalog)


def named_route(
    call: Call, constraints: Constraints, config: GatewayConfig, catalog: Catalog, task: str = "chat"
) -> Route | GatewayError:
    """A tier or model that the caller named: honoured, unless residency forbids it."""
    named = call.model
    group = config.group(named) if named in config.tiers else named
    verdict = Verdict(task, Difficulty.MEDIUM, Layer.NAMED, 0.0, 0.0, 1.0, reason=f"{named} was named")
    if not catalog.permits(group, constraints):
        choice = choices(call, constraints, config, catalog)
        if not choice.tiers:
            return _nothing_left(choice, constraints)
        tier = choice.tiers[0]
        return route_to(
            tier, choice.tiers, verdict, f"{named} was named; -> {tier}: {constraints.reason}", config, catalog
        )
    if why := catalog.unfit(group, call, typical_tokens(call)):
        return BadRequest(f"The model {named!r} cannot serve this request: {why}. Name another one.", param="model")
    if named in config.tiers:
        tiers = choices(call, constraints, config, catalog).tiers
        return route_to(named, tiers if named in tiers else (), verdict, verdict.reason, config, catalog)
    return Route(tier_of(named, config, catalog), group, (), None, verdict, verdict.reason)


def screened_route(
    call: Call, constraints: Constraints, config: GatewayConfig, catalog: Catalog
) -> Route | GatewayError:
    """For a prompt that looks like an injection: the tier that the policy names for it and no other, be it failing."""
    tier = config.policy.injection_tier or config.auto_tiers[0]
    found = named_route(replace(call, model=tier), constraints, config, catalog)
    if isinstance(found, GatewayError):
        return found
    reason = f"flagged as injection: {found.reason}"
    return replace(found, fallbacks=(), wider=(), escalate_to=None, reason=reason)


def judge_group(call: Call, constraints: Constraints, config: GatewayConfig, catalog: Catalog) -> str | None:
    """The group that may grade this prompt: the configured tier, or the cheapest that residency allows."""
    named = config.routing.judge.tier
    for tier in (named,) if named and not constraints.on_premise_only else _candidates(constraints, config):
        if catalog.permits(config.group(tier), constraints):
            return config.group(tier)
    return None


def grading_group(
    named: str | None, call: Call, constraints: Constraints, config: GatewayConfig, catalog: Catalog
) -> str | None:
    """The group that may see a request and its answer to grade them: the named tier where the constraints allow it,
    else the one that may grade the prompt."""
    if named is not None and catalog.permits(config.group(named), constraints):
        return config.group(named)
    return judge_group(call, constraints, config, catalog)


def _wanted(verdict: Verdict, alias: AliasConfig, config: GatewayConfig) -> str:
    row = config.routing.tasks.get(verdict.task)
    tier = (row.tier(verdict.difficulty) if row else None) or config.routing.default.tier(verdict.difficulty)
    order = list(config.tiers)
    place = order.index(tier or order[0])
    if alias.min_tier:
        place = max(place, order.index(alias.min_tier))
    if alias.max_tier:
        place = min(place, order.index(alias.max_tier))
    return order[place]


def _sparing(choice: Choice, alias: AliasConfig, dearest: str, why: str) -> Choice:
    """Without the dearest tier, also for fallbacks and escalation, unless nothing else is left."""
    others = tuple(tier for tier in choice.tiers if tier != dearest)
    if not others or others == choice.tiers or alias.min_tier == dearest:
        return choice
    return Choice(others, (*choice.dropped, (dearest, why)))


def _within(tiers: tuple[str, ...], alias: AliasConfig, order: list[str]) -> tuple[str, ...]:
    low = order.index(alias.min_tier) if alias.min_tier else 0
    high = order.index(alias.max_tier) if alias.max_tier else len(order)
    return tuple(t for t in tiers if low <= order.index(t) <= high)


def route_to(
    tier: str, fitting: tuple[str, ...], verdict: Verdict, reason: str, config: GatewayConfig, catalog: Catalog
) -> Route:
    """Fallbacks go to dearer tiers first, then cheaper; each once, so no cycle can arise."""
    order = list(config.tiers)
    dearer = [t for t in fitting if order.index(t) > order.index(tier)]
    cheaper = [t for t in reversed(fitting) if order.index(t) < order.index(tier)]
    group = config.group(tier)
    groups = dict.fromkeys(config.group(t) for t in (*dearer, *cheaper))  # tiers may share a group
    fallbacks = tuple(g for g in groups if g != group)[: config.limits.attempts - 1]
    wider = tuple(g for g in fallbacks if catalog.window(g) > catalog.window(group))
    escalate_to = dearer[0] if dearer and config.escalation.enabled else None
    return Route(tier, group, fallbacks, escalate_to, verdict, reason, wider=wider)


def tier_of(model: str, config: GatewayConfig, catalog: Catalog) -> str:
    """The tier whose group holds this very model; the model's own name where none does."""
    names = {d.model for d in catalog.groups[model]}
    for tier in config.tiers:
        if any(d.model in names for d in catalog.groups.get(config.group(tier), ())):
            return tier
    return model


def _nothing_left(choice: Choice, constraints: Constraints) -> GatewayError:
    reasons = {why for _, why in choice.dropped}
    if reasons == {"key"}:
        return Forbidden("This API key may not use any tier that fits the request. Ask for another key.", param="model")
    if constraints.reason and reasons <= {"residency", "has no deployment", "key"}:
        return NoDeployment(
            f"This request may only be processed by a restricted set of models ({constraints.reason}), and none "
            "is configured. Ask the platform team to configure one; the request was sent nowhere."
        )
    details = "; ".join(f"{tier}: {why}" for tier, why in choice.dropped)
    return BadRequest(f"No tier can serve this request ({details}). Change what does not fit.")

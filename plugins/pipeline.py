"""The path of a request, top to bottom: what happens, in which order, and what closes or opens on failure.

    name -> variant -> policy -> cache -> classify -> dispatch table -> reserve -> [LiteLLM calls the model]
         -> good enough? -> (escalate) -> settle -> store -> trace

Policy and budget fail closed; cache, embedding, classification by small LLM, and tracing fail open.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field, replace

from plugins.answer_forms import read_answer
from plugins.budget_path import BudgetPath
from plugins.cache_path import CachePath
from plugins.catalog import Catalog
from plugins.config import GatewayConfig, TenantConfig
from plugins.errors import BadRequest, GatewayError
from plugins.flight import Flight, trace_of
from plugins.policy import decide_policy
from plugins.ports import Conversations, Judge, Sink
from plugins.pricing import TOKENS_PER_MESSAGE, baseline_cost, bound
from plugins.proof.assign import assign_variant
from plugins.proof.candidates import Ground, variant_of, varied, with_thresholds
from plugins.routing import table
from plugins.routing.cascade import Cascade
from plugins.routing.explore import Explorer
from plugins.routing.speed import Speeds
from plugins.routing.sticky import conversation_id
from plugins.screening import Screening
from plugins.values import (
    Call,
    Charge,
    Endpoint,
    Exact,
    Hit,
    Message,
    Previous,
    Route,
    Trials,
    Verdict,
)


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Holds the adapters; all state of a request is in its Flight."""

    config: GatewayConfig
    catalog: Catalog
    budget: BudgetPath
    cache: CachePath
    cascade: Cascade
    judge: Judge | None
    conversations: Conversations
    sink: Sink
    screening: Screening
    explorer: Explorer = field(default_factory=Explorer)
    speeds: Speeds = field(default_factory=Speeds)
    trials: Trials = field(default_factory=Trials)

    async def open(self, flight: Flight, call: Call) -> GatewayError | None:
        """The path as far as no model is concerned: name, policy, cache. A refusal is returned; the flight carries a
        hit if there is one."""
        flight.call, flight.caller, flight.opened = call, call.caller, True
        await self.cache.let_go(flight)  # should it have been opened before: half, or for another caller
        flight.hit = flight.scope = None
        tenant = self.config.tenants[call.caller.tenant]
        if refusal := table.check_name(call, self.config, self.catalog):
            return refusal
        if refusal := table.check_size(call, self.catalog):
            return refusal
        self._assign(flight)
        if refusal := await self._apply_policy(flight, tenant):
            return refusal
        await self._lookup(flight, tenant)
        return None

    async def admit(self, flight: Flight, call: Call) -> GatewayError | None:
        """Take the request up to the model's door. A refusal is returned; otherwise the flight carries either
        a hit or a route with its hold. Who was opened in front of LiteLLM is not opened again."""
        opened = flight.opened and flight.caller == call.caller
        refusal = flight.error if opened else await self.open(flight, call)
        if refusal is not None or flight.hit is not None:
            return refusal
        tenant = self.config.tenants[call.caller.tenant]
        route = await self._route(flight)
        if isinstance(route, GatewayError):
            return route
        flight.route = route
        return await self.budget.reserve(flight, _call(flight), tenant, route)

    def _assign(self, flight: Flight) -> None:
        """Before the cache, because an answer is bound to its variant. What a variant adds counts for every limit."""
        call = _call(flight)
        flight.assigned = assign_variant(call, self.config, self.trials)
        flight.variant = flight.assigned.label
        variant = variant_of(flight.assigned, self.config)
        if variant is not None and variant.system:
            flight.system = variant.system
            size = call.input_bytes + len(variant.system.encode()) + TOKENS_PER_MESSAGE
            flight.call = replace(call, input_bytes=size)

    async def _apply_policy(self, flight: Flight, tenant: TenantConfig) -> GatewayError | None:
        call = _call(flight)
        with flight.step("policy") as noted:
            screened = await self.screening.of(call)
            decision = decide_policy(tenant, screened.findings, call.hints)
            flight.constraints = decision.constraints
            noted["residency"] = decision.constraints.residency
            noted["kinds"] = ",".join(decision.constraints.kinds)
            if decision.redact:
                flight.redact = True
                texts = self.screening.redacted([m.text for m in call.messages])
                kept = zip(call.messages, texts, strict=True)
                flight.call = replace(call, messages=tuple(Message(m.role, text) for m, text in kept))
            if screened.injection:
                flight.injection = noted["injection"] = screened.injection
        if decision.refuse is None and flight.injection and self.config.policy.injection == "block":
            text = "The request looks like an attempt to override instructions. Rephrase it."
            return BadRequest(text, code="prompt_injection", param="messages")
        return decision.refuse

    async def _lookup(self, flight: Flight, tenant: TenantConfig) -> None:
        call = _call(flight)
        with flight.step("cache") as noted:
            found = await self.cache.lookup(flight, tenant, call)
            flight.cache = found.verdict if isinstance(found, Hit) else found
            if isinstance(found, Hit):
                flight.hit, flight.usage, flight.model = found, found.usage, found.model
                flight.left_micros = await self.budget.left(call, tenant)
            noted["kind"], noted["reason"] = flight.cache.kind, flight.cache.reason
            if flight.cache.distance is not None:
                noted["distance"] = flight.cache.distance
            if (near := flight.cache.near) is not None:
                noted.update(score=near.score, threshold=near.threshold, task=near.task)

    async def _route(self, flight: Flight) -> Route | GatewayError:
        call = _call(flight)
        with flight.step("classify") as noted:
            if flight.injection and self.config.policy.injection == "route":
                route = table.screened_route(call, flight.constraints, self.config, self.catalog)
            elif not table.is_alias(call.model, self.config):
                route = table.named_route(call, flight.constraints, self.config, self.catalog)
            elif call.endpoint is Endpoint.EMBEDDINGS:
                return BadRequest(f"{call.model!r} cannot embed. Name an embedding model.", param="model")
            else:
                route, spare = await self._dispatched(flight, call)
                noted.update({"step_down": spare} if spare else {})
            if isinstance(route, Route):
                noted.update(task=route.verdict.task, layer=route.verdict.layer.value, tier=route.tier)
                noted.update(score=route.verdict.score, threshold=route.verdict.threshold, reason=route.reason)
                noted.update({"variant": flight.variant} if flight.variant else {})
        return route

    async def _dispatched(self, flight: Flight, call: Call) -> tuple[Route | GatewayError, str | None]:
        """(the route of an alias, as its verdict, the table and its variant have it; why the dearest tier is spared)"""
        cascade = with_thresholds(self.cascade, variant_of(flight.assigned, self.config))
        verdict = cascade.classify(call, flight.vector)
        if flight.vector is None and cascade.wants_vector(call, verdict):
            verdict = cascade.classify(call, await self.cache.vector(flight, call))
        verdict = await self._judged(flight, verdict)
        before, spare = await self._previous(call), self.budget.step_down(call)
        explorer = None if flight.assigned.label else self.explorer  # one change at a time
        around = flight.constraints, self.config, self.catalog, before, spare, explorer, self.speeds
        route = table.route(verdict, call, *around)
        if isinstance(route, GatewayError):
            return route, spare
        on = Ground(call, flight.constraints, self.config, self.catalog, spare, self.speeds)
        found = varied(route, flight.assigned, self.trials, on)
        flight.variant, flight.shadow = found.label, found.shadow
        return found.route, spare

    async def _previous(self, call: Call) -> Previous | None:
        """How the turn before this one was routed; nothing for a first turn."""
        if len(call.turns) < 2:
            return None
        return await self.conversations.recall(call.caller.tenant, conversation_id(call))

    async def remember(self, flight: Flight) -> None:
        """Note how this turn went, for the conversation's next one."""
        call, route = flight.call, flight.route
        if call is None or route is None or call.endpoint is Endpoint.EMBEDDINGS:
            return
        if table.is_alias(call.model, self.config):
            failed = flight.outcome != "answered" or flight.escalations > 0
            await self.conversations.remember(call.caller.tenant, conversation_id(call), route.tier, failed)

    async def _judged(self, flight: Flight, scored: Verdict) -> Verdict:
        """A second opinion where the classifier is unsure, held for and charged like any call; the classifier's verdict
        where there is none."""
        call, judge = _call(flight), self.judge
        if judge is None:
            return scored
        judge.count()
        if not self.cascade.is_unsure(scored):
            return scored
        if known := judge.remembered(call, scored):
            return known
        if not judge.may_ask():
            return scored
        group = table.judge_group(call, flight.constraints, self.config, self.catalog)
        if group is None or flight.injection:
            return scored
        tenant = self.config.tenants[call.caller.tenant]
        most, tokens = bound(replace(call, max_output_tokens=64), self.catalog.groups[group])
        request = self.budget.reservation(f"{call.id}-judge", call, tenant, (most, tokens), group)
        hold = await self.budget.hold_beside(request)
        if hold is None:
            return scored
        verdict, cost = await judge.judge(call, group, scored)
        flight.settled_beside("router_llm", await self.budget.ledger.settle(hold, cost))
        return verdict or scored

    async def settle(self, flight: Flight, charge: Charge) -> None:
        """Charge what was used, once; later calls change nothing."""
        if flight.hold is None or flight.charge is not None:
            return
        with flight.step("settle") as noted:
            flight.charge = charge
            flight.settled = await self.budget.ledger.settle(flight.hold, charge)
            noted["micros"], noted["exact"] = flight.settled.charged_micros, isinstance(charge, Exact)
            noted["first"] = flight.settled.first
            if flight.settled.alerts:
                noted["alerts"] = " ".join(flight.settled.alerts)

    async def finish(self, flight: Flight) -> None:
        """Close the books on a request, emit its trace and keep its answer, once. Who waits for this very answer goes
        on when it is kept, and not before."""
        if flight.emitted:
            return
        flight.emitted = True
        if flight.hold is not None and flight.settled is None:
            await self.settle(flight, _unsettled_charge(flight))
        flight.ended_ns = flight.ended_ns or time.time_ns()
        self._note_speed(flight)
        tenant = self.config.tenants.get(flight.caller.tenant)
        text = self._captured(flight, tenant)
        self.sink.emit(trace_of(flight, self._baseline(flight), text))
        try:
            if flight.outcome == "answered" and not flight.checked:
                await self.cache.store(flight)
        finally:
            await self.cache.let_go(flight)

    def _note_speed(self, flight: Flight) -> None:
        """How long the routed tier took, where it alone answered."""
        straight = flight.outcome == "answered" and not (
            flight.failed_attempts or flight.fallbacks or flight.escalations
        )
        if straight and flight.call and flight.route and flight.hit is None and flight.admitted_ns:
            seen_ns = flight.first_token_ns if flight.call.stream else flight.ended_ns
            if seen_ns:
                self.speeds.note(flight.route.tier, flight.call.stream, (seen_ns - flight.admitted_ns) / 1e6)

    def _captured(self, flight: Flight, tenant: TenantConfig | None) -> tuple[str, str]:
        """(input, output) as far as the tenant's capture policy lets them be traced."""
        if tenant is None or flight.call is None or tenant.captured == "none" or flight.constraints.on_premise_only:
            return "", ""
        limit = self.config.tracing.max_content_chars
        asked, answered = flight.call.text[:limit], _answer(flight)[:limit]
        if tenant.captured == "redacted":
            asked, answered = self.screening.redacted((asked, answered))
        return asked, answered

    def _baseline(self, flight: Flight) -> int:
        group = self.config.group(self.config.baseline)
        if flight.endpoint is Endpoint.EMBEDDINGS:  # no tier can embed; the cache saves the model's own price
            group = flight.tier
        return baseline_cost(flight.usage, group, self.catalog)


def _call(flight: Flight) -> Call:
    assert flight.call is not None  # noqa: S101  # admit sets it before any step runs
    return flight.call


def _answer(flight: Flight) -> str:
    """The text that went out, also from the cache."""
    if flight.hit is None or flight.endpoint is Endpoint.EMBEDDINGS:
        return flight.answer
    return read_answer(flight.endpoint, json.loads(flight.hit.response)).text


def _unsettled_charge(flight: Flight) -> Charge:
    """An error answer of a provider costs nothing; where nobody can say what was used, all that can have been is
    charged."""
    if flight.failed and not flight.aborted and not flight.attempt:
        return Exact(0, 0)
    return flight.unknown_charge()

"""The path of a request, top to bottom: what happens, in which order, and what closes or opens on failure.

    name -> policy -> cache -> classify -> dispatch table -> reserve -> [LiteLLM calls the model]
         -> good enough? -> (escalate) -> settle -> store -> trace

Policy and budget fail closed; cache, embedding, classification by small LLM, and tracing fail open.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

from plugins import cache as caching
from plugins.budget import caps_of, least_left_micros, over_budget
from plugins.catalog import Catalog
from plugins.config import GatewayConfig, TenantConfig
from plugins.errors import BadRequest, GatewayError, Unavailable
from plugins.escalation import Answer, confident_enough
from plugins.flight import Flight, trace_of
from plugins.policy import decide_policy
from plugins.ports import Cache, Embedder, Ledger, Sink, Vector
from plugins.pricing import baseline_cost, typical_cost, upper_bound
from plugins.routing import table
from plugins.routing.cascade import Cascade
from plugins.sensitive import TextPattern, find_sensitive, redact, redact_all
from plugins.values import (
    CacheVerdict,
    Call,
    Charge,
    Endpoint,
    Entry,
    Exact,
    Hit,
    Hold,
    LedgerAway,
    LowerBound,
    Message,
    OverCap,
    Reservation,
    Route,
    Scope,
    micros,
)


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Holds the adapters; all state of a request is in its Flight."""

    config: GatewayConfig
    catalog: Catalog
    ledger: Ledger
    cache: Cache | None
    embedder: Embedder
    cascade: Cascade
    sink: Sink
    patterns: Mapping[str, TextPattern]

    async def admit(self, flight: Flight, call: Call) -> GatewayError | None:
        """Take the request up to the model's door. A refusal is returned; otherwise the flight carries either
        a hit or a route with its hold."""
        flight.call, flight.caller = call, call.caller
        tenant = self.config.tenants[call.caller.tenant]
        if refusal := table.check_name(call, self.config, self.catalog):
            return refusal
        if refusal := self._apply_policy(flight, tenant):
            return refusal
        if await self._lookup(flight, tenant):
            return None
        route = await self._route(flight)
        if isinstance(route, GatewayError):
            return route
        flight.route = route
        return await self._reserve(flight, tenant, route)

    def _apply_policy(self, flight: Flight, tenant: TenantConfig) -> GatewayError | None:
        call = _call(flight)
        with flight.step("policy") as noted:
            findings = find_sensitive(call.text, self.patterns, self.config.policy.kinds)
            decision = decide_policy(tenant, findings, call.hints)
            flight.constraints = decision.constraints
            noted["residency"] = decision.constraints.residency
            noted["kinds"] = ",".join(decision.constraints.kinds)
            if decision.redact:
                flight.redact = True
                flight.call = self.redacted(call)
        return decision.refuse

    def redacted(self, call: Call) -> Call:
        """The call with every sensitive piece of its messages replaced by a placeholder."""
        texts = redact_all([m.text for m in call.messages], self.patterns, self.config.policy.kinds)
        kept = zip(call.messages, texts, strict=True)
        return replace(call, messages=tuple(Message(m.role, text) for m, text in kept))

    def redacted_text(self, text: str) -> str:
        return redact(text, find_sensitive(text, self.patterns, self.config.policy.kinds))

    async def _lookup(self, flight: Flight, tenant: TenantConfig) -> bool:
        with flight.step("cache") as noted:
            if self.cache is None:
                flight.cache = CacheVerdict("bypass", "the cache is switched off")
            else:
                call = _call(flight)
                bypass = caching.cacheable(call, tenant, self.config.cache)
                if not call.hints.no_store and caching.unfit(call, tenant, self.config.cache) is None:
                    flight.scope = self._scope(call, tenant, flight)
                found = bypass or await self._find(flight, tenant, self.cache)
                if isinstance(found, Hit):
                    flight.hit, flight.usage, flight.model = found, found.usage, found.model
                    flight.answer = ""
                flight.cache = found.verdict if isinstance(found, Hit) else found
                if flight.hit is not None:
                    flight.left_micros = await self._left(call, tenant)
            noted["kind"], noted["reason"] = flight.cache.kind, flight.cache.reason
            if flight.cache.distance is not None:
                noted["distance"] = flight.cache.distance
        return flight.hit is not None

    async def _find(self, flight: Flight, tenant: TenantConfig, cache: Cache) -> Hit | CacheVerdict:
        """Exact, then semantic; then wait for another call that is getting this very answer just now."""
        call = _call(flight)
        scope, question = flight.scope or self._scope(call, tenant, flight), call.question
        found = await cache.exact(scope, question)
        if isinstance(found, Hit) or found.kind == "bypass":
            return found
        if why := "semantic caching is off" if not self.config.cache.semantic else caching.exact_only(call):
            found = CacheVerdict("miss", why)
        elif (vector := await self._vector(flight)) is not None:
            found = await cache.semantic(scope, question, vector)
        if isinstance(found, Hit):
            return found
        lease = await cache.lead(scope, question) or await cache.wait(scope, question)
        if isinstance(lease, Hit):
            return lease
        flight.lease = lease
        return found

    async def _left(self, call: Call, tenant: TenantConfig) -> int | None:
        """The least dollar headroom of a call that holds nothing; None without a cap, or when nobody can say."""
        caps = caps_of(call.caller.tenant, tenant, call.caller, call.end_user)
        return least_left_micros(await self.ledger.states(call.caller.tenant, tenant.timezone, caps))

    def _scope(self, call: Call, tenant: TenantConfig, flight: Flight) -> Scope:
        return caching.scope_of(call, tenant, flight.constraints, self._target(call.model))

    def _target(self, model: str) -> str:
        """What would answer: the name with the models behind it, so that a changed model list misses."""
        named = (self.config.group(model) if model in self.config.tiers else model,)
        groups = map(self.config.group, self.config.tiers) if table.is_alias(model, self.config) else named
        return caching.target_of(model, tuple(d.model for g in groups for d in self.catalog.groups.get(g, ())))

    async def _vector(self, flight: Flight) -> Vector | None:
        """The one embedding of a request, made when the first step asks for it."""
        if flight.vector is None:
            flight.vector = await self.embedder.embed(_call(flight).question)
        return flight.vector  # type: ignore[return-value]  # only ever set here

    async def _route(self, flight: Flight) -> Route | GatewayError:
        call = _call(flight)
        with flight.step("classify") as noted:
            if not table.is_alias(call.model, self.config):
                route = table.named_route(call, flight.constraints, self.config, self.catalog)
            elif call.endpoint is Endpoint.EMBEDDINGS:
                return BadRequest(f"{call.model!r} cannot embed. Name an embedding model.", param="model")
            else:
                verdict = await self.cascade.classify(call, flight.constraints, await self._vector(flight))
                flight.costs["router_llm"] = verdict.cost_micros
                route = table.route(verdict, call, flight.constraints, self.config, self.catalog)
            if isinstance(route, Route):
                noted.update(task=route.verdict.task, layer=route.verdict.layer.value, tier=route.tier)
                noted.update(score=route.verdict.score, threshold=route.verdict.threshold, reason=route.reason)
        return route

    async def _reserve(self, flight: Flight, tenant: TenantConfig, route: Route) -> GatewayError | None:
        call = _call(flight)
        with flight.step("reserve") as noted:
            escalation = self._escalation_group(call, route)
            if self.config.budgets.admit == "worst_case":
                most_micros, most_tokens = upper_bound(call, route, escalation, self.catalog)
            else:
                most_micros, most_tokens = typical_cost(call, route, self.catalog)
            caps = caps_of(call.caller.tenant, tenant, call.caller, call.end_user)
            request = Reservation(
                call.id,
                call.caller.tenant,
                tenant.timezone,
                caps,
                most_micros,
                most_tokens,
                route.tier,
                call.caller.app,
            )
            held = await self.ledger.reserve(request)
            noted["micros"] = most_micros
            match held:
                case Hold():
                    flight.hold = held
                    return None
                case OverCap():
                    noted["refused"] = held.state.cap.scope
                    flight.left_micros = least_left_micros((held.state,))
                    return over_budget(held, tenant.timezone)
                case LedgerAway():
                    noted["refused"] = "ledger away"
                    return await self._without_ledger(flight, tenant, request)

    async def _without_ledger(self, flight: Flight, tenant: TenantConfig, request: Reservation) -> GatewayError | None:
        """The tenant's policy while the ledger is away; what is spent meanwhile is charged when it is back."""
        allowance = micros(self.config.budgets.small_only_allowance_usd)
        cheapest = request.tier == self.config.auto_tiers[0] and self.ledger.fits_allowance(request, allowance)
        if tenant.when_ledger_away == "allow" or (tenant.when_ledger_away == "small_only" and cheapest):
            flight.hold = self.ledger.admit_unheld(request)
            return None
        await self.ledger.abandon(request)
        return Unavailable(
            "The budget store cannot be reached, and this tenant's policy is to refuse until then. Retry shortly.",
            headers={"Retry-After": "5"},
        )

    def _escalation_group(self, call: Call, route: Route) -> str | None:
        """Whom a second attempt would ask: nobody for streams, whose first byte is gone by then."""
        if route.escalate_to is None or call.stream or call.endpoint is not Endpoint.CHAT:
            return None
        return self.config.group(route.escalate_to)

    def wants_better(self, flight: Flight) -> str | None:
        """The model group to ask once more when the answer is not good enough; None when it is, or must do."""
        call, route = _call(flight), flight.route
        group = self._escalation_group(call, route) if route is not None else None
        if route is None or group is None:
            return None
        with flight.step("escalation check") as noted:
            answer = Answer(flight.answer, flight.finish_reason, flight.tool_calls, flight.usage, None)
            assessment = confident_enough(call, route.verdict.task, answer)
            noted.update(ok=assessment.ok, check=assessment.check, reason=assessment.reason)
        if assessment.ok:
            return None
        flight.escalation_reason = f"{assessment.check}: {assessment.reason}"
        return group

    async def settle(self, flight: Flight, charge: Charge) -> None:
        """Charge what was used, once; later calls change nothing."""
        if flight.hold is None or flight.settled is not None:
            return
        extra = sum(flight.costs.values())
        charge = replace(charge, micros=charge.micros + extra)
        with flight.step("settle") as noted:
            flight.charge = charge
            flight.settled = await self.ledger.settle(flight.hold, charge)
            noted["micros"], noted["exact"] = flight.settled.charged_micros, isinstance(charge, Exact)
            noted["first"] = flight.settled.first

    async def store(self, flight: Flight) -> None:
        """Keep a good answer for the next asker of the same question, and let those who wait for it go on."""
        call, route, scope = flight.call, flight.route, flight.scope
        if self.cache is None or call is None or route is None or scope is None:
            return
        good = flight.outcome == "answered" and bool(flight.response)
        if good and caching.storable(flight.answer, flight.finish_reason, tool_calls=flight.tool_calls):
            entry = Entry(
                question=call.question,
                response=flight.response,
                tier=route.tier,
                model=flight.model,
                cost_micros=flight.cost_micros,
                usage=flight.usage,
                ttl_s=caching.ttl_for(route.verdict.task, self.config.cache),
                task=route.verdict.task,
            )
            vector = await self._vector(flight) if caching.paraphrasable(call) else None
            await self.cache.store(scope, vector, entry)
        await self._let_go(flight)

    async def _let_go(self, flight: Flight) -> None:
        if self.cache is not None and flight.lease is not None:
            lease, flight.lease = flight.lease, None
            await self.cache.release(lease)

    async def finish(self, flight: Flight) -> None:
        """Close the books on a request and emit its trace, once."""
        if flight.emitted:
            return
        flight.emitted = True
        if flight.hold is not None and flight.settled is None:
            await self.settle(flight, _unsettled_charge(flight))
        flight.ended_ns = flight.ended_ns or time.time_ns()
        tenant = self.config.tenants.get(flight.caller.tenant)
        text = self._captured(flight, tenant)
        self.sink.emit(trace_of(flight, self._baseline(flight), text))
        await self._let_go(flight)

    def _captured(self, flight: Flight, tenant: TenantConfig | None) -> tuple[str, str]:
        """(input, output) as far as the tenant's capture policy lets them be traced."""
        if tenant is None or flight.call is None or tenant.captured == "none" or flight.constraints.on_premise_only:
            return "", ""
        limit = self.config.tracing.max_content_chars
        asked, answered = flight.call.text[:limit], flight.answer[:limit]
        if tenant.captured == "redacted":
            return self.redacted_text(asked), self.redacted_text(answered)
        return asked, answered

    def _baseline(self, flight: Flight) -> int:
        return baseline_cost(flight.usage, self.config.group(self.config.baseline), self.catalog)


def _call(flight: Flight) -> Call:
    assert flight.call is not None  # noqa: S101  # admit sets it before any step runs
    return flight.call


def _unsettled_charge(flight: Flight) -> Charge:
    """A provider's error costs nothing; where nobody can say what was used, the hold stays charged."""
    if flight.failed and not flight.aborted:
        return Exact(0, 0)
    hold = flight.hold
    return LowerBound(hold.micros, hold.tokens) if hold else LowerBound(0, 0)

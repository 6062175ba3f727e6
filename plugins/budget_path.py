"""The budget's part of a request's path: hold the worst case before a model is asked, once more for an attempt
after one that may have been billed, and know in time when a budget runs out.

It fails closed; only a tenant's policy admits calls while the ledger is away.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace

from plugins.budget import SeenLeft, SeenStates, caps_of, least_left_micros, over_budget, step_down_reason
from plugins.catalog import Catalog
from plugins.config import GatewayConfig, TenantConfig
from plugins.errors import BadRequest, GatewayError, LedgerAwayError, Unavailable
from plugins.flight import Flight
from plugins.ports import BudgetMonitor, Ledger
from plugins.pricing import bound, typical_cost, upper_bound
from plugins.values import (
    Call,
    Extra,
    Hold,
    LedgerAway,
    OverCap,
    Reservation,
    Route,
    micros,
)

UNBOUNDED = (
    "Tools that the provider runs itself (web search, code execution, MCP servers) can cost without bound, so no "
    "budget can hold for them. Use tools of your own, or ask the gateway's operator for budgets.admit: typical."
)
FAILED_ATTEMPTS = "failed_attempts"  # the kind of cost of attempts that failed and may have been billed


@dataclass(frozen=True, slots=True)
class BudgetPath:
    """`seen` is what this process knows of the caps without asking: at most one call of the tenant old."""

    config: GatewayConfig
    catalog: Catalog
    ledger: Ledger
    monitor: BudgetMonitor
    seen: SeenStates = field(default_factory=SeenStates)
    seen_left: SeenLeft = field(default_factory=SeenLeft)

    async def reserve(self, flight: Flight, call: Call, tenant: TenantConfig, route: Route) -> GatewayError | None:
        """Hold the most that the routed call can cost, or say why not."""
        with flight.step("reserve") as noted:
            most = typical_cost(call, route, self.catalog)
            if strict := self.config.budgets.admit == "worst_case":
                most = upper_bound(call, route, self.catalog)
            request = self.reservation(call.id, call, tenant, most, route.tier)
            if strict and request.caps and Extra.PROVIDER_TOOLS in call.extras:
                noted["refused"] = "unbounded cost"
                return BadRequest(UNBOUNDED, code="unbounded_cost", param="tools")
            noted["micros"] = request.micros
            held = await self._held(flight, tenant, request)
            if isinstance(held, Hold):
                flight.hold, flight.reservation = held, request
                return None
            noted["refused"], refusal = held
            return refusal

    async def hold_again(self, flight: Flight, more_bytes: int = 0) -> GatewayError | None:
        """For a further attempt, when the one before failed but may be billed: hold as much once more, and charge
        for that one what it can have cost. A refusal leaves the first hold as it is. `more_bytes`: what of a broken
        answer the further attempt is sent besides, to go on from there."""
        before, request = flight.hold, flight.reservation
        if before is None or request is None:
            return None
        flight.holds += 1
        tenant = self.config.tenants[request.tenant]
        if more_bytes and flight.call is not None and flight.route is not None:
            longer = replace(flight.call, input_bytes=flight.call.input_bytes + more_bytes)
            most = upper_bound(longer, flight.route, self.catalog)
            request = replace(request, micros=max(request.micros, most[0]), tokens=max(request.tokens, most[1]))
        with flight.step("reserve again") as noted:
            noted["micros"] = request.micros
            again = replace(request, call_id=f"{request.call_id}-{flight.holds}")
            held = await self._held(flight, tenant, again)
            if not isinstance(held, Hold):
                noted["refused"], refusal = held
                return refusal
            charge, flight.hold = flight.unknown_charge(), held
            flight.settled_beside(FAILED_ATTEMPTS, await self.ledger.settle(before, charge))
        return None

    def most_at(self, model: str, call: Call | None, more_bytes: int = 0) -> tuple[int, int] | None:
        """(micro-dollars, tokens) that one attempt at this model can cost; None for a model that is not known."""
        deployments = self.catalog.deployments_of(model)
        if call is None or not deployments:
            return None
        return bound(replace(call, input_bytes=call.input_bytes + more_bytes), deployments)

    async def hold_beside(self, request: Reservation) -> Hold | None:
        """For a model call of our own beside the client's (an opinion, a better answer); None: it is not to be made."""
        held = await self.ledger.reserve(request)
        if isinstance(held, LedgerAway):
            await self.ledger.abandon(request)
        return held if isinstance(held, Hold) else None

    async def _held(
        self, flight: Flight, tenant: TenantConfig, request: Reservation
    ) -> Hold | tuple[str, GatewayError]:
        """The hold; or what refused it, in a word for the trace and as the client's error."""
        held = await self.ledger.reserve(request)
        match held:
            case Hold():
                self._note(request.tenant, held)
                return held
            case OverCap():
                self._note(request.tenant, held)
                flight.left_micros = least_left_micros((held.state,))
                limited = flight.call is None or flight.call.max_output_tokens is not None
                return held.state.cap.scope, over_budget(held, tenant.timezone, limited)
            case LedgerAway():
                return await self._without_ledger(tenant, request)

    async def _without_ledger(self, tenant: TenantConfig, request: Reservation) -> Hold | tuple[str, GatewayError]:
        """The tenant's policy while the ledger is away; what is spent meanwhile is charged when it is back."""
        allowance = micros(self.config.budgets.small_only_allowance_usd)
        cheapest = request.tier == self.config.auto_tiers[0] and self.ledger.fits_allowance(request, allowance)
        if tenant.when_ledger_away == "allow" or (tenant.when_ledger_away == "small_only" and cheapest):
            return await self.ledger.admit_unheld(request)
        await self.ledger.abandon(request)
        return "ledger away", Unavailable(
            "The budget store cannot be reached, and this tenant's policy is to refuse until then. Retry shortly.",
            headers={"Retry-After": "5"},
        )

    def _note(self, tenant: str, held: Hold | OverCap) -> None:
        states = held.states if isinstance(held, Hold) else (held.state,)
        self.seen.note(tenant, states)
        self.monitor.budget_seen(tenant, states)
        if isinstance(held, OverCap):
            self.monitor.budget_refused(tenant, held.state)

    def step_down(self, call: Call) -> str | None:
        """Why `auto` may no longer choose the dearest tier for this caller; None while it may."""
        share = self.config.budgets.step_down_share
        if share is None:
            return None
        name = call.caller.tenant
        caps = caps_of(name, self.config.tenants[name], call.caller, call.end_user)
        states = self.seen.of(name, caps, int(time.time()))
        return step_down_reason(states, self.config.auto_tiers[-1], share)

    async def left(self, call: Call, tenant: TenantConfig) -> int | None:
        """The least dollar headroom of a call that holds nothing; None without a cap, or when nobody can say. What
        other replicas spent in the last second may be missing."""
        name, caps = call.caller.tenant, caps_of(call.caller.tenant, tenant, call.caller, call.end_user)
        now = self.ledger.changes(name), time.monotonic()
        if (known := self.seen_left.of(name, caps, now)) is not None:
            return known[0]
        try:
            left = least_left_micros(await self.ledger.states(name, tenant.timezone, caps))
        except LedgerAwayError:
            return None
        self.seen_left.note(name, caps, now, left)
        return left

    def reservation(
        self, hold_id: str, call: Call, tenant: TenantConfig, most: tuple[int, int], tier: str
    ) -> Reservation:
        """What to ask the ledger for; `most` is (micro-dollars, tokens)."""
        caps = caps_of(call.caller.tenant, tenant, call.caller, call.end_user)
        app = call.caller.app
        return Reservation(hold_id, call.caller.tenant, tenant.timezone, caps, most[0], most[1], tier, app)

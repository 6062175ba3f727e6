"""Shadow's part of a request's path: may a candidate be asked beside the answer that was sent, and who pays?

Off the request path: the client has its answer. It obeys the request's constraints (its route was made like any
other), holds its worst case against the tenant's caps and a dollar limit of its own, and is charged apart.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from plugins.budget_path import BudgetPath
from plugins.catalog import Catalog
from plugins.config import GatewayConfig
from plugins.escalation import Answer, confident_enough
from plugins.flight import Flight
from plugins.pricing import bound
from plugins.proof.observe import SHADOW_STEP
from plugins.values import Cap, Charge, Hold, Route, Trials, Window, micros


@dataclass(slots=True)
class Running:
    """Shadow calls of this process that are under way."""

    calls: int = 0


@dataclass(frozen=True, slots=True)
class ShadowPath:
    """Calls at once are counted by process; dollars in the ledger, for all."""

    config: GatewayConfig
    catalog: Catalog
    budget: BudgetPath
    running: Running = field(default_factory=Running)

    def wanted(self, flight: Flight) -> bool:
        """Whether to ask the candidate beside this answered call; no when too many are being asked already."""
        answered = flight.outcome == "answered" and flight.hit is None and not (flight.emitted or flight.checked)
        spare = self.running.calls < self.config.rollout.shadow_at_once
        return flight.shadow is not None and bool(flight.body) and answered and spare

    async def hold(self, flight: Flight, route: Route) -> Hold | None:
        """The most that the candidate can cost, held; None when that does not fit, or nobody can say."""
        call = flight.call
        if call is None:
            return None
        tenant = self.config.tenants[call.caller.tenant]
        most = bound(call, self.catalog.groups[route.group])
        request = self.budget.reservation(f"{call.id}-shadow", call, tenant, most, route.tier)
        limit = Cap(scope=SHADOW_STEP, window=Window.DAY, micros=micros(self.config.rollout.shadow_usd_per_day))
        return await self.budget.hold_beside(replace(request, caps=(*request.caps, limit)))

    async def settle(self, flight: Flight, hold: Hold, charge: Charge) -> int:
        """Charge the shadow call to the tenant, apart from its answer; micro-dollars."""
        settled = await self.budget.ledger.settle(hold, charge)
        flight.costs[SHADOW_STEP] = settled.charged_micros
        return settled.charged_micros

    def check(self, flight: Flight, scratch: Flight) -> str:
        """The check that finds the candidate's answer wanting; empty if none does."""
        call, route = flight.call, flight.route
        if call is None or route is None:
            return ""
        answer = Answer(
            scratch.answer,
            scratch.finish_reason,
            scratch.tool_calls,
            scratch.usage,
            scratch.mean_logprob,
            scratch.fault,
        )
        found = confident_enough(call, route.verdict.task, answer)
        return "" if found.ok else found.check

    def trial(self, flight: Flight, trials: Trials) -> str:
        """The rollout that the shadow call is for; empty if that has moved on meanwhile."""
        rollout = trials.rollouts.get(flight.route.verdict.task) if flight.route else None
        return rollout.trial if rollout is not None and rollout.stage.value == SHADOW_STEP else ""

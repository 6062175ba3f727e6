"""Escalation's part of a request's path: is the answer good enough, whom to ask once more, and may that be paid?

At most once per request, to the next dearer tier that the request's constraints allow, within the tenant's share and
dollars. A second attempt holds its own worst case, so that no first attempt is refused for money it rarely needs.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from dataclasses import dataclass, field, replace

from plugins.answer_judge import AnswerJudge
from plugins.budget_path import BudgetPath
from plugins.catalog import Catalog
from plugins.config import GatewayConfig
from plugins.escalation import Answer, Assessment, confident_enough, wants_json
from plugins.flight import Flight
from plugins.outcomes import CHECK_STEPS, GRADED
from plugins.pricing import bound
from plugins.shares import Share
from plugins.values import Call, Cap, Charge, Endpoint, Hold, Route, Window, micros

COST = "escalation"  # the kind of cost, and the ledger's scope of the dollar limit
CHECKED = frozenset({Endpoint.CHAT, Endpoint.RESPONSES, Endpoint.MESSAGES})  # once the answer is out


@dataclass(frozen=True, slots=True)
class EscalationPath:
    """Shares are counted by process, so that each of several holds to them; dollars in the ledger, for all."""

    config: GatewayConfig
    catalog: Catalog
    budget: BudgetPath
    judge: AnswerJudge
    shares: defaultdict[str, Share] = field(default_factory=lambda: defaultdict(Share))

    def buffers(self, flight: Flight) -> bool:
        """Whether this stream is held back until its answer was checked."""
        call, route = flight.call, flight.route
        if call is None or route is None or route.escalate_to is None or call.endpoint is not Endpoint.CHAT:
            return False
        return call.stream and call.hints.escalate and route.verdict.task in self.config.escalation.buffer_streams_for

    async def check_afterwards(self, flight: Flight) -> None:
        """While outcomes are counted, and for requests of a trial: check an answer that nobody has checked, such as a
        stream's, once it has left; in a thread, because a long one takes milliseconds."""
        call, route = flight.call, flight.route
        if call is None or route is None or flight.outcome != "answered" or flight.emitted:
            return
        counted = self.config.routing.learning.enabled and route.verdict.layer in GRADED
        counted = counted and call.endpoint is Endpoint.CHAT
        wanted = counted or flight.variant or flight.shadow is not None
        unseen = not any(step.name in CHECK_STEPS for step in flight.steps)
        if wanted and unseen and call.endpoint in CHECKED:
            flight.ended_ns = flight.ended_ns or time.time_ns()  # the client does not wait for this
            await asyncio.to_thread(self._assess, flight, call, route, "answer check")

    def _assess(self, flight: Flight, call: Call, route: Route, step: str = "escalation check") -> Assessment:
        """The verdict on the flight's answer, noted in its trace."""
        with flight.step(step) as noted:
            answer = Answer(
                flight.answer,
                flight.finish_reason,
                flight.tool_calls,
                flight.usage,
                flight.mean_logprob,
                flight.fault,
                flight.called,
            )
            assessment = confident_enough(call, route.verdict.task, answer)
            noted.update(ok=assessment.ok, check=assessment.check, reason=assessment.reason)
            noted["wants_json"] = wants_json(call)
        return assessment

    async def wants_better(self, flight: Flight) -> str | None:
        """The tier to ask once more when the checks, or else the judge, find the answer not good enough; None when it
        is, or must do."""
        call, route = flight.call, flight.route
        if call is None or route is None or call.endpoint is not Endpoint.CHAT or flight.escalations:
            return None
        share = self.shares[call.caller.tenant]
        share.count()
        self.judge.count(call.caller.tenant)
        if route.escalate_to is None or not call.hints.escalate or (call.stream and not self.buffers(flight)):
            return None
        assessment = self._assess(flight, call, route)
        if not self.catalog.permits(self.config.group(route.escalate_to), flight.constraints):
            return None
        spare = share.allows(self.config.escalation.max_share)
        if assessment.ok:
            reason = await self.judge.doubts(flight, call, route.verdict.task) if spare else ""
        else:
            reason = assessment.reason if spare else "not escalated: the tenant's share is used up"
        flight.escalation_reason = reason
        return route.escalate_to if spare and reason else None

    async def hold(self, flight: Flight, call: Call, tier: str) -> Hold | None:
        """The most that asking `tier` can cost, held against the tenant's caps and its limit for escalation; None
        when it does not fit, or nobody can say: the first answer must do then."""
        tenant = self.config.tenants[call.caller.tenant]
        most = bound(call, self.catalog.groups[self.config.group(tier)])
        request = self.budget.reservation(f"{call.id}-escalate", call, tenant, most, tier)
        limit = self.config.escalation.max_usd_per_day
        if limit is not None:
            own = Cap(scope=COST, window=Window.DAY, micros=micros(limit))
            request = replace(request, caps=(*request.caps, own))
        share = self.shares[call.caller.tenant]
        share.used += 1  # before anybody else is let on, so that requests at once keep to the share together
        held = await self.budget.hold_beside(request)
        if held is None:
            share.used -= 1
            flight.escalation_reason = "not escalated: over budget"
        return held

    async def settle(self, flight: Flight, hold: Hold, charge: Charge) -> None:
        """Charge the second attempt, apart from the first."""
        flight.settled_beside(COST, await self.budget.ledger.settle(hold, charge))

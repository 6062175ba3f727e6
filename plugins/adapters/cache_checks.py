"""Shadow verification: a sampled share of semantic hits is answered by the model too, afterwards, and compared.

Near misses, which the verifier's score alone refused, cost less: their answer has just been made, and is compared with
the one that was not served. Everything happens once the client has its answer. Whatever a check asks of models is held
and charged like any call, within the tenant's dollars a day for checks, and only of models that the request may use.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from plugins.adapters import litellm_io
from plugins.adapters.cache_evidence import CacheEvidence
from plugins.answer_forms import read_answer
from plugins.budget_path import BudgetPath
from plugins.cache_path import CachePath
from plugins.cache_thresholds import CHECK, Seen
from plugins.catalog import Catalog
from plugins.comparison import MOST_CHARS, MOST_OUTPUT_TOKENS, SCHEMA, messages_for, opinion, same_text
from plugins.config import GatewayConfig
from plugins.flight import Flight
from plugins.pricing import bound
from plugins.routing.table import grading_group
from plugins.tracing import CACHE_CHECK
from plugins.values import Call, Cap, Charge, Exact, Hold, LowerBound, Near, Window, micros

log = logging.getLogger("tierwise")

COST: Final = "cache_check"  # the kind of cost, and the ledger's scope of the dollar limit
MOST_AT_ONCE: Final = 4
TIMEOUT_S: Final = 60.0
_JUDGE_BYTES: Final = 4 * 3 * MOST_CHARS + 2_000  # UTF-8, with the instructions


@dataclass(slots=True)
class _Bill:
    """What a check may have cost so far; `open`: a call is under way that may be billed."""

    micros: int = 0
    tokens: int = 0
    open: bool = False


class CacheChecks:
    """`ask` is the router's completion; checks beyond MOST_AT_ONCE are left out, as they are a sample anyway."""

    def __init__(
        self, evidence: CacheEvidence, ask: Callable[..., Any] | None = None, draw: Callable[[], float] = random.random
    ) -> None:
        self._evidence, self._given_ask, self._draw = evidence, ask, draw
        self._running: set[asyncio.Task[None]] = set()
        self._closed = False

    def wants(self, flight: Flight, config: GatewayConfig) -> bool:
        """Whether this finished request is drawn for a check."""
        call, near, tenant = flight.call, flight.cache.near, config.tenants.get(flight.caller.tenant)
        if call is None or near is None or tenant is None or flight.scope is None or flight.checked or flight.emitted:
            return False
        if self._closed or flight.outcome not in ("cached", "answered") or len(self._running) >= MOST_AT_ONCE:
            return False
        if flight.hit is None and near.score < config.cache.checks.lowest_threshold:
            return False
        share = config.cache.checks.share if tenant.cache_check_share is None else tenant.cache_check_share
        return self._draw() < share

    async def check(
        self, flight: Flight, config: GatewayConfig, catalog: Catalog, path: CachePath, budget: BudgetPath
    ) -> None:
        """Compare, count and charge; never raises. Ends early, with everything charged, when the process ends."""
        work = asyncio.create_task(self._check(flight, config, catalog, path, budget))
        self._running.add(work)
        work.add_done_callback(self._running.discard)
        await asyncio.wait({work})
        if not work.cancelled() and (error := work.exception()) is not None:
            log.error("a check of a cached answer failed", exc_info=error, extra={"call_id": flight.id})

    async def close(self) -> None:
        """End the checks under way, and begin no more."""
        self._closed = True
        for work in list(self._running):
            work.cancel()
        if self._running:
            await asyncio.wait(set(self._running))

    async def _check(
        self, flight: Flight, config: GatewayConfig, catalog: Catalog, path: CachePath, budget: BudgetPath
    ) -> None:
        call, near = flight.call, flight.cache.near
        if call is None or near is None:
            return
        judge = self._judge(flight, call, config, catalog)
        with flight.step(CACHE_CHECK) as noted:
            noted.update(score=near.score, task=near.task, of="hit" if flight.hit is not None else "near miss")
            held = await self._hold(flight, call, config, catalog, budget, judge) if judge else None
            if judge is None or held is None:
                noted["result"] = "no model may be asked" if judge is None else "over budget"
                return
            bill, result = _Bill(), "unsure"
            try:
                async with asyncio.timeout(TIMEOUT_S):
                    result = await self._result(flight, call, near, config, path, judge, bill)
            except TimeoutError:
                result = "timeout"
            finally:
                charge: Charge = LowerBound(held.micros, held.tokens) if bill.open else Exact(bill.micros, bill.tokens)
                settled = await asyncio.shield(budget.ledger.settle(held, charge))
                flight.costs[COST] = settled.charged_micros
                noted.update(result=result, micros=settled.charged_micros)
        if result in ("same", "different"):
            self._evidence.record(Seen(flight.caller.tenant, near.task, near.score, result == "same", CHECK))

    async def _result(
        self, flight: Flight, call: Call, near: Near, config: GatewayConfig, path: CachePath, judge: str, bill: _Bill
    ) -> str:
        """same, different, or why nobody can say."""
        stored = flight.hit
        if stored is None and path.cache is not None and flight.scope is not None:
            stored = await path.cache.stored(flight.scope, near.key)
        if stored is None:
            return "the stored answer is gone"
        cached = read_answer(call.endpoint, json.loads(stored.response)).text
        if flight.hit is None:
            fresh = flight.answer
        else:
            body = {"messages": _chat(call), "temperature": call.temperature, "max_tokens": call.max_output_tokens}
            fresh = await self._asked(config.group(stored.tier), bill, **body)
        if not fresh.strip():
            return "no answer to compare with"
        if same_text(cached, fresh):
            return "same"
        asked = {"messages": messages_for(call.question, cached, fresh), "temperature": 0}
        said = opinion(await self._asked(judge, bill, response_format=SCHEMA, max_tokens=MOST_OUTPUT_TOKENS, **asked))
        return "unsure" if said is None else "same" if said else "different"

    async def _asked(self, group: str, bill: _Bill, **body: Any) -> str:
        """One answer's text, empty on failure; adds to the bill."""
        bill.open = True
        given = {name: value for name, value in body.items() if value is not None}
        try:
            reply = await self._ask()(model=group, caching=False, disable_fallbacks=True, num_retries=0, **given)
        except Exception as exception:
            bill.open = litellm_io.may_be_billed(exception)
            log.info("no answer to compare with: %s", litellm_io.upstream_error(exception).code)
            return ""
        cost, usage = litellm_io.hidden_params(reply).get("response_cost"), litellm_io.usage_of(reply)
        if cost is None or usage is None:
            return ""  # nobody can say what it cost: the bill stays open
        bill.micros, bill.tokens, bill.open = bill.micros + micros(cost), bill.tokens + usage.total_tokens, False
        return str(reply.choices[0].message.content or "") if reply.choices else ""

    def _ask(self) -> Callable[..., Any]:
        if self._given_ask is not None:
            return self._given_ask
        from litellm.proxy import proxy_server  # the router is set when the proxy starts, not at import

        return proxy_server.llm_router.acompletion  # type: ignore[no-any-return]  # LiteLLM's types are not followed

    @staticmethod
    def _judge(flight: Flight, call: Call, config: GatewayConfig, catalog: Catalog) -> str | None:
        """The group that compares; None where no check may be made: then the answering tier must do without, too."""
        if flight.hit is not None:
            tier = flight.hit.tier
            if tier not in config.tiers or not catalog.permits(config.group(tier), flight.constraints):
                return None
        return grading_group(config.cache.checks.judge_tier, call, flight.constraints, config, catalog)

    @staticmethod
    async def _hold(
        flight: Flight, call: Call, config: GatewayConfig, catalog: Catalog, budget: BudgetPath, judge: str
    ) -> Hold | None:
        """The most that the whole check can cost, within the tenant's caps and its limit for checks."""
        compares = replace(call, input_bytes=_JUDGE_BYTES, max_output_tokens=MOST_OUTPUT_TOKENS, choices=1)
        most, tokens = bound(compares, catalog.groups[judge])
        if flight.hit is not None:
            again, more = bound(call, catalog.groups[config.group(flight.hit.tier)])
            most, tokens = most + again, tokens + more
        tenant = config.tenants[call.caller.tenant]
        tier = judge if flight.hit is None else flight.hit.tier
        request = budget.reservation(f"{call.id}-check", call, tenant, (most, tokens), tier)
        own = Cap(scope=COST, window=Window.DAY, micros=micros(config.cache.checks.max_usd_per_day))
        return await budget.hold_beside(replace(request, caps=(*request.caps, own)))


def _chat(call: Call) -> list[dict[str, str]]:
    """The call's text as chat messages: already redacted where policy asks for it."""
    return [{"role": m.role, "content": m.text} for m in call.messages]

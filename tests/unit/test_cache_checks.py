"""Checks of cached answers: what is drawn, what is held and charged, and that nothing is asked beyond the budget."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import pytest

from plugins.adapters.cache_checks import COST, CacheChecks
from plugins.budget_path import BudgetPath
from plugins.cache_path import CachePath
from plugins.cache_thresholds import Seen
from plugins.config import GatewayConfig
from plugins.flight import Flight
from plugins.values import (
    CacheVerdict,
    Cap,
    CapState,
    Constraints,
    Endpoint,
    Exact,
    Hit,
    LowerBound,
    Near,
    OverCap,
    Scope,
    Usage,
    Window,
)
from tests.fakes import FakeLedger, FakeMonitor, NoEmbedder, ShippedLimits
from tests.unit.test_routing import CATALOG, CONFIG, call

NEAR = Near("k", "qa", 0.8, 0.65)


@dataclass
class Kept:
    """Takes observations."""

    seen: list[Seen] = field(default_factory=list)

    def record(self, seen: Seen, trace_id: str = "") -> None:
        self.seen.append(seen)


@dataclass
class Model:
    """Says what it is given, in turn, at a cost of 5 micro-dollars each."""

    says: list[str]
    asked: list[dict[str, Any]] = field(default_factory=list)
    fails: BaseException | None = None

    async def __call__(self, **body: Any) -> Any:
        self.asked.append(body)
        if self.fails is not None:
            raise self.fails
        usage = {"prompt_tokens": 3, "completion_tokens": 2}
        message = SimpleNamespace(content=self.says.pop(0))
        hidden = {"response_cost": 0.000005}
        choices = [SimpleNamespace(message=message)]
        return SimpleNamespace(choices=choices, usage=usage, _hidden_params=hidden)


def flight_of(answer: str = "Vienna.", tier: str = "small", constraints: Constraints | None = None) -> Flight:
    """A finished request that a paraphrase's answer was served for."""
    response = json.dumps({"choices": [{"finish_reason": "stop", "message": {"content": answer}}]})
    verdict = CacheVerdict("semantic", "ok", 0.1, 5, NEAR)
    asked = call("What is the capital of Austria?")
    flight = Flight(asked.id, Endpoint.CHAT, 1, call=asked, caller=asked.caller, cache=verdict)
    flight.scope = Scope(asked.caller.tenant, "any", "auto", "", "{}", "en", "")
    flight.hit = Hit(verdict, response, tier, "m", 9, Usage(3, 2))
    flight.constraints = constraints or Constraints()
    return flight


async def checked(flight: Flight, model: Model, ledger: FakeLedger, config: GatewayConfig = CONFIG) -> Kept:
    kept = Kept()
    checks = CacheChecks(kept, model)  # type: ignore[arg-type]  # records all that is used of it
    path = CachePath(config, CATALOG, None, NoEmbedder(), ShippedLimits())
    await checks.check(flight, config, CATALOG, path, BudgetPath(config, CATALOG, ledger, FakeMonitor()))
    return kept


async def test_the_same_words_need_no_judge() -> None:
    """One call of the tier that had answered, held with the tenant's limit for checks, charged exactly."""
    flight, model, ledger = flight_of(), Model(["vienna"]), FakeLedger()
    kept = await checked(flight, model, ledger)
    assert [(seen.score, seen.ok, seen.task) for seen in kept.seen] == [(0.8, True, "qa")]
    (held,) = ledger.holds
    assert Cap(COST, Window.DAY, micros=1_000_000) in held.caps and held.micros > 0
    assert ledger.charges[held.call_id] == Exact(5, 5) and flight.costs == {COST: 5}
    assert len(model.asked) == 1 and model.asked[0]["caching"] is False


@pytest.mark.parametrize(
    ("reply", "result", "count"),
    [('{"same": true}', "same", 1), ('{"same": false}', "different", 1), ("maybe", "unsure", 0)],
)
async def test_other_words_are_judged(reply: str, result: str, count: int) -> None:
    """A model compares what is worded differently; what it does not say clearly counts for nothing."""
    flight, ledger = flight_of(), FakeLedger()
    kept = await checked(flight, Model(["It is the city of Vienna.", reply]), ledger)
    assert flight.steps[-1].attributes["result"] == result and len(kept.seen) == count
    assert flight.costs == {COST: 10}


async def test_over_budget_nothing_is_asked() -> None:
    """Without room for the worst case there is no check."""
    cap = Cap(COST, Window.DAY, micros=0)
    model, ledger = Model([]), FakeLedger(answer=OverCap(CapState(cap, 0, 0, 0), 1, 60))
    flight = flight_of()
    kept = await checked(flight, model, ledger)
    assert not model.asked and not kept.seen and flight.costs == {}


async def test_residency_binds_checks() -> None:
    """An answer that a tier outside gave is not asked for again where the request may only go on premise."""
    model, ledger = Model([]), FakeLedger()
    await checked(flight_of(constraints=Constraints(on_premise_only=True)), model, ledger)
    assert not model.asked and not ledger.holds


async def test_a_call_that_may_be_billed_is_charged_whole() -> None:
    """After a broken line nobody can say what was used: the hold is charged, and nothing is concluded."""
    flight, ledger = flight_of(), FakeLedger()
    kept = await checked(flight, Model([], fails=RuntimeError("line broke")), ledger)
    (held,) = ledger.holds
    assert ledger.charges[held.call_id] == LowerBound(held.micros, held.tokens) and not kept.seen


async def test_closing_ends_checks_and_charges_them() -> None:
    """A check under way when the process ends is charged whole, and none begins after it."""

    class Hanging(Model):
        async def __call__(self, **body: Any) -> Any:
            await asyncio.sleep(60)

    flight, ledger, kept = flight_of(), FakeLedger(), Kept()
    checks = CacheChecks(kept, Hanging([]), draw=lambda: 0.0)  # type: ignore[arg-type]  # as above
    path = CachePath(CONFIG, CATALOG, None, NoEmbedder(), ShippedLimits())
    budget = BudgetPath(CONFIG, CATALOG, ledger, FakeMonitor())
    assert checks.wants(flight, CONFIG)
    work = asyncio.create_task(checks.check(flight, CONFIG, CATALOG, path, budget))
    await asyncio.sleep(0.01)
    await checks.close()
    await work
    (held,) = ledger.holds
    assert ledger.charges[held.call_id] == LowerBound(held.micros, held.tokens)
    assert not checks.wants(flight_of(), CONFIG)


def test_only_what_a_score_decided_is_drawn() -> None:
    """The same words, refusals by a check, exact hits and misses without a neighbour are never checked."""
    checks = CacheChecks(Kept(), draw=lambda: 0.0)  # type: ignore[arg-type]  # as above
    assert checks.wants(flight_of(), CONFIG)
    flight = flight_of()
    flight.cache = replace(flight.cache, near=None)
    assert not checks.wants(flight, CONFIG)
    assert not CacheChecks(Kept(), draw=lambda: 0.99).wants(flight_of(), CONFIG)  # type: ignore[arg-type]  # as above

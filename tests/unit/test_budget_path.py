"""The budget's part of the path: further attempts, stepping down in time, and what metrics are told."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from plugins.adapters.budget_metrics import BudgetMetrics
from plugins.budget import Alert, SeenLeft
from plugins.budget_path import BudgetPath
from plugins.config import CapConfig, GatewayConfig
from plugins.errors import OverBudget
from plugins.flight import Flight, response_headers
from plugins.routing import table
from plugins.values import (
    Call,
    Cap,
    CapState,
    Constraints,
    Difficulty,
    Exact,
    Hold,
    Layer,
    LedgerAway,
    LowerBound,
    OverCap,
    Route,
    Verdict,
    Window,
)
from tests.fakes import FakeLedger, FakeMonitor
from tests.unit.test_pipeline import admitted, pipeline
from tests.unit.test_routing import CATALOG, CONFIG, call

DAY = Cap("tenant", Window.DAY, micros=1000)
FAR_S = 2**33
HARD = "solve 0.9"


def stepping(**budgets: Any) -> GatewayConfig:
    """The test config with a cap, and stepping down from 80 % on unless told otherwise."""
    trial = CONFIG.tenants["trial"].model_copy(update={"caps": (CapConfig(usd=Decimal("0.001"), per=Window.DAY),)})
    changed = CONFIG.budgets.model_copy(update={"step_down_share": 0.8, **budgets})
    return CONFIG.model_copy(update={"budgets": changed, "tenants": {**CONFIG.tenants, "trial": trial}})


async def in_flight(ledger: FakeLedger, monitor: FakeMonitor | None = None) -> tuple[BudgetPath, Flight, Call]:
    """A call that is held for and on its way to the model."""
    path = pipeline(ledger)
    flight, error = await admitted(path, made := call(HARD))
    assert error is None
    return path.budget, flight, made


async def test_a_second_attempt_after_a_doubtful_one_has_a_hold_of_its_own() -> None:
    """The first hold stays charged whole, because the provider may bill it; the cost is told apart."""
    ledger = FakeLedger()
    budget, flight, _ = await in_flight(ledger)
    assert await budget.hold_again(flight) is None
    assert [h.call_id for h in ledger.holds] == ["id", "id-1"]
    most = ledger.holds[0].micros
    assert ledger.charges == {"id": LowerBound(most, ledger.holds[0].tokens)}
    assert flight.hold is not None and flight.hold.call_id == "id-1" and flight.costs == {"failed_attempts": most}


async def test_a_second_attempt_without_room_is_not_made() -> None:
    """The refusal is the budget's, and the first hold is settled as if nothing else had been asked."""
    ledger = FakeLedger()
    budget, flight, _ = await in_flight(ledger)
    ledger.answer = OverCap(CapState(DAY, 900, 0, FAR_S), 200, 60)
    assert isinstance(await budget.hold_again(flight), OverBudget)
    assert flight.hold is not None and flight.hold.call_id == "id" and not ledger.charges


async def test_what_is_left_is_looked_up_once_a_second_while_nothing_changes() -> None:
    """Hits of the cache one after another share a look at the ledger, until this process holds or charges."""
    ledger = FakeLedger(states_seen=(CapState(DAY, 700, 100, FAR_S),))
    path, made, tenant = BudgetPath(CONFIG, CATALOG, ledger, FakeMonitor()), call(HARD), CONFIG.tenants["trial"]
    assert [await path.left(made, tenant) for _ in range(3)] == [200] * 3 and ledger.asked == 1
    ledger.states_seen = (CapState(DAY, 800, 100, FAR_S),)
    held = await ledger.reserve(path.reservation("id", made, tenant, (10, 10), "small"))
    assert await path.left(made, tenant) == 100
    assert isinstance(held, Hold)
    await ledger.settle(held, Exact(10, 10))
    await path.left(made, tenant)
    assert ledger.asked == 3


def test_what_is_left_is_not_believed_for_long() -> None:
    """What other replicas spend shows within a second."""
    seen = SeenLeft(most=1)
    seen.note("acme", (DAY,), (3, 10.0), None)
    assert seen.of("acme", (DAY,), (3, 10.9)) == (None,)
    assert seen.of("acme", (DAY,), (3, 11.1)) is None and seen.of("acme", (DAY,), (4, 10.0)) is None
    seen.note("globex", (DAY,), (3, 10.0), 5)
    assert seen.of("acme", (DAY,), (3, 10.0)) is None and seen.of("globex", (DAY,), (3, 10.0)) == (5,)


async def test_a_call_beside_the_clients_is_not_made_without_the_ledger() -> None:
    """And what its unanswered reserve may have held is given back."""
    ledger = FakeLedger(LedgerAway("gone"))
    made = call(HARD)
    path = BudgetPath(CONFIG, CATALOG, ledger, FakeMonitor())
    request = path.reservation("id-judge", made, CONFIG.tenants["trial"], (10, 10), "small")
    assert await path.hold_beside(request) is None and ledger.abandoned == ["id-judge"]
    ledger.answer = None
    assert await path.hold_beside(request) is not None


@pytest.mark.parametrize(("attempt", "charged"), [("acompletion", True), ("", False)])
async def test_a_failure_costs_nothing_unless_it_may_have_been_billed(attempt: str, charged: bool) -> None:
    """An error answer is free; a time-out or a broken line keeps the hold charged."""
    ledger = FakeLedger()
    path = pipeline(ledger)
    flight, _ = await admitted(path, call(HARD))
    flight.failed, flight.attempt = True, attempt
    await path.finish(flight)
    assert ledger.charges["id"].micros == (ledger.holds[0].micros if charged else 0)


async def test_auto_steps_down_before_the_wall() -> None:
    """Once a reserve saw the cap at its share, the next hard question goes to the tier below, and says why."""
    ledger = FakeLedger(states_seen=(CapState(DAY, 700, 100, FAR_S),))
    path = pipeline(ledger, config=stepping())
    first, _ = await admitted(path, call(HARD))
    second, error = await admitted(path, call(HARD))
    assert first.tier == "frontier" and second.tier == "mid" and error is None
    assert (
        "frontier -> mid: 80 % of the budget per day for the tenant is used"
        in response_headers(second)["x-tierwise-reason"]
    )
    noted = next(step.attributes for step in second.steps if step.name == "classify")
    assert "80 %" in str(noted["step_down"])
    assert second.route is not None and "frontier" not in second.route.fallbacks and not second.route.escalate_to


async def test_below_the_share_and_by_default_nothing_changes() -> None:
    """Stepping down has to be configured, and begins at the share."""
    for spent, config in ((699, stepping()), (999, stepping(step_down_share=None))):
        path = pipeline(FakeLedger(states_seen=(CapState(DAY, spent, 100, FAR_S),)), config=config)
        await admitted(path, call(HARD))
        assert (await admitted(path, call(HARD)))[0].tier == "frontier"


def routed(model: str, **changes: Any) -> Route:
    verdict = Verdict("maths", Difficulty.HARD, Layer.SCORED, 0.9, 0.7, 0.9, reason="hardness 0.90 >= 0.70")
    route = table.route(verdict, call(HARD, model=model, **changes), Constraints(), CONFIG, CATALOG, None, "spare it")
    assert isinstance(route, Route)
    return route


def test_who_asks_for_the_best_or_needs_it_still_gets_it() -> None:
    """`best` begins at the dearest tier; and a key that may use nothing else is not refused."""
    assert routed("best").tier == "frontier"
    assert routed("auto", models=("auto", "frontier")).tier == "frontier"
    assert routed("auto").tier == "mid"


async def test_refusals_and_states_reach_the_monitor() -> None:
    """Each reserve tells what it saw, a refusal also which cap it was."""
    state, monitor = CapState(DAY, 990, 0, FAR_S), FakeMonitor()
    budget = BudgetPath(CONFIG, CATALOG, FakeLedger(OverCap(state, 100, 60)), monitor)
    made = call(HARD)
    route = routed("auto")
    flight = Flight(made.id, made.endpoint, 1, call=made)
    assert isinstance(await budget.reserve(flight, made, CONFIG.tenants["trial"], route), OverBudget)
    assert monitor.seen == [state] == monitor.refused


def sample(registry: CollectorRegistry, name: str, **labels: str) -> float | None:
    return registry.get_sample_value(f"tierwise_budget_{name}", labels)


def test_metrics_show_cap_spent_and_reserved_by_scope() -> None:
    """Dollars for dollar caps, tokens for token caps, with the tier where a cap has one."""
    meter = BudgetMetrics(registry := CollectorRegistry())
    in_tokens = Cap("app:web", Window.MONTH, tokens=50, tier="small")
    meter.budget_seen("acme", (CapState(DAY, 250, 500, FAR_S), CapState(in_tokens, 5, 6, FAR_S)))
    dollars = {"tenant": "acme", "scope": "tenant", "tier": "any", "window": "day", "unit": "usd"}
    tokens = {"tenant": "acme", "scope": "app:web", "tier": "small", "window": "month", "unit": "tokens"}
    assert [sample(registry, n, **dollars) for n in ("cap", "spent", "reserved")] == [0.001, 0.00025, 0.0005]
    assert [sample(registry, n, **tokens) for n in ("cap", "spent", "reserved")] == [50, 5, 6]


def test_metrics_have_no_end_of_series() -> None:
    """End users share one refusal counter and have no gauge; beyond the limit there are no new gauges."""
    meter = BudgetMetrics(registry := CollectorRegistry(), max_series=1)
    for scope in ("tenant", "app:web", "user:anna", "user:bert"):
        state = CapState(Cap(scope, Window.DAY, micros=10), 10, 0, FAR_S)
        meter.budget_seen("acme", (state,))
        meter.budget_refused("acme", state)
    caps = [s for metric in registry.collect() for s in metric.samples if s.name == "tierwise_budget_cap"]
    assert len(caps) == 1
    assert sample(registry, "refusals_total", tenant="acme", scope="user", tier="any", window="day") == 2


def test_alerts_are_counted_by_share() -> None:
    """So that a rule can page without reading logs."""
    meter = BudgetMetrics(registry := CollectorRegistry())
    meter.alerted(Alert("acme", "tenant", None, Window.DAY, 950, 96, 100, False, FAR_S))
    assert sample(registry, "alerts_total", tenant="acme", share="0.95") == 1


def test_metrics_forget_a_window_that_has_ended() -> None:
    """An alert on a cap at 80 % ends with the window, also when no call of the tenant comes after it."""
    meter = BudgetMetrics(registry := CollectorRegistry())
    meter.budget_seen("acme", (CapState(DAY, 900, 50, 1_000),))
    labels = {"tenant": "acme", "scope": "tenant", "tier": "any", "window": "day", "unit": "usd"}
    meter.windows_end(999)
    assert sample(registry, "spent", **labels) == 0.0009
    meter.windows_end(1_000)
    assert [sample(registry, name, **labels) for name in ("cap", "spent", "reserved")] == [0.001, 0, 0]

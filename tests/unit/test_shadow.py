"""Shadow calls: when a candidate may be asked beside an answer, what is held for it, and what it is charged."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from plugins.adapters.shadow import Shadow, prepare
from plugins.budget_path import BudgetPath
from plugins.flight import Flight
from plugins.proof.shadow import Running, ShadowPath
from plugins.proof_config import RolloutConfig
from plugins.values import Cap, CapState, Endpoint, OverCap, Stage, Window, micros
from tests.fakes import FakeLedger, FakeMonitor
from tests.unit.test_experiments import at
from tests.unit.test_pipeline import admitted, pipeline
from tests.unit.test_routing import CATALOG, CONFIG, call

ALWAYS = CONFIG.model_copy(update={"rollout": RolloutConfig(shadow_share=0.5)})
TRIALS = at(Stage.SHADOW)


def path(ledger: FakeLedger, running: int = 0) -> ShadowPath:
    return ShadowPath(ALWAYS, CATALOG, BudgetPath(ALWAYS, CATALOG, ledger, FakeMonitor()), Running(running))


async def answered() -> Flight:
    """A request that a candidate is to be asked beside, answered."""
    admitting = replace(pipeline(FakeLedger(), config=ALWAYS), trials=TRIALS)
    for n in range(40):
        flight, _ = await admitted(admitting, call("x 0.1", id=f"call-{n}", max_output_tokens=10))
        if flight.shadow is not None:
            flight.status, flight.body = 200, {"messages": [{"role": "user", "content": "x 0.1"}]}
            return flight
    raise AssertionError("none of 40 was drawn")


async def test_it_holds_its_worst_case_under_a_cap_of_its_own() -> None:
    """Beside the tenant's caps."""
    ledger, flight = FakeLedger(), await answered()
    assert flight.shadow is not None and path(ledger).wanted(flight)
    await path(ledger).hold(flight, flight.shadow)
    held = ledger.holds[0]
    assert held.call_id.endswith("-shadow") and held.micros > 0
    assert Cap("shadow", Window.DAY, micros=micros(1)) in held.caps


@pytest.mark.parametrize("change", ["refused", "cached", "many", "unread"])
async def test_when_it_is_not_asked(change: str) -> None:
    """No answer to compare with, too many under way, or nothing to send."""
    flight = await answered()
    running = ALWAYS.rollout.shadow_at_once if change == "many" else 0
    if change == "refused":
        flight.status = 503
    elif change == "cached":
        flight.checked = True
    elif change == "unread":
        flight.body = {}
    assert not path(FakeLedger(), running).wanted(flight)


async def test_over_a_cap_nobody_is_asked() -> None:
    """And nothing is charged or noted."""
    over = OverCap(CapState(Cap("shadow", Window.DAY, micros=1), 1, 0, 0), 9, 60)
    flight = await answered()
    await Shadow().beside(path(FakeLedger(over)), flight, TRIALS)
    assert "shadow" not in flight.costs and "shadow" not in [step.name for step in flight.steps]


async def test_a_rollout_that_has_moved_on_asks_nobody() -> None:
    """A request may be older than the stage."""
    ledger, flight = FakeLedger(), await answered()
    await Shadow().beside(path(ledger), flight, at(Stage.FIVE))
    assert not ledger.holds


@pytest.mark.parametrize(
    ("endpoint", "data", "expected"),
    [
        (Endpoint.CHAT, {"messages": [{"role": "user", "content": "x"}]}, ("messages", 0, "content")),
        (Endpoint.RESPONSES, {"input": "x", "instructions": "Own."}, ("instructions",)),
        (Endpoint.MESSAGES, {"messages": [], "system": "Own."}, ("system", 0, "text")),
        (Endpoint.MESSAGES, {"messages": [], "system": [{"type": "text", "text": "Own."}]}, ("system", 0, "text")),
    ],
)
def test_a_variants_text_comes_first(endpoint: Endpoint, data: dict[str, Any], expected: tuple[Any, ...]) -> None:
    """Before the request's own, which stays."""
    flight = Flight("id", endpoint, 1, call("x", endpoint=endpoint))
    flight.system = "Be brief."
    prepare(data, flight)
    found: Any = data
    for step in expected:
        found = found[step]
    assert found.startswith("Be brief.") and ("Own." in str(data) or endpoint is Endpoint.CHAT)

"""When a better model is asked, and within what budget."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.answer_judge import AnswerJudge
from plugins.answers_config import EscalationConfig
from plugins.budget_path import BudgetPath
from plugins.escalation_path import EscalationPath
from plugins.flight import Flight
from plugins.shares import RECENT_ANSWERS, Share
from plugins.values import Call, Cap, CapState, Constraints, Endpoint, Exact, Hints, LedgerAway, OverCap, Window
from tests.fakes import FakeLedger, FakeMonitor, FakeSmallModel
from tests.unit.test_pipeline import admitted, pipeline
from tests.unit.test_routing import CATALOG, CONFIG, call

EASY = "What is the capital of Austria? 0.1"


def path(ledger: FakeLedger | None = None, small: FakeSmallModel | None = None, **settings: Any) -> EscalationPath:
    config = CONFIG.model_copy(update={"escalation": EscalationConfig(**{"max_share": 1.0} | settings)})
    paths = config, CATALOG, BudgetPath(config, CATALOG, ledger or FakeLedger(), FakeMonitor())
    return EscalationPath(*paths, AnswerJudge(*paths, small or FakeSmallModel()))


async def answered(text: str, made: Call | None = None, finish: str = "stop") -> Flight:
    flight, _ = await admitted(pipeline(FakeLedger()), made or call(EASY))
    flight.answer, flight.finish_reason = text, finish
    return flight


@pytest.mark.parametrize(("answer", "tier"), [("", "mid"), ("Vienna.", None)])
async def test_a_bad_cheap_answer_asks_the_next_tier(answer: str, tier: str | None) -> None:
    """An empty answer escalates by one tier; a good one does not."""
    assert await path().wants_better(await answered(answer)) == tier


async def test_a_broken_response_is_a_bad_answer() -> None:
    """What the response itself has wrong counts, however good its text looks."""
    flight = await answered("Vienna.")
    flight.fault = "the answer names another model than the one that was asked"
    assert await path().wants_better(flight) == "mid"


async def test_a_caller_may_want_no_better_model() -> None:
    """Who measures one tier gets that tier's answer, bad as it is; a stream is not held back for a check."""
    flight = await answered("", call(EASY, hints=Hints(escalate=False)))
    assert await path().wants_better(flight) is None
    streamed = await answered("", call(EASY, stream=True, hints=Hints(escalate=False)))
    assert streamed.route is not None
    assert not path(buffer_streams_for=(streamed.route.verdict.task,)).buffers(streamed)


@pytest.mark.parametrize("endpoint", [Endpoint.CHAT, Endpoint.RESPONSES, Endpoint.MESSAGES])
async def test_answers_of_trials_are_checked_at_every_endpoint_that_takes_part(endpoint: Endpoint) -> None:
    """Else only its failures would count, and every answer of such an endpoint would look bad."""
    flight = await answered("", call(EASY, endpoint=endpoint))
    flight.variant = "experiment/x/1:control"
    await path().check_afterwards(flight)
    assert [step.attributes["ok"] for step in flight.steps if step.name == "answer check"] == [False]


async def test_a_request_is_escalated_once() -> None:
    """The better answer is not checked for a third model."""
    flight = await answered("")
    flight.escalations = 1
    assert await path().wants_better(flight) is None


async def test_a_stream_is_asked_again_only_when_it_was_held_back() -> None:
    """By task class; the first byte of any other stream is gone."""
    flight = await answered("", call(EASY, stream=True))
    assert flight.route is not None
    assert await path().wants_better(flight) is None and not path().buffers(flight)
    held = path(buffer_streams_for=(flight.route.verdict.task,))
    assert held.buffers(flight) and await held.wants_better(flight) == "mid"


async def test_no_escalation_leaves_the_premises() -> None:
    """Constraints hold at this step too, whatever the route says."""
    flight = await answered("")
    flight.constraints = Constraints(on_premise_only=True, reason="residency")
    assert await path().wants_better(flight) is None


async def test_the_share_is_never_exceeded() -> None:
    """With nothing but bad answers, so many are asked again as the share allows and no more."""
    one = path(max_share=0.1)
    asked = 0
    for _ in range(200):
        flight = await answered("")
        if tier := await one.wants_better(flight):
            asked += await one.hold(flight, call(EASY), tier) is not None
    assert asked == 20
    share = one.shares["trial"]
    assert (share.answers, share.used) == (200, 20)


async def test_requests_at_once_keep_to_the_share_together() -> None:
    """The share is used from the moment a second attempt is decided on, not only once it is paid."""
    one = path(max_share=0.1)

    async def asked(flight: Flight) -> bool:
        tier = await one.wants_better(flight)
        return tier is not None and await one.hold(flight, call(EASY), tier) is not None

    done = await asyncio.gather(*[asked(await answered("")) for _ in range(40)])
    assert sum(done) == 4


@given(
    most=st.floats(0, 1),
    events=st.lists(st.tuples(st.integers(0, 3), st.booleans()), max_size=300),
    old=st.integers(0, RECENT_ANSWERS),
)
def test_no_number_of_processes_exceeds_the_share(most: float, events: list[tuple[int, bool]], old: int) -> None:
    """Whatever each of four processes answers and asks again, in sum it is within the share, also where old answers
    are halved away in between."""
    shares = [Share(answers=old, used=int(most * old)) for _ in range(4)]
    answers, escalated = 4 * old, 4 * int(most * old)
    for process, bad in events:
        shares[process].count()
        answers += 1
        if bad and shares[process].allows(most):
            shares[process].used += 1
            escalated += 1
        assert escalated <= most * answers + 1e-9


async def test_tenants_have_shares_of_their_own() -> None:
    """One that uses its own up leaves the others'."""
    one = path(max_share=0.02)
    one.shares["trial"].answers = one.shares["another"].answers = 49
    flight = await answered("")
    assert await one.wants_better(flight) and await one.hold(flight, call(EASY), "mid")
    assert await one.wants_better(await answered("")) is None
    other = await answered("")
    assert other.call is not None
    other.call = replace(other.call, caller=replace(other.call.caller, tenant="another"))
    assert await one.wants_better(other) == "mid"


async def test_the_second_attempt_is_held_for_and_charged_apart() -> None:
    """Its hold is its own, with the tenant's limit for escalation among the caps."""
    ledger = FakeLedger()
    one, flight = path(ledger, max_usd_per_day=Decimal("0.5")), await answered("")
    hold = await one.hold(flight, call(EASY), "mid")
    assert hold is not None and hold.call_id == "id-escalate"
    assert Cap("escalation", Window.DAY, micros=500_000) in ledger.holds[0].caps
    await one.settle(flight, hold, Exact(7, 10))
    assert flight.costs == {"escalation": 7} and ledger.charges["id-escalate"] == Exact(7, 10)


OVER = OverCap(CapState(Cap("escalation", Window.DAY, micros=10), 10, 0, 2_000_000_000), 100, 60)


@pytest.mark.parametrize("refusal", [OVER, LedgerAway("gone")])
async def test_without_budget_the_first_answer_must_do(refusal: OverCap | LedgerAway) -> None:
    """Over the limit, or when nobody can say: no second call, and the share is not used."""
    one, flight = path(FakeLedger(refusal)), await answered("")
    assert await one.hold(flight, call(EASY), "mid") is None
    assert one.shares["trial"].used == 0

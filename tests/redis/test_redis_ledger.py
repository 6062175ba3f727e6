"""The ledger on a real Redis: all or nothing, exactly once, and every change on record."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import cast

import pytest
from redis.asyncio import Redis

from plugins.adapters.ledger_wire import MAX_AMOUNT
from plugins.budget_windows import candidates
from plugins.config import BudgetConfig
from plugins.errors import BadRequest
from plugins.values import AtMost, Cap, Charge, Exact, Hold, LowerBound, OverCap, Settled, Window
from tests.ledgers import DAY, PATIENT, Tenant, TurnedCalendar, let_expire, tenant_on
from tests.servers import running_redis

RELEASE = BudgetConfig(timeout_ms=10_000, expired_holds="release")


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with running_redis() as server:
        yield server.url


@pytest.fixture
async def acme(url: str, tmp_path: Path) -> AsyncIterator[Tenant]:
    async with tenant_on(url, tmp_path) as tenant:
        yield tenant


@pytest.fixture
async def lenient(url: str, tmp_path: Path) -> AsyncIterator[Tenant]:
    async with tenant_on(url, tmp_path, RELEASE) as tenant:
        yield tenant


async def test_a_cap_is_filled_to_the_last_micro_dollar(acme: Tenant) -> None:
    """The call that fits exactly is held, one micro-dollar more is refused with the facts."""
    first = await acme.hold(1000)
    assert first.remaining_micros == 0
    over = await acme.ledger.reserve(acme.request(1))
    assert isinstance(over, OverCap)
    assert (over.state.cap, over.state.spent, over.state.reserved, over.needed) == (DAY, 0, 1000, 1)


async def test_a_refusal_holds_nothing_anywhere(acme: Tenant) -> None:
    """One cap without room refuses the call for all of them."""
    tight = Cap("user:u", Window.TOTAL, micros=50)
    acme.caps = (DAY, tight)
    over = await acme.ledger.reserve(acme.request(51))
    assert isinstance(over, OverCap)
    assert over.state.cap == tight
    assert await acme.balance(DAY) == (0, 0)
    assert await acme.balance(tight) == (0, 0)


async def test_exact_usage_refunds_the_rest(acme: Tenant) -> None:
    """After the settle only the true cost is spent and nothing is reserved."""
    assert await acme.ledger.settle(await acme.hold(400), Exact(150, 5)) == Settled(150, 850, first=True)
    assert await acme.balance() == (150, 0)


async def test_a_lower_bound_never_refunds(acme: Tenant) -> None:
    """A broken stream is charged its whole hold, or more if more was counted."""
    await acme.ledger.settle(await acme.hold(100), LowerBound(30, 1))
    assert await acme.balance() == (100, 0)
    await acme.ledger.settle(await acme.hold(100), LowerBound(130, 1))
    assert await acme.balance() == (230, 0)


async def test_what_cannot_have_been_used_is_refunded(acme: Tenant) -> None:
    """Of a call whose usage nobody knows, when a cheaper model was asked than the hold is for."""
    assert (await acme.ledger.settle(await acme.hold(400), AtMost(150, 5))).charged_micros == 150
    assert await acme.balance() == (150, 0)
    assert await acme.is_balanced()


async def test_usage_above_the_hold_is_charged_even_above_the_cap(acme: Tenant) -> None:
    """The truth is booked; the cap then refuses every further call."""
    settled = await acme.ledger.settle(await acme.hold(900), Exact(1200, 0))
    assert (settled.charged_micros, settled.remaining_micros) == (1200, -200)
    assert isinstance(await acme.ledger.reserve(acme.request(1)), OverCap)


async def test_second_settle_changes_nothing(acme: Tenant) -> None:
    """The first settle decides; later ones say so, with what was charged."""
    hold = await acme.hold(100)
    await acme.ledger.settle(hold, Exact(40, 4))
    again = await acme.ledger.settle(hold, LowerBound(90, 9))
    assert (again.first, again.charged_micros) == (False, 40)
    assert await acme.balance() == (40, 0)


async def test_of_two_settles_at_once_one_counts(acme: Tenant) -> None:
    """Two hooks that fire together settle once; both learn the charge."""
    hold = await acme.hold(100)
    settled = await asyncio.gather(acme.ledger.settle(hold, Exact(40, 4)), acme.ledger.settle(hold, Exact(0, 0)))
    assert [(s.first, s.charged_micros) for s in settled] == [(True, 40), (False, 40)]
    assert await acme.balance() == (40, 0)


async def test_a_settle_from_another_process_is_recognised(acme: Tenant, url: str, tmp_path: Path) -> None:
    """A ledger that never saw the call settles its hold, once over both."""
    hold = await acme.hold(100)
    async with tenant_on(url, tmp_path, name=acme.name) as other:
        assert (await other.ledger.settle(hold, Exact(40, 4))).first
        assert not (await other.ledger.settle(hold, Exact(40, 4))).first
    assert await acme.balance() == (40, 0)


async def test_a_call_id_is_never_held_or_used_twice(acme: Tenant) -> None:
    """Two calls under one id would share a hold: the second is refused, also after the first settled."""
    hold = await acme.hold(100, call_id="same")
    with pytest.raises(BadRequest, match="used before"):
        await acme.hold(100, call_id="same")
    await acme.ledger.settle(hold, Exact(1, 1))
    with pytest.raises(BadRequest, match="used before"):
        await acme.hold(100, call_id="same")
    assert await acme.balance() == (1, 0)


async def test_caps_of_a_tier_count_that_tier_alone(acme: Tenant) -> None:
    """A frontier cap refuses frontier calls and leaves the others alone."""
    frontier = Cap("tenant", Window.DAY, micros=50, tier="frontier")
    acme.caps = (DAY, frontier)
    assert isinstance(await acme.ledger.reserve(acme.request(60, tier="frontier")), OverCap)
    held = await acme.hold(60, tier="small")
    assert [state.cap for state in held.states] == [DAY]
    assert await acme.balance(frontier) == (0, 0)


async def test_token_caps_hold_and_settle_in_tokens(acme: Tenant) -> None:
    """Tokens are reserved and charged beside the dollars; they are not part of the dollar headroom."""
    tokens = Cap("app:web", Window.HOUR, tokens=25)
    acme.caps = (tokens,)
    hold = await acme.hold(10**9, 20)
    assert hold.remaining_micros is None
    assert isinstance(await acme.ledger.reserve(acme.request(1, 6)), OverCap)
    await acme.ledger.settle(hold, Exact(10, 19))
    assert await acme.balance() == (19, 0)


async def test_two_caps_on_one_counter_count_once(acme: Tenant) -> None:
    """The lower of two daily caps decides, and a call is not counted twice."""
    lower = Cap("tenant", Window.DAY, micros=300)
    acme.caps = (DAY, lower)
    hold = await acme.hold(200)
    assert [state.reserved for state in hold.states] == [200, 200]
    over = await acme.ledger.reserve(acme.request(101))
    assert isinstance(over, OverCap)
    assert over.state.cap == lower


async def test_a_new_window_starts_empty_and_old_holds_stay_in_theirs(acme: Tenant) -> None:
    """A call that runs over midnight is charged to the day it was admitted in."""
    calendar = acme.ledger._calendar
    assert isinstance(calendar, TurnedCalendar)
    hold = await acme.hold(900)
    calendar.page = 1
    assert await acme.balance() == (0, 0)
    await acme.ledger.settle(hold, Exact(800, 0))
    assert await acme.balance() == (0, 0)
    calendar.page = 0
    assert await acme.balance() == (800, 0)


async def test_an_expired_hold_is_charged_as_unknown(acme: Tenant, url: str) -> None:
    """Nobody settled: the next call finds the whole hold spent, and nothing reserved for ever."""
    hold = await acme.hold(600)
    await let_expire(url, acme.name, hold.call_id)
    assert isinstance(await acme.ledger.reserve(acme.request(401)), OverCap)
    assert await acme.balance() == (600, 0)


async def test_an_expired_hold_is_given_back_where_the_policy_says_so(lenient: Tenant, url: str) -> None:
    """With `release` the headroom returns."""
    hold = await lenient.hold(600)
    await let_expire(url, lenient.name, hold.call_id)
    await lenient.hold(1000)
    assert await lenient.balance() == (0, 1000)


@pytest.mark.parametrize(
    ("charge", "spent"), [(Exact(70, 1), 70), (LowerBound(70, 1), 600), (AtMost(70, 1), 70), (Exact(650, 1), 650)]
)
async def test_a_late_settle_corrects_the_charge_of_an_expired_hold(
    acme: Tenant, url: str, charge: Charge, spent: int
) -> None:
    """Expiry and settle together charge what the settle alone would have; a second one changes nothing."""
    hold = await acme.hold(600)
    await let_expire(url, acme.name, hold.call_id)
    await acme.ledger.reconcile(acme.name)
    assert (await acme.ledger.settle(hold, charge)).first
    assert not (await acme.ledger.settle(hold, charge)).first
    assert await acme.balance() == (spent, 0)
    assert await acme.is_balanced()


async def test_a_late_settle_charges_a_released_hold(lenient: Tenant, url: str) -> None:
    """What was given back as unknown is charged when the truth comes, once."""
    hold = await lenient.hold(600)
    await let_expire(url, lenient.name, hold.call_id)
    await lenient.ledger.reconcile(lenient.name)
    await lenient.ledger.settle(hold, Exact(70, 1))
    await lenient.ledger.settle(hold, Exact(70, 1))
    assert await lenient.balance() == (70, 0)


async def test_one_round_trip_to_reserve_and_one_to_settle(acme: Tenant, url: str) -> None:
    """An admitted call costs the server exactly two commands."""
    await acme.ledger.settle(await acme.hold(1), Exact(1, 1))  # connects and loads the scripts
    async with Redis.from_url(url) as redis:
        await redis.config_resetstat()
        await acme.ledger.settle(await acme.hold(1), Exact(1, 1))
        stats = await redis.info("commandstats")
    assert stats["cmdstat_evalsha"]["calls"] == 2
    assert "cmdstat_eval" not in stats


async def test_scripts_survive_a_flush(acme: Tenant, url: str) -> None:
    """A server that forgot the scripts is taught again, within the same call."""
    await acme.hold(1)
    async with Redis.from_url(url) as redis:
        await redis.script_flush()
    await acme.ledger.settle(await acme.hold(1), Exact(1, 1))
    assert await acme.balance() == (1, 1)


async def test_amounts_up_to_what_doubles_hold_are_exact(acme: Tenant) -> None:
    """Nine billion dollars are counted to the micro-dollar; more is refused before Redis sees it."""
    acme.caps = (Cap("tenant", Window.DAY, micros=MAX_AMOUNT),)
    hold = await acme.hold(MAX_AMOUNT - 1)
    assert hold.remaining_micros == 1
    await acme.ledger.settle(hold, Exact(MAX_AMOUNT - 1, 0))
    assert await acme.balance() == (MAX_AMOUNT - 1, 0)
    with pytest.raises(ValueError, match="outside"):
        await acme.ledger.reserve(acme.request(MAX_AMOUNT + 1))


@pytest.mark.parametrize("name", ["a b", "a|b", "a=b", "a\nb", "{a}", ""])
async def test_names_that_would_break_a_plan_are_refused(acme: Tenant, name: str) -> None:
    """No call id can be read as something else by the scripts."""
    request = acme.request(1)
    with pytest.raises(ValueError, match="cannot be a name"):
        await acme.ledger.settle(Hold(name, request.tenant, 1, 1, None), Exact(0, 0))


async def test_windows_are_dropped_some_time_after_their_end(url: str, tmp_path: Path) -> None:
    """Hour, day and month hashes have an expiry; the total and the ledger never."""
    async with tenant_on(url, tmp_path, PATIENT, candidates) as tenant:
        tenant.caps = (Cap("tenant", Window.HOUR, micros=10), Cap("tenant", Window.TOTAL, micros=10))
        await tenant.ledger.settle(await tenant.hold(5), Exact(5, 1))
        async with Redis.from_url(url, decode_responses=True) as redis:
            root = f"tw:{{{tenant.name}}}"
            ids = cast(list[str], await redis.zrange(f"{root}:windows", 0, -1))
            lasting = {id_: await redis.ttl(f"{root}:w:{id_}") for id_ in ids}
            assert sorted(id_[0] for id_ in ids) == ["D", "H", "M", "T"]
            assert [id_ for id_, ttl in lasting.items() if ttl < 0] == ["T"]
            assert await redis.ttl(f"{root}:ledger") == -1

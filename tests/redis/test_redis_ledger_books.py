"""The operator's side of the ledger on a real Redis: reconcile, spending, grants, corrections, audit, alerts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from plugins.values import Cap, Exact, LowerBound, OverCap, Window
from tests.ledgers import DAY, Tenant, TurnedCalendar, ledger_entries, let_expire, tenant_on
from tests.servers import running_redis


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with running_redis() as server:
        yield server.url


@pytest.fixture
async def acme(url: str, tmp_path: Path) -> AsyncIterator[Tenant]:
    async with tenant_on(url, tmp_path) as tenant:
        yield tenant


async def test_reconcile_lists_what_it_ended(acme: Tenant, url: str) -> None:
    """Every expired hold is named with its amount; holds of calls in flight are left alone."""
    dead, _alive = await acme.hold(600, 7), await acme.hold(100)
    await let_expire(url, acme.name, dead.call_id)
    found = await acme.ledger.reconcile(acme.name)
    assert [(e.call_id, e.micros, e.tokens, e.outcome) for e in found.ended] == [(dead.call_id, 600, 7, "charged")]
    assert found.open_holds == 1
    assert await acme.balance() == (600, 100)


async def test_more_expired_holds_than_one_script_ends_are_all_reconciled(acme: Tenant, url: str) -> None:
    """Sweeping goes on until none is left."""
    acme.caps = ()
    holds = await asyncio.gather(*(acme.hold(1) for _ in range(230)))
    await let_expire(url, acme.name, *(hold.call_id for hold in holds))
    assert len((await acme.ledger.reconcile(acme.name)).ended) == 230
    assert await acme.balance(DAY) == (230, 0)


async def test_spending_is_kept_without_any_cap(acme: Tenant) -> None:
    """Tenant and application have their day, month and total for reports."""
    acme.caps = ()
    hold = await acme.hold(500, 9)
    assert (hold.remaining_micros, hold.states) == (None, ())
    await acme.ledger.settle(hold, Exact(123, 8))
    shown = await acme.ledger.spending(acme.name, "UTC", ("tenant", "app:web"))
    assert [(s.scope, s.micros, s.reserved_micros, s.tokens) for s in shown] == [
        *[("tenant", 123, 0, 8)] * 3,
        *[("app:web", 123, 0, 8)] * 3,
    ]


async def test_a_cap_added_later_finds_what_was_spent_before(acme: Tenant) -> None:
    """Daily, monthly and total caps of tenant and application count from the window's start."""
    acme.caps = ()
    await acme.ledger.settle(await acme.hold(900), Exact(900, 1))
    acme.caps = (DAY,)
    assert isinstance(await acme.ledger.reserve(acme.request(101)), OverCap)


async def test_a_grant_raises_the_cap_of_this_window(acme: Tenant) -> None:
    """Granted room can be used at once, shows in the cap, and ends with the window."""
    done = await acme.ledger.grant(acme.name, "UTC", DAY, 500, "launch day", "ada")
    assert (done.before, done.after, done.applied) == (0, 500, True)
    assert (await acme.hold(1500)).states[0].limit == 1500
    calendar = acme.ledger._calendar
    assert isinstance(calendar, TurnedCalendar)
    calendar.page = 1
    assert isinstance(await acme.ledger.reserve(acme.request(1001)), OverCap)


async def test_spent_can_be_set_and_the_reason_is_kept(acme: Tenant, url: str) -> None:
    """The correction, its reason and its author are entries of the ledger, and the audit adds up."""
    await acme.ledger.settle(await acme.hold(300), Exact(300, 1))
    done = await acme.ledger.set_spent(acme.name, "UTC", DAY, 50, "invoice 7 was wrong", "ada")
    assert (done.before, done.after) == (300, 50)
    assert await acme.balance() == (50, 0)
    entry = (await ledger_entries(url, acme.name))[-1]
    assert (entry["op"], entry["micros"], entry["reason"], entry["actor"]) == (
        "set",
        "-250",
        "invoice 7 was wrong",
        "ada",
    )
    assert await acme.is_balanced()


async def test_an_adjustment_without_a_reason_is_refused(acme: Tenant) -> None:
    """Nothing changes by hand without a why."""
    with pytest.raises(ValueError, match="reason"):
        await acme.ledger.grant(acme.name, "UTC", DAY, 1, "  ", "ada")


async def test_the_audit_adds_up_over_all_kinds_of_entries(acme: Tenant, url: str) -> None:
    """Charges, expiries, late settles, grants, corrections and open holds rebuild every counter."""
    acme.caps = (
        DAY,
        Cap("user:u", Window.HOUR, tokens=10_000),
        Cap("tenant", Window.MONTH, micros=10**6, tier="small"),
    )
    await acme.ledger.settle(await acme.hold(100), Exact(1, 2))
    await acme.ledger.settle(await acme.hold(100), LowerBound(1, 2))
    expired = [await acme.hold(10), await acme.hold(20)]
    await let_expire(url, acme.name, *(hold.call_id for hold in expired))
    await acme.ledger.reconcile(acme.name)
    await acme.ledger.settle(expired[0], Exact(3, 1))
    await acme.ledger.grant(acme.name, "UTC", DAY, 100, "r", "a")
    await acme.ledger.set_spent(acme.name, "UTC", acme.caps[1], 4, "r", "a")
    await acme.hold(50)
    found = await acme.ledger.audit(acme.name)
    assert (found.equal, found.holds, found.entries) == (True, 1, 7)


async def test_the_audit_finds_a_counter_changed_by_hand(acme: Tenant, url: str) -> None:
    """A counter that nobody recorded a change of is shown with both figures."""
    await acme.ledger.settle(await acme.hold(100), Exact(60, 2))
    async with Redis.from_url(url) as redis:
        await redis.hincrby(f"tw:{{{acme.name}}}:w:T", "tenant|*|micros|spent", -10)
    found = await acme.ledger.audit(acme.name)
    (difference,) = found.differences
    assert (difference.window, difference.counter) == ("T", "tenant|*|micros|spent")
    assert (difference.counted, difference.recorded) == (50, 60)


async def test_the_audit_says_that_the_stream_was_trimmed(acme: Tenant, url: str) -> None:
    """Missing entries are not mistaken for a wrong counter without a hint."""
    for _ in range(2):
        await acme.ledger.settle(await acme.hold(100), Exact(60, 2))
    async with Redis.from_url(url) as redis:
        await redis.xtrim(f"tw:{{{acme.name}}}:ledger", maxlen=1, approximate=False)
    found = await acme.ledger.audit(acme.name)
    assert (found.equal, found.trimmed) == (False, True)


async def test_an_alert_is_given_once_over_all_replicas(acme: Tenant, url: str, tmp_path: Path) -> None:
    """Many settles on two replicas cross 80 %: one alert; 95 % is one more, and a new window begins anew."""
    async with tenant_on(url, tmp_path, name=acme.name, calendar=acme.ledger._calendar) as other:
        both = [acme, other] * 8
        holds = [await t.hold(50, call_id=f"x{i}") for i, t in enumerate(both)]
        settled = await asyncio.gather(*(t.ledger.settle(h, Exact(50, 0)) for t, h in zip(both, holds, strict=True)))
        texts = [text for s in settled for text in s.alerts]
        assert [alert.share_permille for alert in acme.alerts + other.alerts] == [800]
        assert len(texts) == 1
        await other.ledger.settle(await other.hold(200, call_id="y"), Exact(150, 0))
        assert [alert.share_permille for alert in acme.alerts + other.alerts if alert.spent == 950] == [950]


async def test_an_expiry_that_crosses_a_share_is_alerted(acme: Tenant, url: str) -> None:
    """Unknown spending warns like known spending."""
    hold = await acme.hold(900)
    await let_expire(url, acme.name, hold.call_id)
    await acme.ledger.reconcile(acme.name)
    assert [(a.share_permille, a.spent, a.limit) for a in acme.alerts] == [(800, 900, 1000)]

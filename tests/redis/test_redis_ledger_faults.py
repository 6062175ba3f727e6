"""The ledger when things break: Redis away, lost data, killed workers, clients that leave, wrong clocks."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from redis.asyncio import Redis

from plugins.adapters.ledger_journal import Journal, Settlement
from plugins.budget_windows import candidates
from plugins.config import BudgetConfig
from plugins.values import Cap, Exact, Hold, LedgerAway, LowerBound, OverCap, Window
from tests.ledgers import PATIENT, Tenant, ledger_entries, let_expire, tenant_on
from tests.servers import running_redis
from tests.waiting import PATIENCE_S

DAY_MS = 86_400_000


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with running_redis() as server:
        yield server.url


@pytest.fixture
async def acme(url: str, tmp_path: Path) -> AsyncIterator[Tenant]:
    async with tenant_on(url, tmp_path / "journal") as tenant:
        yield tenant


def journalled(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / "settlements.jsonl").read_text().splitlines()]


async def replayed(tenant: Tenant, folder: Path) -> None:
    """Wait until the ledger has emptied its journal by itself."""
    async with asyncio.timeout(PATIENCE_S):
        while not Journal(folder).is_empty:
            await tenant.ledger.states(tenant.name, "UTC", tenant.caps)
            await tenant.ledger.reserve(tenant.request(0, 0))
            await asyncio.sleep(0.02)


def worker(url: str, tenant: str, name: str, calls: int, folder: Path) -> subprocess.Popen[str]:
    arguments = [url, tenant, name, str(calls), str(folder)]
    command = [sys.executable, "-m", "tests.redis.ledger_worker", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


async def test_a_connection_that_was_just_closed_is_a_ledger_that_is_away(
    acme: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """uvloop says so by a RuntimeError, and what follows is the tenant's outage policy."""

    async def closed(*_args: object, **_options: object) -> None:
        raise RuntimeError("unable to perform operation: the handler is closed")

    monkeypatch.setattr(Redis, "execute_command", closed)
    assert isinstance(await acme.ledger.reserve(acme.request(0, 0)), LedgerAway)
    monkeypatch.undo()


async def test_processes_together_never_pass_a_cap(acme: Tenant, url: str, tmp_path: Path) -> None:
    """Two processes with many concurrent calls: the cap holds to the micro-dollar, the books balance."""
    workers = [worker(url, acme.name, f"w{n}", 120, tmp_path) for n in range(2)]
    admitted = 0
    for process in workers:
        output, _ = await asyncio.to_thread(process.communicate, timeout=60)
        assert process.returncode == 0
        admitted += int(output)
    spent, reserved = await acme.balance()
    entries = await ledger_entries(url, acme.name)
    assert spent + reserved <= 1000
    assert (spent, reserved) == (5 * len(entries), 10 * (admitted - len(entries)))
    for _ in range((1000 - spent - reserved) // 10):  # what settlements freed too late for a refused call is free
        await acme.hold(10)
    assert isinstance(await acme.ledger.reserve(acme.request(10)), OverCap)
    assert await acme.is_balanced()


async def test_the_hold_of_a_killed_worker_expires_and_is_charged(acme: Tenant, url: str, tmp_path: Path) -> None:
    """`kill -9` between reserve and settle: reserved until the hold's end, then spent as unknown."""
    process = worker(url, acme.name, "dead", 0, tmp_path)
    await asyncio.to_thread(process.communicate, timeout=60)
    assert process.returncode == -9
    assert await acme.balance() == (0, 10)
    await let_expire(url, acme.name, "dead")
    assert [ended.call_id for ended in (await acme.ledger.reconcile(acme.name)).ended] == ["dead"]
    assert await acme.balance() == (10, 0)


async def test_a_client_that_leaves_while_reserving_leaves_no_hold(acme: Tenant) -> None:
    """Whatever the moment of the cancellation, what was held is given back."""
    await acme.hold(1)
    for turns in range(6):
        task = asyncio.create_task(acme.ledger.reserve(acme.request(100)))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    await asyncio.gather(*acme.ledger._tasks)
    await asyncio.gather(*acme.ledger._tasks)
    assert await acme.balance() == (0, 1)


async def test_a_settle_goes_on_when_its_caller_is_cancelled(acme: Tenant) -> None:
    """A cancelled request is still charged."""
    hold = await acme.hold(100)
    task = asyncio.create_task(acme.ledger.settle(hold, Exact(40, 1)))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, *acme.ledger._tasks, return_exceptions=True)
    assert await acme.balance() == (40, 0)


async def test_broken_lines_are_mended_without_anybody_noticing(acme: Tenant, url: str) -> None:
    """Every connection is cut between two calls: both go through, and count once."""
    hold = await acme.hold(100)
    async with Redis.from_url(url) as redis:
        await redis.client_kill_filter(_type="normal", skipme=True)
    assert (await acme.ledger.settle(hold, Exact(40, 1))).first
    async with Redis.from_url(url) as redis:
        await redis.client_kill_filter(_type="normal", skipme=True)
    await acme.hold(100)
    assert await acme.balance() == (40, 100)


async def test_a_wrong_clock_is_learnt_from_the_server(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A host whose clock is days off charges the server's windows all the same."""
    right_s = time.time()
    async with tenant_on(url, tmp_path, PATIENT, candidates) as tenant:
        tenant.caps = (Cap("tenant", Window.HOUR, micros=500),)
        monkeypatch.setattr("plugins.adapters.ledger_books.time.time", lambda: right_s + 5 * 86_400)
        hold = await tenant.hold(100)
        assert 0 < hold.states[0].window_ends_at_s - right_s < 2 * 3600
        await tenant.ledger.settle(hold, Exact(60, 1))
        monkeypatch.undo()
    entry = (await ledger_entries(url, tenant.name))[-1]
    day = time.strftime("D%Y-%m-%d", time.gmtime(right_s))
    assert day[:8] in entry["windows"]


async def test_without_redis_a_reserve_says_so_and_holds_nothing(tmp_path: Path) -> None:
    """The answer is a value for the tenant's policy, not an exception."""
    async with tenant_on("redis://127.0.0.1:1/0", tmp_path) as tenant:
        assert isinstance(await tenant.ledger.reserve(tenant.request()), LedgerAway)


async def test_a_silent_redis_is_away_after_the_timeout(tmp_path: Path) -> None:
    """A server that accepts and never answers does not hold up a call for ever."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        async with tenant_on(url, tmp_path, BudgetConfig(timeout_ms=50)) as tenant:
            assert isinstance(await tenant.ledger.reserve(tenant.request()), LedgerAway)


async def test_a_full_redis_is_away(acme: Tenant, url: str) -> None:
    """A server without memory refuses writes: nothing is admitted on it, and settles are journalled."""
    hold = await acme.hold(100)
    async with Redis.from_url(url) as redis:
        await redis.config_set("maxmemory", 1)
        away = await acme.ledger.reserve(acme.request())
        settled = await acme.ledger.settle(hold, Exact(40, 1))
        await redis.config_set("maxmemory", 0)
    assert isinstance(away, LedgerAway)
    assert (settled.charged_micros, settled.first) == (40, True)
    await acme.ledger.replay_journal()
    assert await acme.balance() == (40, 0)


async def test_settlements_of_an_outage_are_journalled_and_replayed_once(tmp_path: Path) -> None:
    """Redis goes in mid-call and comes back with its data: calls of before and meanwhile both count."""
    folder = tmp_path / "journal"
    with running_redis(tmp_path / "data") as server:
        async with tenant_on(server.url, folder) as tenant:
            held, broken = await tenant.hold(100), await tenant.hold(50)
            server.stop()
            request = tenant.request(70)
            assert isinstance(await tenant.ledger.reserve(request), LedgerAway)
            unheld = await tenant.ledger.admit_unheld(request)
            for hold, charge in ((held, Exact(40, 1)), (broken, LowerBound(7, 1)), (unheld, Exact(60, 1))):
                assert (await tenant.ledger.settle(hold, charge)).first
            assert not (await tenant.ledger.settle(held, Exact(40, 1))).first
            assert [line["call_id"] for line in journalled(folder)] == [
                "call-1",
                "call-2",
                "call-3",
                "call-1",
            ]
            server.start()
            await replayed(tenant, folder)
            assert await tenant.balance() == (40 + 50 + 60, 0)
            assert await tenant.is_balanced()


async def test_a_hold_that_the_server_lost_is_charged_by_what_the_client_knows(tmp_path: Path) -> None:
    """A Redis that comes back empty still learns what the call cost."""
    with running_redis() as server:
        async with tenant_on(server.url, tmp_path) as tenant:
            hold = await tenant.hold(100)
            server.stop()
            server.start()
            assert (await tenant.ledger.settle(hold, Exact(40, 1))).first
            assert not (await tenant.ledger.settle(hold, Exact(40, 1))).first
            assert await tenant.balance() == (40, 0)


async def test_a_refused_call_gives_back_what_an_unanswered_reserve_holds(acme: Tenant, url: str) -> None:
    """The server held but its answer was lost: the refused call's hold goes when Redis answers again."""
    request = acme.request(300)
    async with Redis.from_url(url) as redis:
        await acme.ledger.states(acme.name, "UTC", acme.caps)
        impatient = acme.ledger._scripts
        impatient._timeout_s = 0.05
        await redis.client_pause(200, all=True)
        assert isinstance(await acme.ledger.reserve(request), LedgerAway)
        impatient._timeout_s = 10.0
    await acme.ledger.abandon(request)
    await acme.hold(1)
    while acme.ledger._tasks:
        await asyncio.gather(*acme.ledger._tasks)
    assert await acme.balance() == (0, 1)


async def test_the_local_allowance_is_bounded_until_redis_is_back(tmp_path: Path) -> None:
    """What may be admitted without a ledger is used up by what was, and begins anew after an answer."""
    with running_redis() as server:
        async with tenant_on(server.url, tmp_path) as tenant:
            server.stop()
            first, second = tenant.request(60), tenant.request(60)
            assert tenant.ledger.fits_allowance(first, 100)
            await tenant.ledger.admit_unheld(first)
            assert not tenant.ledger.fits_allowance(second, 100)
            server.start()
            await tenant.hold(1)
            assert tenant.ledger.fits_allowance(second, 100)


async def test_a_settlement_that_was_delivered_is_not_replayed(acme: Tenant, url: str, tmp_path: Path) -> None:
    """The line broke after the script ran: its journalled copy changes nothing, not even days later."""
    hold = await acme.hold(100)
    settled = await acme.ledger.settle(hold, Exact(40, 4))
    assert settled.first
    now_ms = int(time.time() * 1000)
    copy = Settlement(hold.call_id, acme.name, "exact", 40, 4, "tenant|*|micros=T", "-", "T@0", "small", now_ms)
    journal = Journal(tmp_path / "journal")
    journal.append(copy)
    journal.append(copy)
    assert await acme.ledger.replay_journal() == 2
    assert await acme.balance() == (40, 0)
    async with Redis.from_url(url) as redis:  # two days later the server has forgotten the call
        await redis.delete(f"tw:{{{acme.name}}}:done:{now_ms // DAY_MS}")
    journal.append(replace(copy, attempted_ms=now_ms - 2 * DAY_MS))
    await acme.ledger.replay_journal()
    assert len(await ledger_entries(url, acme.name)) == 1


async def test_a_settlement_of_long_ago_that_never_arrived_is_replayed(acme: Tenant, tmp_path: Path) -> None:
    """After an outage of days, what the stream does not know is charged."""
    then_ms = int(time.time() * 1000) - 3 * DAY_MS
    old = Settlement("old", acme.name, "exact", 40, 4, "tenant|*|micros=T", "-", "T@0", "small", then_ms)
    Journal(tmp_path / "journal").append(old)
    await acme.ledger.replay_journal()
    assert await acme.balance(Cap("tenant", Window.TOTAL, micros=1)) == (40, 0)


async def test_a_settlement_that_neither_redis_nor_disk_takes_is_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The last resort: the log has every figure needed to book it by hand."""
    blocked = tmp_path / "file"
    blocked.write_text("a file where the folder should be")
    async with tenant_on("redis://127.0.0.1:1/0", blocked) as tenant:
        await tenant.ledger.settle(Hold("c1", tenant.name, 100, 1, None), Exact(40, 4))
    assert "call_id='c1'" in caplog.text
    assert "micros=40" in caplog.text


async def test_an_exhausted_cap_still_refuses_after_a_restart_with_data(tmp_path: Path) -> None:
    """Redis with its append-only file forgets neither spending nor holds."""
    with running_redis(tmp_path / "data") as server:
        async with tenant_on(server.url, tmp_path / "journal") as tenant:
            await tenant.ledger.settle(await tenant.hold(600), Exact(600, 1))
            await tenant.hold(400)
            server.stop()
            server.start()
            assert isinstance(await tenant.ledger.reserve(tenant.request(1)), OverCap)
            assert await tenant.balance() == (600, 400)
            assert asdict(await tenant.ledger.audit(tenant.name))["differences"] == ()

"""Calls admitted while Redis is away: what they may cost outlives the process that made them."""

from __future__ import annotations

from pathlib import Path

import pytest

from plugins.adapters.ledger_journal import Settlement
from plugins.adapters.ledger_unheld import Unheld
from plugins.adapters.redis_ledger import RedisLedger
from plugins.values import Cap, Exact, Hold, LedgerAway, Reservation, Window
from tests.ledgers import PATIENT, tenant_on
from tests.servers import running_redis

WORST = Settlement("c1", "acme", "bound", 50, 7, "tenant|*|micros=T", "-", "T@0", "small", 1)
TOTAL = Cap("tenant", Window.TOTAL, micros=1000)


async def admitted(url: str, folder: Path, name: str) -> tuple[RedisLedger, Hold]:
    """A ledger of a process of its own, and a call it admits while Redis is away."""
    ledger = RedisLedger(url, PATIENT, folder)
    request = Reservation("call-9", name, "UTC", (TOTAL,), 70, 7, "small")
    assert isinstance(await ledger.reserve(request), LedgerAway)
    return ledger, await ledger.admit_unheld(request)


@pytest.mark.parametrize("settled", [False, True])
async def test_a_process_that_dies_leaves_its_calls_to_the_others(tmp_path: Path, settled: bool) -> None:
    """One that nobody settled is charged by its worst case, once; one that was settled is charged as it was."""
    folder = tmp_path / "journal"
    with running_redis(tmp_path / "data") as server:
        async with tenant_on(server.url, folder) as other:
            other.caps = (TOTAL,)
            server.stop()
            dying, unheld = await admitted(server.url, folder, other.name)
            if settled:
                await dying.settle(unheld, Exact(20, 2))
            server.start()
            assert await other.ledger.replay_journal() == (1 if settled else 0)
            _die(dying)
            assert await other.ledger.replay_journal() == (0 if settled else 1)
            assert await other.ledger.replay_journal() == 0
            assert await other.balance() == (20 if settled else 70, 0)
            await dying.close()


def _die(ledger: RedisLedger) -> None:
    """What the end of its process does to the file: nobody locks it any more."""
    file = ledger._unheld._file
    if file is not None:
        file.close()
        ledger._unheld._file = None


def test_what_is_settled_is_not_left_behind(tmp_path: Path) -> None:
    """The file is empty once nothing is open, and gone with its process."""
    mine, other = Unheld(tmp_path), Unheld(tmp_path)
    mine.note(WORST)
    assert "c1" in mine and list(other.of_the_dead()) == []
    mine.forget("c1")
    (path,) = tmp_path.glob("unheld-*")
    assert path.read_bytes() == b"" and "c1" not in mine
    mine.close()
    assert not path.exists()


def test_a_torn_line_is_left_out(tmp_path: Path) -> None:
    """Its process died while writing it, so the call was not made."""
    dead = Unheld(tmp_path)
    dead.note(WORST)
    dead.close()
    (path,) = tmp_path.glob("unheld-*")
    path.write_bytes(path.read_bytes() + b'{"call_id":"c2","ten')
    (replay,) = Unheld(tmp_path).of_the_dead()
    assert replay.settlements == [WORST]
    replay.end(delivered=True)
    assert not path.exists()

"""The settlement journal: on disk, replayed whole, by one worker at a time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from plugins.adapters.ledger_journal import Journal, Settlement

ONE = Settlement("c1", "acme", "exact", 5, 7, "tenant|*|micros=T", "-", "T@0", "small", 1)
TWO = replace(ONE, call_id="c2", kind="bound")


def taken(journal: Journal, delivered: bool) -> list[str]:
    replay = journal.take()
    assert replay is not None
    replay.end(delivered)
    return [settlement.call_id for settlement in replay.settlements]


def test_what_is_appended_is_replayed_in_order(tmp_path: Path) -> None:
    """A settlement comes back as it was written, also for another process that opens the folder."""
    journal = Journal(tmp_path / "new" / "folder")
    journal.append(ONE)
    journal.append(TWO)
    replay = Journal(tmp_path / "new" / "folder").take()
    assert replay is not None
    assert replay.settlements == [ONE, TWO]
    replay.end(delivered=True)
    assert journal.is_empty


def test_an_undelivered_replay_starts_from_the_first_again(tmp_path: Path) -> None:
    """A replay that stopped half-way keeps every line, and later ones wait behind it."""
    journal = Journal(tmp_path)
    journal.append(ONE)
    assert taken(journal, delivered=False) == ["c1"]
    journal.append(TWO)
    assert taken(journal, delivered=True) == ["c1"]
    assert taken(journal, delivered=True) == ["c2"]


def test_only_one_replay_at_a_time(tmp_path: Path) -> None:
    """While a worker replays, another is told that there is nothing to do."""
    journal = Journal(tmp_path)
    journal.append(ONE)
    first = journal.take()
    assert first is not None
    assert Journal(tmp_path).take() is None
    first.end(delivered=False)
    assert taken(Journal(tmp_path), delivered=True) == ["c1"]


def test_a_line_cut_by_a_crash_does_not_spoil_the_next(tmp_path: Path) -> None:
    """Half a line is set aside for a person to read; the settlement after it is replayed."""
    (tmp_path / "settlements.jsonl").write_bytes(b'{"call_id":"half')
    journal = Journal(tmp_path)
    journal.append(ONE)
    assert taken(journal, delivered=True) == ["c1"]
    assert (tmp_path / "unreadable.jsonl").read_bytes() == b'{"call_id":"half\n'


def test_an_empty_journal_costs_no_file(tmp_path: Path) -> None:
    """Without an outage nothing is created."""
    assert Journal(tmp_path / "none").take() is None
    assert not (tmp_path / "none").exists()

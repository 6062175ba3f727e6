"""Settlements that Redis could not be told, on disk until it can.

One JSON object a line in `settlements.jsonl`, forced to disk (fsync) before the settle returns. The workers
of a host may share the folder: a file lock orders appends, and only one worker replays at a time. Replaying
works on `replaying.jsonl`, which is removed once every line was delivered; a crash in between replays from
its start, which is harmless, because the ledger settles each call once. Unreadable lines are kept in
`unreadable.jsonl`.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Settlement:
    """One settle with all that the ledger needs; `plan` is empty where the settler did not know the call. `kind` is
    exact, most or bound, as `settle_v1` describes them.

    `attempted_ms`: epoch milliseconds of the attempt that failed.
    """

    call_id: str
    tenant: str
    kind: str
    micros: int
    tokens: int
    plan: str
    limits: str
    windows: str
    tier: str
    attempted_ms: int


@dataclass(frozen=True, slots=True)
class Replay:
    """Settlements to deliver in order, under the lock of this host's only replay."""

    settlements: list[Settlement]
    _file: Path
    _lock: BinaryIO

    def end(self, delivered: bool) -> None:
        """`delivered`: every one was, forget them; otherwise they are replayed from the first again."""
        if delivered:
            self._file.unlink(missing_ok=True)
        self._lock.close()


class Journal:
    """Blocking file work: call it off the event loop. OSError where the disk fails."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._waiting = folder / "settlements.jsonl"
        self._replaying = folder / "replaying.jsonl"

    def append(self, settlement: Settlement) -> None:
        """Keep one settlement; on disk when this returns."""
        line = json.dumps(asdict(settlement), separators=(",", ":")).encode() + b"\n"
        self._folder.mkdir(parents=True, exist_ok=True)
        with self._append_lock(), self._waiting.open("a+b") as file:
            if _torn(self._waiting):
                line = b"\n" + line  # a crash cut the last line: do not write into it
            file.write(line)
            file.flush()
            os.fsync(file.fileno())

    @property
    def is_empty(self) -> bool:
        return not self._waiting.exists() and not self._replaying.exists()

    def take(self) -> Replay | None:
        """Begin a replay of what waits now; None when there is nothing or another worker is at it.

        Settlements that arrive meanwhile are left for the next time. End it with `Replay.end`.
        """
        if self.is_empty:
            return None
        lock = (self._folder / "replay.lock").open("ab")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            return None
        with self._append_lock():
            if not self._replaying.exists() and self._waiting.exists():
                self._waiting.rename(self._replaying)
        return Replay(self._read(), self._replaying, lock)

    def _read(self) -> list[Settlement]:
        found = []
        text = self._replaying.read_bytes() if self._replaying.exists() else b""
        for line in text.splitlines():
            if not line.strip():
                continue
            try:
                found.append(Settlement(**json.loads(line)))
            except (ValueError, TypeError):
                self._set_aside(line)
        return found

    def _set_aside(self, line: bytes) -> None:
        _log.error("an unreadable line of the settlement journal was put into %s", self._folder / "unreadable.jsonl")
        with (self._folder / "unreadable.jsonl").open("ab") as file:
            file.write(line + b"\n")

    @contextmanager
    def _append_lock(self) -> Iterator[None]:
        with (self._folder / "append.lock").open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _torn(path: Path) -> bool:
    with path.open("rb") as file:
        if file.seek(0, os.SEEK_END) == 0:
            return False
        file.seek(-1, os.SEEK_END)
        return file.read(1) != b"\n"

"""Calls that were admitted while Redis was away, on disk until they are settled.

Nothing is held for such a call, so without this a process that dies during one would lose its cost. Each process
writes a file of its own, `unheld-*.jsonl`, one settlement of the worst case a line, and keeps it locked as long as it
lives. A file that nobody locks is of a dead process: whoever finds it delivers its lines. A call that was settled after
all is not charged again by that, because the ledger settles each call once.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import threading
import uuid
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import BinaryIO

from plugins.adapters.ledger_journal import Replay, Settlement

_log = logging.getLogger(__name__)


class Unheld:
    """Blocking file work: call it off the event loop. OSError where the disk fails."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._own = folder / f"unheld-{uuid.uuid4().hex}.jsonl"
        self._file: BinaryIO | None = None
        self._open: set[str] = set()
        self._lock = threading.Lock()

    def __contains__(self, call_id: str) -> bool:
        return call_id in self._open

    def note(self, worst: Settlement) -> None:
        """A call is about to be made; `worst` is what to charge should nobody settle it. On disk when this returns."""
        with self._lock:
            if self._file is None:
                self._folder.mkdir(parents=True, exist_ok=True)
                self._file = self._own.open("ab")
                fcntl.flock(self._file, fcntl.LOCK_EX)
            self._file.write(json.dumps(asdict(worst), separators=(",", ":")).encode() + b"\n")
            self._file.flush()
            os.fsync(self._file.fileno())
            self._open.add(worst.call_id)

    def forget(self, call_id: str) -> None:
        """The call is settled, or its settlement is in the journal."""
        with self._lock:
            self._open.discard(call_id)
            if self._file is not None and not self._open:
                self._file.truncate(0)

    def of_the_dead(self) -> Iterator[Replay]:
        """What processes that are gone have left, each to be ended with `Replay.end`."""
        for path in self._folder.glob("unheld-*.jsonl"):
            if path == self._own:
                continue
            try:
                file = path.open("rb")
            except FileNotFoundError:
                continue  # delivered by another process just now
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.close()
                continue
            yield Replay(list(_read(file)), path, file)

    def close(self) -> None:
        """Leave nothing behind but what is not settled."""
        with self._lock:
            if self._file is None:
                return
            if not self._open:
                self._own.unlink(missing_ok=True)
            self._file.close()
            self._file = None


def _read(file: BinaryIO) -> Iterator[Settlement]:
    for line in file.read().splitlines():
        try:
            yield Settlement(**json.loads(line))
        except (ValueError, TypeError):
            _log.error("an unreadable line in %s, of a call that was not made yet when its process died", file.name)

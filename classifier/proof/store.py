"""Answers and marks kept between runs, in one SQLite file: a run that was stopped goes on where it was."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Self

from classifier.data import DataError
from classifier.proof.client import Reply

_SCHEMA = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
CREATE TABLE IF NOT EXISTS replies (key TEXT PRIMARY KEY, reply TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS spent (at TEXT DEFAULT CURRENT_TIMESTAMP, cost_micros INTEGER NOT NULL);
"""


def key_of(*parts: object) -> str:
    """One key of all that an answer depends on."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


class Store:
    """Use in a `with` block. Each answer is written at once and survives the end of the process."""

    def __init__(self, path: Path) -> None:
        """Open or create. Raises DataError if the file is something else."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path)
            self._db.executescript(_SCHEMA)
        except (sqlite3.Error, OSError) as error:
            raise DataError(f"cannot keep answers in {path}: {error}") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._db.close()

    def get(self, key: str) -> Reply | None:
        """The reply kept under `key`."""
        row = self._db.execute("SELECT reply FROM replies WHERE key = ?", (key,)).fetchone()
        return Reply(**json.loads(row[0])) if row else None

    def put(self, key: str, reply: Reply, charged_micros: int) -> None:
        """Keep a reply that will not change by asking again, and book what was charged in either case."""
        with self._db:
            self._db.execute("INSERT INTO spent (cost_micros) VALUES (?)", (charged_micros,))
            if reply.answered:
                self._db.execute("INSERT OR REPLACE INTO replies VALUES (?, ?)", (key, json.dumps(asdict(reply))))

    @property
    def spent_micros(self) -> int:
        """Of all runs on this file."""
        return int(self._db.execute("SELECT COALESCE(SUM(cost_micros), 0) FROM spent").fetchone()[0])

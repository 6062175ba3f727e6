"""Appends finished traces (or scores) to a JSONL file, off the request path; several processes may share the file.

Each line is one `write` to a descriptor opened with O_APPEND, so lines of different processes never mix
(on a local file system). A trace has the format of `plugins.trace_record`.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from plugins.adapters.background_sink import BackgroundSink
from plugins.adapters.trace_queue import SinkMonitor, size_of
from plugins.trace_record import to_record
from plugins.values import Trace

_log = logging.getLogger(__name__)
T = TypeVar("T")
Json = dict[str, Any]


class JsonLines(BackgroundSink[T]):
    """A local file of what `record_of` makes of each item. With `max_bytes`, a full file moves to `NAME.1`,
    that to `NAME.2`."""

    linger_s = 0.1

    def __init__(
        self,
        path: Path,
        record_of: Callable[[T], Json],
        size_of: Callable[[T], int],
        *,
        name: str = "file",
        max_bytes: int | None = None,
        keep_files: int = 4,
        queue_bytes: int = 32 * 1024 * 1024,
        close_timeout_s: float = 8.0,
        monitor: SinkMonitor | None = None,
    ) -> None:
        super().__init__(name, queue_bytes, monitor, close_timeout_s, 1, size_of)
        self._path = path
        self._record_of = record_of
        self._max_bytes = max_bytes
        self._keep_files = keep_files
        self._descriptor = -1
        self._torn = False

    def _deliver(self, items: Sequence[T]) -> None:
        for number, item in enumerate(items):
            try:
                self._open()
                self._write(_line(self._record_of(item)))
            except OSError as error:
                _log.warning("cannot write to %s: %s", self._path, error.strerror)
                self._account.drop("disk", len(items) - number)
                self._shut()
                return
            except (TypeError, ValueError):
                self._account.drop("not_encodable")
                continue
            self._account.count("delivered")

    def _finish(self) -> None:
        self._shut()

    def _open(self) -> None:
        """Have the descriptor of the current file: not of one that was rotated away, nor of a full one."""
        if self._descriptor >= 0 and not self._is_current():
            self._shut()
        if self._descriptor < 0:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        if self._max_bytes and os.fstat(self._descriptor).st_size >= self._max_bytes:
            self._rotate()
            self._open()

    def _is_current(self) -> bool:
        try:
            return os.path.samestat(self._path.stat(), os.fstat(self._descriptor))
        except FileNotFoundError:
            return False

    def _rotate(self) -> None:
        """One process renames, under a lock on the full file; one that comes late sees it has moved."""
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        if self._is_current():
            for number in range(self._keep_files, 0, -1):
                source = self._sibling(number - 1) if number > 1 else self._path
                if source.exists():
                    source.rename(self._sibling(number))
        self._shut()

    def _sibling(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")

    def _write(self, line: bytes) -> None:
        """One write; the first after a torn line starts a new one, so that only the torn one is lost."""
        data = b"\n" + line if self._torn else line
        written = os.write(self._descriptor, data)
        self._torn = written < len(data)
        if self._torn:
            raise OSError(28, "disk full")

    def _shut(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class FileSink(JsonLines[Trace]):
    """`ports.Sink` for a local file of traces."""

    def __init__(self, path: Path, environment: str = "", **options: Any) -> None:  # Any: those of JsonLines
        super().__init__(path, partial(to_record, environment=environment), size_of, **options)


def _line(record: Json) -> bytes:
    text = json.dumps(record, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "replace") + b"\n"

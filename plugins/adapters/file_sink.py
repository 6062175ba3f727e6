"""Appends finished traces (or scores) to a JSONL file, off the request path; several processes may share the file.

Lines are written to a descriptor opened with O_APPEND, whole ones only, so lines of different processes never mix
(on a local file system). A trace has the format of `plugins.trace_record`.
"""

from __future__ import annotations

import errno
import fcntl
import json
import logging
import os
import sys
from bisect import bisect_left
from collections.abc import Callable, Sequence
from functools import partial
from itertools import accumulate
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
        """In as few writes as the size of a file allows: at each the event loop may have to wait for this thread."""
        lines = [line for item in items if (line := self._encoded(item))]
        while lines:
            try:
                room = self._open()
                fitting = 1 + bisect_left(list(accumulate(map(len, lines))), room)  # the last one fills the file
                whole = self._write(lines[:fitting])
                self._account.count("delivered", whole)
                del lines[:whole]
                if self._torn:
                    raise OSError(errno.ENOSPC, "disk full")
            except OSError as error:
                _log.warning("cannot write to %s: %s", self._path, error.strerror)
                self._account.drop("disk", len(lines))
                self._shut()
                return

    def _encoded(self, item: T) -> bytes:
        try:
            return _line(self._record_of(item))
        except (TypeError, ValueError):
            self._account.drop("not_encodable")
            return b""

    def _finish(self) -> None:
        self._shut()

    def _open(self) -> int:
        """Have the descriptor of the current file: not of one that was rotated away, nor of a full one. The bytes left
        until it is full."""
        if self._descriptor >= 0 and not self._is_current():
            self._shut()
        if self._descriptor < 0:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        if not self._max_bytes:
            return sys.maxsize
        if (room := self._max_bytes - os.fstat(self._descriptor).st_size) > 0:
            return room
        self._rotate()
        return self._open()

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

    def _write(self, lines: list[bytes]) -> int:
        """One write, and how many lines of it are whole; the first after a torn line starts a new one, so that only the
        torn one is lost."""
        begun = b"\n" if self._torn else b""
        data = begun + b"".join(lines)
        written = os.write(self._descriptor, data)
        self._torn = written < len(data)
        return data.count(b"\n", len(begun), written)

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

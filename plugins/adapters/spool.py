"""A bounded directory of batches that could not be sent: survives an outage and a restart.

Several processes may share the directory: a file is claimed with `flock`, which ends with its holder. Batches are kept
compressed, which makes room for an outage some ten times as long.
"""

from __future__ import annotations

import contextlib
import fcntl
import gzip
import itertools
import os
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

_SUFFIX = ".otlp"
_PARTIAL = ".partial"
_PARTIAL_MAX_AGE_S = 3_600


@dataclass(frozen=True, slots=True)
class Claimed:
    """A spooled batch that no other process works on while the claim is held."""

    path: Path
    body: bytes
    age_s: float

    def done(self) -> None:
        self.path.unlink(missing_ok=True)


class Spool:
    """Batches as files, oldest first. Prompts may be inside: the directory is the owner's alone. `max_bytes` bounds
    the files."""

    def __init__(self, directory: Path, max_bytes: int) -> None:
        self._directory = directory
        self._max_bytes = max_bytes
        self._number = itertools.count()
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._remove_partials()

    def add(self, body: bytes) -> bool:
        """Keep a batch; False when it does not fit. Raises OSError when the disk refuses."""
        data = gzip.compress(body, compresslevel=3)
        if self.size_bytes() + len(data) > self._max_bytes:
            return False
        name = f"{time.time_ns():020d}-{os.getpid()}-{next(self._number)}"
        partial = self._directory / (name + _PARTIAL)
        try:
            descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
            partial.rename(self._directory / (name + _SUFFIX))
        except OSError:
            partial.unlink(missing_ok=True)
            raise
        return True

    def size_bytes(self) -> int:
        return sum(size for _, size in self._files())

    def is_empty(self) -> bool:
        return not any(True for _ in self._files())

    @contextlib.contextmanager
    def claim_oldest(self) -> Iterator[Claimed | None]:
        """The oldest batch that no other process has claimed; None if there is none."""
        with contextlib.ExitStack() as held:
            for path, _ in sorted(self._files()):
                with contextlib.suppress(FileNotFoundError):  # another process was quicker
                    file = held.enter_context(path.open("rb"))
                    if _locked(file):
                        age_s = time.time() - os.fstat(file.fileno()).st_mtime
                        yield Claimed(path, _unpacked(file.read()), age_s)
                        return
            yield None

    def _files(self) -> Iterator[tuple[Path, int]]:
        with os.scandir(self._directory) as entries:
            for entry in entries:
                if entry.name.endswith(_SUFFIX):
                    with contextlib.suppress(FileNotFoundError):
                        yield Path(entry.path), entry.stat().st_size

    def _remove_partials(self) -> None:
        """What a killed process left half written; a young one may be another process at work."""
        for path in self._directory.glob(f"*{_PARTIAL}"):
            with contextlib.suppress(FileNotFoundError):
                if time.time() - path.stat().st_mtime > _PARTIAL_MAX_AGE_S:
                    path.unlink()


def _unpacked(data: bytes) -> bytes:
    """What a damaged file holds is left to its reader, who knows what a batch looks like."""
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error):
        return data


def _locked(file: IO[bytes]) -> bool:
    """Lock without waiting; False if another holds it, or finished with it and removed the file."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return os.fstat(file.fileno()).st_nlink > 0

"""A queue of traces (or scores) bounded in bytes, and the account of what became of them."""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from plugins.values import Trace

T = TypeVar("T")
# Measured with tracemalloc on unshared copies: 2.3 KB without steps, 0.5 KB more per step; rounded up.
_TRACE_BYTES = 3_072
_STEP_BYTES = 1_024


class SinkMonitor(Protocol):
    """Told about drops and queue sizes, from any thread; must be quick and must not raise."""

    def dropped(self, sink: str, reason: str, traces: int) -> None: ...

    def queued(self, sink: str, size_bytes: int) -> None: ...


@dataclass(frozen=True, slots=True)
class SinkStats:
    """Counts of traces since the start; `queue_bytes` is now."""

    accepted: int
    delivered: int
    spooled: int
    dropped: Mapping[str, int]
    queue_bytes: int


class Account:
    """Counts what a sink did with its traces; thread-safe."""

    def __init__(self, sink: str, monitor: SinkMonitor | None) -> None:
        self._sink = sink
        self._monitor = monitor
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._drops: Counter[str] = Counter()

    def count(self, what: str, traces: int = 1) -> None:
        with self._lock:
            self._counts[what] += traces

    def drop(self, reason: str, traces: int = 1) -> None:
        with self._lock:
            self._drops[reason] += traces
        if self._monitor:
            self._monitor.dropped(self._sink, reason, traces)

    def queued(self, size_bytes: int) -> None:
        if self._monitor:
            self._monitor.queued(self._sink, size_bytes)

    def stats(self, queue_bytes: int) -> SinkStats:
        with self._lock:
            counts, drops = Counter(self._counts), dict(self._drops)
        return SinkStats(counts["accepted"], counts["delivered"], counts["spooled"], drops, queue_bytes)


def size_of(trace: Trace) -> int:
    """What a queued trace holds in memory, in bytes; estimated from above."""
    texts = (trace.input, trace.output, trace.reason, trace.session, trace.feature, trace.end_user)
    steps = sum(_STEP_BYTES + sum(sys.getsizeof(value) for value in step.attributes.values()) for step in trace.steps)
    return _TRACE_BYTES + sum(map(sys.getsizeof, texts)) + steps


class BoundedQueue(Generic[T]):
    """Many putters, one taker. Bytes stay counted until `release`, so that a batch in flight counts too."""

    def __init__(self, max_bytes: int, size_of: Callable[[T], int]) -> None:
        self._max_bytes = max_bytes
        self._size_of = size_of
        self._items: deque[tuple[T, int]] = deque()
        self._bytes = 0
        self._closed = False
        self._changed = threading.Condition()

    @property
    def size_bytes(self) -> int:
        return self._bytes

    @property
    def closed(self) -> bool:
        return self._closed

    def put(self, item: T) -> bool:
        """False when full or closed. Holds the lock for a few instructions only."""
        size = self._size_of(item)
        with self._changed:
            if self._closed or self._bytes + size > self._max_bytes:
                return False
            self._items.append((item, size))
            self._bytes += size
            if len(self._items) == 1:  # the taker waits for the first one, then lingers by the clock
                self._changed.notify()
        return True

    def take(self, most: int, max_bytes: int, wait_s: float, linger_s: float) -> tuple[list[T], int]:
        """Up to that many items, and their bytes; none after `wait_s` without one, or when closed."""
        with self._changed:
            if not self._items and not self._closed:
                self._changed.wait(wait_s)
            until = time.monotonic() + linger_s
            while self._items and not self._closed and len(self._items) < most:
                if (left := until - time.monotonic()) <= 0 or self._bytes >= max_bytes:
                    break
                self._changed.wait(min(left, 0.05))  # no wake-up per trace: look again 20 times a second
            return self._pop(most, max_bytes)

    def release(self, size: int) -> None:
        with self._changed:
            self._bytes -= size

    def close(self) -> None:
        """Refuse more, and end every wait."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _pop(self, most: int, max_bytes: int) -> tuple[list[T], int]:
        taken: list[T] = []
        total = 0
        while self._items and len(taken) < most:
            item, size = self._items[0]
            if taken and total + size > max_bytes:
                break
            self._items.popleft()
            taken.append(item)
            total += size
        return taken, total

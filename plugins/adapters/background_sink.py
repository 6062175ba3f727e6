"""The part that sinks with a thread of their own share: emit, batch, deliver, close."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from plugins.adapters.trace_queue import Account, BoundedQueue, SinkMonitor, SinkStats

_log = logging.getLogger(__name__)
_IDLE_S = 1.0
T = TypeVar("T")


class BackgroundSink(ABC, Generic[T]):
    """Takes traces (or scores) on any thread and hands them in batches to `_deliver` on its own (daemon) thread.

    The thread starts with the first trace, so that a sink built before a fork works after it. Memory is
    bounded by `queue_bytes`, batch in flight included; what does not fit is dropped and counted.
    """

    max_batch_traces = 200
    max_batch_bytes = 1024 * 1024
    linger_s = 0.5

    def __init__(
        self,
        name: str,
        queue_bytes: int,
        monitor: SinkMonitor | None,
        close_timeout_s: float,
        grace_s: float,
        size_of: Callable[[T], int],
    ) -> None:
        self.name = name
        self._queue = BoundedQueue(queue_bytes, size_of)
        self._account = Account(name, monitor)
        self._close_timeout_s = close_timeout_s
        self._grace_s = grace_s  # how long an attempt that is under way at the end may still take
        self._closing = threading.Event()
        self._close_by = float("inf")  # time.monotonic() after which nothing more is tried
        self._thread: threading.Thread | None = None
        self._start_lock = threading.Lock()

    def emit(self, item: T) -> None:
        """Queue it, or drop it when the queue is full. Never blocks on I/O and never raises."""
        self.offer(item)

    def offer(self, item: T) -> bool:
        """The same; False if it was dropped."""
        try:
            if self._thread is None:
                self.start()
            if self._queue.put(item):
                self._account.count("accepted")
                self._account.queued(self._queue.size_bytes)
                return True
            self._account.drop("closed" if self._queue.closed else "queue_full")
        except Exception:
            _log.exception("sink %s could not take what it was given", self.name)
        return False

    def start(self) -> None:
        """Start the thread now (for a sink with old work to do); a second call does nothing."""
        with self._start_lock:
            if self._thread is None and not self._queue.closed:
                self._thread = threading.Thread(target=self._run, name=f"sink-{self.name}", daemon=True)
                self._thread.start()

    async def close(self) -> None:
        """Deliver what is queued, for at most `close_timeout_s`; what is left then is dropped and counted."""
        await asyncio.to_thread(self.close_blocking)

    def close_blocking(self) -> None:
        """The same for callers without an event loop; a second call does nothing more."""
        if not self._closing.is_set():
            self._close_by = time.monotonic() + self._close_timeout_s
        self._closing.set()
        self._queue.close()
        if self._thread is None:
            self._finish()
        else:
            self._thread.join(max(0.0, self._close_by - time.monotonic()) + self._grace_s)

    def stats(self) -> SinkStats:
        return self._account.stats(self._queue.size_bytes)

    @abstractmethod
    def _deliver(self, items: Sequence[T]) -> None:
        """Deliver, keep or drop (and count) every one of these."""

    def _idle(self) -> None:
        """Called after each batch and about once a second without one."""
        return

    def _finish(self) -> None:
        """Called once, when the queue is closed and empty."""
        return

    def _run(self) -> None:
        while True:
            items, size = self._queue.take(self.max_batch_traces, self.max_batch_bytes, _IDLE_S, self.linger_s)
            if not items and self._queue.closed:
                break
            self._guarded(items)
            self._queue.release(size)
            self._account.queued(self._queue.size_bytes)
        try:
            self._finish()
        except Exception:
            _log.exception("sink %s did not finish cleanly", self.name)

    def _guarded(self, items: Sequence[T]) -> None:
        """One bad batch must not end the thread: it is counted, and the next one is taken."""
        try:
            if items:
                self._deliver(items)
        except Exception:
            _log.exception("sink %s lost a batch", self.name)
            self._account.drop("error", len(items))
        try:
            self._idle()
        except Exception:
            _log.exception("sink %s: upkeep failed", self.name)

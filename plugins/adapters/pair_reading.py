"""The verifier off the event loop where it takes long: pairs are read in a thread, one at a time."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from plugins.ports import PairVerdict, Verifier


class PairReading:
    """`max_waiting`: pairs being read or waiting for it; one more is refused at once, as a late answer of the cache is
    worth less than a model call. For use within one event loop."""

    def __init__(self, verifier: Verifier, *, max_waiting: int = 16) -> None:
        self._verifier = verifier
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="reader")
        self._max_waiting = max_waiting
        self._waiting = 0

    async def decide(self, cached: str, asked: str, cosine: float, threshold: float | None) -> PairVerdict:
        """Whether the answer to one question may be served for another; `threshold`: see `Verifier.weigh`."""
        weighed = self._verifier.weigh(cached, asked, cosine, threshold)
        if not weighed.unread or self._waiting >= self._max_waiting:
            return weighed  # which is a refusal while it is unread
        self._waiting += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._pool, self._verifier.read, cached, asked, weighed)
        finally:
            self._waiting -= 1

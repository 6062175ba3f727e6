"""Embeddings off the event loop: a bounded memory, and one run for identical texts at a time."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from classifier.embedding import Embedder, EmbeddingError
from plugins.ports import Vector

logger = logging.getLogger(__name__)


class TextEmbedder(Protocol):
    def start(self, text: str, done: Callable[[Vector | EmbeddingError], None]) -> None:
        """Have a float32 (384,), L2-normalised, made in another thread, which calls `done`."""


class AsyncEmbedder:
    """Implements ports.Embedder, over the shipped model by default. For use within one event loop.

    `capacity`: vectors kept, least recently used first out (1.5 kB each). `max_waiting`: texts being embedded
    or waiting for it; one more gets None at once: a late vector is worth less than a model call.
    """

    def __init__(self, embedder: TextEmbedder | None = None, *, capacity: int = 4096, max_waiting: int = 32) -> None:
        self._embedder = embedder or Embedder()
        self._capacity = capacity
        self._max_waiting = max_waiting
        self._kept: OrderedDict[bytes, Vector] = OrderedDict()
        self._running: dict[bytes, asyncio.Future[Vector | None]] = {}

    async def embed(self, text: str) -> Vector | None:
        """The vector (read-only, shared); None when it cannot be made or too many texts wait."""
        key = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
        if (vector := self._kept.get(key)) is not None:
            self._kept.move_to_end(key)
            return vector
        if (running := self._running.get(key)) is None:
            if len(self._running) >= self._max_waiting:
                return None
            running = self._start(key, text)
        # Shielded: one caller who leaves must not take the vector from the others.
        return await asyncio.shield(running)

    async def close(self) -> None:
        """Finish what runs."""
        await asyncio.gather(*self._running.values())

    def _start(self, key: bytes, text: str) -> asyncio.Future[Vector | None]:
        loop = asyncio.get_running_loop()
        running = self._running[key] = loop.create_future()

        def done(made: Vector | EmbeddingError) -> None:
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(self._end, key, made)

        try:
            self._embedder.start(text, done)
        except Exception as error:  # whatever the model's runtime raises: the caller goes on without a vector
            self._end(key, EmbeddingError(str(error)))
        return running

    def _end(self, key: bytes, made: Vector | EmbeddingError) -> None:
        running = self._running.pop(key)
        if running.cancelled():  # by a close that was itself cancelled
            return
        if isinstance(made, EmbeddingError):
            logger.error("a text could not be embedded: %s", made)
            running.set_result(None)
            return
        made.setflags(write=False)
        self._kept[key] = made
        if len(self._kept) > self._capacity:
            self._kept.popitem(last=False)
        running.set_result(made)

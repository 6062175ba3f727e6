"""Embeddings off the event loop: one small thread pool, a bounded memory, and one run for identical texts."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from classifier.embedding import Embedder
from plugins.ports import Vector

logger = logging.getLogger(__name__)


class TextEmbedder(Protocol):
    def embed(self, text: str) -> Vector:
        """Float32 (384,), L2-normalised. Thread-safe, pure CPU."""


class AsyncEmbedder:
    """Implements ports.Embedder, over the shipped model by default. For use within one event loop.

    `capacity`: vectors kept, least recently used first out (1.5 kB each). `max_waiting`: texts being embedded
    or waiting for a thread; one more gets None at once: a late vector is worth less than a model call.
    """

    def __init__(
        self,
        embedder: TextEmbedder | None = None,
        *,
        threads: int = 1,
        capacity: int = 4096,
        max_waiting: int = 32,
    ) -> None:
        self._embedder = embedder or Embedder()
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="embedder")
        self._capacity = capacity
        self._max_waiting = max_waiting
        self._kept: OrderedDict[bytes, Vector] = OrderedDict()
        self._running: dict[bytes, asyncio.Task[Vector | None]] = {}

    async def embed(self, text: str) -> Vector | None:
        """The vector (read-only, shared); None when it cannot be made or too many texts wait."""
        key = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
        if (vector := self._kept.get(key)) is not None:
            self._kept.move_to_end(key)
            return vector
        if (task := self._running.get(key)) is None:
            if len(self._running) >= self._max_waiting:
                return None
            task = self._running[key] = asyncio.create_task(self._run(key, text))
        # Shielded: one caller who leaves must not take the vector from the others.
        return await asyncio.shield(task)

    async def close(self) -> None:
        """Finish what runs; nothing can be embedded afterwards."""
        await asyncio.gather(*self._running.values())
        self._pool.shutdown(wait=False)

    async def _run(self, key: bytes, text: str) -> Vector | None:
        try:
            vector = await asyncio.get_running_loop().run_in_executor(self._pool, self._embedder.embed, text)
        except Exception:  # whatever the model's runtime raises: the caller goes on without a vector
            logger.exception("a text could not be embedded")
            return None
        finally:
            del self._running[key]
        vector.setflags(write=False)
        self._kept[key] = vector
        if len(self._kept) > self._capacity:
            self._kept.popitem(last=False)
        return vector

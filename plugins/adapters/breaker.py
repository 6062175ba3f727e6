"""A circuit breaker for a server that may be away: the first failure is paid once, the others go on at once.

While it is open no request touches the server. When the pause is over, one background probe (not a request)
asks whether it is back.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from redis.exceptions import ClusterDownError, ReadOnlyError, RedisError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from plugins.adapters.patience import patience

T = TypeVar("T")
logger = logging.getLogger(__name__)
# Away: no answer can be expected from this server for a while. Any other error concerns one command.
_AWAY: Final = (
    RedisConnectionError,
    RedisTimeoutError,
    ClusterDownError,
    ReadOnlyError,
    OSError,
    TimeoutError,
)

_PROBE_S: Final = 5.0  # nobody waits for a probe, and connecting to a far cluster takes a while


@dataclass(frozen=True, slots=True)
class Away:
    """The server was not asked, or gave no usable answer."""

    reason: str


class Breaker:
    """Runs operations with a time limit. `probe` is a cheap question to the server, such as PING."""

    def __init__(self, probe: Callable[[], Awaitable[object]], *, timeout_ms: int, open_ms: int) -> None:
        self._probe = probe
        self._timeout_s = timeout_ms / 1000
        self._open_s = open_ms / 1000
        self._open_until: float | None = None
        self._probing: asyncio.Task[None] | None = None

    @property
    def closed(self) -> bool:
        return self._open_until is None

    async def run(self, work: Callable[[], Awaitable[T]]) -> T | Away:
        """The result of `work`, or why there is none. Raises only what is not an error of the server."""
        if self._open_until is not None:
            if time.monotonic() >= self._open_until:
                self._start_probe()
            return Away("Redis is away")
        try:
            async with patience(self._timeout_s):
                return await work()
        except _AWAY as error:
            self._trip(error)
            return Away("Redis is away")
        except RedisError as error:
            logger.warning("the cache's Redis refused a command: %s", str(error)[:100])
            return Away(f"Redis refused: {type(error).__name__}")

    def _trip(self, cause: BaseException) -> None:
        if self._open_until is None:
            logger.warning("Redis is away (%s): the cache is bypassed", type(cause).__name__)
        self._open_until = time.monotonic() + self._open_s

    def _start_probe(self) -> None:
        if self._probing is None or self._probing.done():
            self._probing = asyncio.create_task(self._ask())

    async def _ask(self) -> None:
        try:
            async with asyncio.timeout(_PROBE_S):
                await self._probe()
        except (*_AWAY, RedisError) as error:
            self._trip(error)
            return
        self._open_until = None
        logger.warning("Redis is back: the cache is used again")

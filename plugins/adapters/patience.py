"""A time limit for waiting on a server that a busy event loop does not cut short.

`asyncio.timeout` measures the wall clock: when this process is overloaded and its loop comes round once a second, an
answer that has long arrived is thrown away, and a healthy Redis is taken for a dead one. Here the limit is split into
parts, and each needs a turn of the loop of its own, so that what has arrived is always read first.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

_TURNS: Final = 8
# For the client library's own limits, which know no patience: only a second net under ours.
SLACK: Final = 30


@asynccontextmanager
async def patience(seconds: float) -> AsyncIterator[None]:
    """Raises TimeoutError in the block after so many seconds; later where the event loop lags."""
    loop = asyncio.get_running_loop()
    timers: list[asyncio.TimerHandle] = []

    def turn() -> None:
        if len(timers) == _TURNS:
            scope.reschedule(loop.time())
        else:
            timers.append(loop.call_later(seconds / _TURNS, turn))

    turn()
    try:
        async with asyncio.timeout(None) as scope:
            yield
    finally:
        timers[-1].cancel()

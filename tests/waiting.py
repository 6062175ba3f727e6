"""Waiting for what happens behind a request: long enough for a machine that is busy with something else."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

PATIENCE_S = 120.0
_PAUSE_S = 0.05


def eventually(holds: Callable[[], object], within_s: float = PATIENCE_S) -> None:
    """Returns as soon as `holds` says yes; fails when it never does."""
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, f"it did not happen within {within_s:g} s"
        time.sleep(_PAUSE_S)


async def eventually_async(holds: Callable[[], Awaitable[object]], within_s: float = PATIENCE_S) -> None:
    """`eventually` for a question that is awaited."""
    deadline = time.monotonic() + within_s
    while not await holds():
        assert time.monotonic() < deadline, f"it did not happen within {within_s:g} s"
        await asyncio.sleep(_PAUSE_S)

"""Waiting for a server: what is late is given up, what has arrived is taken, however busy this process is."""

from __future__ import annotations

import asyncio
import socket
import time

import pytest

from plugins.adapters.patience import patience


async def test_what_never_comes_is_given_up() -> None:
    """TimeoutError, as with asyncio's own limit."""
    with pytest.raises(TimeoutError):
        async with patience(0.05):
            await asyncio.Event().wait()


async def test_an_answer_that_arrived_while_the_loop_was_busy_is_taken() -> None:
    """The loop stands still for many times the limit; the bytes were there, so they count."""
    ours, theirs = socket.socketpair()
    reader, writer = await asyncio.open_connection(sock=ours)

    def arrive_and_block() -> None:
        theirs.send(b"+OK")
        time.sleep(0.5)

    asyncio.get_running_loop().call_later(0.01, arrive_and_block)
    async with patience(0.05):
        assert await reader.read(3) == b"+OK"
    writer.close()
    theirs.close()


async def test_nothing_is_left_behind_by_an_answer_in_time() -> None:
    """No timer of a finished wait ends a later one."""
    async with patience(0.05):
        await asyncio.sleep(0)
    await asyncio.sleep(0.1)

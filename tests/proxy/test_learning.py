"""Learning from production at a real gateway: outcomes are counted, and what is put in force is used."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

import httpx

from plugins.adapters.redis_learnt import RedisLearnt
from plugins.adapters.redis_outcomes import RedisOutcomes
from plugins.learning_config import LearningConfig
from plugins.outcomes import CHECKS, PEOPLE, Counts
from plugins.routing.learnt import Learnt
from tests.gateway import Running
from tests.waiting import PATIENCE_S

T = TypeVar("T")
QUESTION = "Write a short poem about the harbour of Trieste in November, with two stanzas of four lines."


def asked(running: Running, stream: bool = False) -> httpx.Response:
    """One call of `auto` that no cache answers."""
    body = {"model": "auto", "messages": [{"role": "user", "content": QUESTION}], "max_tokens": 100, "stream": stream}
    reply = running.post("/chat/completions", body, "globex", **{"Cache-Control": "no-cache, no-store"})
    assert reply.status_code == 200, reply.text
    return reply


def counted(running: Running) -> Counts:
    async def read() -> Counts:
        outcomes = RedisOutcomes(running.started.redis_url, LearningConfig(enabled=True))
        try:
            return await outcomes.read(["globex"])
        finally:
            await outcomes.close()

    return asyncio.run(read())


def number(counts: Counts, kind: str) -> tuple[float, float]:
    """(good, bad) of the task class that is asked here; other tests' outcomes may still come in."""
    cells = counts.cells.items()
    tallies = [tally for cell, tally in cells if cell.kind == kind and cell.task == "generation"]
    return sum(t.ok for t in tallies), sum(t.bad for t in tallies)


def until(look: Callable[[], T], good: Callable[[T], bool]) -> T:
    """What `look` finds once it is good, or after PATIENCE_S; housekeeping comes every few seconds."""
    deadline = time.monotonic() + PATIENCE_S
    while not good(found := look()) and time.monotonic() < deadline:
        time.sleep(0.5)
    return found


def test_checks_and_feedback_are_counted_behind_the_answers(running: Running) -> None:
    """A plain call and a stream count once each by their check; two thumbs down on one answer count once."""
    before = counted(running)
    reply = asked(running)
    asked(running, stream=True)
    for _ in range(2):
        body = {"trace_id": reply.headers["x-tierwise-trace-id"], "name": "thumbs", "value": False}
        assert running.post("/tierwise/feedback", body, "globex").status_code == 202
    (checks, people) = (number(before, CHECKS), number(before, PEOPLE))
    done = until(
        lambda: counted(running),
        lambda c: sum(number(c, CHECKS)) >= sum(checks) + 2 and sum(number(c, PEOPLE)) > sum(people),
    )
    assert sum(number(done, CHECKS)) == sum(checks) + 2
    assert number(done, PEOPLE) == (people[0], people[1] + 1)


def test_a_learnt_table_moves_routes_until_it_is_undone(running: Running) -> None:
    """Every gateway takes it up within seconds, says so in the reason, and gives it up again."""

    async def change(shift: float | None) -> None:
        table = RedisLearnt(running.started.redis_url)
        if shift is None:
            await table.undo("test")
        else:
            shifts = {"globex": {"generation": {"easy_below": shift, "hard_from": shift}}}
            await table.apply(Learnt(), shifts, "test", [])
        await table.close()

    def reason() -> str:
        return asked(running).headers["x-tierwise-reason"]

    assert "(learnt)" not in reason()
    asyncio.run(change(-0.1))
    try:
        assert "(learnt)" in until(reason, lambda text: "(learnt)" in text)
    finally:
        asyncio.run(change(None))
    assert "(learnt)" not in until(reason, lambda text: "(learnt)" not in text)

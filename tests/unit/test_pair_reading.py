"""The verifier off the event loop: what is read, where, and how many may wait."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass, field

from classifier.pairs.verify import PairVerdict
from plugins.adapters.pair_reading import PairReading

UNREAD = PairVerdict(False, 0.8, 0.6, "reader", "not read", unread=True)
SERVED = PairVerdict(True, 0.8, 0.6, "ok", "read")


@dataclass(slots=True)
class Slow:
    """Weighs as told; reads when it is let, and notes in which thread."""

    weighed: PairVerdict = UNREAD
    began: threading.Event = field(default_factory=threading.Event)
    go: threading.Event = field(default_factory=threading.Event)
    threads: list[int] = field(default_factory=list)

    def weigh(self, cached: str, asked: str, cosine: float, threshold: float | None = None) -> PairVerdict:
        return self.weighed

    def read(self, cached: str, asked: str, weighed: PairVerdict) -> PairVerdict:
        self.threads.append(threading.get_ident())
        self.began.set()
        assert self.go.wait(10)
        return PairVerdict(True, weighed.score, weighed.threshold, "ok", "read")


async def test_the_loop_goes_on_while_a_pair_is_read() -> None:
    """The reader works in another thread, and has the last word."""
    verifier = Slow()
    work = asyncio.create_task(PairReading(verifier).decide("a", "b", 0.9, None))
    assert await asyncio.to_thread(verifier.began.wait, 10)
    assert not work.done() and verifier.threads != [threading.get_ident()]
    verifier.go.set()
    assert await work == SERVED


async def test_what_is_decided_without_reading_is_not_read() -> None:
    """The verdict comes as it was weighed."""
    refused = PairVerdict(False, 0.0, 0.6, "numbers", "2 or 3")
    assert await PairReading(Slow(refused)).decide("a", "b", 0.9, None) == refused


async def test_where_too_many_wait_a_pair_is_refused_unread() -> None:
    """At once, and the next one is read again when there is room."""
    verifier = Slow()
    reading = PairReading(verifier, max_waiting=1)
    first = asyncio.create_task(reading.decide("a", "b", 0.9, None))
    await asyncio.sleep(0)
    assert not (await reading.decide("a", "c", 0.9, None)).serve
    verifier.go.set()
    assert (await first).serve and (await reading.decide("a", "c", 0.9, None)).serve

"""Bodies and streams at a model's pace, with notice of a client that has gone."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from plugins.trial.simulator.wire import Frame


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds: `hang_s` before anything is worked on, `first_s` until the first token, `rest_s` for all the
    others, `stall_s` in the middle of a stream. `half`: the connection is closed after half of the body. `free` ends
    the hanging early."""

    hang_s: float = 0.0
    free: asyncio.Event | None = None
    first_s: float = 0.0
    rest_s: float = 0.0
    stall_s: float = 0.0
    half: bool = False


@dataclass(slots=True)
class Sent:
    """What went out. `outcome`: completed, aborted (the client vanished) or cut (closed by us).

    `started`: the model has begun to work, so that the prompt is billed. `texts`: what was sent per choice.
    """

    outcome: str = "aborted"
    started: bool = False
    size: int = 0
    texts: dict[int, list[str]] = field(default_factory=dict)


class _Watch:
    """Pauses that end early when the client disconnects."""

    def __init__(self, receive: Receive) -> None:
        self._gone = asyncio.ensure_future(_until_gone(receive))

    async def still_there(self, after_s: float, free: asyncio.Event | None = None) -> bool:
        if after_s > 0:
            freed = asyncio.ensure_future((free or asyncio.Event()).wait())
            await asyncio.wait({self._gone, freed}, timeout=after_s, return_when=asyncio.FIRST_COMPLETED)
            freed.cancel()
        else:
            await asyncio.sleep(0)
        return not self._gone.done()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._gone.cancel()
        with suppress(asyncio.CancelledError):
            await self._gone


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


class PacedBody(Response):
    """A plain answer. The model works to the end even if nobody listens, except while it hangs."""

    def __init__(self, data: bytes, pace: Pace, headers: Mapping[str, str], settle: Callable[[Sent], None]) -> None:
        super().__init__(data, media_type="application/json", headers=headers)
        self._pace = pace
        self._settle = settle

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        sent = Sent()
        try:
            wait_s = self._pace.first_s + self._pace.rest_s
            if self._pace.hang_s or wait_s:
                async with _Watch(receive) as watch:
                    if not await watch.still_there(self._pace.hang_s, self._pace.free):
                        return
                    sent.started = True
                    await asyncio.sleep(wait_s)
                    if not await watch.still_there(0):
                        return
            sent.started = True
            await self._send(send, sent)
        finally:
            self._settle(sent)

    async def _send(self, send: Send, sent: Sent) -> None:
        data = bytes(self.body)
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        if self._pace.half:
            data = data[: len(data) // 2]
        await send({"type": "http.response.body", "body": data, "more_body": self._pace.half})
        sent.size = len(data)
        sent.outcome = "cut" if self._pace.half else "completed"


class PacedStream(Response):
    """Server-sent events. A client that vanishes is noticed at the next event and ends the work."""

    def __init__(
        self,
        frames: Iterable[Frame],
        closing: bytes,
        pace: Pace,
        headers: Mapping[str, str],
        settle: Callable[[Sent], None],
    ) -> None:
        super().__init__(None, media_type="text/event-stream", headers={"cache-control": "no-cache", **headers})
        del self.headers["content-length"]
        self._frames = list(frames)
        self._closing = closing
        self._pace = pace
        self._settle = settle

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        sent = Sent()
        try:
            async with _Watch(receive) as watch:
                if await watch.still_there(self._pace.hang_s, self._pace.free):
                    sent.started = True
                    await self._stream(watch, send, sent)
        finally:
            self._settle(sent)

    async def _stream(self, watch: _Watch, send: Send, sent: Sent) -> None:
        if not await watch.still_there(self._pace.first_s):
            return
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        gap_s, middle = self._pace.rest_s / len(self._frames), len(self._frames) // 2
        for place, frame in enumerate(self._frames):
            pause_s = gap_s + (self._pace.stall_s if place == middle else 0.0)
            if not await watch.still_there(pause_s):
                return
            if self._pace.half and place == middle:
                sent.outcome = "cut"
                return
            await send({"type": "http.response.body", "body": frame.data, "more_body": True})
            sent.size += len(frame.data)
            sent.texts.setdefault(frame.choice, []).append(frame.text)
        await send({"type": "http.response.body", "body": self._closing, "more_body": False})
        sent.size += len(self._closing)
        sent.outcome = "completed"

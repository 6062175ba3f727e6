"""The load of `bench.overhead`: requests at a constant rate, each timed from when it was meant to leave; and as many
as a server takes. The client writes prepared bytes and reads just enough of the answer, so that it costs little."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
TIMEOUT_S = 10.0
MOST_CONNECTIONS = 128


@dataclass(frozen=True, slots=True)
class Target:
    """Where to, and with which headers."""

    port: int
    key: str = ""
    path: str = "/v1/chat/completions"
    headers: Mapping[str, str] = field(default_factory=dict)

    def request(self, body: Mapping[str, object]) -> bytes:
        """A whole HTTP request."""
        content = json.dumps(body).encode()
        lines = {
            "host": f"127.0.0.1:{self.port}",
            "authorization": f"Bearer {self.key}",
            "content-type": "application/json",
            "content-length": str(len(content)),
            **self.headers,
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        return f"POST {self.path} HTTP/1.1\r\n{head}\r\n".encode() + content


@dataclass(slots=True)
class Answer:
    """How one request went. Seconds; `first_s` and `whole_s` count from `meant_s`, when it was meant to leave."""

    meant_s: float
    status: int = 0
    first_s: float = 0.0  # the first byte of the body
    whole_s: float = 0.0
    head: bytes = b""
    body: bytes = b""


class _Connection(asyncio.Protocol):
    """Keeps one request under way at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._answer: Answer | None = None
        self._done: asyncio.Future[None] | None = None
        self._buffer = bytearray()
        self._body_at = self._length = -1

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # a TCP client is handed a Transport

    def send(self, request: bytes, meant_s: float) -> tuple[Answer, asyncio.Future[None]]:
        assert self._transport is not None  # connected before it is handed out
        self._answer, self._done = Answer(meant_s), asyncio.get_running_loop().create_future()
        self._buffer, self._body_at, self._length = bytearray(), -1, -1
        self._transport.write(request)
        return self._answer, self._done

    def data_received(self, data: bytes) -> None:
        if self._answer is None or self._done is None:
            return
        self._buffer += data
        if self._body_at < 0:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            self._body_at = end + 4
            self._answer.head = bytes(self._buffer[:end])
            self._answer.status = int(self._buffer[9:12])
            found = LENGTH.search(self._answer.head)
            self._length = int(found[1]) if found else -1
        if not self._answer.first_s and len(self._buffer) > self._body_at:
            self._answer.first_s = time.perf_counter() - self._answer.meant_s
        if self._is_whole():
            self._end()

    def _is_whole(self) -> bool:
        if self._length >= 0:
            return len(self._buffer) - self._body_at >= self._length
        return self._buffer.endswith(b"0\r\n\r\n")  # the last chunk

    def connection_lost(self, error: Exception | None) -> None:
        if self._answer is not None and self._done is not None and not self._done.done():
            self._answer.status = 0
            self._end()

    def _end(self) -> None:
        assert self._answer is not None  # the callers looked
        assert self._done is not None  # as above
        self._answer.whole_s = time.perf_counter() - self._answer.meant_s
        self._answer.body = bytes(self._buffer[self._body_at :]) if self._body_at >= 0 else b""
        if not self._done.done():
            self._done.set_result(None)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    @property
    def usable(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()


class Client:
    """Connections to one target, kept between requests."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self._idle: list[_Connection] = []
        self._room = asyncio.Semaphore(MOST_CONNECTIONS)

    async def ask(self, body: Mapping[str, object], meant_s: float | None = None) -> Answer:
        """One request, timed from `meant_s` (now, unless given)."""
        return await self.send(self.target.request(body), time.perf_counter() if meant_s is None else meant_s)

    async def send(self, request: bytes, meant_s: float) -> Answer:
        async with self._room:
            connection = await self._connection()
            answer, done = connection.send(request, meant_s)
            try:
                async with asyncio.timeout(TIMEOUT_S):
                    await done
            except TimeoutError:
                answer.whole_s = TIMEOUT_S
                connection.close()
                return answer
            if connection.usable and b"connection: close" not in answer.head.lower():
                self._idle.append(connection)
            return answer

    async def _connection(self) -> _Connection:
        while self._idle:
            if (kept := self._idle.pop()).usable:
                return kept
        loop = asyncio.get_running_loop()
        _, made = await loop.create_connection(_Connection, "127.0.0.1", self.target.port)
        return made

    def close(self) -> None:
        for connection in self._idle:
            connection.close()


async def at_rate(client: Client, requests: Sequence[bytes], rate: float) -> list[Answer]:
    """Open loop: request i leaves at i / rate seconds, whatever became of those before it."""
    began = time.perf_counter() + 0.02
    tasks = []
    for place, request in enumerate(requests):
        meant = began + place / rate
        if (early := meant - time.perf_counter()) > 0:
            await asyncio.sleep(early)
        tasks.append(asyncio.create_task(client.send(request, meant)))
    return list(await asyncio.gather(*tasks))


async def at_most(
    client: Client, requests: Iterator[bytes], clients: int, seconds: float
) -> tuple[list[Answer], float]:
    """As many as `clients` can keep under way for `seconds`; (answers, seconds it took)."""
    began = time.perf_counter()
    answers: list[Answer] = []

    async def one() -> None:
        while (now := time.perf_counter()) - began < seconds:
            answers.append(await client.send(next(requests), now))

    await asyncio.gather(*(one() for _ in range(clients)))
    return answers, time.perf_counter() - began

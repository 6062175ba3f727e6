"""A provider that answers at once, so that what a gateway adds is all there is to measure.

    python -m bench.overhead_upstream PORT

Chat completions (plain and streamed) of one fixed answer, and embeddings by the model that the gateway uses itself, for
gateways that can only ask a provider for them. It parses next to nothing: 0.1 ms a request, see `bench.overhead`.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import Callable
from functools import cache

import uvloop

from classifier.embedding import Embedder

ANSWER = "Vienna is the capital of Austria, and it lies on the Danube."
USAGE = {"prompt_tokens": 24, "completion_tokens": 14, "total_tokens": 38}
HEAD = {"id": "chatcmpl-bench", "created": 1_700_000_000, "model": "sim"}
LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
STREAMED = re.compile(rb'"stream": ?true')
MODEL = re.compile(rb'"model": ?"([^"]+)"')


def reply(body: bytes, kind: bytes) -> bytes:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: %s\r\ncontent-length: %d\r\n\r\n"
    return head % (kind, len(body)) + body


@cache
def chat_reply(model: str, stream: bool) -> bytes:
    """The whole HTTP response."""
    if not stream:
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": ANSWER}}
        body = {**HEAD, "model": model, "object": "chat.completion", "choices": [choice], "usage": USAGE}
        return reply(json.dumps(body).encode(), b"application/json")
    words = ANSWER.split(" ")
    deltas = [{"role": "assistant", "content": ""}, *({"content": f"{word} "} for word in words)]
    head = {**HEAD, "model": model, "object": "chat.completion.chunk"}
    events: list[object] = [{**head, "choices": [{"index": 0, "delta": delta}]} for delta in deltas]
    events.append({**head, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    events.append({**head, "choices": [], "usage": USAGE})
    text = "".join(f"data: {json.dumps(event)}\n\n" for event in events) + "data: [DONE]\n\n"
    return reply(text.encode(), b"text/event-stream")


@cache
def embedder() -> Embedder:
    """Loaded at the first use: most runs need none."""
    return Embedder()


def embeddings_reply(body: bytes) -> bytes:
    """Vectors of all inputs."""
    asked = json.loads(body)
    texts = [asked["input"]] if isinstance(asked["input"], str) else asked["input"]
    rows = [
        {"object": "embedding", "index": place, "embedding": embedder().embed(text).tolist()}
        for place, text in enumerate(texts)
    ]
    made = {"object": "list", "data": rows, "model": asked["model"], "usage": {"prompt_tokens": 8, "total_tokens": 8}}
    return reply(json.dumps(made).encode(), b"application/json")


class Provider(asyncio.Protocol):
    """One connection: requests one after another, each with a content-length. `answer` makes a whole HTTP response of
    a path and a body, at once."""

    def __init__(self, answer: Callable[[bytes, bytes], bytes]) -> None:
        self._answer = answer
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # a TCP server hands out Transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end]
            found = LENGTH.search(head)
            whole = end + 4 + (int(found[1]) if found else 0)
            if len(self._buffer) < whole:
                return
            body, self._buffer = self._buffer[end + 4 : whole], self._buffer[whole:]
            if self._transport is not None:
                self._transport.write(self._answer(head.split(b" ", 2)[1], body))


def answer(path: bytes, body: bytes) -> bytes:
    """What the provider says."""
    if path.endswith(b"/embeddings"):
        return embeddings_reply(body)
    model = MODEL.search(body)
    return chat_reply(model[1].decode() if model else "sim", STREAMED.search(body) is not None)


async def serve(port: int, answer: Callable[[bytes, bytes], bytes]) -> None:
    """Until the process is ended."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Provider(answer), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), answer))

"""What is too much at once: a thousand streams, endless conversations, huge prompts, clients that vanish."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from typing import Any, Final

import httpx

from bench.fault_load import Saw, ask, outcomes, told
from bench.fault_stand import Side, memory_mb
from tests.prompts import new_word

STREAMS: Final = 1_000
VANISHING: Final = 200
TURNS: Final = 10_000
Json = dict[str, Any]


async def many_streams(side: Side) -> Json:
    """All at once; each comes to its own end."""
    before, most = memory_mb(side.running), 0.0
    async with _client() as client:
        work = [asyncio.create_task(ask(client, side.target, stream=True)) for _ in range(STREAMS)]
        while not all(task.done() for task in work):
            most = max(most, memory_mb(side.running))
            await asyncio.sleep(0.5)
        saw = [task.result() for task in work]
    first = sorted(s.first_s - s.sent_s for s in saw if s.first_s)
    return {
        **_told(saw),
        "whole": sum(s.whole for s in saw),
        "first_byte": {"of": len(first), "p50_s": round(first[len(first) // 2], 1), "most_s": round(first[-1], 1)},
        "memory_mb": {"before": round(before), "most": round(most)},
    }


async def long_conversation(side: Side) -> Json:
    """Ten thousand short messages, while others ask."""
    turns = [{"role": ("user", "assistant")[n % 2], "content": f"Turn {n}: go on."} for n in range(TURNS - 1)]
    return await _beside_others(side, [*turns, {"role": "user", "content": "And now?"}])


async def huge_prompt(side: Side) -> Json:
    """Ten megabytes in one message, while others ask."""
    return await _beside_others(side, [{"role": "user", "content": "lorem ipsum " * 850_000}])


async def vanishing(side: Side) -> Json:
    """Half hang up at the first byte of a stream, half before any answer; afterwards a call is answered."""
    with side.running.fault("sim-small", "slow", seconds=1):
        async with _client() as client:
            left = await asyncio.gather(*(_leave(client, side, at_first_byte=n % 2 == 0) for n in range(VANISHING)))
    async with _client() as client:
        after = await ask(client, side.target, stream=False)
    return {**_told([after]), "left": dict(Counter(left)), "answers_afterwards": after.whole}


async def _leave(client: httpx.AsyncClient, side: Side, *, at_first_byte: bool) -> str:
    target = side.target
    messages = [{"role": "user", "content": f"What is the capital of {new_word()}?"}]
    body = {"model": target.model, "messages": messages, "max_tokens": 40, "stream": True}
    more: Json = {} if at_first_byte else {"timeout": 0.5}
    try:
        sent = client.stream("POST", f"{target.base_url}/chat/completions", json=body, headers=target.login, **more)
        async with sent as reply:
            async for _ in reply.aiter_bytes():
                return f"{reply.status_code}, then left"
    except httpx.HTTPError as error:
        return type(error).__name__
    return "empty"


async def _beside_others(side: Side, messages: list[Json]) -> Json:
    target = side.target
    body = {"model": target.model, "messages": messages, "max_tokens": 20}
    began = time.monotonic()
    async with _client() as client:
        sent = asyncio.create_task(client.post(f"{target.base_url}/chat/completions", json=body, headers=target.login))
        others = await asyncio.gather(*(ask(client, target, stream=True) for _ in range(10)))
        reply = await sent
    code = (reply.json().get("error") or {}).get("code") or ""
    sees = Saw(began, time.monotonic(), reply.status_code, str(code), reply.is_success)
    return {**_told([sees, *others]), "sees": f"{reply.status_code} {code}".strip()}


def _told(saw: list[Saw]) -> Json:
    return {**told(saw), "during": outcomes(saw)}


def _client() -> httpx.AsyncClient:
    return httpx.AsyncClient(timeout=600, limits=httpx.Limits(max_connections=STREAMS))

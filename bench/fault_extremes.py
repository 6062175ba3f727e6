"""What is too much at once: a thousand streams, endless conversations, huge prompts, clients that vanish."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections import Counter
from pathlib import Path
from typing import Any, Final

import httpx

from bench.fault_load import GATEWAY_AWAY, Saw, ask, is_lost, outcomes
from tests.gateway import Running

TENANT: Final = "acme"
STREAMS: Final = 1_000
VANISHING: Final = 200
TURNS: Final = 10_000
PAGE_BYTES: Final = 4096
Json = dict[str, Any]


def workers_of(pid: int) -> list[int]:
    """The child processes that serve requests: those with the most memory, as the supervisor's helpers are small."""
    children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    sizes = {child: _pages(child) for child in children}
    return sorted((c for c in children if sizes[c] > 25_000), key=lambda c: -sizes[c])


def memory_mb(running: Running) -> float:
    """Resident memory of all workers together."""
    return sum(map(_pages, workers_of(running.started.process.pid))) * PAGE_BYTES / 1e6


def _pages(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):  # it has just ended
        return 0


async def many_streams(running: Running) -> Json:
    """All at once; each comes to its own end."""
    before, most = memory_mb(running), 0.0
    async with _client() as client:
        work = [asyncio.create_task(ask(client, *_target(running), stream=True)) for _ in range(STREAMS)]
        while not all(task.done() for task in work):
            most = max(most, memory_mb(running))
            await asyncio.sleep(0.5)
        saw = [task.result() for task in work]
    first = sorted(s.first_s - s.sent_s for s in saw if s.first_s)
    return {
        **_told(saw),
        "whole": sum(s.whole for s in saw),
        "first_byte": {"of": len(first), "p50_s": round(first[len(first) // 2], 1), "most_s": round(first[-1], 1)},
        "memory_mb": {"before": round(before), "most": round(most)},
    }


async def long_conversation(running: Running) -> Json:
    """Ten thousand short messages, while others ask."""
    turns = [{"role": ("user", "assistant")[n % 2], "content": f"Turn {n}: go on."} for n in range(TURNS - 1)]
    return await _beside_others(running, [*turns, {"role": "user", "content": "And now?"}])


async def huge_prompt(running: Running) -> Json:
    """Ten megabytes in one message, while others ask."""
    return await _beside_others(running, [{"role": "user", "content": "lorem ipsum " * 850_000}])


async def vanishing(running: Running) -> Json:
    """Half hang up at the first byte of a stream, half before any answer; afterwards a call is answered."""
    with running.fault("sim-small", "slow", seconds=1):
        async with _client() as client:
            left = await asyncio.gather(*(_leave(client, running, at_first_byte=n % 2 == 0) for n in range(VANISHING)))
    async with _client() as client:
        after = await ask(client, *_target(running), stream=False)
    return {"calls": VANISHING, "left": dict(Counter(left)), "answers_afterwards": after.whole}


async def _leave(client: httpx.AsyncClient, running: Running, *, at_first_byte: bool) -> str:
    base_url, key = _target(running)
    messages = [{"role": "user", "content": f"What is the capital of {uuid.uuid4().hex}?"}]
    body = {"model": "auto", "messages": messages, "max_tokens": 40, "stream": True}
    more: Json = {} if at_first_byte else {"timeout": 0.5}
    try:
        sent = client.stream("POST", f"{base_url}/chat/completions", json=body, headers=_login(key), **more)
        async with sent as reply:
            async for _ in reply.aiter_bytes():
                return f"{reply.status_code}, then left"
    except httpx.HTTPError as error:
        return type(error).__name__
    return "empty"


async def _beside_others(running: Running, messages: list[Json]) -> Json:
    base_url, key = _target(running)
    body = {"model": "auto", "messages": messages, "max_tokens": 20}
    began = time.monotonic()
    async with _client() as client:
        sent = asyncio.create_task(client.post(f"{base_url}/chat/completions", json=body, headers=_login(key)))
        others = await asyncio.gather(*(ask(client, base_url, key, stream=True) for _ in range(10)))
        reply = await sent
    error = reply.json().get("error") or {}
    told = f"{reply.status_code} {error.get('code') or ''}".strip()
    return {"sees": told, "others": _told(others), "seconds": round(time.monotonic() - began, 1)}


def _told(saw: list[Saw]) -> Json:
    lost, refused = sum(map(is_lost, saw)), sum(s.code == GATEWAY_AWAY for s in saw)
    slowest = round(max(s.ended_s - s.sent_s for s in saw), 1)
    return {"calls": len(saw), "lost": lost, "unavailable": refused, "during": outcomes(saw), "slowest_s": slowest}


def _client() -> httpx.AsyncClient:
    return httpx.AsyncClient(timeout=600, limits=httpx.Limits(max_connections=STREAMS))


def _target(running: Running) -> tuple[str, str]:
    return running.started.base_url, running.keys[TENANT]


def _login(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}

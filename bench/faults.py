"""Faults one after another under a steady load: what clients saw, what was lost, how long recovery took.

    python -m bench.faults --json [--only redis]

Each scenario breaks something for a few seconds while six clients ask, then mends it. `lost`: calls without an answer
although the gateway could have given one (a broken line, a cut stream, a status without our error body).
`unavailable`: 503 with a time to come back, which a tenant's policy asks for. `recovery_s`: from the mending until each
client has had a whole answer. At the end the ledger is audited and no hold may be left. The clock scenario needs
Debian's `faketime`; without it, it is left out and said so.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
from redis.asyncio import Redis

from bench.fault_extremes import STREAMS, TENANT, huge_prompt, long_conversation, many_streams, vanishing, workers_of
from bench.fault_load import CLIENTS, GATEWAY_AWAY, Load, ask, is_lost, outcomes
from plugins.adapters.redis_ledger import RedisLedger
from plugins.config import BudgetConfig
from plugins.launcher import hand_over
from plugins.trial.embedded_redis import EmbeddedRedis
from tests.clusters import Watched, watched_pair
from tests.gateway import Running, gateway
from tests.waiting import eventually

BEFORE_S: Final = 2.0
SPAN_S: Final = 4.0
MOST_RECOVERY_S: Final = 60.0
FAKETIME: Final = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")
CLOCK: Final = "clock jumped"
FAILOVER: Final = "redis fails over"
DEAD_AFTER_MS: Final = 1_000
JUMP: Final = "+90000s"  # a day and an hour: past every daily window
Json = dict[str, Any]
Broken = Callable[[], AbstractAsyncContextManager[None]]


@dataclass(frozen=True, slots=True)
class Stand:
    """What the scenarios break."""

    running: Running
    redis: EmbeddedRedis | Watched
    clock: Path

    @asynccontextmanager
    async def redis_gone(self) -> AsyncIterator[None]:
        assert isinstance(self.redis, EmbeddedRedis)
        self.redis.stop()
        yield
        self.redis.start()

    @asynccontextmanager
    async def redis_fails_over(self) -> AsyncIterator[None]:
        """The primary dies; mended when the Sentinel has made a primary of the replica."""
        assert isinstance(self.redis, Watched)
        replica = self.redis.replica
        await asyncio.to_thread(self.redis.primary.life.close)
        yield
        await asyncio.to_thread(eventually, lambda: replica.ask("ROLE")[0] == "master")

    @asynccontextmanager
    async def redis_slow(self) -> AsyncIterator[None]:
        await self._redis("CLIENT", "PAUSE", int(SPAN_S * 1000), "ALL")
        yield

    @asynccontextmanager
    async def redis_full(self) -> AsyncIterator[None]:
        await self._redis("CONFIG", "SET", "maxmemory", "1")
        yield
        await self._redis("CONFIG", "SET", "maxmemory", "0")

    @asynccontextmanager
    async def redis_read_only(self) -> AsyncIterator[None]:
        """As a primary that was demoted in a failover, until it leads again."""
        await self._redis("REPLICAOF", "127.0.0.1", "1")
        yield
        await self._redis("REPLICAOF", "NO", "ONE")

    def provider(self, fault: str, **more: object) -> Broken:
        """The cheapest model misbehaves; the others work."""

        @asynccontextmanager
        async def broken() -> AsyncIterator[None]:
            with self.running.fault("sim-small", fault, **more):
                yield

        return broken

    @asynccontextmanager
    async def worker_killed(self) -> AsyncIterator[None]:
        os.kill(workers_of(self.running.started.process.pid)[0], signal.SIGKILL)
        yield

    @asynccontextmanager
    async def config_broken(self) -> AsyncIterator[None]:
        path = self.running.started.source.path
        good = path.read_text(encoding="utf-8")
        path.write_text("gateway: [not, a, section\n", encoding="utf-8")
        hand_over(self.running.started)
        yield
        path.write_text(good, encoding="utf-8")
        hand_over(self.running.started)

    @asynccontextmanager
    async def clock_jumped(self) -> AsyncIterator[None]:
        self.clock.write_text(JUMP)
        yield
        self.clock.write_text("+0")

    async def _redis(self, *words: str | int) -> None:
        async with Redis.from_url(self.redis.url) as client:
            await client.execute_command(*words)  # type: ignore[no-untyped-call]  # redis-py has no types for it


def scenarios(stand: Stand) -> Mapping[str, Broken]:
    """By name, in the order of the run."""
    return {
        "redis gone": stand.redis_gone,
        "redis slow": stand.redis_slow,
        "redis full": stand.redis_full,
        "redis read-only": stand.redis_read_only,
        "provider 500": stand.provider("error500"),
        "provider 429": stand.provider("rate_limit"),
        "provider hangs": stand.provider("hang", seconds=30),
        "provider half a stream": stand.provider("half_stream"),
        "provider wrong JSON": stand.provider("wrong_json"),
        "provider empty answer": stand.provider("empty"),
        "worker killed": stand.worker_killed,
        "config broken": stand.config_broken,
    }


async def play(running: Running, broken: Broken) -> Json:
    """One scenario under load."""
    load = Load(running.started.base_url, running.keys[TENANT])
    task = asyncio.create_task(load.run())
    await asyncio.sleep(BEFORE_S)
    began = time.monotonic()
    async with broken():
        await asyncio.sleep(SPAN_S)
    mended = time.monotonic()
    await load.until_answered(mended, MOST_RECOVERY_S)
    recovered = time.monotonic()
    load.stop.set()
    await task
    during = [s for s in load.saw if began <= s.ended_s and s.sent_s < mended]
    return {
        "calls": len(load.saw),
        "lost": sum(is_lost(s) for s in load.saw),
        "unavailable": sum(s.code == GATEWAY_AWAY for s in load.saw),
        "recovery_s": round(recovered - mended, 1) if load.answered_since(mended) else None,
        "slowest_s": round(max(s.ended_s - s.sent_s for s in load.saw), 1),
        "during": outcomes(during),
        "before_and_after": outcomes([s for s in load.saw if s not in during]),
    }


async def drain(running: Running) -> Json:
    """SIGTERM while every client waits for a slow answer: all of them get it."""
    with running.fault("sim-small", "slow", seconds=2):
        async with httpx.AsyncClient(timeout=60) as client:
            target = running.started.base_url, running.keys[TENANT]
            asked = [asyncio.create_task(ask(client, *target, stream=n % 2 == 1)) for n in range(4 * CLIENTS)]
            await asyncio.sleep(1.5)
            running.started.process.terminate()
            saw = await asyncio.gather(*asked)
    began = time.monotonic()
    await asyncio.to_thread(running.started.process.wait, 60)
    return {"calls": len(saw), "lost": sum(is_lost(s) for s in saw), "during": outcomes(saw),
            "ended_s": round(time.monotonic() - began, 1)}  # fmt: skip


async def books(stand: Stand) -> Json:
    """The ledger after it all, once nothing is held and the journal is empty, or after a minute."""
    config = BudgetConfig(timeout_ms=10_000)
    ledger = RedisLedger(stand.redis.url, config, stand.running.state_dir, lambda _: None)
    folder, began = stand.running.state_dir / "journal", time.monotonic()
    try:
        while True:
            left = (await ledger.reconcile(TENANT)).open_holds
            journal = [path.name for path in folder.glob("*.jsonl") if path.stat().st_size]
            if not (left or journal) or time.monotonic() > began + MOST_RECOVERY_S:
                break
            await asyncio.sleep(0.5)
        audit = await ledger.audit(TENANT)
    finally:
        await ledger.close()
    after_s = round(time.monotonic() - began, 1)
    return {"holds_left": left, "audit_equal": audit.equal, "journal_left": journal, "after_s": after_s}


EXTREMES: Final[Mapping[str, Callable[[Running], Awaitable[Json]]]] = {
    f"{STREAMS} streams at once": many_streams,
    "10,000 messages": long_conversation,
    "10 MB prompt": huge_prompt,
    "clients vanish": vanishing,
}


def progress(name: str, row: Json) -> Json:
    """The row, told as soon as it is there."""
    print(f"{name}: {row}", file=sys.stderr, flush=True)
    return row


async def run(stand: Stand, only: str) -> Json:
    rows: dict[str, Json] = {}
    for name, broken in scenarios(stand).items():
        if only in name:
            rows[name] = progress(name, await play(stand.running, broken))
            await asyncio.sleep(3)  # a deployment that failed is left alone for so long
    if only in "SIGTERM":
        rows["SIGTERM"] = await drain(stand.running)
    return {**rows, "books": await books(stand)}


async def run_extremes(stand: Stand, only: str) -> Json:
    chosen = {name: extreme for name, extreme in EXTREMES.items() if only in name}
    rows = {name: progress(name, await extreme(stand.running)) for name, extreme in chosen.items()}
    return {**rows, "books after extremes": await books(stand)}


async def run_alone(stand: Stand, name: str, broken: Broken) -> Json:
    return {name: progress(name, await play(stand.running, broken)), f"{name}: books": await books(stand)}


@contextmanager
def stand_of(
    environ: Mapping[str, str], workers: int, clock: Path, watched: bool = False, quick: bool = True
) -> Iterator[Stand]:
    """A gateway, its Redis with an append-only file (or `watched` by a Sentinel); `quick`: with short time-outs."""

    def adapt(config: Json) -> None:
        config["gateway"]["redis_url"] = server.url
        if quick:
            config["router_settings"] |= {"timeout": 3, "stream_timeout": 3, "cooldown_time": 2}
        config["gateway"]["tenants"][TENANT]["when_ledger_away"] = "allow"

    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name) / "redis"
        server: EmbeddedRedis | Watched
        if watched:
            server = stack.enter_context(watched_pair(folder, DEAD_AFTER_MS))
        else:
            server = stack.enter_context(EmbeddedRedis(data_dir=folder))
        changes = {"budgets": {"timeout_ms": 500}}
        with gateway(Path(name), changes, adapt, workers=workers, environ=environ) as running:
            yield Stand(running, server, clock)


def faults(only: str) -> Json:
    """All of it, on servers of its own; the clock is another process's, because faking it slows a process down."""
    rows: Json = {}
    with tempfile.TemporaryDirectory() as name:
        clock = Path(name) / "clock"
        clock.write_text("+0")
        alone = only in (CLOCK, FAILOVER) or any(only in name for name in EXTREMES)
        if not only or not alone:
            with stand_of({}, 2, clock) as stand:
                rows |= asyncio.run(run(stand, only))
        if any(only in name for name in EXTREMES):
            with stand_of({}, 2, clock, quick=False) as stand:
                rows |= asyncio.run(run_extremes(stand, only))
        if only in FAILOVER:
            with stand_of({}, 1, clock, watched=True) as stand:
                rows |= asyncio.run(run_alone(stand, FAILOVER, stand.redis_fails_over))
        if only in CLOCK and not FAKETIME.exists():
            rows[CLOCK] = {"left_out": "Debian's faketime is not installed"}
        elif only in CLOCK:
            environ = {"LD_PRELOAD": str(FAKETIME), "FAKETIME_TIMESTAMP_FILE": str(clock), "FAKETIME_NO_CACHE": "1"}
            environ |= {"FAKETIME_DONT_FAKE_MONOTONIC": "1"}
            with stand_of(environ, 1, clock) as stand:
                rows |= asyncio.run(run_alone(stand, CLOCK, stand.clock_jumped))
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="scenarios whose name holds this text")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")
    chosen = parser.parse_args()
    result = faults(chosen.only)
    if chosen.json:
        print(json.dumps(result, indent=1))
    else:
        for name, row in result.items():
            print(f"{name:24} {row}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

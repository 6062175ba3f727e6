"""What `bench.faults` breaks: Tierwise, vanilla LiteLLM beside it with the same models, one provider, and their Redis.

Vanilla gets what a careful operator would give it: the router settings of the file under test (time-outs, retries,
cooldown) and as fallbacks, for errors, for prompts beyond a window and for content filters alike, the other tiers,
dearer ones first. Redis is in its environment, as it is in Tierwise's. Both run with two workers, started alike.
"""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import httpx
import yaml
from redis.asyncio import Redis

from bench.fault_load import Target
from plugins.config_file import CONFIG_VARIABLE
from plugins.launcher import hand_over, server_command
from plugins.trial.embedded_redis import EmbeddedRedis
from plugins.trial.lifeline import last_lines, start_child, stop_child
from tests.clusters import Watched, free_port, watched_pair
from tests.gateway import START_TIMEOUT_S, Running, gateway
from tests.waiting import eventually

TENANT: Final = "acme"
SPAN_S: Final = 4.0
PAGE_BYTES: Final = 4096
DEAD_AFTER_MS: Final = 1_000
JUMP: Final = "+90000s"  # a day and an hour: past every daily window
TIERS: Final = ("small", "mid", "frontier")
DRAIN_S: Final = 60
CLOCK_FILE: Final = "clock"
WRONG_JSON: Final = "provider wrong JSON"
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two gateways, and what it is asked for."""

    running: Running
    model: str

    @property
    def target(self) -> Target:
        return Target(self.running.started.base_url, self.running.keys[TENANT], self.model)


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


@dataclass(frozen=True, slots=True)
class Stand:
    """What the scenarios break: each fault for one side at a time, while the other is idle."""

    tierwise: Side
    vanilla: Side | None
    redis: EmbeddedRedis | Watched
    clock: Path

    @asynccontextmanager
    async def redis_gone(self, side: Side) -> AsyncIterator[None]:
        assert isinstance(self.redis, EmbeddedRedis)
        self.redis.stop()
        yield
        self.redis.start()

    @asynccontextmanager
    async def redis_fails_over(self, side: Side) -> AsyncIterator[None]:
        """The primary dies; mended when the Sentinel has made a primary of the replica."""
        assert isinstance(self.redis, Watched)
        replica = self.redis.replica
        await asyncio.to_thread(self.redis.primary.life.close)
        yield
        await asyncio.to_thread(eventually, lambda: replica.ask("ROLE")[0] == "master")

    @asynccontextmanager
    async def redis_slow(self, side: Side) -> AsyncIterator[None]:
        await self._redis("CLIENT", "PAUSE", int(SPAN_S * 1000), "ALL")
        yield

    @asynccontextmanager
    async def redis_full(self, side: Side) -> AsyncIterator[None]:
        await self._redis("CONFIG", "SET", "maxmemory", "1")
        yield
        await self._redis("CONFIG", "SET", "maxmemory", "0")

    @asynccontextmanager
    async def redis_read_only(self, side: Side) -> AsyncIterator[None]:
        """As a primary that was demoted in a failover, until it leads again."""
        await self._redis("REPLICAOF", "127.0.0.1", "1")
        yield
        await self._redis("REPLICAOF", "NO", "ONE")

    @asynccontextmanager
    async def worker_killed(self, side: Side) -> AsyncIterator[None]:
        os.kill(workers_of(side.running.started.process.pid)[0], signal.SIGKILL)
        yield

    @asynccontextmanager
    async def config_broken(self, side: Side) -> AsyncIterator[None]:
        started = side.running.started
        path = started.source.path
        good = path.read_text(encoding="utf-8")
        path.write_text("gateway: [not, a, section\n", encoding="utf-8")
        hand_over(started)
        yield
        path.write_text(good, encoding="utf-8")
        hand_over(started)

    @asynccontextmanager
    async def clock_jumped(self, side: Side) -> AsyncIterator[None]:
        self.clock.write_text(JUMP)
        yield
        self.clock.write_text("+0")

    async def _redis(self, *words: str | int) -> None:
        async with Redis.from_url(self.redis.url) as client:
            await client.execute_command(*words)  # type: ignore[no-untyped-call]  # redis-py has no types for it


Scenario = Callable[[Stand, Side], AbstractAsyncContextManager[None]]


def provider(fault: str, **more: object) -> Scenario:
    """The cheapest model misbehaves; the others work."""

    @asynccontextmanager
    async def broken(_: Stand, side: Side) -> AsyncIterator[None]:
        with side.running.fault("sim-small", fault, **more):
            yield

    return broken


SCENARIOS: Final[Mapping[str, Scenario]] = {
    "redis gone": Stand.redis_gone,
    "redis slow": Stand.redis_slow,
    "redis full": Stand.redis_full,
    "redis read-only": Stand.redis_read_only,
    "provider 500": provider("error500"),
    "provider 429": provider("rate_limit"),
    "provider hangs": provider("hang", seconds=30),
    "provider half a stream": provider("half_stream"),
    WRONG_JSON: provider("wrong_json"),
    "provider empty answer": provider("empty"),
    "worker killed": Stand.worker_killed,
    "config broken": Stand.config_broken,
}


def vanilla_config(rendered: Json) -> Json:
    """LiteLLM's part of the file that Tierwise runs with, and fallbacks by LiteLLM's own settings."""
    config = {name: section for name, section in rendered.items() if name != "gateway"}
    ours = {"callbacks", "custom_auth", "model_group_alias"}
    for name in ("litellm_settings", "general_settings", "router_settings"):
        config[name] = {key: value for key, value in (config.get(name) or {}).items() if key not in ours}
    others = [{tier: [*TIERS[n + 1 :], *TIERS[:n]]} for n, tier in enumerate(TIERS)]
    kinds = ("fallbacks", "context_window_fallbacks", "content_policy_fallbacks")
    config["router_settings"] |= dict.fromkeys(kinds, others)
    return config


@contextmanager
def vanilla_beside(running: Running, folder: Path, workers: int) -> Iterator[Side]:
    """LiteLLM's own proxy on the provider and Redis of a gateway that is up, asked for the tier that `auto` takes."""
    started, port = running.started, free_port()
    path, log = folder / "vanilla.yaml", folder / "vanilla.log"
    rendered = yaml.safe_load(started.rendered.read_text(encoding="utf-8"))
    path.write_text(yaml.safe_dump(vanilla_config(rendered), sort_keys=False), encoding="utf-8")
    environ = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR", **started.environ}
    environ[CONFIG_VARIABLE] = str(path)
    command = server_command("litellm.proxy.proxy_server:app", "127.0.0.1", port, workers, DRAIN_S)
    with ExitStack() as stack:
        process = start_child(command, log, env=environ)
        stack.callback(stop_child, process, DRAIN_S)
        origin = f"http://127.0.0.1:{port}"

        def is_ready() -> bool:
            assert process.poll() is None, last_lines(log)
            try:
                return httpx.get(f"{origin}/health/readiness", timeout=5).is_success
            except httpx.HTTPError:
                return False

        eventually(is_ready, START_TIMEOUT_S)
        beside = replace(started, base_url=f"{origin}/v1", process=process)
        yield Side(replace(running, started=beside, keys={TENANT: started.master_key}), "small")


@contextmanager
def stand_of(
    folder: Path,
    workers: int = 2,
    environ: Mapping[str, str] | None = None,
    watched: bool = False,
    quick: bool = True,
    ledger_away: str = "allow",
) -> Iterator[Stand]:
    """Both gateways, and a Redis with an append-only file (or `watched` by a Sentinel, which vanilla cannot follow and
    is left out then); `quick`: with short time-outs; `ledger_away`: the tenant's policy without a ledger."""

    def adapt(config: Json) -> None:
        if quick:
            config["router_settings"] |= {"timeout": 3, "stream_timeout": 3, "cooldown_time": 2}
        config["gateway"]["tenants"][TENANT]["when_ledger_away"] = ledger_away

    with tempfile.TemporaryDirectory(dir=folder) as name, ExitStack() as stack:
        server: EmbeddedRedis | Watched
        if watched:
            server = stack.enter_context(watched_pair(Path(name) / "redis", DEAD_AFTER_MS))
        else:
            server = stack.enter_context(EmbeddedRedis(data_dir=Path(name) / "redis"))
        changes = {"budgets": {"timeout_ms": 500}}
        environ = {**(environ or {}), "REDIS_URL": server.url}
        running = stack.enter_context(gateway(Path(name), changes, adapt, workers=workers, environ=environ))
        vanilla = None if watched else stack.enter_context(vanilla_beside(running, Path(name), workers))
        yield Stand(Side(running, "auto"), vanilla, server, folder / CLOCK_FILE)

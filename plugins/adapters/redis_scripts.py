"""A Redis connection that runs the ledger's Lua scripts, one round trip a run: server, cluster or behind Sentinels."""

from __future__ import annotations

import asyncio
import hashlib
from importlib.resources import files
from typing import Any

from redis.asyncio import BlockingConnectionPool, Redis, RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoPermissionError, NoScriptError, RedisClusterException, RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from plugins.adapters.patience import SLACK, patience
from plugins.adapters.redis_address import is_sentinel, primary_pool
from plugins.errors import LedgerAwayError

SCRIPTS = ("reserve_v1", "settle_v1", "states_v1", "adjust_v1", "reconcile_v1", "snapshot_v1")
MAX_CONNECTIONS = 64

Client = Redis | RedisCluster


class RedisAwayError(LedgerAwayError):
    """Redis did not answer in time or refused. `broken`: the line broke, a second try may go through."""

    def __init__(self, reason: str, broken: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.broken = broken


def root_key(tenant: str) -> str:
    """The root of a tenant's keys; the hash tag keeps them all in one slot."""
    return f"tw:{{{tenant}}}"


async def open_redis(url: str, timeout_s: float) -> Client:
    """A client for a URL of redis_address; a plain server is asked whether it is part of a cluster."""
    return await _open(url, timeout_s, timeout_s)


async def open_patiently(url: str, timeout_s: float) -> Client:
    """The same for callers whose every wait has a limit of its own (`patience`). The library then sets none besides:
    for that it makes a task for each command. `timeout_s` is for connecting."""
    return await _open(url, timeout_s, None)


async def _open(url: str, timeout_s: float, answer_timeout_s: float | None) -> Client:
    no_retry = Retry(NoBackoff(), 0)  # a script may have run before the line broke: repeating is ours to decide
    times = {"socket_timeout": answer_timeout_s, "socket_connect_timeout": timeout_s}
    pooled: dict[str, Any] = {"max_connections": MAX_CONNECTIONS, "timeout": timeout_s, "retry": no_retry, **times}
    if is_sentinel(url):
        return _Server.from_pool(primary_pool(url, **pooled))
    client = _Server.from_pool(BlockingConnectionPool.from_url(url, **pooled))
    try:
        clustered = (await client.info("cluster")).get("cluster_enabled") == 1
    except NoPermissionError:
        clustered = False  # a user without INFO: cluster providers allow it
    except BaseException:
        await client.aclose()
        raise
    if not clustered:
        return client
    await client.aclose()
    return await _open_cluster(url, times)


class _Server(Redis):
    """Says that a connection was just closed by an error as redis-py raises it: uvloop's is a RuntimeError, and who
    goes on without Redis would fall over it."""

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        try:
            return await super().execute_command(*args, **options)  # type: ignore[no-untyped-call]  # redis-py's
        except RuntimeError as error:
            raise RedisConnectionError(str(error)) from error


class _Cluster(RedisCluster):
    """As `_Server`; and says so too that it finds no node, or none with a slot: redis-py 8.1 makes that no
    RedisError."""

    async def initialize(self, *args: Any, **options: Any) -> RedisCluster:
        try:
            return await super().initialize(*args, **options)
        except (RedisClusterException, RuntimeError) as error:
            raise RedisConnectionError(str(error)) from error

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        try:
            return await super().execute_command(*args, **options)
        except (RedisClusterException, RuntimeError) as error:
            raise RedisConnectionError(str(error)) from error


async def _open_cluster(url: str, times: dict[str, Any]) -> RedisCluster:
    # Of itself the client closes all connections at each fifth MOVED, also those that others are using; without steps
    # each MOVED still corrects its slot.
    cluster = _Cluster.from_url(
        url, max_connections=MAX_CONNECTIONS, retry=Retry(NoBackoff(), 1), reinitialize_steps=0, **times
    )
    try:
        # Before it knows the nodes the client sends commands that come together to any node (redis-py 8.1).
        return await cluster.initialize()
    except BaseException:
        await cluster.aclose()
        raise


class RedisScripts:
    """Connects at the first use, and again after a failure to connect. For use within one event loop."""

    def __init__(self, url: str, timeout_ms: int) -> None:
        self._url = url
        self._timeout_s = timeout_ms / 1000
        self._client: Client | None = None
        self._scripting: Client | None = None
        self._connecting = asyncio.Lock()
        folder = files("plugins.adapters") / "lua"
        common = (folder / "common_v1.lua").read_text(encoding="utf-8")
        self._texts = {name: common + (folder / f"{name}.lua").read_text(encoding="utf-8") for name in SCRIPTS}
        self._shas = {name: hashlib.sha1(text.encode()).hexdigest() for name, text in self._texts.items()}  # noqa: S324  # EVALSHA is SHA-1

    async def run(self, name: str, tenant: str, *args: str | int) -> Any:
        """The script's reply, with bytes inside. RedisAwayError when there is none; nothing is repeated."""
        try:
            async with patience(self._timeout_s):
                client = await self._for_scripts()
                try:
                    return await client.evalsha(self._shas[name], 1, root_key(tenant), *args)
                except NoScriptError:  # the server is new or was flushed; EVAL loads it too
                    return await client.eval(self._texts[name], 1, root_key(tenant), *args)
        except (TimeoutError, RedisTimeoutError):
            raise RedisAwayError(f"no answer within {self._timeout_s:g} s") from None
        except ResponseError as error:
            raise RedisAwayError(f"refused: {error}") from None
        except (RedisError, OSError) as error:
            raise RedisAwayError(f"{type(error).__name__}: {error}", broken=True) from None

    async def client(self) -> Client:
        """A connected client for what is no script, whose waits the library limits; raises what redis raises."""
        if self._client is None:
            async with self._connecting:
                if self._client is None:
                    self._client = await open_redis(self._url, self._timeout_s * SLACK)
        return self._client

    async def _for_scripts(self) -> Client:
        if self._scripting is None:
            async with self._connecting:
                if self._scripting is None:
                    self._scripting = await open_patiently(self._url, self._timeout_s * SLACK)
        return self._scripting

    async def close(self) -> None:
        clients, self._client, self._scripting = (self._client, self._scripting), None, None
        for client in clients:
            if client is not None:
                await client.aclose()

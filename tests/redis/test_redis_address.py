"""REDIS_URL: TLS with a private authority, and the primary that Sentinels name, also after a failover."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from plugins.adapters.redis_address import FORMS, check_url, is_sentinel
from plugins.adapters.redis_scripts import RedisAwayError, RedisScripts
from plugins.errors import StartError
from plugins.values import Exact, Hold, OverCap
from tests.clusters import SERVICE, watched_pair
from tests.ledgers import tenant_on
from tests.servers import running_redis
from tests.tls import tls_front, write_certificate
from tests.waiting import eventually, eventually_async

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


async def test_budgets_outlive_a_failover(tmp_path: Path) -> None:
    """The primary dies with an open hold; the Sentinel's new primary knows the hold, and it is settled there once."""
    with watched_pair(tmp_path / "redis") as watched:
        async with tenant_on(watched.url, tmp_path / "journal") as tenant:
            await tenant.ledger.settle(await tenant.hold(300), Exact(200, 1))
            hold = await tenant.hold(400)
            holds = f"tw:{{{tenant.name}}}:holds"
            await asyncio.to_thread(eventually, lambda: watched.replica.ask("HLEN", holds) == 1)
            await asyncio.to_thread(watched.primary.life.close)
            await tenant.ledger.settle(hold, Exact(100, 1))  # journalled, as nobody answers

            async def is_held() -> bool:
                return isinstance(await tenant.ledger.reserve(tenant.request(1)), Hold)

            await eventually_async(is_held)
            await tenant.ledger.replay_journal()  # or the ledger's own, begun by the first answer, is under way

            async def is_settled() -> bool:
                return (await tenant.balance())[0] == 300

            await eventually_async(is_settled)
            assert await tenant.is_balanced()


async def test_a_sentinel_that_fails_is_asked_once(tmp_path: Path) -> None:
    """The next one is asked at once: whoever waits for budgets waits for less than a second."""
    asked: list[int] = []

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(1)
        writer.close()

    broken = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    port = broken.sockets[0].getsockname()[1]
    with watched_pair(tmp_path / "redis") as watched:
        url = f"redis+sentinel://127.0.0.1:{port},127.0.0.1:{watched.sentinel.port}/{SERVICE}"
        async with tenant_on(url, tmp_path / "journal") as tenant:
            await tenant.hold(300)
    assert len(asked) == 1
    broken.close()

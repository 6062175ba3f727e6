"""How turns are remembered: at once in the process, a moment later by the others, many in one round trip."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from plugins.adapters.redis_conversations import RedisConversations
from plugins.adapters.redis_scripts import Client, open_redis
from tests.clusters import free_port, running_cluster
from tests.servers import running_redis

TIMEOUT_MS = 2_000


@pytest.fixture(scope="module", params=["server", "cluster"])
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if request.param == "server":
        with running_redis() as server:
            yield server.url
    else:
        with running_cluster(tmp_path_factory.mktemp("redis") / "cluster") as nodes:
            yield nodes[0].url


async def test_a_turn_is_known_at_once_and_by_other_processes_once_written(url: str) -> None:
    """Of every tenant, wherever a cluster keeps it; the last turn counts."""
    here, there = RedisConversations(url, TIMEOUT_MS), RedisConversations(url, TIMEOUT_MS)
    for tenant in ("acme", "globex", "initech"):
        await here.remember(tenant, "c1", "small", True)
        await here.remember(tenant, "c1", "mid", False)
        known = await here.recall(tenant, "c1")
        assert known is not None and (known.tier, known.failed) == ("mid", False)
    await here.close()
    for tenant in ("acme", "globex", "initech"):
        for process in (here, there):
            known = await process.recall(tenant, "c1")
            assert known is not None and (known.tier, known.failed) == ("mid", False)
    assert await there.recall("acme", "another") is None
    await asyncio.gather(here.close(), there.close())


async def test_turns_noted_while_others_are_written_are_written_too(url: str) -> None:
    """None waits for a next one."""
    here, there = RedisConversations(url, TIMEOUT_MS), RedisConversations(url, TIMEOUT_MS)
    for number in range(20):
        await here.remember("acme", f"n{number}", "small", False)
        await asyncio.sleep(0.01)
    await here.close()
    assert all([await there.recall("acme", f"n{number}") for number in range(20)])
    await there.close()


async def test_what_is_remembered_expires(url: str) -> None:
    """With the providers' caches."""
    here = RedisConversations(url, TIMEOUT_MS)
    await here.remember("acme", "c2", "small", False)
    await here.close()
    client = await open_redis(url, 5.0)
    assert 0 < await client.ttl("tw:{acme}:conversation:c2") <= 3_600
    await client.aclose()


async def test_without_redis_nothing_is_remembered_and_nothing_raised() -> None:
    """Each turn then stands for itself."""
    away = RedisConversations(f"redis://127.0.0.1:{free_port()}", 50)
    await away.remember("acme", "c3", "small", False)
    await away.close()
    assert await away.recall("acme", "c3") is None


async def test_a_connection_that_was_just_closed_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """uvloop says it by a RuntimeError: the turn then stands for itself."""
    conversations = RedisConversations(f"redis://127.0.0.1:{free_port()}", 50)

    async def closed() -> Client:
        raise RuntimeError("unable to perform operation on <TCPTransport closed=True>; the handler is closed")

    monkeypatch.setattr(conversations, "_connected", closed)
    assert await conversations.recall("acme", "c4") is None

"""What works outside of requests on a Redis Cluster that is away, or has lost slots: clear words, nothing raw."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from redis.asyncio import RedisCluster
from redis.exceptions import RedisError
from typer.testing import CliRunner

from classifier.pairs.verify import PairVerifier
from plugins.adapters.cache_purge import Selection, purge
from plugins.adapters.recent_traces import RecentTraces
from plugins.adapters.redis_cache import RedisCache
from plugins.adapters.redis_scripts import RedisAwayError, RedisScripts, open_redis
from plugins.cache_cli import cache_app
from plugins.cache_config import CacheConfig
from plugins.errors import Unavailable
from plugins.tracing import trace_id_of
from tests.clusters import SLOTS, Node, running_cluster
from tests.unit.traces import a_trace

LATE_S = 0.1
RAW = ("Traceback", "Errno", "127.0.0.1", "redis.exceptions", "RedisClusterException")


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[list[Node]]:
    with running_cluster(tmp_path / "cluster", 2, "cluster-require-full-coverage no") as both:
        yield both


def end(nodes: list[Node]) -> None:
    for node in nodes:
        node.life.close()


def lose_slots(nodes: list[Node]) -> None:
    """As after a resharding that went wrong: nobody has any slot of the second node."""
    first = SLOTS // 2
    for node in nodes:
        node.ask("CLUSTER DELSLOTSRANGE", first, SLOTS - 1)


@pytest.mark.parametrize("trouble", [end, lose_slots])
async def test_requests_that_cannot_be_noted_are_let_go(nodes: list[Node], trouble: object) -> None:
    """Neither writing nor closing raises; feedback on them is refused for now, or they are unknown."""
    recent = RecentTraces(nodes[0].url, 1_000, 60, LATE_S)
    known = [a_trace(id=f"call-{n}") for n in range(20)]  # of one tenant, in one slot
    recent.emit(known[0])
    assert await recent.find("acme", trace_id_of(known[0].id)) is not None
    await recent.close()
    recent = RecentTraces(nodes[0].url, 1_000, 60, LATE_S)
    await (await recent._connected()).ping(target_nodes="all")
    assert callable(trouble)
    trouble(nodes)
    for trace in known:
        recent.emit(trace)
    assert recent._writing is not None
    await recent._writing
    with pytest.raises(Unavailable):
        await recent.find("acme", trace_id_of(known[0].id))
    await recent.close()


@pytest.mark.parametrize("trouble", [end, lose_slots])
async def test_a_purge_that_breaks_off_raises_an_error_of_redis(nodes: list[Node], trouble: object) -> None:
    """The one tree that `purge_at` turns into a sentence for the operator."""
    client = await open_redis(nodes[0].url, 1.0)
    try:
        for shelf in "0123456789abcdef":
            await client.hset(f"tw:c:{{{shelf}}}:e:acme:x", "b", b"x")
        pipe = client.pipeline(transaction=False)
        for shelf in "0123456789abcdef":
            pipe.execute_command("UNLINK", f"tw:c:{{{shelf}}}:e:acme:x")
        assert callable(trouble)
        trouble(nodes)
        with pytest.raises(RedisError):
            await pipe.execute()
        if trouble is end:
            with pytest.raises(RedisError):
                await purge(client, Selection(tenant="acme"))
    finally:
        await client.aclose()


async def test_a_cache_that_is_away_is_not_said_to_be_full(nodes: list[Node], caplog: pytest.LogCaptureFixture) -> None:
    """The breaker tells that it is away, and nobody speaks of memory that was not looked at."""
    cache = RedisCache(nodes[0].url, CacheConfig(), PairVerifier.load())
    end(nodes)
    assert not await cache._has_room()
    await cache.close()
    assert "Redis is away" in caplog.text
    assert "memory" not in caplog.text


def test_the_command_says_what_to_do(nodes: list[Node]) -> None:
    """One line, exit code 1, and nothing of the exception."""
    end(nodes)
    ran = CliRunner().invoke(cache_app, ["purge", "--all", "--redis-url", nodes[0].url])
    assert ran.exit_code == 1
    assert "that every node runs, then repeat" in ran.output and len(ran.output.splitlines()) == 1
    assert not [word for word in RAW if word in ran.output]


async def test_a_connection_that_was_just_closed_is_a_cluster_that_is_away(
    nodes: list[Node], monkeypatch: pytest.MonkeyPatch
) -> None:
    """uvloop says so by a RuntimeError; the ledger and who else asks see an error of Redis."""
    scripts, client = RedisScripts(nodes[0].url, 2_000), await open_redis(nodes[0].url, 1.0)

    async def closed(*_args: object, **_options: object) -> None:
        raise RuntimeError("unable to perform operation: the handler is closed")

    monkeypatch.setattr(RedisCluster, "execute_command", closed)
    with pytest.raises(RedisError):
        await client.execute_command("GET", "key")
    with pytest.raises(RedisAwayError):
        await scripts.run("reserve_v1", "acme")
    monkeypatch.undo()
    await client.aclose()
    await scripts.close()

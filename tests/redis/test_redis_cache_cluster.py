"""What only a Redis Cluster does to the cache: its nodes share the entries, shelves move, and it may be away."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis.cluster import key_slot  # type: ignore[attr-defined]  # not in its list of public names

from plugins.adapters.cache_codec import entry_prefix, shelf_of
from plugins.values import CacheVerdict, Hit, Scope
from tests.clusters import Node, running_cluster
from tests.redis.test_redis_cache import ASKED, HERE, PARAPHRASE, cache_on, entry_of, scope_of
from tests.waiting import eventually_async


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[list[Node]]:
    with running_cluster(tmp_path / "cluster", 2) as both:
        yield both


async def test_every_node_has_a_part_of_the_answers(nodes: list[Node]) -> None:
    """Scopes are spread over shelves and shelves over nodes; each scope finds its own paraphrases."""
    scopes = [scope_of(f"tenant{number}") for number in range(40)]
    async with cache_on(nodes[0].url) as cache:
        for scope in scopes:
            await cache.store(scope, HERE, entry_of(response=scope.tenant))
        for scope in scopes:
            found = await cache.semantic(scope, PARAPHRASE, HERE)
            assert isinstance(found, Hit) and found.response == scope.tenant
    assert len({shelf_of(scope) for scope in scopes}) > 10
    assert all(node.ask("DBSIZE") > 5 for node in nodes)


async def test_paraphrases_are_found_again_after_a_shelf_has_moved(nodes: list[Node]) -> None:
    """The node that takes it over has no index of it: the first lookup misses and makes one."""
    async with cache_on(nodes[0].url) as cache:
        await cache.store(scope_of(), HERE, entry_of())
        assert isinstance(await cache.semantic(scope_of(), PARAPHRASE, HERE), Hit)
        await asyncio.to_thread(move, scope_of(), nodes)
        lookups = [cache.enter(scope_of(), ASKED) for _ in range(20)]  # all of them come to the node that had it
        assert all(isinstance(found, Hit) for found, _ in await asyncio.gather(*lookups))

        async def found() -> bool:
            return isinstance(await cache.semantic(scope_of(), PARAPHRASE, HERE), Hit)

        assert not await found()
        await eventually_async(found)


def move(scope: Scope, nodes: list[Node]) -> None:
    """A scope's slot goes from one of two nodes to the other, as `redis-cli --cluster reshard` does it."""
    slot = key_slot(entry_prefix(scope).encode())
    source, target = nodes if nodes[0].ask("CLUSTER GETKEYSINSLOT", slot, 1) else reversed(nodes)
    ids = {node: node.ask("CLUSTER MYID") for node in (source, target)}
    target.ask("CLUSTER SETSLOT", slot, "IMPORTING", ids[source])
    source.ask("CLUSTER SETSLOT", slot, "MIGRATING", ids[target])
    for key in source.ask("CLUSTER GETKEYSINSLOT", slot, 100):
        source.ask("MIGRATE", "127.0.0.1", target.port, key, 0, 5_000)
    for node in (target, source):
        node.ask("CLUSTER SETSLOT", slot, "NODE", ids[target])


async def test_a_cluster_that_is_away_is_a_bypass(nodes: list[Node]) -> None:
    """Also when the client finds no node any more, which is no ordinary error of its library."""
    async with cache_on(nodes[0].url) as cache:
        await cache.store(scope_of(), HERE, entry_of())
        for node in nodes:
            node.life.close()
        for _ in range(3):
            entered, _ = await cache.enter(scope_of(), ASKED)
            for verdict in (entered, await cache.semantic(scope_of(), PARAPHRASE, HERE)):
                assert isinstance(verdict, CacheVerdict) and verdict.kind == "bypass"
            cache.breaker._open_until = None

"""The indexes of the semantic cache: one of all entries on a Redis server, one of each shelf on a Redis Cluster.

On a cluster an index sees the entries of its own node only. All entries of a shelf carry one hash tag, so they are on
one node; the shelf's index carries it too, and is made and asked there. Redis takes the name of an index for a key, so
a command that comes to the wrong node is sent on like any other. Where a shelf has moved, its index is made anew.
"""

from __future__ import annotations

from typing import Any

from redis.asyncio import Redis
from redis.asyncio.cluster import RedisCluster

from plugins.adapters.cache_codec import SHELVES, shelf_of, shelf_prefix
from plugins.adapters.cache_index import INDEX_NAME, INDEX_PREFIX, SemanticIndex
from plugins.adapters.redis_scripts import Client
from plugins.values import Scope


class Shelves:
    """Finds the index that has the entries of a scope."""

    def __init__(self, client: Client) -> None:
        if isinstance(client, RedisCluster):
            self._tags = {shelf: f"{{{shelf}}}" for shelf in SHELVES}
            self._indexes = {
                shelf: SemanticIndex(_Node(client, tag), f"{INDEX_NAME}{tag}", shelf_prefix(shelf))
                for shelf, tag in self._tags.items()
            }
        else:
            self._tags = {"": ""}
            self._indexes = {"": SemanticIndex(client)}

    def index(self, scope: Scope) -> SemanticIndex:
        return self._indexes.get("") or self._indexes[shelf_of(scope)]

    async def drop_old_indexes(self) -> None:
        """Remove the indexes of earlier schema versions: they would go on indexing every new entry."""
        for shelf, index in self._indexes.items():
            if not await index.usable():
                return
            for name in await index.names():
                version, tag = name.removesuffix(self._tags[shelf]), self._tags[shelf]
                if name.startswith(INDEX_PREFIX) and name.endswith(tag) and version != INDEX_NAME:
                    await index.drop(name)


class _Node(Redis):
    """The node of a cluster that has a hash tag now, as if it were a server by itself. Its own pool stays unused."""

    def __init__(self, cluster: RedisCluster, tag: str) -> None:
        super().__init__()
        self._cluster = cluster
        self._tag = tag

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        await self._cluster.initialize()  # nothing is known of the nodes before, and after a failure
        node = self._cluster.get_node_from_key(self._tag)
        return await self._cluster.execute_command(*args, target_nodes=node, **options)

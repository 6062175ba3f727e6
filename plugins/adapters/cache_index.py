"""The vector index of the semantic cache: HNSW over float16 vectors in Redis, through redisvl.

One index holds all tenants; a lookup sees only entries that carry its own tenant and scope tags. The name
carries the schema version, so replicas of two releases keep to their own. Several may create it at once.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import Any, Final, cast
from urllib.parse import quote

from redis.asyncio.cluster import RedisCluster
from redis.exceptions import RedisError, ResponseError

# redisvl ships no type information, hence the ignores.
from redisvl.exceptions import RedisSearchError  # type: ignore[import-untyped]
from redisvl.index import AsyncSearchIndex  # type: ignore[import-untyped]
from redisvl.query import VectorQuery  # type: ignore[import-untyped]
from redisvl.query.filter import Tag  # type: ignore[import-untyped]
from redisvl.schema import IndexSchema  # type: ignore[import-untyped]

from plugins.adapters.cache_codec import PREFIX, pack_vector
from plugins.adapters.redis_scripts import Client
from plugins.cache import FORMAT, scope_key
from plugins.ports import Vector
from plugins.values import Scope

DIMENSIONS: Final = 384
INDEX_PREFIX: Final = "tw:c:index:"
INDEX_NAME: Final = f"{INDEX_PREFIX}v{FORMAT}-{DIMENSIONS}-f16"
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A stored question near the asked one; `distance` is the cosine distance, 0 to 2."""

    key: str
    question: str
    distance: float


class SemanticIndex:
    """Creates the index when it is first needed, and again when Redis came back empty."""

    def __init__(self, client: Client, name: str = INDEX_NAME) -> None:
        self._client = client
        self._index = AsyncSearchIndex(_schema(name), redis_client=client)
        self._ready = False
        self._absent = False
        self._lock = asyncio.Lock()

    async def usable(self) -> bool:
        """Make sure that the index exists. False, after one warning, on a Redis without vector search."""
        if self._ready or self._absent:
            return self._ready
        async with self._lock:
            if not self._ready and not self._absent:
                await self._prepare()
            return self._ready

    async def nearest(self, scope: Scope, vector: Vector, count: int) -> list[Neighbour] | None:
        """Up to `count` neighbours in this scope, nearest first; None on a Redis without vector search.

        Raises redis' own errors.
        """
        if not await self.usable():
            return None
        query = VectorQuery(
            pack_vector(vector),
            "v",
            return_fields=["q"],
            filter_expression=(Tag("t") == quote(scope.tenant, safe="@")) & (Tag("s") == scope_key(scope)),
            num_results=count,
            dtype="float16",
        )
        try:
            rows = cast(list[dict[str, Any]], await self._index.query(query))
        except RedisSearchError as error:
            if "no such index" in str(error).lower():
                self._ready = False  # Redis was flushed or replaced: create the index anew next time
                return []
            raise _cause(error) from error
        return [Neighbour(row["id"], row["q"], float(row["vector_distance"])) for row in rows if "q" in row]

    async def names(self) -> list[str]:
        """All indexes of this Redis."""
        return cast(list[str], await self._index.listall())

    async def _prepare(self) -> None:
        if isinstance(self._client, RedisCluster):
            self._give_up("it is a Redis Cluster, where an index sees one shard only")
            return
        try:
            await self.names()
        except ResponseError:
            self._give_up("it has no search commands (Redis 8 or Redis Stack has them)")
            return
        try:
            await self._index.create(overwrite=False)
        except RedisSearchError as error:
            if not await self._index.exists():  # else another replica was quicker
                raise _cause(error) from error
        self._ready = True

    def _give_up(self, why: str) -> None:
        self._absent = True
        logger.warning("The cache answers only exact repetitions, no paraphrases, on this Redis: %s", why)


async def drop_old_indexes(client: Client) -> None:
    """Remove the indexes of earlier schema versions: they would go on indexing every new entry."""
    current = SemanticIndex(client)
    if not await current.usable():
        return
    for name in await current.names():
        if name.startswith(INDEX_PREFIX) and name != INDEX_NAME:
            await client.ft(name).dropindex(delete_documents=False)


def _cause(error: RedisSearchError) -> RedisError:
    """The error of redis-py that redisvl wrapped, so that callers need to know one tree only."""
    return error.__cause__ if isinstance(error.__cause__, RedisError) else RedisError(str(error))


def _schema(name: str) -> IndexSchema:
    vector = {"algorithm": "hnsw", "dims": DIMENSIONS, "datatype": "float16", "distance_metric": "cosine"}
    return IndexSchema.from_dict(
        {
            "index": {"name": name, "prefix": PREFIX, "key_separator": "", "storage_type": "hash"},
            "fields": [
                {"name": "t", "type": "tag", "attrs": {"case_sensitive": True}},
                {"name": "s", "type": "tag"},
                {"name": "v", "type": "vector", "attrs": vector},
            ],
        }
    )

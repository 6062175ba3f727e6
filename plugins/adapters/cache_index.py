"""A vector index of the semantic cache: HNSW over half-precision vectors in Redis, through redisvl.

It holds all tenants; a lookup sees only entries that carry the tag of its own scope, which is a digest of tenant and
all else. The name carries the schema version, so replicas of two releases keep to their own. Several may create it at
once.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, cast

from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

# redisvl ships no type information, hence the ignores.
from redisvl.exceptions import RedisSearchError  # type: ignore[import-untyped]
from redisvl.index import AsyncSearchIndex  # type: ignore[import-untyped]
from redisvl.query import CountQuery  # type: ignore[import-untyped]
from redisvl.query.filter import FilterExpression, Tag  # type: ignore[import-untyped]
from redisvl.schema import IndexSchema  # type: ignore[import-untyped]

from plugins.adapters.cache_codec import PREFIX, vector_in
from plugins.adapters.cache_vectors import INDEXED, OVERSAMPLED, distances, indexed
from plugins.cache import FORMAT, scope_key
from plugins.ports import Vector
from plugins.values import Scope

INDEX_PREFIX: Final = "tw:c:index:"
INDEX_NAME: Final = f"{INDEX_PREFIX}v{FORMAT}-{INDEXED}-f16"
# Comparing with all n vectors of a scope takes about 0.15 us * n up to some thousand; walking the graph in batches
# until enough are of this scope about 40 us / share, with share = n / total (measured with 100,000 entries). Equal
# near n = 15 * sqrt(total).
_CROSSOVER: Final = 15
_BATCHES, _COMPARE_ALL = "BATCHES", "ADHOC_BF"
_LEAST_REMEMBERED_S: Final = 60.0
_REMEMBERED_S_PER_ENTRY: Final = 0.001  # counting takes about 50 ns per entry
_MOST_SCOPES: Final = 10_000
# By release of Redis' search.
_MISSING: Final = ("no such index", "unknown index", "search_index_not_found", "index not found")
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Neighbour:
    """An entry whose question is near the asked one, by its key and body; `distance` is the cosine distance, 0 to 2."""

    key: str
    distance: float
    body: bytes


class SemanticIndex:
    """Creates the index when it is first needed, and again where it is missing: when Redis came back empty, or the
    entries moved to another node. `prefix`: the keys of its entries begin with it."""

    def __init__(self, client: Redis, name: str = INDEX_NAME, prefix: str = PREFIX) -> None:
        self._client = client
        self._name = name
        self._index = AsyncSearchIndex(_schema(name, prefix), redis_client=client)
        self._ready = False
        self._absent = False
        self._policies: OrderedDict[str, tuple[str, float]] = OrderedDict()
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
        try:
            return await self._search(scope_key(scope), vector, count)
        except (RedisSearchError, ResponseError) as error:
            if any(words in str(error).lower() for words in _MISSING):
                self._ready = False  # create it anew next time
                return []
            raise _cause(error) from error

    async def names(self) -> list[str]:
        """All indexes of this Redis."""
        return cast(list[str], await self._index.listall())

    async def drop(self, name: str) -> None:
        """Remove another index, and none of the entries that were in it."""
        await self._client.ft(name).dropindex(delete_documents=False)

    async def _search(self, scope: str, vector: Vector, count: int) -> list[Neighbour]:
        mine, wanted = Tag("s") == scope, OVERSAMPLED * count
        policy = await self._policy(scope, mine)
        # The command itself: redisvl takes twice as long to write the query and read the reply. With the bodies, which
        # saves a round trip for some kilobytes.
        asked = f"{mine}=>[KNN {wanted} @v $v HYBRID_POLICY {policy} AS d]"
        given = ("PARAMS", 2, "v", indexed(vector), "RETURN", 1, "b", "SORTBY", "d", "LIMIT", 0, wanted, "DIALECT", 2)
        ask = cast(Callable[..., Awaitable[Any]], self._client.execute_command)  # redis-py leaves it untyped
        rows = _rows(await ask("FT.SEARCH", self._name, asked, *given))
        if policy == _BATCHES and len(rows) < wanted:
            self._policies.pop(scope, None)  # the scope has shrunk: batches would go through the whole index
        return _nearest(rows, vector)[:count]

    async def _policy(self, key: str, mine: FilterExpression) -> str:
        """How Redis should combine scope and vectors, by the scope's size; remembered for a while.

        Redis' own choice compares with every vector of a scope, however large: 16 ms at 30,000 entries.
        """
        known = self._policies.get(key)
        if known is not None and time.monotonic() < known[1]:
            return known[0]
        size = int(await self._index.query(CountQuery(mine)))
        total = int((await self._index.info())["num_docs"])
        policy = _BATCHES if size > _CROSSOVER * math.sqrt(total) else _COMPARE_ALL
        self._policies[key] = policy, time.monotonic() + max(_LEAST_REMEMBERED_S, size * _REMEMBERED_S_PER_ENTRY)
        self._policies.move_to_end(key)
        if len(self._policies) > _MOST_SCOPES:
            self._policies.popitem(last=False)
        return policy

    async def _prepare(self) -> None:
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


def _rows(reply: Any) -> list[tuple[str, bytes]]:
    """Key and body of what a search found: a map in RESP3; count, then key and fields in turn in RESP2."""
    if isinstance(reply, dict):
        found = [(row[b"id"], row.get(b"extra_attributes")) for row in reply[b"results"]]
    else:
        pairs = zip(reply[1::2], reply[2::2], strict=True)
        found = [(key, dict(zip(fields[::2], fields[1::2], strict=True)) if fields else None) for key, fields in pairs]
    return [(key.decode(), (fields or {}).get(b"b") or b"") for key, fields in found]  # without fields: just gone


def _nearest(rows: list[tuple[str, bytes]], vector: Vector) -> list[Neighbour]:
    """Entries by the distance of their whole vectors, nearest first; without those that have just gone."""
    stored = [(key, body, found) for key, body in rows if (found := vector_in(body)) is not None]
    told = distances(vector, [found for _, _, found in stored]) if stored else []
    near = [Neighbour(key, distance, body) for (key, body, _), distance in zip(stored, told, strict=True)]
    return sorted(near, key=lambda neighbour: neighbour.distance)


def _cause(error: Exception) -> RedisError:
    """The error of redis-py, perhaps wrapped by redisvl, so that callers need to know one tree only."""
    if isinstance(error, RedisError):
        return error
    return error.__cause__ if isinstance(error.__cause__, RedisError) else RedisError(str(error))


def _schema(name: str, prefix: str) -> IndexSchema:
    vector = {"algorithm": "hnsw", "dims": INDEXED, "datatype": "float16", "distance_metric": "cosine"}
    return IndexSchema.from_dict(
        {
            "index": {"name": name, "prefix": prefix, "key_separator": "", "storage_type": "hash"},
            "fields": [
                {"name": "s", "type": "tag"},
                {"name": "v", "type": "vector", "attrs": vector},
            ],
        }
    )

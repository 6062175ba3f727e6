"""The answer cache in Redis: exact, then semantic with verification before serving, then single flight.

Fails open: whatever happens to Redis, a lookup answers with a verdict and a store with nothing.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from importlib.resources import files
from typing import Final, cast

from redis.asyncio.cluster import RedisCluster
from redis.typing import EncodableT, FieldT

from plugins.adapters.breaker import Away, Breaker
from plugins.adapters.cache_codec import UnreadableEntryError, entry_key, entry_prefix, hit, pack, unpack
from plugins.adapters.cache_index import Neighbour
from plugins.adapters.cache_purge import Purged, Selection, purge
from plugins.adapters.cache_seal import Seal
from plugins.adapters.cache_shelves import Shelves
from plugins.adapters.pair_reading import PairReading
from plugins.adapters.patience import SLACK
from plugins.adapters.redis_scripts import Client, open_patiently
from plugins.adapters.single_flight import FREE, SingleFlight
from plugins.cache import scope_key
from plugins.cache_config import CacheConfig
from plugins.ports import PairVerdict, Vector, Verifier
from plugins.values import CacheVerdict, Entry, Hit, Lease, Near, Scope

_EXACT_REASON: Final = "the same request"
SCORER: Final = "scorer"  # the verifier's word for a refusal that its threshold decided
_ROOM_S: Final = 5.0  # for so long is believed what Redis said of its memory
logger = logging.getLogger(__name__)


def shipped(task: str) -> None:
    """No threshold but the verifier's own."""


class RedisCache:
    """Implements ports.Cache. Connects at the first use; for use within one event loop."""

    def __init__(
        self,
        url: str,
        config: CacheConfig,
        verifier: Verifier,
        *,
        connect: Callable[[str, float], Awaitable[Client]] = open_patiently,
    ) -> None:
        self._url = url
        self._config = config
        self._reading = PairReading(verifier)
        self._connect = connect
        self._client: Client | None = None
        self._shelves: Shelves | None = None
        self._connecting = asyncio.Lock()
        self._seal = Seal(config.encryption_key) if config.encryption_key else None
        self._roomy, self._look_again_s = True, 0.0  # time.monotonic()
        self._store = (files("plugins.adapters") / "lua" / "cache_store_v2.lua").read_text(encoding="utf-8")
        self.breaker = Breaker(self._ping, timeout_ms=config.timeout_ms, open_ms=config.breaker_open_ms)
        self._flight = SingleFlight(self._connected, self.breaker, config)

    @property
    def reachable(self) -> bool:
        return self.breaker.closed

    async def look(self) -> None:
        await self.breaker.run(self._ping)

    async def enter(self, scope: Scope, question: str) -> tuple[Hit | CacheVerdict, Lease | None]:
        """The answer stored for this very request, or a miss with the lease to call the model, None when an identical
        request is being answered now; or a bypass when Redis is away.

        found, lease = await cache.enter(s, q)
        if isinstance(found, Hit): return Served(found)
        if isinstance(lease := lease or await cache.wait(s, q), Hit): return Served(lease)
        ... call the model, store ...; finally: await cache.release(lease)
        """
        scope, question = self._veiled(scope, question)
        entered = await self._flight.enter(scope, question)
        if isinstance(entered, Away):
            return CacheVerdict("bypass", entered.reason), FREE
        body, lease = entered
        return (CacheVerdict("miss", "not stored") if body is None else self._opened(scope, body)), lease

    async def semantic(
        self, scope: Scope, question: str, vector: Vector, limit: Callable[[str], float | None] = shipped
    ) -> Hit | CacheVerdict:
        """The answer to the nearest stored question of this scope that the verifier lets pass."""
        if not self._config.semantic:
            return CacheVerdict("miss", "semantic caching is off")
        neighbours = await self.breaker.run(lambda: self._nearest(scope, vector))
        if isinstance(neighbours, Away):
            return CacheVerdict("bypass", neighbours.reason)
        if neighbours is None:
            return CacheVerdict("miss", "this Redis has no vector search")
        chosen = await self._choose(scope, question, neighbours, limit)
        if isinstance(chosen, CacheVerdict):
            return chosen
        neighbour, verdict, near = chosen
        return _served("semantic", _told(verdict), neighbour.body, neighbour.distance, near)

    async def stored(self, scope: Scope, key: str) -> Hit | None:
        """The answer under the key of a `Near`, if it is of this scope and still there."""
        body = await self.breaker.run(lambda: self._body(scope, key))
        if isinstance(body, Away) or body is None:
            return None
        found = _served("semantic", "", body)
        return found if isinstance(found, Hit) else None

    async def store(self, scope: Scope, vector: Vector | None, entry: Entry, lease: Lease | None = None) -> bool:
        """Keep an answer, and end the lease in the same breath; False if nothing was done. One larger than
        `max_entry_bytes` is left out."""
        if len(entry.response.encode("utf-8", "surrogatepass")) > self._config.max_entry_bytes:
            return False
        if (scope.sealed and self._seal is None) or not await self._has_room():
            return False
        scope, question = self._veiled(scope, entry.question)
        if scope.sealed:
            entry, vector = replace(entry, question=question), None  # a vector tells what was asked
        try:
            fields = pack(scope, vector if self._config.semantic else None, entry, time.time())
        except UnicodeEncodeError:  # half a surrogate pair in the question or answer: not storable as UTF-8
            return False
        if scope.sealed and self._seal is not None:
            fields = fields | {"b": self._seal.closed(scope, bytes(fields["b"]))}  # type: ignore[arg-type]  # bytes
        key = entry_key(scope, entry.question)
        done = await self.breaker.run(lambda: self._write(scope, key, fields, entry.ttl_s, lease or FREE))
        return not isinstance(done, Away)

    async def wait(self, scope: Scope, question: str) -> Hit | Lease:
        """The leader's answer; or a lease, when the leader died, could not store, or took too long."""
        scope, question = self._veiled(scope, question)
        waited = await self._flight.wait(scope, question)
        if isinstance(waited, Lease):
            return waited
        found = self._opened(scope, waited)
        return found if isinstance(found, Hit) else FREE

    async def release(self, lease: Lease) -> None:
        """End a lease, after `store` or when there is nothing to store. Needless leases just expire."""
        await self._flight.release(lease)

    async def purge(
        self,
        *,
        tenant: str | None = None,
        model: str | None = None,
        tag: str | None = None,
        question: str | None = None,
    ) -> Purged:
        """Remove the answers that fit all that is given. Raises redis' own errors, unlike the rest."""
        return await purge(await self._connected(), Selection(tenant, model, tag, question))

    async def close(self) -> None:
        """Close the connections; the cache connects again if it is used."""
        client, self._client, self._shelves = self._client, None, None
        if client is not None:
            await client.aclose()

    async def _choose(
        self, scope: Scope, question: str, neighbours: list[Neighbour], limit: Callable[[str], float | None]
    ) -> tuple[Neighbour, PairVerdict, Near] | CacheVerdict:
        """The nearest neighbour that passes; otherwise why the nearest one did not."""
        prefix = entry_prefix(scope)
        mine = [n for n in neighbours if n.key.startswith(prefix)]
        near = [n for n in mine if n.distance <= self._config.max_distance]
        if not near:
            nearest = mine[0].distance if mine else None
            far = self._config.max_distance
            reason = f"nearest at {nearest:.3f} > {far:g}" if nearest is not None else "no entry in this scope"
            return CacheVerdict("miss", reason, nearest)
        refused: list[tuple[PairVerdict, Near]] = []
        for neighbour in near:
            try:
                facts, _ = unpack(neighbour.body)
            except UnreadableEntryError:
                continue
            cosine, threshold = 1.0 - neighbour.distance, limit(facts.task)
            verdict = await self._reading.decide(facts.asked, question, cosine, threshold)
            told = Near(neighbour.key, facts.task, verdict.score, verdict.threshold)
            if verdict.serve:
                return neighbour, verdict, told
            refused.append((verdict, told))
        if not refused:
            return CacheVerdict("miss", "the stored entry cannot be read", near[0].distance)
        nearly = next((told for verdict, told in refused if verdict.check == SCORER), None)
        return CacheVerdict("miss", _told(refused[0][0]), near[0].distance, near=nearly)

    def _veiled(self, scope: Scope, question: str) -> tuple[Scope, str]:
        """What finds an entry: of a sealed one nobody can tell the texts."""
        return self._seal.veiled(scope, question) if scope.sealed and self._seal is not None else (scope, question)

    def _opened(self, scope: Scope, body: bytes) -> Hit | CacheVerdict:
        """The answer to the very same request; `scope` as it is veiled."""
        opened = body if not scope.sealed else self._seal.opened(scope, body) if self._seal else None
        if opened is None:
            return CacheVerdict("miss", "the stored entry cannot be read")
        return _served("exact", _EXACT_REASON, opened)

    async def _connected(self) -> Client:
        if self._client is None:
            async with self._connecting:
                if self._client is None:
                    client = await self._connect(self._url, self._config.timeout_ms / 1000 * SLACK)
                    self._shelves = Shelves(client)
                    self._client = client
        return self._client

    async def _has_room(self) -> bool:
        """Whether Redis has memory to spare for answers: budgets may lie in it, too. Looked at every few seconds."""
        if time.monotonic() >= self._look_again_s:
            self._look_again_s = time.monotonic() + _ROOM_S
            used = await self.breaker.run(self._memory_share)
            roomy = not isinstance(used, Away) and used < self._config.max_memory_share
            if self._roomy and not roomy and not isinstance(used, Away):  # which the breaker tells
                logger.warning("No answers are stored: %s of the memory of the cache's Redis is used", used)
            self._roomy = roomy
        return self._roomy

    async def _memory_share(self) -> float:
        """Used of `maxmemory`, 0 without one. Where it evicts answers by itself, nothing is held back."""
        client = await self._connected()
        if isinstance(client, RedisCluster):
            return 0.0  # one node's memory says nothing of the one that a key is on
        told = await client.info("memory")
        most, evicts = int(told.get("maxmemory") or 0), str(told.get("maxmemory_policy") or "")
        return int(told["used_memory"]) / most if most and (not evicts or evicts == "noeviction") else 0.0

    async def _ping(self) -> None:
        await (await self._connected()).ping()

    async def _body(self, scope: Scope, key: str) -> bytes | None:
        """The body under a key, if the entry is of this scope."""
        client = await self._connected()
        body, tag = cast(list[bytes | None], await client.hmget(key, ["b", "s"]))
        return body if tag == scope_key(scope).encode() else None

    async def _nearest(self, scope: Scope, vector: Vector) -> list[Neighbour] | None:
        await self._connected()
        shelves = self._shelves
        return await shelves.index(scope).nearest(scope, vector, self._config.candidates) if shelves else None

    async def _write(self, scope: Scope, key: str, fields: dict[FieldT, EncodableT], ttl_s: int, lease: Lease) -> None:
        client = await self._connected()
        if "v" in fields and not (self._shelves and await self._shelves.index(scope).usable()):
            fields = {name: fields[name] for name in ("s", "b")}  # the rest serves the semantic layer
        pairs = (part for pair in fields.items() for part in pair)
        # A script, as redis-py 8.1 cannot run MULTI on a cluster from asyncio (it changes the event loop).
        keys = (key, lease.key) if lease.key else (key,)
        await client.eval(self._store, len(keys), *keys, ttl_s, lease.token, *pairs)


def _told(verdict: PairVerdict) -> str:
    """The check and its score: the verifier's own words quote the questions, and reasons are traced."""
    return f"{verdict.check}: score {verdict.score:.3f}, threshold {verdict.threshold:.3f}"


def _served(
    kind: str, reason: str, body: bytes, distance: float | None = None, near: Near | None = None
) -> Hit | CacheVerdict:
    try:
        return hit(kind, reason, body, time.time(), distance, near)
    except UnreadableEntryError:
        logger.warning("a cached entry cannot be read; it is ignored")
        return CacheVerdict("miss", "the stored entry cannot be read", distance)

"""How long a cache lookup takes, and how much memory an entry needs, as the cache grows.

Run: `python -m bench.cache_lookup [--json] [--sizes 1000,10000,100000]`. Starts an embedded Redis of its own.
Vectors are synthetic (unit vectors around random centres, like topics): the index is measured, not the embedding.
Questions are drawn from a grammar, answers are random words of usual length. Times are wall-clock medians of
one client, in ms, with the verifier that is shipped.
"""

from __future__ import annotations

import asyncio
import json
import random
import statistics
import time
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final

import numpy as np
import typer
from redis.asyncio import Redis

# redisvl ships no type information, hence the ignores.
from redisvl.index import AsyncSearchIndex  # type: ignore[import-untyped]
from redisvl.query import VectorQuery  # type: ignore[import-untyped]
from redisvl.schema import IndexSchema  # type: ignore[import-untyped]

from classifier.pairs.verify import PairVerdict, PairVerifier
from plugins.adapters.cache_codec import entry_key, pack
from plugins.adapters.cache_index import SemanticIndex
from plugins.adapters.cache_vectors import distances, whole
from plugins.adapters.redis_cache import RedisCache
from plugins.cache import exact_key, scope_key
from plugins.cache_config import CacheConfig
from plugins.ports import Vector
from plugins.trial.embedded_redis import EmbeddedRedis
from plugins.values import CacheVerdict, Entry, Hit, Scope, Usage

TOPICS: Final = 2_000
SPREAD: Final = 0.75  # neighbours within a topic are at a cosine of about 0.64
QUERY_NOISE: Final = 0.3  # a paraphrase is at about 0.96
SMALL_SHARE: Final = 0.01
REPEATS: Final = 300
VERBS: Final = ("change", "repair", "insure", "register", "paint", "clean", "replace", "rent", "import", "test")
THINGS: Final = ("engine", "kitchen", "bicycle", "contract", "garden", "roof", "camera", "boat", "printer", "window")
PLACES: Final = ("Spain", "Austria", "Kenya", "Peru", "Norway", "Japan", "Canada", "Egypt", "Chile", "Greece")
BIG = Scope("big", "any", "auto", "", "{}", "en", "")
SMALL = Scope("small", "any", "auto", "", "{}", "en", "")

Json = dict[str, Any]
Row = tuple[Scope, Entry, Vector]


class Trusting:
    """Serves whatever is near, at once: what is left is the cost of Redis."""

    def weigh(self, cached: str, asked: str, cosine: float, threshold: float | None = None) -> PairVerdict:
        return PairVerdict(True, 1.0, 0.0, "ok", "not verified")

    def read(self, cached: str, asked: str, weighed: PairVerdict) -> PairVerdict:
        raise AssertionError("nothing was left unread")


class Material:
    """Endless entries, the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self._numbers = np.random.default_rng(seed)
        self._random = random.Random(seed)
        self._topics = self._unit(self._numbers.normal(size=(TOPICS, 384)))
        self._words = ["".join(self._random.choices("aeionrstlmdk", k=self._random.randint(2, 9))) for _ in range(4000)]

    def vectors(self, count: int) -> Vector:
        """Shape (count, 384)."""
        noise = self._unit(self._numbers.normal(size=(count, 384)))
        return self._unit(self._topics[self._numbers.integers(TOPICS, size=count)] + SPREAD * noise)

    def near(self, vector: Vector) -> Vector:
        noise: Vector = self._unit(self._numbers.normal(size=(1, 384)))[0]
        return self._unit((vector + QUERY_NOISE * noise)[None])[0]  # type: ignore[no-any-return]  # numpy's Any

    def entry(self, number: int) -> Entry:
        """A question of about 14 words and an answer of about 120, as LiteLLM serialises it."""
        answer = {
            "id": f"chatcmpl-{number}",
            "created": 1_760_000_000 + number,
            "model": "gpt-4.1-mini-2025-04-14",
            "object": "chat.completion",
            "system_fingerprint": None,
            "choices": [
                {
                    "finish_reason": "stop",
                    "index": 0,
                    "message": {
                        "content": self._text(120),
                        "role": "assistant",
                        "tool_calls": None,
                        "function_call": None,
                    },
                }
            ],
            "usage": {"completion_tokens": 160, "prompt_tokens": 20, "total_tokens": 180},
        }
        verb, thing, place = (self._random.choice(words) for words in (VERBS, THINGS, PLACES))
        question = f"How do I {verb} the {thing} of a {self._random.choice(THINGS)} number {number} in {place}?"
        return Entry(question, json.dumps(answer), "small", "gpt-4.1-mini", 120, Usage(20, 160), 86_400, "chat")

    def _text(self, words: int) -> str:
        return " ".join(self._random.choices(self._words, k=words))

    @staticmethod
    def _unit(rows: Any) -> Vector:
        unit: Vector = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
        return unit


def scope_for(number: int) -> Scope:
    return SMALL if number % round(1 / SMALL_SHARE) == 0 else BIG


async def fill(cache: RedisCache, material: Material, start: int, end: int) -> list[Row]:
    """Store entries [start, end) and give back a sample of them, half of either tenant."""
    kept: list[Row] = []
    for first in range(start, end, 100):
        numbers = range(first, min(first + 100, end))
        rows = [
            (scope_for(i), material.entry(i), v) for i, v in zip(numbers, material.vectors(len(numbers)), strict=True)
        ]
        await asyncio.gather(*(cache.store(scope, vector, entry) for scope, entry, vector in rows))
        kept += [row for row in rows if row[0] is SMALL] + rows[1:2]
    return kept


async def median_ms(work: Callable[[int], Awaitable[object]]) -> float:
    times = []
    for i in range(REPEATS):
        began = time.perf_counter()
        await work(i)
        times.append((time.perf_counter() - began) * 1000)
    return round(statistics.median(times), 3)


async def measure(cache: RedisCache, trusting: RedisCache, material: Material, sample: list[Row]) -> Json:
    """Medians per kind of lookup, and the share of near queries that found their entry."""
    big = [row for row in sample if row[0] is BIG]
    small = [row for row in sample if row[0] is SMALL]
    queries = {id(row): material.near(row[2]) for row in sample}
    found: list[Hit | CacheVerdict] = []

    async def semantic(rows: list[Row], i: int) -> None:
        found.append(await _paraphrase(cache, rows[i % len(rows)], queries))

    async def miss(i: int) -> None:
        await cache.semantic(BIG, f"Where is {i}?", strangers[i])

    strangers = material.vectors(REPEATS)
    results: Json = {
        "exact_hit_ms": await median_ms(lambda i: cache.enter(*_asked(big[i % len(big)]))),
        "exact_miss_ms": await median_ms(lambda i: cache.enter(BIG, f"never asked {i}")),
        "semantic_hit_ms": await median_ms(lambda i: semantic(big, i)),
        "semantic_hit_unverified_ms": await median_ms(lambda i: _paraphrase(trusting, big[i % len(big)], queries)),
        "semantic_hit_small_tenant_ms": await median_ms(lambda i: semantic(small, i)),
        "semantic_miss_ms": await median_ms(miss),
    }
    results["semantic_found_share"] = round(sum(isinstance(hit, Hit) for hit in found) / len(found), 4)
    return results


async def _paraphrase(cache: RedisCache, row: Row, queries: dict[int, Vector]) -> Hit | CacheVerdict:
    return await cache.semantic(row[0], f"Please tell me: {row[1].question}", queries[id(row)])


def _asked(row: Row) -> tuple[Scope, str]:
    return row[0], row[1].question


async def used_bytes(client: Redis) -> int:
    return int((await client.info("memory"))["used_memory"])


async def grow(url: str, sizes: list[int]) -> list[Json]:
    """Fill one cache to each size in turn and measure there."""
    material, rows = Material(seed=1), []
    config = CacheConfig(timeout_ms=60_000)
    cache, trusting = RedisCache(url, config, PairVerifier.load()), RedisCache(url, config, Trusting())
    sample: list[Row] = []
    async with Redis.from_url(url, socket_timeout=60) as client:  # a million vectors may keep it busy for seconds
        empty, before = await used_bytes(client), 0
        for size in sizes:
            began = time.perf_counter()
            sample += await fill(cache, material, before, size)
            store_ms = (time.perf_counter() - began) * 1000 / (size - before)
            memory = (await used_bytes(client) - empty) / size
            rows.append({"entries": size, **await measure(cache, trusting, material, sample)})
            rows[-1].update(store_ms=round(store_ms, 3), bytes_per_entry=round(memory))
            typer.echo(f"measured at {size}: {rows[-1]}", err=True)  # the next size takes minutes
            before = size
        await client.flushall()
    await cache.close()
    await trusting.close()
    return rows


async def compare_layouts(url: str, count: int) -> Json:
    """Bytes per entry, and agreement of the nearest neighbour, of plain entries and those of the cache.

    Plain: float32 vectors and answers as they are, with the same facts beside them.
    """
    results: Json = {"entries": count}
    material = Material(seed=2)
    entries, vectors = [material.entry(i) for i in range(count)], material.vectors(count)
    queries = [material.near(vector) for vector in vectors[:REPEATS]]
    nearest: list[list[str]] = []
    async with Redis.from_url(url) as client:
        for name, layout in (("plain", _Plain(client)), ("shipped", _Shipped(client))):
            before = await used_bytes(client)
            await layout.prepare()
            for entry, vector in zip(entries, vectors, strict=True):
                key, fields = layout.laid_out(entry, vector)
                await client.hset(key, mapping=fields)
            results[f"{name}_bytes_per_entry"] = round((await used_bytes(client) - before) / count)
            places = {layout.laid_out(entry, vectors[0])[0]: entry.question for entry in entries}
            nearest.append([places[await layout.nearest(query)] for query in queries])
            await client.flushall()
    results["ratio"] = round(results["shipped_bytes_per_entry"] / results["plain_bytes_per_entry"], 3)
    results["same_nearest_share"] = round(sum(map(str.__eq__, *nearest)) / len(queries), 4)
    results["max_cosine_error"] = _cosine_error(Material(seed=3))
    return results


class _Plain:
    """What a cache stores that does not look at memory."""

    def __init__(self, client: Redis) -> None:
        vector = {"algorithm": "hnsw", "dims": 384, "datatype": "float32", "distance_metric": "cosine"}
        about = {"name": "plain", "prefix": "plain:", "key_separator": "", "storage_type": "hash"}
        fields = [*({"name": tag, "type": "tag"} for tag in "ts"), {"name": "v", "type": "vector", "attrs": vector}]
        self._index = AsyncSearchIndex(IndexSchema.from_dict({"index": about, "fields": fields}), redis_client=client)

    async def prepare(self) -> None:
        await self._index.create()

    def laid_out(self, entry: Entry, vector: Vector) -> tuple[str, Any]:
        facts = json.dumps([entry.tier, entry.model, 120, 20, 160, 0, 0, "chat"])
        found_by = {"t": BIG.tenant, "s": scope_key(BIG), "v": vector.tobytes()}
        told = {"q": entry.question, "k": entry.task, "b": entry.response, "facts": facts}
        return f"plain:{exact_key(BIG, entry.question)[:32]}", {**found_by, **told}

    async def nearest(self, vector: Vector) -> str:
        rows = await self._index.query(VectorQuery(vector.tobytes(), "v", return_fields=["t"], num_results=1))
        return str(rows[0]["id"])


class _Shipped:
    """What the cache stores."""

    def __init__(self, client: Redis) -> None:
        self._index = SemanticIndex(client)

    async def prepare(self) -> None:
        await self._index.usable()

    def laid_out(self, entry: Entry, vector: Vector) -> tuple[str, Any]:
        return entry_key(BIG, entry.question), pack(BIG, vector, entry, now_s=0.0)

    async def nearest(self, vector: Vector) -> str:
        found = await self._index.nearest(BIG, vector, CacheConfig().candidates)
        assert found, "the index has entries"
        return found[0].key


def _cosine_error(material: Material) -> float:
    """The largest among 2,000 vectors and questions near them."""
    worst = 0.0
    for vector in material.vectors(2_000):
        asked = material.near(vector)
        worst = max(worst, abs(1.0 - distances(asked, [whole(vector)])[0] - float(asked @ vector)))
    return round(worst, 6)


def main(
    sizes: Annotated[str, typer.Option(help="Entries, ascending, by comma.")] = "1000,10000,100000",
    compare: Annotated[int, typer.Option(help="Entries for comparing layouts in memory; 0: do not.")] = 10_000,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Measure lookups and memory of the answer cache."""
    layouts: Json = {}
    if compare:
        with EmbeddedRedis() as server:
            layouts = asyncio.run(compare_layouts(server.url, compare))
    with EmbeddedRedis() as server:
        rows = asyncio.run(grow(server.url, [int(size) for size in sizes.split(",")]))
    if as_json:
        typer.echo(json.dumps({"by_size": rows, "layouts": layouts}))
        return
    for row in (*rows, layouts):
        typer.echo("  ".join(f"{name}={value}" for name, value in row.items()))


if __name__ == "__main__":
    typer.run(main)

"""The cache on a real Redis with vector search: a server, and a cluster of three nodes."""

from __future__ import annotations

import asyncio
import json
import logging
import random
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from redis import Redis as SyncRedis
from redis.asyncio import Redis, RedisCluster
from typer.testing import CliRunner

from plugins.adapters.cache_codec import entry_key, shelf_of
from plugins.adapters.cache_index import INDEX_NAME, INDEX_PREFIX
from plugins.adapters.cache_purge import Selection, purge
from plugins.adapters.cache_shelves import Shelves
from plugins.adapters.redis_cache import RedisCache
from plugins.adapters.redis_scripts import Client, open_redis
from plugins.cache import system_fingerprint
from plugins.cache_cli import cache_app
from plugins.cache_config import CacheConfig
from plugins.ports import Vector
from plugins.trial.embedded_redis import EmbeddedRedis
from plugins.values import CacheVerdict, Entry, Hit, Lease, Scope, Usage
from tests.clusters import running_cluster
from tests.servers import running_redis
from tests.waiting import eventually_async

ASKED = "How tall is the Grossglockner?"
PARAPHRASE = "What is the height of the Grossglockner?"
CONFIG = CacheConfig(breaker_open_ms=50, lease_ms=400, wait_ms=5_000, timeout_ms=2_000)


@dataclass(frozen=True, slots=True)
class Said:
    serve: bool
    score: float = 0.9
    threshold: float = 0.6
    check: str = "ok"
    reason: str = "close enough"
    unread: bool = False


@dataclass(slots=True)
class ScriptedVerifier:
    """Refuses what is listed; remembers what it was asked."""

    refused: dict[str, Said] = field(default_factory=dict)
    asked: list[tuple[str, str, float]] = field(default_factory=list)

    def weigh(self, cached: str, asked: str, cosine: float, threshold: float | None = None) -> Said:
        self.asked.append((cached, asked, cosine))
        return self.refused.get(cached, Said(True))

    def read(self, cached: str, asked: str, weighed: Said) -> Said:
        raise AssertionError("nothing was left unread")


@pytest.fixture(scope="module", params=["server", "cluster"])
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if request.param == "server":
        with running_redis() as server:
            yield server.url
    else:
        with running_cluster(tmp_path_factory.mktemp("redis") / "cluster") as nodes:
            yield nodes[0].url


@pytest.fixture(autouse=True)
async def _empty(request: pytest.FixtureRequest) -> AsyncIterator[None]:
    yield
    if "url" in request.fixturenames:
        async with client_of(request.getfixturevalue("url")) as client:
            await client.flushall()


@asynccontextmanager
async def client_of(url: str) -> AsyncIterator[Client]:
    client = await open_redis(url, 5.0)
    try:
        yield client
    finally:
        await client.aclose()


async def keys_of(client: Client, pattern: str = "*") -> list[bytes]:
    return [key async for key in client.scan_iter(pattern)]  # KEYS asks one node


@asynccontextmanager
async def cache_on(
    url: str, config: CacheConfig = CONFIG, verifier: ScriptedVerifier | None = None
) -> AsyncIterator[RedisCache]:
    cache = RedisCache(url, config, verifier or ScriptedVerifier())
    try:
        yield cache
    finally:
        await cache.close()


def scope_of(tenant: str = "acme", **changes: Any) -> Scope:
    return replace(Scope(tenant, "any", "auto", "", "{}", "en", ""), **changes)


def entry_of(question: str = ASKED, response: str = '{"text":"3798 m"}', **changes: object) -> Entry:
    return replace(Entry(question, response, "small", "model-a", 12, Usage(5, 7), 60, "chat"), **changes)  # type: ignore[arg-type]


def vector_of(seed: int, near: Vector | None = None, noise: float = 0.0) -> Vector:
    """A unit vector; with `near`, one at about `noise` from it."""
    drawn = np.random.default_rng(seed).normal(size=384).astype(np.float32)
    drawn /= np.linalg.norm(drawn)
    if near is not None:
        drawn = near + noise * drawn
    unit: Vector = drawn / np.linalg.norm(drawn)
    return unit


HERE = vector_of(1)


async def test_a_stored_answer_is_found_again(url: str) -> None:
    """The very same request gets the answer with its tier, cost, usage and age."""
    async with cache_on(url) as cache:
        assert (await cache.enter(scope_of(), ASKED))[0] == CacheVerdict("miss", "not stored")
        await cache.store(scope_of(), None, entry_of())
        hit = (await cache.enter(scope_of(), ASKED))[0]
        assert isinstance(hit, Hit)
        assert (hit.verdict.kind, hit.verdict.age_s) == ("exact", 0)
        assert (hit.response, hit.tier, hit.model) == ('{"text":"3798 m"}', "small", "model-a")
        assert (hit.cost_micros, hit.usage) == (12, Usage(5, 7))


async def test_a_paraphrase_is_served_after_verification(url: str) -> None:
    """The verifier is asked with both questions and their cosine before a neighbour is served."""
    verifier = ScriptedVerifier()
    async with cache_on(url, verifier=verifier) as cache:
        await cache.store(scope_of(), HERE, entry_of())
        hit = await cache.semantic(scope_of(), PARAPHRASE, vector_of(2, HERE, 0.3))
        assert isinstance(hit, Hit)
        assert hit.verdict.kind == "semantic"
        assert hit.verdict.reason.startswith("ok: score")
        cached, asked, cosine = verifier.asked[0]
        assert (cached, asked) == (ASKED, PARAPHRASE)
        assert hit.verdict.distance == pytest.approx(1 - cosine)
        assert cosine == pytest.approx(float(HERE @ vector_of(2, HERE, 0.3)), abs=2e-3)


async def test_a_paraphrase_is_found_in_the_older_protocol() -> None:
    """Redis' reply to a search has another form in RESP2 than in RESP3, which is the default; both are read."""
    with running_redis() as server:
        async with cache_on(f"{server.url}?protocol=2") as cache:
            await cache.store(scope_of(), HERE, entry_of())
            hit = await cache.semantic(scope_of(), PARAPHRASE, vector_of(2, HERE, 0.3))
            assert isinstance(hit, Hit)
            assert hit.response == entry_of().response


async def test_a_refused_neighbour_is_a_miss_with_the_reason(url: str) -> None:
    """What the verifier refuses is not served, and the verdict names the check."""
    verifier = ScriptedVerifier({ASKED: Said(False, check="numbers", reason="2 against 3")})
    async with cache_on(url, verifier=verifier) as cache:
        await cache.store(scope_of(), HERE, entry_of())
        verdict = await cache.semantic(scope_of(), PARAPHRASE, HERE)
        assert isinstance(verdict, CacheVerdict)
        assert verdict.kind == "miss" and verdict.reason.startswith("numbers: score")
        assert "2 against 3" not in verdict.reason, "reasons are traced and must not quote the question"


async def test_a_farther_neighbour_is_served_when_the_nearest_is_refused(url: str) -> None:
    """Candidates are tried from the nearest on."""
    verifier = ScriptedVerifier({"near": Said(False, check="dates", reason="")})
    async with cache_on(url, verifier=verifier) as cache:
        await cache.store(scope_of(), HERE, entry_of("near", "1"))
        await cache.store(scope_of(), vector_of(3, HERE, 0.4), entry_of("far", "2"))
        hit = await cache.semantic(scope_of(), PARAPHRASE, HERE)
        assert isinstance(hit, Hit)
        assert hit.response == "2"


async def test_a_distant_neighbour_is_not_even_verified(url: str) -> None:
    """Beyond `max_distance` the miss carries the distance."""
    verifier = ScriptedVerifier()
    async with cache_on(url, verifier=verifier) as cache:
        await cache.store(scope_of(), HERE, entry_of())
        verdict = await cache.semantic(scope_of(), PARAPHRASE, vector_of(9))
        assert isinstance(verdict, CacheVerdict)
        assert verdict.distance is not None
        assert verdict.distance > CONFIG.max_distance
        assert not verifier.asked


async def test_no_hit_across_scopes(url: str) -> None:
    """In random traffic no answer reaches another tenant, user or target, on either layer."""
    draw = random.Random(7)
    tenants = ["acme", "acme2", "ac*", "acme}", "a|b", "ACME", "acme,globex", "globex"]
    scopes = [
        scope_of(t, target=target, owner=owner) for t in tenants for target in ("auto", "small") for owner in ("", "u1")
    ]
    async with cache_on(url) as cache:
        for _ in range(150):
            scope = draw.choice(scopes)
            await cache.store(scope, HERE, entry_of(response=repr(scope)))
            asker = draw.choice(scopes)
            for found in (
                (await cache.enter(asker, ASKED))[0],
                await cache.semantic(asker, PARAPHRASE, HERE),
            ):
                assert not isinstance(found, Hit) or found.response == repr(asker)
        # Each tenant does get its own.
        for scope in scopes:
            await cache.store(scope, HERE, entry_of(response=repr(scope)))
            found = await cache.semantic(scope, PARAPHRASE, HERE)
            assert isinstance(found, Hit)
            assert found.response == repr(scope)


async def test_large_and_small_scopes_both_find_their_nearest(url: str) -> None:
    """Redis walks the graph for a large scope and compares all of a small one; either finds its own entry."""
    sizes = {"large": 200, "small": 3}
    async with cache_on(url) as cache:
        for tenant, size in sizes.items():
            for i in range(size):
                await cache.store(scope_of(tenant), vector_of(i), entry_of(f"{i}", f"{tenant} {i}"))
        for tenant, size in sizes.items():
            for i in (0, size - 1):
                hit = await cache.semantic(scope_of(tenant), PARAPHRASE, vector_of(99, vector_of(i), 0.2))
                assert isinstance(hit, Hit)
                assert hit.response == f"{tenant} {i}"
        await cache.purge(tenant="large")
        assert isinstance(await cache.semantic(scope_of("large"), PARAPHRASE, vector_of(0)), CacheVerdict)
        assert isinstance(await cache.semantic(scope_of("small"), PARAPHRASE, vector_of(0)), Hit)


async def test_an_answer_without_a_vector_is_exact_only(url: str) -> None:
    """What was stored without an embedding is never offered to a paraphrase."""
    async with cache_on(url) as cache:
        await cache.store(scope_of(), None, entry_of())
        assert isinstance(await cache.semantic(scope_of(), PARAPHRASE, HERE), CacheVerdict)


async def test_an_answer_expires(url: str) -> None:
    """An entry has the time to live it was stored with, and is then found by neither layer."""
    async with cache_on(url) as cache, client_of(url) as client:
        await cache.store(scope_of(), HERE, entry_of(ttl_s=77))
        key = entry_key(scope_of(), ASKED)
        assert 70 < await client.ttl(key) <= 77
        await client.pexpire(key, 1)
        await asyncio.sleep(0.05)
        assert isinstance((await cache.enter(scope_of(), ASKED))[0], CacheVerdict)
        assert isinstance(await cache.semantic(scope_of(), PARAPHRASE, HERE), CacheVerdict)


async def test_too_large_answers_are_left_out(url: str) -> None:
    """An answer over `max_entry_bytes` is not stored."""
    async with cache_on(url, CONFIG.model_copy(update={"max_entry_bytes": 100})) as cache:
        await cache.store(scope_of(), HERE, entry_of(response="x" * 101))
        assert isinstance((await cache.enter(scope_of(), ASKED))[0], CacheVerdict)


async def test_text_that_is_not_unicode_is_not_an_error(url: str) -> None:
    """Half a surrogate pair in question or answer is simply not stored."""
    async with cache_on(url) as cache:
        await cache.store(scope_of(), HERE, entry_of("a \ud800 b"))
        await cache.store(scope_of(), HERE, entry_of(response="a \ud800 b"))
        assert isinstance((await cache.enter(scope_of(), "a \ud800 b"))[0], CacheVerdict)


async def test_replicas_create_the_index_at_once(url: str) -> None:
    """Several replicas that start together end with one index, and all can use it."""
    async with client_of(url) as client:
        indexes = [Shelves(client).index(scope_of()) for _ in range(8)]
        assert await asyncio.gather(*(index.usable() for index in indexes)) == [True] * 8
        (name,) = await indexes[0].names()
        assert name.startswith(INDEX_NAME)


async def test_the_index_comes_back_after_redis_lost_everything(url: str) -> None:
    """When Redis returns empty, the next lookups miss and the cache works again."""
    async with cache_on(url) as cache, client_of(url) as client:
        await cache.store(scope_of(), HERE, entry_of())
        await client.flushall()
        assert isinstance(await cache.semantic(scope_of(), PARAPHRASE, HERE), CacheVerdict)
        await cache.store(scope_of(), HERE, entry_of())
        assert isinstance(await cache.semantic(scope_of(), PARAPHRASE, HERE), Hit)


async def test_a_redis_without_search_answers_exact_repetitions_only(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Without the search commands there is one warning and the exact layer goes on."""
    async with client_of(url) as client:
        await client.acl_setuser("plain", enabled=True, nopass=True, keys=["*"], commands=["+@all", "-ft._list"])
    plain = url.replace("redis://", "redis://plain:any@")
    with caplog.at_level(logging.WARNING):
        async with cache_on(plain) as cache:
            await cache.store(scope_of(), HERE, entry_of())
            for _ in range(3):
                verdict = await cache.semantic(scope_of(), PARAPHRASE, HERE)
                assert verdict == CacheVerdict("miss", "this Redis has no vector search")
            assert isinstance((await cache.enter(scope_of(), ASKED))[0], Hit)
    assert len([r for r in caplog.records if "only exact repetitions" in r.message]) == 1


async def test_a_connection_that_was_just_closed_is_a_redis_that_is_away(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """uvloop says so by a RuntimeError."""

    async def closed(*_args: object, **_options: object) -> None:
        raise RuntimeError("unable to perform operation: the handler is closed")

    async with cache_on(url) as cache:
        await cache.look()
        for client in (Redis, RedisCluster):
            monkeypatch.setattr(client, "execute_command", closed)
        assert (await cache.enter(scope_of(), ASKED))[0] == CacheVerdict("bypass", "Redis is away")
        assert not cache.breaker.closed
        monkeypatch.undo()


async def test_redis_away_is_a_bypass_and_never_an_error() -> None:
    """With nobody listening every operation answers, and single flight lets everybody call the model."""
    async with cache_on(f"redis://127.0.0.1:{free_port()}/0") as cache:
        assert (await cache.enter(scope_of(), ASKED))[0] == CacheVerdict("bypass", "Redis is away")
        assert await cache.semantic(scope_of(), PARAPHRASE, HERE) == CacheVerdict("bypass", "Redis is away")
        await cache.store(scope_of(), HERE, entry_of())
        lease = (await cache.enter(scope_of(), ASKED))[1]
        assert lease == Lease()
        assert await cache.wait(scope_of(), ASKED) == Lease()
        await cache.release(lease)


async def test_an_open_breaker_does_not_touch_redis() -> None:
    """A server that hangs is waited for once; while the breaker is open nobody connects again."""
    connections = 0

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await reader.read()
        writer.close()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    slow = CONFIG.model_copy(update={"timeout_ms": 30, "breaker_open_ms": 60_000})
    async with cache_on(f"redis://127.0.0.1:{port}/0", slow) as cache:
        assert (await cache.enter(scope_of(), ASKED))[0] == CacheVerdict("bypass", "Redis is away")
        seen = connections
        for _ in range(50):
            assert (await cache.enter(scope_of(), ASKED))[0] == CacheVerdict("bypass", "Redis is away")
        assert connections == seen
        assert not cache.breaker.closed
    server.close()


async def test_the_cache_is_used_again_when_redis_is_back(tmp_path: Path) -> None:
    """A background probe closes the breaker; the requests that find it open do not wait for it."""
    with running_redis() as server:
        port = server.port
        async with cache_on(server.url) as cache:
            (await cache.enter(scope_of(), ASKED))[0]
            server.stop()
            assert (await cache.enter(scope_of(), ASKED))[0] == CacheVerdict("bypass", "Redis is away")
            server.port = port
            server.start()
            await eventually_async(lambda: asks_again(cache))
            await cache.store(scope_of(), HERE, entry_of())
            assert isinstance(await cache.semantic(scope_of(), PARAPHRASE, HERE), Hit)


async def asks_again(cache: RedisCache) -> bool:
    found = (await cache.enter(scope_of(), ASKED))[0]
    return isinstance(found, Hit) or found.kind == "miss"


async def test_a_refused_command_does_not_open_the_breaker(url: str) -> None:
    """An error about one command (here a key of another type) concerns that request only."""
    async with cache_on(url) as cache, client_of(url) as client:
        await client.set(entry_key(scope_of(), ASKED), "a string")
        verdict = (await cache.enter(scope_of(), ASKED))[0]
        assert isinstance(verdict, CacheVerdict)
        assert verdict.kind == "bypass"
        assert cache.breaker.closed


async def answer(cache: RedisCache, calls: list[int], *, store: bool = True) -> str:
    """What the pipeline does on a miss."""
    found, led = await cache.enter(scope_of(), ASKED)
    if isinstance(found, Hit):
        return found.response
    if isinstance(lease := led or await cache.wait(scope_of(), ASKED), Hit):
        return lease.response
    try:
        calls.append(1)
        await asyncio.sleep(0.05)
        if store:
            await cache.store(scope_of(), HERE, entry_of(response="the answer"))
        return "the answer"
    finally:
        await cache.release(lease)


async def test_identical_misses_call_the_model_once(url: str) -> None:
    """Twenty concurrent requests over two replicas: one leads, the others get its answer."""
    calls: list[int] = []
    patient = CONFIG.model_copy(update={"lease_ms": 10_000})
    async with cache_on(url, patient) as one, cache_on(url, patient) as two:
        answers = await asyncio.gather(*(answer(one if i % 2 else two, calls) for i in range(20)))
    assert answers == ["the answer"] * 20
    assert len(calls) == 1


async def test_a_dead_leader_is_followed_by_one_other(url: str) -> None:
    """When the leader vanishes its lease expires, one of those who wait takes over, and all get an answer."""
    calls: list[int] = []
    async with cache_on(url, CONFIG.model_copy(update={"lease_ms": 1_500})) as cache:
        assert (await cache.enter(scope_of(), ASKED))[1]  # and never released
        answers = await asyncio.gather(*(answer(cache, calls) for _ in range(20)))
    assert answers == ["the answer"] * 20
    assert len(calls) == 1


async def test_nobody_queues_behind_an_answer_that_cannot_be_stored(url: str) -> None:
    """When the leader ends without an entry, all who wait go on at once instead of one after the other."""
    calls: list[int] = []
    async with cache_on(url) as cache:
        leader = (await cache.enter(scope_of(), ASKED))[1]
        assert leader
        waiting = [asyncio.create_task(cache.wait(scope_of(), ASKED)) for _ in range(5)]
        await asyncio.sleep(0)
        await cache.release(leader)
        assert await asyncio.gather(*waiting) == [Lease()] * 5
        assert await asyncio.gather(*(answer(cache, calls, store=False) for _ in range(3)))
        assert len(calls) == 3


async def test_waiting_ends_after_wait_ms(url: str) -> None:
    """A leader that takes longer than `wait_ms` is not waited for."""
    async with cache_on(url, CONFIG.model_copy(update={"lease_ms": 60_000, "wait_ms": 30})) as cache:
        assert (await cache.enter(scope_of(), ASKED))[1]
        assert await cache.wait(scope_of(), ASKED) == Lease()


async def test_a_late_leader_does_not_end_anothers_lease(url: str) -> None:
    """A leader whose lease expired cannot release the one that followed it."""
    async with (
        cache_on(url, CONFIG.model_copy(update={"lease_ms": 60_000})) as cache,
        client_of(url) as client,
    ):
        late = (await cache.enter(scope_of(), ASKED))[1]
        assert late
        await client.delete(late.key)  # as at its end
        following = (await cache.enter(scope_of(), ASKED))[1]
        assert following
        await cache.release(late)
        assert await client.get(following.key) == following.token.encode()


async def test_who_waits_for_a_sealed_answer_gets_it(url: str) -> None:
    """Waiting finds the same keys as asking, also where they tell nothing of the question."""
    scope = scope_of("private", sealed=True)
    async with cache_on(url, CONFIG.model_copy(update={"uncaptured": "encrypt", "encryption_key": SECRET})) as cache:
        _, leader = await cache.enter(scope, ASKED)
        assert leader
        assert (await cache.enter(scope, ASKED))[1] is None
        waiting = asyncio.create_task(cache.wait(scope, ASKED))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        await cache.store(scope, None, entry_of(), leader)
        assert isinstance(await waiting, Hit)


async def test_an_unreadable_entry_is_not_waited_for(url: str) -> None:
    """It is a miss with leave to call the model; the answer then takes its place."""
    async with cache_on(url) as cache, client_of(url) as client:
        await cache.store(scope_of(), None, entry_of())
        await client.hset(entry_key(scope_of(), ASKED), "b", b"\x00garbage")
        verdict, lease = await cache.enter(scope_of(), ASKED)
        assert isinstance(verdict, CacheVerdict)
        assert "cannot be read" in verdict.reason
        assert lease == Lease()


async def test_a_full_redis_serves_and_calls(tmp_path: Path) -> None:
    """Without memory for a lease what is stored is still found, and whoever misses calls the model."""
    with EmbeddedRedis(data_dir=tmp_path) as server:
        async with cache_on(server.url) as cache, Redis.from_url(server.url) as client:
            await cache.store(scope_of(), None, entry_of())
            await client.config_set("maxmemory", "1")
            assert isinstance((await cache.enter(scope_of(), ASKED))[0], Hit)
            assert await cache.enter(scope_of(), "Another question?") == (CacheVerdict("miss", "not stored"), Lease())


SYSTEM = "You are a mountaineer."
STORED = (
    (scope_of("acme"), entry_of("one", model="model-a", tags=("app:shop",))),
    (scope_of("acme"), entry_of("two", model="model-b", task="code")),
    (scope_of("globex", system=system_fingerprint([("system", SYSTEM)])), entry_of("one", model="model-a")),
)


@pytest.mark.parametrize(
    ("selection", "left"),
    [
        (Selection(tenant="acme"), {2}),
        (Selection(model="model-a"), {1}),
        (Selection(tenant="acme", model="model-a"), {1, 2}),
        (Selection(tag="app:shop"), {1, 2}),
        (Selection(tag="code"), {0, 2}),
        (Selection(prompt="one"), {1}),
        (Selection(prompt=SYSTEM), {0, 1}),
        (Selection(tenant="acm*"), {0, 1, 2}),
        (Selection(), set()),
    ],
)
async def test_purge_removes_what_fits_all_that_is_given(url: str, selection: Selection, left: set[int]) -> None:
    """By tenant, model, tag, question or system prompt, and never by pattern; both layers forget it."""
    async with cache_on(url) as cache, client_of(url) as client:
        for scope, entry in STORED:
            await cache.store(scope, HERE, entry)
        purged = await purge(client, selection)
        found = {
            i
            for i, (scope, entry) in enumerate(STORED)
            if isinstance((await cache.enter(scope, entry.question))[0], Hit)
        }
        assert found == left
        assert purged.removed == len(STORED) - len(left)
        globex = await cache.semantic(STORED[2][0], PARAPHRASE, HERE)
        assert isinstance(globex, Hit) == (2 in left)


async def test_purging_everything_spares_other_keys_and_drops_old_indexes(url: str) -> None:
    """Budgets live in the same Redis and stay; an index of an earlier schema version goes."""
    async with client_of(url) as client, cache_on(url) as cache:
        await client.set("tw:{acme}:holds", "money")
        tag = f"{{{shelf_of(scope_of())}}}" if isinstance(client, RedisCluster) else ""
        await client.execute_command("FT.CREATE", f"{INDEX_PREFIX}v0{tag}", "SCHEMA", "t", "TAG")
        await cache.store(scope_of(), HERE, entry_of())
        assert (await purge(client, Selection())).removed == 1
        assert await keys_of(client) == [b"tw:{acme}:holds"]
        left = await Shelves(client).index(scope_of()).names()
        assert left and all(name.startswith(INDEX_NAME) for name in left)


def test_purge_command_prints_json(url: str) -> None:
    """`tierwise cache purge --json` prints one object with the counts."""

    async def fill() -> None:
        async with cache_on(url) as cache:
            await cache.store(scope_of(), None, entry_of())

    asyncio.run(fill())
    result = CliRunner().invoke(cache_app, ["purge", "--tenant", "acme", "--redis-url", url, "--json"])
    assert result.exit_code == 0
    assert json.loads(result.stdout) == {"scanned": 1, "removed": 1}


@pytest.mark.parametrize("options", [[], ["--all", "--tenant", "acme"]])
def test_purge_command_wants_a_choice(options: list[str]) -> None:
    """Neither nothing nor a contradiction purges."""
    assert CliRunner().invoke(cache_app, ["purge", *options, "--redis-url", "redis://localhost"]).exit_code == 2


def test_purge_command_fails_clearly_without_redis() -> None:
    """When Redis cannot be reached the command says so and exits with 1."""
    result = CliRunner().invoke(cache_app, ["purge", "--all", "--redis-url", f"redis://127.0.0.1:{free_port()}"])
    assert result.exit_code == 1
    assert "check the URL" in result.stderr


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


SECRET = "a secret of the operator, 32 characters or more"


async def test_sealed_answers_tell_nothing_of_their_texts(url: str) -> None:
    """Of a tenant whose content is not kept nothing readable lies in Redis, and only the same request is answered."""
    config = CONFIG.model_copy(update={"uncaptured": "encrypt", "encryption_key": SECRET})
    scope = scope_of("private", sealed=True, system="Be brief.", owner="ann@example.org")
    async with cache_on(url, config) as cache:
        await cache.store(scope, HERE, entry_of())
        found = (await cache.enter(scope, ASKED))[0]
        assert isinstance(found, Hit) and found.response == '{"text":"3798 m"}'
        assert not isinstance(await cache.semantic(scope, PARAPHRASE, HERE), Hit)
        assert not isinstance((await cache.enter(scope_of("private", sealed=True, owner="bob"), ASKED))[0], Hit)
    async with client_of(url) as client:
        (key,) = await keys_of(client, "tw:c:*:e:private:*")
        lies = await client.hgetall(key)
    assert set(lies) == {b"s", b"b"}
    assert key.decode() not in (entry_key(replace(scope, sealed=False), ASKED), entry_key(scope, ASKED))
    assert b"3798" not in lies[b"b"] and b"small" not in lies[b"b"]


async def test_another_secret_opens_no_answer(url: str) -> None:
    """Entries of an old key are misses, and so are altered ones; without a key nothing is stored."""
    scope = scope_of("private", sealed=True)
    for secret in (SECRET, SECRET[::-1], None):
        config = CONFIG.model_copy(update={"encryption_key": secret})
        async with cache_on(url, config) as cache:
            assert not isinstance((await cache.enter(scope, ASKED))[0], Hit)
            await cache.store(scope, None, entry_of())
    async with client_of(url) as client:
        keys = await keys_of(client, "tw:c:*:e:private:*")
        assert len(keys) == 2
        for key in keys:
            body = await client.hget(key, "b")
            assert isinstance(body, bytes)
            await client.hset(key, "b", body[:-1] + b"x")
    async with cache_on(url, CONFIG.model_copy(update={"encryption_key": SECRET})) as cache:
        assert not isinstance((await cache.enter(scope, ASKED))[0], Hit)


async def test_answers_leave_room_for_budgets(tmp_path: Path) -> None:
    """When a Redis that does not evict is nearly full nothing more is stored, long before a budget could not be
    written; lookups go on."""
    with EmbeddedRedis(data_dir=tmp_path, maxmemory_mb=60) as server, SyncRedis.from_url(server.url) as client:
        config = CONFIG.model_copy(update={"max_memory_share": 0.5})
        async with cache_on(server.url, config) as cache:
            await cache.store(scope_of(), HERE, entry_of())
        for part in range(35):
            client.set(f"filler:{part}", b"x" * 1_000_000)
        async with cache_on(server.url, config) as cache:
            await cache.store(scope_of(), HERE, entry_of("Another question?"))
            assert isinstance((await cache.enter(scope_of(), ASKED))[0], Hit)
            assert not isinstance((await cache.enter(scope_of(), "Another question?"))[0], Hit)
        client.set("budget", b"y" * 1_000_000)


async def test_a_learnt_threshold_decides(url: str) -> None:
    """The verifier is asked with the threshold of the stored question's task class, and what it refuses by its score
    is told as a near miss."""
    asked: list[float | None] = []

    class Listening(ScriptedVerifier):
        def weigh(self, cached: str, asked_too: str, cosine: float, threshold: float | None = None) -> Said:
            asked.append(threshold)
            return Said(False, 0.7, 0.9, "scorer")

    async with cache_on(url, verifier=Listening()) as cache:
        await cache.store(scope_of(), HERE, entry_of(task="qa"))
        found = await cache.semantic(scope_of(), PARAPHRASE, HERE, {"qa": 0.9}.get)
        assert asked == [0.9] and isinstance(found, CacheVerdict) and found.near is not None
        assert (found.near.task, found.near.score, found.near.threshold) == ("qa", 0.7, 0.9)
        stored = await cache.stored(scope_of(), found.near.key)
        assert stored is not None and stored.response == '{"text":"3798 m"}'
        assert await cache.stored(scope_of("globex"), found.near.key) is None

"""No answer ever crosses a border of its scope: random traffic of many tenants on one Redis."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest

from plugins.adapters.cache_codec import quoted
from plugins.adapters.cache_purge import Selection, purge
from plugins.adapters.redis_cache import RedisCache
from plugins.adapters.redis_scripts import open_redis
from plugins.cache import made_by, scope_of
from plugins.cache_config import CacheConfig
from plugins.config import TenantConfig
from plugins.values import Call, Caller, Constraints, Endpoint, Entry, Hit, Message, Usage
from tests.servers import running_redis

# Names that contain one another or look like patterns, keys and groups.
OWN = ("acme", "acme2", "a*", "ac?e", "[a]cme", "pool", "{pool}", "e:acme")
SHARING = ("north", "south")
GROUP = TenantConfig(cache_group="pool")
QUESTIONS = tuple(f"What is the boiling point of substance {i}?" for i in range(6))
ASKS = 1_500


@dataclass(frozen=True, slots=True)
class Trusting:
    """Lets everything pass: whatever is found in a scope would be served."""

    serve: bool = True
    score: float = 0.9
    threshold: float = 0.1
    check: str = "ok"
    reason: str = ""
    unread: bool = False

    def weigh(self, cached: str, asked: str, cosine: float, threshold: float | None = None) -> Trusting:
        return self

    def read(self, cached: str, asked: str, weighed: Trusting) -> Trusting:
        return self


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with running_redis() as server:
        yield server.url


def drawn(draw: random.Random) -> tuple[Call, TenantConfig, Constraints, str]:
    """A random request; many differ in one property only."""
    name = draw.choice((*OWN, *SHARING))
    owner = draw.choice(("", "ann"))
    tenant = GROUP if name in SHARING else TenantConfig(cache="end_user" if owner else "tenant")
    system = draw.choice(("", "Be brief."))
    earlier = draw.choice(((), (("user", "Hi."), ("assistant", "Hello."))))
    turns = ([("system", system)] if system else []) + [*earlier, ("user", draw.choice(QUESTIONS))]
    call = Call(
        id=str(draw.random()),
        endpoint=draw.choice((Endpoint.CHAT, Endpoint.CHAT, Endpoint.MESSAGES, Endpoint.RESPONSES)),
        caller=Caller(name, draw.choice(("web", "mobile")), "k"),
        model="auto",
        messages=tuple(Message(role, text) for role, text in turns),
        shape=draw.choice(("{}", '{"top_p":0.5}')),
        end_user=owner,
    )
    place = draw.choice((Constraints(), Constraints(on_premise_only=True)))
    return call, tenant, place, draw.choice(("auto@1", "auto@2"))


def border(call: Call, tenant: TenantConfig, place: Constraints, target: str) -> str:
    """What an answer may never cross, said without the code under test."""
    shares = call.caller.tenant in SHARING and call.endpoint is not Endpoint.RESPONSES
    owner = call.end_user if tenant.cache == "end_user" else ""
    parts = ("pool, shared" if shares else call.caller.tenant, owner, place.residency, target, call.endpoint.value)
    return repr((*parts, call.shape, [(m.role, m.text) for m in call.messages[:-1]]))


async def test_no_answer_crosses_a_border(url: str) -> None:
    """Whatever is served, exactly or as a paraphrase, was stored within the same border; the sharing tenants do share,
    and nobody else does."""
    draw, vectors = random.Random(11), 1.0 + 0.3 * np.random.default_rng(11).normal(size=(len(QUESTIONS), 384))
    unit = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    cache = RedisCache(url, CacheConfig(timeout_ms=5_000), Trusting())
    served, shared = {"exact": 0, "semantic": 0}, 0
    for _ in range(ASKS):
        call, tenant, place, target = drawn(draw)
        scope = scope_of(call, tenant, place, target)
        vector = unit[QUESTIONS.index(call.question)]
        exact, _ = await cache.enter(scope, call.question)
        for found in (exact, await cache.semantic(scope, call.question, vector)):
            if isinstance(found, Hit):
                told = json.loads(found.response)
                assert told["border"] == border(call, tenant, place, target)
                served[found.verdict.kind] += 1
                shared += told["by"] != call.caller.tenant
                assert told["by"] == call.caller.tenant or {told["by"], call.caller.tenant} == set(SHARING)
        if not isinstance(exact, Hit):
            body = json.dumps({"border": border(call, tenant, place, target), "by": call.caller.tenant})
            tags = (made_by(call.caller.tenant),) if scope.tenant != call.caller.tenant else ()
            entry = Entry(call.question, body, "small", "m", 1, Usage(), 600, "qa", tags)
            await cache.store(scope, vector, entry)
    assert served["exact"] > 20 and served["semantic"] > 100 and shared > 10
    await cache.close()
    await _purging_one_leaves_the_others(url)


async def _purging_one_leaves_the_others(url: str) -> None:
    """A tenant's purge takes its own answers, those it made for its group, and no other's."""
    client = await open_redis(url, 5.0)
    before = {name: await _owned(url, name) for name in OWN}
    assert (await purge(client, Selection(tenant="a*"))).removed == before["a*"] > 0
    assert {name: await _owned(url, name) for name in OWN if name != "a*"} == {
        name: count for name, count in before.items() if name != "a*"
    }
    assert (await purge(client, Selection(tenant="north"))).removed > 0
    left = (await purge(client, Selection(tag=made_by("south")))).removed
    assert left > 0 and (await purge(client, Selection(tag=made_by("north")))).removed == 0
    await client.aclose()


async def _owned(url: str, tenant: str) -> int:
    client = await open_redis(url, 5.0)
    count = 0
    async for key in client.scan_iter(count=1000):
        count += key.decode().split(":")[3:5] == ["e", quoted(tenant)]
    await client.aclose()
    return count

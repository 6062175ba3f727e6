"""What cached answers turned out to be worth, in a real Redis."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator

import pytest
from redis.asyncio import Redis

from plugins.adapters.cache_evidence import CacheEvidence
from plugins.cache_thresholds import CHECK, PEOPLE, Seen
from plugins.config import GatewayConfig, TenantConfig
from tests.servers import running_redis
from tests.unit.test_routing import CONFIG as ROUTED

SHIPPED = 0.65
TENANTS = {"acme": TenantConfig(), "strict": TenantConfig(accepted_cache_error=0.001), "lax": TenantConfig()}
CONFIG: GatewayConfig = ROUTED.model_copy(update={"tenants": TENANTS})


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with running_redis() as server:
        yield server.url


@pytest.fixture(autouse=True)
async def _empty(url: str) -> AsyncIterator[None]:
    yield
    async with Redis.from_url(url) as client:
        await client.flushall()


def wrong(tenant: str = "acme", source: str = CHECK) -> Seen:
    return Seen(tenant, "qa", 0.7, False, source)


async def test_replicas_come_to_the_same_threshold(url: str) -> None:
    """What one saw moves the threshold of all, of this tenant and task class alone."""
    one, other = CacheEvidence(url, CONFIG, SHIPPED), CacheEvidence(url, CONFIG, SHIPPED)
    for _ in range(4):
        one.record(wrong())
    await one.tend(CONFIG)
    await other.tend(CONFIG)
    assert one.limit("acme", "qa") == other.limit("acme", "qa") == pytest.approx(0.725)
    assert one.limit("acme", "code") is None and one.limit("lax", "qa") is None
    await one.close()
    await other.close()


async def test_people_count_once_per_answer(url: str) -> None:
    """Sending the same complaint again, to any replica, changes nothing."""
    one, other = CacheEvidence(url, CONFIG, SHIPPED), CacheEvidence(url, CONFIG, SHIPPED)
    for evidence in (one, other, one):
        for _ in range(3):
            evidence.record(wrong(source=PEOPLE), "a" * 32)
        await evidence.flush()
    found = await other.learnt(CONFIG.tenants)
    assert found["acme", "qa"].seen.bad == pytest.approx(1.0) and found["acme", "qa"].threshold == SHIPPED
    await one.close()
    await other.close()


async def test_what_was_seen_fades(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a half-life an observation counts half, and the threshold comes back by itself."""
    evidence = CacheEvidence(url, CONFIG, SHIPPED)
    for _ in range(2):
        evidence.record(wrong())
    await evidence.flush()
    assert (await evidence.learnt(["acme"]))["acme", "qa"].threshold > SHIPPED
    later = time.time() + 30 * 86_400
    monkeypatch.setattr(time, "time", lambda: later)
    found = (await evidence.learnt(["acme"]))["acme", "qa"]
    assert found.seen.bad == pytest.approx(1.0, abs=0.01) and found.threshold == SHIPPED
    await evidence.close()


async def test_a_tenant_may_accept_less(url: str) -> None:
    """The same observations move a stricter tenant's threshold first."""
    evidence = CacheEvidence(url, CONFIG, SHIPPED)
    for tenant in ("strict", "lax"):
        evidence.record(wrong(tenant))
        for _ in range(10):
            evidence.record(Seen(tenant, "qa", 0.7, True, CHECK))
    await evidence.flush()
    found = await evidence.learnt(CONFIG.tenants)
    assert found["strict", "qa"].threshold > found["lax", "qa"].threshold == SHIPPED
    await evidence.close()


async def test_without_redis_thresholds_stay() -> None:
    """Nothing is raised and nothing is forgotten while Redis is away."""
    evidence = CacheEvidence("redis://127.0.0.1:1/0", CONFIG, SHIPPED)
    evidence.record(wrong())
    await evidence.tend(CONFIG)
    assert evidence.limit("acme", "qa") is None
    await evidence.close()

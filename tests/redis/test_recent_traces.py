"""Whose request a trace id was: the gate that feedback passes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
from redis import Redis

from plugins.adapters.recent_traces import Known, RecentTraces
from plugins.errors import Unavailable
from plugins.tracing import trace_id_of
from plugins.values import Caller
from tests.servers import running_redis
from tests.unit.traces import a_trace


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with running_redis() as server:
        yield server.url


@pytest.fixture
async def recent(url: str) -> AsyncIterator[RecentTraces]:
    traces = RecentTraces(url, 1_000, 60)
    yield traces
    await traces.close()


async def test_a_request_is_known_to_its_tenant_alone(recent: RecentTraces, url: str) -> None:
    """In the process that served it and in every other."""
    trace = a_trace()
    trace_id = trace_id_of(trace.id)
    recent.emit(trace)
    assert _said(await recent.find("acme", trace_id)) == ("helpdesk", "miss")
    assert await recent.find("globex", trace_id) is None
    await recent.close()
    other = RecentTraces(url, 1_000, 60)
    assert _said(await other.find("acme", trace_id)) == ("helpdesk", "miss")
    assert await other.find("globex", trace_id) is None
    await other.close()


async def test_feedback_may_come_to_another_process_before_the_request_is_noted(recent: RecentTraces, url: str) -> None:
    """The reply is there first: who asks elsewhere waits until the request is known."""
    trace = a_trace(id="call-3")
    other = RecentTraces(url, 1_000, 60)
    found = asyncio.create_task(other.find("acme", trace_id_of(trace.id)))
    await asyncio.sleep(0)
    recent.emit(trace)
    assert _said(await found) == ("helpdesk", "miss")
    await other.close()


async def test_it_is_forgotten(recent: RecentTraces, url: str) -> None:
    """Each key has an expiry and its tenant's hash tag."""
    recent.emit(a_trace(id="call-1"))
    await recent.close()
    with Redis.from_url(url) as client:
        assert 0 < int(client.ttl(f"tw:{{acme}}:trace:{trace_id_of('call-1')}")) <= 60


async def test_requests_of_nobody_are_not_kept(recent: RecentTraces, url: str) -> None:
    """A stranger's request has no tenant who could judge it."""
    recent.emit(a_trace(id="call-2", caller=Caller("", "", "")))
    await recent.close()
    with Redis.from_url(url) as client:
        assert not client.keys(f"*{trace_id_of('call-2')}*")


async def test_without_redis_nothing_is_taken_on_trust() -> None:
    """Writing fails without a sound; asking says that it cannot be checked."""
    away = RecentTraces("redis://127.0.0.1:1/0", 200, 60)
    away.emit(a_trace())
    await away.close()
    with pytest.raises(Unavailable):
        await away.find("acme", "0" * 31 + "1")


def _said(known: Known | None) -> tuple[str, str]:
    assert known is not None
    return known.app, known.cache

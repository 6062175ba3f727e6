"""Delivery to Langfuse: exact when it is there, harmless when it is not."""

from __future__ import annotations

import pickle
import random
import socket
import threading
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from plugins.adapters import background_sink, langfuse_sink, otlp
from plugins.adapters.background_sink import BackgroundSink
from plugins.adapters.langfuse_sink import LangfuseSink
from plugins.adapters.spool import Spool
from plugins.adapters.trace_queue import size_of
from plugins.config import TracingConfig
from plugins.tracing import spans_of, trace_id_of
from plugins.values import MICROS_PER_USD, Trace
from tests.fake_langfuse import PUBLIC_KEY, SECRET_KEY, FakeLangfuse, fake_langfuse
from tests.unit.traces import a_trace, mixed_traces
from tests.waiting import eventually


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Delays in milliseconds instead of seconds."""
    monkeypatch.setattr(langfuse_sink, "_FIRST_DELAY_S", 0.01)
    monkeypatch.setattr(langfuse_sink, "_MAX_DELAY_S", 0.05)
    monkeypatch.setattr(langfuse_sink, "_OUTAGE_LINGER_S", 0.01)
    monkeypatch.setattr(BackgroundSink, "linger_s", 0.01)
    monkeypatch.setattr(background_sink, "_IDLE_S", 0.05)


@pytest.fixture
def server() -> Iterator[FakeLangfuse]:
    with fake_langfuse() as fake:
        yield fake


def sink_for(url: str, **options: Any) -> LangfuseSink:  # Any: keyword arguments of LangfuseSink
    options = {"timeout_ms": 2_000, "close_timeout_s": 30.0, **options}
    return LangfuseSink(url, PUBLIC_KEY, SECRET_KEY, environment="test", **options)


def some(count: int, **changes: Any) -> Iterator[Trace]:  # Any: the fields of Trace
    return (a_trace(id=f"call-{number}", **changes) for number in range(count))


def dead_url() -> str:
    """An address where nobody listens."""
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


async def test_sums_of_a_thousand_requests_agree_to_the_micro_dollar(server: FakeLangfuse) -> None:
    """Per tenant, app and model, what Langfuse adds up is what was charged; nothing is doubled or missing."""
    sink = sink_for(server.url)
    traces = list(mixed_traces(1_000))
    expected: Counter[tuple[str, str, str]] = Counter()
    for trace in traces:
        expected[trace.caller.tenant, trace.caller.app, trace.model] += trace.cost_micros
        sink.emit(trace)
    await sink.close()
    stored: Counter[tuple[str, str, str]] = Counter()
    for seen in server.generations:
        who = (seen.attributes["user.id"], seen.attributes["langfuse.trace.name"])
        model = seen.attributes.get("langfuse.observation.model.name", "")
        micros = seen.details("cost")["total"] * MICROS_PER_USD
        assert micros == pytest.approx(round(micros), abs=1e-6)
        stored[(*who, model)] += round(micros)
    assert server.problems == []
    assert stored == expected
    assert {seen.trace_id for seen in server.generations} == {trace_id_of(t.id) for t in traces}
    assert len(server.generations) == 1_000


async def test_close_delivers_everything_that_was_accepted(server: FakeLangfuse) -> None:
    """No trace waits for a timer when the process ends."""
    sink = sink_for(server.url)
    for trace in some(400):
        sink.emit(trace)
    await sink.close()
    assert len(server.generations) == 400
    assert sink.stats().delivered == 400
    assert sink.stats().queue_bytes == 0


async def test_a_trace_after_close_is_counted_as_lost(server: FakeLangfuse) -> None:
    """It neither raises nor vanishes."""
    sink = sink_for(server.url)
    await sink.close()
    sink.emit(a_trace())
    assert sink.stats().dropped == {"closed": 1}


async def test_a_hanging_server_neither_blocks_nor_fills_memory(server: FakeLangfuse) -> None:
    """While a send hangs, emit returns at once; what does not fit into the queue is counted as dropped."""
    server.hanging = threading.Event()
    sink = sink_for(server.url, queue_bytes=200_000, timeout_ms=60_000, close_timeout_s=0.1)
    sink.emit(a_trace(id="first"))
    eventually(lambda: server.requests == 1)
    tracemalloc.start()
    for trace in some(5_000, input="x" * 2_000):
        sink.emit(trace)
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    stats = sink.stats()
    assert stats.queue_bytes <= 200_000
    assert grown < 1_000_000
    assert stats.accepted + stats.dropped["queue_full"] == 5_001
    assert stats.delivered == 0
    server.hanging.set()
    await sink.close()


def test_the_size_of_a_queued_trace_is_estimated_from_above() -> None:
    """The bound in bytes is one on real memory."""
    tracemalloc.start()
    traces = [
        pickle.loads(pickle.dumps(a_trace(id=f"call-{n}", input=f"q{n}" * 50, session=f"s-{n}"))) for n in range(300)
    ]
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held <= sum(size_of(trace) for trace in traces)


@pytest.mark.parametrize("status", [500, 503, 429, 408])
async def test_a_passing_failure_loses_nothing(server: FakeLangfuse, status: int) -> None:
    """The batch is tried again until the server is back."""
    server.status = status
    sink = sink_for(server.url)
    for trace in some(20):
        sink.emit(trace)
    eventually(lambda: server.requests >= 2)
    server.status = 200
    await sink.close()
    assert len(server.generations) == 20
    assert sink.stats().dropped == {}


@pytest.mark.parametrize("status", [400, 404, 422, 302])
async def test_a_refused_batch_is_dropped_and_not_repeated(server: FakeLangfuse, status: int) -> None:
    """The same bytes would be refused again, for ever."""
    server.status = status
    sink = sink_for(server.url)
    for trace in some(10):
        sink.emit(trace)
    await sink.close()
    assert server.requests <= 10
    assert sink.stats().dropped == {"refused": 10}


async def test_too_large_a_batch_is_split(server: FakeLangfuse) -> None:
    """413 for a batch does not lose its traces."""
    server.max_bytes = 6_000
    sink = sink_for(server.url)
    for trace in some(64):
        sink.emit(trace)
    await sink.close()
    assert len(server.generations) == 64
    assert sink.stats().dropped == {}


async def test_too_large_a_trace_loses_its_content_but_not_its_cost(server: FakeLangfuse) -> None:
    """A huge prompt must not make money disappear from the totals."""
    server.max_bytes = 3_000
    sink = sink_for(server.url)
    noise = random.Random(3).randbytes(20_000).hex()  # does not compress below the limit
    sink.emit(a_trace(input=noise))
    await sink.close()
    (generation,) = server.generations
    assert generation.details("cost")["total"] == 0.00152
    assert "langfuse.observation.input" not in generation.attributes


async def test_a_server_that_finds_everything_too_large_is_given_up(server: FakeLangfuse) -> None:
    """Splitting ends at single traces, which are dropped and counted."""
    server.max_bytes = 1
    sink = sink_for(server.url)
    for trace in some(8, input="q"):
        sink.emit(trace)
    await sink.close()
    assert sink.stats().dropped == {"too_large": 8}


async def test_a_dead_endpoint_ends_in_counted_drops(server: FakeLangfuse) -> None:
    """Close gives up after its time, and says how many were lost."""
    sink = sink_for(dead_url(), close_timeout_s=0.2)
    for trace in some(300):
        sink.emit(trace)
    await sink.close()
    assert sink.stats().dropped == {"undelivered": 300}
    assert sink.stats().queue_bytes == 0


async def test_a_spool_survives_an_outage(server: FakeLangfuse, tmp_path: Path) -> None:
    """What could not be sent is on disk, and is delivered when the server is back."""
    server.status = 503
    sink = sink_for(server.url, spool_dir=tmp_path / "spool")
    for trace in some(50):
        sink.emit(trace)
    eventually(lambda: sink.stats().spooled == 50)
    server.status = 200
    eventually(lambda: sink.stats().delivered == 50)
    await sink.close()
    assert len(server.generations) == 50
    assert list((tmp_path / "spool").iterdir()) == []
    assert sink.stats().dropped == {}


@pytest.mark.parametrize("status", [401, 403])
async def test_traces_outlive_wrong_keys(server: FakeLangfuse, tmp_path: Path, status: int) -> None:
    """A key that was rotated at the server is an outage until it is rotated here: nothing is dropped."""
    server.status = status
    sink = sink_for(server.url, spool_dir=tmp_path / "spool")
    for trace in some(20):
        sink.emit(trace)
    eventually(lambda: sink.stats().spooled == 20)
    server.status = 200
    eventually(lambda: sink.stats().delivered == 20)
    await sink.close()
    assert not sink.stats().dropped


def test_a_spool_holds_an_hours_outage_of_a_busy_gateway(tmp_path: Path) -> None:
    """At 60 requests a second without their content, in the space that is kept for it unless configured otherwise."""
    spool, batch = Spool(tmp_path, 10**9), list(mixed_traces(200))
    assert spool.add(b"".join(otlp.encode(spans_of(trace, environment="test")) for trace in batch))
    assert 3600 * 60 * spool.size_bytes() / len(batch) < TracingConfig.model_fields["spool_bytes"].default


async def test_a_spool_survives_a_restart(server: FakeLangfuse, tmp_path: Path) -> None:
    """A new process sends what the old one left, without waiting for new traffic."""
    old = sink_for(dead_url(), spool_dir=tmp_path, close_timeout_s=1.0)
    for trace in some(30):
        old.emit(trace)
    await old.close()
    assert old.stats().spooled == 30
    new = sink_for(server.url, spool_dir=tmp_path)
    eventually(lambda: len(server.generations) == 30)
    await new.close()
    assert server.problems == []


async def test_two_sinks_share_a_spool_without_sending_twice(server: FakeLangfuse, tmp_path: Path) -> None:
    """A batch is claimed by one of them."""
    old = sink_for(dead_url(), spool_dir=tmp_path, close_timeout_s=1.0)
    for trace in some(300):
        old.emit(trace)
    await old.close()
    sinks = [sink_for(server.url, spool_dir=tmp_path) for _ in range(2)]
    eventually(lambda: len(server.generations) == 300)
    for sink in sinks:
        await sink.close()
    assert sum(sink.stats().delivered for sink in sinks) == 300


async def test_a_full_spool_drops_and_counts(tmp_path: Path) -> None:
    """The disk is bounded as the memory is."""
    sink = sink_for(dead_url(), spool_dir=tmp_path, spool_bytes=10_000, close_timeout_s=1.0)
    for trace in some(400):
        sink.emit(trace)
    await sink.close()
    stats = sink.stats()
    assert stats.spooled + stats.dropped["spool_full"] == 400
    assert Spool(tmp_path, 0).size_bytes() <= 10_000


async def test_a_damaged_spool_file_is_removed(server: FakeLangfuse, tmp_path: Path) -> None:
    """It is counted, and what comes after it is delivered."""
    (tmp_path / "00000000000000000001-1-0.otlp").write_bytes(b"\xff\xff not protobuf")
    sink = sink_for(server.url, spool_dir=tmp_path)
    sink.emit(a_trace())
    eventually(lambda: not list(tmp_path.iterdir()))
    await sink.close()
    assert len(server.generations) == 1
    assert sink.stats().dropped == {"damaged": 1}


async def test_spooled_prompts_are_the_owners_alone(tmp_path: Path) -> None:
    """Captured content on disk is readable by nobody else."""
    sink = sink_for(dead_url(), spool_dir=tmp_path / "spool", close_timeout_s=1.0)
    sink.emit(a_trace(input="secret"))
    await sink.close()
    (batch,) = (tmp_path / "spool").iterdir()
    assert batch.stat().st_mode & 0o077 == 0
    assert (tmp_path / "spool").stat().st_mode & 0o077 == 0


async def test_a_trace_that_cannot_be_encoded_does_not_stop_the_others(server: FakeLangfuse) -> None:
    """An impossible time is one lost trace, counted; a lone surrogate is replaced."""
    sink = sink_for(server.url)
    sink.emit(a_trace(id="bad", started_ns=-1, ended_ns=-1, steps=()))
    sink.emit(a_trace(id="odd", input="half \ud83d"))
    await sink.close()
    (kept,) = server.generations
    assert kept.attributes["langfuse.observation.input"] == "half ?"
    assert sink.stats().dropped == {"not_encodable": 1}


async def test_drops_and_queue_bytes_are_reported_to_the_monitor() -> None:
    """So that they become metrics."""
    told: Counter[str] = Counter()
    sizes: list[int] = []

    class Monitor:
        def dropped(self, sink: str, reason: str, traces: int) -> None:
            told[f"{sink}:{reason}"] += traces

        def queued(self, sink: str, size_bytes: int) -> None:
            sizes.append(size_bytes)

    sink = sink_for(dead_url(), close_timeout_s=0.2, monitor=Monitor())
    for trace in some(3):
        sink.emit(trace)
    await sink.close()
    assert told == {"langfuse:undelivered": 3}
    assert max(sizes) > 0
    assert sizes[-1] == 0

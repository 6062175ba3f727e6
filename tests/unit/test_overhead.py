"""What `bench.overhead` counts: pairs by round, intervals over rounds, and a load that waits for nobody."""

from __future__ import annotations

import asyncio
import random
import time
from itertools import cycle, islice

import pytest

from bench.overhead_load import Client, Target, at_most, at_rate
from bench.overhead_stats import Round, interval, summary
from bench.overhead_upstream import Provider, answer
from bench.overhead_work import ARMS, Arm, chat
from tests.clusters import free_port


def round_of(p50_ms: float, rps: float) -> Round:
    return Round([p50_ms] * 3, [p50_ms] * 3, [p50_ms] * 3, rps, 1.0, 2.0, 0, {"miss": 3})


def test_differences_are_paired_by_round() -> None:
    """A round that is slow for both says nothing about their difference."""
    mine, theirs = [round_of(12, 90), round_of(112, 9)], [round_of(10, 100), round_of(110, 10)]
    figures = summary(mine, theirs, rss_mb=500, rss_vanilla_mb=350)
    assert figures["added_p50_ms"] == [2.0, 2.0, 2.0]
    assert figures["throughput_ratio"] == [0.9, 0.9, 0.9]
    assert (figures["added_rss_mb"], figures["caches"], figures["failed"]) == (150, {"miss": 6}, 0)


def test_an_interval_holds_the_mean_and_narrows_where_rounds_agree() -> None:
    """Percentile bootstrap over rounds."""
    mean, low, high = interval([1.0, 2.0, 3.0, 4.0])
    assert low < mean == 2.5 < high
    assert interval([2.0] * 4) == [2.0, 2.0, 2.0]


@pytest.mark.parametrize("arm", ARMS, ids=lambda arm: arm.name)
def test_every_arm_has_work_and_a_known_arm_to_compare_with(arm: Arm) -> None:
    """Bodies are chat requests; the arm it is compared with exists."""
    assert arm.against in {other.name for other in ARMS}
    bodies = list(islice(arm.maker(random.Random(1)), 20))
    assert len(bodies) == 20 and all(body["messages"] for body in bodies)


async def test_the_open_loop_times_from_when_a_request_was_meant_to_leave() -> None:
    """A provider that stands still for a while makes those late that were meant to leave meanwhile."""
    stood: list[int] = []

    def slow_once(path: bytes, body: bytes) -> bytes:
        if not stood:
            stood.append(1)
            time.sleep(0.2)
        return answer(path, body)

    port, loop = free_port(), asyncio.get_running_loop()
    server = await loop.create_server(lambda: Provider(slow_once), "127.0.0.1", port)
    client = Client(Target(port))
    requests = [client.target.request(chat("hello"))] * 20
    answers = await at_rate(client, requests, rate=200)
    assert all(a.status == 200 and a.body for a in answers)
    assert sum(a.whole_s > 0.1 for a in answers) > 5
    busy, _ = await at_most(client, cycle(requests), 2, 0.01)
    assert busy and all(a.status == 200 for a in busy)
    client.close()
    await asyncio.sleep(0.05)  # for the provider to see it
    server.close()
    await server.wait_closed()

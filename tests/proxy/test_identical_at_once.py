"""Identical requests at the same time, at two replicas on one Redis: the model is asked once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from itertools import cycle
from threading import Barrier

import pytest

from bench.fault_load import read_plain, read_stream
from tests.gateway import Running, replica
from tests.prompts import new_word
from tests.waiting import eventually

CLIENTS = 24
TENANT = "globex"


@pytest.fixture(scope="module")
def replicas(running: Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Running, Running]]:
    """Each has a simulated provider of its own, which has the same models."""
    with replica(running, tmp_path_factory.mktemp("replica")) as started:
        yield running, replace(running, started=started)


def ask(running: Running, question: str, stream: bool, start: Barrier) -> tuple[str, str]:
    """(what the cache says, the whole text) of a call that is sent when all others are."""
    start.wait()
    reply = running.ask(question, tenant=TENANT, stream=stream)
    _, text, _ = (read_stream if stream else read_plain)(reply.text)
    return reply.headers["x-tierwise-cache"], text


@pytest.mark.parametrize("both", [False, True], ids=["one replica", "two replicas"])
@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
def test_the_model_is_asked_once_and_everybody_is_answered(
    replicas: tuple[Running, Running], stream: bool, both: bool
) -> None:
    """While the model is at work on the first, the others wait; then all have its answer, and only one has paid."""
    question = f"What is the capital of Norway? ({new_word()})"
    asked, start = cycle(replicas if both else replicas[:1]), Barrier(CLIENTS)
    before = [one.model_calls() for one in replicas]

    def new_calls() -> int:
        return sum(one.model_calls() - was for one, was in zip(replicas, before, strict=True))

    with ThreadPoolExecutor(CLIENTS) as pool:
        with ExitStack() as held:
            for one in replicas:
                held.enter_context(one.fault("*", "hold"))
            calls = [pool.submit(ask, next(asked), question, stream, start) for _ in range(CLIENTS)]
            eventually(new_calls)
            assert not any(call.done() for call in calls)
        answers = [call.result() for call in calls]
    assert Counter(cache for cache, _ in answers) == {"miss": 1, "exact": CLIENTS - 1}
    assert len({text for _, text in answers}) == 1 and answers[0][1].startswith("The capital of Norway is ")
    assert new_calls() == 1

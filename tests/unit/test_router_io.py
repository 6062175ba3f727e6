"""What LiteLLM's router is told about one request."""

from __future__ import annotations

from typing import Any

import pytest

from plugins.adapters import router_io
from plugins.attempts import Target
from plugins.config import LimitsConfig
from plugins.errors import UpstreamError
from plugins.flight import Flight
from plugins.values import Endpoint, Route
from tests.unit.test_routing import CATALOG, call, verdict

S = 1_000_000_000
LIMITS = LimitsConfig(attempts=2, request_timeout_s=100)
DOWN = UpstreamError(503, "service_unavailable", "provider_unavailable", "down")


def flight(**more: Any) -> Flight:
    return Flight("id", Endpoint.CHAT, 0, **more)


def route(*fallbacks: str, wider: tuple[str, ...] = ()) -> Route:
    return Route("small", "small", fallbacks, None, verdict(), "", wider=wider)


def test_fallbacks_are_those_of_the_request() -> None:
    """By kind of failure; a list of nothing for the context window keeps LiteLLM from trying the others."""
    data: dict[str, Any] = {}
    router_io.direct(data, flight(route=route("mid", "frontier")), "x", CATALOG)
    assert data["model"] == "small" and data["num_retries"] == 0
    assert data["fallbacks"] == data["content_policy_fallbacks"] == [{"small": ["mid", "frontier"]}]
    assert data["context_window_fallbacks"] == [{"small": []}]


def test_without_fallbacks_they_are_switched_off() -> None:
    """So that none of LiteLLM's own could apply; its own retries remain for the single deployment."""
    data: dict[str, Any] = {}
    router_io.direct(data, flight(route=route()), "x", CATALOG)
    assert data == {"model": "small", "disable_fallbacks": True}


def test_an_attempt_is_counted_once_for_all_of_its_bridges() -> None:
    """LiteLLM asks again within an attempt under another kind; the same kind is a new attempt."""
    one = flight()
    for kind in ("aresponses", "acompletion", "aresponses"):
        assert router_io.begin_attempt(one, {}, kind, LIMITS, 0) is None
    assert one.attempts == 2
    one.last_failure = DOWN
    assert router_io.begin_attempt(one, {}, "aresponses", LIMITS, 0) is DOWN


def test_an_attempts_timeout_is_cut_to_the_rest_of_the_request() -> None:
    """And never to less than a second."""
    kwargs: dict[str, Any] = {"timeout": 60}
    router_io.begin_attempt(flight(), kwargs, "acompletion", LIMITS, 70 * S)
    assert kwargs["timeout"] == 30


def deployment(name: str, base: str) -> dict[str, Any]:
    return {"model_info": {"id": name}, "litellm_params": {"model": "openai/m", "api_base": base}}


async def test_a_deployment_that_failed_is_not_offered_again() -> None:
    """Nor its provider's address while there is another."""
    rows = [deployment("a1", "http://a"), deployment("a2", "http://a"), deployment("b1", "http://b")]
    failed = flight(failed_targets=[Target("a1", "openai http://a")])
    assert [row["model_info"]["id"] for row in await router_io.to_try(failed, "small", rows)] == ["b1"]


class Said(Exception):
    def __init__(self, headers: dict[str, str] | None = None, cooldown_time: object = None) -> None:
        self.litellm_response_headers, self.cooldown_time = headers, cooldown_time


@pytest.mark.parametrize(
    ("exception", "seconds"),
    [
        (Said({"retry-after": "7"}), 7),
        (Said({"retry-after": "999999"}), 3600),
        (Said({"retry-after": "soon"}), None),
        (Said(cooldown_time=2.4), 2),
        (Said(cooldown_time=0.1), 1),
        (Said(), None),
    ],
)
def test_when_to_come_back(exception: Exception, seconds: int | None) -> None:
    """A provider's Retry-After or the end of the cooldown, within bounds; nothing is invented."""
    assert router_io.retry_after_s(exception) == seconds


def test_a_stream_that_broke_is_a_failed_attempt_though_nobody_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """LiteLLM goes on with another model in the same stream; the trace names the one that broke, once."""
    monkeypatch.setattr(router_io, "_remember_failed", lambda flight, deployment_id: None)
    one = flight(attempts=1, attempt="acompletion", under_way={"model": "sim-mid", "provider": "openai"})
    router_io.note_broken_stream(one, "aresponses")  # a bridge within the same attempt
    assert not one.failed_attempts
    router_io.note_broken_stream(one)
    router_io.note_broken_stream(one, "acompletion")
    assert [step.attributes for step in one.steps] == [
        {"model": "sim-mid", "provider": "openai", "error": "stream_broken"}
    ]
    assert one.fallbacks == 1 and one.last_failure is not None
    assert one.last_failure.code == "provider_unavailable"


async def test_the_deployment_whose_stream_broke_is_not_chosen_next(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is known before the choice, and so another provider's is taken."""
    known = {"a1": Target("a1", "openai http://a")}
    monkeypatch.setattr(router_io, "_remember_failed", lambda flight, name: flight.failed_targets.append(known[name]))
    one = flight(attempts=1, attempt="acompletion", under_way={"deployment": "a1"})
    rows = [deployment("a2", "http://a"), deployment("b1", "http://b")]
    assert [row["model_info"]["id"] for row in await router_io.to_try(one, "small", rows)] == ["b1"]


def test_a_broken_answer_that_is_sent_along_counts() -> None:
    """The attempt that goes on from it reads it as input."""
    made = call("hello", input_bytes=60)
    so_far = [{"role": "user", "content": "hello"}, {"role": "assistant", "content": "x" * 500}]
    assert 500 < router_io.added_bytes(flight(call=made, first_token_ns=1), {"messages": so_far}) < 700
    assert router_io.added_bytes(flight(call=made), {"messages": so_far}) == 0

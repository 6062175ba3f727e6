"""How often a request may be tried, for how long, and where next."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from plugins.attempts import Target, no_more, untried, within
from plugins.errors import UpstreamError

DOWN = UpstreamError(503, "service_unavailable", "provider_unavailable", "down")
BAD = UpstreamError(400, "invalid_request_error", "invalid_request", "no such field")
LONG = UpstreamError(400, "invalid_request_error", "context_length_exceeded", "too long")
A1, A2, B1 = Target("a1", "a"), Target("a2", "a"), Target("b1", "b")


def test_a_failed_provider_is_followed_by_another_attempt() -> None:
    """The first call and the one after a failure may be made."""
    assert no_more(0, 3, 10, None) is None
    assert no_more(1, 3, 10, DOWN) is None


def test_attempts_are_bounded() -> None:
    """At the bound the last failure is the answer."""
    assert no_more(3, 3, 10, DOWN) is DOWN


def test_a_bad_request_is_tried_once() -> None:
    """What one provider finds wrong with the request, the next would too; a prompt may be too long for one only."""
    assert no_more(1, 3, 10, BAD) is BAD
    assert no_more(1, 3, 10, LONG) is None


def test_no_attempt_begins_after_the_request_s_time() -> None:
    """The client is told that it was a time-out; a first attempt is made in any case."""
    late = no_more(1, 3, 0, DOWN)
    assert late is not None and (late.http_status, late.code) == (504, "request_timeout")
    assert no_more(0, 3, -1, None) is None


def test_an_attempt_s_timeout_is_cut_to_what_remains() -> None:
    """A number is cut, none is set, and anything else is left as it is."""
    marker = object()
    assert (within(120, 30), within(5.0, 30), within(None, 30), within(marker, 30)) == (30, 5.0, 30, marker)


def test_what_remains_is_counted_in_whole_seconds() -> None:
    """Of requests that are a little older or younger LiteLLM then uses the same client."""
    assert {within(None, left_s) for left_s in (599.01, 599.4, 599.99)} == {599}
    assert within(None, 0.2) == 1


def test_the_next_attempt_is_at_another_provider() -> None:
    """A deployment that failed is not asked again while there is another; its provider is avoided."""
    assert untried([A1, A2, B1], [A1]) == {"b1"}
    assert untried([A1, A2], [A1]) == {"a2"}
    assert untried([A1], [A1]) == {"a1"}


TARGETS = st.lists(
    st.builds(Target, st.sampled_from("pqrst"), st.sampled_from("ab")), min_size=1, unique_by=lambda t: t.id
)


@given(TARGETS, TARGETS)
def test_there_is_always_somebody_to_ask(targets: list[Target], failed: list[Target]) -> None:
    """The choice is never empty, is among the given, and has no failed one while there is another."""
    chosen = untried(targets, failed)
    given_ids, failed_ids = {t.id for t in targets}, {t.id for t in failed}
    assert chosen and chosen <= given_ids
    assert not chosen & failed_ids or given_ids <= failed_ids

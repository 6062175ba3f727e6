"""Tiers that are too slow for a caller who waits are passed over, as far as a quicker one may answer."""

from __future__ import annotations

import pytest

from plugins.config import AliasConfig
from plugins.routing import table
from plugins.routing.speed import FEWEST, FRESH_S, Speeds, patience_ms
from plugins.values import Difficulty, Hints, Route
from tests.unit.test_routing import CATALOG, CONFIG, FREE, call, verdict


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def speeds(clock: Clock | None = None, *, streamed: bool = True, **ms: float) -> Speeds:
    found = Speeds(clock=clock or Clock())
    for tier, taken in ms.items():
        for _ in range(FEWEST):
            found.note(tier, streamed, taken)
    return found


def routed(seen: Speeds, *, stream: bool = True, deadline_ms: int | None = None, model: str = "auto") -> Route:
    made = call("x", model=model, stream=stream, hints=Hints(deadline_ms=deadline_ms))
    route = table.route(verdict(Difficulty.HARD), made, FREE, CONFIG, CATALOG, speeds=seen)
    assert isinstance(route, Route)
    return route


def test_a_deadline_passes_over_a_slow_tier_and_says_so() -> None:
    """A hard prompt goes to the best tier that begins in time; the slow one stays a fallback."""
    route = routed(speeds(mid=300, frontier=2500), deadline_ms=1000)
    assert route.tier == "mid"
    assert "frontier -> mid: answers in 2500 ms, 1000 wanted" in route.reason
    assert "frontier" in route.fallbacks


def test_without_a_deadline_time_does_not_count() -> None:
    """Who does not say that it waits gets the tier that the prompt deserves."""
    assert routed(speeds(mid=300, frontier=2500)).tier == "frontier"


def test_streams_and_whole_answers_are_measured_apart() -> None:
    """What a stream's first token takes says nothing about how long a whole answer takes."""
    assert routed(speeds(mid=300, frontier=2500), stream=False, deadline_ms=1000).tier == "frontier"


def test_when_all_are_too_slow_the_quickest_answers() -> None:
    """Late is better than never."""
    assert routed(speeds(small=900, mid=700, frontier=2500), deadline_ms=100).tier == "mid"


def test_an_unknown_tier_is_tried() -> None:
    """Nothing is held against a tier that was not seen often enough."""
    seen = speeds(mid=300)
    seen.note("frontier", True, 9000.0)
    assert routed(seen, deadline_ms=1000).tier == "frontier"


def test_a_slow_tier_is_tried_again_later() -> None:
    """Old observations are forgotten, or a tier that was slow once would never be seen again."""
    clock = Clock()
    seen = speeds(clock, mid=300, frontier=2500)
    clock.now += FRESH_S + 1
    assert routed(seen, deadline_ms=1000).tier == "frontier"


@pytest.mark.parametrize(
    ("stream", "deadline_ms", "expected"),
    [(True, None, 800), (False, None, 9000), (True, 300, 300), (False, 20_000, 9000)],
)
def test_the_shorter_of_header_and_alias_counts(stream: bool, deadline_ms: int | None, expected: int) -> None:
    """An alias has one patience for the first token of streams and one for whole answers."""
    alias = AliasConfig(first_token_ms=800, answer_ms=9000)
    assert patience_ms(call("x", stream=stream, hints=Hints(deadline_ms=deadline_ms)), alias) == expected
    assert patience_ms(call("x", stream=stream), AliasConfig()) is None

"""Sums, groups, percentiles and the time line of the cost report."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.report import (
    Reconciliation,
    Request,
    group_by,
    parse_by,
    parse_since,
    percentile,
    reconcile,
    request_of,
    timeline,
    total_of,
)
from plugins.values import Trace
from tests.unit.traces import START_NS, a_trace, mixed_traces

NOW = datetime(2026, 5, 10, 12, tzinfo=UTC)


def requests_of(*traces: Trace) -> list[Request]:
    return [request_of(trace) for trace in traces]


def test_groups_add_up_to_the_total_to_the_micro_dollar() -> None:
    """However the requests are grouped, no micro-dollar is lost or counted twice."""
    traces = list(mixed_traces(1_000))
    requests = requests_of(*traces)
    expected = sum(trace.cost_micros for trace in traces)
    for by in (("tenant",), ("app", "tier"), ("tenant", "app", "task", "tier")):
        groups = group_by(requests, by)
        assert sum(group.totals.cost_micros for group in groups) == expected
        assert sum(group.totals.requests for group in groups) == 1_000
    assert total_of(requests).cost_micros == expected


def test_the_most_expensive_group_comes_first() -> None:
    """Readers look at the top."""
    costs = [group.totals.cost_micros for group in group_by(requests_of(*mixed_traces(300)), ("app", "tier"))]
    assert costs == sorted(costs, reverse=True)


def test_outcomes_are_counted_apart() -> None:
    """Cached, refused and failed requests each have their column."""
    outcomes = ("answered", "cached", "cached", "refused", "failed", "aborted")
    numbers = total_of(requests_of(*(a_trace(outcome=name) for name in outcomes))).as_dict()
    assert [numbers[name] for name in ("answered", "cached", "refused", "failed", "aborted")] == [
        1,
        2,
        1,
        1,
        1,
    ]


def test_latency_is_that_of_requests_with_an_answer() -> None:
    """A refusal in a millisecond does not make a tenant look fast."""
    slow = a_trace(ended_ns=START_NS + 2_000_000_000)
    refused = a_trace(outcome="refused", ended_ns=START_NS + 1_000_000)
    assert total_of(requests_of(slow, refused, refused)).latency_ms(0.5) == 2_000


def test_no_answer_has_no_latency() -> None:
    """Instead of a zero that looks like a measurement."""
    assert total_of(requests_of(a_trace(outcome="failed"))).as_dict()["p95_ms"] is None


@pytest.mark.parametrize(("share", "expected"), [(0.05, 15), (0.3, 20), (0.4, 20), (0.5, 35), (1.0, 50)])
def test_percentiles_are_nearest_rank(share: float, expected: float) -> None:
    """The worked example of the nearest-rank method."""
    assert percentile([15, 20, 35, 40, 50], share) == expected


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0.01, 1))
def test_a_percentile_is_one_of_the_values_with_enough_below(values: list[float], share: float) -> None:
    """At least that share of the values is at or below it."""
    found = percentile(sorted(values), share)
    assert found in values
    assert sum(value <= found for value in values) >= share * len(values) - 1e-6


def test_the_timeline_has_no_gaps_and_loses_nothing() -> None:
    """A quiet day is a column of zero, and all columns together are all requests."""
    requests = requests_of(*mixed_traces(500))
    found = timeline(requests, "tier")
    assert len(found.starts_s) <= 48
    assert {b - a for a, b in zip(found.starts_s, found.starts_s[1:], strict=False)} == {found.width_s}
    assert sum(totals.requests for totals in found.totals) == 500
    parts = [totals.cost_micros for series in found.parts.values() for totals in series]
    assert sum(parts) == total_of(requests).cost_micros


@given(st.lists(st.integers(0, 4 * 10**9), min_size=1, max_size=30))
def test_any_period_fits_the_timeline(seconds: list[int]) -> None:
    """From one second to a century."""
    requests = requests_of(*(a_trace(started_ns=second * 10**9, steps=()) for second in seconds))
    found = timeline(requests, "app")
    assert len(found.totals) <= 48
    assert sum(totals.requests for totals in found.totals) == len(seconds)


def test_escalations_are_a_share_of_the_answered() -> None:
    """Cached and refused requests could not have been escalated."""
    traces = (a_trace(escalations=1), a_trace(), a_trace(outcome="cached"), a_trace(outcome="refused"))
    assert total_of(requests_of(*traces)).escalation_rate == 0.5


def test_reconciliation_shows_each_tenants_difference() -> None:
    """Tenants that only one side knows are shown too."""
    requests = requests_of(a_trace(cost_micros=70), a_trace(cost_micros=30))
    assert reconcile(requests, {"acme": 100, "globex": 5}) == (
        Reconciliation("acme", 100, 100),
        Reconciliation("globex", 0, 5),
    )
    assert reconcile(requests, {})[0].difference_micros == -100


def test_a_thousand_mixed_requests_reconcile_exactly() -> None:
    """Traces and ledger agree when nothing was lost."""
    ledger: Counter[str] = Counter()
    for trace in mixed_traces(1_000):
        ledger[trace.caller.tenant] += trace.cost_micros
    lines = reconcile(requests_of(*mixed_traces(1_000)), ledger)
    assert [line.difference_micros for line in lines] == [0, 0, 0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("24h", datetime(2026, 5, 9, 12, tzinfo=UTC)),
        ("30m", datetime(2026, 5, 10, 11, 30, tzinfo=UTC)),
        ("2w", datetime(2026, 4, 26, 12, tzinfo=UTC)),
        ("2026-05-01", datetime(2026, 5, 1, tzinfo=UTC)),
        ("2026-05-01T10:00+02:00", datetime(2026, 5, 1, 8, tzinfo=UTC)),
    ],
)
def test_since_takes_ages_and_dates(text: str, expected: datetime) -> None:
    """A time without a zone is UTC."""
    assert parse_since(text, NOW) == int(expected.timestamp()) * 10**9


@pytest.mark.parametrize("text", ["", "yesterday", "-3h", "24", "2026-13-01"])
def test_a_wrong_since_says_what_is_possible(text: str) -> None:
    """The message shows the forms."""
    with pytest.raises(ValueError, match="24h"):
        parse_since(text, NOW)


@pytest.mark.parametrize("text", ["", "tenant,planet", "tenant,tenant"])
def test_a_wrong_dimension_lists_the_known_ones(text: str) -> None:
    """The message is the documentation."""
    with pytest.raises(ValueError, match="known are tenant, app"):
        parse_by(text)


def test_what_the_cache_saved_is_told_apart() -> None:
    """Of what all of the requests saved, and the cost of one answer counts those from the cache too."""
    requests = [request_of(trace) for trace in mixed_traces(400)]
    totals = total_of(requests)
    assert totals.cache_saved_micros == sum(one.saved_micros for one in requests if one.outcome == "cached") > 0
    assert totals.cache_saved_micros < totals.saved_micros
    assert totals.micros_per_answer == totals.cost_micros / totals.served
    assert total_of([]).micros_per_answer is None

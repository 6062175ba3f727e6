"""Where spending will stand at the end of a cap's window."""

from __future__ import annotations

from plugins.forecast import forecasts
from plugins.report import Request, request_of
from plugins.values import Caller, Cap, CapState, Window
from tests.unit.traces import a_trace

NOW_S = 1_780_000_000
DAY_S = 86_400


def request(age_s: int, micros: int, tenant: str = "acme", app: str = "web", tier: str = "mid") -> Request:
    started_ns = (NOW_S - age_s) * 10**9
    return request_of(a_trace(caller=Caller(tenant, app, "k"), started_ns=started_ns, cost_micros=micros, tier=tier))


def state(scope: str = "tenant", spent: int = 500, days_left: int = 10, tier: str | None = None) -> CapState:
    return CapState(Cap(scope, Window.MONTH, micros=10_000, tier=tier), spent, 100, NOW_S + days_left * DAY_S)


def test_spending_goes_on_as_in_the_last_days() -> None:
    """Two days with 300 each and ten days to go: 3,000 more than what is spent and held."""
    (found,) = forecasts([("acme", state())], [request(2 * DAY_S, 300), request(DAY_S, 300)], NOW_S)
    assert (found.spent_micros, found.forecast_micros, found.limit_micros) == (600, 3_600, 10_000)
    assert found.name == "acme, per month"


def test_only_what_counts_on_the_cap_is_looked_at() -> None:
    """Other tenants, applications, tiers and older weeks do not."""
    others = [
        request(2 * DAY_S, 9_000, tenant="globex"),
        request(2 * DAY_S, 9_000, app="mobile"),
        request(2 * DAY_S, 9_000, tier="small"),
        request(9 * DAY_S, 9_000),
    ]
    (found,) = forecasts([("acme", state("app:web", tier="mid"))], [*others, request(DAY_S, 50)], NOW_S)
    assert found.forecast_micros == 600 + 10 * 50


def test_there_is_no_forecast_without_an_end_or_without_spending() -> None:
    """A cap in total has no end."""
    total = CapState(Cap("tenant", Window.TOTAL, micros=10_000), 500, 0, 0)
    assert forecasts([("acme", total)], [request(DAY_S, 50)], NOW_S)[0].forecast_micros is None
    assert forecasts([("acme", state())], [], NOW_S)[0].forecast_micros is None


def test_caps_in_tokens_and_of_keys_are_left_out_and_the_fullest_is_first() -> None:
    """The page is about dollars of tenants and applications."""
    tokens = CapState(Cap("tenant", Window.MONTH, tokens=5), 5, 0, NOW_S + 9)
    found = forecasts(
        [("acme", tokens), ("acme", state("key:0123")), ("acme", state()), ("b", state(spent=9_000))], [], NOW_S
    )
    assert [one.tenant for one in found] == ["b", "acme"]

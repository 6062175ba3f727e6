"""Which caps apply, and what a refusal and an alert say."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from plugins.budget import (
    BUSY_RETRY_S,
    TOTAL_RETRY_S,
    Alert,
    SeenStates,
    caps_of,
    caps_of_tenant,
    first_over,
    least_left_micros,
    over_budget,
    retry_after_s,
    step_down_reason,
    used_share,
    user_scope,
)
from plugins.config import AppConfig, CapConfig, KeyConfig, TenantConfig
from plugins.values import Caller, Cap, CapState, OverCap, Reservation, Window

KEY = "ab" * 32
TENANT = TenantConfig(
    timezone="Europe/Vienna",
    caps=(
        CapConfig(usd=Decimal(10), per=Window.DAY),
        CapConfig(usd=Decimal(2), per=Window.DAY, tier="frontier"),
    ),
    apps={
        "web": AppConfig(
            caps=(CapConfig(tokens=5000, per=Window.HOUR),),
            keys=(KeyConfig(sha256=KEY, caps=(CapConfig(usd=Decimal(1)),)), KeyConfig(sha256="cd" * 32)),
        )
    },
    end_user_caps=(CapConfig(usd=Decimal("0.5"), per=Window.TOTAL),),
)
CALLER = Caller("acme", "web", KEY[:12])
REQUEST = Reservation("c1", "acme", "UTC", (), 100, 20, "small")
DAY = Cap("tenant", Window.DAY, micros=1000)
ENDS_AT_S = 1_777_672_800  # 2026-05-02 00:00 in Vienna


def test_a_caller_has_the_caps_of_every_scope_it_is_in() -> None:
    """Tenant, application, key and end user caps apply together, the broadest scope first."""
    assert caps_of("acme", TENANT, CALLER, "u-1") == (
        Cap("tenant", Window.DAY, micros=10_000_000),
        Cap("tenant", Window.DAY, micros=2_000_000, tier="frontier"),
        Cap("app:web", Window.HOUR, tokens=5000),
        Cap(f"key:{KEY[:12]}", Window.MONTH, micros=1_000_000),
        Cap("user:u-1", Window.TOTAL, micros=500_000),
    )


def test_a_caller_has_no_caps_of_other_keys_or_users() -> None:
    """Another key of the same application, without an end user, has tenant and application caps only."""
    scopes = {cap.scope for cap in caps_of("acme", TENANT, Caller("acme", "web", "cd" * 6), "")}
    assert scopes == {"tenant", "app:web"}


def test_an_application_outside_the_config_has_the_tenant_caps() -> None:
    """Keys that LiteLLM's own database knows may name applications that the config does not."""
    assert {cap.scope for cap in caps_of("acme", TENANT, Caller("acme", "other", "x"), "")} == {"tenant"}


def test_a_caller_of_another_tenant_is_an_error() -> None:
    """Caps are never looked up across tenants."""
    with pytest.raises(ValueError, match="tenant"):
        caps_of("rival", TENANT, CALLER, "")


def test_the_tenant_overview_has_the_caps_that_its_callers_have() -> None:
    """What `show` lists is what calls are held to."""
    assert set(caps_of("acme", TENANT, CALLER, "u-1")) == set(caps_of_tenant(TENANT, ["u-1"]))


@pytest.mark.parametrize("odd", ["a b", "x|y", "é", "", "u" * 200, "a\nb", "{x}", "\ud800"])
def test_unusual_end_user_ids_are_counted_under_their_hash(odd: str) -> None:
    """Client text never reaches a Redis key as it is, and different ids stay different."""
    assert user_scope(odd).startswith("user:sha256-")
    assert user_scope(odd) != user_scope(odd + "'")


def test_the_first_cap_that_does_not_fit_is_named() -> None:
    """A call that fits exactly is admitted; one micro-dollar more names the cap."""
    roomy, tight = (
        CapState(DAY, 0, 0, ENDS_AT_S),
        CapState(replace(DAY, scope="app:web"), 800, 100, ENDS_AT_S),
    )
    assert first_over([roomy, tight], REQUEST, 0) is None
    over = first_over([roomy, replace(tight, spent=801)], REQUEST, ENDS_AT_S - 60)
    assert over == OverCap(replace(tight, spent=801), 100, BUSY_RETRY_S)


def test_token_caps_count_tokens() -> None:
    """A token cap compares the call's tokens, not its price."""
    state = CapState(Cap("tenant", Window.HOUR, tokens=30), 11, 0, ENDS_AT_S)
    over = first_over([state], REQUEST, ENDS_AT_S - 7)
    assert over is not None
    assert (over.needed, over.retry_after_s) == (20, 7)


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (CapState(DAY, 950, 0, 500), 100),  # spent: the next window
        (CapState(DAY, 500, 450, 500), BUSY_RETRY_S),  # only calls in flight are in the way
        (CapState(DAY, 950, 0, 400), 1),  # never 0
        (CapState(replace(DAY, window=Window.TOTAL), 950, 0, 0), TOTAL_RETRY_S),
    ],
)
def test_retry_after_says_when_asking_again_makes_sense(state: CapState, expected: int) -> None:
    """The next window, or soon when room comes back by itself, or an hour where only an operator can help."""
    assert retry_after_s(state, 100, 400) == expected


def test_a_refusal_says_cap_spent_reserved_end_and_what_to_do() -> None:
    """The message and headers carry every fact, in the tenant's time zone."""
    state = CapState(Cap("app:web", Window.DAY, micros=10_000_000, tier="frontier"), 9_970_000, 20_000, ENDS_AT_S)
    refusal = over_budget(OverCap(state, 50_000, 3600), "Europe/Vienna")
    assert (refusal.status, refusal.code, refusal.type) == (429, "insufficient_quota", "insufficient_quota")
    for part in ("$10.00 per day", "'web'", "tier frontier", "$9.97 ", "$0.02 ", "$0.05", "Lower max_tokens"):
        assert part in refusal.message
    assert "2026-05-02T00:00:00+02:00" in refusal.message
    assert refusal.headers == {
        "Retry-After": "3600",
        "x-should-retry": "false",
        "x-tierwise-budget-scope": "app:web",
        "x-tierwise-budget-window": "day",
        "x-tierwise-budget-tier": "frontier",
        "x-tierwise-budget-cap-usd": "10.000000",
        "x-tierwise-budget-spent-usd": "9.970000",
        "x-tierwise-budget-reserved-usd": "0.020000",
        "x-tierwise-budget-needed-usd": "0.050000",
        "x-tierwise-budget-window-end": "2026-05-02T00:00:00+02:00",
    }


def test_a_refused_call_without_a_limit_is_told_to_set_one() -> None:
    """Because the longest possible answer would be held for."""
    state = CapState(DAY, 100, 0, ENDS_AT_S)
    refusal = over_budget(OverCap(state, 5_000, 60), "UTC", limited=False)
    assert "Set max_tokens" in refusal.message


def test_a_refusal_by_calls_in_flight_invites_a_retry() -> None:
    """When the spent part leaves room, the client may simply retry."""
    state = CapState(Cap("tenant", Window.TOTAL, tokens=100), 10, 85, 0)
    refusal = over_budget(OverCap(state, 20, BUSY_RETRY_S), "UTC")
    assert refusal.headers["x-should-retry"] == "true"
    assert refusal.headers["x-tierwise-budget-cap-tokens"] == "100"
    assert "x-tierwise-budget-window-end" not in refusal.headers
    assert f"Retry in {BUSY_RETRY_S} seconds" in refusal.message


def test_a_spent_cap_points_to_the_next_window_or_the_operator() -> None:
    """At the wall a cheaper call would not help, so it is not advised."""
    refusal = over_budget(OverCap(CapState(DAY, 1000, 0, ENDS_AT_S), 1, 60), "UTC")
    assert "next window" in refusal.message
    assert "max_tokens" not in refusal.message


def test_headroom_looks_at_the_tightest_dollar_cap() -> None:
    """The least headroom over dollar caps; a share counts what is reserved too."""
    states = [
        CapState(DAY, 200, 100, 1),
        CapState(replace(DAY, micros=900), 500, 0, 1),
        CapState(Cap("tenant", Window.DAY, tokens=10), 9, 0, 1),
    ]
    assert least_left_micros(states) == 400
    assert max(map(used_share, states)) == 0.9
    assert least_left_micros(states[2:]) is None


def test_an_alert_names_tenant_share_cap_and_window() -> None:
    """One line that a person understands without context."""
    alert = Alert("acme", "app:web", None, Window.DAY, 950, 9_600_000, 10_000_000, False, ENDS_AT_S)
    assert alert.text == (
        "Budget of acme: 95 % of $10.00 per day for application 'web' is spent ($9.60). "
        "The window ends at 2026-05-01T22:00:00+00:00."
    )


@pytest.mark.parametrize(
    ("state", "steps_down"),
    [
        (CapState(DAY, 400, 400, 1), True),
        (CapState(DAY, 400, 399, 1), False),
        (CapState(replace(DAY, tier="frontier"), 900, 0, 1), True),
        (CapState(replace(DAY, tier="small"), 900, 0, 1), False),
        (CapState(replace(DAY, micros=0), 0, 0, 1), True),
    ],
)
def test_from_a_share_on_the_dearest_tier_is_spared(state: CapState, steps_down: bool) -> None:
    """What is reserved counts, and a cap on another tier does not."""
    reason = step_down_reason([CapState(DAY, 0, 0, 1), state], "frontier", 0.8)
    assert (reason is not None) == steps_down
    assert reason is None or "of the budget per day for the tenant" in reason


def test_what_was_seen_of_a_cap_is_known_until_its_window_ends() -> None:
    """By tenant and counter, whatever the limit is now; the oldest goes when there are too many."""
    seen = SeenStates(most=2)
    seen.note("acme", [CapState(DAY, 10, 0, 100), CapState(replace(DAY, micros=50), 10, 0, 100)])
    (known,) = seen.of("acme", [replace(DAY, micros=7)], now_s=99)
    assert known.limit == 50
    assert seen.of("globex", [DAY], 99) == () == seen.of("acme", [DAY], 100)
    seen.note("globex", [CapState(DAY, 1, 0, 0), CapState(replace(DAY, scope="app:web"), 1, 0, 0)])
    assert seen.of("acme", [DAY], 99) == () and len(seen.of("globex", [DAY], 99)) == 1

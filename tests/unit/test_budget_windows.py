"""The windows of a cap, in every time zone and over clock changes."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plugins.budget_windows import candidates, span_at
from plugins.values import Window

ZONES = sorted(name for name in available_timezones() if "/" in name and not name.startswith("posix"))
MOMENTS = st.integers(1_704_067_200, 2_082_758_400)  # 2024 to 2035
BOUNDED = st.sampled_from([Window.HOUR, Window.DAY, Window.MONTH])


def epoch(zone: str, *moment: int, fold: int = 0) -> int:
    return int(datetime(*moment, tzinfo=ZoneInfo(zone), fold=fold).timestamp())  # type: ignore[arg-type,misc]  # parts in order


@settings(max_examples=300)
@given(window=BOUNDED, zone=st.sampled_from(ZONES), at_s=MOMENTS)
def test_windows_hold_their_instant_and_follow_without_gap(window: Window, zone: str, at_s: int) -> None:
    """Every instant is in its window, and the next window begins where it ends, under another name."""
    span = span_at(window, zone, at_s)
    following = span_at(window, zone, span.end_s)
    assert span.start_s <= at_s < span.end_s
    assert following.start_s == span.end_s
    assert following.id != span.id


@settings(max_examples=300)
@given(window=BOUNDED, zone=st.sampled_from(ZONES), at_s=MOMENTS)
def test_candidates_cover_the_instant_and_its_surroundings(window: Window, zone: str, at_s: int) -> None:
    """One of the three candidates is the window at the client's time; they follow each other."""
    before, now, after = candidates(window, zone, at_s)
    assert (before.end_s, now.end_s) == (now.start_s, after.start_s)
    assert span_at(window, zone, at_s) in (now, after)


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Vienna", (2026, 3, 29), 23),
        ("Europe/Vienna", (2026, 10, 25), 25),
        ("Europe/Vienna", (2026, 6, 1), 24),
        ("Australia/Lord_Howe", (2026, 4, 5), 24.5),
        ("Africa/Cairo", (2026, 4, 24), 23),  # the clock goes from 23:59:59 to 01:00: no midnight
    ],
)
def test_a_day_is_as_long_as_its_clock_says(zone: str, day: tuple[int, int, int], hours: float) -> None:
    """A day with a clock change has 23, 25 or 24.5 hours."""
    span = span_at(Window.DAY, zone, epoch(zone, *day, 12))
    assert span.end_s - span.start_s == hours * 3600
    assert span.label == f"{day[0]}-{day[1]:02}-{day[2]:02}"


def test_the_hour_that_a_clock_change_repeats_is_two_windows() -> None:
    """02:30 summer time and 02:30 winter time of the same night do not share a budget."""
    first = span_at(Window.HOUR, "Europe/Vienna", epoch("Europe/Vienna", 2026, 10, 25, 2, 30))
    second = span_at(Window.HOUR, "Europe/Vienna", epoch("Europe/Vienna", 2026, 10, 25, 2, 30, fold=1))
    assert (first.id, second.id) == ("H2026-10-25T02+0200", "H2026-10-25T02+0100")
    assert first.end_s == second.start_s


def test_an_hour_begins_with_the_local_clock() -> None:
    """In a zone half an hour off, hours begin at half past UTC."""
    span = span_at(Window.HOUR, "Asia/Kolkata", epoch("Asia/Kolkata", 2026, 5, 1, 13, 20))
    assert span.start_s == epoch("Asia/Kolkata", 2026, 5, 1, 13)
    assert span.start_s % 3600 == 1800


def test_a_half_hour_clock_change_cuts_the_hour() -> None:
    """On Lord Howe Island 02:00 becomes 01:30: the repeated half hour is a window of its own."""
    zone = "Australia/Lord_Howe"
    span = span_at(Window.HOUR, zone, epoch(zone, 2026, 4, 5, 1, 45, fold=1))
    assert span.end_s - span.start_s == 1800


def test_a_month_runs_from_local_midnight_to_local_midnight() -> None:
    """December ends with the year, at the tenant's midnight."""
    span = span_at(Window.MONTH, "America/New_York", epoch("America/New_York", 2026, 12, 31, 23, 59))
    assert (span.id, span.end_s) == ("M2026-12", epoch("America/New_York", 2027, 1, 1))


def test_total_has_no_end() -> None:
    """A total cap is one window for ever."""
    (span,) = candidates(Window.TOTAL, "UTC", 1_800_000_000)
    assert (span.id, span.start_s, span.end_s) == ("T", 0, 0)

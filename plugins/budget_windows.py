"""The windows of a cap: hour, day, calendar month and total, in the tenant's time zone.

A window is named by its local date, so the same day keeps its counters when a tenant's zone is changed in
the config. Hours carry the UTC offset too, because the hour that a clock change repeats is two windows. A day
with a clock change has 23 or 25 hours. The ledger is given the windows around the client's clock and picks
the one that holds the server's time, hence `candidates`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from plugins.values import Window

LETTERS = {Window.HOUR: "H", Window.DAY: "D", Window.MONTH: "M", Window.TOTAL: "T"}
WINDOWS = {letter: window for window, letter in LETTERS.items()}
_HOUR_S = 3600
_BUCKET_S = 900  # every zone in use today is at a multiple of 15 minutes from UTC


@dataclass(frozen=True, slots=True)
class Span:
    """One window: epoch seconds [start_s, end_s). `Window.TOTAL` has no label and 0 for both ends."""

    window: Window
    label: str
    start_s: int
    end_s: int

    @property
    def id(self) -> str:
        """Its name in keys and ledger entries: 'D2026-05-01', 'M2026-05', 'H2026-05-01T13+0200', 'T'."""
        return f"{LETTERS[self.window]}{self.label}"


def span_at(window: Window, timezone: str, at_s: int) -> Span:
    """The window that holds the instant `at_s` (epoch seconds). ZoneInfoNotFoundError for an unknown zone."""
    if window is Window.TOTAL:
        return Span(window, "", 0, 0)
    zone = ZoneInfo(timezone)
    local = datetime.fromtimestamp(at_s, zone)
    if window is Window.HOUR:
        return _hour(zone, local, at_s)
    first, following, label = _calendar(window, local.date())
    return Span(window, label, _midnight(zone, first), _midnight(zone, following))


def candidates(window: Window, timezone: str, now_s: int) -> tuple[Span, ...]:
    """The window at `now_s` with the one before and the one after, in time order."""
    return _candidates(window, timezone, now_s // _BUCKET_S)


@lru_cache(maxsize=4096)
def _candidates(window: Window, timezone: str, bucket: int) -> tuple[Span, ...]:
    now = span_at(window, timezone, bucket * _BUCKET_S)
    if window is Window.TOTAL:
        return (now,)
    return span_at(window, timezone, now.start_s - 1), now, span_at(window, timezone, now.end_s)


def _calendar(window: Window, day: date) -> tuple[date, date, str]:
    """First day, the day after the last, and the label."""
    if window is Window.DAY:
        return day, day + timedelta(days=1), f"{day:%Y-%m-%d}"
    first = day.replace(day=1)
    return first, (first + timedelta(days=32)).replace(day=1), f"{day:%Y-%m}"


def _midnight(zone: ZoneInfo, day: date) -> int:
    """The instant a local day begins: the change itself where one skips midnight, the first of two."""
    return int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp())


def _hour(zone: ZoneInfo, local: datetime, at_s: int) -> Span:
    """The clock hour, cut where the UTC offset changes inside it (Lord Howe Island moves by half an hour)."""
    offset_s = _offset_s(zone, at_s)
    start_s = at_s - (at_s + offset_s) % _HOUR_S
    end_s = start_s + _HOUR_S
    if _offset_s(zone, start_s) != offset_s:
        start_s = _change_s(zone, start_s, at_s)
    if _offset_s(zone, end_s - 1) != offset_s:
        end_s = _change_s(zone, at_s, end_s - 1)
    return Span(Window.HOUR, f"{local:%Y-%m-%dT%H%z}", start_s, end_s)


def _offset_s(zone: ZoneInfo, at_s: int) -> int:
    offset = datetime.fromtimestamp(at_s, zone).utcoffset()
    return int(offset.total_seconds()) if offset is not None else 0


def _change_s(zone: ZoneInfo, before_s: int, after_s: int) -> int:
    """The first second with the offset of `after_s`; `before_s` has another one."""
    new = _offset_s(zone, after_s)
    while after_s - before_s > 1:
        middle_s = (before_s + after_s) // 2
        if _offset_s(zone, middle_s) == new:
            after_s = middle_s
        else:
            before_s = middle_s
    return after_s

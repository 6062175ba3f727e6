"""Small inline SVG charts. Each is 400 units wide, as wide as a phone, so that text stays readable."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

WIDTH: Final = 400
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 10, 12, 24
_HEIGHT = 220
_BAR_STEP = 38
_CAP_STEP = 54  # name and amount on a line each: together they are too long for a phone
SERIES_COLOURS: Final = 8


@dataclass(frozen=True, slots=True)
class Bar:
    """One horizontal bar: its label, its value (>= 0) and the value in words."""

    label: str
    value: float
    text: str


@dataclass(frozen=True, slots=True)
class CapBar:
    """Spent and expected against a limit, in the same unit; `expected` may be unknown."""

    label: str
    spent: float
    expected: float | None
    limit: float
    text: str


@dataclass(frozen=True, slots=True)
class Series:
    """One value per place on the time axis; None leaves a gap. `colour` is an index into the palette."""

    name: str
    values: Sequence[float | None]
    colour: int


@dataclass(frozen=True, slots=True)
class Axis:
    """The labels of the places, and how a value is written."""

    labels: Sequence[str]
    unit: str  # "$", "%" or "ms"


def horizontal_bars(title: str, bars: Sequence[Bar]) -> str:
    """Bars under their labels, the longest as wide as the chart."""
    longest = max((bar.value for bar in bars), default=0) or 1
    rows = []
    for number, bar in enumerate(bars):
        y = number * _BAR_STEP
        width = max(2.0, bar.value / longest * WIDTH)
        rows.append(
            f'<text x="0" y="{y + 13}">{escape(_short(bar.label))}</text>'
            f'<text x="{WIDTH}" y="{y + 13}" text-anchor="end" class="value">{escape(bar.text)}</text>'
            f'<rect x="0" y="{y + 19}" width="{WIDTH}" height="9" rx="3" class="track"/>'
            f'<rect x="0" y="{y + 19}" width="{width:.1f}" height="9" rx="3" class="c0">'
            f"<title>{escape(bar.label)}: {escape(bar.text)}</title></rect>"
        )
    return _svg(title, max(1, len(bars)) * _BAR_STEP - 6, "".join(rows))


def cap_bars(title: str, bars: Sequence[CapBar]) -> str:
    """One bar per cap, each on its own scale: what is spent, what is expected, and a line at the limit."""
    rows = []
    for number, bar in enumerate(bars):
        y, expected = number * _CAP_STEP, max(bar.spent, bar.expected or 0)
        scale = (WIDTH - 2) / (max(bar.limit, expected) or 1)
        colour = "over" if expected > bar.limit else "c0"
        at = bar.limit * scale
        rows.append(
            f'<text x="0" y="{y + 13}">{escape(bar.label)}</text>'
            f'<text x="{WIDTH}" y="{y + 28}" text-anchor="end" class="value">{escape(bar.text)}</text>'
            f'<rect x="0" y="{y + 35}" width="{WIDTH}" height="9" rx="3" class="track"/>'
            f'<rect x="0" y="{y + 35}" width="{expected * scale:.1f}" height="9" rx="3" class="{colour} later"/>'
            f'<rect x="0" y="{y + 35}" width="{bar.spent * scale:.1f}" height="9" rx="3" class="{colour}">'
            f"<title>{escape(bar.label)}: {escape(bar.text)}</title></rect>"
            f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{y + 32}" y2="{y + 47}" class="limit"/>'
        )
    return _svg(title, max(1, len(bars)) * _CAP_STEP, "".join(rows))


def stacked_columns(title: str, axis: Axis, series: Sequence[Series]) -> str:
    """One column per place, its series on top of each other."""
    places = len(axis.labels)
    heights = [sum(s.values[place] or 0 for s in series) for place in range(places)]
    top = nice_ceiling(max(heights, default=0))
    slot = (WIDTH - _LEFT - _RIGHT) / max(1, places)
    drawn = []
    for place in range(places):
        below = 0.0
        for part in series:
            value = part.values[place] or 0
            if value <= 0:
                continue
            y, low = _y(below + value, top), _y(below, top)
            drawn.append(
                f'<rect x="{_LEFT + place * slot + slot * 0.1:.1f}" y="{y:.1f}" width="{slot * 0.8:.1f}" '
                f'height="{low - y:.1f}" class="c{part.colour}"><title>{escape(axis.labels[place])}, '
                f"{escape(part.name)}: {_tick(value, axis.unit)}</title></rect>"
            )
            below += value
    return _svg(title, _HEIGHT, _grid(axis, top) + "".join(drawn))


def lines(title: str, axis: Axis, series: Sequence[Series]) -> str:
    """One line per series, broken where there is no value; every value has a point."""
    places = len(axis.labels)
    top = nice_ceiling(max((value for s in series for value in s.values if value is not None), default=0))
    slot = (WIDTH - _LEFT - _RIGHT) / max(1, places)
    drawn = []
    for part in series:
        path, pen_down = [], False
        for place, value in enumerate(part.values):
            if value is None:
                pen_down = False
                continue
            x, y = _LEFT + (place + 0.5) * slot, _y(value, top)
            path.append(f"{'L' if pen_down else 'M'}{x:.1f} {y:.1f}")
            pen_down = True
            said = f"{axis.labels[place]}, {part.name}: {_tick(value, axis.unit)}"
            drawn.append(
                f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.2" class="c{part.colour}">'
                f"<title>{escape(said)}</title></circle>"
            )
        drawn.append(f'<path d="{" ".join(path)}" class="line s{part.colour}"/>')
    return _svg(title, _HEIGHT, _grid(axis, top) + "".join(drawn))


def legend(series: Sequence[Series]) -> str:
    """The names of the series beside their colours, as HTML."""
    keys = (f'<li><i class="b{part.colour}"></i>{escape(part.name)}</li>' for part in series)
    return f'<ul class="legend">{"".join(keys)}</ul>'


def nice_ceiling(value: float) -> float:
    """The least 1, 2, 3, 4, 6, 8 or 10 times a power of ten not below `value` (its quarters are short)."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 3, 4, 6, 8, 10) if step * power >= value * (1 - 1e-9))


def _grid(axis: Axis, top: float) -> str:
    drawn = []
    for quarter in range(5):
        value = top * quarter / 4
        y = _y(value, top)
        drawn.append(
            f'<line x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}" class="grid"/>'
            f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{_tick(value, axis.unit)}</text>'
        )
    places = len(axis.labels)
    slot = (WIDTH - _LEFT - _RIGHT) / max(1, places)
    for place in range(0, places, max(1, math.ceil(places / 5))):
        x = min(WIDTH - 30.0, _LEFT + (place + 0.5) * slot)
        drawn.append(f'<text x="{x:.1f}" y="{_HEIGHT - 6}" text-anchor="middle">{escape(axis.labels[place])}</text>')
    return "".join(drawn)


def _y(value: float, top: float) -> float:
    return _TOP + (1 - value / top) * (_HEIGHT - _TOP - _BOTTOM)


def _tick(value: float, unit: str) -> str:
    if unit == "$":
        return f"${value:,.0f}" if value >= 100 else f"${value:.2f}" if value >= 0.1 else f"${value:.4g}"
    if unit == "%":
        return f"{value * 100:.3g}%"
    return f"{value / 1000:.3g} s" if value >= 1000 else f"{value:.3g} ms"


def _short(label: str) -> str:
    return label if len(label) <= 34 else label[:33] + "\u2026"


def _svg(title: str, height: float, content: str) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{escape(title)}">'
        f"<title>{escape(title)}</title>{content}</svg>"
    )

"""Inline SVG for the report: cost against quality, and differences with the margin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

WIDTH: Final = 520
_COLOURS: Final = ("#1f6feb", "#d1242f", "#1a7f37", "#9a6700", "#8250df", "#57606a")
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 16, 14, 36
_LABEL_WIDTH: Final = 110
_LINE: Final = 14


@dataclass(frozen=True, slots=True)
class Point:
    """One arm: cost in dollars a call, quality 0..1 with its interval."""

    name: str
    cost: float
    quality: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Bar:
    """One difference in points (0..1 scale) with its interval, and the decision."""

    name: str
    difference: float
    low: float
    high: float
    decision: str


def cost_quality(points: Sequence[Point], line: tuple[Point, Point] | None) -> str:
    """Quality over cost, with intervals; the dashed line is what a content-blind mix reaches."""
    height = 300
    most = max((p.cost for p in points), default=0.0) or 1.0
    low = min((p.low for p in points), default=0.0)
    high = max((p.high for p in points), default=1.0)
    span = max(high - low, 0.02)

    def x(cost: float) -> float:
        return _LEFT + cost / most * (WIDTH - _LEFT - _RIGHT - 110)

    def y(quality: float) -> float:
        return height - _BOTTOM - (quality - low) / span * (height - _TOP - _BOTTOM)

    parts = [_frame(height)]
    for share in (0.0, 0.5, 1.0):
        level = low + share * span
        parts.append(_text(_LEFT - 6, y(level) + 4, f"{100 * level:.1f}", "end"))
        parts.append(_text(x(share * most), height - _BOTTOM + 16, f"{share * most:.2g}", "middle"))
    parts.append(_text(WIDTH / 2, height - 4, "dollars a call; upwards: quality in points", "middle"))
    if line:
        ends = " ".join(f"{x(p.cost):.1f},{y(p.quality):.1f}" for p in line)
        parts.append(f'<polyline points="{ends}" fill="none" stroke="#57606a" stroke-dasharray="5 4"/>')
    labels = _apart([(x(p.cost), y(p.quality) - 6) for p in points])
    for number, p in enumerate(points):
        colour, at = _COLOURS[number % len(_COLOURS)], x(p.cost)
        parts.append(f'<path d="M{at:.1f} {y(p.low):.1f}V{y(p.high):.1f}" stroke="{colour}" stroke-width="2"/>')
        parts.append(f'<circle cx="{at:.1f}" cy="{y(p.quality):.1f}" r="5" fill="{colour}"/>')
        parts.append(_text(at + 9, labels[number], p.name[:20], "start", colour))
    return _svg("Quality and cost of each arm", height, parts)


def _apart(spots: Sequence[tuple[float, float]]) -> list[float]:
    """Heights for the labels at these (x, y), moved down until none lies on another."""
    heights: list[float] = []
    for place, (at, height) in enumerate(spots):
        beside = [heights[other] for other in range(place) if abs(spots[other][0] - at) < _LABEL_WIDTH]
        while any(abs(height - other) < _LINE for other in beside):
            height += _LINE
        heights.append(height)
    return heights


def differences(bars: Sequence[Bar], margin: float) -> str:
    """Candidate minus baseline by task class: right of the dashed line is within the margin."""
    step, top = 26, 18
    height = top + step * len(bars) + 34
    reach = max([margin * 2, *(abs(end) for bar in bars for end in (bar.low, bar.high) if end == end)])
    reach = min(reach, 1.0)

    def x(value: float) -> float:
        return 150 + (max(-reach, min(reach, value)) + reach) / (2 * reach) * (WIDTH - 150 - _RIGHT)

    parts = [
        f'<path d="M{x(0):.1f} {top - 8}V{height - 28}" stroke="#57606a"/>',
        f'<path d="M{x(-margin):.1f} {top - 8}V{height - 28}" stroke="#d1242f" stroke-dasharray="5 4"/>',
    ]
    colours = {"ship": "#1a7f37", "do_not_ship": "#d1242f"}
    for number, bar in enumerate(bars):
        y = top + number * step + 8
        colour = colours.get(bar.decision, "#9a6700")
        parts.append(_text(142, y + 4, bar.name[:22], "end"))
        parts.append(f'<path d="M{x(bar.low):.1f} {y}H{x(bar.high):.1f}" stroke="{colour}" stroke-width="3"/>')
        parts.append(f'<circle cx="{x(bar.difference):.1f}" cy="{y}" r="5" fill="{colour}"/>')
    marks = ((-reach, "start"), (0.0, "middle"), (reach, "end"))
    parts += [_text(x(value), height - 14, f"{100 * value:+.1f}" if value else "0", anchor) for value, anchor in marks]
    return _svg(f"Difference to the baseline in points; dashed: the margin of {100 * margin:.1f}", height, parts)


def _frame(height: int) -> str:
    return f'<path d="M{_LEFT} {_TOP}V{height - _BOTTOM}H{WIDTH - _RIGHT}" fill="none" stroke="#8c959f"/>'


def _text(x: float, y: float, text: str, anchor: str, colour: str = "currentColor") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{escape(text)}</text>'


def _svg(title: str, height: int, parts: Sequence[str]) -> str:
    head = f'<svg viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" role="img" aria-label="{escape(title)}">'
    return f"<figure><figcaption>{escape(title)}</figcaption>{head}{''.join(parts)}</svg></figure>"

"""The report: one self-contained HTML page. It shows figures alone, no question and no answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any, Final

from classifier.proof.analysis import MIX
from classifier.proof.plots import Bar, Point, cost_quality, differences

_STYLE: Final = """:root{color-scheme:light dark}
body{font:14px/1.5 system-ui,sans-serif;max-width:88rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;margin:.8rem 0;display:block;overflow-x:auto}
td,th{border:1px solid #8c959f66;padding:.25rem .6rem;text-align:right;white-space:nowrap}
td small{opacity:.75}td:first-child,th:first-child,td.words,th.words{text-align:left}
td.long{white-space:normal;min-width:14rem}td:first-child{white-space:normal;min-width:7rem}
figure{display:inline-block;margin:.5rem 1rem .5rem 0;max-width:100%}svg{max-width:100%;height:auto}
svg text{font:12px system-ui,sans-serif}.ship{color:#1a7f37}.do_not_ship{color:#d1242f}.not_enough_data{color:#9a6700}
.big{font-size:1.4rem;font-weight:600}"""
NO_MIX: Final = (
    "No random mix to compare with: it needs a tier cheaper than the baseline beside the candidate (--other)."
)
_FIGURE_CHARS: Final = 16
_PROPOSED: Final = "cheapest that may ship"  # of all arms
_WORDS: Final = ("verdict", "reason", "answered by", _PROPOSED)  # columns that hold words and no figures
_SAY: Final = {"ship": "Ship", "do_not_ship": "Do not ship", "not_enough_data": "Not enough data"}


def render(found: Mapping[str, Any]) -> str:
    """The page for the result of `analyse`."""
    decision, parts = str(found["decision"]), {"All task classes": found["overall"], **found["by_task"]}
    head = (
        f'<p class="big {decision}">{_SAY[decision]}: {escape(found["candidate"])} '
        f"instead of {escape(found['baseline'])}</p>{_terms(found)}"
    )
    bars = [_bar(name, part["verdicts"][found["candidate"]]) for name, part in found["by_task"].items()]
    body = head + _summary(found) + differences(bars, found["margin"])
    for number, (name, part) in enumerate(parts.items()):
        body += f'<h2 id="part{number}">{escape(name)}</h2>' + _part(part, found["baseline"])
    title = "Quality evaluation"
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{title}</title><style>{_STYLE}</style><h1>{title}</h1>{body}</html>\n"
    )


def _terms(found: Mapping[str, Any]) -> str:
    looks = "as often as you like" if found["many_looks"] else "once"
    words = [
        f"Stated beforehand: a loss of at most {100 * found['margin']:.1f} points is accepted; each of the two "
        f"decisions is wrong with a chance of at most {100 * found['alpha']:.0f} %; the data may be looked at {looks}.",
        "Intervals are 95 % bootstrap intervals over items, those of differences belong to the test; a decision looks "
        "at one side alone, so that an interval may reach a little past the margin where it was shown.",
    ]
    if found["stopped"]:
        words.append(f"The run stopped early: {found['stopped']}.")
    if agreed := found["judge"]:
        share, ends = agreed["agreement"], agreed["agreement_ci"]
        kappa = "" if agreed["kappa"] is None else f" (kappa {agreed['kappa']:.2f})"
        words.append(
            f"The judge ({agreed['model']}) agrees with people on {_percent(share)} ({_percent(ends[0])} to "
            f"{_percent(ends[1])}) of {agreed['n']} comparisons{kappa}, and keeps its opinion in "
            f"{_percent(agreed['steady'])} when positions are swapped; "
            f"it is {'believed' if agreed['believed'] else 'not believed'}."
        )
    return "".join(f"<p>{escape(text)}</p>" for text in words)


def _summary(found: Mapping[str, Any]) -> str:
    """The candidate's verdict by task class: all that most readers want."""
    rows = []
    for name, part in found["by_task"].items():
        verdict, arm = part["verdicts"][found["candidate"]], part["arms"][found["candidate"]]
        low, high = verdict["interval"]
        difference = f"{_points(verdict['difference'])} ({_points(low)} to {_points(high)})"
        rows.append(
            [name, _SAY[str(verdict["decision"])], difference, _spread(arm, "saved", _percent), part["proposed"]]
        )
    return _table(("task class", "verdict", "difference, points", "saved", _PROPOSED), rows)


def _part(part: Mapping[str, Any], baseline: str) -> str:
    arms, mix = part["arms"], part[MIX]
    rows = [_arm_row(name, arm) for name, arm in arms.items()]
    if mix:
        mixed = [f"random mix with {mix['cheap']}, same cost", _spread(mix, "quality", _points)]
        rows.append([*mixed, *("" for _ in range(6))])
    head = (
        "arm",
        "quality, points",
        "cost, USD a call",
        "saved",
        "latency p50, ms",
        "latency p95, ms",
        "failed",
        "answered by",
    )
    text = f"<p>{part['compared']} of {part['items']} items compared.</p>" + _table(head, rows)
    if mix and mix["candidate_over_mix"] is not None:
        text += f"<p>The candidate over the mix of the same cost: {_spread(mix, 'candidate_over_mix', _points)}.</p>"
    elif not mix:
        text += f"<p>{NO_MIX}</p>"
    named = ("arm", "verdict", "difference, points", "p ship", "p do not ship", "McNemar p", "more needed", "reason")
    text += _table(named, [_verdict_row(name, verdict) for name, verdict in part["verdicts"].items()])
    return text + (_cost_quality(arms, mix, baseline) if part["compared"] > 1 else "")


def _cost_quality(arms: Mapping[str, Any], mix: Mapping[str, Any] | None, baseline: str) -> str:
    points = [Point(name, arm["cost_usd"], arm["quality"], *arm["quality_ci"]) for name, arm in arms.items()]
    named = {point.name: point for point in points}
    return cost_quality(points, (named[mix["cheap"]], named[baseline]) if mix else None)


def _bar(name: str, verdict: Mapping[str, Any]) -> Bar:
    low, high = verdict["interval"]
    return Bar(name, verdict["difference"], low, high, str(verdict["decision"]))


def _arm_row(name: str, arm: Mapping[str, Any]) -> list[str]:
    return [
        name,
        _spread(arm, "quality", _points),
        _spread(arm, "cost_usd", lambda value: f"{value:.6f}"),
        _spread(arm, "saved", _percent),
        _spread(arm, "latency_p50_ms", lambda value: f"{value:.0f}"),
        _spread(arm, "latency_p95_ms", lambda value: f"{value:.0f}"),
        str(arm["failed"]),
        _answerers(arm),
    ]


def _answerers(arm: Mapping[str, Any]) -> str:
    shares = ", ".join(f"{tier} {_percent(share)}" for tier, share in arm["tiers"].items()) or "-"
    return f"{shares}; escalated {_percent(arm['escalated'])}" if arm["escalated"] else shares


def _verdict_row(name: str, verdict: Mapping[str, Any]) -> list[str]:
    low, high = verdict["interval"]
    p_values = [verdict["p_ship"], verdict["p_do_not_ship"], verdict["mcnemar_p"]]
    return [
        name,
        _SAY[str(verdict["decision"])],
        f"{_points(verdict['difference'])} ({_points(low)} to {_points(high)})",
        *("" if p is None else f"{p:.4f}" for p in p_values),
        "" if verdict["more_needed"] is None else str(verdict["more_needed"]),
        verdict["reason"],
    ]


def _spread(values: Mapping[str, Any], name: str, say: Callable[[float], str]) -> str:
    point, ends = values[name], values[f"{name}_ci"]
    if point is None:
        return "-"
    return say(point) + (f" ({say(ends[0])} to {say(ends[1])})" if ends else "")


def _points(value: float) -> str:
    return f"{100 * value:.1f}"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f} %"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    marks = [' class="words"' if name in _WORDS else "" for name in head]
    top = "".join(f"<th{mark}>{escape(name)}</th>" for name, mark in zip(head, marks, strict=True))
    cells = ("".join(_cell(cell, bool(mark)) for cell, mark in zip(row, marks, strict=True)) for row in rows)
    return f"<table><tr>{top}</tr>{''.join(f'<tr>{row}</tr>' for row in cells)}</table>"


def _cell(text: str, words: bool) -> str:
    """A figure's interval stands below it, so that the table fits a laptop."""
    point, opened, ends = text.partition(" (")
    if opened and " to " in ends and len(point) < _FIGURE_CHARS:
        return f"<td>{escape(point)}<br><small>{escape(ends.removesuffix(')'))}</small></td>"
    kind = " long" if len(text) > 40 else ""
    return f'<td class="words{kind}">{escape(text)}</td>' if words else f"<td>{escape(text)}</td>"

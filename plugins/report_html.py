"""The report as one self-contained HTML page: no script, no font, nothing loaded from anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape

from plugins.forecast import CapForecast
from plugins.report import DEFAULT_BY, Request, Timeline, Totals, group_by, timeline, total_of
from plugins.report_svg import (
    SERIES_COLOURS,
    Axis,
    Bar,
    CapBar,
    Series,
    cap_bars,
    horizontal_bars,
    legend,
    lines,
    stacked_columns,
)
from plugins.values import MICROS_PER_USD

_TOP_BARS = 8
_TOP_ROWS = 40
_COLOURS = (  # Okabe and Ito's palette, distinguishable with every kind of colour vision
    *("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00"),
    *("#b8a900", "#7f7f7f"),
)
STYLE = """
:root{--bg:#f6f7f9;--card:#fff;--text:#1c2430;--dim:#5b6675;--grid:#dfe4ea;--track:#eef1f5}
@media(prefers-color-scheme:dark){:root{--bg:#12161c;--card:#1b212a;--text:#e6eaf0;--dim:#9aa6b5;
--grid:#303947;--track:#262e39}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--text);font:15px/1.45 system-ui,sans-serif}
main{max-width:1240px;margin:0 auto;padding:20px 16px 40px}
h1{font-size:1.5rem;margin:0}h2{font-size:1rem;margin:0 0 10px}p{margin:.2rem 0 0;color:var(--dim)}
.cards,.charts{display:grid;gap:14px;margin-top:16px}
.cards{grid-template-columns:repeat(2,1fr)}
section,.cards div{background:var(--card);border-radius:10px;padding:14px 16px;
box-shadow:0 1px 2px #0002;min-width:0}
.cards b{display:block;font-size:1.15rem;font-variant-numeric:tabular-nums}
.cards span,.note{color:var(--dim);font-size:.85rem}
svg{display:block;width:100%;height:auto;overflow:visible}
svg text{font-size:13px;fill:var(--dim)}
@media(min-width:760px){.cards{grid-template-columns:repeat(4,1fr)}.cards b{font-size:1.35rem}
.charts{grid-template-columns:repeat(2,1fr)}svg text{font-size:9px}}
svg text.value{fill:var(--text)}
.later{opacity:.35}.over{fill:#d55e00}.limit{stroke:var(--text);stroke-width:2}
.grid{stroke:var(--grid)}.track{fill:var(--track)}.line{fill:none;stroke-width:1.8}
.legend{display:flex;flex-wrap:wrap;gap:2px 14px;list-style:none;margin:8px 0 0;padding:0;font-size:.85rem}
.legend i{display:inline-block;width:10px;height:10px;border-radius:2px;margin-right:5px}
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:.87rem}
th,td{padding:5px 7px;text-align:right;white-space:nowrap;border-bottom:1px solid var(--grid);
font-variant-numeric:tabular-nums}
th{color:var(--dim);font-weight:600}.name{text-align:left;white-space:normal;min-width:10em}
tr.total td{font-weight:700;border-bottom:0}
.wide{margin-top:16px}
"""


def palette() -> str:
    """The colours of series, as classes for fills, lines and keys."""
    return "".join(f".c{n}{{fill:{c}}}.s{n}{{stroke:{c}}}.b{n}{{background:{c}}}" for n, c in enumerate(_COLOURS))


def page(requests: Sequence[Request], now: datetime, caps: Sequence[CapForecast] = ()) -> str:
    """The whole page for at least one request; `caps` are shown with their forecast, if any are known."""
    totals = total_of(requests)
    over_time = timeline(requests, "tier")
    first, last = min(r.started_ns for r in requests), max(r.started_ns for r in requests)
    period = f"{_moment(first // 10**9)} to {_moment(last // 10**9)} UTC"
    charts = "".join([*_time_charts(over_time), _caps(caps), *(_spend_by(requests, name) for name in DEFAULT_BY)])
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>Tierwise cost report</title><style>{STYLE}{palette()}</style></head><body><main>"
        f"<h1>Tierwise cost report</h1><p>{escape(period)}, made {_moment(int(now.timestamp()))} UTC</p>"
        f'<div class="cards">{_cards(totals)}</div><div class="charts">{charts}</div>'
        f'<section class="wide"><h2>Cost per tenant, app, task and tier</h2>{_table(requests, totals)}'
        "</section></main></body></html>\n"
    )


def usd(amount_micros: int) -> str:
    """Dollars for people: whole cents from ten cents on, below that as many digits as it takes."""
    dollars = amount_micros / MICROS_PER_USD
    if abs(dollars) >= 0.1 or not dollars:
        return f"${dollars:,.2f}"
    return f"${dollars:.4f}" if abs(dollars) >= 0.001 else f"${dollars:.6f}"


def milliseconds(value: float | None) -> str:
    """A latency for people; a dash if there is none."""
    if value is None:
        return "\u2013"
    return f"{value / 1000:.2f}\u00a0s" if value >= 1000 else f"{value:.0f}\u00a0ms"


def _cards(totals: Totals) -> str:
    cached = totals.outcomes.get("cached", 0)
    would_be = totals.cost_micros + totals.saved_micros
    saved_share = f" ({totals.saved_micros / would_be:.0%})" if would_be else ""
    price = totals.micros_per_answer
    per_answer = "\u2013" if price is None else usd(round(price))
    rate = totals.escalation_rate
    facts = (
        ("Spend", usd(totals.cost_micros)),
        ("Saved against the baseline", usd(totals.saved_micros) + saved_share),
        ("Requests", f"{totals.requests:,}"),
        ("Answered from the cache", f"{cached / totals.requests:.0%}"),
        ("Cost per answer", per_answer),
        ("Refused / failed", f"{totals.outcomes.get('refused', 0):,} / {totals.outcomes.get('failed', 0):,}"),
        ("Escalated", "\u2013" if rate is None else f"{rate:.1%}"),
        ("Latency p50 / p95", f"{milliseconds(totals.latency_ms(0.5))} / {_p95(totals)}"),
    )
    return "".join(f"<div><b>{escape(value)}</b><span>{escape(name)}</span></div>" for name, value in facts)


def _p95(totals: Totals) -> str:
    return milliseconds(totals.latency_ms(0.95))


def _time_charts(found: Timeline) -> list[str]:
    form = "%d %b" if found.width_s >= 86_400 else "%H:%M" if len(found.starts_s) <= 24 else "%d %Hh"
    labels = [datetime.fromtimestamp(start, UTC).strftime(form) for start in found.starts_s]
    spend = _parts(found)
    paid = Series("spent", [t.cost_micros / MICROS_PER_USD for t in found.totals], 0)
    routed = [max(0, t.saved_micros - t.cache_saved_micros) / MICROS_PER_USD for t in found.totals]
    cached = [max(0, t.cache_saved_micros) / MICROS_PER_USD for t in found.totals]
    bill = [paid, Series("saved by routing", routed, 2), Series("saved by the cache", cached, 4)]
    prices = [None if t.micros_per_answer is None else t.micros_per_answer / MICROS_PER_USD for t in found.totals]
    each = Series("dollars per answer", prices, 3)
    rate = Series("escalated", [t.escalation_rate for t in found.totals], 5)
    latency = [
        Series("p50", [t.latency_ms(0.5) for t in found.totals], 0),
        Series("p95", [t.latency_ms(0.95) for t in found.totals], 1),
    ]
    money, share, times = Axis(labels, "$"), Axis(labels, "%"), Axis(labels, "ms")
    return [
        _card("Spend over time", stacked_columns("Spend over time, by tier", money, spend) + legend(spend)),
        _card("Savings", stacked_columns("Spent and saved", money, bill) + legend(bill)),
        _card("Cost per answer", lines("Cost per answer over time", money, [each]) + legend([each])),
        _card("Escalation rate", lines("Escalation rate over time", share, [rate]) + legend([rate])),
        _card("Latency", lines("Latency percentiles over time", times, latency) + legend(latency)),
    ]


def _parts(found: Timeline) -> list[Series]:
    """Spend by tier; tiers beyond the palette are one series."""
    ranked = sorted(found.parts, key=lambda name: (-sum(t.cost_micros for t in found.parts[name]), name))
    ranked = [name for name in ranked if any(t.cost_micros for t in found.parts[name])] or ranked[:1]
    shown, rest = ranked[: SERIES_COLOURS - 1], ranked[SERIES_COLOURS - 1 :]
    series = [
        Series(name, [t.cost_micros / MICROS_PER_USD for t in found.parts[name]], number)
        for number, name in enumerate(shown)
    ]
    if rest:
        columns = zip(*(found.parts[name] for name in rest), strict=True)
        others = [sum(t.cost_micros for t in column) / MICROS_PER_USD for column in columns]
        series.append(Series("other", others, SERIES_COLOURS - 1))
    return series


def _spend_by(requests: Sequence[Request], dimension: str) -> str:
    groups = group_by(requests, (dimension,))
    bars = [
        Bar(
            group.key[0],
            group.totals.cost_micros,
            f"{usd(group.totals.cost_micros)} \u00b7 {_count(group.totals)}",
        )
        for group in groups[:_TOP_BARS]
    ]
    more = len(groups) - _TOP_BARS
    note = f'<p class="note">and {more} more</p>' if more > 0 else ""
    return _card(f"Spend by {dimension}", horizontal_bars(f"Spend by {dimension}", bars) + note)


def _caps(caps: Sequence[CapForecast]) -> str:
    """Spend against caps, with where each will stand at the end of its window."""
    if not caps:
        return ""
    bars = [CapBar(cap.name, cap.spent_micros, cap.forecast_micros, cap.limit_micros, _cap_text(cap)) for cap in caps]
    more = len(bars) - _TOP_BARS
    note = "Light: expected at the end of the window, if spending goes on as in the last seven days. "
    note += "Line: the cap. Orange: it will not be enough."
    note += f" And {more} emptier caps." if more > 0 else ""
    drawn = cap_bars("Spend against caps", bars[:_TOP_BARS])
    return _card("Spend against caps", f'{drawn}<p class="note">{note}</p>')


def _cap_text(cap: CapForecast) -> str:
    told = f"{usd(cap.spent_micros)} of {usd(cap.limit_micros)}"
    return told if cap.forecast_micros is None else f"{told}, expected {usd(cap.forecast_micros)}"


def _count(totals: Totals) -> str:
    return f"{totals.requests:,} request" + ("" if totals.requests == 1 else "s")


def _table(requests: Sequence[Request], totals: Totals) -> str:
    groups = group_by(requests, DEFAULT_BY)
    head = ("spend", "saved", "requests", "cached", "refused", "failed", "tokens", "p50", "p95")
    rows = [_row(group.key, group.totals) for group in groups[:_TOP_ROWS]]
    more = len(groups) - _TOP_ROWS
    note = f'<p class="note">{more} cheaper rows are in the CSV and JSON reports.</p>' if more > 0 else ""
    cells = f'<th class="name">{" / ".join(DEFAULT_BY)}</th>' + "".join(f"<th>{name}</th>" for name in head)
    last = _row(("all",), totals, "total")
    return f'<div class="scroll"><table><tr>{cells}</tr>{"".join(rows)}{last}</table></div>{note}'


def _row(key: Sequence[str], totals: Totals, css: str = "") -> str:
    values = (
        usd(totals.cost_micros),
        usd(totals.saved_micros),
        f"{totals.requests:,}",
        *(f"{totals.outcomes.get(name, 0):,}" for name in ("cached", "refused", "failed")),
        f"{totals.input_tokens + totals.output_tokens:,}",
        milliseconds(totals.latency_ms(0.5)),
        _p95(totals),
    )
    name = f'<td class="name">{escape(" / ".join(key))}</td>'
    return f'<tr class="{css}">{name}{"".join(f"<td>{value}</td>" for value in values)}</tr>'


def _card(title: str, content: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{content}</section>"


def _moment(epoch_s: int) -> str:
    return datetime.fromtimestamp(epoch_s, UTC).strftime("%Y-%m-%d %H:%M")

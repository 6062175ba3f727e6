"""The figures of `bench.overhead` as one self-contained HTML page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape
from pathlib import Path
from typing import Any

from plugins.report_html import STYLE, palette
from plugins.report_svg import Bar, horizontal_bars

Json = dict[str, Any]
COLUMNS = (
    *(("p50 ms", "p50_ms"), ("p95 ms", "p95_ms"), ("p99 ms", "p99_ms"), ("first byte ms", "first_byte_p50_ms")),
    ("one client p50 ms", "one_client_p50_ms"),
    *(("answers/s", "rps_ceiling"), ("CPU ms", "cpu_ms"), ("RSS MB", "rss_mb"), ("Redis trips", "redis_round_trips")),
    *(("added p50 ms", "added_p50_ms"), ("added first byte ms", "added_first_byte_ms")),
    *(("throughput ratio", "throughput_ratio"), ("failed", "failed")),
)
WIDE = {"provider alone"}  # would flatten every other bar of throughput


def write_page(result: Json, path: Path) -> None:
    """Write the page; `result` is what `bench.overhead --json` prints."""
    arms: Mapping[str, Json] = result["arms"]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_page(result, arms), encoding="utf-8")


def _page(result: Json, arms: Mapping[str, Json]) -> str:
    charts = (
        _chart("Median latency, open loop", arms, lambda row: row["p50_ms"], "{:.2f} ms"),
        _chart("99th percentile", arms, lambda row: row["p99_ms"], "{:.2f} ms"),
        _chart("Answers a second, 16 clients", _without(arms), lambda row: row["rps_ceiling"], "{:.0f}"),
        _chart("Processor time of the server per answer", arms, lambda row: row["cpu_ms"], "{:.2f} ms"),
        _chart("Resident memory", arms, lambda row: row["rss_mb"] or 0, "{:.0f} MB"),
        _chart("Redis round trips per request", arms, lambda row: row["redis_round_trips"], "{:.2f}"),
    )
    left_out = "".join(f"<p>{escape(name)} did not run: {escape(why)}</p>" for name, why in result["left_out"].items())
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>Tierwise overhead</title><style>{STYLE}{palette()}</style></head><body><main>"
        f"<h1>What the gateway adds</h1><p>{result['rounds']} interleaved rounds; open loop at "
        f"{result['rate_per_s']:g} requests a second, timed from when each was meant to leave; then one client, then "
        f"{result['clients']} clients. Differences are paired by round against vanilla LiteLLM, with intervals of "
        f"95 %.</p>{left_out}"
        f'<div class="charts">{"".join(charts)}</div>'
        f'<section class="wide"><h2>All figures</h2>{_table(arms)}</section></main></body></html>\n'
    )


def _without(arms: Mapping[str, Json]) -> Mapping[str, Json]:
    return {name: row for name, row in arms.items() if name not in WIDE}


def _chart(title: str, arms: Mapping[str, Json], value: Callable[[Json], float], form: str) -> str:
    bars = [Bar(name, float(value(row)), form.format(value(row))) for name, row in arms.items()]
    return f"<section><h2>{escape(title)}</h2>{horizontal_bars(title, bars)}</section>"


def _table(arms: Mapping[str, Json]) -> str:
    head = "".join(f"<th>{escape(title)}</th>" for title, _ in COLUMNS)
    rows = "".join(f'<tr><td class="name">{escape(name)}</td>{_cells(row)}</tr>' for name, row in arms.items())
    return f'<div class="scroll"><table><tr><th class="name">arm</th>{head}</tr>{rows}</table></div>'


def _cells(row: Json) -> str:
    return "".join(f"<td>{_cell(row.get(key))}</td>" for _, key in COLUMNS)


def _cell(value: object) -> str:
    if isinstance(value, list):
        return f"{value[0]:.2f} [{value[1]:.2f}, {value[2]:.2f}]"
    return "" if value is None else f"{value:g}" if isinstance(value, int | float) else escape(str(value))

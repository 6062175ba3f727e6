"""`tierwise report`: cost per tenant, app, task and tier from the trace file, Langfuse or the ledger, reconciled."""

from __future__ import annotations

import csv
import io
import json
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from plugins.books_cli import Books, find_books, reconciliation_line
from plugins.errors import StartError
from plugins.report import (
    DEFAULT_BY,
    Group,
    Reconciliation,
    Request,
    Totals,
    group_by,
    parse_by,
    parse_since,
    request_of,
    total_of,
)
from plugins.report_html import page
from plugins.trace_record import from_record
from plugins.values import MICROS_PER_USD

DEFAULT_TRACES = Path(".tierwise/traces.jsonl")
_NO_TRACES = 1  # exit code
_TABLE_ROWS = 40


class Source(StrEnum):
    """Where a report's numbers come from."""

    FILE = "file"
    LANGFUSE = "langfuse"
    LEDGER = "ledger"


@dataclass(slots=True)
class Reader:
    """Reads trace files one line at a time; `skipped` counts lines that are no trace."""

    since_ns: int = 0
    skipped: int = 0

    def requests(self, paths: Sequence[Path]) -> Iterator[Request]:
        """The requests of all files that began at or after `since_ns`. Raises OSError."""
        for path in paths:
            with path.open(encoding="utf-8", errors="replace") as file:
                for line in file:
                    if found := self._request(line):
                        yield found

    def _request(self, line: str) -> Request | None:
        if not line.strip():
            return None
        try:
            trace = from_record(json.loads(line))
            return request_of(trace) if trace.started_ns >= self.since_ns else None
        except (ValueError, KeyError, TypeError, AttributeError):
            self.skipped += 1
            return None


def with_rotated(path: Path) -> list[Path]:
    """The file and its rotated predecessors (`NAME.2`, `NAME.1`, `NAME`), the oldest first."""
    pattern = re.compile(re.escape(path.name) + r"\.(\d+)")
    old = [(int(m[1]), p) for p in path.parent.glob(f"{path.name}.*") if (m := pattern.fullmatch(p.name))]
    return [p for _, p in sorted(old, reverse=True)] + ([path] if path.exists() else [])


def report(
    traces: Annotated[
        list[Path] | None,
        typer.Option(help="Trace file; may be repeated. Rotated files (NAME.1, ...) are read too."),
    ] = None,
    by: Annotated[
        str, typer.Option(help="Group by these: tenant, app, task, tier, model, feature, outcome, cache.")
    ] = ",".join(DEFAULT_BY),
    since: Annotated[
        str | None, typer.Option(help="Only requests since then: 24h, 7d, or a date such as 2026-05-01.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="CSV on stdout.")] = False,
    html: Annotated[
        Path | None, typer.Option(help="Also write a page with plots to this file.", dir_okay=False)
    ] = None,
    source: Annotated[Source, typer.Option(help="Where the numbers come from.")] = Source.FILE,
    config: Annotated[Path | None, typer.Option("--config", help="The config file.", show_default=False)] = None,
    redis_url: Annotated[
        str | None, typer.Option("--redis-url", envvar="REDIS_URL", help="Instead of gateway.redis_url.")
    ] = None,
) -> None:
    """Show what the requests cost, per tenant, app, task and tier.

    Where the ledger can be asked, a line says whether it charged the same. The ledger knows charged calls only, by
    tenant, app and tier; Langfuse tells no latencies and savings. Exit code 1 if there are no traces, 2 for a
    wrong option.
    """
    if as_json and as_csv:
        raise typer.BadParameter("--json and --csv both write to stdout: choose one")
    now = datetime.now(UTC)
    dimensions, since_ns = _options(by, since, now)
    reader, books = Reader(since_ns), find_books(config, redis_url, needed=source is not Source.FILE)
    requests = _requests(source, reader, traces or [DEFAULT_TRACES], books, since, as_json)
    if reader.skipped:
        _say(f"{reader.skipped} lines were not readable as traces and are left out")
    agreement = _reconciled(source, requests, books, since_ns)
    if html:
        _write_page(html, page(requests, now, books.forecasts(requests) if books else ()), as_json)
    _print(dimensions, requests, reader.skipped, as_json, as_csv, agreement)


def _requests(
    source: Source, reader: Reader, given: Sequence[Path], books: Books | None, since: str | None, as_json: bool
) -> list[Request]:
    """At least one, or the end of the program."""
    try:
        if source is Source.FILE or books is None:
            requests = _read(reader, given, as_json)
        else:
            requests = books.ledger(reader.since_ns) if source is Source.LEDGER else books.langfuse(reader.since_ns)
    except StartError as error:
        _fail(str(error), as_json)
    if not requests and source is Source.FILE:
        _fail(_nothing(given, since, reader.skipped), as_json)
    if not requests:
        _fail(f"nothing was charged{f' since {since}' if since else ''} according to {source}", as_json)
    return requests


def _reconciled(
    source: Source, requests: Sequence[Request], books: Books | None, since_ns: int
) -> tuple[Reconciliation, ...]:
    """Against the ledger, where it can be asked; told on standard error, so that CSV and JSON stay themselves."""
    if source is Source.LEDGER or books is None or not books.redis_url:
        return ()
    try:
        found = books.reconciled(requests, since_ns)
    except StartError as error:
        _say(f"not reconciled: {error}")
        return ()
    _say(reconciliation_line(source, found))
    return found


def _print(
    dimensions: Sequence[str],
    requests: Sequence[Request],
    skipped: int,
    as_json: bool,
    as_csv: bool,
    agreement: Sequence[Reconciliation],
) -> None:
    groups = group_by(requests, dimensions)
    if as_json:
        sys.stdout.write(to_json(dimensions, groups, requests, skipped, agreement) + "\n")
    elif as_csv:
        sys.stdout.write(to_csv(dimensions, groups))
    else:
        Console().print(to_table(dimensions, groups, total_of(requests)))


def to_json(
    dimensions: Sequence[str],
    groups: Sequence[Group],
    requests: Sequence[Request],
    skipped: int,
    agreement: Sequence[Reconciliation] = (),
) -> str:
    """One object: the period, the rows (dimensions and numbers), their total, and the ledger's word on it."""
    times = [request.started_ns for request in requests]
    rows: list[dict[str, Any]] = [  # Any: names and numbers
        {**dict(zip(dimensions, group.key, strict=True)), **group.totals.as_dict()} for group in groups
    ]
    found = {
        "from": _iso(min(times)),
        "to": _iso(max(times)),
        "by": list(dimensions),
        "rows": rows,
        "total": total_of(requests).as_dict(),
        "skipped_lines": skipped,
        "reconciliation": [{**asdict(one), "difference_micros": one.difference_micros} for one in agreement],
    }
    return json.dumps(found)


def to_csv(dimensions: Sequence[str], groups: Sequence[Group]) -> str:
    """A header and one line per group."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*dimensions, *Totals().as_dict()])
    for group in groups:
        numbers = group.totals.as_dict().values()
        writer.writerow([*group.key, *("" if number is None else number for number in numbers)])
    return out.getvalue()


def to_table(dimensions: Sequence[str], groups: Sequence[Group], totals: Totals) -> Table:
    """The most expensive groups and the total."""
    table = Table(show_footer=True, box=SIMPLE_HEAD, padding=0, show_edge=False)
    table.add_column(" / ".join(dimensions), footer="all", overflow="fold", min_width=18)
    heads = ("reqs", "cached", "ref'd", "fail", "tokens", "spend", "saved", "p50", "p95")
    for head, footer in zip(heads, _cells(totals), strict=True):
        table.add_column(head, footer=footer, justify="right", no_wrap=True)
    for group in groups[:_TABLE_ROWS]:
        table.add_row(" / ".join(group.key), *_cells(group.totals))
    if (more := len(groups) - _TABLE_ROWS) > 0:
        table.caption = f"{more} cheaper rows are not shown: use --csv, --json or a coarser --by"
    return table


def _cells(totals: Totals) -> tuple[str, ...]:
    return (
        f"{totals.requests:,}",
        *(f"{totals.outcomes.get(name, 0):,}" for name in ("cached", "refused", "failed")),
        _thousands(totals.input_tokens + totals.output_tokens),
        _dollars(totals.cost_micros),
        _dollars(totals.saved_micros),
        _seconds(totals.latency_ms(0.5)),
        _seconds(totals.latency_ms(0.95)),
    )


def _dollars(amount_micros: int) -> str:
    """Seven characters for most amounts: a terminal may have 80 columns. JSON and CSV are exact."""
    dollars = amount_micros / MICROS_PER_USD
    if 0 < abs(dollars) < 0.0001:
        return "<$.0001"
    return f"${dollars:,.2f}" if abs(dollars) >= 10 or not dollars else f"${dollars:.4f}"


def _thousands(count: int) -> str:
    if count >= 10_000_000:
        return f"{count / 1_000_000:.1f}M"
    return f"{count / 1_000:.0f}k" if count >= 10_000 else f"{count}"


def _seconds(value_ms: float | None) -> str:
    return "\u2013" if value_ms is None else f"{value_ms / 1000:.2f}s"


def _options(by: str, since: str | None, now: datetime) -> tuple[tuple[str, ...], int]:
    try:
        return parse_by(by), parse_since(since, now) if since else 0
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def _read(reader: Reader, given: Sequence[Path], as_json: bool) -> list[Request]:
    try:
        return list(reader.requests([path for name in given for path in with_rotated(name)]))
    except OSError as error:
        _fail(f"cannot read {error.filename}: {error.strerror}", as_json)


def _write_page(path: Path, text: str, as_json: bool) -> None:
    try:
        path.write_text(text, encoding="utf-8", errors="replace")
    except OSError as error:
        _fail(f"cannot write {path}: {error.strerror}", as_json)
    _say(f"wrote {path}")


def _nothing(given: Sequence[Path], since: str | None, skipped: int) -> str:
    where = ", ".join(str(path) for path in given)
    period = f" since {since}" if since else ""
    damaged = f" ({skipped} lines there are not traces)" if skipped else ""
    return (
        f"no traces{period} in {where}{damaged}: start the gateway with `tierwise serve` and send a request, "
        "or name the trace file with --traces"
    )


def _fail(message: str, as_json: bool) -> NoReturn:
    if as_json:
        sys.stdout.write(json.dumps({"error": message}) + "\n")
    _say(f"error: {message}")
    raise typer.Exit(_NO_TRACES)


def _say(message: str) -> None:
    sys.stderr.write(f"{message}\n")


def _iso(epoch_ns: int) -> str:
    return datetime.fromtimestamp(epoch_ns / 1e9, UTC).isoformat(timespec="seconds")

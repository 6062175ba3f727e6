"""`tierwise report` as a user meets it."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
import typer
from typer.testing import CliRunner

from plugins.report import request_of
from plugins.report_cli import report, with_rotated
from plugins.report_html import page, usd
from plugins.report_svg import nice_ceiling
from plugins.trace_record import to_record
from plugins.values import Caller, Trace
from tests.unit.test_report import NOW
from tests.unit.traces import DAY_NS, START_NS, a_trace, mixed_traces

APP = typer.Typer()
APP.command()(report)


def write(path: Path, *traces: Trace) -> Path:
    path.write_text("".join(json.dumps(to_record(trace)) + "\n" for trace in traces))
    return path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write(tmp_path / "traces.jsonl", *mixed_traces(300))


def run(*arguments: str | Path) -> tuple[int, str, str]:
    result = CliRunner().invoke(APP, [str(argument) for argument in arguments])
    return result.exit_code, result.stdout, result.stderr


def test_the_table_shows_each_tenant_and_the_total(file: Path) -> None:
    """Without options, a readable table on the terminal."""
    code, out, _ = run("--traces", file, "--by", "tenant")
    assert code == 0
    for word in ("acme", "globex", "initech", "all", "saved", "p95", "300"):
        assert word in out


def test_a_tiny_cost_is_not_shown_as_zero(tmp_path: Path) -> None:
    """Seven micro-dollars are little, not nothing."""
    path = write(tmp_path / "t.jsonl", a_trace(cost_micros=7, costs={"model": 7}))
    _, out, _ = run("--traces", path)
    assert "<$.0001" in out
    assert "$0.0000" not in out


def test_json_is_one_object_with_exact_money(file: Path) -> None:
    """Nothing else is on stdout, and the rows add up to the total."""
    code, out, _ = run("--traces", file, "--json")
    found = json.loads(out)
    assert code == 0
    assert found["by"] == ["tenant", "app", "task", "tier"]
    assert found["total"]["requests"] == 300
    expected = sum(trace.cost_micros for trace in mixed_traces(300))
    assert found["total"]["cost_micros"] == expected
    assert sum(row["cost_micros"] for row in found["rows"]) == expected


def test_csv_has_one_line_per_group(file: Path) -> None:
    """With a header that any spreadsheet takes."""
    code, out, _ = run("--traces", file, "--csv", "--by", "tier")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert code == 0
    assert {row["tier"] for row in rows} == {"small", "mid", "frontier", "(none)"}
    assert sum(int(row["requests"]) for row in rows) == 300


def test_since_leaves_out_what_was_before(tmp_path: Path) -> None:
    """By the start of the request."""
    later = a_trace(started_ns=START_NS + 3 * DAY_NS)
    path = write(tmp_path / "t.jsonl", a_trace(), later)
    _, out, _ = run("--traces", path, "--json", "--since", "2026-05-30")
    assert json.loads(out)["total"]["requests"] == 1


def test_several_and_rotated_files_are_read_together(tmp_path: Path) -> None:
    """Rotation does not make costs disappear from the report."""
    first, other = tmp_path / "a.jsonl", write(tmp_path / "b.jsonl", a_trace())
    for name in ("a.jsonl.10", "a.jsonl.2", "a.jsonl", "a.jsonl.bak"):
        write(tmp_path / name, a_trace())
    assert [p.name for p in with_rotated(first)] == ["a.jsonl.10", "a.jsonl.2", "a.jsonl"]
    _, out, _ = run("--traces", first, "--traces", other, "--json")
    assert json.loads(out)["total"]["requests"] == 4


def test_no_traces_is_a_clear_message_and_exit_code_1(tmp_path: Path) -> None:
    """It says where was looked, and what to do."""
    code, out, err = run("--traces", tmp_path / "none.jsonl")
    assert code == 1
    assert out == ""
    assert "none.jsonl" in err
    assert "tierwise serve" in err


def test_no_traces_with_json_is_still_one_object(tmp_path: Path) -> None:
    """A script can read why."""
    code, out, _ = run("--traces", tmp_path / "none.jsonl", "--json")
    assert code == 1
    assert "no traces" in json.loads(out)["error"]


def test_damaged_lines_are_left_out_and_counted(file: Path) -> None:
    """A torn line, another format or a wrong type costs one line, not the report."""
    with file.open("a") as out_file:
        out_file.write('{"v":1,"id":\nnot json\n[1]\n{"v":1}\n\n')
    code, out, err = run("--traces", file, "--json")
    assert code == 0
    assert json.loads(out)["skipped_lines"] == 4
    assert "4 lines" in err


@pytest.mark.parametrize(
    "wrong", [["--by", "planet"], ["--since", "soon"], ["--json", "--csv"]], ids=["by", "since", "both"]
)
def test_a_wrong_option_is_exit_code_2(file: Path, wrong: list[str]) -> None:
    """Before anything is printed on stdout."""
    code, out, err = run("--traces", file, *wrong)
    assert (code, out) == (2, "")
    assert "Error" in err


def test_an_unwritable_page_is_a_clear_message(file: Path, tmp_path: Path) -> None:
    """No traceback."""
    code, _, err = run("--traces", file, "--html", tmp_path / "no" / "such" / "r.html")
    assert code == 1
    assert "cannot write" in err


class Tags(HTMLParser):
    """Collects what a page would load, and checks that tags close."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.loads += [f"{tag} {name}" for name, _ in attrs if name in ("src", "href", "srcset", "data")]
        if tag not in ("meta", "rect", "line", "circle", "path"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Closed in itself."""

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("rect", "circle"):
            assert self.open.pop() == tag


def test_the_page_is_self_contained_and_complete(file: Path, tmp_path: Path) -> None:
    """It loads nothing, its tags are balanced, and each chart is there."""
    target = tmp_path / "report.html"
    code, _, err = run("--traces", file, "--html", target)
    text = target.read_text()
    tags = Tags()
    tags.feed(text)
    assert (code, tags.loads, tags.open) == (0, [], [])
    assert "report.html" in err
    assert not re.search(r"<script|@import|url\(", text)
    for title in ("Spend over time", "Savings", "Escalation rate", "Latency"):
        assert f"<h2>{title}</h2>" in text
    for dimension in ("tenant", "app", "task", "tier"):
        assert f"<h2>Spend by {dimension}</h2>" in text
    assert 'name="viewport"' in text


def test_every_chart_is_valid_svg_inside_its_frame() -> None:
    """Each parses as XML and no column rises above the frame."""
    text = page([request_of(trace) for trace in mixed_traces(400)], NOW)
    charts = [ElementTree.fromstring(found) for found in re.findall(r"<svg.*?</svg>", text)]
    assert len(charts) == 9
    for chart in charts:
        for rect in chart.iter("rect"):
            assert float(rect.get("y", "-1")) >= 0
            assert float(rect.get("height", "-1")) >= 0


def test_names_from_outside_are_escaped() -> None:
    """A tag in a name is text, not markup."""
    trace = replace(a_trace(), caller=Caller("<b>acme</b>", 'a"><script>', "k"))
    text = page([request_of(trace)], NOW)
    assert "<script" not in text
    assert "&lt;b&gt;acme" in text


@pytest.mark.parametrize("outcome", ["answered", "refused"])
def test_a_page_of_one_request_works(outcome: str) -> None:
    """Also if it cost nothing and got no answer."""
    text = page([request_of(a_trace(outcome=outcome, cost_micros=0, saved_micros=0))], NOW)
    assert "Spend over time" in text
    assert not re.search(r'"(nan|-?inf)', text)


@pytest.mark.parametrize(
    ("micros", "text"),
    [(0, "$0.00"), (1, "$0.000001"), (1_500, "$0.0015"), (100_000, "$0.10"), (1_234_560_000, "$1,234.56")],
)
def test_dollars_are_written_for_people(micros: int, text: str) -> None:
    """Never in exponents."""
    assert usd(micros) == text


@pytest.mark.parametrize(("value", "top"), [(0, 1), (0.21, 0.3), (1, 1), (1.01, 2), (6.7, 8), (950, 1_000)])
def test_axes_end_at_round_numbers(value: float, top: float) -> None:
    """And never below the highest value."""
    assert nice_ceiling(value) == pytest.approx(top)

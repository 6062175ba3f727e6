"""`evaluate quality --items` over real HTTP: what is asked, spent, kept, marked and decided."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner, Result

from classifier.proof import cli
from classifier.proof.cli import evaluate_quality
from tests.classifier.proof_gateway import TinyGateway, tiny_gateway
from tests.servers import running_simulator

app = typer.Typer()
app.command()(evaluate_quality)
runner = CliRunner()


@pytest.fixture(scope="module")
def served() -> Iterator[TinyGateway]:
    """One server for the module."""
    with tiny_gateway() as running:
        yield running


@pytest.fixture
def gateway(served: TinyGateway) -> TinyGateway:
    """The server, with nothing counted yet."""
    served.calls.clear()
    return served


def jsonl(path: Path, rows: list[dict[str, Any]]) -> Path:
    """A JSONL file of these rows."""
    path.write_text("\n".join(json.dumps(row) for row in rows))
    return path


def doubles(path: Path, n: int, **more: Any) -> Path:
    """`n` items that ask to double a number."""
    rows = [{"prompt": f"Please double {i}", "reference": 2 * i, "task_class": "maths", **more} for i in range(n)]
    return jsonl(path, rows)


def run(items: Path, url: str, *options: str, key: str = "k") -> Result:
    """The command on a labelled set; answers are kept beside it."""
    args = ["--items", str(items), "--base-url", url, "--baseline", "strong", "--answers", str(items) + ".sqlite"]
    return runner.invoke(app, [*args, *options, "--json"], env={"OPENAI_API_KEY": key})


def test_an_equal_and_cheaper_candidate_ships(tmp_path: Path, gateway: TinyGateway) -> None:
    """Exit code 0; quality, cost and latency with intervals; the mix of the same cost loses what weak loses."""
    page = tmp_path / "report.html"
    items = doubles(tmp_path / "items.jsonl", 40)
    result = run(items, gateway.url, "--other", "weak", "--margin", "0.1", "--html", str(page))
    assert result.exit_code == 0, result.output
    part = json.loads(result.stdout)["by_task"]["maths"]
    assert part["verdicts"]["auto"]["decision"] == "ship"
    assert part["verdicts"]["weak"]["decision"] == "do_not_ship"
    assert part["proposed"] == "auto" and "cheapest that may ship" in page.read_text()
    assert part["arms"]["auto"]["saved"] == pytest.approx(0.75)
    assert part["arms"]["auto"]["tiers"] == {"auto": 1.0}
    assert len(part["arms"]["auto"]["latency_p50_ms_ci"]) == 2
    share = (250 - 40) / (1000 - 40)
    assert part["random_mix"]["quality"] == pytest.approx(share + (1 - share) / 2)
    assert part["random_mix"]["candidate_over_mix_ci"][0] > 0.2
    drawings = page.read_text().split("<svg")[1:]
    assert len(drawings) == 3
    for drawing in drawings:
        ElementTree.fromstring("<svg" + drawing.split("</svg>")[0] + "</svg>")  # our own text


def test_a_terminal_shows_figures_with_intervals_and_what_to_take(
    tmp_path: Path, gateway: TinyGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line an arm, and one sentence a task class."""
    monkeypatch.setattr(cli, "_out", Console(width=200))  # a wide terminal, so that no cell is wrapped
    items = doubles(tmp_path / "items.jsonl", 40)
    args = ["--items", str(items), "--base-url", gateway.url, "--baseline", "strong", "--margin", "0.1"]
    args += ["--other", "weak", "--answers", str(items) + ".sqlite"]
    result = runner.invoke(app, args, env={"OPENAI_API_KEY": "k"})
    assert result.exit_code == 0, result.output
    assert "0.750 (0.750 to 0.750)" in result.stdout
    assert "maths: the cheapest that may ship is auto" in result.stdout


def test_no_item_is_asked_with_another_tenant_s_key(tmp_path: Path, gateway: TinyGateway) -> None:
    """Its policy and budget would apply: nothing is asked, and the missing option is named."""
    result = run(doubles(tmp_path / "items.jsonl", 2, tenant="globex"), gateway.url)
    assert result.exit_code == 2 and not gateway.calls
    assert "--tenant-key globex=VARIABLE" in " ".join(result.stderr.split())


def test_a_worse_candidate_does_not_ship(tmp_path: Path, gateway: TinyGateway) -> None:
    """Exit code 1 for a model that is wrong half of the time."""
    assert run(doubles(tmp_path / "items.jsonl", 24), gateway.url, "--candidate", "weak").exit_code == 1


def test_too_few_items_say_how_many_are_needed(tmp_path: Path, gateway: TinyGateway) -> None:
    """Exit code 3, and a number of further items."""
    result = run(doubles(tmp_path / "items.jsonl", 20), gateway.url)
    assert result.exit_code == 3
    assert json.loads(result.stdout)["by_task"]["maths"]["verdicts"]["auto"]["more_needed"] > 20


def test_a_second_run_asks_nothing_again(tmp_path: Path, gateway: TinyGateway) -> None:
    """Answers are kept: the same command gives the same result without a call."""
    items = doubles(tmp_path / "items.jsonl", 15)
    first = run(items, gateway.url)
    assert gateway.calls == {"strong": 15, "auto": 15}
    assert run(items, gateway.url).stdout == first.stdout
    assert gateway.calls == {"strong": 15, "auto": 15}


def test_the_spend_limit_is_not_passed_and_a_higher_one_goes_on(tmp_path: Path, gateway: TinyGateway) -> None:
    """10 items cost 12,500 micro-dollars: a limit of 8,000 stops before it, then the rest is asked alone."""
    items = doubles(tmp_path / "items.jsonl", 10)
    result = run(items, gateway.url, "--max-usd", "0.008")
    assert result.exit_code == 3
    assert "limit" in json.loads(result.stdout)["stopped"]
    assert 2 <= gateway.calls["strong"] <= 7
    assert gateway.calls["strong"] * 1000 + gateway.calls["auto"] * 250 <= 8000
    assert json.loads(run(items, gateway.url, "--max-usd", "1").stdout)["overall"]["compared"] == 10
    assert gateway.calls == {"strong": 10, "auto": 10}


def test_what_is_asked_alone_answers_itself_and_is_kept_apart(tmp_path: Path, gateway: TinyGateway) -> None:
    """Without the option the report says what share was escalated; neither kind of answer stands in for the other."""
    items, options = doubles(tmp_path / "items.jsonl", 12), ("--candidate", "weak")
    found = [json.loads(run(items, gateway.url, *options, *more).stdout) for more in ((), ("--alone",))]
    assert [part["overall"]["arms"]["weak"]["escalated"] for part in found] == [1.0, 0.0]
    assert gateway.calls == {"strong": 24, "weak": 24, "alone": 24}


def test_a_used_up_budget_stops_the_run(tmp_path: Path, gateway: TinyGateway) -> None:
    """The gateway's own cap is final: no hammering, and the reason is told."""
    result = run(doubles(tmp_path / "items.jsonl", 12), gateway.url, "--candidate", "broke", "--concurrency", "1")
    assert result.exit_code == 3
    assert "budget" in json.loads(result.stdout)["stopped"]
    assert gateway.calls["broke"] == 1


@pytest.mark.parametrize("candidate", ["lost", "refusing"])
def test_no_answer_is_a_wrong_answer(tmp_path: Path, gateway: TinyGateway, candidate: str) -> None:
    """A candidate that fails or refuses is marked 0, not left out."""
    result = run(doubles(tmp_path / "items.jsonl", 15), gateway.url, "--candidate", candidate)
    assert result.exit_code == 1
    arm = json.loads(result.stdout)["by_task"]["maths"]["arms"][candidate]
    assert (arm["quality"], arm["failed"]) == (0.0, 15)


def checks(path: Path, n: int = 12) -> Path:
    """Comparisons in which people preferred the answer that says "good"."""
    sides = [("good", "bad", "a"), ("bad", "good", "b")]
    rows = [
        {"prompt": f"Q{i}", "answer_a": a, "answer_b": b, "human": h} for i in range(n) for a, b, h in [sides[i % 2]]
    ]
    return jsonl(path, rows)


def test_a_judge_is_believed_only_when_it_agrees_with_people(tmp_path: Path, gateway: TinyGateway) -> None:
    """A judge that always prefers the first answer is steady in nothing, and nothing that it marks ships."""
    items = doubles(tmp_path / "items.jsonl", 6, scorer="judge")
    check = str(checks(tmp_path / "checks.jsonl"))
    biased = run(items, gateway.url, "--judge", "biased", "--judge-check", check)
    found = json.loads(biased.stdout)
    assert biased.exit_code == 3
    assert (found["judge"]["agreement"], found["judge"]["steady"], found["judge"]["believed"]) == (0.0, 0.0, False)
    fair = json.loads(run(items, gateway.url, "--judge", "judge", "--judge-check", check).stdout)
    assert (fair["judge"]["agreement"], fair["judge"]["believed"]) == (1.0, True)


def test_against_the_simulated_provider_prices_come_from_the_option(tmp_path: Path) -> None:
    """Without the cost header a call is priced by --price, or not at all; its models differ where sums are hard."""
    rows = [
        {
            "prompt": f"What is {1234 + i} * 5678 - {4321 + i} * 8765?",
            "reference": (1234 + i) * 5678 - (4321 + i) * 8765,
        }
        for i in range(20)
    ]
    items = jsonl(tmp_path / "items.jsonl", rows)
    with running_simulator() as simulator:
        options = ("--baseline", "sim-frontier", "--candidate", "sim-small", "--price", "sim-frontier=10/40")
        result = run(items, simulator.url, *options)
    assert result.exit_code == 1, result.output
    arms = json.loads(result.stdout)["overall"]["arms"]
    assert arms["sim-frontier"]["quality"] > arms["sim-small"]["quality"]
    assert arms["sim-frontier"]["cost_usd"] > 0
    assert arms["sim-small"]["cost_usd"] == 0


@pytest.mark.parametrize(
    ("options", "key", "message"),
    [
        (("--base-url", "http://127.0.0.1:9/v1"), "k", "no gateway answers"),
        ((), "wrong", "check the key"),
        (("--price", "small"), "k", "MODEL=IN/OUT"),
        (("--tenant-key", "acme"), "k", "TENANT=VARIABLE"),
        (("--scorer", "psychic"), "k", "unknown scorer"),
        (("--scorer", "judge"), "k", "--judge MODEL"),
        (("--judge-check", "checks.jsonl"), "k", "no item is for a judge"),
        (("--candidate", "strong"), "k", "another tier"),
        (("--outcomes", "x.jsonl"), "k", "either --outcomes"),
        (("--html", "/dev/null/report.html"), "k", "cannot write"),
        (("--answers", "/dev/null/answers.sqlite"), "k", "cannot keep answers"),
    ],
)
def test_wrong_use_ends_with_two_and_a_reason(
    tmp_path: Path, gateway: TinyGateway, options: tuple[str, ...], key: str, message: str
) -> None:
    """Exit code 2, nothing on standard output, the reason on standard error."""
    bare = jsonl(tmp_path / "items.jsonl", [{"prompt": "Please double 2", "reference": "4"}])
    result = run(bare, gateway.url, *options, key=key)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert message in " ".join(result.stderr.split())


@pytest.mark.parametrize(
    ("content", "message"),
    [(b'{"prompt": "caf\xe9", "reference": "x"}', "not UTF-8"), (b'{"a":' + b"[" * 100_000, "nested too deeply")],
)
def test_a_file_that_cannot_be_read_is_no_verdict(
    tmp_path: Path, gateway: TinyGateway, content: bytes, message: str
) -> None:
    """Exit code 2: 1 would say that the candidate may not ship."""
    path = tmp_path / "items.jsonl"
    path.write_bytes(content)
    result = run(path, gateway.url)
    assert result.exit_code == 2 and message in " ".join(result.stderr.split())


def test_outcomes_of_another_shape_are_refused_with_their_line(tmp_path: Path) -> None:
    """Exit code 2 and what is expected."""
    for row in ({"prompt": "a", "scores": [1, 2]}, {"prompt": "a", "scores_1to10": {"x": "good", "y": 1}}):
        path = jsonl(tmp_path / "rows.jsonl", [row])
        result = runner.invoke(app, ["--outcomes", str(path), "--strong", "x", "--weak", "y"])
        assert result.exit_code == 2 and "rows.jsonl:1:" in result.stderr


def test_without_a_cheaper_tier_beside_it_the_missing_mix_is_told(tmp_path: Path, gateway: TinyGateway) -> None:
    """On the page and on standard error, with the option that brings it."""
    page = tmp_path / "report.html"
    result = run(doubles(tmp_path / "items.jsonl", 4), gateway.url, "--html", str(page))
    assert json.loads(result.stdout)["overall"]["random_mix"] is None
    assert "--other" in result.stderr and "No random mix" in page.read_text()

"""The commands: one JSON object on standard output, and errors that say what to do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from classifier.cli import evaluate_app, replay
from classifier.data import DataError
from classifier.replay import Price, Request, parse_price, read_log

runner = CliRunner()
app = typer.Typer()
app.add_typer(evaluate_app, name="evaluate")
app.command()(replay)


def lines(path: Path, *rows: dict[str, object]) -> str:
    """A JSONL file's path."""
    path.write_text("\n".join(json.dumps(row) for row in rows))
    return str(path)


def test_routing_prints_one_json_object(tmp_path: Path) -> None:
    """Overall and by source, each figure with an interval, beside the baselines."""
    rows = [{"prompt": f"What is {i} + {i}?", "source": "s", "strong_ok": 1, "weak_ok": i % 2} for i in range(12)]
    data = lines(tmp_path / "x.jsonl", *rows)
    result = runner.invoke(app, ["evaluate", "routing", "--outcomes", data, "--draws", "20", "--lexical", "--json"])
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    for part in (found["overall"], found["by_source"]["s"]):
        assert part["n"] == 12
        for name in ("apgr", "cpt50", "cpt80", "auroc"):
            assert len(part[f"{name}_ci"]) == 2
        assert set(part["baselines"]) == {"random", "prompt_length", "litellm_heuristic", "litellm_heuristic_v2"}
        assert {"ece_strong", "ece_weak", "ece_strong_by_chance", "ece_weak_by_chance"} <= part.keys()
        assert [(row["coverage"], row["guess"]) for row in part["coverage"]][-1] == (1.0, 0.5)


def test_routing_says_what_its_probabilities_are_worth(tmp_path: Path) -> None:
    """Below the table, for whoever reads a terminal."""
    rows = [{"prompt": f"What is {i} + {i}?", "source": "s", "strong_ok": 1, "weak_ok": i % 2} for i in range(12)]
    data = lines(tmp_path / "x.jsonl", *rows)
    result = runner.invoke(app, ["evaluate", "routing", "--outcomes", data, "--draws", "20", "--lexical"])
    told = " ".join(result.stdout.split())
    assert "Calibration error: strong" in told and "100%: 0.500 (0.500)" in told


def test_tasks_prints_one_json_object(tmp_path: Path) -> None:
    """Accuracy, macro F1, by class."""
    data = lines(tmp_path / "x.jsonl", {"prompt": "Translate to French: the lamp", "task_class": "translation"})
    result = runner.invoke(app, ["evaluate", "tasks", "--data", data, "--json"])
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["accuracy"] == 1.0


def test_replay_reckons_cost_and_saving(tmp_path: Path) -> None:
    """Two requests: the bill of each route in micro-dollars, and what routing saves."""
    rows: list[dict[str, object]] = [
        {"prompt": "thanks!", "prompt_tokens": 1000, "completion_tokens": 1000},
        {"messages": [{"role": "user", "content": "What is the capital of France?"}], "usage": {"prompt_tokens": 10}},
    ]
    args = ["replay", lines(tmp_path / "x.jsonl", *rows), "--price", "frontier=10/20", "--lexical", "--json"]
    result = runner.invoke(app, args)
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["cost_micros"]["always_frontier"] == 30_000 + 100 + 7_000
    assert found["routes"] == {"small": 2, "mid": 0, "frontier": 0}
    assert 0 < found["saving"] < 1


@pytest.mark.parametrize(
    ("line", "text", "tokens"),
    [
        ({"input": "Hello there"}, "Hello there", (3, 350)),
        ({"input": [{"role": "user", "content": [{"type": "input_text", "text": "Hello"}]}]}, "Hello", (2, 350)),
        (
            {"input": {"messages": [{"role": "user", "content": "Hi"}]}, "usage": {"input_tokens": 9}},
            "Hi",
            (9, 350),
        ),
        ({"prompt": "Hi", "usage": None, "prompt_tokens": "?", "completion_tokens": 7}, "Hi", (1, 7)),
    ],
)
def test_a_log_may_be_written_in_several_ways(
    tmp_path: Path, line: dict[str, object], text: str, tokens: tuple[int, int]
) -> None:
    """The text as `prompt`, `messages` or `input`, the tokens where they are numbers, and typical ones elsewhere."""
    assert read_log(Path(lines(tmp_path / "x.jsonl", line))) == [Request(text, *tokens, line=1)]


def test_a_line_without_text_is_named(tmp_path: Path) -> None:
    """A number is no prompt."""
    with pytest.raises(DataError, match="expected 'prompt' or 'input'"):
        read_log(Path(lines(tmp_path / "x.jsonl", {"input": 5})))


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["evaluate", "routing", "--outcomes", "nowhere.jsonl"], "cannot read"),
        (["evaluate", "tasks", "--data", "nowhere.jsonl"], "cannot read"),
        (["replay", "nowhere.jsonl"], "cannot read"),
        (["replay", "nowhere.jsonl", "--price", "cheap=1"], "ROUTE=IN/OUT"),
    ],
)
def test_wrong_use_ends_with_two_and_a_reason(args: list[str], message: str) -> None:
    """Exit code 2, nothing on standard output, the reason on standard error."""
    result = runner.invoke(app, args)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert message in result.stderr


def test_outcomes_without_answers_say_what_to_give(tmp_path: Path) -> None:
    """Rows of scores need the names of the two models."""
    data = lines(tmp_path / "x.jsonl", {"prompt": "a", "scores": {"big": 1, "small": 0}})
    result = runner.invoke(app, ["evaluate", "routing", "--outcomes", data])
    assert result.exit_code == 2
    assert "--strong A --weak B" in result.stderr


def test_prices_are_rounded_up_to_whole_micros() -> None:
    """A fraction of a micro-dollar is charged as one."""
    assert Price(150_000, 600_000).cost_micros(Request("x", 1, 1, 1)) == 1
    assert parse_price("mid=0.5/2") == ("mid", Price(500_000, 2_000_000))
    with pytest.raises(DataError):
        parse_price("nano=1/2")

"""Training data from production: scored traces as rows, and plain logs labelled by a judge."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer import Typer
from typer.testing import CliRunner, Result

from classifier.data import DataError, read_rows
from classifier.sources import choose_name, judged_answers, prompt_of, read_objects, scores_of, training_rows
from plugins.outcomes_cli import label, outcomes
from plugins.scores import Score, to_line
from plugins.trace_record import to_record
from tests.classifier.proof_gateway import TinyGateway, tiny_gateway
from tests.unit.traces import a_trace

STRENGTHS = {"small": "weak", "mid": "mid", "frontier": "strong"}
CONFIG = Path(__file__).parents[2] / "proxy_config.yaml"
cli = Typer()
cli.command()(outcomes)
cli.command()(label)


def lines(path: Path, records: list[Any]) -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def ours(number: int, tier: str, good: bool, **changes: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """A record of the gateway's trace file and the score on it."""
    trace = a_trace(id=f"{number:032x}", tier=tier, input="What is 2 + 2?", **changes)
    score = Score("1", f"{number:032x}", "thumbs", int(good), "BOOLEAN", 1)
    return to_record(trace), to_line(score)


def run(*words: str) -> Result:
    return CliRunner().invoke(cli, list(words), env={"OPENAI_API_KEY": "", "OPENAI_BASE_URL": ""})


def test_our_traces_and_scores_become_rows_that_train_reads(tmp_path: Path) -> None:
    """One prompt, three answers of two tiers: one row with both ends."""
    pairs = [ours(1, "small", True), ours(2, "small", False), ours(3, "frontier", True)]
    traces, scores = (lines(tmp_path / f"{i}.jsonl", [pair[i] for pair in pairs]) for i in (0, 1))
    out = tmp_path / "rows.jsonl"
    given = ("--traces", str(traces), "--scores", str(scores), "--out", str(out), "--config", str(CONFIG), "--json")
    done = run("outcomes", *given)
    assert done.exit_code == 0 and json.loads(done.stdout)["with_both_ends"] == 1
    (row,) = read_rows([out])
    assert (row.prompt, row.weak, row.strong, row.source) == ("What is 2 + 2?", 0.5, 1.0, "production-thumbs")


@pytest.mark.parametrize(
    "given",
    ["plain", {"messages": [{"role": "user", "content": "plain"}]}, [{"role": "user", "content": [{"text": "plain"}]}]],
)
def test_an_exported_trace_carries_its_scores_inside(given: object, tmp_path: Path) -> None:
    """Langfuse's layout: an array, metadata as text or object, scores as a list or by name."""
    traces = [
        {"id": "t1", "input": given, "metadata": {"tier": "small"}, "scores": [{"name": "helpful", "value": 4}]},
        {"id": "t2", "input": given, "metadata": '{"tier": "frontier"}', "scores": {"helpful": [5]}},
        {"id": "t3", "input": given, "metadata": {"tier": "small"}, "scores": ["id-of-a-score"]},
    ]
    (path := tmp_path / "export.json").write_text(json.dumps({"data": traces}))
    told = read_objects(path)
    judged = judged_answers(told, scores_of(told, []), "helpful", 1, 5)
    assert training_rows(judged, STRENGTHS, "x") == [
        {
            "prompt": "plain",
            "source": "x",
            "scores": {"frontier": 1.0, "small": 0.75},
            "weak_ok": 0.75,
            "strong_ok": 1.0,
        }
    ]


def test_scores_of_hits_and_failures_say_nothing_of_a_tier() -> None:
    """A cached answer was not the routed tier's, and a failed request has none."""
    pairs = [ours(1, "small", True, outcome="cached"), ours(2, "small", False, outcome="failed")]
    assert not judged_answers([t for t, _ in pairs], scores_of([], [s for _, s in pairs]), "thumbs", 0, 1)


def test_a_score_off_its_scale_is_refused_with_the_options_to_set() -> None:
    """Five stars are not five times as good as good."""
    trace = {"id": "t", "input": "x", "tier": "small", "scores": [{"name": "stars", "value": 5}]}
    with pytest.raises(DataError, match="--low and --high"):
        judged_answers([trace], scores_of([trace], []), "stars", 0, 1)


def test_the_score_must_be_named_where_there_are_several() -> None:
    """The gateway's own scores are never taken unasked."""
    own = [("t", {"name": "gateway.answer_ok"})]
    assert choose_name([*own, ("t", {"name": "helpful"})], None) == "helpful"
    with pytest.raises(DataError, match=r"--score NAME.*helpful \(1\)"):
        choose_name([*own, ("t", {"name": "helpful"}), ("t", {"name": "tone"})], None)
    with pytest.raises(DataError, match="--score NAME"):
        choose_name(own, None)


@pytest.mark.parametrize("text", ["[1]", '"x"', '{"a": 1}\n{'])
def test_a_file_of_something_else_is_refused(text: str, tmp_path: Path) -> None:
    """The message names the file."""
    (path := tmp_path / "x.json").write_text(text)
    with pytest.raises(DataError, match=re.escape(str(path))):
        read_objects(path)


def test_an_input_without_a_user_has_no_prompt() -> None:
    """Nothing is made up from an answer or a tool's output."""
    assert prompt_of([{"role": "assistant", "content": "x"}]) == "" == prompt_of(None)


def graded(text: str) -> str:
    """A judge that finds the doubled number good and any other bad, wherever the answer stands."""
    asked = int((re.findall(r"\[REQUEST \w+\]\ndouble (\d+)", text) or ["0"])[0])
    said = [int(n) for n in re.findall(r"\[ANSWER [AB] \w+\]\nIt is (\d+)\.", text)]
    first, second = ("good" if n == 2 * asked else "bad" for n in said)
    return json.dumps({"a": first, "b": second})


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> Iterator[TinyGateway]:
    """The tiny gateway with that judge."""
    plain = TinyGateway._answer
    monkeypatch.setattr(TinyGateway, "_answer", lambda *a: graded(a[2]) if a[1] == "judge" else plain(*a))
    with tiny_gateway() as started:
        yield started


def labelled(gateway: TinyGateway, folder: Path, *more: str) -> tuple[Result, list[dict[str, Any]]]:
    log = lines(folder / "log.jsonl", [{"prompt": f"double {n}"} for n in (2, 3, 4, 2)])
    out = folder / "labelled.jsonl"
    words = ["label", str(log), "--out", str(out), "--base-url", gateway.url, "--api-key", "k", "--json"]
    done = run(*words, "--weak", "weak", "--strong", "strong", "--judge", "judge", *more)
    return done, [json.loads(line) for line in out.read_text().splitlines()] if out.exists() else []


def test_a_log_is_labelled_through_the_gateway(gateway: TinyGateway, tmp_path: Path) -> None:
    """Answers to each different prompt are graded in both orders, equal ones once; train reads the result."""
    done, rows = labelled(gateway, tmp_path)
    assert done.exit_code == 0, done.stderr
    assert [(row["prompt"], row["weak_ok"], row["strong_ok"]) for row in rows] == [
        ("double 2", 1.0, 1.0),
        ("double 3", 0.0, 1.0),
        ("double 4", 1.0, 1.0),
    ]
    assert gateway.calls == {"weak": 3, "strong": 3, "judge": 4}
    assert all(row.has_outcomes for row in read_rows([tmp_path / "labelled.jsonl"]))


def test_labelling_again_asks_nothing_again(gateway: TinyGateway, tmp_path: Path) -> None:
    """What was asked is kept beside the result."""
    _, first = labelled(gateway, tmp_path)
    before = dict(gateway.calls)
    done, second = labelled(gateway, tmp_path)
    assert second == first and dict(gateway.calls) == before and done.exit_code == 0


def test_labelling_stops_at_its_limit_with_whole_rows_and_goes_on(gateway: TinyGateway, tmp_path: Path) -> None:
    """Exit code 1 with what is done; a higher limit finishes the rest, and pays for the rest alone."""
    stopped, some = labelled(gateway, tmp_path, "--max-usd", "0.004", "--concurrency", "1")
    assert stopped.exit_code == 1 and json.loads(stopped.stdout)["stopped"]
    assert len(some) == 1 and json.loads(stopped.stdout)["spent_micros"] <= 4_000
    done, rows = labelled(gateway, tmp_path)
    assert done.exit_code == 0 and len(rows) == 3 and gateway.calls["strong"] == 3


@pytest.mark.parametrize(
    ("ends", "why"),
    [
        ({"--weak": "lost"}, "no answer from weak 'lost' (503)"),
        ({"--judge": "lost"}, "no answer from judge 'lost' (503)"),
        ({"--judge": "strong"}, "the judge 'strong' gave no two grades"),
    ],
)
def test_lines_that_failed_are_named_with_the_reason(
    gateway: TinyGateway, tmp_path: Path, ends: dict[str, str], why: str
) -> None:
    """Each line of the log, repeated prompts too; who reads JSON gets them as a list."""
    options = [word for pair in ends.items() for word in pair]
    done, rows = labelled(gateway, tmp_path, *options)
    found = json.loads(done.stdout)
    assert done.exit_code == 1 and not rows and found["failed"] == 3
    assert found["failures"] == [{"line": n, "why": why} for n in (1, 2, 3, 4)]


def test_people_read_failed_lines_as_file_and_line(gateway: TinyGateway, tmp_path: Path) -> None:
    """On standard error, in the form that editors jump to; blank lines count."""
    log = tmp_path / "log.jsonl"
    log.write_text('{"prompt": "double 2"}\n\n{"prompt": "double 3"}\n')
    where = ["--out", str(tmp_path / "out.jsonl"), "--base-url", gateway.url, "--api-key", "k"]
    done = run("label", str(log), *where, "--weak", "lost", "--strong", "strong", "--judge", "judge")
    assert done.exit_code == 1
    assert [n for n in (1, 2, 3) if f"{log}:{n}: no answer from weak 'lost' (503)" in done.stderr] == [1, 3]


@pytest.mark.parametrize(("model", "code"), [("lost", 1), ("broke", 1)])
def test_what_cannot_be_labelled_is_said(gateway: TinyGateway, tmp_path: Path, model: str, code: int) -> None:
    """A provider that is down, or a budget that is used up, is exit code 1 and no row."""
    done, rows = labelled(gateway, tmp_path, "--weak", model)
    assert done.exit_code == code and not rows


def test_a_wrong_key_is_wrong_use(gateway: TinyGateway, tmp_path: Path) -> None:
    """Exit code 2, before anything is asked."""
    done, rows = labelled(gateway, tmp_path, "--api-key", "wrong")
    assert done.exit_code == 2 and not rows and not gateway.calls

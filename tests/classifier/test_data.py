"""Reading outcome files and the corpus."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from classifier.data import CORPUS, DataError, in_other_format, lend, read_corpus, read_rows
from classifier.labels import TASKS


def write(path: Path, *rows: object) -> Path:
    """A JSONL file."""
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return path


def test_contaminated_rows_are_left_out(tmp_path: Path) -> None:
    """Rows that RouteLLM leaves out of its evaluation are left out here too."""
    row = {"prompt": "a", "strong_ok": 1, "weak_ok": 0}
    path = write(tmp_path / "x.jsonl", row, {**row, "routellm_contaminated": True})
    assert [r.prompt for r in read_rows([path])] == ["a"]


def test_scores_are_read_for_the_named_models(tmp_path: Path) -> None:
    """With --strong and --weak the scores of these two count, also on the 1 to 10 scale."""
    path = write(
        tmp_path / "x.jsonl",
        {"prompt": "a", "scores": {"big": 1.0, "small": 0.25}},
        {"prompt": "b", "scores_1to10": {"big": 9, "small": 4}},
        {"prompt": "c", "scores": {"big": 1.0}},
    )
    rows = read_rows([path], strong="big", weak="small")
    assert [(r.strong, r.weak) for r in rows] == [(1.0, 0.25), (0.9, 0.4), (1.0, None)]
    assert [r.has_outcomes for r in rows] == [True, True, False]


@pytest.mark.parametrize(
    ("content", "message"),
    [("{", "x.jsonl:1: not JSON"), ('{"prompt": 3}', "x.jsonl:1: 'prompt'"), ('{"prompt":"a","weak_ok":7}', "0..1")],
)
def test_a_bad_line_is_named(tmp_path: Path, content: str, message: str) -> None:
    """The error names file and line and says what was expected."""
    path = tmp_path / "x.jsonl"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=message):
        read_rows([path])


def test_scores_just_outside_are_clipped(tmp_path: Path) -> None:
    """Some scorers give a little less than nothing; that counts as nothing."""
    path = write(tmp_path / "x.jsonl", {"prompt": "a", "scores": {"big": 1.02, "small": -0.03}})
    assert [(r.strong, r.weak) for r in read_rows([path], "big", "small")] == [(1.0, 0.0)]


def test_line_separators_inside_a_prompt_do_not_split_it(tmp_path: Path) -> None:
    """A prompt may hold U+2028, which is no end of a JSON line."""
    path = tmp_path / "x.jsonl"
    path.write_text('{"prompt": "a\u2028b"}\n', encoding="utf-8")
    assert [r.prompt for r in read_rows([path])] == ["a\u2028b"]


def test_the_corpus_is_whole() -> None:
    """Each task class is there, no prompt twice, and a stronger model is never expected to do worse."""
    rows = read_corpus(CORPUS)
    assert {row.task for row in rows} == set(TASKS)
    assert len({row.prompt for row in rows}) == len(rows)
    for row in rows:
        assert row.weak is not None
        assert row.mid is not None
        assert row.strong is not None
        assert 0 < row.weak <= row.mid <= row.strong < 1, row.prompt


def test_groups_where_strong_loses_are_not_lent(tmp_path: Path) -> None:
    """What looks like a fault of the recorded run does not reach the expert for unseen sources."""
    good = [{"prompt": f"good {i}", "task": "g", "strong_ok": 1, "weak_ok": 0} for i in range(5)]
    bad = [{"prompt": f"bad {i}", "task": "b", "strong_ok": 0, "weak_ok": 1} for i in range(5)]
    rows = read_rows([write(tmp_path / "x.jsonl", *good, *bad)])
    assert {row.prompt for row in lend(rows, seed=0)} == {f"good {i}" for i in range(5)}


def test_a_question_in_another_format_keeps_its_stem() -> None:
    """The options may go or change their marks; the question stays, the exam's closing line goes."""
    prompt = "Which is red?\nA. grass\nB. blood\nAnswer:"
    seen = {in_other_format(prompt, random.Random(i)) for i in range(40)}
    assert len(seen) >= 4
    assert all("Which is red?" in text and not text.endswith("Answer:") for text in seen)

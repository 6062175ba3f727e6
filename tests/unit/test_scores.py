"""Feedback and the gateway's own judgements, as they are checked, delivered and kept."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from plugins.adapters import background_sink, langfuse_sink
from plugins.adapters.background_sink import BackgroundSink
from plugins.adapters.score_sink import AutomaticScores, ScoreFile, ScoreSink
from plugins.errors import BadRequest
from plugins.score_cli import parse_value
from plugins.scores import Score, automatic_scores, read_feedback
from plugins.values import CacheVerdict, Caller, Step
from tests.fake_langfuse import PUBLIC_KEY, SECRET_KEY, FakeLangfuse, fake_langfuse
from tests.unit.traces import START_NS, a_trace
from tests.waiting import eventually

TRACE = "8c5f7a1e6f0b4f4e9d0a2b8f3a4c5d6e"
ACME = Caller("acme", "web", "k-1")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeLangfuse]:
    monkeypatch.setattr(langfuse_sink, "_FIRST_DELAY_S", 0.01)
    monkeypatch.setattr(langfuse_sink, "_MAX_DELAY_S", 0.05)
    monkeypatch.setattr(BackgroundSink, "linger_s", 0.01)
    monkeypatch.setattr(background_sink, "_IDLE_S", 0.05)
    with fake_langfuse() as fake:
        yield fake


def feedback(**changes: Any) -> dict[str, Any]:
    return {"trace_id": TRACE, "name": "thumbs", "value": True, **changes}


def score(number: int = 0) -> Score:
    return read_feedback(feedback(name=f"thumbs-{number}")).score(ACME, "production", START_NS)


def sink_for(server: FakeLangfuse, folder: Path, **options: Any) -> ScoreSink:
    options = {"timeout_ms": 2_000, "close_timeout_s": 30.0, **options}
    return ScoreSink(server.url, PUBLIC_KEY, SECRET_KEY, spool_dir=folder / "spool", **options)


@pytest.mark.parametrize(
    ("value", "kept", "kind", "bad"),
    [
        (True, 1, "BOOLEAN", False),
        (False, 0, "BOOLEAN", True),
        (4, 4, "NUMERIC", False),
        (-0.5, -0.5, "NUMERIC", True),
        (" wrong ", "wrong", "CATEGORICAL", True),
        ("great", "great", "CATEGORICAL", False),
    ],
)
def test_the_kind_of_a_value_is_the_kind_of_its_score(value: object, kept: object, kind: str, bad: bool) -> None:
    """true and false are 1 and 0, numbers stay numbers, words are categories; some of them speak against the answer."""
    given = read_feedback(feedback(value=value))
    assert (given.value, given.data_type, given.is_bad) == (kept, kind, bad)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"trace_id": "x"}, "trace_id"),
        ({"trace_id": None}, "trace_id"),
        ({"name": ""}, "name"),
        ({"name": "a b"}, "name"),
        ({"name": "gateway.escalated"}, "name"),
        ({"name": "Gateway.x"}, "name"),
        ({"value": None}, "value"),
        ({"value": ""}, "value"),
        ({"value": "x" * 201}, "value"),
        ({"value": 1e300}, "value"),
        ({"value": [1]}, "value"),
        ({"comment": 5}, "comment"),
        ({"comment": "x" * 2_001}, "comment"),
        ({"user_id": "victim"}, "user_id"),
    ],
)
def test_wrong_feedback_names_the_field(changes: dict[str, Any], field: str) -> None:
    """Nobody has to guess, and nobody can pass a score off as the gateway's own."""
    with pytest.raises(BadRequest) as refused:
        read_feedback(feedback(**changes))
    assert refused.value.param == field


def test_a_second_opinion_replaces_the_first() -> None:
    """The id is the same for the same trace, name and application, and another for another application."""
    first, again = score(), read_feedback(feedback(name="thumbs-0", value=False)).score(ACME, "production", 1)
    other = read_feedback(feedback(name="thumbs-0")).score(Caller("acme", "mobile", "k-2"), "production", 1)
    assert first.id == again.id != other.id


def test_automatic_scores_say_only_what_was_looked_at() -> None:
    """A request without check, hit and baseline has none."""
    assert list(automatic_scores(a_trace(baseline_micros=0), "production")) == []


def test_automatic_scores_of_an_escalated_request() -> None:
    """The check's verdict, the escalation, the broken schema and the saving, each under the gateway's prefix."""
    told: dict[str, str | bool] = {"ok": False, "check": "schema", "reason": "schema: no JSON", "wants_json": True}
    trace = a_trace(steps=(Step("escalation check", 1, 2, told),), escalations=1)
    found = {one.name: one.value for one in automatic_scores(trace, "production")}
    assert found == {
        "gateway.answer_ok": 0,
        "gateway.escalated": 1,
        "gateway.schema_valid": 0,
        "gateway.saved_usd": 0.00348,
    }


def test_a_failed_check_besides_the_schema_says_nothing_of_the_schema() -> None:
    """A truncated answer was not judged as JSON."""
    told: dict[str, str | bool] = {"ok": False, "check": "truncated", "wants_json": True}
    trace = a_trace(steps=(Step("escalation check", 1, 2, told),))
    assert "gateway.schema_valid" not in {one.name for one in automatic_scores(trace, "production")}


def test_a_semantic_hit_has_its_distance() -> None:
    """An exact hit has none."""
    trace = a_trace(cache=CacheVerdict("semantic", "", 0.12), steps=())
    assert {one.name: one.value for one in automatic_scores(trace, "x")}["gateway.cache_distance"] == 0.12


async def test_scores_reach_langfuse(server: FakeLangfuse, tmp_path: Path) -> None:
    """Each is what the SDK's own model of the endpoint accepts."""
    sink = sink_for(server, tmp_path)
    for number in range(20):
        sink.emit(score(number))
    await sink.close()
    assert server.problems == []
    assert len(server.scores) == 20
    (first,) = [one for one in server.scores.values() if one["name"] == "thumbs-0"]
    assert (first["traceId"], first["value"], first["dataType"]) == (TRACE, 1, "BOOLEAN")
    assert first["metadata"] == {"tenant": "acme", "app": "web"}


@pytest.mark.parametrize(("takes_lists", "requests"), [(True, range(1, 20)), (False, range(21, 22))])
async def test_scores_go_in_lists_where_the_server_takes_them(
    server: FakeLangfuse, tmp_path: Path, takes_lists: bool, requests: range
) -> None:
    """An older server is asked once, and then sent one after the other."""
    server.takes_lists = takes_lists
    sink = sink_for(server, tmp_path)
    for number in range(20):
        sink.emit(score(number))
    await sink.close()
    assert (len(server.scores), sink.stats().delivered, sink.stats().dropped) == (20, 20, {})
    assert server.score_requests in requests


@pytest.mark.parametrize("takes_lists", [True, False])
async def test_one_bad_score_takes_no_other_with_it(server: FakeLangfuse, tmp_path: Path, takes_lists: bool) -> None:
    """In a list or not, it alone is dropped."""
    server.takes_lists, server.refused = takes_lists, ("thumbs-3",)
    sink = sink_for(server, tmp_path)
    for number in range(6):
        sink.emit(score(number))
    await sink.close()
    assert (len(server.scores), sink.stats().delivered, sink.stats().dropped) == (5, 5, {"refused": 1})


async def test_automatic_scores_follow_the_traces(server: FakeLangfuse, tmp_path: Path) -> None:
    """A sink for traces that feeds the one for scores."""
    sink = sink_for(server, tmp_path)
    automatic = AutomaticScores(sink, "production")
    automatic.emit(a_trace())
    await automatic.close()
    await sink.close()
    assert [one["name"] for one in server.scores.values()] == ["gateway.saved_usd"]


@pytest.mark.parametrize("status", [500, 429])
async def test_an_outage_loses_no_score(server: FakeLangfuse, tmp_path: Path, status: int) -> None:
    """What cannot be sent waits on disk."""
    server.status = status
    sink = sink_for(server, tmp_path)
    for number in range(10):
        sink.emit(score(number))
    await asyncio.to_thread(eventually, lambda: sink.stats().spooled >= 10)
    server.status = 200
    await asyncio.to_thread(eventually, lambda: len(server.scores) == 10)
    await sink.close()
    assert sink.stats().dropped == {}


async def test_scores_wait_for_the_next_process(server: FakeLangfuse, tmp_path: Path) -> None:
    """A new sink sends what the old one left."""
    server.status = 503
    old = sink_for(server, tmp_path, close_timeout_s=0.5)
    old.emit(score())
    await old.close()
    server.status = 200
    new = sink_for(server, tmp_path)
    await asyncio.to_thread(eventually, lambda: len(server.scores) == 1)
    await new.close()


async def test_a_refused_score_is_dropped_and_counted(server: FakeLangfuse, tmp_path: Path) -> None:
    """The same bytes would be refused again."""
    server.status = 400
    sink = sink_for(server, tmp_path)
    sink.emit(score())
    await sink.close()
    assert sink.stats().dropped == {"refused": 1}


async def test_without_langfuse_scores_are_lines_of_a_file(tmp_path: Path) -> None:
    """One JSON object each, with whose it is."""
    sink = ScoreFile(tmp_path / "scores.jsonl", 1_000_000)
    sink.emit(score())
    await sink.close()
    (line,) = (tmp_path / "scores.jsonl").read_text().splitlines()
    kept = json.loads(line)
    assert (kept["trace_id"], kept["tenant"], kept["name"], kept["value"]) == (TRACE, "acme", "thumbs-0", 1)


@pytest.mark.parametrize(
    ("text", "value"), [("true", True), ("False", False), ("4", 4), ("-0.5", -0.5), ("good", "good")]
)
def test_the_command_line_reads_a_value_as_what_it_is(text: str, value: object) -> None:
    """Without quoting rules to learn."""
    assert parse_value(text) == value


@pytest.mark.parametrize(("of", "result", "value"), [("hit", "same", 1), ("hit", "different", 0)])
def test_a_checked_cache_hit_is_judged(of: str, result: str, value: int) -> None:
    """A model compared the answer that was served with a fresh one."""
    trace = a_trace(steps=(Step("cache check", 1, 2, {"of": of, "result": result}),))
    assert {one.name: one.value for one in automatic_scores(trace, "production")}["gateway.judged"] == value


@pytest.mark.parametrize(("of", "result"), [("near miss", "different"), ("hit", "unsure"), ("hit", "over budget")])
def test_what_was_not_served_or_not_decided_is_not_judged(of: str, result: str) -> None:
    """No score rather than a guess."""
    trace = a_trace(steps=(Step("cache check", 1, 2, {"of": of, "result": result}),))
    assert "gateway.judged" not in {one.name for one in automatic_scores(trace, "production")}


def test_a_streams_answer_is_scored_when_it_was_checked_afterwards() -> None:
    """It could not have been escalated any more, so nothing is said of that."""
    trace = a_trace(steps=(Step("answer check", 1, 2, {"ok": True, "check": "", "wants_json": True}),))
    found = {one.name: one.value for one in automatic_scores(trace, "production")}
    assert (found["gateway.answer_ok"], found["gateway.schema_valid"]) == (1, 1)
    assert "gateway.escalated" not in found

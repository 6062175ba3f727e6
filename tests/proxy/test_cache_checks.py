"""Cached answers are compared with the model's, afterwards and within a budget; people's word counts, too."""

from __future__ import annotations

import json
from typing import Any

import httpx
from typer.testing import CliRunner

from plugins.cache_cli import cache_app
from tests.gateway import Running
from tests.waiting import eventually

TENANT = "checked"


def filled(running: Running, question: str, tenant: str = TENANT) -> None:
    """Ask until the answer is stored."""
    eventually(lambda: running.ask(question, tenant=tenant).headers["x-tierwise-cache"] == "exact")


def paraphrased(running: Running, question: str, tenant: str = TENANT) -> httpx.Response:
    reply = running.ask(f"Tell me, {question[0].lower()}{question[1:]}", tenant=tenant)
    assert reply.headers["x-tierwise-cache"] == "semantic"
    return reply


def check_of(trace: dict[str, Any]) -> dict[str, Any]:
    """What the trace says of its check."""
    return next(step["attributes"] for step in trace["steps"] if step["name"] == "cache check")


def thresholds(running: Running) -> dict[str, Any]:
    """`tierwise cache thresholds --json` on the gateway's own Redis."""
    path = running.state_dir.parent / "proxy_config.yaml"
    options = ["thresholds", "--config", str(path), "--json"]
    done = CliRunner().invoke(cache_app, options, env={"REDIS_URL": running.started.redis_url})
    assert done.exit_code == 0, done.output
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def test_a_hit_is_checked_behind_the_answer_and_paid(running: Running) -> None:
    """The client pays nothing and gets the cached answer; the check's cost is in the trace, beside what it found."""
    question = "What is the capital of Italy?"
    filled(running, question)
    calls = running.model_calls()
    reply = paraphrased(running, question)
    assert "Rome" in reply.text and float(reply.headers["x-tierwise-cost-usd"]) == 0
    trace = running.trace(reply.headers["x-tierwise-trace-id"])
    assert running.model_calls() == calls + 1
    check = check_of(trace)
    assert check["result"] == "same" and check["of"] == "hit" and check["score"] >= 0.5
    assert trace["outcome"] == "cached" and trace["cost_cache_check_micros"] == trace["cost_micros"] > 0
    ended = trace["ended_ns"]
    assert next(s for s in trace["steps"] if s["name"] == "cache check")["started_ns"] >= ended


def test_a_wrong_cached_answer_is_found_out(running: Running) -> None:
    """What differs from the model's own answer is told apart by a model, and counts against the threshold."""
    question = "What is the capital of Spain?"
    with running.fault("sim-small", "bad_answer"):
        filled(running, question)
    reply = paraphrased(running, question)
    check = check_of(running.trace(reply.headers["x-tierwise-trace-id"]))
    assert check["result"] == "different" and check["micros"] > 0


def test_others_are_not_checked(running: Running) -> None:
    """Without a share no model is asked behind a hit."""
    question = "What is the capital of Poland?"
    filled(running, question, "acme")
    calls = running.model_calls()
    reply = paraphrased(running, question, "acme")
    trace = running.trace(reply.headers["x-tierwise-trace-id"])
    assert running.model_calls() == calls and trace["cost_micros"] == 0
    assert not any(step["name"] == "cache check" for step in trace["steps"])


def test_feedback_on_a_cached_answer_moves_the_threshold(running: Running) -> None:
    """Thumbs down on two of two served paraphrases: what scored like them is served no more, for this tenant alone."""
    for place in ("Greece", "Hungary"):
        question = f"What is the capital of {place}?"
        filled(running, question, "globex")
        reply = paraphrased(running, question, "globex")
        trace_id = reply.headers["x-tierwise-trace-id"]
        running.trace(trace_id)
        told = {"trace_id": trace_id, "name": "thumbs", "value": False}
        assert running.post("/tierwise/feedback", told, "globex").status_code == 202

    def moved() -> bool:
        rows = [row for row in thresholds(running)["thresholds"] if row["tenant"] == "globex"]
        return bool(rows) and rows[0]["seen"]["bad"] + rows[0]["threshold"] > 1

    eventually(moved)


def test_tenants_that_both_opted_in_share_answers(running: Running) -> None:
    """One of a group answers for the other; a tenant outside of it asks a model."""
    question = "What is the capital of Sweden?"
    filled(running, question, "north")
    assert running.ask(question, tenant="south").headers["x-tierwise-cache"] == "exact"
    assert paraphrased(running, question, "south").status_code == 200
    assert running.ask(question, tenant="redacting").headers["x-tierwise-cache"] == "miss"

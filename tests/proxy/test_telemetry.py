"""What a gateway tells the outside about its requests: attempts, metrics, feedback."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
import typer
from typer.testing import CliRunner

from plugins.errors import StartError
from plugins.score_cli import score
from tests.gateway import Running
from tests.prompts import new_word
from tests.waiting import eventually

SCRAPED = ("tierwise_requests_total", "tierwise_provider_attempts_total", "tierwise_step_seconds_bucket")


def get_metrics(running: Running, key: str) -> httpx.Response:
    origin = running.started.base_url.removesuffix("/v1")
    return httpx.get(f"{origin}/metrics", headers={"Authorization": f"Bearer {key}"} if key else {}, timeout=30)


def send_feedback(running: Running, tenant: str = "acme", **changes: Any) -> httpx.Response:
    return running.post("/tierwise/feedback", {"name": "thumbs", "value": True, **changes}, tenant)


def test_each_failed_attempt_is_a_step_of_its_own(running: Running) -> None:
    """The trace says which deployment failed, how, and who answered instead, one after the other."""
    with running.fault("sim-small", "error500"):
        reply = running.ask(f"What is the capital of Ghana? {new_word()}", model="small", tenant="acme")
    assert reply.status_code == 200
    steps = [s for s in running.trace(reply.headers["x-tierwise-trace-id"])["steps"] if s["name"] == "attempt"]
    *failed, answered = steps
    assert failed
    for step in failed:
        assert step["attributes"]["error"] == "provider_unavailable"
        assert (step["attributes"]["provider"], step["attributes"]["model"]) == ("openai", "openai/sim-small")
        assert step["ended_ns"] <= answered["started_ns"]
    assert "error" not in answered["attributes"]
    assert answered["attributes"]["model"] != "openai/sim-small"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/responses", {"input": "Who wrote book number {}?"}),
        ("/messages", {"messages": [{"role": "user", "content": "Who wrote book number {}?"}], "max_tokens": 50}),
    ],
)
def test_a_failure_is_told_once_also_where_litellm_translates(
    running: Running, path: str, body: dict[str, Any]
) -> None:
    """Each failed call that the provider saw is one step."""
    asked = json.loads(json.dumps({"model": "small", **body}).replace("{}", new_word()))
    before = running.model_calls()
    with running.fault("sim-small", "error500"):
        reply = running.post(path, asked)
    steps = [s for s in running.trace(reply.headers["x-tierwise-trace-id"])["steps"] if s["name"] == "attempt"]
    assert len(steps) == running.model_calls() - before


def test_metrics_are_for_those_who_may_scrape(running: Running) -> None:
    """Without a token in the config only the master key reads them; a tenant's key does not."""
    for key in ("", running.keys["acme"], "sk-wrong"):
        refused = get_metrics(running, key)
        assert refused.status_code == 401
        assert refused.json()["error"]["code"] == "invalid_api_key"
    running.ask("What is the capital of Norway?")
    page = get_metrics(running, running.started.master_key)
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/plain")
    for name in SCRAPED:
        assert f"\n{name}{{" in page.text


def test_the_state_of_the_gateway_is_on_the_page(running: Running) -> None:
    """Deployments and the breaker come from the housekeeping, within a few seconds of the start."""
    key = running.started.master_key
    eventually(lambda: 'tierwise_deployments{group="small"} ' in get_metrics(running, key).text)
    text = get_metrics(running, key).text
    assert 'tierwise_deployments{group="small"} 1.0' in text
    assert "tierwise_breaker_open 0.0" in text


def test_feedback_is_kept_for_the_trace_that_it_names(running: Running) -> None:
    """Without Langfuse it is a line of scores.jsonl in the state folder."""
    trace_id = running.ask("What is the capital of Kenya?").headers["x-tierwise-trace-id"]
    reply = send_feedback(running, trace_id=trace_id, value=False, comment="no")
    assert reply.status_code == 202, reply.text
    path = running.state_dir / "scores.jsonl"

    def kept() -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in path.read_text().split("\n") if line] if path.exists() else []
        return [line for line in lines if line["trace_id"] == trace_id]

    eventually(kept)
    (line,) = kept()
    assert (line["tenant"], line["app"], line["name"], line["value"]) == ("acme", "web", "thumbs", 0)
    assert (
        'tierwise_feedback_total{cache="miss",verdict="bad"}' in get_metrics(running, running.started.master_key).text
    )


def test_the_command_line_sends_feedback(running: Running) -> None:
    """`tierwise score` with the key of the application that asked; a wrong key is told in one line."""
    trace_id = running.ask("What is the capital of Samoa?").headers["x-tierwise-trace-id"]
    app = typer.Typer()
    app.command()(score)
    arguments = [trace_id, "helpful", "4", "--base-url", running.started.base_url, "--json", "--api-key"]
    done = CliRunner().invoke(app, [*arguments, running.keys["acme"]])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["trace_id"] == trace_id
    refused = CliRunner().invoke(app, [*arguments, running.keys["globex"]])
    assert isinstance(refused.exception, StartError)
    assert "trace_id" in str(refused.exception)


def test_a_body_that_cannot_be_read_is_traced_with_its_tenant(running: Running) -> None:
    """Whose client is broken is worth knowing."""
    reply = running.post("/chat/completions", {"model": "auto", "messages": "hello"})
    assert reply.status_code == 400
    trace = running.trace(reply.headers["x-tierwise-trace-id"])
    assert (trace["tenant"], trace["app"], trace["outcome"]) == ("acme", "web", "refused")


def test_nobody_judges_the_requests_of_another_tenant(running: Running) -> None:
    """Not even with the right trace id; and no one learns that it exists."""
    trace_id = running.ask("What is the capital of Malta?").headers["x-tierwise-trace-id"]
    assert send_feedback(running, trace_id=trace_id).status_code == 202
    stolen = send_feedback(running, "globex", trace_id=trace_id)
    unknown = send_feedback(running, "globex", trace_id="1" * 32)
    assert stolen.status_code == unknown.status_code == 404
    assert stolen.json() == unknown.json()


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"{", 400), (b"[]", 400), (b'{"trace_id": 5}', 400), (b'{"x": "' + b"y" * 70_000 + b'"}', 413)],
)
def test_bad_feedback_is_refused(running: Running, body: bytes, status: int) -> None:
    """With the same errors as everywhere."""
    reply = running.post("/tierwise/feedback", body)
    assert reply.status_code == status
    assert reply.json()["error"]["message"]


def test_feedback_needs_a_key(running: Running) -> None:
    """The master key is no tenant's."""
    for key in ("sk-wrong", running.started.master_key):
        reply = running.post(
            "/tierwise/feedback",
            {"trace_id": "1" * 32, "name": "thumbs", "value": 1},
            Authorization=f"Bearer {key}",
        )
        assert reply.status_code == 401

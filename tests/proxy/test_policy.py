"""What a tenant's policy does with a request, at every endpoint that takes text, plain and streamed: what the provider
was sent, by its own books, and what the client is told."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.gateway import Running
from tests.prompts import new_word

PATHS = ("/chat/completions", "/responses", "/messages")
EU = {"sim-mid", "sim-onprem"}  # tests/proxy/conftest.py tags them
by_endpoint = pytest.mark.parametrize("path", PATHS)
streamed = pytest.mark.parametrize("stream", [False, True], ids=("plain", "stream"))


def body(path: str, text: str, model: str = "auto", **more: Any) -> dict[str, Any]:
    if path == "/responses":
        return {"model": model, "input": text, "max_output_tokens": 100, **more}
    return {"model": model, "messages": [{"role": "user", "content": text}], "max_tokens": 100, **more}


def fresh(text: str) -> str:
    """Never asked before, so never cached."""
    return f"{text} (case {new_word()})"


def hash_of(running: Running, text: str) -> str:
    """The simulator's mark of this very text."""
    asked = {"model": "sim-mid", "messages": [{"role": "user", "content": text}], "max_tokens": 1}
    url = f"{running.started.simulator_url}/chat/completions"
    httpx.post(url, json=asked, headers={"Authorization": "Bearer x"}).raise_for_status()
    return str(running.latest_call("sim-mid")["prompt_hash"])


def asked_models(running: Running) -> dict[str, int]:
    books = httpx.get(f"{running.origin}/control/calls").json()["by_model"]
    return {model: row["calls"] for model, row in books.items()}


@by_endpoint
@streamed
def test_redacted_content_does_not_reach_the_provider(running: Running, path: str, stream: bool) -> None:
    """It was sent placeholders, the same for the same content, of the customer's own kinds too, and nothing else."""
    ask = fresh("Write to {0} and copy {0}, about {1}.")
    private = ask.format("jane.roe@example.org", "PRJ-2231")
    reply = running.post(path, body(path, private, "small", stream=stream), "redacting")
    assert reply.status_code == 200
    seen = running.latest_call("sim-small")["prompt_hash"]
    assert seen == hash_of(running, ask.format("<EMAIL_1>", "<PROJECT_1>"))
    assert seen != hash_of(running, private)
    assert "jane.roe" not in str(running.trace(reply.headers["x-tierwise-trace-id"]))


@by_endpoint
@streamed
@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Write to jane.roe@example.org.", "email"),
        ("Where is PRJ-2231?", "project"),
        ("For internal eyes only", "label"),
    ],
)
def test_a_refusal_names_the_kind_and_costs_nothing(
    running: Running, path: str, stream: bool, text: str, kind: str
) -> None:
    """A 400 in OpenAI's shape, without the content; no model is called and nothing charged."""
    before = running.model_calls()
    reply = running.post(path, body(path, text, stream=stream), "refusing")
    assert reply.status_code == 400
    error = reply.json()["error"]
    assert error["code"] == "sensitive_content" and f"({kind})" in error["message"]
    assert text not in reply.text
    assert running.model_calls() == before
    assert running.trace(reply.headers["x-tierwise-trace-id"])["cost_micros"] == 0


@by_endpoint
@pytest.mark.parametrize("text", ["When does PRJ-2231 end?", "FOR INTERNAL EYES ONLY: when does the project end?"])
def test_a_customers_own_kinds_stay_on_premise(running: Running, path: str, text: str) -> None:
    """Like personal data, whatever model was named."""
    reply = running.post(path, body(path, fresh(text), "frontier"))
    assert (reply.status_code, reply.headers["x-tierwise-tier"]) == (200, "onprem")


@by_endpoint
@pytest.mark.parametrize("way", ["header", "metadata"])
def test_what_the_caller_declares_holds(running: Running, path: str, way: str) -> None:
    """In a header or in the metadata: on premise for one tenant, refused for the other."""
    headers = {"x-tierwise-sensitive": "true"} if way == "header" else {}
    more: dict[str, Any] = {"metadata": {"tierwise_sensitive": "true"}} if way == "metadata" else {}
    asked = body(path, fresh("Name a tree, please."), "frontier", **more)
    reply = running.post(path, asked, **headers)
    assert (reply.status_code, reply.headers["x-tierwise-tier"]) == (200, "onprem")
    refused = running.post(path, asked, "refusing", **headers)
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "sensitive_content")
    assert "(declared)" in refused.json()["error"]["message"]


@by_endpoint
@streamed
@pytest.mark.parametrize("model", ["auto", "small", "frontier"])
def test_a_regional_tenant_stays_in_its_region(running: Running, path: str, stream: bool, model: str) -> None:
    """Only models tagged with the region are asked, whatever was named."""
    before = asked_models(running)
    reply = running.post(path, body(path, fresh("Name a tree, please."), model, stream=stream), "regional")
    after = asked_models(running)
    assert reply.status_code == 200 and reply.text
    assert {name for name in after if after[name] != before.get(name, 0)} <= EU


@by_endpoint
@streamed
def test_a_region_that_is_down_fails_closed(running: Running, path: str, stream: bool) -> None:
    """The client is told to retry; no model outside was asked, though all of those are well."""
    before = asked_models(running)
    rules = [{"model": name, "fault": "error500"} for name in sorted(EU)]
    httpx.put(f"{running.origin}/control/faults", json={"rules": rules}).raise_for_status()
    try:
        reply = running.post(path, body(path, fresh("Name a tree, please."), stream=stream), "regional")
    finally:
        httpx.delete(f"{running.origin}/control/faults").raise_for_status()
    after = asked_models(running)
    assert reply.status_code == 503
    assert reply.json()["error"]["code"] == "provider_unavailable"
    assert {name for name in after if after[name] != before.get(name, 0)} <= EU
    assert running.trace(reply.headers["x-tierwise-trace-id"])["cost_micros"] == 0


@by_endpoint
def test_a_region_without_a_model_is_said(running: Running, path: str) -> None:
    """The error names the region and says that nothing was sent."""
    before = running.model_calls()
    reply = running.post(path, body(path, fresh("Name a tree, please.")), "elsewhere")
    assert reply.status_code == 503
    assert "region: antarctica" in reply.json()["error"]["message"]
    assert running.model_calls() == before

"""One trace of each kind of request, as a real gateway writes it: every field is there, and says the truth."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from bench.tracing_mix import FORGED, forged_headers, forged_metadata
from tests.gateway import Running
from tests.prompts import new_word

Json = dict[str, Any]
CLIENT_TRACE = "00-" + "ab" * 16 + "-" + "cd" * 8 + "-01"
DECLARED = {"x-tierwise-feature": "checkout", "x-tierwise-session": "s-1", "traceparent": CLIENT_TRACE}
FIELDS = {"/chat/completions": "messages", "/responses": "input", "/messages": "messages"}


def body_of(path: str, prompt: str, **more: Any) -> Json:
    text = prompt if FIELDS[path] == "input" else [{"role": "user", "content": prompt}]
    limit = {} if path == "/responses" else {"max_tokens": 60}
    return {"model": "auto", FIELDS[path]: text, **limit, **more}


def traced(
    running: Running,
    prompt: str,
    path: str = "/chat/completions",
    headers: Mapping[str, str] | None = None,
    **more: Any,
) -> Json:
    """The trace of one request of a tenant whose content is captured."""
    reply = running.post(path, body_of(path, prompt, **more), "traced", **(headers or {}))
    return running.trace(reply.headers["x-tierwise-trace-id"])


def steps_of(trace: Json, name: str) -> list[Json]:
    return [step["attributes"] for step in trace["steps"] if step["name"] == name]


def test_a_plain_request_tells_everything(running: Running) -> None:
    """Who asked, for what, what was decided and why, who answered, what it took and cost, and what is left."""
    trace = traced(running, f"Name a river, please. {new_word()}", headers=DECLARED, user="u-7")
    assert (trace["tenant"], trace["app"], trace["feature"]) == ("traced", "web", "checkout")
    assert (trace["end_user"], trace["session"], trace["traceparent"]) == ("u-7", "s-1", CLIENT_TRACE)
    assert (trace["environment"], trace["endpoint"], trace["requested_model"]) == ("production", "chat", "auto")
    assert (trace["outcome"], trace["status"], trace["error_code"]) == ("answered", 200, "")
    assert trace["task"] and trace["layer"] == "scored" and 0 < trace["score"] < trace["threshold"] and trace["reason"]
    assert (trace["tier"], trace["model"], trace["provider"]) == ("small", "openai/sim-small", "openai")
    assert trace["deployment"] and trace["residency"] == "any" and trace["cache"] == "miss" and trace["cache_reason"]
    assert trace["input_tokens"] > 0 and trace["output_tokens"] > 0
    assert trace["cost_exact"] and trace["cost_micros"] == trace["cost_model_micros"] > 0
    assert trace["saved_micros"] == trace["baseline_micros"] - trace["cost_micros"] > 0
    assert 0 < trace["budget_left_micros"] < 50_000_000
    assert trace["started_ns"] < trace["ended_ns"] and trace["input"].startswith("Name a river") and trace["output"]
    assert (trace["fallbacks"], trace["escalations"], trace["variant"]) == (0, 0, "")
    names = [step["name"] for step in trace["steps"]]
    assert names[:6] == ["policy", "cache", "classify", "reserve", "attempt", "settle"]
    (classified,) = steps_of(trace, "classify")
    assert {"task", "layer", "tier", "score", "threshold", "reason"} <= classified.keys()
    (attempt,) = steps_of(trace, "attempt")
    assert {name: attempt[name] for name in ("model", "provider", "deployment")} == {
        name: trace[name] for name in ("model", "provider", "deployment")
    }


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("path", FIELDS)
def test_who_answered_is_named_alike_at_every_endpoint(running: Running, path: str, stream: bool) -> None:
    """The model as it is configured, its provider and deployment: also of a stream, whose pieces carry the name that
    the client sent."""
    trace = traced(running, f"Name a lake, please. {new_word()}", path, model="mid", stream=stream)
    assert (trace["tier"], trace["model"], trace["provider"]) == ("mid", "openai/sim-mid", "openai")
    assert trace["deployment"] and trace["output"]
    assert (trace["first_token_ns"] is not None) == stream


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("path", FIELDS)
def test_who_answered_instead_is_named(running: Running, path: str, stream: bool) -> None:
    """After a failure: the model and tier of the answer, how many attempts failed before it, and each as a step."""
    with running.fault("sim-mid", "error500"):
        trace = traced(running, f"Name a hill, please. {new_word()}", path, model="mid", stream=stream)
    assert trace["outcome"] == "answered" and trace["fallbacks"] == len(steps_of(trace, "attempt")) - 1 > 0
    *failed, answered = steps_of(trace, "attempt")
    assert {step["model"] for step in failed} == {"openai/sim-mid"}
    assert answered["model"] == trace["model"] == f"openai/sim-{trace['tier']}" != "openai/sim-mid"
    assert trace["tier"] in trace["reason"]


def test_a_cached_answer_is_told_with_what_it_saved(running: Running) -> None:
    """Exact and semantic: nothing charged, the baseline's price saved, and the text that went out."""
    first = traced(running, "How do I return a pair of shoes that I ordered?")
    exact = traced(running, "How do I return a pair of shoes that I ordered?")
    near = traced(running, "How can I return a pair of shoes that I ordered?")
    assert (exact["cache"], near["cache"]) == ("exact", "semantic")
    assert near["cache_distance"] > 0 and "score" in near["cache_reason"]
    for hit in (exact, near):
        assert (hit["outcome"], hit["cost_micros"], hit["cost_exact"]) == ("cached", 0, True)
        assert hit["saved_micros"] == hit["baseline_micros"] > 0
        assert {name: hit[name] for name in ("output", "task", "tier", "model", "output_tokens")} == {
            name: first[name] for name in ("output", "task", "tier", "model", "output_tokens")
        }


def test_a_bypass_says_why(running: Running) -> None:
    """A request may refuse the cache, and what must stay on premise may be kept from it."""
    refused = traced(running, "Name a tree, please.", headers={"Cache-Control": "no-cache"})
    declared = traced(running, "Name a tree, please.", headers={"x-tierwise-sensitive": "true"})
    assert (refused["cache"], refused["cache_reason"]) == ("bypass", "the request says no-cache")
    assert declared["cache"] == "bypass" and "sensitive" in declared["cache_reason"]
    assert (declared["residency"], declared["tier"]) == ("on_premise", "onprem")
    assert declared["input"] == declared["output"] == ""


def test_vectors_save_no_more_than_they_cost(running: Running) -> None:
    """No tier can embed: a call saves nothing, and a hit the price of the model that made the vectors."""
    asked = {"model": "embed", "input": [f"one text {new_word()} " * 40]}
    made, again = (
        running.trace(running.post("/embeddings", asked, "traced").headers["x-tierwise-trace-id"]) for _ in range(2)
    )
    assert (made["model"], made["tier"], made["saved_micros"]) == ("openai/sim-embed", "embed", 0)
    assert (again["cache"], again["cost_micros"]) == ("exact", 0)
    assert again["saved_micros"] == made["cost_micros"] > 0


def test_an_escalated_request_names_both_models(running: Running) -> None:
    """The first one's answer was wanting; the second one's went out, and its cost stands apart."""
    for n in range(5):  # escalations are a share of a tenant's answers
        traced(running, f"Name a flower, please. {n} {new_word()}")
    with running.fault("sim-small", "refuse"):
        trace = traced(running, f"What is 41 plus 17? {new_word()}", model="small")
    assert (trace["escalations"], trace["tier"], trace["model"]) == (1, "mid", "openai/sim-mid")
    assert trace["cost_micros"] == trace["cost_model_micros"] + trace["cost_escalation_micros"]
    (attempt,), (again,) = steps_of(trace, "attempt"), steps_of(trace, "escalate")
    assert (attempt["model"], again["model"], again["provider"]) == ("openai/sim-small", "openai/sim-mid", "openai")
    (check,) = steps_of(trace, "escalation check")
    assert (check["ok"], check["check"]) == (False, "refusal")


@pytest.mark.parametrize(
    ("tenant", "more", "status", "code"),
    [
        ("capped", {}, 429, "insufficient_quota"),
        ("narrow", {"model": "frontier"}, 403, "model_not_allowed"),
        ("traced", {"model": "no-such-model"}, 404, "model_not_found"),
        ("traced", {"temperature": "hot"}, 400, "invalid_request"),
        ("nobody", {}, 401, "invalid_api_key"),
    ],
)
def test_a_refusal_has_its_class(running: Running, tenant: str, more: Json, status: int, code: str) -> None:
    """Whoever refuses, the trace has the code that the client got, and no cost."""
    key = running.keys.get(tenant, "sk-tw-unknown")
    reply = httpx.post(
        f"{running.started.base_url}/chat/completions",
        json=body_of("/chat/completions", "Name a bird.", **more),
        headers={"Authorization": f"Bearer {key}"},
        timeout=60,
    )
    trace = running.trace(reply.headers["x-tierwise-trace-id"])
    assert (
        (reply.status_code, reply.json()["error"]["code"]) == (status, code) == (trace["status"], trace["error_code"])
    )
    assert (trace["outcome"], trace["cost_micros"], trace["cost_exact"]) == ("refused", 0, True)
    assert trace["tenant"] == ("" if tenant == "nobody" else tenant)


def test_a_client_that_left_is_told_with_what_it_may_have_cost(running: Running) -> None:
    """The charge is a bound, and the model is known."""
    url, headers = f"{running.started.base_url}/chat/completions", {"Authorization": f"Bearer {running.keys['traced']}"}
    body = body_of("/chat/completions", f"Describe a room at length. {new_word()}", model="mid", stream=True)
    with running.fault("sim-mid", "stall", seconds=2.0), httpx.stream("POST", url, headers=headers, json=body) as reply:
        next(reply.iter_raw())
        trace_id = reply.headers["x-tierwise-trace-id"]
        time.sleep(0.1)
    trace = running.trace(trace_id)
    assert (trace["outcome"], trace["model"], trace["cost_exact"]) == ("aborted", "openai/sim-mid", False)
    assert trace["cost_micros"] > 0 and trace["first_token_ns"] is not None


def test_nobody_passes_for_another(running: Running) -> None:
    """Neither headers nor fields change whose trace it is, its id, or any word of it."""
    other = traced(running, f"Name a bridge, please. {new_word()}")["trace_id"]
    headers = {**forged_headers(other), **DECLARED}
    trace = traced(running, f"Name a tower, please. {new_word()}", headers=headers, metadata=forged_metadata(other))
    assert trace["trace_id"] != other and FORGED not in str(trace)
    assert (trace["tenant"], trace["app"], trace["session"]) == ("traced", "web", "s-1")

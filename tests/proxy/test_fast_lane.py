"""The fast lane changes nothing but the time: the same requests to a gateway with it and to one without."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.gateway import Running, gateway
from tests.proxy.conftest import extended

Json = dict[str, Any]
# What two gateways cannot have in common: clocks, ids and keys of their own.
OWN_HEADERS = {"date", "content-length", "request-id", "x-tierwise-trace-id", "x-tierwise-cache-age"}
OWN_TRACE = {
    "time",
    "trace_id",
    "id",
    "key_id",
    "started_ns",
    "ended_ns",
    "first_token_ns",
    "deployment",
    "cache_age_s",
}
OWN_STEP = {"started_ns", "ended_ns"}
COUNTED = re.compile(r"^(tierwise_(?!.*(?:seconds|_created|queue|process|in_flight)).*\}?) ([0-9.e+-]+)$", re.M)
ABOUT = "Explain in detail how a heat pump warms a house in winter, with numbers."
CAPITAL = "What is the capital of Portugal?"
IBAN = "Is GB33BUKB20201555555555 a valid IBAN?"


def chat(prompt: str, **more: Any) -> Json:
    return {"model": "auto", "messages": [{"role": "user", "content": prompt}], "max_tokens": 200, **more}


# (tenant, body, headers), in an order in which later ones find what earlier ones left.
REQUESTS: list[tuple[str, Json, dict[str, str]]] = [
    ("acme", chat(CAPITAL), {}),
    ("acme", chat(CAPITAL), {}),
    ("acme", chat(CAPITAL, stream=True), {}),
    ("acme", chat(CAPITAL, stream=True, stream_options={"include_usage": True}), {}),
    ("acme", chat("Please tell me: what is the capital of Portugal?"), {}),
    ("acme", chat(CAPITAL), {"Cache-Control": "no-cache"}),
    ("acme", chat(CAPITAL), {"Cache-Control": "no-store"}),
    ("acme", chat(CAPITAL), {"Origin": "https://app.example"}),
    ("acme", chat(CAPITAL), {"Accept-Encoding": "identity"}),
    ("acme", chat(CAPITAL), {"x-tierwise-feature": "faq", "x-tierwise-session": "s1"}),
    ("acme", chat(CAPITAL, user="u1", metadata={"a": "b"}, service_tier="auto"), {}),
    ("acme", chat(CAPITAL, model="small"), {}),
    ("acme", chat(CAPITAL, model="small"), {}),
    ("acme", chat(CAPITAL, model="nothing-like-it"), {}),
    ("acme", chat(CAPITAL, temperature=9), {}),
    ("acme", chat(ABOUT, stream=True), {}),
    ("acme", chat(ABOUT), {}),
    ("acme", chat(ABOUT, stream=True), {}),
    ("acme", chat(CAPITAL, tools=[{"type": "function", "function": {"name": "f", "parameters": {}}}]), {}),
    ("acme", chat("Give me JSON.", response_format={"type": "json_object"}), {}),
    ("acme", chat("Give me JSON.", response_format={"type": "json_object"}), {}),
    ("acme", chat(IBAN), {}),
    ("acme", chat(IBAN), {}),
    ("acme", chat(CAPITAL), {"x-tierwise-sensitive": "true"}),
    ("globex", chat(CAPITAL), {}),
    ("globex", chat(CAPITAL), {}),
    ("redacting", chat("Write to ann.lee@example.com that we are late."), {}),
    ("redacting", chat("Write to ann.lee@example.com that we are late."), {}),
    ("refusing", chat(IBAN), {}),
    ("narrow", chat(CAPITAL, model="frontier"), {}),
    ("narrow", chat(CAPITAL), {}),
    ("narrow", chat(CAPITAL), {}),
    ("capped", chat(CAPITAL), {}),
    ("acme", chat(CAPITAL), {"Authorization": "Bearer sk-unknown"}),
    ("acme", chat(CAPITAL), {"Authorization": ""}),
]


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The same gateway, with every request going through LiteLLM's whole application."""
    with gateway(tmp_path_factory.mktemp("slow"), {"fast_lane": False}, extended) as started:
        yield started


@pytest.fixture(scope="module")
def fast(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A gateway of its own, as nothing may be in its cache before."""
    with gateway(tmp_path_factory.mktemp("fast"), {"fast_lane": True}, extended) as started:
        yield started


def told(reply: httpx.Response) -> Json:
    """What a client is told, without ids and times; of a stream, what its pieces make together."""
    if not reply.headers["content-type"].startswith("text/event-stream"):
        body = reply.json()
        usage = {
            name: value for name, value in (body.get("usage") or {}).items() if name != "cost"
        }  # LiteLLM's, of streams
        return {
            **body,
            "id": "",
            "created": 0,
            "usage": usage,
            "choices": [_plain(c) for c in body.get("choices") or []],
        }
    *sent, last = reply.text.strip().split("\n\n")
    chunks = [json.loads(event.removeprefix("data: ")) for event in sent]
    deltas = [choice for chunk in chunks for choice in chunk["choices"]]
    usage = next(chunk["usage"] for chunk in reversed(chunks) if chunk.get("usage"))
    return {
        "last": last,
        "content": "".join(d["delta"].get("content") or "" for d in deltas),
        "roles": [d["delta"]["role"] for d in deltas if d["delta"].get("role")][:1],
        "ended": [d["finish_reason"] for d in deltas if d.get("finish_reason")],
        "model": {chunk["model"] for chunk in chunks},
        "ids": len({chunk["id"] for chunk in chunks}),
        "tokens": [usage[name] for name in ("prompt_tokens", "completion_tokens", "total_tokens")],
    }


def _plain(choice: Json) -> Json:
    """Without LiteLLM's fields beside OpenAI's, which it makes anew on every way."""
    message = {k: v for k, v in (choice.get("message") or {}).items() if k != "provider_specific_fields"}
    if calls := message.get("tool_calls"):
        message["tool_calls"] = [call["function"] for call in calls]  # their ids are the provider's
    return {**{k: v for k, v in choice.items() if k != "provider_specific_fields"}, "message": message}


def traced(running: Running, reply: httpx.Response) -> Json:
    trace = running.trace(reply.headers["x-tierwise-trace-id"])
    steps = [{k: v for k, v in step.items() if k not in OWN_STEP} for step in trace["steps"]]
    for step in steps:  # the deployments' ids are each gateway's own
        step["attributes"] = {k: v for k, v in step["attributes"].items() if k != "deployment"}
    return {name: value for name, value in trace.items() if name not in OWN_TRACE} | {"steps": steps}


def seen(running: Running, tenant: str, body: Json, headers: dict[str, str]) -> Json:
    """Everything that this request did, as far as another gateway can do the same."""
    reply = running.post("/chat/completions", body, tenant, **headers)
    kept = {name: value for name, value in reply.headers.items() if name not in OWN_HEADERS}
    trace = traced(running, reply)
    return {"status": reply.status_code, "headers": kept, "told": told(reply), "trace": trace}


def counted(running: Running) -> dict[str, float]:
    """The gateway's counters by name and labels."""
    page = httpx.get(
        f"{running.started.base_url.removesuffix('/v1')}/metrics",
        headers={"Authorization": f"Bearer {running.started.master_key}"},
        timeout=30,
    )
    return {name: float(value) for name, value in COUNTED.findall(page.text)}


def test_the_fast_lane_changes_nothing_that_can_be_seen(fast: Running, slow: Running) -> None:
    """Status, headers, body, trace of each request; after all of them the counters and what is left of the budget."""
    kinds, differences = [], []
    for number, request in enumerate(REQUESTS):
        quick, through_litellm = seen(fast, *request), seen(slow, *request)
        parts = [part for part in quick if quick[part] != through_litellm[part]]
        differences += [(number, quick[part], through_litellm[part]) for part in parts]
        kinds.append(quick["headers"].get("x-tierwise-cache"))
    assert not differences
    assert kinds.count("exact") >= 10 and "semantic" in kinds and "bypass" in kinds
    assert counted(fast) == pytest.approx(counted(slow), rel=1e-9)  # workers' dollars are added in any order
    assert any("tenant" in name for name in counted(fast))
    assert fast.model_calls() == slow.model_calls()


def test_the_fast_lane_is_taken(fast: Running, slow: Running) -> None:
    """A streamed hit comes in one piece from the lane, and word by word from LiteLLM."""
    body = chat("Name the longest river of Europe in a short sentence, please.")
    pieces = []
    for running in (fast, slow):
        running.post("/chat/completions", body)
        running.post("/chat/completions", body)
        streamed = running.post("/chat/completions", {**body, "stream": True})
        assert streamed.headers["x-tierwise-cache"] == "exact"
        pieces.append(streamed.text.count('"content":'))
    assert pieces[0] == 1 < pieces[1]

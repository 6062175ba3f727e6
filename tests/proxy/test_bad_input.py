"""Bad input: a clear 4xx in OpenAI's shape, no model call, nothing held, nobody's internals in the text."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest

from tests.gateway import Running
from tests.prompts import new_word

GOOD: dict[str, Any] = {"model": "auto", "messages": [{"role": "user", "content": "hello"}]}
INTERNALS = re.compile(r"Traceback|litellm|\.py|Exception|object at 0x|<class|NoneType", re.I)

CASES: dict[str, tuple[object, int]] = {
    "no body": (b"", 400),
    "not JSON": (b"{", 400),
    "a JSON list": (b"[]", 400),
    "not UTF-8": (b'{"model": "auto", "messages": [{"role": "user", "content": "\xff\xfe"}]}', 400),
    "half a surrogate": (b'{"model": "auto", "messages": [{"role": "user", "content": "\\ud800"}]}', 400),
    "NaN": (b'{"model": "auto", "temperature": NaN, "messages": [{"role": "user", "content": "x"}]}', 400),
    "nested a million deep": (b"[" * 1_000_000, 400),
    "no model": ({"messages": GOOD["messages"]}, 400),
    "model is a number": ({**GOOD, "model": 5}, 400),
    "model is a list": ({**GOOD, "model": ["auto"]}, 400),
    "unknown model": ({**GOOD, "model": "gpt-9"}, 404),
    "a provider's own name": ({**GOOD, "model": "openai/sim-frontier"}, 404),
    "model is an address": ({**GOOD, "model": "https://evil.example/v1"}, 400),
    "no messages": ({"model": "auto"}, 400),
    "empty messages": ({**GOOD, "messages": []}, 400),
    "messages is a string": ({**GOOD, "messages": "hello"}, 400),
    "a message is a string": ({**GOOD, "messages": ["hello"]}, 400),
    "a message without role": ({**GOOD, "messages": [{"content": "hello"}]}, 400),
    "an unknown role": ({**GOOD, "messages": [{"role": "king", "content": "hello"}]}, 400),
    "content is a number": ({**GOOD, "messages": [{"role": "user", "content": 7}]}, 400),
    "content is null": ({**GOOD, "messages": [{"role": "user", "content": None}]}, 400),
    "a part is a string": ({**GOOD, "messages": [{"role": "user", "content": ["x"]}]}, 400),
    "an image without address": ({**GOOD, "messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, 400),
    "a part of Anthropic's": ({**GOOD, "messages": [{"role": "user", "content": [{"type": "tool_result"}]}]}, 400),
    "empty prompt": ({**GOOD, "messages": [{"role": "user", "content": "  \n"}]}, 400),
    "temperature is a string": ({**GOOD, "temperature": "hot"}, 400),
    "temperature is 9": ({**GOOD, "temperature": 9}, 400),
    "max_tokens is negative": ({**GOOD, "max_tokens": -1}, 400),
    "max_tokens is text": ({**GOOD, "max_tokens": "many"}, 400),
    "n is zero": ({**GOOD, "n": 0}, 400),
    "stream is a string": ({**GOOD, "stream": "yes"}, 400),
    "tools is a string": ({**GOOD, "tools": "hammer"}, 400),
    "response_format is a string": ({**GOOD, "response_format": "json"}, 400),
    "user is a number": ({**GOOD, "user": 5}, 400),
    "stop is an object": ({**GOOD, "stop": {}}, 400),
    "stream_options is a string": ({**GOOD, "stream": True, "stream_options": "x"}, 400),
}


def held_micros(running: Running, tenant: str = "acme") -> int:
    """What a tenant has left, so that a test can see whether anything stayed held."""
    reply = running.ask("What is the capital of Malta?", model="small", tenant=tenant)
    return round(float(reply.headers["x-tierwise-budget-remaining-usd"]) * 1e6)


@pytest.mark.parametrize("name", CASES)
def test_bad_input_is_a_clear_4xx(running: Running, name: str) -> None:
    """Each kind of bad body is refused with what was wrong, and no model is called for it."""
    body, status = CASES[name]
    before = running.model_calls()
    reply = running.post("/chat/completions", body)
    assert reply.status_code == status, reply.text
    error = reply.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert len(error["message"]) > 15 and not INTERNALS.search(reply.text)
    assert running.model_calls() == before


def test_bad_input_leaves_no_hold_behind(running: Running) -> None:
    """After every bad request the tenant has just as much left as before."""
    before = held_micros(running)
    for body, _ in CASES.values():
        running.post("/chat/completions", body)
    assert held_micros(running) == before


def test_an_oversized_body_is_413_without_being_read(running: Running) -> None:
    """More than the configured bytes are refused with the limit in the message."""
    reply = running.post("/chat/completions", b" " * (16 * 1024 * 1024 + 1))
    assert (reply.status_code, reply.json()["error"]["code"]) == (413, "request_too_large")


@pytest.mark.parametrize(
    "switch",
    [
        {"metadata": {"tierwise": {"tenant": "globex"}, "user_api_key_team_id": "globex"}},
        {"mock_response": "free lunch"},
        {"api_base": "http://127.0.0.1:9/v1", "api_key": "stolen"},
        {"fallbacks": ["frontier"], "num_retries": 9},
        {"litellm_call_id": "0" * 32, "litellm_metadata": {"user_api_key": "x"}},
        {"cache": {"no-cache": True}, "caching": False},
        {"tags": ["globex"], "guardrails": [], "user_config": {}},
    ],
)
def test_switches_of_the_proxy_are_ignored(running: Running, switch: dict[str, Any]) -> None:
    """A client cannot steer LiteLLM, forge who pays, or be answered for nothing."""
    reply = running.ask(f"What is the capital of Cuba? {new_word()}", **switch)
    assert reply.status_code == 200
    assert "free lunch" not in reply.text
    trace = running.trace(reply.headers["x-tierwise-trace-id"])
    assert (trace["tenant"], trace["app"]) == ("acme", "web")
    assert trace["cost_micros"] > 0


def test_headers_cannot_choose_the_call_id_or_the_tenant(running: Running) -> None:
    """LiteLLM's and Langfuse's steering headers are taken out."""
    forged = "f" * 32
    reply = running.post(
        "/chat/completions",
        GOOD,
        **{"x-litellm-call-id": forged, "langfuse_trace_id": forged, "x-litellm-tags": "globex"},
    )
    assert reply.headers["x-tierwise-trace-id"] != forged
    assert not [name for name in reply.headers if name.startswith(("x-litellm", "llm_provider"))]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("schema", [{"type": "string"}, {"a": 1}])
def test_a_provider_that_refuses_a_tool_is_quoted(running: Running, schema: object, stream: bool) -> None:
    """Its sentence, not its whole body; and no 503, as nothing failed."""
    body = {**GOOD, "model": "small", "max_tokens": 20, "tools": [{"name": "f", "input_schema": schema}]}
    reply = running.post("/messages", {**body, "stream": stream})
    assert reply.status_code == 400, reply.text
    assert reply.json()["error"]["message"].startswith("Invalid schema for function 'f'")


@pytest.mark.parametrize("path", ["/key/generate", "/v1/files", "/config/update", "/openai/v1/models", "/nothing"])
def test_other_paths_are_closed(running: Running, path: str) -> None:
    """Administration and pass-through are not reachable with a tenant's key."""
    url = running.started.base_url.removesuffix("/v1") + path
    reply = httpx.post(url, json={}, headers={"Authorization": f"Bearer {running.keys['acme']}"}, timeout=30)
    assert (reply.status_code, reply.json()["error"]["code"]) == (404, "not_found")


def test_a_get_on_a_post_path_is_refused(running: Running) -> None:
    """The method is named in the refusal."""
    reply = httpx.get(f"{running.started.base_url}/chat/completions", timeout=30)
    assert reply.status_code == 400
    assert reply.json()["error"]["code"] == "method_not_allowed"

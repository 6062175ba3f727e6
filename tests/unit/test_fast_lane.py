"""When a hit may be answered in front of LiteLLM, by whose key, and as what."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from plugins import fast_lane

SHIPPED = yaml.safe_load((Path(__file__).parents[2] / "proxy_config.yaml").read_text(encoding="utf-8"))
ANSWER: dict[str, Any] = {
    "id": "chatcmpl-1",
    "created": 1,
    "model": "auto",
    "object": "chat.completion",
    "system_fingerprint": "fp",
    "choices": [
        {
            "index": 0,
            "finish_reason": "stop",
            "message": {"role": "assistant", "content": "Vi\u00e9nna.", "provider_specific_fields": {"refusal": None}},
        }
    ],
    "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
}


def scope(**headers: str) -> dict[str, Any]:
    named = ((name.replace("_", "-"), value) for name, value in headers.items())
    return {"headers": [(name.encode(), value.encode()) for name, value in named]}


def test_the_shipped_config_leaves_the_lane_open() -> None:
    """Nothing that is shipped has a say in a hit."""
    assert fast_lane.obstacle(SHIPPED, {}) == ""


@pytest.mark.parametrize(
    ("section", "settings", "told"),
    [
        ("litellm_settings", {"callbacks": ["plugins.gateway.gateway", "my.guardrail"]}, "litellm_settings.callbacks"),
        ("litellm_settings", {"success_callback": ["s3"]}, "litellm_settings.success_callback"),
        ("general_settings", {"custom_auth": "my.auth"}, "general_settings.custom_auth"),
        ("general_settings", {"allowed_ips": ["10.0.0.1"]}, "general_settings.allowed_ips"),
    ],
)
def test_whoever_has_a_say_in_every_request_closes_the_lane(section: str, settings: Any, told: str) -> None:
    """Another callback, key check or unknown setting is not passed by, and is named."""
    assert fast_lane.obstacle({**SHIPPED, section: {**SHIPPED[section], **settings}}, {}) == told


def test_virtual_keys_close_the_lane() -> None:
    """With a database LiteLLM alone knows the keys."""
    assert "DATABASE_URL" in fast_lane.obstacle(SHIPPED, {"DATABASE_URL": "postgresql://db"})


def test_the_key_is_read_where_nothing_else_could_be_meant() -> None:
    """One bearer token; any other place that LiteLLM reads keys from, or a browser's request, goes the long way."""
    assert fast_lane.key_of(scope(authorization="Bearer sk-1")) == "sk-1"
    assert fast_lane.key_of(scope(authorization="Basic sk-1")) == ""
    assert fast_lane.key_of(scope(authorization="Bearer sk-1", x_litellm_api_key="sk-2")) == ""
    assert fast_lane.key_of(scope(authorization="Bearer sk-1", Origin="https://app.example")) == ""
    assert fast_lane.key_of(scope(x_api_key="sk-1")) == ""


def test_two_authorization_headers_are_no_key() -> None:
    """Which of them LiteLLM would take is not guessed."""
    twice = scope(authorization="Bearer sk-1")["headers"] * 2
    assert fast_lane.key_of({"headers": twice}) == ""


def test_a_stored_answer_becomes_a_valid_stream() -> None:
    """Role and text, the reason it ended, the usage, and the end mark, all under one id."""
    *sent, last = b"".join(fast_lane.events(ANSWER)).decode().strip().split("\n\n")
    chunks = [json.loads(event.removeprefix("data: ")) for event in sent]
    assert last == "data: [DONE]"
    assert {(c["id"], c["object"]) for c in chunks} == {("chatcmpl-1", "chat.completion.chunk")}
    assert chunks[0]["choices"][0]["delta"] == {"role": "assistant", "content": "Vi\u00e9nna."}
    assert chunks[1]["choices"][0]["finish_reason"] == "stop"
    assert chunks[2]["usage"]["total_tokens"] == 5

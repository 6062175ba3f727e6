"""Requests that no client should send: good ones with parts replaced, added, left out, cut or of another type."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass
from typing import Any, Final

from hypothesis import strategies as st

Json = dict[str, Any]

IMAGE: Final = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
TOOL: Final = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}
SCHEMA: Final = {"name": "s", "schema": {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}}
CALLED: Final = [{"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}]
GOOD: Final[tuple[tuple[str, Json], ...]] = (
    ("/chat/completions", {"messages": [{"role": "user", "content": "What is the capital of Peru?"}]}),
    ("/chat/completions", {"messages": [{"role": "user", "content": "Name a river."}], "stream": True}),
    (
        "/chat/completions",
        {
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": [{"type": "text", "text": "What is this?"}, IMAGE]},
                {"role": "assistant", "content": None, "tool_calls": CALLED},
                {"role": "tool", "tool_call_id": "c1", "content": "a cat"},
                {"role": "user", "content": "And now?"},
            ],
            "tools": [TOOL],
            "tool_choice": "auto",
        },
    ),
    (
        "/chat/completions",
        {
            "messages": [{"role": "user", "content": "Give me a."}],
            "response_format": {"type": "json_schema", "json_schema": SCHEMA},
            "temperature": 0.2,
            "stop": ["x"],
            "seed": 7,
        },
    ),
    ("/responses", {"input": "Name a lake.", "instructions": "Be brief."}),
    (
        "/responses",
        {"input": [{"role": "user", "content": [{"type": "input_text", "text": "Name a sea."}]}], "stream": True},
    ),
    ("/messages", {"messages": [{"role": "user", "content": "Name a hill."}], "system": "Be brief.", "max_tokens": 50}),
    ("/completions", {"prompt": "Once upon a time"}),
    ("/embeddings", {"input": ["one", "two"]}),
    ("/tierwise/feedback", {"trace_id": "0" * 32, "value": 1}),
)
# OpenAI's fields, LiteLLM's switches and ours: what a hostile client would try.
FIELDS: Final = (
    *(
        "temperature",
        "top_p",
        "n",
        "max_tokens",
        "max_completion_tokens",
        "max_output_tokens",
        "stop",
        "stream",
        "seed",
    ),
    *("seed", "stream_options", "tools", "tool_choice", "functions", "function_call", "response_format", "user"),
    *(
        "logit_bias",
        "logprobs",
        "top_logprobs",
        "metadata",
        "parallel_tool_calls",
        "reasoning_effort",
        "reasoning",
        "text",
    ),
    *(
        "audio",
        "modalities",
        "prediction",
        "service_tier",
        "store",
        "cache",
        "input",
        "messages",
        "prompt",
        "instructions",
    ),
    *("previous_response_id", "truncation", "include", "thinking", "system", "stop_sequences", "top_k", "dimensions"),
    *("encoding_format", "suffix", "echo", "best_of", "model", "deployment_id", "mock_response", "fallbacks", "tags"),
    *("api_base", "litellm_metadata", "guardrails", "web_search_options", "verbosity", "extra_body", "timeout"),
    *("extra_headers", "background", "conversation", "prompt_cache_key", "max_tool_calls", "num_retries", "trace_id"),
    *("data_type", "value", "comment", "name", "role", "content", "type", "tool_calls", "tool_call_id", "id"),
)
MODELS: Final = (
    "auto",
    "fast",
    "cheap",
    "best",
    "small",
    "mid",
    "frontier",
    "onprem",
    "sim-small",
    "gpt-9",
    "*",
    "embed",
    "legacy",
)
NUMBERS: Final = (0, -1, 1, 2**31, 2**53, 2**63, 2**64, 10**30, -(10**30), 1e308, 5e-324, -0.0, 0.5)
TEXTS: Final = (
    *("", " ", "\n", "\x00", "null", "true", "0", "[]", "{}", "auto", "\u202e", "\ufeff", "\u0000a", "𝕏" * 50),
    *("tool_use", "tool_result", "image", "input_text", "any", "function"),
    *("json_object", "json_schema", "none", "required", "user", "assistant", "os.environ/LITELLM_MASTER_KEY", "../x"),
    *("{{7*7}}", "%s%n", "'; DROP TABLE t; --", "a" * 5000, "tw:{acme}:ledger", "\r\nSet-Cookie: a=b", "2026-02-30"),
)
ODD_PATHS: Final = ("/models", "/models/auto", "/chat", "//chat/completions", "/../metrics")
HEADERS: Final = (
    *("x-tierwise-task", "x-tierwise-sensitive", "x-tierwise-feature", "x-tierwise-session", "x-tierwise-deadline-ms"),
    *("cache-control", "traceparent", "x-litellm-tags", "x-litellm-timeout", "x-litellm-num-retries", "content-type"),
    *("accept", "accept-encoding", "x-request-id", "openai-organization", "anthropic-version", "x-api-key", "api-key"),
    *("x-forwarded-for", "content-encoding", "langfuse_trace_id", "x-litellm-call-id", "user-agent", "x-tierwise-x"),
    *("anthropic-beta", "x-stainless-timeout", "litellm-disable-message-redaction", "x-mock-response", "te", "range"),
)

scalars = (
    st.none()
    | st.booleans()
    | st.sampled_from(NUMBERS)
    | st.integers(-(10**6), 10**6)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(TEXTS)
    | st.text(max_size=30)
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)


@dataclass(frozen=True, slots=True)
class Case:
    """One request as it goes over the wire. `key`: the clear-text key of the tenant, another text, or none at all."""

    method: str
    path: str
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    key: str | None


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Mostly bodies that are nearly right, since those get furthest."""
    path, good = draw(st.sampled_from(GOOD))
    body = copy.deepcopy(good)
    if "trace_id" not in body:
        body["model"] = draw(st.sampled_from(MODELS))
    for _ in range(draw(st.sampled_from((1, 1, 1, 2, 3)))):
        _change(draw, body)
    method = draw(st.sampled_from(("POST",) * 30 + ("GET", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS")))
    path = draw(st.sampled_from((path,) * 30 + ODD_PATHS))
    key = draw(st.sampled_from((None,) * 12 + ("sk-1234", "Bearer", "a" * 4000, "sk-tw-", "\u00e4\u00f6", "sk-tw- x")))
    return Case(method, path, _bytes(draw, body), _headers(draw), key)


def _change(draw: st.DrawFn, body: Json) -> None:
    """Replace, drop or add something, at the top or further in; additions get further than other changes."""
    holder, at = draw(st.sampled_from(_places(body)))
    action = draw(st.sampled_from(("replace", "add", "add", "add", "drop", "double")))
    if action == "replace":
        holder[at] = draw(values)
    elif action == "drop":
        del holder[at]
    elif isinstance(holder, dict):
        holder[draw(st.sampled_from(FIELDS))] = draw(values)
    else:
        holder.append(copy.deepcopy(holder[at]) if action == "double" else draw(values))
    if not body:
        body["model"] = "auto"


def _places(node: Any) -> list[tuple[Any, Any]]:
    """(container, key) of every value inside."""
    inside = list(node.items()) if isinstance(node, dict) else list(enumerate(node)) if isinstance(node, list) else []
    found = [(node, at) for at, _ in inside]
    for _, value in inside:
        found += _places(value)
    return found


def _bytes(draw: st.DrawFn, body: Json) -> bytes:
    raw = json.dumps(body, ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass")
    damage = draw(st.sampled_from(("none",) * 16 + ("cut", "insert", "twice", "bom", "deep", "utf16")))
    at = draw(st.integers(0, len(raw)))
    return {
        "none": raw,
        "cut": raw[:at],
        "insert": raw[:at] + draw(st.binary(max_size=6)) + raw[at:],
        "twice": raw + raw,
        "bom": b"\xef\xbb\xbf" + raw,
        "deep": b'{"model":"auto","messages":' + b"[" * 5000 + b"]" * 5000 + b"}",
        "utf16": raw.decode("utf-8", "surrogatepass").encode("utf-16", "surrogatepass"),
    }[damage]


def _headers(draw: st.DrawFn) -> tuple[tuple[bytes, bytes], ...]:
    names = draw(st.lists(st.sampled_from(HEADERS), max_size=2, unique=True))
    return tuple((name.encode(), _header_value(draw)) for name in names)


def _header_value(draw: st.DrawFn) -> bytes:
    text = draw(st.sampled_from(("1", "true", "no-cache", "no-store", "code", "gzip", "-1", "9" * 30, "text/plain")))
    value = text.encode() if draw(st.booleans()) else draw(st.binary(max_size=40))
    return bytes(b for b in value if b > 31 and b != 127).strip()  # what HTTP allows; clients refuse the rest

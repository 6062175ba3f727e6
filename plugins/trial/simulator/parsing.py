"""Request bodies of /v1/chat/completions and /v1/responses, as one frozen value (text_completions has its own)."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from plugins.trial.simulator.errors import ApiError, bad_value
from plugins.trial.simulator.fields import Fields

_ROLES = ("system", "developer", "user", "assistant", "tool", "function")
_TEXT_PARTS = ("text", "input_text", "output_text", "refusal")
_MAX_TOKENS = 10_000_000  # far above every model's own limit, which is checked later


@dataclass(frozen=True, slots=True)
class Message:
    """`text` joins the text parts; `tool_calls` is the JSON of the assistant's calls, if any."""

    role: str
    text: str
    images: int = 0
    high_detail_images: int = 0
    tool_calls: str = ""


@dataclass(frozen=True, slots=True)
class Tool:
    name: str
    description: str
    schema: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """What is asked.

    `tool_choice`: none, auto, required or the name of a tool. `format`: text, json_object, or json_schema
    with `schema`. `prompt_hash`: 16 hex digits over all that the answer depends on beside the model. `best_of` and
    `echo` are of text completions: as many choices are made and billed, and the prompt is said again.
    """

    endpoint: str
    model: str
    messages: tuple[Message, ...]
    stream: bool
    include_usage: bool
    max_tokens: int | None
    n: int
    stop: tuple[str, ...]
    tools: tuple[Tool, ...]
    tool_choice: str
    format: str
    schema: dict[str, Any] | None
    logprobs: bool
    seed: int | None
    reasoning_effort: str | None
    user: str | None
    prompt_hash: str
    best_of: int = 0
    echo: bool = False

    @property
    def images(self) -> int:
        return sum(message.images for message in self.messages)


def parse_chat(body: dict[str, Any]) -> ChatRequest:
    """Read a body of /v1/chat/completions. Raises ApiError 400."""
    fields = Fields(body)
    rows = fields.rows("messages")
    if not rows:
        raise ApiError(400, "You must provide at least one message in 'messages'.", param="messages")
    stream = fields.flag("stream")
    if fields.raw("stream_options") is not None and not stream:
        raise ApiError(
            400,
            "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
            param="stream_options",
        )
    limit = fields.integer("max_completion_tokens", 1, _MAX_TOKENS)
    older_limit = fields.integer("max_tokens", 1, _MAX_TOKENS)
    check_sampling(fields)
    tools = tuple(_tool(Fields(row).inner("function")) for row in fields.rows("tools"))
    wanted, schema = _format(fields.inner("response_format"), nested=True)
    return checked(
        fields,
        endpoint="chat",
        messages=tuple(_message(row) for row in rows),
        stream=stream,
        include_usage=fields.inner("stream_options").flag("include_usage"),
        max_tokens=limit if limit is not None else older_limit,
        n=fields.integer("n", 1, 128) or 1,
        stop=stop_words(fields.raw("stop")),
        tools=tools,
        tool_choice=_tool_choice(fields.raw("tool_choice"), tools),
        format=wanted,
        schema=schema,
        logprobs=fields.flag("logprobs"),
        reasoning_effort=_effort(fields.text("reasoning_effort")),
    )


def parse_responses(body: dict[str, Any]) -> ChatRequest:
    """Read a body of /v1/responses. Raises ApiError 400."""
    fields = Fields(body)
    asked = fields.raw("input")
    if not asked:
        raise ApiError(400, "You must provide the parameter 'input'.", param="input")
    rows = [{"role": "user", "content": asked}] if isinstance(asked, str) else fields.rows("input")
    instructions = fields.text("instructions")
    if instructions:
        rows = [{"role": "system", "content": instructions}, *rows]
    check_sampling(fields)
    tools = tuple(_tool(Fields(row)) for row in fields.rows("tools") if row.get("type") == "function")
    wanted, schema = _format(fields.inner("text").inner("format"), nested=False)
    return checked(
        fields,
        endpoint="responses",
        messages=tuple(_item(row) for row in rows),
        stream=fields.flag("stream"),
        include_usage=True,
        max_tokens=fields.integer("max_output_tokens", 1, _MAX_TOKENS),
        n=1,
        stop=(),
        tools=tools,
        tool_choice=_tool_choice(fields.raw("tool_choice"), tools),
        format=wanted,
        schema=schema,
        logprobs=False,
        reasoning_effort=_effort(fields.inner("reasoning").text("effort")),
    )


def checked(fields: Fields, *, messages: tuple[Message, ...], tools: tuple[Tool, ...], **rest: Any) -> ChatRequest:
    """A request from fields that are read already, with those that all endpoints have."""
    seed = fields.integer("seed", -(2**63), 2**63 - 1)
    shown = (messages, tools, rest["format"], rest["schema"], seed)
    prompt_hash = hashlib.blake2b(repr(shown).encode("utf-8", "backslashreplace"), digest_size=8).hexdigest()
    model, user = fields.required_text("model"), fields.text("user")
    return ChatRequest(
        messages=messages, tools=tools, model=model, user=user, seed=seed, prompt_hash=prompt_hash, **rest
    )


def _message(row: dict[str, Any]) -> Message:
    fields = Fields(row)
    role = fields.raw("role")
    if role not in _ROLES:
        raise bad_value("messages.role", f"one of {', '.join(_ROLES)}")
    content, calls = fields.raw("content"), fields.rows("tool_calls")
    if content is None and role not in ("assistant", "function"):
        raise bad_value("messages.content", "a string or a list of parts")
    text, images, detailed = _content(content)
    return Message(role, text, images, detailed, json.dumps(calls) if calls else "")


def _item(row: dict[str, Any]) -> Message:
    kind = row.get("type", "message")
    if kind == "function_call":
        return Message("assistant", "", tool_calls=json.dumps(row))
    if kind == "function_call_output":
        return Message("tool", _content(row.get("output"))[0])
    if kind != "message":
        raise bad_value("input.type", "message, function_call or function_call_output")
    return _message(row)


def _content(content: object) -> tuple[str, int, int]:
    if content is None:
        return "", 0, 0
    if isinstance(content, str):
        return content, 0, 0
    if not isinstance(content, list):
        raise bad_value("messages.content", "a string or a list of parts")
    texts, images, detailed = [], 0, 0
    for part in content:
        kind = part.get("type") if isinstance(part, dict) else None
        if kind in _TEXT_PARTS:
            texts.append(Fields(part).text("refusal" if kind == "refusal" else "text") or "")
        elif kind in ("image_url", "input_image"):
            images += 1
            shown = part.get("image_url")
            detailed += "low" not in (
                part.get("detail"),
                shown.get("detail") if isinstance(shown, dict) else None,
            )
        else:
            raise bad_value("messages.content.type", "text or image_url")
    return "\n".join(texts), images, detailed


def _tool(fields: Fields) -> Tool:
    fields.inner("parameters")  # an object or missing
    parameters = fields.raw("parameters") or {"type": "object", "properties": {}}
    name = fields.required_text("name")
    if parameters.get("type") != "object":  # arguments are always an object
        said = f"Invalid schema for function '{name}': schema must be a JSON Schema of 'type: \"object\"'."
        raise ApiError(400, said, code="invalid_function_parameters")
    return Tool(name, fields.text("description") or "", parameters)


def _tool_choice(choice: object, tools: tuple[Tool, ...]) -> str:
    if choice is None:
        return "auto" if tools else "none"
    if choice in ("none", "auto", "required"):
        return str(choice)
    named = choice.get("function", choice) if isinstance(choice, dict) else None
    name = named.get("name") if isinstance(named, dict) else None
    if name not in [tool.name for tool in tools]:
        raise bad_value("tool_choice", "none, auto, required or a tool of 'tools'")
    return str(name)


def _format(fields: Fields, *, nested: bool) -> tuple[str, dict[str, Any] | None]:
    kind = fields.text("type") or "text"
    if kind not in ("text", "json_object", "json_schema"):
        raise bad_value("response_format.type", "text, json_object or json_schema")
    if kind != "json_schema":
        return kind, None
    schema = (fields.inner("json_schema") if nested else fields).raw("schema")
    if not isinstance(schema, dict):
        raise bad_value("response_format.json_schema.schema", "a JSON schema")
    return kind, schema


def stop_words(stop: object) -> tuple[str, ...]:
    words = [stop] if isinstance(stop, str) else stop or []
    if not isinstance(words, list) or len(words) > 4 or not all(isinstance(word, str) for word in words):
        raise bad_value("stop", "a string or a list of up to four strings")
    return tuple(word for word in words if word)


def _effort(effort: str | None) -> str | None:
    if effort not in (None, "none", "minimal", "low", "medium", "high"):
        raise bad_value("reasoning_effort", "none, minimal, low, medium or high")
    return effort


def check_sampling(fields: Fields) -> None:
    fields.number("temperature", 0, 2)
    fields.number("top_p", 0, 1)
    fields.number("presence_penalty", -2, 2)
    fields.number("frequency_penalty", -2, 2)
    fields.integer("top_logprobs", 0, 20)

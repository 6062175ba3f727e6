"""Client bodies into `Call`: every field is checked here, once, before LiteLLM sees the request.

Raises BadRequest with the field's name; nothing that passes can make a later step fail on a type.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from classifier.labels import TASKS
from plugins.errors import BadRequest
from plugins.extras import extras_of, images_of
from plugins.fields import Json, check_shapes, flag, integer, number, text
from plugins.values import Call, Caller, Endpoint, Hints, Message

NOBODY = Caller(tenant="", app="", key_id="")
ROLES = ("system", "developer", "user", "assistant", "tool", "function")
# Fields that do not change an answer, or are read into fields of their own.
NOT_SHAPE = frozenset(
    {"model", "messages", "input", "prompt", "system", "instructions", "stream", "stream_options", "user"}
    | {"store", "service_tier", "safety_identifier", "prompt_cache_key", "prompt_cache_retention", "cache", "metadata"}
)


def parse_body(raw: bytes) -> Json:
    """Bytes into a JSON object."""
    try:
        decoded = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise BadRequest("The request body is not UTF-8. Send JSON encoded as UTF-8.") from None
    try:
        body = json.loads(decoded, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise BadRequest("The request body is not valid JSON. Check quotes, commas and brackets.") from None
    if not isinstance(body, dict):
        raise BadRequest('The request body is not a JSON object. Send {"model": ..., ...}.')
    if "\\ud" in decoded.lower():
        _refuse_surrogates(decoded)
    return body


def _refuse_constant(name: str) -> None:
    """NaN and Infinity are Python's, not JSON's."""
    raise ValueError(name)


def _refuse_surrogates(decoded: str) -> None:
    """Escaped lone surrogates are valid JSON, but no UTF-8 can be made of them further on."""
    try:
        json.dumps(json.loads(decoded), ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        raise BadRequest("The request body holds half a surrogate pair (\\ud800 to \\udfff). Remove it.") from None


def read_call(
    endpoint: Endpoint, body: Json, headers: Mapping[str, str], call_id: str, started_ns: int, size: int
) -> Call:
    """A checked `Call` without its caller. `body` is `fields.cleaned`; `headers` have lower-case names; `size` is the
    body's bytes."""
    model = body.get("model")
    if not isinstance(model, str) or not model.strip():
        raise BadRequest("'model' must be a non-empty string, for example \"auto\".", param="model")
    if "://" in model:
        raise BadRequest("'model' must be a name, not an address. Ask GET /v1/models for the names.", param="model")
    check_shapes(endpoint, body)
    messages, images = READERS[endpoint](body)
    all_images, image_bytes = images_of(body)
    if not any(m.text.strip() for m in messages) and not images:
        raise BadRequest("The request has no text. Send at least one non-empty message.", param=_input_field(endpoint))
    return Call(
        id=call_id,
        endpoint=endpoint,
        caller=NOBODY,
        model=model,
        messages=messages,
        shape=_shape(body),
        input_bytes=size - image_bytes,
        images=max(images, all_images),
        has_tools=bool(body.get("tools") or body.get("functions")),
        wants_schema=_wants_schema(body),
        stream=flag(body, "stream"),
        temperature=number(body, "temperature", 0, 2),
        max_output_tokens=_output_limit(endpoint, body),
        choices=_choices(endpoint, body, len(messages)),
        end_user=(text(body, "user") or text(body.get("metadata") or {}, "user_id"))[:256],
        hints=_hints(body, headers),
        started_ns=started_ns,
        extras=extras_of(body),
    )


def _input_field(endpoint: Endpoint) -> str:
    fields = {Endpoint.RESPONSES: "input", Endpoint.EMBEDDINGS: "input", Endpoint.COMPLETIONS: "prompt"}
    return fields.get(endpoint, "messages")


def _read_chat(body: Json) -> tuple[tuple[Message, ...], int]:
    listed = body.get("messages")
    if not isinstance(listed, list) or not listed:
        raise BadRequest("'messages' must be a non-empty list of messages.", param="messages")
    messages, images = [], 0
    for place, item in enumerate(listed):
        where = f"messages[{place}]"
        if not isinstance(item, dict):
            raise BadRequest(f"'{where}' must be an object with 'role' and 'content'.", param=where)
        role = item.get("role")
        if role not in ROLES:
            raise BadRequest(f"'{where}.role' must be one of {', '.join(ROLES)}.", param=f"{where}.role")
        for name in ("tool_calls", "function_call"):
            if item.get(name) is not None and not isinstance(item[name], list | dict):
                raise BadRequest(f"'{where}.{name}' has the wrong type.", param=f"{where}.{name}")
        said, seen = _content(item.get("content"), f"{where}.content", role)
        messages.append(Message(role, said))
        images += seen
    return tuple(messages), images


def _read_messages(body: Json) -> tuple[tuple[Message, ...], int]:
    messages, images = _read_chat(body)
    if body.get("max_tokens") is None:
        raise BadRequest("'max_tokens' is missing. Say how long the answer may become.", param="max_tokens")
    system, _ = _content(body.get("system"), "system", "system")
    return ((Message("system", system), *messages) if system else messages), images


def _read_responses(body: Json) -> tuple[tuple[Message, ...], int]:
    instructions = text(body, "instructions")
    head = (Message("system", instructions),) if instructions else ()
    given = body.get("input")
    if isinstance(given, str):
        return (*head, Message("user", given)), 0
    if not isinstance(given, list) or not given:
        raise BadRequest("'input' must be a string or a non-empty list.", param="input")
    messages, images = [], 0
    for place, item in enumerate(given):
        if not isinstance(item, dict):
            raise BadRequest(f"'input[{place}]' must be an object.", param=f"input[{place}]")
        role = item.get("role", "tool")
        if role not in ROLES:
            raise BadRequest(f"'input[{place}].role' must be one of {', '.join(ROLES)}.", param=f"input[{place}].role")
        content = item.get("content", item.get("output", ""))
        said, seen = _content(content, f"input[{place}].content", role)
        messages.append(Message(role, said))
        images += seen
    return (*head, *messages), images


def _read_texts(field: str, body: Json) -> tuple[tuple[Message, ...], int]:
    given = body.get(field)
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not texts or not all(isinstance(t, str) for t in texts):
        raise BadRequest(f"'{field}' must be a string or a non-empty list of strings.", param=field)
    return tuple(Message("user", t) for t in texts), 0


READERS: dict[Endpoint, Callable[[Json], tuple[tuple[Message, ...], int]]] = {
    Endpoint.CHAT: _read_chat,
    Endpoint.MESSAGES: _read_messages,
    Endpoint.RESPONSES: _read_responses,
    Endpoint.COMPLETIONS: lambda body: _read_texts("prompt", body),
    Endpoint.EMBEDDINGS: lambda body: _read_texts("input", body),
}


def _content(content: Any, where: str, role: str) -> tuple[str, int]:
    if content is None:
        if role == "user":
            raise BadRequest(f"'{where}' is missing. Give the message some text.", param=where)
        return "", 0
    if isinstance(content, str):
        return content, 0
    if not isinstance(content, list):
        raise BadRequest(f"'{where}' must be a string or a list of parts.", param=where)
    texts, images = [], 0
    for place, part in enumerate(content):
        if not isinstance(part, dict) or not isinstance(part.get("type"), str):
            raise BadRequest(f"'{where}[{place}]' must be an object with a 'type'.", param=f"{where}[{place}]")
        if "image" in part["type"]:
            if part["type"] == "image_url" and not _has_url(part.get("image_url")):
                place_of = f"{where}[{place}].image_url"
                raise BadRequest(f"'{place_of}' must be an object with a 'url'.", param=place_of)
            images += 1
            continue
        said = part.get("text", part.get("content", ""))
        if not isinstance(said, str) and part["type"] in ("text", "input_text", "output_text", "refusal"):
            raise BadRequest(f"'{where}[{place}].text' must be a string.", param=f"{where}[{place}].text")
        texts.append(said if isinstance(said, str) else json.dumps(said))
    return "\n".join(texts), images


def _has_url(image: Any) -> bool:
    return isinstance(image.get("url") if isinstance(image, dict) else image, str)


def _shape(body: Json) -> str:
    kept = {name: value for name, value in body.items() if name not in NOT_SHAPE}
    for field in ("messages", "input"):
        if isinstance(body.get(field), list) and any(rest := [_beyond_text(item) for item in body[field]]):
            kept[field] = rest
    try:
        return json.dumps(kept, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    except RecursionError:
        raise BadRequest("The request is nested too deeply. Flatten it.") from None


def _beyond_text(message: Any) -> Any:
    """What a message holds besides its role and text (names, images, audio, tool calls): it shapes the answer."""
    if not isinstance(message, dict):
        return None
    rest = {name: value for name, value in message.items() if name not in ("role", "content") and value is not None}
    if isinstance(message.get("content"), list):
        parts = [p for p in message["content"] if set(p) - {"type", "text"} or len(message["content"]) > 1]
        rest |= {"content": parts} if parts else {}
    return rest or None


def _wants_schema(body: Json) -> bool:
    """A schema in chat's place for it, or in that of the responses endpoint."""
    told = body.get("text")
    of_response = told.get("format") if isinstance(told, dict) else None
    formats = (body.get("response_format"), of_response)
    return any(isinstance(given, dict) and given.get("type") == "json_schema" for given in formats)


def _output_limit(endpoint: Endpoint, body: Json) -> int | None:
    if endpoint is Endpoint.EMBEDDINGS:
        return 0
    limits = [
        integer(body, name, 1, 10_000_000) for name in ("max_completion_tokens", "max_tokens", "max_output_tokens")
    ]
    given = [limit for limit in limits if limit is not None]
    return max(given) if given else None


def _choices(endpoint: Endpoint, body: Json, prompts: int) -> int:
    """Answers that are made and paid: of a text completion for each prompt, also those that are not the best."""
    made = max(integer(body, "n", 1, 128) or 1, integer(body, "best_of", 1, 20) or 1)
    if endpoint is not Endpoint.COMPLETIONS:
        return made
    if made * prompts > 1 and flag(body, "stream"):  # LiteLLM would run the answers together
        raise BadRequest("Several answers at once cannot be streamed. Leave 'stream' out.", param="stream")
    return made * prompts


def _hints(body: Json, headers: Mapping[str, str]) -> Hints:
    control = headers.get("cache-control", "").lower()
    cache = body.get("cache") or {}
    metadata = body.get("metadata") or {}

    def told(name: str) -> str:
        """From the header, or the entry in `metadata` of the same name with underscores."""
        return headers.get(f"x-tierwise-{name}") or text(metadata, f"tierwise_{name.replace('-', '_')}")

    return Hints(
        task=_task(told("task")),
        sensitive=told("sensitive").lower() in ("1", "true", "yes"),
        deadline_ms=_deadline_ms(told("deadline-ms")),
        escalate=_escalate(told("escalation")),
        no_cache="no-cache" in control or cache.get("no-cache") is True,
        no_store="no-store" in control or cache.get("no-store") is True or cache.get("ttl") == 0,
        max_age_s=_seconds(_directive(control), cache.get("s-maxage"), cache.get("s-max-age")),
        ttl_s=_seconds(cache.get("ttl")),
        feature=_label(told("feature")),
        session=_label(told("session")),
        traceparent=headers.get("traceparent", "")[:64],
    )


def _directive(control: str) -> str | None:
    """The seconds of `max-age` in a Cache-Control header."""
    parts = (part.strip().partition("=") for part in control.split(","))
    return next((value for name, _, value in parts if name == "max-age"), None)


def _seconds(*given: object) -> int | None:
    """The least of what was named in whole seconds; anything else says nothing."""
    known = [int(g) for g in given if isinstance(g, int | float) and not isinstance(g, bool) and 0 <= g < 1e9]
    known += [int(g) for g in given if isinstance(g, str) and g.isascii() and g.isdigit() and len(g) < 10]
    return min(known, default=None)


def _task(given: str) -> str | None:
    """The task class that the caller states; none where it states nothing."""
    name = given.strip().lower()
    if name and name not in TASKS:
        raise BadRequest(f"x-tierwise-task must be one of {', '.join(TASKS)}.", param="x-tierwise-task")
    return name or None


def _deadline_ms(given: str) -> int | None:
    """How long the caller waits, 1 ms to 11 days; none where it does not say."""
    digits = given.strip()
    if not digits:
        return None
    if not (digits.isascii() and digits.isdigit() and len(digits) < 10 and int(digits) > 0):
        raise BadRequest(
            "x-tierwise-deadline-ms must be a whole number of milliseconds, for example 1500.",
            param="x-tierwise-deadline-ms",
        )
    return int(digits)


def _escalate(given: str) -> bool:
    """Whether a better model may answer in place of the one that was asked first."""
    said = given.strip().lower()
    if said not in ("", "on", "off"):
        raise BadRequest("The header x-tierwise-escalation must be on or off.", param="x-tierwise-escalation")
    return said != "off"


def _label(given: str) -> str:
    """A caller's tag, printable and short, so that it can stand in a log line or a trace."""
    return "".join(c for c in given if c.isprintable())[:128]

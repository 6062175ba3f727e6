"""The forms that an answer has at each endpoint: read one, bring a stored one out again as JSON or as SSE events.

An answer is stored in the form of the endpoint that made it, and the endpoint is part of its scope: it is never
turned into another endpoint's form. Pure; dictionaries are parsed JSON.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from plugins.values import Endpoint

Json = dict[str, Any]
_EVENT_TYPE: Final = {"text": "text_delta", "thinking": "thinking_delta"}


@dataclass(frozen=True, slots=True)
class Said:
    """What an answer says: its text, why it ended in the endpoint's own word, and what keeps it from being kept."""

    text: str
    finish: str
    tool_calls: int = 0
    refused: bool = False


def read_answer(endpoint: Endpoint, answer: Mapping[str, Any]) -> Said:
    """The first choice of an answer; empty where it has none."""
    return _READERS[endpoint](answer)


def whole(endpoint: Endpoint, answer: Mapping[str, Any]) -> bool:
    """Whether this has the form of the endpoint's answers, so that it can be replayed."""
    return isinstance(answer.get(_PAYLOAD[endpoint]), list) and bool(answer[_PAYLOAD[endpoint]])


def replayed(endpoint: Endpoint, answer: Json, call_id: str, model: str, now_s: int) -> Json:
    """A stored answer as one given now, under the name that the client sent. A response of the responses endpoint
    keeps its id, as it may be kept at the provider under it."""
    again = {**answer, "model": model}
    if isinstance(usage := answer.get("usage"), dict):  # LiteLLM writes into a stream's what it cost when it was made
        again["usage"] = {name: value for name, value in usage.items() if name != "cost"}
    match endpoint:
        case Endpoint.CHAT:
            again |= {"id": f"chatcmpl-{call_id}", "created": now_s}
        case Endpoint.COMPLETIONS:
            again |= {"id": f"cmpl-{call_id}", "created": now_s}
        case Endpoint.MESSAGES:
            again["id"] = f"msg_{call_id}"
        case Endpoint.RESPONSES:
            again["created_at"] = now_s
        case Endpoint.EMBEDDINGS:
            pass
    return again


def as_text_completion(chat: Mapping[str, Any]) -> Json:
    """A chat answer that LiteLLM made of a text completion, in the form that it had."""
    choices = [
        {
            **{k: v for k, v in choice.items() if k != "message"},
            "text": (choice.get("message") or {}).get("content") or "",
        }
        for choice in chat.get("choices") or ()
    ]
    return {**chat, "object": "text_completion", "choices": choices}


def as_chat(completion: Mapping[str, Any]) -> Json:
    """A text completion as the chat answer that LiteLLM wants for a stream."""
    choices = [
        {**choice, "message": {"role": "assistant", "content": choice.get("text") or ""}}
        for choice in completion.get("choices") or ()
    ]
    return {**completion, "object": "chat.completion", "choices": choices}


def message_events(message: Mapping[str, Any]) -> Iterator[str]:
    """A whole Anthropic message as the server-sent events of its stream, each with its blank line."""
    usage = dict(message.get("usage") or {})
    head = {**message, "content": [], "stop_reason": None, "stop_sequence": None}
    head["usage"] = {**usage, "output_tokens": 0}
    yield _event("message_start", {"message": head})
    for index, block in enumerate(message.get("content") or ()):
        kind = block.get("type", "text")
        yield _event("content_block_start", {"index": index, "content_block": {**block, kind: ""}})
        delta = {"type": _EVENT_TYPE.get(kind, f"{kind}_delta"), kind: block.get(kind) or ""}
        yield _event("content_block_delta", {"index": index, "delta": delta})
        yield _event("content_block_stop", {"index": index})
    end = {"stop_reason": message.get("stop_reason"), "stop_sequence": message.get("stop_sequence")}
    yield _event("message_delta", {"delta": end, "usage": usage})
    yield _event("message_stop", {})


def message_of(stream: bytes) -> Json | None:
    """The whole message that an Anthropic stream carried; None for one that broke off or carried more than text."""
    message: Json | None = None
    blocks: dict[int, Json] = {}
    ended = False
    for event in _payloads(stream):
        match event.get("type"):
            case "message_start":
                message = dict(event["message"])
            case "content_block_start":
                if (block := dict(event["content_block"])).get("type") != "text":
                    return None
                blocks[event["index"]] = block
            case "content_block_delta":
                begun, delta = blocks.get(event["index"]), event["delta"]
                if begun is None or delta.get("type") != "text_delta":
                    return None
                begun["text"] = f"{begun.get('text') or ''}{delta['text']}"
            case "message_delta" if message is not None:
                message |= event["delta"]
                message["usage"] = {**(message.get("usage") or {}), **(event.get("usage") or {})}
            case "message_stop":
                ended = True
            case "error":
                return None
    if message is None or not ended:
        return None
    return {**message, "content": [blocks[place] for place in sorted(blocks)]}


def _event(name: str, data: Json) -> str:
    return f"event: {name}\ndata: {json.dumps({'type': name, **data})}\n\n"


def _payloads(stream: bytes) -> Iterator[Json]:
    for line in stream.split(b"\n"):
        if line.startswith(b"data:") and (data := line[5:].strip()).startswith(b"{"):
            yield json.loads(data)


def _choice(answer: Mapping[str, Any]) -> Said:
    choice = (answer.get("choices") or [{}])[0]
    message = choice.get("message") or {}
    calls = len(message.get("tool_calls") or ()) + bool(message.get("function_call"))
    refused = bool(message.get("refusal") or (message.get("provider_specific_fields") or {}).get("refusal"))
    text = message.get("content") or choice.get("text") or ""
    return Said(str(text), str(choice.get("finish_reason") or ""), calls, refused)


def _message(answer: Mapping[str, Any]) -> Said:
    blocks = [b for b in answer.get("content") or () if isinstance(b, dict)]
    text = "".join(str(b.get("text") or "") for b in blocks if b.get("type") == "text")
    others = sum(b.get("type") != "text" for b in blocks)  # tool calls, thinking: not to be replayed
    reason = str(answer.get("stop_reason") or "")
    return Said(text, reason, others, reason == "refusal")


def _response(answer: Mapping[str, Any]) -> Said:
    items = [i for i in answer.get("output") or () if isinstance(i, dict)]
    said = [i for i in items if i.get("type") == "message"]
    parts = list(_parts(said))
    text = "".join(str(p.get("text") or "") for p in parts if p.get("type") == "output_text")
    others = sum(i.get("type") not in ("message", "reasoning") for i in items)
    refused = any(p.get("type") == "refusal" for p in parts)
    return Said(text, str(answer.get("status") or ""), others, refused)


def _parts(items: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for item in items:
        yield from (p for p in item.get("content") or () if isinstance(p, dict))


def _vectors(answer: Mapping[str, Any]) -> Said:
    """Vectors have no text: that they are all there is what counts."""
    rows = answer.get("data") or []
    complete = bool(rows) and all(isinstance(row, dict) and row.get("embedding") for row in rows)
    return Said(f"{len(rows)} vectors" if complete else "", "stop" if complete else "")


_READERS: Mapping[Endpoint, Callable[[Mapping[str, Any]], Said]] = {
    Endpoint.CHAT: _choice,
    Endpoint.COMPLETIONS: _choice,
    Endpoint.MESSAGES: _message,
    Endpoint.RESPONSES: _response,
    Endpoint.EMBEDDINGS: _vectors,
}
_PAYLOAD: Mapping[Endpoint, str] = {
    Endpoint.CHAT: "choices",
    Endpoint.COMPLETIONS: "choices",
    Endpoint.MESSAGES: "content",
    Endpoint.RESPONSES: "output",
    Endpoint.EMBEDDINGS: "data",
}

"""OpenAI's chat completion shapes: https://platform.openai.com/docs/api-reference/chat."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from plugins.trial.simulator.answers import Answer, confidence
from plugins.trial.simulator.completion import Completion, Usage

_PIECES = re.compile(r"\S+\s*|\s+")
DONE = b"data: [DONE]\n\n"


@dataclass(frozen=True, slots=True)
class Frame:
    """One piece of a stream: the bytes to send, and the text of which choice they carry (for the bill)."""

    data: bytes
    choice: int = 0
    text: str = ""


def pieces(text: str) -> list[str]:
    """The text in words, each with the white space after it; joined they give the text again."""
    return _PIECES.findall(text)


def sse(payload: dict[str, Any], event: str | None = None) -> bytes:
    """One server-sent event."""
    head = f"event: {event}\n" if event else ""
    return f"{head}data: {json.dumps(payload, separators=(',', ':'))}\n\n".encode()


def usage_json(usage: Usage) -> dict[str, Any]:
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": usage.reasoning_tokens,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def chat_json(done: Completion) -> dict[str, Any]:
    """The body of a plain chat completion."""
    body: dict[str, Any] = _head(done, "chat.completion")
    body["choices"] = [
        {
            "index": index,
            "message": _message(done, told),
            "logprobs": _logprobs(done, told, pieces(told.text)) if done.request.logprobs else None,
            "finish_reason": told.finish,
        }
        for index, told in enumerate(done.answers)
    ]
    if done.show_usage:
        body["usage"] = usage_json(done.usage)
    return body


def chat_frames(done: Completion) -> Iterator[Frame]:
    """The stream of a chat completion, without the closing [DONE]."""
    head = _head(done, "chat.completion.chunk")
    if done.request.include_usage:
        head["usage"] = None

    def chunk(choice: int, delta: dict[str, Any], finish: str | None = None, logprobs: Any = None) -> bytes:
        row = {"index": choice, "delta": delta, "logprobs": logprobs, "finish_reason": finish}
        return sse({**head, "choices": [row]})

    for choice, told in enumerate(done.answers):
        yield Frame(chunk(choice, _opening(done, told)), choice)
        for place, piece in enumerate(pieces(told.text)):
            marks = _logprobs(done, told, [piece], place) if done.request.logprobs else None
            yield Frame(chunk(choice, _delta(told, piece), None, marks), choice, piece)
        yield Frame(chunk(choice, {}, told.finish), choice)
    if done.request.include_usage and done.show_usage:
        yield Frame(sse({**head, "choices": [], "usage": usage_json(done.usage)}))


def _head(done: Completion, kind: str) -> dict[str, Any]:
    return {
        "id": done.id,
        "object": kind,
        "created": done.created,
        "model": done.model,
        "service_tier": "default",
        "system_fingerprint": "fp_sim",
    }


def _message(done: Completion, told: Answer) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": told.text, "refusal": None}
    if told.tool is not None:
        call = {"name": told.tool, "arguments": told.text}
        message["content"] = None
        message["tool_calls"] = [{"id": call_id(done, told), "type": "function", "function": call}]
    return message


def _opening(done: Completion, told: Answer) -> dict[str, Any]:
    if told.tool is None:
        return {"role": "assistant", "content": "", "refusal": None}
    call = {"name": told.tool, "arguments": ""}
    row = {"index": 0, "id": call_id(done, told), "type": "function", "function": call}
    return {"role": "assistant", "content": None, "tool_calls": [row]}


def _delta(told: Answer, piece: str) -> dict[str, Any]:
    if told.tool is None:
        return {"content": piece}
    return {"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}


def call_id(done: Completion, told: Answer) -> str:
    """Id of the tool call of an answer."""
    return f"call_{done.id[-20:]}{done.answers.index(told)}"


def _logprobs(done: Completion, told: Answer, words: list[str], start: int = 0) -> dict[str, Any]:
    rows = [
        {
            "token": word,
            "logprob": round(confidence(done.request, done.sim, told.quality, start + place), 4),
            "bytes": list(word.encode("utf-8", "replace")),
            "top_logprobs": [],
        }
        for place, word in enumerate(words)
    ]
    return {"content": rows, "refusal": None}

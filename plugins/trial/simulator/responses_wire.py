"""OpenAI's response shapes: https://platform.openai.com/docs/api-reference/responses, texts and tools."""

from collections.abc import Iterator
from typing import Any

from plugins.trial.simulator.answers import Answer
from plugins.trial.simulator.completion import Completion, Usage
from plugins.trial.simulator.wire import Frame, call_id, pieces, sse


def response_json(done: Completion) -> dict[str, Any]:
    """The body of a finished response."""
    told = done.answers[0]
    status = "incomplete" if told.finish in ("length", "content_filter") else "completed"
    body = _head(done, status)
    body["output"] = [_item(done, told, told.text, "completed")]
    if status == "incomplete":
        reason = "max_output_tokens" if told.finish == "length" else "content_filter"
        body["incomplete_details"] = {"reason": reason}
    if done.show_usage:
        body["usage"] = _usage(done.usage)
    return body


def response_frames(done: Completion) -> Iterator[Frame]:
    """The events of a streamed response, from response.created to response.completed (or .incomplete)."""
    told, number = done.answers[0], 0

    def event(kind: str, text: str = "", **fields: Any) -> Frame:
        nonlocal number
        payload = {"type": kind, "sequence_number": number, **fields}
        number += 1
        return Frame(sse(payload, kind), 0, text)

    item = _item(done, told, "", "in_progress")
    where = {"item_id": item["id"], "output_index": 0}
    part = {"type": "output_text", "text": "", "annotations": []}
    yield event("response.created", response=_head(done, "in_progress"))
    yield event("response.in_progress", response=_head(done, "in_progress"))
    yield event("response.output_item.added", output_index=0, item=item | ({} if told.tool else {"content": []}))
    if told.tool is None:
        yield event("response.content_part.added", **where, content_index=0, part=part)
        for piece in pieces(told.text):
            yield event("response.output_text.delta", piece, **where, content_index=0, delta=piece, logprobs=[])
        yield event("response.output_text.done", **where, content_index=0, text=told.text, logprobs=[])
        yield event("response.content_part.done", **where, content_index=0, part=part | {"text": told.text})
    else:
        for piece in pieces(told.text):
            yield event("response.function_call_arguments.delta", piece, **where, delta=piece)
        yield event("response.function_call_arguments.done", **where, name=told.tool, arguments=told.text)
    yield event("response.output_item.done", output_index=0, item=_item(done, told, told.text, "completed"))
    whole = response_json(done)
    yield event(f"response.{whole['status']}", response=whole)


def _head(done: Completion, status: str) -> dict[str, Any]:
    return {
        "id": done.id,
        "object": "response",
        "created_at": done.created,
        "model": done.model,
        "status": status,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "output": [],
        "parallel_tool_calls": True,
        "temperature": 1.0,
        "top_p": 1.0,
        "tool_choice": "auto",
        "tools": [],
        "max_output_tokens": done.request.max_tokens,
        "usage": None,
    }


def _item(done: Completion, told: Answer, text: str, status: str) -> dict[str, Any]:
    if told.tool is not None:
        call = {"call_id": call_id(done, told), "name": told.tool, "arguments": text}
        return {"type": "function_call", "id": f"fc_{done.id[5:]}", "status": status, **call}
    part = {"type": "output_text", "text": text, "annotations": []}
    return {
        "type": "message",
        "id": f"msg_{done.id[5:]}",
        "role": "assistant",
        "status": status,
        "content": [part],
    }


def _usage(usage: Usage) -> dict[str, Any]:
    return {
        "input_tokens": usage.prompt_tokens,
        "input_tokens_details": {"cached_tokens": usage.cached_tokens},
        "output_tokens": usage.completion_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
    }

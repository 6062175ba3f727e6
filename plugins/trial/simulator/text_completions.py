"""OpenAI's text completions, the older endpoint: https://platform.openai.com/docs/api-reference/completions."""

from collections.abc import Iterator
from typing import Any

from plugins.trial.simulator import tokens
from plugins.trial.simulator.completion import Completion
from plugins.trial.simulator.errors import ApiError, bad_value
from plugins.trial.simulator.fields import Fields
from plugins.trial.simulator.parsing import ChatRequest, Message, check_sampling, checked, stop_words
from plugins.trial.simulator.wire import Frame, pieces, sse, usage_json

_DEFAULT_MAX_TOKENS = 16  # OpenAI, "Create completion": max_tokens
_MAX_TOKENS = 10_000_000  # far above every model's own limit, which is checked later
_MAX_PROMPTS = 2048


def parse_completions(body: dict[str, Any]) -> ChatRequest:
    """Read a body of /v1/completions: each prompt becomes a user message, to be continued by itself.

    `suffix` and `logprobs` are accepted and change nothing. Raises ApiError 400.
    """
    fields = Fields(body)
    stream = fields.flag("stream")
    n = fields.integer("n", 1, 128) or 1
    best_of = fields.integer("best_of", 1, 20) or n
    if best_of < n or (stream and best_of > n):
        raise ApiError(400, "'best_of' must be at least 'n', and cannot be used with 'stream'.", param="best_of")
    check_sampling(fields)
    fields.text("suffix")
    fields.integer("logprobs", 0, 5)
    return checked(
        fields,
        endpoint="completions",
        messages=tuple(Message("user", text) for text in _prompts(fields.raw("prompt"))),
        stream=stream,
        include_usage=fields.inner("stream_options").flag("include_usage"),
        max_tokens=fields.integer("max_tokens", 1, _MAX_TOKENS) or _DEFAULT_MAX_TOKENS,
        n=n,
        best_of=best_of,
        echo=fields.flag("echo"),
        stop=stop_words(fields.raw("stop")),
        tools=(),
        tool_choice="none",
        format="text",
        schema=None,
        logprobs=False,
        reasoning_effort=None,
    )


def completion_json(done: Completion) -> dict[str, Any]:
    """The body of a plain text completion; the choices of one prompt follow those of the one before."""
    body: dict[str, Any] = _head(done)
    body["choices"] = [
        _choice(index, _echoed(done, index) + told.text, told.finish) for index, told in enumerate(done.answers)
    ]
    if done.show_usage:
        body["usage"] = usage_json(done.usage)
    return body


def completion_frames(done: Completion) -> Iterator[Frame]:
    """The stream of a text completion, without the closing [DONE]."""
    head = _head(done)
    if done.request.include_usage:
        head["usage"] = None
    for index, told in enumerate(done.answers):
        if echo := _echoed(done, index):
            yield Frame(sse({**head, "choices": [_choice(index, echo, None)]}), index)
        for piece in pieces(told.text):
            yield Frame(sse({**head, "choices": [_choice(index, piece, None)]}), index, piece)
        yield Frame(sse({**head, "choices": [_choice(index, "", told.finish)]}), index)
    if done.request.include_usage and done.show_usage:
        yield Frame(sse({**head, "choices": [], "usage": usage_json(done.usage)}))


def _head(done: Completion) -> dict[str, Any]:
    return {"id": done.id, "object": "text_completion", "created": done.created, "model": done.model}


def _choice(index: int, text: str, finish: str | None) -> dict[str, Any]:
    return {"text": text, "index": index, "logprobs": None, "finish_reason": finish}


def _echoed(done: Completion, index: int) -> str:
    return done.request.messages[index // done.request.n].text if done.request.echo else ""


def _prompts(given: object) -> list[str]:
    """Texts, or lists of token ids, one or many."""
    single = isinstance(given, str) or (isinstance(given, list) and bool(given) and type(given[0]) is int)
    items = [given] if single else given
    if not isinstance(items, list) or not 1 <= len(items) <= _MAX_PROMPTS:
        raise bad_value("prompt", f"a text or list of token ids, or 1 to {_MAX_PROMPTS} of them")
    return [item if isinstance(item, str) else _decoded(item) for item in items]


def _decoded(item: object) -> str:
    if not isinstance(item, list) or not all(type(token) is int for token in item):
        raise bad_value("prompt", "texts or lists of token ids")
    try:
        return tokens.decode(item)
    except (KeyError, OverflowError) as error:
        raise bad_value("prompt", "token ids of the model's vocabulary") from error

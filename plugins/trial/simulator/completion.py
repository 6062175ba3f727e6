"""A request and a model -> the finished answer with its exact usage, limits and stop words applied."""

import json
import time
import uuid
from dataclasses import dataclass, replace

from plugins.trial.simulator import tokens
from plugins.trial.simulator.answers import Answer, answer
from plugins.trial.simulator.errors import ApiError
from plugins.trial.simulator.faults import WRONG_MODEL_NAME, Fault
from plugins.trial.simulator.models import REASONING_TOKENS, SimModel
from plugins.trial.simulator.parsing import ChatRequest

# OpenAI cookbook, "How to count tokens with tiktoken": 3 per message, 3 to prime the reply.
_TOKENS_PER_MESSAGE = 3
_TOKENS_TO_PRIME = 3
# OpenAI, "Images and vision": 85 for low detail, 765 for a 1024 x 1024 picture in high detail.
_LOW_DETAIL_TOKENS = 85
_HIGH_DETAIL_TOKENS = 765
_ID = {"chat": "chatcmpl-", "responses": "resp_", "completions": "cmpl-"}


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as billed. `cached_tokens` are part of the prompt's, `reasoning_tokens` of the completion's."""

    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    reasoning_tokens: int


@dataclass(frozen=True, slots=True)
class Completion:
    """`model` is the name the answer shows, `sim` the model that answered. `created`: unix seconds."""

    id: str
    created: int
    model: str
    sim: SimModel
    request: ChatRequest
    answers: tuple[Answer, ...]
    usage: Usage
    show_usage: bool


def complete(request: ChatRequest, model: SimModel, fault: Fault | None, prefixes: tokens.PrefixCache) -> Completion:
    """Answer `request`. Raises ApiError 400 for unseen images and for a prompt or answer that is too long."""
    if request.images and not model.sees_images:
        raise ApiError(400, f"Model {model.name} does not support image inputs.", param="messages")
    prompt, prompt_tokens = _prompt_tokens(request)
    _check_limits(request, model, prompt_tokens)
    effort = request.reasoning_effort if model.reasons else None
    reasoning = REASONING_TOKENS.get(effort or "", 0)
    limit = min(request.max_tokens or model.max_output_tokens, model.context_tokens - prompt_tokens)
    reasoning = min(reasoning, limit)
    answers, completion_tokens = [], 0
    for part in _parts(request):
        for choice in range(max(request.n, request.best_of)):
            told = answer(part, model, choice, fault)
            told, spent = _limited(told, request.stop, limit - reasoning)
            answers += [told] if choice < request.n else []
            completion_tokens += spent + reasoning
    cached = prefixes.cached_tokens(model.name, prompt)
    return Completion(
        id=_ID[request.endpoint] + uuid.uuid4().hex,
        created=int(time.time()),
        model=WRONG_MODEL_NAME if fault is Fault.WRONG_MODEL else model.name,
        sim=model,
        request=request,
        answers=tuple(answers),
        usage=Usage(prompt_tokens, cached, completion_tokens, reasoning * request.n),
        show_usage=fault is not Fault.NO_USAGE,
    )


def answer_tokens(told: Answer, sent: str) -> int:
    """Tokens of the part `sent` of an answer."""
    return tokens.count(sent) + (tokens.count(told.tool) if told.tool else 0)


def _parts(request: ChatRequest) -> list[ChatRequest]:
    """What is answered by itself: a conversation, or each prompt of a text completion."""
    if request.endpoint != "completions":
        return [request]
    return [replace(request, messages=(message,)) for message in request.messages]


def _prompt_tokens(request: ChatRequest) -> tuple[list[int], int]:
    """The text's token ids in order, and the count with framing and images."""
    if request.endpoint == "completions":
        ids = [token for message in request.messages for token in tokens.encode(message.text)]
        return ids, len(ids)
    texts = [
        json.dumps({"name": tool.name, "description": tool.description, "parameters": tool.schema})
        for tool in request.tools
    ]
    if request.schema is not None:
        texts.append(json.dumps(request.schema))
    texts += [text for message in request.messages for text in (message.role, message.text, message.tool_calls) if text]
    ids = [token for text in texts for token in tokens.encode(text)]
    detailed = sum(message.high_detail_images for message in request.messages)
    pictures = detailed * _HIGH_DETAIL_TOKENS + (request.images - detailed) * _LOW_DETAIL_TOKENS
    return ids, len(ids) + _TOKENS_PER_MESSAGE * len(request.messages) + _TOKENS_TO_PRIME + pictures


def _check_limits(request: ChatRequest, model: SimModel, prompt_tokens: int) -> None:
    wanted = request.max_tokens or 1
    if wanted > model.max_output_tokens:
        raise ApiError(
            400,
            f"max_tokens is too large: {wanted}. This model supports at most {model.max_output_tokens} "
            "completion tokens.",
            code="invalid_value",
            param="max_tokens",
        )
    if prompt_tokens + wanted > model.context_tokens:
        raise ApiError(
            400,
            f"This model's maximum context length is {model.context_tokens} tokens. However, you requested "
            f"{prompt_tokens + wanted} tokens ({prompt_tokens} in the messages, {wanted} in the completion). "
            "Please reduce the length of the messages or completion.",
            code="context_length_exceeded",
            param="messages",
        )


def _limited(told: Answer, stop: tuple[str, ...], limit: int) -> tuple[Answer, int]:
    """The answer cut at a stop word and at `limit` tokens, and its tokens."""
    text = told.text
    places = [place for word in stop if (place := text.find(word)) >= 0] if told.tool is None else []
    if places:
        text = text[: min(places)]
    name_tokens = tokens.count(told.tool) if told.tool else 0
    text, was_cut = tokens.cut(text, max(0, limit - name_tokens))
    finish = "length" if was_cut or (limit <= 0 and not text) else told.finish
    told = replace(told, text=text, finish=finish)
    return told, min(limit, answer_tokens(told, text))

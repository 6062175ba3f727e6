"""The request fields that may be sent at each endpoint, and their types, checked before LiteLLM sees them.

An allow-list, because LiteLLM takes several hundred switches of its own in a body: prices, addresses, credentials,
log destinations. Every other field is dropped. Raises BadRequest with the field's name.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from plugins.errors import BadRequest
from plugins.values import Endpoint

Json = dict[str, Any]  # a parsed JSON object: the edge, where types are not known yet

# OpenAI's and Anthropic's documented fields, and the sampling fields that servers of open models add.
_SAMPLING = frozenset({"temperature", "top_p", "top_k", "min_p", "repetition_penalty", "seed", "stop"})
_EVERYWHERE = frozenset({"model", "user", "stream", "stream_options", "service_tier", "cache"})
_TOOLS = frozenset({"tools", "tool_choice", "parallel_tool_calls"})
_PROMPT_CACHE = frozenset({"prompt_cache_key", "prompt_cache_retention", "safety_identifier", "store"})
_PENALTIES = frozenset({"frequency_penalty", "presence_penalty", "logit_bias", "logprobs", "n"})
ALLOWED: Mapping[Endpoint, frozenset[str]] = {
    Endpoint.CHAT: _EVERYWHERE | _SAMPLING | _TOOLS | _PROMPT_CACHE | _PENALTIES
    | {"messages", "max_tokens", "max_completion_tokens", "response_format", "top_logprobs", "functions"}
    | {"function_call", "modalities", "audio", "prediction", "reasoning_effort", "verbosity", "web_search_options"}
    | {"metadata", "thinking", "chat_template_kwargs"}
    | {"guided_json", "guided_regex", "guided_choice", "guided_grammar"},
    Endpoint.RESPONSES: _EVERYWHERE | _SAMPLING | _TOOLS | _PROMPT_CACHE
    | {"input", "instructions", "include", "max_output_tokens", "max_tool_calls", "reasoning", "text"}
    | {"metadata", "top_logprobs", "truncation"},
    Endpoint.MESSAGES: _EVERYWHERE | _SAMPLING | _TOOLS
    | {"messages", "metadata", "system", "max_tokens", "stop_sequences", "thinking"},
    Endpoint.COMPLETIONS: _EVERYWHERE | _PENALTIES
    | {"prompt", "max_tokens", "temperature", "top_p", "seed", "stop", "suffix", "echo", "best_of"},
    Endpoint.EMBEDDINGS: frozenset({"model", "user", "cache", "input", "dimensions", "encoding_format", "input_type"}),
}  # fmt: skip
# Meant for the gateway, and gone when LiteLLM sees the body: LiteLLM reads log destinations and tags from `metadata`.
OURS = frozenset({"cache", "metadata"})
# What would be processed without the policy and the classifier seeing it, or could never be fetched.
REFUSED: Mapping[str, str] = {
    "previous_response_id": "The gateway keeps no conversations. Send the earlier turns in 'input'.",
    "conversation": "The gateway keeps no conversations. Send the earlier turns in 'input'.",
    "prompt": "Prompts stored at a provider are not served. Send the text in 'input'.",
    "background": "Background responses are not served. Leave 'background' out, or stream.",
}


def cleaned(endpoint: Endpoint, body: Json, passed: Collection[str] = ()) -> Json:
    """The fields that count: those that the endpoint knows, and `passed`, which the operator lets through to
    providers. A field that is null is one that was left out."""
    known = ALLOWED[endpoint]
    if endpoint is Endpoint.RESPONSES:
        for name, why in REFUSED.items():
            if body.get(name):
                raise BadRequest(f"'{name}' cannot be used here. {why}", param=name)
    return {name: value for name, value in body.items() if value is not None and (name in known or name in passed)}


def text(body: Json, name: str) -> str:
    """A string field; empty where it is missing."""
    value = body.get(name)
    if value is not None and not isinstance(value, str):
        raise BadRequest(f"'{name}' must be a string.", param=name)
    return value or ""


def flag(body: Json, name: str) -> bool:
    """A boolean field; False where it is missing."""
    value = body.get(name)
    if value is not None and not isinstance(value, bool):
        raise BadRequest(f"'{name}' must be true or false.", param=name)
    return bool(value)


def number(body: Json, name: str, low: float, high: float) -> float | None:
    """A number within bounds, ends included."""
    value = body.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise BadRequest(f"'{name}' must be a number between {low:g} and {high:g}.", param=name)
    return float(value)


def integer(body: Json, name: str, low: int, high: int) -> int | None:
    """A whole number within bounds, ends included."""
    value = body.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise BadRequest(f"'{name}' must be a whole number between {low} and {high}.", param=name)
    return value


def _objects(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, dict) for item in value)


def _strings(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _object(value: Any) -> bool:
    return isinstance(value, dict)


def _string_or_object(value: Any) -> bool:
    return isinstance(value, str | dict)


# Fields that the gateway does not read but LiteLLM or a provider would choke on: what they must be, and how to say it.
SHAPES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "tools": (_objects, "a list of objects"),
    "functions": (_objects, "a list of objects"),
    "tool_choice": (_string_or_object, "a string or an object"),
    "function_call": (_string_or_object, "a string or an object"),
    "stop": (lambda v: isinstance(v, str) or _strings(v), "a string or a list of strings"),
    "cache": (_object, 'an object such as {"no-cache": true}'),
    **dict.fromkeys(("stream_options", "response_format", "logit_bias", "audio"), (_object, "an object")),
    **dict.fromkeys(("prediction", "web_search_options", "thinking", "metadata"), (_object, "an object")),
    **dict.fromkeys(("reasoning", "text", "chat_template_kwargs"), (_object, "an object")),
    **dict.fromkeys(("modalities", "include", "stop_sequences"), (_strings, "a list of strings")),
}
TEXTS = frozenset(
    {"reasoning_effort", "service_tier", "verbosity", "safety_identifier", "prompt_cache_key", "suffix"}
    | {"prompt_cache_retention", "truncation", "encoding_format", "input_type"}
)
NUMBERS = {"top_p": (0.0, 1.0), "presence_penalty": (-2.0, 2.0), "frequency_penalty": (-2.0, 2.0), "min_p": (0.0, 1.0)}
NUMBERS |= {"repetition_penalty": (0.0, 10.0)}
INTEGERS = {"seed": (-(2**63), 2**63 - 1), "top_logprobs": (0, 20), "top_k": (-1, 100_000), "best_of": (1, 20)}
INTEGERS |= {"dimensions": (1, 100_000), "max_tool_calls": (1, 10_000)}
FLAGS = frozenset({"parallel_tool_calls", "store", "echo"})


# Of a user's message in a chat. LiteLLM takes no other part, whichever the provider, and calls it a failed connection.
USER_PARTS = frozenset({"text", "image_url", "input_audio", "audio_url", "video_url", "file", "document"})
USER_PARTS |= {"guarded_text", "grounding_source", "query"}
# At the messages endpoint; what else LiteLLM is given there it fails on.
TOOL_CHOICES = ("auto", "any", "tool", "none")


def check_shapes(endpoint: Endpoint, body: Json) -> None:
    """Check the type of every field that is not read elsewhere; `body` is `cleaned`, so nothing in it is null. Text
    completions alone count their `logprobs`."""
    for name, value in body.items():
        if name in SHAPES:
            fits, wanted = SHAPES[name]
            if not fits(value):
                raise BadRequest(f"'{name}' must be {wanted}.", param=name)
        elif name in TEXTS:
            text(body, name)
        elif name in NUMBERS:
            number(body, name, *NUMBERS[name])
        elif name in INTEGERS:
            integer(body, name, *INTEGERS[name])
        elif name in FLAGS:
            flag(body, name)
    if endpoint is Endpoint.CHAT:
        flag(body, "logprobs")
        _check_user_parts(body)
    else:
        integer(body, "logprobs", 0, 20)
    if endpoint is Endpoint.MESSAGES:
        _check_tool_choice(body)


def _check_user_parts(body: Json) -> None:
    for place, message in enumerate(_dicts(body.get("messages"))):
        if message.get("role") != "user":
            continue
        for at, part in enumerate(_dicts(message.get("content"))):
            kind = part.get("type")
            if isinstance(kind, str) and kind not in USER_PARTS:
                where = f"messages[{place}].content[{at}].type"
                raise BadRequest(f"'{where}' must be one of {', '.join(sorted(USER_PARTS))}.", param=where)


def _dicts(value: Any) -> list[Json]:
    """A list of objects; of anything else none, as it is refused elsewhere."""
    return value if _objects(value) else []


def _check_tool_choice(body: Json) -> None:
    choice = body.get("tool_choice")
    if choice is not None and (not isinstance(choice, dict) or choice.get("type") not in TOOL_CHOICES):
        said = f"'tool_choice' must be an object whose 'type' is one of {', '.join(TOOL_CHOICES)}."
        raise BadRequest(said, param="tool_choice")

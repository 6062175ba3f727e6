"""One form of answer whatever model gave it, so that a change of tier breaks no client's parser.

Only for requests that asked for JSON, and only where exactly one JSON value can be found: in doubt the text stays as
it is. Finish reasons come in OpenAI's words.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from enum import StrEnum
from typing import Final

MAX_CHARS: Final = 262_144  # larger answers are left alone
MAX_STARTS: Final = 64  # places at which a JSON value is looked for


class Rule(StrEnum):
    """What may be changed; names of the config."""

    JSON_FENCES = "json_fences"  # a code fence around the whole answer is taken off
    JSON_ONLY = "json_only"  # text before and after the one JSON value is taken off
    FINISH_REASON = "finish_reason"  # other providers' words become OpenAI's


_FENCE: Final = re.compile(r"\A\s*(```|~~~)(?:json|JSON|json5)?[ \t]*\r?\n(?P<body>.*?)\r?\n?\1\s*\Z", re.DOTALL)
_REASONS: Final = {
    **dict.fromkeys(("stop", "end_turn", "stop_sequence", "eos", "eos_token", "complete", "completed"), "stop"),
    **dict.fromkeys(("length", "max_tokens", "max_output_tokens", "model_length"), "length"),
    **dict.fromkeys(("tool_calls", "tool_use", "tool_call"), "tool_calls"),
    **dict.fromkeys(("content_filter", "safety", "recitation", "blocklist", "prohibited_content"), "content_filter"),
}


def text_of(text: str, rules: frozenset[Rule], *, wants_json: bool) -> str:
    """The answer's text under `rules`; unchanged unless JSON was asked for and is there."""
    if not wants_json or len(text) > MAX_CHARS or _is_json(text):
        return text
    if Rule.JSON_FENCES in rules and (fenced := _FENCE.match(text)) and _is_json(fenced["body"]):
        return fenced["body"].strip()
    if Rule.JSON_ONLY in rules:
        found = list(_values(text))
        if len(found) == 1:
            return found[0]
    return text


def finish_reason_of(reason: str, rules: frozenset[Rule]) -> str:
    """OpenAI's word for a finish reason; one that is not known stays."""
    return _REASONS.get(reason.lower(), reason) if Rule.FINISH_REASON in rules else reason


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _values(text: str) -> Iterator[str]:
    """The JSON objects and lists in a text, outermost ones, as they stand there."""
    decoder, place = json.JSONDecoder(), 0
    for _ in range(MAX_STARTS):
        start = next((i for i in range(place, len(text)) if text[i] in "{["), None)
        if start is None:
            return
        try:
            _, place = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            place = start + 1
            continue
        yield text[start:place]

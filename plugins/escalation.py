"""Is a cheap answer good enough? A row of checks, each with a name; the first that fails is the reason.

Escalating costs a second, dearer call, so each check asks for strong evidence: a correct but modest answer
must pass. What the caller asked for (schema, tools, limits) is read from the call itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from plugins.answer_checks import (
    arithmetic_error,
    damage,
    foreign_language,
    hedges,
    is_blank,
    is_refusal,
    loops,
    only_announces,
    other_than_asked,
)
from plugins.answer_schema import schema_error
from plugins.values import Call, Usage

# Below this mean log-probability per token (about 0.30) the model was guessing at every word. Greedy answers
# lie around -0.1 to -0.5; the distance is wide on purpose.
MIN_MEAN_LOGPROB: Final = -1.2
MIN_SUMMARISED_CHARS: Final = 400  # shorter inputs may well have summaries as long as themselves
MAX_CLASSIFICATION_CHARS: Final = 4000
LOOSE_LANGUAGE_TASKS: Final = frozenset({"translation", "code", "classification", "extraction", "long_context"})
FREE_WORDS: Final = frozenset({"translation", "generation"})  # the wanted text may itself announce something
SHORT_ANSWER_CHARS: Final = 600  # in a longer one a hedge is a remark, not the answer


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model answered. `mean_logprob` is per output token, natural logarithm; None if not given. `fault` is what
    the response itself has wrong (integrity.py), if anything. `called`: name and arguments of each call of a function,
    where they are known."""

    text: str
    finish_reason: str = "stop"
    tool_calls: int = 0
    usage: Usage = field(default_factory=Usage)
    mean_logprob: float | None = None
    fault: str = ""
    called: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Assessment:
    """Whether the answer may go out; if not, which check says so and why."""

    ok: bool
    check: str = ""
    reason: str = ""


Check = Callable[[Call, str, Answer, dict[str, Any]], str | None]


def confident_enough(call: Call, task: str, answer: Answer) -> Assessment:
    """The verdict on `answer` for a call of task class `task`. Never raises, whatever the model wrote."""
    shape = _shape(call.shape)
    for name, check in CHECKS.items():
        if reason := check(call, task, answer, shape):
            return Assessment(False, name, f"{name}: {reason}")
    return Assessment(True, reason="all checks passed")


def wants_json(call: Call) -> bool:
    """Whether the caller asked for an answer in JSON."""
    return bool(_wanted_format(_shape(call.shape)))


@lru_cache(maxsize=256)
def _shape(canonical: str) -> dict[str, Any]:
    """The parsed `Call.shape`; read only."""
    try:
        shape = json.loads(canonical)
    except (ValueError, RecursionError):
        return {}
    return shape if isinstance(shape, dict) else {}


def _is_prose(answer: Answer, shape: dict[str, Any]) -> bool:
    return bool(answer.text.strip()) and not _wanted_format(shape) and not answer.tool_calls


def _wanted_format(shape: dict[str, Any]) -> dict[str, Any]:
    """The JSON format asked for: `response_format` of chat, `text.format` of the responses API; {} for text."""
    text = shape.get("text")
    wanted = shape.get("response_format") or (text.get("format") if isinstance(text, dict) else None)
    return wanted if isinstance(wanted, dict) and wanted.get("type") in ("json_schema", "json_object") else {}


def _integrity(call: Call, task: str, answer: Answer, shape: dict[str, Any]) -> str | None:
    return answer.fault or None


def _empty(call: Call, task: str, answer: Answer, shape: dict[str, Any]) -> str | None:
    if answer.tool_calls:
        return None
    if is_blank(answer.text):
        return "the answer has no text and no tool call"
    return "the answer is only announced" if task not in FREE_WORDS and only_announces(answer.text) else None


def _damaged(call: Call, task: str, answer: Answer, shape: dict[str, Any]) -> str | None:
    """What the caller's own limit or stop words cut is left alone."""
    if not _is_prose(answer, shape) or answer.finish_reason in ("length", "max_tokens") or shape.get("stop"):
        return None
    return damage(call.text, answer.text)


def _filtered(call: Call, task: str, answer: Answer, shape: dict[str, Any]) -> str | None:
    return "the provider's content filter cut the answer" if answer.finish_reason == "content_filter" else None


def _truncated(call: Call, task: str, answer: Answer, shape: dict[str, Any]) -> str | None:
    """A limit that the caller set would cut a better model's answer, too."""
    if answer.finish_reason not in ("length", "max_tokens"):
        return None
    limit = call.max_output_tokens
    if limit is not None and (answer.usage.output_tokens == 0 or answer.usage.output_tokens >= limit):
        return None
    return "the model stopped at its own output limit"


def _tool_call(call: Call, task: str, answer: Answer, shape: dict[str, Any]) -> str | None:
    choice = shape.get("tool_choice")
    forced = choice in ("required", "any") or (isinstance(choice, dict) and choice.get("type") not in ("auto", "none"))
    if forced and not answer.tool_calls:
        return "a tool call was required and there is none"
    tools = shape.get("tools")
    return _wrong_call(answer.called, tools) if answer.called and isinstance(tools, list) else None


def _wrong_call(called: tuple[tuple[str, str], ...], tools: list[Any]) -> str | None:
    """What no client's code could carry out: a function that was not offered, or arguments against its schema."""
    offered: dict[str, dict[str, Any]] = {}
    for tool in tools:
        function = tool.get("function") if isinstance(tool, dict) else None
        if not isinstance(function, dict):
            return None  # a tool of another kind, whose calls are the provider's own
        schema = function.get("parameters")
        offered[str(function.get("name"))] = schema if isinstance(schema, dict) else {}
    for name, arguments in called:
        if name not in offered:
            return "a function was called that was not offered"
        if problem := schema_error(arguments or "{}", offered[name]):
            return f"the arguments of a function call: {problem}"
    return None


def _schema(call: Call, task: str, answer: Answer, shape: dict[str, Any]) -> str | None:
    wanted = _wanted_format(shape)
    if not wanted or answer.tool_calls:
        return None
    holder = wanted.get("json_schema", wanted)
    schema = holder.get("schema") if isinstance(holder, dict) and wanted["type"] == "json_schema" else None
    return schema_error(answer.text, schema if isinstance(schema, dict) else {"type": "object"})


_ASKED_TO_REFUSE = re.compile(
    r"\b(?:declin\w*|refus\w*|turn\w* down|apolog\w*|reject\w*|excuse|ablehn\w*|absag\w*|entschuldig\w*"
    r"|déclin\w*|excus\w*|rechaz\w*|disculp\w*)\b",
    re.IGNORECASE,
)


def _refusal(call: Call, task: str, answer: Answer, shape: dict[str, Any]) -> str | None:
    if task == "generation" and _ASKED_TO_REFUSE.search(call.question):
        return None
    short = _is_prose(answer, shape) and len(answer.text) <= SHORT_ANSWER_CHARS
    return "the model says that it cannot or will not answer" if short and is_refusal(answer.text) else None


def _hedge(call: Call, task: str, answer: Answer, shape: dict[str, Any]) -> str | None:
    if not _is_prose(answer, shape) or len(answer.text) > SHORT_ANSWER_CHARS:
        return None
    return "the model says that it does not know" if hedges(answer.text) else None


def _language(call: Call, task: str, answer: Answer, shape: dict[str, Any]) -> str | None:
    if not _is_prose(answer, shape):
        return None
    if told := other_than_asked(call.question, answer.text):
        return f"wanted in {told[0]}, answered in {told[1]}"
    pair = foreign_language(call.text, call.question, answer.text) if task not in LOOSE_LANGUAGE_TASKS else None
    return f"asked in {pair[0]}, answered in {pair[1]}" if pair else None


def _length(call: Call, task: str, answer: Answer, shape: dict[str, Any]) -> str | None:
    if not _is_prose(answer, shape):
        return None
    given, asked = len(answer.text), len(call.question)
    if task == "summarisation" and asked >= MIN_SUMMARISED_CHARS and given > asked:
        return "the summary is longer than its text"
    if task == "classification" and given > MAX_CLASSIFICATION_CHARS:
        return "the label is an essay"
    if task == "translation" and asked >= MIN_SUMMARISED_CHARS and given < asked * 0.15:
        return "the translation is a fraction of its text"
    words = _WORDS_ASKED.search(call.question)
    if task == "generation" and words and len(answer.text.split()) < int(words["n"]) * 0.4:
        return f"fewer than 40 % of the {words['n']} words asked for"
    return None


_WORDS_ASKED = re.compile(
    r"\b(?:at least |in |of |write |about |around |mindestens |mit |etwa |au moins |en |environ |al menos "
    r"|de |unas )(?:a )?"
    r"(?P<n>[1-9]\d{2,3})[ \-](?:words?|wörtern?|worten?|mots|palabras)\b",
    re.IGNORECASE,
)


def _arithmetic(call: Call, task: str, answer: Answer, shape: dict[str, Any]) -> str | None:
    if task == "code" or not answer.text:
        return None
    wrong = arithmetic_error(call.text, answer.text)
    return f"a stated calculation is wrong (number {wrong} in the answer)" if wrong else None


def _repetition(call: Call, task: str, answer: Answer, shape: dict[str, Any]) -> str | None:
    return "the answer repeats itself without end" if loops(call.question, answer.text) else None


def _logprob(call: Call, task: str, answer: Answer, shape: dict[str, Any]) -> str | None:
    mean = answer.mean_logprob
    if mean is None or mean >= MIN_MEAN_LOGPROB or answer.usage.output_tokens in range(1, 4):
        return None
    return f"mean log-probability {mean:.2f} < {MIN_MEAN_LOGPROB}"


# In order: what breaks the client first, then what is wrong on its face, then what is likely wrong.
CHECKS: Final[dict[str, Check]] = {
    "integrity": _integrity,
    "content_filter": _filtered,
    "empty": _empty,
    "truncated": _truncated,
    "damaged": _damaged,
    "tool_call": _tool_call,
    "schema": _schema,
    "refusal": _refusal,
    "hedge": _hedge,
    "repetition": _repetition,
    "arithmetic": _arithmetic,
    "language": _language,
    "length": _length,
    "logprob": _logprob,
}

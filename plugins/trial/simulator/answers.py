"""What a simulated model says: the right answer, or one of the ways in which a cheap model fails.

Whether it is right is a pure function of the model, the prompt and the choice's number, so that a failure can
be repeated and caught. A client that wants independent samples asks for `n` choices or sends other seeds.
"""

import hashlib
import json
import re
from dataclasses import dataclass, replace
from enum import StrEnum

from plugins.trial.simulator.faults import Fault
from plugins.trial.simulator.knowledge import VOICES
from plugins.trial.simulator.models import Difficulty, SimModel
from plugins.trial.simulator.parsing import ChatRequest, Tool
from plugins.trial.simulator.questions import Question, recognise
from plugins.trial.simulator.schema import Material, fill


class Quality(StrEnum):
    """The truth about an answer, for the provider's books. All but `right` are failures."""

    RIGHT = "right"
    WRONG = "wrong"
    HEDGE = "hedge"
    REFUSAL = "refusal"
    TRUNCATED = "truncated"
    BROKEN_JSON = "broken_json"
    EMPTY = "empty"


@dataclass(frozen=True, slots=True)
class Answer:
    """`tool`: name of the tool called, then `text` holds its arguments as JSON. `finish`: OpenAI's
    finish_reason."""

    text: str
    quality: Quality
    tool: str | None = None
    finish: str = "stop"


_FAILURES = (Quality.WRONG,) * 6 + (Quality.HEDGE, Quality.HEDGE, Quality.REFUSAL, Quality.TRUNCATED)
_JSON_FAILURES = (Quality.WRONG, Quality.BROKEN_JSON, Quality.BROKEN_JSON)
_FORCED = {
    Fault.BAD_ANSWER: Quality.WRONG,
    Fault.REFUSE: Quality.REFUSAL,
    Fault.TRUNCATE: Quality.TRUNCATED,
    Fault.FILTERED_FINISH: Quality.TRUNCATED,
    Fault.WRONG_JSON: Quality.BROKEN_JSON,
    Fault.EMPTY: Quality.EMPTY,
}
_HARD_CUES = re.compile(
    r"\b(?:prove|proof|derive|theorem|optimi[sz]e|architect\w*|distributed|concurren\w+|trade-?offs?|asymptotic\w*"
    r"|legal analysis|step by step|diagnos\w+|refactor|beweise|démontr\w+|demuestr\w+)\b"
)
_HARD_CHARS = 6_000


def answer(request: ChatRequest, model: SimModel, choice: int, fault: Fault | None) -> Answer:
    """Choice number `choice` of the answer of `model`, before max_tokens and stop are applied."""
    prompt = _asked(request)
    if fault not in _FORCED and (code := _graded(request, prompt)):
        return Answer(json.dumps({"verdict": code}), Quality.RIGHT)
    question = recognise(prompt)
    difficulty = question.difficulty if question else _difficulty(prompt)
    luck, kind = _draw(model.name, request.prompt_hash, choice)
    tool = _chosen_tool(request, prompt)
    in_json = tool is not None or request.format != "text"
    failures = _JSON_FAILURES if in_json else _FAILURES
    quality = Quality.RIGHT if luck < model.skill[difficulty] else failures[kind % len(failures)]
    if fault in _FORCED:
        quality = _FORCED[fault]
    told = (
        _in_json(request, prompt, question, tool, quality) if in_json else _in_words(request, prompt, question, quality)
    )
    return replace(told, finish="content_filter") if fault is Fault.FILTERED_FINISH else told


def confidence(request: ChatRequest, model: SimModel, quality: Quality, place: int) -> float:
    """Log probability of the token at `place`: near 0 in right answers, lower and overlapping in others."""
    luck, _ = _draw(f"{model.name}/logprob", request.prompt_hash, place)
    return -0.02 - 0.35 * luck if quality is Quality.RIGHT else -0.10 - 1.40 * luck


def _draw(model: str, prompt_hash: str, number: int) -> tuple[float, int]:
    digest = hashlib.blake2b(f"{model}|{prompt_hash}|{number}".encode(), digest_size=16).digest()
    return int.from_bytes(digest[:8]) / 2**64, int.from_bytes(digest[8:])


def _asked(request: ChatRequest) -> str:
    asked = [message.text for message in request.messages if message.role == "user"]
    return asked[-1] if asked else request.messages[-1].text


def _difficulty(prompt: str) -> Difficulty:
    hard = len(prompt) > _HARD_CHARS or _HARD_CUES.search(prompt.casefold())
    return Difficulty.HARD if hard else Difficulty.EASY if len(prompt) < 60 else Difficulty.MIDDLING


def _subject(prompt: str) -> str:
    words = prompt[:400].split()[:12]
    return " ".join(words).rstrip("?.!:, ") or "the empty question"


def _in_words(request: ChatRequest, prompt: str, question: Question | None, quality: Quality) -> Answer:
    _, right, wrong, hedge, refusal = VOICES[_language(prompt)]
    subject, mark = _subject(prompt), request.prompt_hash[:8]
    right = question.reply if question else right.format(s=subject, r=mark)
    if request.messages[-1].role in ("tool", "function"):
        right = f"According to the tool: {request.messages[-1].text[:500]}"
    texts = {
        Quality.RIGHT: right,
        Quality.WRONG: question.wrong_reply if question else wrong.format(s=subject, r=mark),
        Quality.HEDGE: hedge.format(s=subject),
        Quality.REFUSAL: refusal,
        Quality.TRUNCATED: right[: len(right) // 2],
        Quality.BROKEN_JSON: '{"answer": ' + json.dumps(right)[:-3],
        Quality.EMPTY: "",
    }
    return Answer(texts[quality], quality, finish="length" if quality is Quality.TRUNCATED else "stop")


def _in_json(
    request: ChatRequest, prompt: str, question: Question | None, tool: Tool | None, quality: Quality
) -> Answer:
    subject = _subject(prompt)
    right = question.answer if question else f"{subject} (ref {request.prompt_hash[:8]})"
    schema = tool.schema if tool else request.schema
    told = "unknown" if quality is Quality.WRONG else right
    material = Material(prompt if quality is not Quality.WRONG else "", subject, told)
    value = {"subject": subject, "answer": told} if schema is None else fill(schema, material)
    if isinstance(value, dict) and "same" in value:
        value["same"] = _says_the_same(prompt)
    if quality is Quality.WRONG and isinstance(value, dict) and value:
        value.popitem()  # a cheap model's usual slip: a field is missing
    text = json.dumps(value, ensure_ascii=False)
    finish = "tool_calls" if tool else "stop"
    name = tool.name if tool else None
    match quality:
        case Quality.REFUSAL:
            return Answer(VOICES[_language(prompt)][4], quality)
        case Quality.EMPTY:
            return Answer("", quality)
        case Quality.TRUNCATED:
            return Answer(text[: len(text) // 2], quality, name, "length")
        case Quality.BROKEN_JSON:
            return Answer(text[:-1] + ",,", quality, name, finish)
    return Answer(text, quality, name, finish)


def _says_the_same(prompt: str) -> bool:
    """Whether the two answers of a comparison are equal in their words; of any other prompt, no."""
    try:
        texts = json.loads(prompt)
        first, second = (re.findall(r"\w+", str(texts[name]).casefold()) for name in ("first", "second"))
    except (ValueError, KeyError, TypeError):
        return False
    return first == second


_CODE = re.compile(r"Code ([0-9a-f]{8})\b")


def _graded(request: ChatRequest, prompt: str) -> str | None:
    """The code of a verdict on another model's answer, where one is asked for: it is bad when the request has a known
    answer that it does not contain, good otherwise. The system message names the codes, good first."""
    codes: list[str] = [code for m in request.messages if m.role == "system" for code in _CODE.findall(m.text)]
    if len(codes) != 2:
        return None
    try:
        asked, given = (str(json.loads(prompt)[name]) for name in ("request", "answer"))
    except (ValueError, KeyError, TypeError):
        return None
    question = recognise(asked)
    return codes[0] if question is None or question.answer in given else codes[1]


def _language(prompt: str) -> str:
    words = set(re.findall(r"[^\W\d]+", prompt[:2000].casefold()))
    return max(VOICES, key=lambda name: len(words & VOICES[name][0]))


def _chosen_tool(request: ChatRequest, prompt: str) -> Tool | None:
    """The named tool, else the one that shares most words with the prompt; none after a tool's result."""
    if not request.tools or request.tool_choice == "none":
        return None
    for tool in request.tools:
        if tool.name == request.tool_choice:
            return tool
    if request.messages[-1].role in ("tool", "function") and request.tool_choice != "required":
        return None
    words = set(re.findall(r"\w+", prompt[:2000].casefold()))
    overlap = [
        len(words & set(re.findall(r"[^\W_]+", f"{tool.name} {tool.description}".casefold()))) for tool in request.tools
    ]
    return request.tools[overlap.index(max(overlap))]

"""A model's answer as LiteLLM hands it over: what is looked at before it may go out, and what is changed in it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from litellm.utils import TextCompletionStreamWrapper

from plugins.answer_forms import as_text_completion, message_of
from plugins.config import GatewayConfig
from plugins.escalation import wants_json
from plugins.flight import Flight
from plugins.integrity import Received, fault
from plugins.normalise import finish_reason_of, text_of
from plugins.values import Endpoint


def inspect(flight: Flight, response: Any, config: GatewayConfig) -> None:
    """Note what the response itself has wrong, and how sure the model was. Call it before the reply is renamed."""
    call = flight.call
    if call is None or call.endpoint is not Endpoint.CHAT:
        return
    choices = getattr(response, "choices", None) or []
    flight.mean_logprob = _mean_logprob(choices)
    flight.called = _called(choices)
    if config.policy.integrity != "off":
        sizes = tuple(len(str(getattr(getattr(c, "message", None), "content", None) or "")) for c in choices)
        said = str(getattr(response, "model", None) or "")
        flight.fault = fault(Received(flight.model, said, sizes, call.choices))


def serialised(response: Any) -> str:
    """A plain reply as JSON, for the cache; empty for what has no such form."""
    if isinstance(response, dict):
        return json.dumps({name: value for name, value in response.items() if not name.startswith("_")}, default=str)
    return str(response.model_dump_json(exclude_none=True)) if hasattr(response, "model_dump_json") else ""


# LiteLLM puts the chunks of these together itself, in the form of a plain chat reply.
_ASSEMBLED = frozenset({Endpoint.CHAT, Endpoint.COMPLETIONS})


def keep_assembled(flight: Flight, response: Any) -> None:
    """A stream's whole answer, as LiteLLM puts it together; of responses and messages that would lose their form."""
    if flight.endpoint not in _ASSEMBLED or flight.scope is None:
        return
    flight.response = serialised(response)
    if flight.endpoint is Endpoint.COMPLETIONS and flight.response:
        flight.response = json.dumps(as_text_completion(json.loads(flight.response)))


def in_own_form(flight: Flight, pieces: Any) -> Any:
    """A replayed text completion's stream as one: LiteLLM replays it as a chat's."""
    if flight.hit is None or flight.endpoint is not Endpoint.COMPLETIONS:
        return pieces
    return TextCompletionStreamWrapper(pieces, flight.hit.model, stream_options={"include_usage": True})


class Passing:
    """Looks at a stream's pieces as they pass: a replayed one costs nothing, and of one that LiteLLM does not put
    together in its own form the answer is kept, up to `most_bytes`: the last event of a response, all of a message."""

    def __init__(self, flight: Flight, most_bytes: int) -> None:
        self._flight, self._most = flight, most_bytes
        self._keeps = flight.scope is not None and flight.hit is None and flight.endpoint not in _ASSEMBLED
        self._message = bytearray()

    def note(self, piece: Any) -> None:
        """One piece: bytes or text of a message, an event of a response, a chunk of the others."""
        if self._flight.endpoint is Endpoint.COMPLETIONS:
            _with_text(piece)
        if self._flight.hit is not None:
            _at_no_cost(piece)
        elif self._keeps and isinstance(piece, bytes | str):
            if len(self._message) <= self._most:
                self._message += piece.encode() if isinstance(piece, str) else piece
        elif self._keeps and getattr(piece, "type", "") == "response.completed":
            self._flight.response = serialised(piece.response)

    def end(self) -> None:
        """The stream is whole."""
        if self._message and len(self._message) <= self._most:
            message = message_of(bytes(self._message))
            self._flight.response = json.dumps(message) if message is not None else ""


def _with_text(piece: Any) -> None:
    """A text completion's last piece says why it ended; LiteLLM leaves out its text, which clients append."""
    for choice in getattr(piece, "choices", None) or []:
        if getattr(choice, "text", "") is None:
            choice.text = ""


def _at_no_cost(piece: Any) -> None:
    """LiteLLM writes what the answer cost when it was made into the usage that a stream ends with."""
    usage = getattr(piece, "usage", None) or getattr(getattr(piece, "response", None), "usage", None)
    if usage is not None and getattr(usage, "cost", None):
        usage.cost = 0.0


def _called(choices: Sequence[Any]) -> tuple[tuple[str, str], ...]:
    """The functions that the first choice calls."""
    calls = getattr(getattr(choices[0], "message", None), "tool_calls", None) if choices else None
    functions = [getattr(call, "function", None) for call in calls or ()]
    return tuple((str(f.name or ""), str(f.arguments or "")) for f in functions if f is not None)


def _mean_logprob(choices: Sequence[Any]) -> float | None:
    """Of the first choice's tokens, natural logarithm; None where the provider gives none."""
    told = getattr(choices[0], "logprobs", None) if choices else None
    rows = told.get("content") if isinstance(told, dict) else getattr(told, "content", None)
    values = [row.get("logprob") if isinstance(row, dict) else getattr(row, "logprob", None) for row in rows or ()]
    known = [float(value) for value in values if isinstance(value, int | float)]
    return sum(known) / len(known) if known else None


def normalise(flight: Flight, response: Any, config: GatewayConfig) -> None:
    """Bring a plain chat answer into the form that is configured for its task."""
    call, route = flight.call, flight.route
    names = config.answers.normalise.get(route.verdict.task, ()) if route is not None else ()
    if not names or call is None or call.endpoint is not Endpoint.CHAT:
        return
    rules, in_json = frozenset(names), wants_json(call)
    for choice in getattr(response, "choices", None) or []:
        message = getattr(choice, "message", None)
        if message is not None and isinstance(message.content, str):
            message.content = text_of(message.content, rules, wants_json=in_json)
        if isinstance(choice.finish_reason, str):
            choice.finish_reason = finish_reason_of(choice.finish_reason, rules)

"""A model's answer as LiteLLM hands it over: what is looked at before it may go out, and what is changed in it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from plugins.answer_forms import message_of
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
    if config.policy.integrity != "off":
        sizes = tuple(len(str(getattr(getattr(c, "message", None), "content", None) or "")) for c in choices)
        said = str(getattr(response, "model", None) or "")
        flight.fault = fault(Received(flight.model, said, sizes, call.choices))


def serialised(response: Any) -> str:
    """A plain reply as JSON, for the cache; empty for what has no such form."""
    if isinstance(response, dict):
        return json.dumps(response, default=str)
    return str(response.model_dump_json()) if hasattr(response, "model_dump_json") else ""


class StreamKept:
    """What of a stream is needed to keep its answer, where LiteLLM does not put it together in its own form: the last
    event of a response, all of a message up to `most_bytes`."""

    def __init__(self, endpoint: Endpoint, most_bytes: int) -> None:
        self._endpoint, self._most = endpoint, most_bytes
        self._message = bytearray()
        self._response = ""

    def add(self, piece: Any) -> None:
        """One piece as LiteLLM yields it: bytes or text for messages, an event for responses."""
        if self._endpoint is Endpoint.MESSAGES and isinstance(piece, bytes | str):
            if len(self._message) <= self._most:
                self._message += piece.encode() if isinstance(piece, str) else piece
        elif self._endpoint is Endpoint.RESPONSES and getattr(piece, "type", "") == "response.completed":
            self._response = serialised(piece.response)

    def answer(self) -> str:
        """The whole answer as JSON; empty where there is none to keep."""
        if self._endpoint is not Endpoint.MESSAGES:
            return self._response
        message = message_of(bytes(self._message)) if len(self._message) <= self._most else None
        return json.dumps(message) if message is not None else ""


# LiteLLM puts the chunks of these together itself, in the form of a plain reply.
ASSEMBLED = frozenset({Endpoint.CHAT, Endpoint.COMPLETIONS})


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

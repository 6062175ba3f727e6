"""Judgements on answered requests: what applications tell us, and what the gateway itself noticed.

Names that begin with "gateway." are the gateway's own; a client cannot use them. A score's id derives from its trace,
name and source, so that sending it twice stores it once, and a second opinion replaces the first.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

from plugins.errors import BadRequest
from plugins.tracing import CACHE_CHECK, environment_of, trace_id_of
from plugins.values import MICROS_PER_USD, Caller, Trace

OWN: Final = "gateway."
DataType = Literal["NUMERIC", "BOOLEAN", "CATEGORICAL"]
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_TRACE_ID = re.compile(r"[0-9a-f]{32}")
_MAX_TEXT_CHARS = 200
_MAX_COMMENT_CHARS = 2_000
_BAD_WORDS = frozenset({"bad", "wrong", "incorrect", "negative", "down", "thumbs_down", "no"})
_FIELDS = frozenset({"trace_id", "name", "value", "comment"})
_CHECK, _AFTERWARDS = "escalation check", "answer check"  # before the answer left, or when it had
_SCHEMA = "schema"  # the check of that name in `plugins.escalation`


@dataclass(frozen=True, slots=True)
class Score:
    """One judgement. `value` is 0 or 1 for BOOLEAN, text for CATEGORICAL. `app` is empty for the gateway's own."""

    id: str
    trace_id: str
    name: str
    value: float | str
    data_type: DataType
    at_ns: int
    comment: str = ""
    environment: str = ""
    tenant: str = ""
    app: str = ""


@dataclass(frozen=True, slots=True)
class Feedback:
    """What an application said, checked."""

    trace_id: str
    name: str
    value: float | str
    data_type: DataType
    comment: str

    @property
    def is_bad(self) -> bool:
        """Whether it speaks against the answer: false, a number up to zero, or one of a few words."""
        if isinstance(self.value, str):
            return self.value.lower() in _BAD_WORDS
        return self.value <= 0

    def score(self, caller: Caller, environment: str, at_ns: int) -> Score:
        return Score(
            _id(self.trace_id, self.name, caller.app),
            self.trace_id,
            self.name,
            self.value,
            self.data_type,
            at_ns,
            self.comment,
            environment_of(environment),
            caller.tenant,
            caller.app,
        )


def read_feedback(body: dict[str, Any]) -> Feedback:  # Any: parsed JSON
    """`{"trace_id", "name", "value", "comment"?}`. Raises BadRequest naming the field."""
    if unknown := sorted(body.keys() - _FIELDS):
        raise BadRequest(f"'{unknown[0]}' is not known here. Send trace_id, name, value and comment.", param=unknown[0])
    trace_id, name, comment = body.get("trace_id"), body.get("name"), body.get("comment") or ""
    if not isinstance(trace_id, str) or not _TRACE_ID.fullmatch(trace_id.replace("-", "").lower()):
        text = "'trace_id' must be the x-tierwise-trace-id of a reply: 32 hexadecimal digits."
        raise BadRequest(text, param="trace_id")
    if not isinstance(name, str) or not _NAME.fullmatch(name) or name.lower().startswith(OWN):
        text = f"'name' must be up to 64 letters, digits and _.- and must not begin with {OWN!r}."
        raise BadRequest(text, param="name")
    if not isinstance(comment, str) or len(comment) > _MAX_COMMENT_CHARS:
        raise BadRequest(f"'comment' must be text of at most {_MAX_COMMENT_CHARS} characters.", param="comment")
    value, data_type = _value(body.get("value"))
    return Feedback(trace_id.replace("-", "").lower(), name, value, data_type, comment)


def _value(given: object) -> tuple[float | str, DataType]:
    match given:
        case bool():
            return int(given), "BOOLEAN"
        case int() | float() if math.isfinite(given) and abs(given) <= 1e9:
            return given, "NUMERIC"
        case str() if 0 < len(given.strip()) <= _MAX_TEXT_CHARS:
            return given.strip(), "CATEGORICAL"
    text = f"'value' must be true or false, a number up to a billion, or text of at most {_MAX_TEXT_CHARS} characters."
    raise BadRequest(text, param="value")


def automatic_scores(trace: Trace, environment: str) -> Iterator[Score]:
    """What the gateway noticed about a request that was answered; nothing where it looked at nothing.

    gateway.answer_ok       BOOLEAN  the first answer passed the checks that decide on escalation
    gateway.schema_valid    BOOLEAN  it was the JSON that was asked for
    gateway.judged          BOOLEAN  a model judged a served cached answer to say what a fresh one says
    gateway.escalated       BOOLEAN  a better model was asked (only where one could have been)
    gateway.cache_distance  NUMERIC  cosine distance of a served semantic hit
    gateway.saved_usd       NUMERIC  dollars below the baseline tier, where there is a baseline
    """
    step = next((step for step in trace.steps if step.name in (_CHECK, _AFTERWARDS)), None)
    found: list[tuple[str, float, DataType, str]] = []
    if step is not None:
        check = step.attributes
        found.append(("answer_ok", int(bool(check.get("ok"))), "BOOLEAN", str(check.get("reason", ""))))
        if step.name == _CHECK:
            found.append(("escalated", int(trace.escalations > 0), "BOOLEAN", ""))
        if check.get("wants_json") and (check.get("ok") or check.get("check") == _SCHEMA):
            found.append(("schema_valid", int(bool(check.get("ok"))), "BOOLEAN", ""))
    if (judged := _judged(trace)) is not None:
        found.append(("judged", int(judged), "BOOLEAN", "the cached answer was compared with a fresh one"))
    if trace.cache.kind == "semantic" and trace.cache.distance is not None:
        found.append(("cache_distance", round(trace.cache.distance, 6), "NUMERIC", ""))
    if trace.baseline_micros:
        found.append(("saved_usd", trace.saved_micros / MICROS_PER_USD, "NUMERIC", ""))
    trace_id, env = trace_id_of(trace.id), environment_of(environment)
    for name, value, data_type, comment in found:
        full = OWN + name
        yield Score(
            _id(trace_id, full, ""), trace_id, full, value, data_type, trace.ended_ns, comment, env, trace.caller.tenant
        )


def _judged(trace: Trace) -> bool | None:
    """What the check of a cached answer said; None for a request that was not checked, and for near misses."""
    told = next((step.attributes for step in trace.steps if step.name == CACHE_CHECK), {})
    result = told.get("result") if told.get("of") == "hit" else None
    return result == "same" if result in ("same", "different") else None


def to_api(score: Score) -> dict[str, Any]:  # Any: JSON values
    """The body of Langfuse's `POST /api/public/scores` (https://api.reference.langfuse.com)."""
    body: dict[str, Any] = {
        "id": score.id,
        "traceId": score.trace_id,
        "name": score.name,
        "value": score.value,
        "dataType": score.data_type,
        "environment": score.environment,
        "timestamp": _moment(score.at_ns),
        "metadata": {key: text for key, text in (("tenant", score.tenant), ("app", score.app)) if text},
    }
    return body | ({"comment": score.comment} if score.comment else {})


def to_line(score: Score) -> dict[str, Any]:  # Any: JSON values
    """One line of `scores.jsonl`."""
    return {
        "time": _moment(score.at_ns),
        "trace_id": score.trace_id,
        "tenant": score.tenant,
        "app": score.app,
        "name": score.name,
        "value": score.value,
        "data_type": score.data_type,
        "comment": score.comment,
    }


def _id(trace_id: str, name: str, source: str) -> str:
    return hashlib.sha256(f"{trace_id}/{name}/{source}".encode()).hexdigest()[:32]


def _moment(epoch_ns: int) -> str:
    return datetime.fromtimestamp(epoch_ns / 1e9, UTC).isoformat(timespec="milliseconds")

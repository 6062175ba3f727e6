"""Scripted faults: which call goes wrong, how, and how often. Repeatable: chance is a seeded counter."""

import asyncio
import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from plugins.trial.simulator.errors import ApiError, bad_value


class Fault(StrEnum):
    """What goes wrong. `seconds` of the rule is meant for those that say so."""

    ERROR_500 = "error500"  # 500 server_error
    ERROR_503 = "error503"  # 503 service unavailable
    RATE_LIMIT = "rate_limit"  # 429 with Retry-After: seconds (default 1)
    UNAUTHORIZED = "unauthorized"  # 401 invalid_api_key
    CONTENT_FILTER = "content_filter"  # 400 content_policy_violation
    HANG = "hang"  # nothing for `seconds` (default 600), then the usual answer
    HOLD = "hold"  # nothing until the script is replaced or deleted, then the usual answer
    SLOW = "slow"  # first token `seconds` later (default 2)
    HALF_STREAM = "half_stream"  # connection closed after half of the body
    STALL = "stall"  # silence of `seconds` (default 600) after half of the stream
    TRUNCATE = "truncate"  # half of the answer, finish_reason length
    FILTERED_FINISH = "filtered_finish"  # half of the answer, finish_reason content_filter
    EMPTY = "empty"  # an answer without content
    WRONG_JSON = "wrong_json"  # JSON that cannot be parsed, also as tool arguments
    BAD_ANSWER = "bad_answer"  # fluent and wrong
    REFUSE = "refuse"  # the model says that it cannot help
    WRONG_MODEL = "wrong_model"  # `model` of the answer names another one
    NO_USAGE = "no_usage"  # the answer has no usage


DEFAULT_SECONDS = {Fault.HANG: 600.0, Fault.HOLD: 86_400.0, Fault.STALL: 600.0, Fault.SLOW: 2.0, Fault.RATE_LIMIT: 1.0}
WRONG_MODEL_NAME = "sim-substitute"
ENDPOINTS = ("chat", "responses", "embeddings")

_ERRORS = {
    Fault.ERROR_500: (500, "server_error", None, "The server had an error while processing your request."),
    Fault.ERROR_503: (
        503,
        "server_error",
        None,
        "The engine is currently overloaded, please try again later.",
    ),
    Fault.RATE_LIMIT: (429, "rate_limit_exceeded", "rate_limit_exceeded", "Rate limit reached for requests."),
    Fault.UNAUTHORIZED: (401, "invalid_request_error", "invalid_api_key", "Incorrect API key provided."),
    Fault.CONTENT_FILTER: (
        400,
        "invalid_request_error",
        "content_policy_violation",
        "Your request was rejected as a result of our safety system.",
    ),
}


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of the script. `first_n`: how many calls it may hit, None for no end."""

    fault: Fault
    model: str = "*"
    endpoint: str = "*"
    probability: float = 1.0
    first_n: int | None = None
    seconds: float | None = None
    seed: int = 0

    def matches(self, model: str, endpoint: str) -> bool:
        return self.model in ("*", model) and self.endpoint in ("*", endpoint)

    @property
    def wait_s(self) -> float:
        """`seconds`, or the fault's default, or 0."""
        return self.seconds if self.seconds is not None else DEFAULT_SECONDS.get(self.fault, 0.0)

    def error(self) -> ApiError | None:
        """The error answer this fault gives, None when it is not an error answer."""
        if (row := _ERRORS.get(self.fault)) is None:
            return None
        status, kind, code, message = row
        limited = self.fault is Fault.RATE_LIMIT
        headers = {"retry-after": str(math.ceil(self.wait_s))} if limited else {}
        return ApiError(status, message, kind, code, headers=headers)


@dataclass(slots=True)
class _Counted:
    rule: Rule
    seen: int = 0
    hits: int = 0

    def fires(self) -> bool:
        if self.rule.first_n is not None and self.hits >= self.rule.first_n:
            return False
        self.seen += 1
        digest = hashlib.blake2b(f"{self.rule.seed}:{self.seen}".encode(), digest_size=8).digest()
        if int.from_bytes(digest) / 2**64 >= self.rule.probability:
            return False
        self.hits += 1
        return True


@dataclass(slots=True)
class FaultScript:
    """The rules in force, in order; the first that fires decides. `replaced`: set once others are in force."""

    _rules: list[_Counted] = field(default_factory=list)
    replaced: asyncio.Event = field(default_factory=asyncio.Event)

    def replace(self, rules: Sequence[Rule]) -> None:
        self._rules = [_Counted(rule) for rule in rules]
        self.replaced.set()
        self.replaced = asyncio.Event()

    def pick(self, model: str, endpoint: str) -> Rule | None:
        """The rule that hits this call, and counts it; None for a call that goes well."""
        for counted in self._rules:
            if counted.rule.matches(model, endpoint) and counted.fires():
                return counted.rule
        return None

    def as_json(self) -> dict[str, Any]:
        """`{"rules": [{"model", "endpoint", "fault", ..., "seen", "hits"}]}`."""
        rows = [
            {
                "model": counted.rule.model,
                "endpoint": counted.rule.endpoint,
                "fault": counted.rule.fault.value,
                "probability": counted.rule.probability,
                "first_n": counted.rule.first_n,
                "seconds": counted.rule.seconds,
                "seed": counted.rule.seed,
                "seen": counted.seen,
                "hits": counted.hits,
            }
            for counted in self._rules
        ]
        return {"rules": rows}


def read_rules(body: object) -> list[Rule]:
    """Rules from one object, a list of objects or `{"rules": [...]}`. Raises ApiError 400."""
    rows = body.get("rules", [body]) if isinstance(body, dict) else body
    if not isinstance(rows, list):
        raise bad_value("rules", "a list of rules")
    return [_read_rule(row) for row in rows]


def _read_rule(row: object) -> Rule:
    if not isinstance(row, dict):
        raise bad_value("rules", "objects")
    if unknown := set(row) - {"model", "endpoint", "fault", "probability", "first_n", "seconds", "seed"}:
        raise bad_value(sorted(unknown)[0], "no such field in a rule")
    if row.get("fault") not in list(Fault):
        raise bad_value("fault", f"one of {', '.join(Fault)}")
    if row.get("endpoint", "*") not in ("*", *ENDPOINTS):
        raise bad_value("endpoint", f"* or one of {', '.join(ENDPOINTS)}")
    if not isinstance(row.get("model", "*"), str):
        raise bad_value("model", "a string")
    first_n, seed = row.get("first_n"), row.get("seed", 0)
    if first_n is not None and (type(first_n) is not int or first_n < 0):
        raise bad_value("first_n", "an integer of at least 0, or null")
    if type(seed) is not int:
        raise bad_value("seed", "an integer")
    seconds = row.get("seconds")
    return Rule(
        fault=Fault(row["fault"]),
        model=row.get("model", "*"),
        endpoint=row.get("endpoint", "*"),
        probability=_number(row.get("probability", 1.0), "probability", 1.0),
        first_n=first_n,
        seconds=None if seconds is None else _number(seconds, "seconds", 86_400.0),
        seed=seed,
    )


def _number(value: object, param: str, most: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
        raise bad_value(param, f"a number from 0 to {most:g}")
    return float(value)

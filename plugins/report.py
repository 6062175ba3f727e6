"""What the requests cost, from finished traces: groups, totals, a time line, and agreement with the ledger.

Pure: reading files is `report_cli.py`, drawing is `report_html.py` and `report_svg.py`. Money is integer
micro-dollars throughout; latencies are milliseconds of the requests that got an answer (answered or cached),
because refusals take no time and would make a tenant look fast.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from plugins.values import MICROS_PER_USD, Trace

DIMENSIONS: Final = ("tenant", "app", "task", "tier", "model", "feature", "outcome", "cache")
DEFAULT_BY: Final = ("tenant", "app", "task", "tier")
NONE: Final = "(none)"

_SERVED = frozenset({"answered", "cached"})
_AGE = re.compile(r"(\d{1,6})([mhdw])")
_AGE_UNIT = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_BUCKETS_S = (60, 300, 900, 3_600, 6 * 3_600, 86_400, 7 * 86_400, 28 * 86_400)
_MAX_BUCKETS = 48


@dataclass(frozen=True, slots=True)
class Request:
    """What the report needs of one trace, small enough to keep a million of them."""

    tenant: str
    app: str
    task: str
    tier: str
    model: str
    feature: str
    outcome: str
    cache: str
    started_ns: int
    latency_ms: float
    input_tokens: int
    output_tokens: int
    cost_micros: int
    saved_micros: int
    baseline_micros: int
    escalations: int
    fallbacks: int
    requests: int = 1  # how many client requests this stands for; more where the source has added up already
    timed: bool = True  # whether `latency_ms` is known


@dataclass(slots=True)
class Totals:
    """Sums over some requests. `outcomes` counts requests by outcome."""

    requests: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)
    input_tokens: int = 0
    output_tokens: int = 0
    cost_micros: int = 0
    saved_micros: int = 0
    cache_saved_micros: int = 0  # of these, what answers from the cache saved
    baseline_micros: int = 0
    escalated: int = 0
    fell_back: int = 0
    latencies_ms: list[float] = field(default_factory=list)

    def add(self, request: Request) -> None:
        self.requests += request.requests
        self.outcomes[request.outcome] = self.outcomes.get(request.outcome, 0) + request.requests
        self.input_tokens += request.input_tokens
        self.output_tokens += request.output_tokens
        self.cost_micros += request.cost_micros
        self.saved_micros += request.saved_micros
        self.cache_saved_micros += request.saved_micros if request.outcome == "cached" else 0
        self.baseline_micros += request.baseline_micros
        self.escalated += request.requests if request.escalations else 0
        self.fell_back += request.requests if request.fallbacks else 0
        if request.outcome in _SERVED and request.timed:
            self.latencies_ms.append(request.latency_ms)

    @property
    def served(self) -> int:
        return sum(self.outcomes.get(outcome, 0) for outcome in _SERVED)

    @property
    def micros_per_answer(self) -> float | None:
        """Cost of one request that got an answer, from a model or from the cache; None if none got one."""
        return self.cost_micros / self.served if self.served else None

    @property
    def escalation_rate(self) -> float | None:
        """Escalated requests among those that a model answered; None if there were none."""
        answered = self.outcomes.get("answered", 0)
        return self.escalated / answered if answered else None

    def latency_ms(self, share: float) -> float | None:
        """That percentile (0 < share <= 1), or None if no request got an answer."""
        return percentile(sorted(self.latencies_ms), share)

    def as_dict(self) -> dict[str, int | float | None]:
        """Plain numbers for JSON and CSV."""
        return {
            "requests": self.requests,
            **{name: self.outcomes.get(name, 0) for name in ("answered", "cached", "refused", "failed")},
            "aborted": self.outcomes.get("aborted", 0),
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "cost_micros": self.cost_micros,
            "cost_usd": self.cost_micros / MICROS_PER_USD,
            "saved_micros": self.saved_micros,
            "saved_usd": self.saved_micros / MICROS_PER_USD,
            "cache_saved_micros": self.cache_saved_micros,
            "baseline_micros": self.baseline_micros,
            "escalated": self.escalated,
            "fell_back": self.fell_back,
            "p50_ms": self.latency_ms(0.5),
            "p95_ms": self.latency_ms(0.95),
        }


@dataclass(frozen=True, slots=True)
class Group:
    """One row: the values of the dimensions grouped by, and the totals of its requests."""

    key: tuple[str, ...]
    totals: Totals


@dataclass(frozen=True, slots=True)
class Timeline:
    """Totals per interval, without gaps. `parts` has the same intervals for each value of a dimension."""

    starts_s: tuple[int, ...]
    width_s: int
    totals: tuple[Totals, ...]
    parts: Mapping[str, tuple[Totals, ...]]


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """One tenant's traced cost against the ledger's. A positive difference: the ledger charged more."""

    tenant: str
    traced_micros: int
    ledger_micros: int

    @property
    def difference_micros(self) -> int:
        return self.ledger_micros - self.traced_micros


def request_of(trace: Trace) -> Request:
    """The small part of a trace; equal strings are shared."""
    share = sys.intern
    return Request(
        tenant=share(trace.caller.tenant or NONE),
        app=share(trace.caller.app or NONE),
        task=share(trace.task or NONE),
        tier=share(trace.tier or NONE),
        model=share(trace.model or NONE),
        feature=share(trace.feature or NONE),
        outcome=share(trace.outcome),
        cache=share(trace.cache.kind),
        started_ns=trace.started_ns,
        latency_ms=max(0, trace.ended_ns - trace.started_ns) / 1e6,
        input_tokens=trace.usage.input_tokens,
        output_tokens=trace.usage.output_tokens,
        cost_micros=trace.cost_micros,
        saved_micros=trace.saved_micros,
        baseline_micros=trace.baseline_micros,
        escalations=trace.escalations,
        fallbacks=trace.fallbacks,
    )


def group_by(requests: Iterable[Request], dimensions: Sequence[str]) -> list[Group]:
    """One group per combination that occurs, the most expensive first, then by requests and name."""
    found: dict[tuple[str, ...], Totals] = {}
    for request in requests:
        key = tuple(getattr(request, name) for name in dimensions)
        found.setdefault(key, Totals()).add(request)
    groups = [Group(key, totals) for key, totals in found.items()]
    return sorted(groups, key=lambda g: (-g.totals.cost_micros, -g.totals.requests, g.key))


def total_of(requests: Iterable[Request]) -> Totals:
    """All of them in one."""
    totals = Totals()
    for request in requests:
        totals.add(request)
    return totals


def timeline(requests: Sequence[Request], dimension: str) -> Timeline:
    """The requests in at most 48 equal intervals from the first to the last (at least one request)."""
    seconds = [request.started_ns // 10**9 for request in requests]
    first_s, last_s = min(seconds), max(seconds)
    fits = (width for width in _BUCKETS_S if last_s // width - first_s // width < _MAX_BUCKETS)
    width_s = next(fits, last_s - first_s + 1)
    start_s = first_s // width_s * width_s
    count = (last_s - start_s) // width_s + 1
    totals = _empty(count)
    parts: dict[str, tuple[Totals, ...]] = {}
    for request, second in zip(requests, seconds, strict=True):
        place = (second - start_s) // width_s
        totals[place].add(request)
        value = getattr(request, dimension)
        if value not in parts:
            parts[value] = _empty(count)
        parts[value][place].add(request)
    starts = tuple(start_s + place * width_s for place in range(count))
    return Timeline(starts, width_s, totals, parts)


def _empty(count: int) -> tuple[Totals, ...]:
    return tuple(Totals() for _ in range(count))


def percentile(ordered: Sequence[float], share: float) -> float | None:
    """Nearest rank: the smallest value with at least that share of the values at or below it."""
    if not ordered:
        return None
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def reconcile(requests: Iterable[Request], ledger_micros_by_tenant: Mapping[str, int]) -> tuple[Reconciliation, ...]:
    """Traced against charged, per tenant that occurs in either, by name."""
    traced: dict[str, int] = {}
    for request in requests:
        traced[request.tenant] = traced.get(request.tenant, 0) + request.cost_micros
    tenants = sorted(traced.keys() | ledger_micros_by_tenant.keys())
    return tuple(Reconciliation(name, traced.get(name, 0), ledger_micros_by_tenant.get(name, 0)) for name in tenants)


def parse_since(text: str, now: datetime) -> int:
    """`30m`, `24h`, `7d`, `2w` before `now`, or an ISO date or time (UTC unless it says); epoch ns.

    Raises ValueError with a message for people.
    """
    if match := _AGE.fullmatch(text.strip()):
        age = timedelta(**{_AGE_UNIT[match[2]]: int(match[1])})
        return int((now - age).timestamp()) * 10**9
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(f"{text!r} is neither an age (30m, 24h, 7d, 2w) nor an ISO date such as 2026-05-01") from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return int(moment.timestamp()) * 10**9


def parse_by(text: str) -> tuple[str, ...]:
    """`tenant,app` as dimensions. Raises ValueError naming the known ones."""
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    unknown = [name for name in names if name not in DIMENSIONS]
    if unknown or not names or len(set(names)) < len(names):
        what = f"unknown dimension {unknown[0]!r}" if unknown else "name each dimension once"
        raise ValueError(f"{what}: known are {', '.join(DIMENSIONS)}")
    return names

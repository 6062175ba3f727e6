"""Finished traces for tests: one to vary by keyword, and a reproducible mix of all kinds."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from plugins.values import CacheVerdict, Caller, Endpoint, Step, Trace, Usage

DAY_NS = 86_400 * 10**9
START_NS = 1_780_000_000 * 10**9  # in May 2026

_PRICES = {"small": 7, "mid": 61, "frontier": 1_313}  # micro-dollars per request, odd on purpose


def a_trace(**changes: Any) -> Trace:  # Any: the fields of Trace
    """An answered request: 1,500 micro-dollars for the model and 20 for embedding, three steps."""
    ms = 10**6
    trace = Trace(
        id="8c5f7a1e-6f0b-4f4e-9d0a-2b8f3a4c5d6e",
        started_ns=START_NS,
        ended_ns=START_NS + 900 * ms,
        first_token_ns=START_NS + 300 * ms,
        caller=Caller("acme", "helpdesk", "k-1"),
        endpoint=Endpoint.CHAT,
        requested_model="auto",
        stream=True,
        outcome="answered",
        status=200,
        error_code="",
        task="code",
        tier="mid",
        layer="scored",
        score=0.42,
        threshold=0.65,
        reason="p=0.42 < 0.65",
        model="gpt-mid",
        deployment="mid-eu-1",
        provider="openai",
        residency="any",
        variant="",
        cache=CacheVerdict("miss", "no candidate"),
        usage=Usage(120, 40, 20, 8),
        cost_micros=1_520,
        cost_exact=True,
        costs={"model": 1_500, "embedding": 20},
        saved_micros=3_480,
        baseline_micros=5_000,
        budget_left_micros=9_998_480,
        fallbacks=0,
        escalations=0,
        steps=(
            Step("policy", START_NS, START_NS + ms, {"reason": "no restriction"}),
            Step("classify", START_NS + ms, START_NS + 4 * ms, {"layer": "scored", "score": 0.42}),
            Step("attempt", START_NS + 10 * ms, START_NS + 890 * ms, {"model": "gpt-mid", "status": 200}),
        ),
    )
    return replace(trace, **changes)


def mixed_traces(count: int, seed: int = 7) -> Iterator[Trace]:
    """Answered, cached, refused, failed and aborted requests of three tenants over thirty days."""
    dice = random.Random(seed)
    for number in range(count):
        yield _one(dice, number, count)


def _one(dice: random.Random, number: int, count: int) -> Trace:
    started_ns = START_NS + number * 30 * DAY_NS // count
    tenant = dice.choice(("acme", "globex", "initech"))
    tier, price = dice.choice(tuple(_PRICES.items()))
    outcome = dice.choices(("answered", "cached", "refused", "failed", "aborted"), (60, 25, 6, 5, 4))[0]
    called = outcome in ("answered", "aborted")
    model_micros = price * dice.randint(1, 40) if called else 0
    costs = {"model": model_micros, "embedding": dice.randint(0, 3), "judge": dice.choice((0, 0, 11))}
    cost_micros = sum(costs.values())
    baseline_micros = cost_micros + dice.randint(0, 40_000) if outcome in ("answered", "cached") else 0
    cache = {"cached": dice.choice(("exact", "semantic")), "refused": "bypass"}.get(outcome, "miss")
    return a_trace(
        id=str(uuid.UUID(int=dice.getrandbits(128), version=4)),
        started_ns=started_ns,
        ended_ns=started_ns + int(dice.lognormvariate(0, 0.7) * 1e9),
        first_token_ns=started_ns + 10**8 if called else None,
        caller=Caller(tenant, dice.choice(("helpdesk", "search", "reports")), "k-1"),
        outcome=outcome,
        status={"refused": 429, "failed": 502}.get(outcome, 200),
        error_code={"refused": "insufficient_quota", "failed": "upstream_error"}.get(outcome, ""),
        task=dice.choice(("code", "chat", "extraction", "")),
        tier="" if outcome == "refused" else tier,
        model="" if outcome == "refused" else f"gpt-{tier}",
        cache=CacheVerdict(cache, "", 0.12 if cache == "semantic" else None),
        usage=Usage(dice.randint(1, 900), dice.randint(1, 400)) if called else Usage(),
        cost_micros=cost_micros,
        costs=costs,
        saved_micros=max(0, baseline_micros - cost_micros),
        baseline_micros=baseline_micros,
        escalations=int(called and dice.random() < 0.08),
        fallbacks=int(called and dice.random() < 0.03),
        steps=(),
    )

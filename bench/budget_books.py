"""After the budget drill: what the provider billed, what the ledger charged, and what the caps allow, call by call."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import redis

from bench.budget_load import Seen
from plugins.adapters.ledger_books import LedgerBooks
from plugins.budget import caps_of_tenant
from plugins.config import GatewayConfig

PICO_PER_MICRO = 1_000_000
Json = dict[str, Any]


@dataclass(slots=True)
class Charges:
    """The ledger's entries of one call, further attempts and the small model's opinion included."""

    micros: int = 0
    ops: list[str] = field(default_factory=list)
    holds: set[str] = field(default_factory=set)

    @property
    def settled(self) -> bool:
        return any(op.startswith(("settled", "late", "unheld")) for op in self.ops)

    @property
    def exact(self) -> bool:
        return all(op == "settled_exact" for op in self.ops)


def charges_of(url: str, tenants: Sequence[str]) -> dict[str, Charges]:
    """By trace id, from every tenant's stream."""
    found: dict[str, Charges] = defaultdict(Charges)
    with redis.Redis.from_url(url, decode_responses=True) as client:
        for tenant in tenants:
            rows = cast(list[tuple[str, dict[str, str]]], client.xrange(f"tw:{{{tenant}}}:ledger"))
            for _, entry in rows:
                charges = found[entry["call"].partition("-")[0]]
                charges.micros += int(entry["micros"])
                charges.ops.append(entry["op"])
                charges.holds.add(entry["call"])
    return found


def billed_of(records: Sequence[Json]) -> dict[str, list[int]]:
    """Pico-dollars of each attempt, by the call's `user`."""
    found: dict[str, list[int]] = defaultdict(list)
    for record in records:
        if record["billed_picos"]:
            found[record["user"] or ""].append(record["billed_picos"])
    return found


def compare(seen: Sequence[Seen], records: Sequence[Json], charges: Mapping[str, Charges]) -> Json:
    """Call by call. A call whose client never saw a head (it left, or the worker died) has no trace id and is left
    to the tenant's sum."""
    billed = billed_of(records)
    lost = undercharged = inexact = exact = by_expiry = 0
    for one in seen:
        picos, charge = billed.get(one.ask.id, []), charges.get(one.trace_id)
        if not one.trace_id or one.status != 200:
            continue
        if charge is None:
            lost += one.whole
            undercharged += -(-sum(picos) // PICO_PER_MICRO)
            continue
        by_expiry += one.whole and not charge.settled
        undercharged += max(0, -(-sum(picos) // PICO_PER_MICRO) - charge.micros)
        if one.whole and charge.exact:
            exact += 1
            inexact += charge.micros != sum(-(-p // PICO_PER_MICRO) for p in picos)
    return {
        "lost_settlements": lost,
        "undercharged_micros": undercharged,
        "settled_exactly": exact,
        "exact_but_not_as_billed": inexact,
        "answered_and_charged_by_expiry": by_expiry,
        "billed_without_a_name_micros": -(-sum(billed.get("", [])) // PICO_PER_MICRO),
    }


async def balances(url: str, config: GatewayConfig, records: Sequence[Json]) -> Json:
    """End what expired, then compare every tenant's sums: billed, charged, cap, still reserved, audit."""
    billed = billed_of(records)
    ledger = LedgerBooks(url, config.budgets.model_copy(update={"timeout_ms": 30_000}))
    rows: Json = {}
    try:
        for name, tenant in config.tenants.items():
            ended = (await ledger.reconcile(name)).ended
            audit = await ledger.audit(name)
            spending = (await ledger.spending(name, tenant.timezone, ("tenant",)))[-1]
            states = await ledger.states(name, tenant.timezone, caps_of_tenant(tenant))
            picos = sum(p for user, ps in billed.items() if user.endswith(f"-{name}") for p in ps)
            whole = (s for s in states if s.cap.scope == "tenant" and s.cap.tier is None)
            limits = [s.limit for s in whole if s.cap.micros is not None]
            rows[name] = {
                "cap_micros": min(limits, default=None),
                "billed_micros": -(-picos // PICO_PER_MICRO),
                "charged_micros": spending.micros,
                "reserved_micros": spending.reserved_micros,
                "over_cap": sum(max(0, s.spent + s.reserved - s.limit) for s in states),
                "expired_at_the_end": len(ended),
                "audit_equal": audit.equal and not audit.trimmed,
                "entries": audit.entries,
            }
    finally:
        await ledger.close()
    return rows


def totals(rows: Json, admit_always: Sequence[str]) -> Json:
    """The drill's measures. Tenants of `admit_always` may pass their caps while the ledger is away, by policy."""
    capped = {n: row for n, row in rows.items() if row["cap_micros"] is not None and n not in admit_always}
    return {
        "overspend_micros": sum(max(0, row["billed_micros"] - row["cap_micros"]) for row in capped.values()),
        "ledger_over_cap": sum(row["over_cap"] for row in capped.values()),
        "billed_above_charged_micros": sum(max(0, r["billed_micros"] - r["charged_micros"]) for r in rows.values()),
        "phantom_micros": sum(row["reserved_micros"] for row in rows.values()),
        "audit_equal": all(row["audit_equal"] for row in rows.values()),
        "billed_micros": sum(row["billed_micros"] for row in rows.values()),
        "charged_micros": sum(row["charged_micros"] for row in rows.values()),
        "cap_micros": sum(row["cap_micros"] for row in capped.values()),
    }


def step_times(traces: Path, names: Sequence[str] = ("reserve", "settle")) -> Json:
    """Milliseconds of the steps as the gateway traced them: p50 and p99."""
    found: dict[str, list[float]] = {name: [] for name in names}
    for line in traces.read_text(encoding="utf-8").splitlines():
        try:
            steps = json.loads(line)["steps"]
        except ValueError:
            continue  # the last line of a killed worker
        for step in steps:
            if step["name"] in found:
                found[step["name"]].append((step["ended_ns"] - step["started_ns"]) / 1e6)
    return {f"{name}_ms": percentiles(times) for name, times in found.items()}


def percentiles(times: Sequence[float]) -> Json:
    ordered = sorted(times)
    if not ordered:
        return {"count": 0}
    return {
        "count": len(ordered),
        "p50": round(ordered[len(ordered) // 2], 2),
        "p99": round(ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)], 2),
    }


def outcomes(seen: Sequence[Seen]) -> Json:
    """How the calls ended, as their clients saw it."""
    counts = Counter(
        "left" if s.left else "answered" if s.whole else f"{s.status or 'no connection'} {s.code}".strip() for s in seen
    )
    return dict(counts.most_common())

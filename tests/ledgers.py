"""Ledgers on a real Redis for tests: a calendar turned by hand, and holds that expire on demand."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from redis.asyncio import Redis

from plugins.adapters.redis_ledger import RedisLedger
from plugins.budget import Alert
from plugins.budget_windows import Span
from plugins.config import BudgetConfig
from plugins.values import Cap, Hold, Reservation, Window

FAR_S = 2**37  # the year 6325
DAY = Cap("tenant", Window.DAY, micros=1000)
PATIENT = BudgetConfig(timeout_ms=10_000)  # a busy machine is no reason to fail a test


@dataclass(slots=True)
class TurnedCalendar:
    """Windows that change when the test says so, whatever the clock says."""

    page: int = 0

    def __call__(self, window: Window, timezone: str, now_s: int) -> tuple[Span, ...]:
        if window is Window.TOTAL:
            return (Span(window, "", 0, 0),)
        return (Span(window, f"page{self.page}", 0, FAR_S),)


@dataclass(slots=True)
class Tenant:
    """A fresh tenant's ledger with short ways to use it."""

    ledger: RedisLedger
    name: str
    alerts: list[Alert]
    calls: int = 0
    caps: tuple[Cap, ...] = field(default=(DAY,))

    def request(
        self, micros: int = 100, tokens: int = 10, tier: str = "small", call_id: str = "", app: str = "web"
    ) -> Reservation:
        self.calls += 1
        return Reservation(call_id or f"call-{self.calls}", self.name, "UTC", self.caps, micros, tokens, tier, app)

    async def hold(self, micros: int = 100, tokens: int = 10, tier: str = "small", call_id: str = "") -> Hold:
        held = await self.ledger.reserve(self.request(micros, tokens, tier, call_id))
        assert isinstance(held, Hold), held
        return held

    async def balance(self, cap: Cap | None = None) -> tuple[int, int]:
        """(spent, reserved) of a cap, by default the first."""
        (state,) = await self.ledger.states(self.name, "UTC", (cap or self.caps[0],))
        return state.spent, state.reserved

    async def is_balanced(self) -> bool:
        found = await self.ledger.audit(self.name)
        return found.equal and not found.trimmed


@asynccontextmanager
async def tenant_on(
    url: str,
    folder: Path,
    config: BudgetConfig = PATIENT,
    calendar: Callable[[Window, str, int], tuple[Span, ...]] | None = None,
    name: str = "",
) -> AsyncIterator[Tenant]:
    """A tenant nobody else uses, and its ledger, closed at the end."""
    alerts: list[Alert] = []
    ledger = RedisLedger(url, config, folder, alerts.append, calendar or TurnedCalendar())
    try:
        yield Tenant(ledger, name or f"t-{uuid.uuid4().hex[:12]}", alerts)
    finally:
        await ledger.close()


async def let_expire(url: str, tenant: str, *call_ids: str) -> None:
    """Make holds look as if their life had ended long ago."""
    async with Redis.from_url(url) as redis:
        await redis.zadd(f"tw:{{{tenant}}}:expiries", dict.fromkeys(call_ids, 1), xx=True)


async def ledger_entries(url: str, tenant: str) -> list[dict[str, str]]:
    """Every entry of a tenant's ledger stream, the oldest first."""
    async with Redis.from_url(url, decode_responses=True) as redis:
        found = await redis.xrange(f"tw:{{{tenant}}}:ledger")
    return [fields for _, fields in cast(list[tuple[str, dict[str, str]]], found)]

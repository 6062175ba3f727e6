"""What the ledger itself costs, alone and one call after the other: with 10 tenants and with 10,000."""

from __future__ import annotations

import time
import uuid
from pathlib import Path
from typing import Any

from bench.budget_books import percentiles
from plugins.adapters.redis_ledger import RedisLedger
from plugins.config import BudgetConfig
from plugins.values import Cap, Exact, Hold, Reservation, Window

CALLS = 2_000
CAPS = (
    Cap("tenant", Window.DAY, micros=10**12),
    Cap("tenant", Window.MONTH, micros=10**13),
    Cap("app:web", Window.DAY, micros=10**12),
    Cap("key:0123456789ab", Window.HOUR, tokens=10**12),
)


async def measure(url: str, folder: Path, tenants: int) -> dict[str, Any]:
    """Milliseconds of reserve and settle, four caps each, over `CALLS` calls spread over tenants that were used."""
    ledger = RedisLedger(url, BudgetConfig(), folder / "scale")
    names = [f"scale{tenants}-{number}" for number in range(tenants)]
    times: dict[str, list[float]] = {"reserve": [], "settle": []}
    try:
        for number in range(max(tenants, CALLS) + CALLS):
            request = Reservation(uuid.uuid4().hex, names[number % tenants], "UTC", CAPS, 1000, 100, "small", "web")
            began = time.perf_counter()
            held = await ledger.reserve(request)
            reserved = time.perf_counter()
            assert isinstance(held, Hold), held
            await ledger.settle(held, Exact(10, 10))
            if number >= max(tenants, CALLS):
                times["reserve"].append((reserved - began) * 1000)
                times["settle"].append((time.perf_counter() - reserved) * 1000)
    finally:
        await ledger.close()
    return {f"{name}_ms": percentiles(found) for name, found in times.items()}

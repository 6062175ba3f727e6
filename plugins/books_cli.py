"""What `tierwise report` asks besides the trace file: the ledger, Langfuse, and whether they agree."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from plugins.adapters.redis_scripts import RedisAwayError
from plugins.adapters.report_sources import LangfuseMetrics, cap_states, ledger_requests
from plugins.config import GatewayConfig
from plugins.config_file import load_config
from plugins.errors import ConfigError, StartError
from plugins.forecast import CapForecast, forecasts
from plugins.report import Reconciliation, Request, reconcile
from plugins.values import usd_text

MONTH_NS = 31 * 86_400 * 10**9


@dataclass(frozen=True, slots=True)
class Books:
    """The config whose tenants are meant, and the Redis that holds their ledger (empty: none is known)."""

    gateway: GatewayConfig
    redis_url: str

    def langfuse(self, since_ns: int) -> list[Request]:
        """Raises StartError. Without a beginning, the last 31 days: Langfuse wants one."""
        until_ns = time.time_ns()
        begin_ns = since_ns or until_ns - MONTH_NS
        return LangfuseMetrics(self.gateway.tracing).requests(list(self.gateway.tenants), begin_ns, until_ns)

    def ledger(self, since_ns: int) -> list[Request]:
        """Raises StartError."""
        if not self.redis_url:
            raise StartError("No Redis to ask for the ledger: set gateway.redis_url or REDIS_URL, or give --redis-url.")
        names = list(self.gateway.tenants)
        try:
            return asyncio.run(ledger_requests(self.redis_url, self.gateway.budgets, names, since_ns, time.time_ns()))
        except RedisAwayError as away:
            raise StartError(f"The ledger cannot be asked ({away.reason}).") from None

    def forecasts(self, requests: Sequence[Request]) -> tuple[CapForecast, ...]:
        """Nothing without a ledger: a report does not fail for it."""
        if not self.redis_url:
            return ()
        try:
            states = asyncio.run(cap_states(self.redis_url, self.gateway.budgets, self.gateway.tenants))
        except RedisAwayError:
            return ()
        return forecasts(states, requests, int(time.time()))

    def reconciled(self, requests: Sequence[Request], since_ns: int) -> tuple[Reconciliation, ...]:
        """What was told against what the ledger charged, per tenant of either with any cost. Raises StartError."""
        charged: dict[str, int] = {}
        for one in self.ledger(since_ns):
            charged[one.tenant] = charged.get(one.tenant, 0) + one.cost_micros
        return tuple(one for one in reconcile(requests, charged) if one.traced_micros or one.ledger_micros)


def find_books(config: Path | None, redis_url: str | None, needed: bool) -> Books | None:
    """The books of a config; None where there is no config and none is needed. Raises ConfigError."""
    try:
        gateway = load_config(config).gateway
    except ConfigError:
        if needed or config is not None:
            raise
        return None
    return Books(gateway, redis_url or gateway.redis_url or "")


def reconciliation_line(source: str, found: Sequence[Reconciliation]) -> str:
    """One sentence for people."""
    total = sum(one.ledger_micros for one in found)
    differing = [one for one in found if one.difference_micros]
    if not differing:
        return f"reconciled: {source} and ledger agree to the micro-dollar (${usd_text(total)}, {len(found)} tenants)"
    parts = (
        f"{one.tenant} {'+' if one.difference_micros > 0 else ''}{usd_text(one.difference_micros)}" for one in differing
    )
    return f"not equal: the ledger says, in dollars more than {source}: {', '.join(parts)}"

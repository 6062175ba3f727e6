"""The operator's side of the ledger: read, adjust with a reason, reconcile, audit."""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from redis.exceptions import RedisError

from plugins.adapters import ledger_wire as wire
from plugins.adapters.ledger_audit import Audit, audit_tenant
from plugins.adapters.redis_scripts import RedisAwayError, RedisScripts
from plugins.budget import Alert
from plugins.budget_windows import candidates
from plugins.config import BudgetConfig
from plugins.values import Cap, CapState, Window

SWEEP_MOST = 20  # expired holds ended on the way by one reserve or states
RECONCILE_MOST = 200
READS = frozenset({"states_v1", "snapshot_v1"})
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ended:
    """An expired hold that was ended, and whether it was "charged" or "released"."""

    call_id: str
    micros: int
    tokens: int
    tier: str
    expired_at_ms: int
    outcome: str


@dataclass(frozen=True, slots=True)
class Reconciled:
    """The expired holds that were ended now, and how many holds of calls in flight are open."""

    ended: tuple[Ended, ...]
    open_holds: int


@dataclass(frozen=True, slots=True)
class Adjusted:
    """An operator's change of one counter. `applied` is False when this change was applied before."""

    before: int
    after: int
    applied: bool


@dataclass(frozen=True, slots=True)
class Spending:
    """What a scope spent in the window that the server's clock is in, capped or not."""

    scope: str
    window: Window
    micros: int
    reserved_micros: int
    tokens: int
    reserved_tokens: int
    window_ends_at_s: int


class LedgerBooks:
    """One for each event loop; Redis is first contacted by the first use. All methods raise RedisAwayError.

    `on_alert` is called once per window, scope and threshold over all replicas, and must neither block nor
    raise. `calendar` gives the windows around an instant.
    """

    def __init__(
        self,
        url: str,
        config: BudgetConfig,
        on_alert: Callable[[Alert], None] | None = None,
        calendar: wire.Calendar = candidates,
    ) -> None:
        self._scripts = RedisScripts(url, config.timeout_ms)
        self._on_alert = on_alert
        self._calendar = calendar
        self._changes: Counter[str] = Counter()  # by tenant
        self._clock_offset_s = 0  # the server's clock minus ours, learnt when they disagree about a window
        self.configure(config)

    def configure(self, config: BudgetConfig) -> None:
        """Apply changed settings from now on (except `timeout_ms`, which needs a new ledger)."""
        self._config = config
        self._shares = " ".join(str(round(share * 1000)) for share in sorted(config.alert_shares))

    def changes(self, tenant: str) -> int:
        """How often a script that may have changed this tenant's counters was run here."""
        return self._changes[tenant]

    async def answers(self) -> bool:
        """Whether Redis is there now. Raises nothing."""
        try:
            async with asyncio.timeout(self._config.timeout_ms / 1000):
                await (await self._scripts.client()).ping()
        except (RedisError, OSError, TimeoutError):
            return False
        return True

    async def states(self, tenant: str, timezone: str, caps: tuple[Cap, ...]) -> tuple[CapState, ...]:
        """The counters of these caps now."""
        if not caps:
            return ()
        plan = wire.plan_of(caps)
        return wire.cap_states(caps, plan, await self._states(tenant, timezone, plan))

    async def spending(self, tenant: str, timezone: str, scopes: tuple[str, ...]) -> tuple[Spending, ...]:
        """Day, month and total of "tenant" and "app:NAME" scopes, which are counted whether capped or not."""
        plan = wire.plan_of((), wire.tracked(scopes))
        by_counter = dict(zip(plan.counters, await self._states(tenant, timezone, plan), strict=True))
        found = []
        for scope in scopes:
            for window in wire.TRACKED:
                dollars, tokens = (
                    by_counter[wire.Counter(window, wire.counter_name(scope, None, in_tokens))]
                    for in_tokens in (False, True)
                )
                spent, reserved, _, ends_at_s = (int(value) for value in dollars)
                found.append(Spending(scope, window, spent, reserved, int(tokens[0]), int(tokens[1]), ends_at_s))
        return tuple(found)

    async def grant(self, tenant: str, timezone: str, cap: Cap, amount: int, reason: str, actor: str) -> Adjusted:
        """Raise the cap's limit in the present window by `amount` (its unit; negative takes a grant back)."""
        return await self._adjust(tenant, timezone, "grant", cap, amount, reason, actor)

    async def set_spent(self, tenant: str, timezone: str, cap: Cap, amount: int, reason: str, actor: str) -> Adjusted:
        """Make the spent counter of the cap in the present window exactly `amount` (its unit)."""
        return await self._adjust(tenant, timezone, "set", cap, wire.amount(amount), reason, actor)

    async def reconcile(self, tenant: str) -> Reconciled:
        """End every expired hold by the configured policy and list them."""
        ended: list[Ended] = []
        while True:
            reply = await self._run("reconcile_v1", tenant, self._config.expired_holds, RECONCILE_MOST, self._shares)
            ended += [_ended(row) for row in reply[1]]
            self._tell(tenant, reply[4])
            if reply[3] == 0:
                return Reconciled(tuple(ended), int(reply[2]))

    async def audit(self, tenant: str) -> Audit:
        """Rebuild the counters from the ledger stream and the open holds, and compare."""
        return await audit_tenant(self._scripts, tenant)

    async def close(self) -> None:
        await self._scripts.close()

    async def _states(self, tenant: str, timezone: str, plan: wire.Plan) -> list[list[bytes]]:
        def send(windows: str) -> Awaitable[Any]:
            policy = self._config.expired_holds
            return self._run("states_v1", tenant, policy, SWEEP_MOST, self._shares, plan.text, windows)

        reply = await self._on_server_clock(plan.windows, timezone, send)
        self._tell(tenant, reply[4])
        states: list[list[bytes]] = reply[3]
        return states

    async def _adjust(
        self, tenant: str, timezone: str, op: str, cap: Cap, amount: int, reason: str, actor: str
    ) -> Adjusted:
        if not reason.strip():
            raise ValueError("an adjustment needs a reason")
        counter, change_id = wire.counter_of(cap), f"{op}-{uuid.uuid4()}"

        def send(windows: str) -> Awaitable[Any]:
            return self._run("adjust_v1", tenant, change_id, op, counter.name, amount, reason, actor, windows)

        reply = await self._on_server_clock((cap.window,), timezone, send)
        return Adjusted(int(reply[2]), int(reply[3]), reply[0] != b"again")

    async def _on_server_clock(
        self, windows: tuple[Window, ...], timezone: str, send: Callable[[str], Awaitable[Any]]
    ) -> Any:
        """Send with the windows around our clock; if the server's is in none, learn it and send again."""
        for _ in range(2):
            now_s = int(time.time())
            around = wire.candidate_windows(windows, timezone, now_s + self._clock_offset_s, self._calendar)
            reply = await send(around)
            if reply[0] != b"clock":
                return reply
            self._clock_offset_s = int(reply[1]) // 1000 - now_s
            _log.warning("the clocks of this host and of Redis differ by %d s", self._clock_offset_s)
        raise RedisAwayError("no window holds the server's time")

    async def _run(self, name: str, tenant: str, *args: str | int) -> Any:
        """Run a script; once more when the line broke, which every script recognises as a repetition."""
        try:
            try:
                return await self._scripts.run(name, tenant, *args)
            except RedisAwayError as away:
                if not away.broken:
                    raise
            await asyncio.sleep(0)
            return await self._scripts.run(name, tenant, *args)
        finally:
            if name not in READS:
                self._changes[tenant] += 1

    def _tell(self, tenant: str, rows: list[list[bytes]]) -> tuple[Alert, ...]:
        alerts = wire.read_alerts(tenant, rows)
        if self._on_alert is not None:
            for alert in alerts:
                self._on_alert(alert)
        return alerts


def _ended(row: list[bytes]) -> Ended:
    call_id, micros, tokens, tier, expired_at_ms, outcome = (value.decode() for value in row)
    return Ended(call_id, int(micros), int(tokens), tier, int(expired_at_ms), outcome)

"""The budget ledger in Redis: reserve and settle in one round trip each, exactly once, on the server's clock.

What a settle does to the balance (over a call's whole life it adds up to one charge):

- `Exact` charges the given amount and returns the rest of the hold; above the hold it charges the truth, even
  above the cap. `AtMost` does the same with an amount that the truth cannot pass.
- `LowerBound` charges the whole hold, or what was counted if that is more: true usage lies anywhere up to the
  bound, and what may have been spent must not be spent again.
- A hold that expired was charged in full ("charge") or given back ("release"). A settle that still comes
  *corrects* that to what a settle in time would have charged. With "charge" the correction can only lower the
  balance while the hold was large enough, so it passes no cap; without it an outage of Redis longer than a
  hold's life would leave tenants charged with worst cases. With "release" a late charge may pass the cap:
  that is the price of giving back what may have been spent, and why "charge" is the default.
- A second settle changes nothing. The scripts recognise it for at least 24 hours; a journalled settlement
  that is older is looked up in the ledger stream before it is applied.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from plugins.adapters import ledger_wire as wire
from plugins.adapters.ledger_audit import is_recorded
from plugins.adapters.ledger_books import SWEEP_MOST, LedgerBooks
from plugins.adapters.ledger_journal import Journal, Replay, Settlement
from plugins.adapters.ledger_unheld import Unheld
from plugins.adapters.redis_scripts import RedisAwayError
from plugins.budget import Alert, applies, first_over, least_left_micros
from plugins.budget_windows import candidates
from plugins.config import BudgetConfig
from plugins.errors import BadRequest
from plugins.values import AtMost, Cap, Charge, Exact, Hold, LedgerAway, LowerBound, OverCap, Reservation, Settled

REMEMBERED_MS = 24 * 3600 * 1000  # how long at least the scripts recognise a settled call
CLOCKS_APART_MS = 600_000  # the stream is searched from this much before an attempt by our clock
LOOK_FOR_JOURNAL_S = 2.0
ABANDONED_MOST = 10_000
_log = logging.getLogger(__name__)
T = TypeVar("T")


_KINDS = {Exact: "exact", AtMost: "most", LowerBound: "bound"}


@dataclass(frozen=True, slots=True)
class _Facts:
    """What this process knows of a call it reserved for, should Redis have lost or never seen it."""

    request: Reservation
    plan: wire.Plan
    windows: str
    noted_s: float


class RedisLedger(LedgerBooks):
    """Implements `ports.Ledger`. Workers of a host may share `journal_dir`."""

    def __init__(
        self,
        url: str,
        config: BudgetConfig,
        journal_dir: Path,
        on_alert: Callable[[Alert], None] | None = None,
        calendar: wire.Calendar = candidates,
    ) -> None:
        super().__init__(url, config, on_alert, calendar)
        self._journal = Journal(journal_dir)
        self._unheld = Unheld(journal_dir)
        self._look_at_s = 0.0  # time.monotonic() from which on the journal is looked at again
        self._facts: OrderedDict[str, _Facts] = OrderedDict()
        self._abandoned: deque[Settlement] = deque(maxlen=ABANDONED_MOST)
        self._unheld_micros: dict[str, int] = {}  # by tenant: admitted since Redis was last heard
        self._settling: dict[str, asyncio.Task[Settled]] = {}
        self._tasks: set[asyncio.Task[Any]] = set()

    async def reserve(self, request: Reservation) -> Hold | OverCap | LedgerAway:
        """Hold the whole amount against every cap of the call's tier, or nothing.

        BadRequest when the call id was used before: two calls must never share a hold. After `LedgerAway` say
        what becomes of the call: `admit_unheld` or `abandon`.
        """
        task = self._spawn(self._reserve(request))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            self._spawn(self._undo(task, request))  # the client left: nobody will settle what is being held
            raise

    async def settle(self, hold: Hold, charge: Charge) -> Settled:
        """Charge once, also when the caller is cancelled meanwhile. While Redis is away it is journalled.

        `charged_micros` is what the call was charged, also when another settle did it.
        """
        running = self._settling.get(hold.call_id)
        if running is not None:
            return replace(await asyncio.shield(running), first=False, alerts=())
        task = self._settling[hold.call_id] = self._spawn(self._settle(hold, charge))
        task.add_done_callback(lambda _: self._settling.pop(hold.call_id, None))
        return await asyncio.shield(task)

    async def admit_unheld(self, request: Reservation) -> Hold:
        """Admit a call by policy after `LedgerAway`. Nothing is held; its settle charges its caps. Should this process
        die before, another one charges the worst case, which is on disk when this returns."""
        self._unheld_micros[request.tenant] = self._unheld_micros.get(request.tenant, 0) + request.micros
        hold = Hold(request.call_id, request.tenant, request.micros, request.tokens, None)
        worst = _settlement(hold, LowerBound(hold.micros, hold.tokens), self._facts.get(request.call_id))
        try:
            await asyncio.to_thread(self._unheld.note, worst)
        except OSError:
            _log.critical("the disk does not take a call that is admitted without a hold: %s", worst, exc_info=True)
        return hold

    def fits_allowance(self, request: Reservation, allowance_micros: int) -> bool:
        """Whether this process may admit one more such call for the tenant before Redis is back."""
        return self._unheld_micros.get(request.tenant, 0) + request.micros <= allowance_micros

    async def abandon(self, request: Reservation) -> None:
        """The call was refused after `LedgerAway`: give back, once Redis answers again, what the unanswered
        reserve may have held. Should this process end before, that expires like any hold."""
        facts = self._facts.pop(request.call_id, None)
        if facts is not None:
            hold = Hold(request.call_id, request.tenant, request.micros, request.tokens, None)
            self._abandoned.append(_settlement(hold, Exact(0, 0), facts))

    async def replay_journal(self) -> int:
        """Deliver what was journalled, then what dead processes of this host had admitted without a hold and never
        settled; how many there were. Happens by itself once Redis answers again."""
        replay = await asyncio.to_thread(self._journal.take)
        count = await self._replay(replay) if replay is not None else 0
        if self._journal.is_empty:  # else a settlement of theirs may still wait there, with the true amount
            for left in await asyncio.to_thread(list, self._unheld.of_the_dead()):
                count += await self._replay(left)
        return count

    async def _replay(self, replay: Replay) -> int:
        delivered = False
        try:
            await self._deliver_all(replay)
            delivered = True
        except RedisAwayError as away:
            _log.warning("replay of %d settlements stopped: %s", len(replay.settlements), away.reason)
        finally:
            replay.end(delivered)
        return len(replay.settlements) if delivered else 0

    async def close(self) -> None:
        """Let what is under way finish, then disconnect."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.to_thread(self._unheld.close)
        await super().close()

    async def _reserve(self, request: Reservation) -> Hold | OverCap | LedgerAway:
        plan, nonce = _plan(request.caps, request.app, request.tier), secrets.token_hex(6)

        def send(windows: str) -> Awaitable[Any]:
            return self._run(
                "reserve_v1", wire.word(request.tenant), wire.word(request.call_id),
                wire.amount(request.micros), wire.amount(request.tokens), request.tier,
                self._config.hold_ttl_s * 1000, self._config.expired_holds, SWEEP_MOST, self._shares,
                plan.text, plan.limits, windows, nonce,
            )  # fmt: skip  # one argument a line hides that they are the script's ARGV in order

        try:
            reply = await self._on_server_clock(plan.windows, request.timezone, send)
        except RedisAwayError as away:
            now_s = int(time.time()) + self._clock_offset_s
            windows = wire.current_windows(plan.windows, request.timezone, now_s, self._calendar)
            self._note(_Facts(request, plan, windows, time.monotonic()))
            return LedgerAway(away.reason)
        self._heard(request.tenant)
        self._tell(request.tenant, reply[4])
        return self._reserved(request, plan, reply)

    def _reserved(self, request: Reservation, plan: wire.Plan, reply: list[Any]) -> Hold | OverCap:
        status = reply[0].decode()
        if status in ("done", "conflict"):
            raise BadRequest(
                "This call id was used before. Send each request with an id of its own.",
                code="duplicate_call_id",
            )
        caps = [cap for cap in request.caps if applies(cap, request.tier)]
        states = wire.cap_states(caps, plan, reply[3])
        if status == "over":
            over = first_over(states, request, int(reply[1]) // 1000)
            assert over is not None, "the script refused what fits"  # noqa: S101  # both apply the same inequality
            return over
        self._note(_Facts(request, plan, reply[2].decode(), time.monotonic()))
        return Hold(request.call_id, request.tenant, request.micros, request.tokens, least_left_micros(states), states)

    async def _settle(self, hold: Hold, charge: Charge) -> Settled:
        facts = self._facts.pop(hold.call_id, None)
        settlement = _settlement(hold, charge, facts)
        try:
            reply = await self._deliver(settlement)
        except RedisAwayError as away:
            await self._keep(settlement, away.reason)
            await self._not_unheld(hold.call_id)
            micros = max(charge.micros, hold.micros) if isinstance(charge, LowerBound) else charge.micros
            return Settled(micros, hold.remaining_micros, first=facts is not None)
        status, charged_micros, left = reply[0].decode(), int(reply[2]), reply[4]
        await self._not_unheld(hold.call_id)
        self._heard(hold.tenant)
        if status in ("again", "unknown"):  # "again" to the one with the facts: its own repetition
            return Settled(charged_micros, hold.remaining_micros, first=facts is not None)
        if charged_micros > hold.micros:
            _log.warning("call %s cost %d micro-dollars, its hold was %d", hold.call_id, charged_micros, hold.micros)
        texts = tuple(alert.text for alert in self._tell(hold.tenant, reply[5]))
        return Settled(charged_micros, int(left) if left else None, True, texts)

    async def _deliver(self, settlement: Settlement) -> list[Any]:
        reply: list[Any] = await self._run(
            "settle_v1", settlement.tenant, settlement.call_id, settlement.kind, settlement.micros, settlement.tokens,
            self._shares, settlement.plan, settlement.limits, settlement.windows, settlement.tier,
        )  # fmt: skip  # as above
        return reply

    async def _not_unheld(self, call_id: str) -> None:
        if call_id in self._unheld:
            await asyncio.to_thread(self._unheld.forget, call_id)

    async def _keep(self, settlement: Settlement, reason: str) -> None:
        self._look_at_s = 0.0
        try:
            await asyncio.to_thread(self._journal.append, settlement)
        except OSError:
            _log.critical(
                "neither Redis (%s) nor the disk takes this settlement: %s", reason, settlement, exc_info=True
            )

    async def _deliver_all(self, replay: Replay) -> None:
        for settlement in replay.settlements:
            if int(time.time() * 1000) - settlement.attempted_ms > REMEMBERED_MS:
                since_ms = settlement.attempted_ms - CLOCKS_APART_MS
                if await is_recorded(self._scripts, settlement.tenant, settlement.call_id, since_ms):
                    continue
            reply = await self._deliver(settlement)
            self._tell(settlement.tenant, reply[5])

    async def _undo(self, task: asyncio.Task[Hold | OverCap | LedgerAway], request: Reservation) -> None:
        with suppress(BadRequest, ValueError):
            match await task:
                case Hold() as hold:
                    await self._settle(hold, Exact(0, 0))
                case LedgerAway():
                    await self.abandon(request)

    async def _give_back(self) -> None:
        while self._abandoned:
            settlement = self._abandoned.popleft()
            try:
                await self._deliver(settlement)
            except RedisAwayError:
                self._abandoned.append(settlement)
                return

    def _heard(self, tenant: str) -> None:
        """Redis answers: an allowance begins anew, and the journal is looked at now and then."""
        self._unheld_micros.pop(tenant, None)
        if self._abandoned:
            self._spawn(self._give_back())
        if time.monotonic() >= self._look_at_s:
            self._look_at_s = time.monotonic() + LOOK_FOR_JOURNAL_S
            if not self._journal.is_empty:
                self._spawn(self.replay_journal())

    def _note(self, facts: _Facts) -> None:
        self._facts[facts.request.call_id] = facts
        too_old_s = facts.noted_s - 2 * self._config.hold_ttl_s
        while next(iter(self._facts.values())).noted_s < too_old_s:
            self._facts.popitem(last=False)

    def _spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


@lru_cache(maxsize=4096)
def _plan(caps: tuple[Cap, ...], app: str, tier: str) -> wire.Plan:
    scopes = ("tenant", f"app:{app}") if app else ("tenant",)
    return wire.plan_of((cap for cap in caps if applies(cap, tier)), wire.tracked(scopes))


def _settlement(hold: Hold, charge: Charge, facts: _Facts | None) -> Settlement:
    known = Settlement(
        call_id=wire.word(hold.call_id),
        tenant=hold.tenant,
        kind=_KINDS[type(charge)],
        micros=wire.amount(charge.micros),
        tokens=wire.amount(charge.tokens),
        plan="",
        limits="",
        windows="",
        tier="",
        attempted_ms=int(time.time() * 1000),
    )
    if facts is None:
        return known
    return replace(
        known, plan=facts.plan.text, limits=facts.plan.limits, windows=facts.windows, tier=facts.request.tier
    )

"""Small honest fakes of the ports, for tests of the path."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from plugins.values import (
    Call,
    Cap,
    CapState,
    Charge,
    Exact,
    Hold,
    LedgerAway,
    OverCap,
    Previous,
    Reservation,
    Settled,
    SmallQuestion,
    Trace,
    Verdict,
)


@dataclass
class FakeLedger:
    """Holds whatever is asked unless told otherwise; charges each hold once."""

    answer: OverCap | LedgerAway | None = None
    holds: list[Reservation] = field(default_factory=list)
    charges: dict[str, Charge] = field(default_factory=dict)
    abandoned: list[str] = field(default_factory=list)
    states_seen: tuple[CapState, ...] = ()
    asked: int = 0  # for states

    async def reserve(self, request: Reservation) -> Hold | OverCap | LedgerAway:
        if self.answer is not None:
            return self.answer
        self.holds.append(request)
        return Hold(request.call_id, request.tenant, request.micros, request.tokens, 1000, self.states_seen)

    async def settle(self, hold: Hold, charge: Charge) -> Settled:
        first = hold.call_id not in self.charges
        self.charges.setdefault(hold.call_id, charge)
        return Settled(self.charges[hold.call_id].micros, 900, first)

    def fits_allowance(self, request: Reservation, allowance_micros: int) -> bool:
        return request.micros <= allowance_micros

    async def admit_unheld(self, request: Reservation) -> Hold:
        return Hold(request.call_id, request.tenant, request.micros, request.tokens, None)

    async def abandon(self, request: Reservation) -> None:
        self.abandoned.append(request.call_id)

    async def states(self, tenant: str, timezone: str, caps: tuple[Cap, ...]) -> tuple[CapState, ...]:
        self.asked += 1
        return self.states_seen

    def changes(self, tenant: str) -> int:
        return len(self.holds) + len(self.charges)


@dataclass
class FakeMonitor:
    """Keeps what it is told."""

    seen: list[CapState] = field(default_factory=list)
    refused: list[CapState] = field(default_factory=list)

    def budget_seen(self, tenant: str, states: tuple[CapState, ...]) -> None:
        self.seen += states

    def budget_refused(self, tenant: str, state: CapState) -> None:
        self.refused.append(state)

    def windows_end(self, now_s: int) -> None:
        pass


@dataclass
class FakeJudge:
    """Says what it is given, for a price."""

    says: Verdict | None = None
    price_micros: int = 3
    asked: list[str] = field(default_factory=list)
    allowed: bool = True

    def count(self) -> None:
        return None

    def may_ask(self) -> bool:
        return self.allowed

    def remembered(self, call: Call, scored: Verdict) -> Verdict | None:
        return None

    async def judge(self, call: Call, group: str, scored: Verdict) -> tuple[Verdict | None, Exact]:
        self.asked.append(group)
        return self.says, Exact(self.price_micros, 10)


class FakeConversations:
    """Remembers within the test."""

    def __init__(self) -> None:
        self.kept: dict[str, Previous] = {}

    async def recall(self, tenant: str, conversation: str) -> Previous | None:
        return self.kept.get(conversation)

    async def remember(self, tenant: str, conversation: str, tier: str, failed: bool) -> None:
        self.kept[conversation] = Previous(tier, 0.0, failed)

    async def close(self) -> None:
        return


class ShippedLimits:
    """Nothing was learnt: the verifier's own thresholds."""

    def limit(self, tenant: str, task: str) -> float | None:
        return None


class NoEmbedder:
    """Gives no vector: the classifier and the cache go on without."""

    async def embed(self, text: str) -> None:
        return None


@dataclass
class ListSink:
    """Keeps the traces."""

    traces: list[Trace] = field(default_factory=list)

    def emit(self, trace: Trace) -> None:
        self.traces.append(trace)

    async def close(self) -> None:
        return None


@dataclass
class FakeSmallModel:
    """Replies with what `says` makes of each question, for 3 micro-dollars."""

    says: Callable[[SmallQuestion], str | None] = lambda question: None
    charge: Charge = field(default_factory=lambda: Exact(3, 10))
    asked: list[tuple[str, SmallQuestion]] = field(default_factory=list)

    async def ask(
        self, question: SmallQuestion, group: str, timeout_s: float, call_id: str
    ) -> tuple[str | None, Charge]:
        self.asked.append((group, question))
        return self.says(question), self.charge

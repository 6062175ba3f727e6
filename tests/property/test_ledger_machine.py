"""A plain model and the Redis ledger, driven together through any order of calls and accidents."""

from __future__ import annotations

import asyncio
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from redis import Redis

from plugins.config import BudgetConfig
from plugins.errors import BadRequest
from plugins.values import Cap, Charge, Exact, Hold, LowerBound, OverCap, Window
from tests.ledgers import TurnedCalendar, let_expire, tenant_on
from tests.servers import running_redis

CAPS = (
    Cap("tenant", Window.DAY, micros=1000),
    Cap("tenant", Window.TOTAL, micros=3000),
    Cap("tenant", Window.DAY, tokens=400),
    Cap("tenant", Window.MONTH, micros=500, tier="frontier"),
    Cap("user:u", Window.HOUR, micros=700),
)
AMOUNTS = st.integers(0, 600)
TOKENS = st.integers(0, 150)
URL: list[str] = []


@pytest.fixture(scope="module", autouse=True)
def redis_server() -> Iterator[None]:
    with running_redis() as server:
        URL.append(server.url)
        yield
        URL.clear()


@dataclass(slots=True)
class ModelCall:
    hold: Hold
    tier: str
    page: int
    state: str = "open"  # overdue, charged, released, settled
    charged: tuple[int, int] = (0, 0)


@dataclass(slots=True)
class Model:
    """What the ledger should say, in a few lines: balances by (cap, page)."""

    policy: str
    page: int = 0
    calls: dict[str, ModelCall] = field(default_factory=dict)
    corrected: dict[tuple[Cap, int], int] = field(default_factory=lambda: defaultdict(int))
    granted: dict[tuple[Cap, int], int] = field(default_factory=lambda: defaultdict(int))

    def page_of(self, cap: Cap, page: int) -> int:
        return 0 if cap.window is Window.TOTAL else page

    def balance(self, cap: Cap) -> tuple[int, int, int]:
        """(spent, reserved, limit) now."""
        now = self.page_of(cap, self.page)
        in_tokens = cap.tokens is not None
        spent, reserved = self.corrected[cap, now], 0
        for call in self.calls.values():
            if self.page_of(cap, call.page) != now or (cap.tier and cap.tier != call.tier):
                continue
            spent += call.charged[in_tokens]
            if call.state in ("open", "overdue"):
                reserved += (call.hold.micros, call.hold.tokens)[in_tokens]
        limit = (cap.tokens if in_tokens else cap.micros) or 0
        return spent, reserved, limit + self.granted[cap, now]

    def first_over(self, micros: int, tokens: int, tier: str) -> Cap | None:
        for cap in CAPS:
            if cap.tier not in (None, tier):
                continue
            spent, reserved, limit = self.balance(cap)
            if spent + reserved + (tokens if cap.tokens is not None else micros) > limit:
                return cap
        return None

    def sweep(self) -> list[str]:
        """Ends what is overdue, as every reserve, states and reconcile does."""
        overdue = {call_id: call for call_id, call in self.calls.items() if call.state == "overdue"}
        for call in overdue.values():
            call.state = "charged" if self.policy == "charge" else "released"
            call.charged = (call.hold.micros, call.hold.tokens) if self.policy == "charge" else (0, 0)
        return sorted(overdue)

    def settle(self, call: ModelCall, charge: Charge) -> None:
        exact = isinstance(charge, Exact)
        held = (0, 0) if exact else (call.hold.micros, call.hold.tokens)
        call.charged = max(charge.micros, held[0]), max(charge.tokens, held[1])
        call.state = "settled"


class LedgerMachine(RuleBasedStateMachine):
    """Rules do the same to both; the invariants compare them and audit the ledger."""

    policy: ClassVar[str] = "charge"

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.folder = tempfile.TemporaryDirectory()
        self.calendar = TurnedCalendar()
        self.model = Model(self.policy)
        self.count = 0
        self.exceeded = False  # something was charged or corrected beyond what was held
        self.tenant = self.open()

    def open(self, name: str = ""):  # type: ignore[no-untyped-def]  # a Tenant
        config = BudgetConfig(timeout_ms=10_000, expired_holds=self.policy)
        opening = tenant_on(URL[0], Path(self.folder.name), config, self.calendar, name)
        return self.runner.run(self.stack.enter_async_context(opening))

    def teardown(self) -> None:
        self.runner.run(self.stack.aclose())
        self.runner.close()
        self.folder.cleanup()

    @rule(micros=AMOUNTS, tokens=TOKENS, tier=st.sampled_from(["small", "frontier"]))
    def reserve(self, micros: int, tokens: int, tier: str) -> None:
        self.model.sweep()
        self.count += 1
        self.tenant.caps = CAPS
        request = self.tenant.request(micros, tokens, tier, f"c{self.count}")
        answer = self.runner.run(self.tenant.ledger.reserve(request))
        expected = self.model.first_over(micros, tokens, tier)
        if expected is None:
            assert isinstance(answer, Hold)
            self.model.calls[request.call_id] = ModelCall(answer, tier, self.model.page)
        else:
            assert isinstance(answer, OverCap)
            assert (answer.state.cap.scope, answer.state.cap.window) == (expected.scope, expected.window)

"""A plain model and the Redis ledger, driven together through any order of calls and accidents."""

from __future__ import annotations

import asyncio
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from redis import Redis

from plugins.config import BudgetConfig
from plugins.errors import BadRequest
from plugins.values import AtMost, Cap, Charge, Exact, Hold, LowerBound, OverCap, Window
from tests.ledgers import Tenant, TurnedCalendar, let_expire, tenant_on
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
Known = type[Exact] | type[AtMost] | type[LowerBound]


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
        held = (call.hold.micros, call.hold.tokens) if isinstance(charge, LowerBound) else (0, 0)
        call.charged = max(charge.micros, held[0]), max(charge.tokens, held[1])
        call.state = "settled"


class LedgerMachine(RuleBasedStateMachine):
    """Rules do the same to both; the invariants compare them and audit the ledger."""

    policy: ClassVar[Literal["charge", "release"]] = "charge"

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.folder = tempfile.TemporaryDirectory()
        self.calendar = TurnedCalendar()
        self.model = Model(self.policy)
        self.count = 0
        self.tenant = self.open()

    def open(self, name: str = "") -> Tenant:
        config = BudgetConfig(timeout_ms=10_000, expired_holds=self.policy)
        opening = tenant_on(URL[0], Path(self.folder.name), config, self.calendar, name)
        tenant = self.runner.run(self.stack.enter_async_context(opening))
        tenant.caps = CAPS
        return tenant

    def teardown(self) -> None:
        self.runner.run(self.stack.aclose())
        self.runner.close()
        self.folder.cleanup()

    @rule(micros=AMOUNTS, tokens=TOKENS, tier=st.sampled_from(["small", "frontier"]))
    def reserve(self, micros: int, tokens: int, tier: str) -> None:
        self.model.sweep()
        self.count += 1
        request = self.tenant.request(micros, tokens, tier, f"c{self.count}")
        answer = self.runner.run(self.tenant.ledger.reserve(request))
        expected = self.model.first_over(micros, tokens, tier)
        if expected is None:
            assert isinstance(answer, Hold)
            self.model.calls[request.call_id] = ModelCall(answer, tier, self.model.page)
        else:
            assert isinstance(answer, OverCap)
            assert (answer.state.cap.scope, answer.state.cap.window) == (expected.scope, expected.window)

    @precondition(lambda self: self.model.calls)
    @rule(data=st.data(), micros=AMOUNTS, tokens=TOKENS, known=st.sampled_from([Exact, AtMost, LowerBound]))
    def settle(self, data: st.DataObject, micros: int, tokens: int, known: Known) -> None:
        """Any call, also one that expired or was settled."""
        call = self.model.calls[data.draw(st.sampled_from(sorted(self.model.calls)))]
        charge = known(micros, tokens)
        first = call.state != "settled"
        if first:
            self.model.settle(call, charge)
        settled = self.runner.run(self.tenant.ledger.settle(call.hold, charge))
        assert (settled.first, settled.charged_micros) == (first, call.charged[0])

    @precondition(lambda self: self.model.calls)
    @rule(data=st.data())
    def use_a_call_id_again(self, data: st.DataObject) -> None:
        self.model.sweep()
        call_id = data.draw(st.sampled_from(sorted(self.model.calls)))
        with pytest.raises(BadRequest):
            self.runner.run(self.tenant.hold(1, call_id=call_id))

    @precondition(lambda self: any(call.state == "open" for call in self.model.calls.values()))
    @rule(data=st.data())
    def a_hold_runs_out(self, data: st.DataObject) -> None:
        open_ids = sorted(call_id for call_id, call in self.model.calls.items() if call.state == "open")
        call_id = data.draw(st.sampled_from(open_ids))
        self.model.calls[call_id].state = "overdue"
        self.runner.run(let_expire(URL[0], self.tenant.name, call_id))

    @rule()
    def reconcile(self) -> None:
        found = self.runner.run(self.tenant.ledger.reconcile(self.tenant.name))
        assert sorted(ended.call_id for ended in found.ended) == self.model.sweep()
        assert found.open_holds == sum(call.state == "open" for call in self.model.calls.values())

    @rule()
    def the_next_window_begins(self) -> None:
        self.calendar.page += 1
        self.model.page += 1

    @rule(cap=st.sampled_from(CAPS), amount=st.integers(-100, 300))
    def grant(self, cap: Cap, amount: int) -> None:
        self.model.granted[cap, self.model.page_of(cap, self.model.page)] += amount
        self.runner.run(self.tenant.ledger.grant(self.tenant.name, "UTC", cap, amount, "why", "who"))

    @rule(cap=st.sampled_from(CAPS), amount=st.integers(0, 300))
    def set_spent(self, cap: Cap, amount: int) -> None:
        spent, _, _ = self.model.balance(cap)
        self.model.corrected[cap, self.model.page_of(cap, self.model.page)] += amount - spent
        self.runner.run(self.tenant.ledger.set_spent(self.tenant.name, "UTC", cap, amount, "why", "who"))

    @rule()
    def the_worker_restarts(self) -> None:
        """What the process knew is gone; what Redis knows is not."""
        self.tenant = self.open(self.tenant.name)

    @rule()
    def redis_forgets_the_scripts(self) -> None:
        with Redis.from_url(URL[0]) as redis:
            redis.script_flush()

    @invariant()
    def the_books_balance(self) -> None:
        """Counters, ledger stream and open holds agree, before anything overdue is swept."""
        found = self.runner.run(self.tenant.ledger.audit(self.tenant.name))
        assert found.equal, found.differences

    @rule()
    def compare_balances(self) -> None:
        self.model.sweep()
        states = self.runner.run(self.tenant.ledger.states(self.tenant.name, "UTC", CAPS))
        assert [(s.spent, s.reserved, s.limit) for s in states] == [self.model.balance(cap) for cap in CAPS]


class ReleasingMachine(LedgerMachine):
    """The same with expired holds given back."""

    policy = "release"


PACE = settings(max_examples=15, stateful_step_count=30)
TestCharging = LedgerMachine.TestCase
TestReleasing = ReleasingMachine.TestCase
TestCharging.settings = PACE
TestReleasing.settings = PACE


@settings(max_examples=20)
@given(
    calls=st.lists(st.tuples(st.integers(1, 400), st.floats(0, 1), st.booleans()), min_size=1, max_size=30),
    cap_micros=st.integers(0, 2000),
)
def test_concurrent_calls_never_pass_a_cap(calls: list[tuple[int, float, bool]], cap_micros: int) -> None:
    """Whatever is held and used at once, spent and reserved stay within the cap, and nothing stays reserved."""
    cap = Cap("tenant", Window.DAY, micros=cap_micros)

    async def call(tenant: Tenant, held_micros: int, share: float, broken: bool) -> None:
        held = await tenant.ledger.reserve(tenant.request(held_micros))
        spent, reserved = await tenant.balance(cap)
        assert spent + reserved <= cap_micros
        if isinstance(held, Hold):
            used = int(held_micros * share)
            await tenant.ledger.settle(held, LowerBound(used, 1) if broken else Exact(used, 1))

    async def run(folder: Path) -> None:
        async with tenant_on(URL[0], folder) as tenant:
            tenant.caps = (cap,)
            await asyncio.gather(*(call(tenant, *one) for one in calls))
            spent, reserved = await tenant.balance(cap)
            assert spent <= cap_micros
            assert reserved == 0
            assert await tenant.is_balanced()

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(Path(folder)))

"""The dollars that a tenant's second answers may cost, over two replicas on one Redis."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from plugins.adapters.redis_ledger import RedisLedger
from plugins.answer_judge import AnswerJudge
from plugins.answers_config import EscalationConfig
from plugins.budget_path import BudgetPath
from plugins.escalation_path import EscalationPath
from plugins.flight import Flight
from plugins.pricing import bound
from plugins.values import MICROS_PER_USD, Endpoint, Exact, Hold
from tests.fakes import FakeMonitor, FakeSmallModel
from tests.ledgers import PATIENT, TurnedCalendar
from tests.servers import running_redis
from tests.unit.test_routing import CATALOG, CONFIG, call

MOST, _ = bound(call("x"), CATALOG.groups[CONFIG.group("mid")])  # micro-dollars that one second answer can cost


def replica(ledger: RedisLedger) -> EscalationPath:
    """One process's path, whose limit has room for three second answers and a half."""
    usd = Decimal(7 * MOST) / 2 / MICROS_PER_USD
    config = CONFIG.model_copy(update={"escalation": EscalationConfig(max_share=1.0, max_usd_per_day=usd)})
    paths = config, CATALOG, BudgetPath(config, CATALOG, ledger, FakeMonitor())
    return EscalationPath(*paths, AnswerJudge(*paths, FakeSmallModel()))


async def held(path: EscalationPath, name: str) -> tuple[Flight, Hold | None]:
    made = replace(call("x"), id=name)
    flight = Flight(name, Endpoint.CHAT, 1, made)
    return flight, await path.hold(flight, made, "mid")


async def test_two_replicas_at_once_never_exceed_the_dollars_of_escalation(tmp_path: Path) -> None:
    """Of twenty at once just three are held; what they gave back is there for the next, of either replica."""
    with running_redis() as server:
        ledgers = [RedisLedger(server.url, PATIENT, tmp_path / n, lambda _: None, TurnedCalendar()) for n in "ab"]
        two = [replica(ledger) for ledger in ledgers]
        found = await asyncio.gather(*(held(two[n % 2], f"{n:032x}") for n in range(20)))
        holds = [(two[n % 2], flight, hold) for n, (flight, hold) in enumerate(found) if hold is not None]
        assert len(holds) == 3 and sum(path.shares["trial"].used for path in two) == 3
        for path, flight, hold in holds:
            await path.settle(flight, hold, Exact(MOST // 2, 10))
        again = [await held(two[n % 2], f"{n:032x}") for n in range(20, 26)]
        assert sum(hold is not None for _, hold in again) == 2  # 3.5 - 3 * 0.5 leaves room for two
        for ledger in ledgers:
            await ledger.close()

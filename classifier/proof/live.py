"""A run against a real gateway: ask every item of every arm, then mark the answers.

Items go one after the other through all arms, so that a run that meets its limit has whole items. Arms are model
names as a client would send them. What was answered before is not asked again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from classifier.proof import judge, scorers
from classifier.proof.client import BudgetError, Gateway, Reply
from classifier.proof.items import JUDGE, Item
from classifier.proof.purse import Purse, SpendLimitError
from classifier.proof.store import Store, key_of

Advance = Callable[[], None]
_SANDBOXES: Final = 2  # tests that run at once


@dataclass(slots=True)
class Run:
    """What one evaluation is made of, and what came out. `replies` and `marks` by (item key, arm).

    `marks` hold 0..1; for judged items the baseline has 0.5 by definition, and 0.5 means as good as the baseline.
    """

    items: Sequence[Item]
    baseline: str
    arms: Sequence[str]
    judge_model: str | None = None
    checks: Sequence[judge.Check] = ()
    replies: dict[tuple[str, str], Reply] = field(default_factory=dict)
    marks: dict[tuple[int, str], float] = field(default_factory=dict)
    opinions: list[judge.Opinion] = field(default_factory=list)
    stopped: str = ""


@dataclass(frozen=True, slots=True)
class Desk:
    """Where questions are asked: the gateway, the money, the answers kept, and how many at once."""

    gateway: Gateway
    purse: Purse
    store: Store
    limit: asyncio.Semaphore

    async def ask(
        self, model: str, messages: Sequence[Mapping[str, Any]], schema: Mapping[str, Any] | None, tenant: str, key: str
    ) -> Reply:
        """From the store, or from the gateway. Raises SpendLimitError, BudgetError, SetupError."""
        if (kept := self.store.get(key)) is not None:
            return kept
        try:
            reply, charged = await self._pay(model, messages, schema, tenant)
        except BudgetError as error:
            self.purse.close(str(error))
            raise
        self.store.put(key, reply, charged)
        return reply

    async def _pay(
        self, model: str, messages: Sequence[Mapping[str, Any]], schema: Mapping[str, Any] | None, tenant: str
    ) -> tuple[Reply, int]:
        async with self.limit, self.purse.paying(model, self.gateway.settings.bound_micros(model, messages)) as charge:
            reply = await self.gateway.ask(model, messages, schema, tenant)
            # A refusal is free; a lost answer may still be billed, so that what was held stays charged.
            charge.cost_micros = 0 if reply.cost_micros is None and reply.answered else reply.cost_micros
        return reply, charge.cost_micros or 0


def _key(desk: Desk, arm: str, item: Item) -> str:
    settings = desk.gateway.settings
    asked = (settings.base_url, arm, item.key, settings.max_tokens, settings.temperature)
    return key_of("answer", *asked, *(("alone",) if settings.alone else ()))


async def _all(run: Run, jobs: Iterable[Callable[[], Any]], advance: Advance) -> None:
    """Run jobs side by side; those that meet a limit are left undone, and the run says why."""

    async def one(job: Callable[[], Any]) -> None:
        try:
            await job()
            advance()
        except (SpendLimitError, BudgetError) as error:
            run.stopped = str(error)

    try:
        async with asyncio.TaskGroup() as group:
            for job in jobs:
                group.create_task(one(job))
    except* Exception as errors:
        raise errors.exceptions[0] from None


async def answer(run: Run, desk: Desk, advance: Advance) -> None:
    """Ask each item of each arm; fills `replies`."""

    def job(item: Item, arm: str) -> Callable[[], Any]:
        async def asked() -> None:
            reply = await desk.ask(arm, item.messages, item.schema, item.tenant, _key(desk, arm, item))
            run.replies[item.key, arm] = reply

        return asked

    distinct = {item.key: item for item in run.items}.values()
    await _all(run, [job(item, arm) for item in distinct for arm in run.arms], advance)


async def mark(run: Run, desk: Desk, advance: Advance) -> None:
    """Mark all answers; fills `marks`. No answer is 0, whatever the reason: a route that fails is no better."""
    known = scorers.mechanical(list(run.items))
    sandboxes = asyncio.Semaphore(_SANDBOXES)

    def job(place: int, item: Item, arm: str, reply: Reply) -> Callable[[], Any]:
        async def marked() -> None:
            if item.scorer == JUDGE:
                found = await _judged(run, desk, item, arm, reply)
            elif item.scorer == "unit_test":
                async with sandboxes:
                    found = await asyncio.to_thread(known[item.scorer], item, reply.text)
            else:
                found = known[item.scorer](item, reply.text)
            if found is not None:
                run.marks[place, arm] = 0.0 if reply.error else found

        return marked

    pairs = [
        job(place, item, arm, run.replies[item.key, arm])
        for place, item in enumerate(run.items)
        for arm in run.arms
        if (item.key, arm) in run.replies
    ]
    await _all(run, pairs, advance)


async def _judged(run: Run, desk: Desk, item: Item, arm: str, reply: Reply) -> float | None:
    baseline = run.replies.get((item.key, run.baseline))
    if baseline is None or not baseline.answered:
        return None
    if arm == run.baseline:
        return judge.TIE
    return await judge.mark(_asker(run, desk, item.tenant), item, reply.text, baseline.text)


def _asker(run: Run, desk: Desk, tenant: str = "") -> judge.Ask:
    model = str(run.judge_model)

    async def ask(messages: Sequence[Mapping[str, Any]], schema: Mapping[str, Any]) -> str | None:
        key = key_of("judge", desk.gateway.settings.base_url, model, messages)
        reply = await desk.ask(model, messages, schema, tenant, key)
        return reply.text if reply.answered and not reply.error else None

    return ask


async def check_judge(run: Run, desk: Desk, advance: Advance) -> None:
    """Let the judge compare what people have compared; fills `opinions`, in the order of `checks`."""
    found: dict[int, judge.Opinion] = {}

    def job(place: int, check: judge.Check) -> Callable[[], Any]:
        async def checked() -> None:
            answers = (check.first, check.second)
            found[place] = await judge.compare(
                _asker(run, desk), check.question, answers, check.reference, check.rubric
            )

        return checked

    await _all(run, [job(place, check) for place, check in enumerate(run.checks)], advance)
    missing = judge.Opinion(None, False)
    run.opinions = [found.get(place, missing) for place in range(len(run.checks))]

"""`tierwise rerun`: ask a small fixed set again, on a schedule, and say whether a model has changed under its name.

Exit codes: 0 as before (or its reference is still being learnt), 1 a model changed, 2 wrong use, config or no Redis.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from classifier.data import DataError
from classifier.proof import live
from classifier.proof.client import Gateway, Settings, SetupError
from classifier.proof.items import JUDGE, Item, read_items
from classifier.proof.purse import Purse
from classifier.proof.rerun import Comparison, Marks, compare
from classifier.proof.store import Store
from plugins.adapters.alerts import Alerts
from plugins.adapters.redis_trials import RedisTrials
from plugins.adapters.trials_house import Notice
from plugins.store_cli import AsJson, Config, RedisUrl, address, fail, gateway_config, with_trials

MICROS_PER_USD = 1_000_000
FELL_BACK = " failed, "  # in x-tierwise-reason, as plugins.flight words it


Model = Annotated[list[str], typer.Option(help="A tier or model to watch; may be repeated.")]
Name = Annotated[str, typer.Option(help="The set's name: its history is kept under it.")]
BaseUrl = Annotated[str, typer.Option(envvar="OPENAI_BASE_URL", help="The gateway's address.")]
ApiKey = Annotated[str, typer.Option(envvar="OPENAI_API_KEY", show_envvar=True, help="A key of the gateway.")]
MaxUsd = Annotated[float | None, typer.Option(min=0.0, help="Stop before more is spent in this run.")]
Margin = Annotated[float, typer.Option(min=0.0, max=0.5, help="Change in the mean mark that does not matter.")]
ReferenceRuns = Annotated[int, typer.Option(min=1, help="First runs that are the reference.")]
FalseAlarmRuns = Annotated[int, typer.Option(min=10, help="Runs that pass before a false alarm, on average.")]
Reset = Annotated[bool, typer.Option("--reset", help="Forget the history first: this run is a new reference.")]


@dataclass(frozen=True, slots=True)
class Rules:
    """How runs are compared; see `classifier.proof.rerun.compare`."""

    reference_runs: int
    margin: float
    false_alarm_runs: int


def rerun(
    items: Annotated[list[Path], typer.Argument(help="JSONL of the fixed set, as for evaluate quality --items.")],
    model: Model,
    name: Name = "fixed",
    base_url: BaseUrl = "http://127.0.0.1:4000/v1",
    api_key: ApiKey = "",
    max_usd: MaxUsd = None,
    concurrency: Annotated[int, typer.Option(min=1, max=64, help="Calls at once.")] = 4,
    max_tokens: Annotated[int, typer.Option(min=1, help="Longest answer.")] = 1024,
    margin: Margin = 0.05,
    reference_runs: ReferenceRuns = 3,
    false_alarm_runs: FalseAlarmRuns = 1000,
    reset: Reset = False,
    config: Config = None,
    redis_url: RedisUrl = None,
    as_json: AsJson = False,
) -> None:
    """Ask a fixed set again and compare with the first runs; alert when a model's answers have changed.

    For a scheduler: exit code 1 fails the job. The alert goes to gateway.budgets.alert_webhook_url, too.
    """
    gateway = gateway_config(config)
    url, rules = address(gateway, redis_url), Rules(reference_runs, margin, false_alarm_runs)
    settings = Settings(base_url, {"": api_key or "none"}, max_tokens, alone=True)
    with_trials(url, lambda store: store.runs(name))  # before anything is paid: can what comes out be kept?
    try:
        run = asyncio.run(_asked(_mechanical(items), model, settings, max_usd, concurrency))
    except (DataError, SetupError) as error:
        fail(str(error))
    if run.stopped:
        fail(f"Stopped, nothing is kept of this run: {run.stopped}.")
    marks = {arm: _marks(run, arm) for arm in run.arms}
    distinct = len({item.key for item in run.items})
    if lost := [f"{arm} answered {len(marks[arm])}" for arm in run.arms if len(marks[arm]) * 2 < distinct]:
        # As a reference it would leave nothing to compare with, and as a later run it would say "as before".
        fail(f"Nothing is kept of this run: of {distinct} items {', '.join(lost)}. Is the provider there?")
    compared = with_trials(url, lambda store: _kept(store, name, marks, rules, reset))
    changed = [each for each in compared if each.changed]
    if changed:
        asyncio.run(_alert(changed, name, gateway.budgets.alert_webhook_url))
    _show(compared, as_json)
    raise typer.Exit(1 if changed else 0)


def _mechanical(paths: Sequence[Path]) -> Sequence[Item]:
    found = read_items(paths, None)
    if judged := sum(item.scorer == JUDGE for item in found):
        raise DataError(f"{judged} items need a judge, which may change itself: give them a reference")
    return found


async def _kept(
    store: RedisTrials, name: str, marks: Mapping[str, Marks], rules: Rules, reset: bool
) -> list[Comparison]:
    """Each model's runs with this one, compared."""
    at, found = datetime.now(UTC).isoformat(timespec="seconds"), []
    for arm, marked in marks.items():
        if reset:
            await store.forget_runs(f"{name}/{arm}")
        before = await store.runs(f"{name}/{arm}")
        number = json.loads(before[-1]).get("run", len(before)) + 1 if before else 1
        line = json.dumps({"run": number, "at": at, "marks": marked})
        await store.add_run(f"{name}/{arm}", line, rules.reference_runs)
        runs = [json.loads(line)["marks"] for line in await store.runs(f"{name}/{arm}")]
        left_out = max(0, number - len(runs))
        found.append(compare(arm, runs, rules.reference_runs, rules.margin, rules.false_alarm_runs, left_out))
    return found


async def _asked(
    items: Sequence[Item], models: list[str], settings: Settings, max_usd: float | None, concurrency: int
) -> live.Run:
    """Every item of every model, asked anew: answers of an earlier run would hide a change."""
    run = live.Run(items, models[0], list(dict.fromkeys(models)))
    gateway = Gateway(settings)
    try:
        await gateway.check()
        with tempfile.TemporaryDirectory() as folder, Store(Path(folder) / "answers.sqlite") as store:
            purse = Purse(None if max_usd is None else int(max_usd * MICROS_PER_USD), 0)
            desk = live.Desk(gateway, purse, store, asyncio.Semaphore(concurrency))
            await live.answer(run, desk, lambda: None)
            await live.mark(run, desk, lambda: None)
    finally:
        await gateway.close()
    return run


def _marks(run: live.Run, arm: str) -> Marks:
    """By item. What the model did not answer is left out, because an outage is no change of the model."""
    found: dict[str, float] = {}
    for place, item in enumerate(run.items):
        reply = run.replies.get((item.key, arm))
        if reply is None or not reply.answered or (place, arm) not in run.marks:
            continue
        if reply.tier in ("", arm) or FELL_BACK not in reply.reason:
            found[item.key] = run.marks[place, arm]
    return found


async def _alert(changed: list[Comparison], name: str, webhook: str | None) -> None:
    alerts = Alerts(webhook)
    for each in changed:
        text = f"{each.model} has become {each.changed} on the fixed set {name}: mean mark {each.latest} against"
        alerts(Notice(f"{text} {each.reference} in its first runs, noticed in run {each.since}."))
    await alerts.close()


def _show(compared: list[Comparison], as_json: bool) -> None:
    if as_json:
        told: list[dict[str, Any]] = [asdict(each) for each in compared]
        print(json.dumps({"models": told, "changed": [each.model for each in compared if each.changed]}))
        return
    table = Table("model", "run", "items", "reference", "now", "result")
    for each in compared:
        words = f"{each.changed} since run {each.since}" if each.changed else "as before"
        words = f"learning: {each.learning} more runs" if each.learning else words
        table.add_row(each.model, str(each.runs), str(each.items), str(each.reference), str(each.latest), words)
    Console().print(table)

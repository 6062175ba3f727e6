"""`tierwise learn`: what production says about the routing thresholds; propose, apply, undo.

Exit codes: 0 done, 1 nothing to apply or undo, 2 wrong use, config or no Redis.
"""

from __future__ import annotations

import asyncio
import getpass
import json
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import typer
from rich.console import Console
from rich.table import Table

from plugins import learning
from plugins.adapters.redis_learnt import LearntConflictError, RedisLearnt
from plugins.adapters.redis_outcomes import RedisOutcomes
from plugins.adapters.redis_scripts import RedisAwayError
from plugins.config import GatewayConfig
from plugins.config_file import load_config
from plugins.errors import ConfigError
from plugins.routing.learnt import ALL_TENANTS, Learnt, to_json
from plugins.shipped import load_classifier
from plugins.values import usd_text

Json = dict[str, Any]
T = TypeVar("T")
NO_EVIDENCE = "There are not enough outcomes yet: a threshold needs {} beside it. Nothing is proposed."


@dataclass(frozen=True, slots=True)
class Stores:
    """The two things in Redis that this command works on."""

    outcomes: RedisOutcomes
    table: RedisLearnt


@dataclass(frozen=True, slots=True)
class Looked:
    """The table in force, every test made, and the table that was put in force."""

    before: Learnt
    found: tuple[learning.Finding, ...]
    applied: Learnt | None = None


def learn(
    tenant: Annotated[str | None, typer.Option(help="From this tenant's outcomes, for this tenant only.")] = None,
    apply: Annotated[bool, typer.Option("--apply", help="Put the proposal in force.")] = False,
    undo: Annotated[bool, typer.Option("--undo", help="Restore the table before the last change.")] = False,
    config: Annotated[Path | None, typer.Option(help="The proxy_config.yaml to read.")] = None,
    redis_url: Annotated[str | None, typer.Option(envvar="REDIS_URL", help="Instead of gateway.redis_url.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Propose new routing thresholds from outcomes in production, with the evidence for each.

    Outcomes are counted while gateway.routing.learning.enabled is true: the checks that decide on escalation, and
    feedback. Only what passes the gate can be applied; all gateways take it up within seconds, and --undo takes it
    back. Exit code 1: nothing to apply, or nothing to undo.
    """
    if apply and undo:
        _fail("Give --apply or --undo, not both.")
    gateway = _load(config)
    if tenant is not None and tenant not in gateway.tenants:
        _fail(f"No tenant {tenant!r} in the config: it has {', '.join(gateway.tenants) or 'none'}.")
    if apply and not gateway.routing.learning.enabled:
        _fail("Learning is off: set gateway.routing.learning.enabled to true, so that gateways use what is applied.")
    url = redis_url or gateway.redis_url
    if not url:
        _fail("No Redis to ask: set gateway.redis_url or REDIS_URL, or give --redis-url.")
    if undo:
        _undo(url, gateway, as_json)
        return
    looked = _with(url, gateway, lambda stores: _look(stores, gateway, tenant, apply))
    _show(looked, gateway, tenant, as_json)
    if apply and looked.applied is None:
        raise typer.Exit(1)


async def _look(stores: Stores, gateway: GatewayConfig, tenant: str | None, apply: bool) -> Looked:
    (_, shipped), scope = load_classifier(), tenant or ALL_TENANTS
    before = await stores.table.current()
    counts = await stores.outcomes.read([tenant] if tenant else gateway.tenants)
    found = learning.findings(gateway.routing, shipped, before, counts, scope)
    changes = [finding for finding in found if finding.changes]
    if not apply or not changes:
        return Looked(before, found)
    after = learning.apply(before, scope, found)
    evidence = [_facts(finding) for finding in changes]
    return Looked(before, found, await stores.table.apply(before, after.shifts, getpass.getuser(), evidence))


def _undo(url: str, gateway: GatewayConfig, as_json: bool) -> None:
    undone = _with(url, gateway, lambda stores: stores.table.undo(getpass.getuser()))
    if undone is None:
        typer.echo("Nothing to undo: no learnt table is in force, or the one before it is no longer kept.", err=True)
        raise typer.Exit(1)
    before, after = undone
    if as_json:
        typer.echo(json.dumps({"undone": before.version, "version": after.version, "shifts": to_json(after.shifts)}))
        return
    typer.echo(f"Version {before.version} is undone; in force is version {after.version}: {_words(after)}")


def _show(looked: Looked, gateway: GatewayConfig, tenant: str | None, as_json: bool) -> None:
    after = looked.applied
    if as_json:
        facts: Json = {
            "tenant": tenant,
            "enabled": gateway.routing.learning.enabled,
            "version": looked.before.version,
            "shifts": to_json(looked.before.shifts),
            "findings": [_facts(finding) for finding in looked.found],
            "applied": None if after is None else {"version": after.version, "shifts": to_json(after.shifts)},
        }
        typer.echo(json.dumps(facts, allow_nan=False))
        return
    typer.echo(f"In force: version {looked.before.version}, {_words(looked.before)}")
    if not gateway.routing.learning.enabled:
        typer.echo("Learning is off (gateway.routing.learning.enabled): nothing is counted, no shift is in use.")
    if not looked.found:
        typer.echo(NO_EVIDENCE.format(gateway.routing.learning.min_observations))
    else:
        Console().print(_table(looked.found))
    if after is not None:
        typer.echo(f"Applied as version {after.version}. Take it back with: tierwise learn --undo")
    elif any(finding.changes for finding in looked.found):
        typer.echo("Put it in force with: tierwise learn --apply" + (f" --tenant {tenant}" if tenant else ""))
    else:
        typer.echo("Nothing passed the gate: nothing to apply.")


def _table(found: tuple[learning.Finding, ...]) -> Table:
    table = Table(title="Each threshold, judged by the cheaper tier's answers beside it")
    for heading in ("threshold", "now", "proposed", "judged by", "n", "good (95 %)", "asked", "evidence", "a day"):
        table.add_column(heading, overflow="fold")  # a narrow terminal wraps the name of a task, and cuts nothing
    for finding in sorted(found, key=lambda f: f.log_needed - f.log_e):
        cut, said, change = finding.cut, finding.belief, finding.cost_change_micros
        cost = "cost unknown" if change is None else f"{'+' if change >= 0 else ''}{usd_text(round(change))} USD"
        table.add_row(
            f"{cut.task}\n{cut.threshold}",
            f"{cut.at:.2f}",
            _proposed(finding),
            f"{finding.kind}\non {cut.cheaper}",
            f"{finding.tally.n:.0f}",
            f"{said.mean:.2f}\n({said.low:.2f}-{said.high:.2f})",
            f"{finding.side}\n{finding.target:.2f}?",
            f"{_e(finding.log_e)}\nof {_e(finding.log_needed)}",
            f"{finding.calls:.1f} calls\n{cost}",
        )
    return table


def _proposed(finding: learning.Finding) -> str:
    if not finding.past_gate:
        return "-"
    if not finding.changes:
        return "at its bound"
    return f"{finding.cut.at + finding.shift - finding.cut.shift:.2f}"


def _e(log_e: float) -> str:
    return f"{math.exp(min(log_e, 20.7)):.3g}" if log_e < 20.7 else "over 1e+09"


def _facts(finding: learning.Finding) -> Json:
    """One test as JSON; `calls_per_day` and `cost_change_micros_per_day` are what the step would move and cost."""
    cut = finding.cut
    change = finding.cost_change_micros
    return {
        "task": cut.task,
        "threshold": cut.threshold,
        "at": round(cut.at, 4),
        "shift": cut.shift,
        "proposed_shift": finding.shift,
        "changes": finding.changes,
        "tier": cut.cheaper,
        "other_tier": cut.dearer,
        "judged_by": finding.kind,
        "question": f"{finding.side} {finding.target:g}",
        "ok": round(finding.tally.ok, 2),
        "bad": round(finding.tally.bad, 2),
        "success": round(finding.belief.mean, 4),
        "interval": [round(finding.belief.low, 4), round(finding.belief.high, 4)],
        "log_e_value": round(finding.log_e, 3) if math.isfinite(finding.log_e) else None,
        "log_e_value_needed": round(finding.log_needed, 3),
        "past_gate": finding.past_gate,
        "calls_per_day": round(finding.calls, 2),
        "cost_change_micros_per_day": None if change is None else round(change),
    }


def _words(learnt: Learnt) -> str:
    shifts = [
        f"{scope}: {task}.{name} {value:+.2f}"
        for scope, tasks in learnt.shifts.items()
        for task, row in tasks.items()
        for name, value in row.items()
        if value
    ]
    return "; ".join(shifts) or "no shifts"


def _with(url: str, gateway: GatewayConfig, use: Callable[[Stores], Awaitable[T]]) -> T:
    async def run() -> T:
        stores = Stores(RedisOutcomes(url, gateway.routing.learning), RedisLearnt(url))
        try:
            return await use(stores)
        finally:
            await stores.outcomes.close()
            await stores.table.close()

    try:
        return asyncio.run(run())
    except RedisAwayError as away:
        _fail(f"Redis cannot be asked ({away.reason}). Check that it runs and that gateway.redis_url is right.")
    except LearntConflictError as conflict:
        typer.echo(str(conflict), err=True)
        raise typer.Exit(1) from None


def _load(config: Path | None) -> GatewayConfig:
    try:
        return load_config(config).gateway
    except ConfigError as error:
        _fail(str(error))


def _fail(message: str) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(2)

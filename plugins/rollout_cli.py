"""`tierwise rollout`: bring one task class at a time to another tier or model, on evidence.

Exit codes: 0 done, 1 the evidence does not allow it or there is nothing to do, 2 wrong use, config or no Redis.
"""

from __future__ import annotations

import getpass
import json
import math
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from plugins.adapters.price_data import catalog_of
from plugins.adapters.redis_trials import RedisTrials, RolloutConflictError
from plugins.config import GatewayConfig
from plugins.config_file import load_config
from plugins.errors import ConfigError
from plugins.proof import rollouts
from plugins.proof.evidence import QUALITY, RATES, Evidence, from_text
from plugins.proof.observe import SHADOW_STEP
from plugins.proof_config import RolloutConfig
from plugins.store_cli import AsJson, Config, RedisUrl, address, fail, gateway_config, with_trials
from plugins.values import Rollout, Stage

rollout_app = typer.Typer(
    help="Bring one task class at a time to another tier or model: shadow, 5 %, 25 %, 100 %.", no_args_is_help=True
)
Task = Annotated[str, typer.Argument(help="The task class, as in routing.tasks.")]


@rollout_app.command()
def start(
    task: Task,
    candidate: Annotated[str, typer.Argument(help="The tier or model that is to answer it.")],
    difficulty: Annotated[str, typer.Option(help="Only easy, medium or hard prompts of the class.")] = "",
    config: Config = None,
    redis_url: RedisUrl = None,
    as_json: AsJson = False,
) -> None:
    """Begin in shadow: the candidate is asked beside the baseline, and nobody sees its answers."""
    gateway, targets = _targets(config)

    async def run(store: RedisTrials) -> Rollout | str:
        known = (await store.trials()).rollouts
        if why := rollouts.refusal(task, candidate, difficulty, known, targets):
            return why
        made = rollouts.started(task, candidate, difficulty, getpass.getuser(), known.get(task))
        await store.put(made, known.get(task))
        return made

    _said(_run(gateway, redis_url, run), as_json, 2)


@rollout_app.command()
def show(
    task: Annotated[str | None, typer.Argument(help="One task class; all of them without.")] = None,
    config: Config = None,
    redis_url: RedisUrl = None,
    as_json: AsJson = False,
) -> None:
    """Where the rollouts are, what the evidence says, and what moved them."""
    gateway = gateway_config(config)

    async def run(store: RedisTrials) -> list[tuple[Rollout, Evidence]]:
        known = (await store.trials()).rollouts
        chosen = [r for r in known.values() if task in (None, r.task)]
        return [(each, from_text((await store.waiting(each.trial))[0])) for each in chosen]

    found = _run(gateway, redis_url, run)
    if task is not None and not found:
        fail(f"No rollout of {task} was ever started.", 1)
    if as_json:
        print(json.dumps({"rollouts": [_facts(rollout, seen, gateway.rollout) for rollout, seen in found]}))
        return
    if not found:
        typer.echo("No rollout was ever started. Begin one with: tierwise rollout start TASK CANDIDATE")
    for rollout, seen in found:
        _print(rollout, seen, gateway.rollout)


@rollout_app.command()
def advance(task: Task, config: Config = None, redis_url: RedisUrl = None, as_json: AsJson = False) -> None:
    """To the next stage, if the evidence allows it; otherwise exit code 1 and what is missing."""
    gateway = gateway_config(config)

    async def run(store: RedisTrials) -> Rollout | str:
        rollout = (await store.trials()).rollouts.get(task)
        if rollout is None:
            return f"No rollout of {task} was ever started."
        seen = from_text((await store.waiting(rollout.trial))[0])
        found = rollouts.judge(rollout, seen, gateway.rollout)
        if not found.ready or rollout.stage.following is None:
            return f"Not advanced: {found.reason}."
        after = rollouts.moved(rollout, rollout.stage.following, found.reason, getpass.getuser())
        await store.put(after, rollout)
        return after

    _said(_run(gateway, redis_url, run), as_json, 1)


@rollout_app.command()
def back(
    task: Task,
    reason: Annotated[str, typer.Option(help="Why, for the record.")] = "taken back by hand",
    config: Config = None,
    redis_url: RedisUrl = None,
    as_json: AsJson = False,
) -> None:
    """Give the task class back to the baseline, at once and for everybody."""
    gateway = gateway_config(config)

    async def run(store: RedisTrials) -> Rollout | str:
        rollout = (await store.trials()).rollouts.get(task)
        if rollout is None or rollout.stage is Stage.BACK:
            return f"No rollout of {task} is under way."
        after = rollouts.moved(rollout, Stage.BACK, reason, getpass.getuser())
        await store.put(after, rollout)
        return after

    _said(_run(gateway, redis_url, run), as_json, 1)


def _targets(path: Path | None) -> tuple[GatewayConfig, frozenset[str]]:
    """The config, and every tier and model that could be a candidate."""
    try:
        loaded = load_config(path)
        return loaded.gateway, frozenset((*loaded.gateway.tiers, *catalog_of(loaded.model_list).groups))
    except ConfigError as error:
        fail(str(error))


def _run(gateway: GatewayConfig, redis_url: str | None, use: Any) -> Any:
    try:
        return with_trials(address(gateway, redis_url), use)
    except RolloutConflictError as conflict:
        fail(str(conflict), 1)


def _said(done: Rollout | str, as_json: bool, code: int) -> None:
    if isinstance(done, str):
        fail(done, code)
    if as_json:
        print(json.dumps(rollouts.to_json(done)))
        return
    move = done.moves[-1]
    typer.echo(f"{done.task} -> {done.candidate}: {_stage(done.stage)} ({move.reason}).")
    if done.stage is Stage.FULL:
        typer.echo(f"To make it permanent, put {done.candidate} into the class's row of gateway.routing.tasks.")


def _stage(stage: Stage) -> str:
    if stage is Stage.BACK:
        return "rolled back"
    return "in shadow" if stage.value == SHADOW_STEP else f"at {stage.value} %"


def _print(rollout: Rollout, seen: Evidence, config: RolloutConfig) -> None:
    what = f"{rollout.task} {rollout.difficulty}".strip()
    table = Table(title=f"{what} -> {rollout.candidate}: {_stage(rollout.stage)}")
    for heading in ("bad share of answers", "candidate", "baseline", "difference (valid at any look)"):
        table.add_column(heading)
    for metric in (QUALITY, *RATES):
        new, old = (seen.arm(name) for name in (rollouts.CANDIDATE, rollouts.BASELINE))
        low, high = seen.interval(metric, rollouts.CANDIDATE, rollouts.BASELINE, config.alpha)
        table.add_row(
            "bad (all together)" if metric == QUALITY else metric,
            *(f"{arm.mean(metric):.3f} of {arm.seen(metric)}" if arm.seen(metric) else "-" for arm in (new, old)),
            f"{low:+.3f} to {high:+.3f}",
        )
    Console().print(table)
    typer.echo(f"  {rollouts.judge(rollout, seen, config).reason}")
    for move in rollout.moves:
        typer.echo(f"  {move.at}  {_stage(move.stage):<12} {move.by}: {move.reason}")


def _facts(rollout: Rollout, seen: Evidence, config: RolloutConfig) -> dict[str, Any]:
    def arm(name: str) -> dict[str, Any]:
        told = seen.arm(name)
        means = {m: None if math.isnan(told.mean(m)) else round(told.mean(m), 6) for m in (QUALITY, *RATES)}
        counts = {m: told.seen(m) for m in (QUALITY, *RATES)}
        return {"calls": told.calls, "cost_micros": told.cost_micros, "bad_share": means, "answers": counts}

    found = rollouts.judge(rollout, seen, config)
    pair = rollouts.CANDIDATE, rollouts.BASELINE
    differences = {m: list(seen.interval(m, *pair, config.alpha)) for m in (QUALITY, *RATES)}
    return {
        **rollouts.to_json(rollout),
        "ready": found.ready,
        "harmed": found.harmed or None,
        "reason": found.reason,
        "candidate_arm": arm(rollouts.CANDIDATE),
        "baseline_arm": arm(rollouts.BASELINE),
        "difference_intervals": differences,
    }

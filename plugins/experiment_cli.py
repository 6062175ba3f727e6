"""`tierwise experiment`: what the A/B tests of the config say.

Exit codes: 0 done, 1 there is nothing to take back, 2 wrong use, config or no Redis.
"""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from plugins.adapters.redis_trials import RedisTrials
from plugins.proof import experiments
from plugins.proof.assign import trial_of
from plugins.proof.evidence import Evidence, from_text
from plugins.proof_config import ExperimentConfig
from plugins.store_cli import AsJson, Config, RedisUrl, address, fail, gateway_config, with_trials

experiment_app = typer.Typer(help="A/B tests of models, tiers, prompts and thresholds.", no_args_is_help=True)


@experiment_app.command()
def show(
    name: Annotated[str | None, typer.Argument(help="One experiment; all of them without.")] = None,
    config: Config = None,
    redis_url: RedisUrl = None,
    as_json: AsJson = False,
) -> None:
    """Each variant beside the control: good answers, cost, latency, intervals, and what is shown by now.

    Intervals and tests are valid however often one looks. An experiment whose config changes begins anew.
    """
    gateway = gateway_config(config)
    if name is not None and name not in gateway.experiments:
        fail(f"No experiment {name!r} in the config: it has {', '.join(gateway.experiments) or 'none'}.")
    chosen = {key: each for key, each in gateway.experiments.items() if name in (None, key)}

    async def run(store: RedisTrials) -> dict[str, tuple[Evidence, str]]:
        promoted = (await store.trials()).promoted
        trials = {key: trial_of(key, each) for key, each in chosen.items()}
        states = {key: (await store.waiting(trial))[0] for key, trial in trials.items()}
        return {key: (from_text(states[key]), promoted.get(trial, "")) for key, trial in trials.items()}

    found = with_trials(address(gateway, redis_url), run)
    if as_json:
        told = [_facts(key, chosen[key], seen, promoted) for key, (seen, promoted) in found.items()]
        print(json.dumps({"experiments": told}, allow_nan=False))
        return
    if not found:
        typer.echo("No experiment in the config: add one under gateway.experiments.")
    for key, each in found.items():
        _print(key, chosen[key], *each)


@experiment_app.command()
def demote(
    name: Annotated[str, typer.Argument(help="The experiment whose promoted variant is to be taken back.")],
    config: Config = None,
    redis_url: RedisUrl = None,
) -> None:
    """Take an automatic promotion back: the experiment goes on, with its variants as configured."""
    gateway = gateway_config(config)
    if name not in gateway.experiments:
        fail(f"No experiment {name!r} in the config: it has {', '.join(gateway.experiments) or 'none'}.")
    trial = trial_of(name, gateway.experiments[name])

    async def run(store: RedisTrials) -> bool:
        return await store.demote(trial)

    if not with_trials(address(gateway, redis_url), run):
        fail(f"No variant of {name} was promoted.", 1)
    typer.echo(f"{name}: its variants are as configured again. Switch promotion.enabled off to keep it so.")


def _print(name: str, experiment: ExperimentConfig, seen: Evidence, promoted: str) -> None:
    state = f"{promoted} was promoted" if promoted else "running" if experiment.enabled else "off"
    table = Table(title=f"{name} ({state}), by {experiment.by}, {100 * (1 - experiment.alpha):g} % intervals")
    for heading in ("variant", "calls", "good answers", "gain", "$ a call", "saving $", "ms", "score", "shown"):
        table.add_column(heading)
    for line in experiments.table(experiment, seen):
        table.add_row(
            line.variant,
            str(line.calls),
            f"{_number(line.good, '.3f')}\n{_pair(line.good_interval, '.3f')}",
            f"{_number(line.gain, '+.3f')}\n{_pair(line.gain_interval, '+.3f')}",
            _number(line.cost_usd, ".6f"),
            f"{_number(line.saving_usd, '+.6f')}\n{_pair(line.saving_interval, '+.6f')}",
            _number(line.latency_ms, ".0f"),
            _number(line.score, ".2f"),
            line.words,
        )
    Console().print(table)


def _number(value: float | None, form: str) -> str:
    return "-" if value is None or value != value else format(value, form)


def _pair(ends: tuple[float, float] | None, form: str) -> str:
    return "" if ends is None else f"{ends[0]:{form}} to {ends[1]:{form}}"


def _facts(name: str, experiment: ExperimentConfig, seen: Evidence, promoted: str) -> dict[str, Any]:
    return {
        "experiment": name,
        "trial": trial_of(name, experiment),
        "enabled": experiment.enabled,
        "by": experiment.by,
        "control": experiment.reference,
        "alpha": experiment.alpha,
        "promoted": promoted or None,
        "looks": seen.version,
        "variants": [experiments.facts(line) for line in experiments.table(experiment, seen)],
    }

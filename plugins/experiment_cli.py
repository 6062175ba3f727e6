"""`tierwise experiment`: what the A/B tests of the config say.

Exit codes: 0 done, 1 the evidence does not allow it or there is nothing to do, 2 wrong use, config or no Redis.
"""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from plugins.adapters.redis_trials import RedisTrials
from plugins.config import GatewayConfig
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
    if name is not None:
        _named(gateway, name)
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
def promote(
    name: Annotated[str, typer.Argument(help="The experiment.")],
    variant: Annotated[str, typer.Argument(help="The variant that everybody is to get.")],
    anyway: Annotated[bool, typer.Option("--anyway", help="Whatever the evidence says.")] = False,
    config: Config = None,
    redis_url: RedisUrl = None,
) -> None:
    """Give a variant to everybody who takes part, if it is shown to be within the bounds of the experiment's config."""
    gateway = gateway_config(config)
    experiment = _named(gateway, name)
    if variant not in experiment.variants:
        fail(f"No variant {variant!r} in {name}: it has {', '.join(experiment.variants)}.")
    trial = trial_of(name, experiment)

    async def run(store: RedisTrials) -> str:
        seen = from_text((await store.waiting(trial))[0])
        if not anyway and (why := experiments.lacking(experiment, seen, variant)):
            return f"Not promoted: {why}. Add --anyway to do it all the same."
        done = await store.promote(trial, variant)
        return "" if done else f"A variant of {name} was promoted before: demote it first."

    if why := with_trials(address(gateway, redis_url), run):
        fail(why, 1)
    typer.echo(f"{name}: {variant} answers for everybody now. Take it back with: tierwise experiment demote {name}")


@experiment_app.command()
def demote(
    name: Annotated[str, typer.Argument(help="The experiment whose promoted variant is to be taken back.")],
    config: Config = None,
    redis_url: RedisUrl = None,
) -> None:
    """Take a promotion back: the experiment goes on, with its variants as configured."""
    gateway = gateway_config(config)
    trial = trial_of(name, _named(gateway, name))

    async def run(store: RedisTrials) -> bool:
        return await store.demote(trial)

    if not with_trials(address(gateway, redis_url), run):
        fail(f"No variant of {name} was promoted.", 1)
    typer.echo(f"{name}: its variants are as configured again. Switch promotion.enabled off to keep it so.")


def _named(gateway: GatewayConfig, name: str) -> ExperimentConfig:
    if name not in gateway.experiments:
        fail(f"No experiment {name!r} in the config: it has {', '.join(gateway.experiments) or 'none'}.")
    return gateway.experiments[name]


def _print(name: str, experiment: ExperimentConfig, seen: Evidence, promoted: str) -> None:
    state = f"{promoted} was promoted" if promoted else "running" if experiment.enabled else "off"
    title = f"{name} ({state}), by {experiment.by}, {100 * (1 - experiment.alpha):g} % intervals"
    table = Table(title=title, box=box.SIMPLE, collapse_padding=True)
    for heading in ("variant", "calls", "good, %", "gain", "$/1000", "saving", "ms", "score"):
        table.add_column(heading, no_wrap=heading != "variant")
    lines = experiments.table(experiment, seen)
    for line in lines:
        table.add_row(
            line.variant,
            str(line.calls),
            f"{_number(line.good, '.1f', 100)}\n{_pair(line.good_interval, '.0f', 100)}",
            f"{_number(line.gain, '+.1f', 100)}\n{_pair(line.gain_interval, '+.0f', 100)}",
            _number(line.cost_usd, ".3f", 1000),
            f"{_number(line.saving_usd, '+.3f', 1000)}\n{_pair(line.saving_interval, '+.2g', 1000)}",
            _number(line.latency_ms, ".0f"),
            _number(line.score, ".2f"),
        )
    Console().print(table)
    for line in lines[1:]:
        typer.echo(f"  {line.variant} against {experiment.reference}: {line.words}.")


def _number(value: float | None, form: str, times: int = 1) -> str:
    return "-" if value is None or value != value else format(value * times, form)


def _pair(ends: tuple[float, float] | None, form: str, times: int) -> str:
    return "" if ends is None else f"{ends[0] * times:{form}} to {ends[1] * times:{form}}"


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

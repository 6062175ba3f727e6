"""The command line `tierwise`. Each command imports what it needs when it runs, so that --help is quick.

Exit codes: 0 done, 1 the answer is no (nothing found, a check failed), 2 wrong usage, config or start-up.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from plugins.errors import ConfigError, StartError

app = typer.Typer(
    name="tierwise",
    help="An OpenAI-compatible gateway that routes by difficulty, caches safely and holds budgets.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
keys_app = typer.Typer(help="Client keys.", no_args_is_help=True)
app.add_typer(keys_app, name="keys")

Config = Annotated[Path, typer.Option("--config", help="The proxy_config.yaml to use.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
console = Console()


@app.command()
def serve(
    config: Config = Path("proxy_config.yaml"),
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 4000,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Server processes.")] = 1,
    announce_s: Annotated[int, typer.Option(min=0, help="Seconds after SIGTERM to serve on, but not ready.")] = 0,
    drain_s: Annotated[int, typer.Option(min=0, help="Seconds for open requests after that.")] = 60,
    keep_alive_s: Annotated[int, typer.Option(min=1, help="Seconds that an idle connection stays open.")] = 75,
    trial: Annotated[bool, typer.Option(help="Bring Redis, models and keys where none are set.")] = True,
    start_timeout_s: Annotated[int, typer.Option(min=1, help="Seconds that the start may take.")] = 180,
    demo: Annotated[bool, typer.Option("--demo", help="Show the main job once the gateway is up.")] = False,
) -> None:
    """Start the gateway."""
    from plugins.launcher import Options, running_gateway, stop_on_sigterm, wait_for_end, write_trial_env

    stop_on_sigterm()
    options = Options(config, host, port, workers, trial=trial, announce_s=announce_s, drain_s=drain_s)
    options = replace(options, keep_alive_s=keep_alive_s, start_timeout_s=start_timeout_s)
    console.print(f"Starting the gateway on http://{host}:{port} (LiteLLM takes a while to load) ...", soft_wrap=True)
    with running_gateway(options) as started:
        for note in started.notes:
            console.print(f"  - {note}", soft_wrap=True)
        console.print(f"Ready after {started.start_s:.0f} s: {started.base_url}")
        curl = write_trial_env(started, options.state_dir / "trial.env") if started.keys else ""
        if demo:
            from plugins.trial.demo import demonstrate

            demonstrate(started, console)
        if started.keys:
            console.print(f"\nWritten to {options.state_dir / 'trial.env'}. Try:\n", curl, soft_wrap=True, markup=False)
        console.print("\nServing. Ctrl-C stops everything.")
        code = wait_for_end(started)
    raise typer.Exit(code)


@app.command()
def route(
    prompt: Annotated[str, typer.Argument(help="The prompt to route; - reads standard input.")],
    model: Annotated[str, typer.Option(help="The alias, tier or model that a client would send.")] = "auto",
    config: Config = Path("proxy_config.yaml"),
    as_json: AsJson = False,
) -> None:
    """Say where a prompt would go and why, without calling a model."""
    from plugins.dry_run import dry_run

    text = sys.stdin.read() if prompt == "-" else prompt
    verdict = dry_run(config, text, model)
    if as_json:
        print(json.dumps(verdict))
        return
    for name, value in verdict.items():
        console.print(f"{name:>20}  {value}", markup=False, highlight=False)


@app.command("check-config")
def check_config(config: Config = Path("proxy_config.yaml"), as_json: AsJson = False) -> None:
    """Check a config as start-up would, without starting anything."""
    import os

    from plugins.adapters.price_data import catalog_of
    from plugins.config_file import load_config
    from plugins.proof.candidates import unreachable
    from plugins.rendering import render

    loaded = load_config(config)
    rendered = render(loaded, os.environ, config.resolve().parent)
    catalog = catalog_of(rendered.config["model_list"])
    facts = {
        "ok": True,
        "file": str(config),
        "tiers": list(loaded.gateway.tiers),
        "tenants": list(loaded.gateway.tenants),
        "models": sorted(catalog.groups),
        "simulated": rendered.simulated,
        "notes": [*rendered.notes, *unreachable(loaded.gateway, catalog)],
    }
    if as_json:
        print(json.dumps(facts))
        return
    console.print(f"{config} is good: {len(facts['tiers'])} tiers, {len(facts['tenants'])} tenants.")  # type: ignore[arg-type]  # both are lists
    for note in facts["notes"]:  # type: ignore[attr-defined]  # a list
        console.print(f"  - {note}")


@keys_app.command("new")
def keys_new(
    tenant: Annotated[str, typer.Option(help="The tenant the key is for.")],
    app_name: Annotated[str, typer.Option("--app", help="The application it is for.")],
    models: Annotated[str, typer.Option(help="Model and tier names it may use, by comma; * for all.")] = "*",
    as_json: AsJson = False,
) -> None:
    """Make a key: it is shown once, and only its hash goes into the config."""
    from plugins.tenancy import hash_key, new_key

    key = new_key()
    allowed = [name.strip() for name in models.split(",") if name.strip()]
    if as_json:
        print(json.dumps({"key": key, "sha256": hash_key(key), "tenant": tenant, "app": app_name, "models": allowed}))
        return
    console.print(f"Key (shown once, keep it safe):\n\n  {key}\n", markup=False, highlight=False)
    console.print("Put this into the config (or the keys file of your Secret):\n", markup=False)
    entry = f"  {tenant}:\n    {app_name}:\n      - sha256: {hash_key(key)}\n        models: {json.dumps(allowed)}"
    console.print(entry, markup=False, highlight=False)


# The commands that live beside what they are about: where, and whether it is a group of commands or one.
ELSEWHERE = {
    "train": ("classifier.cli", "train"),
    "replay": ("classifier.cli", "replay"),
    "evaluate": ("classifier.cli", "evaluate_app"),
    "calibrate": ("classifier.pairs.cli", "calibrate_cache"),
    "cache": ("plugins.cache_cli", "cache_app"),
    "budget": ("plugins.budget_cli", "budget_app"),
    "report": ("plugins.report_cli", "report"),
    "learn": ("plugins.learn_cli", "learn"),
    "outcomes": ("plugins.outcomes_cli", "outcomes"),
    "label": ("plugins.outcomes_cli", "label"),
    "score": ("plugins.score_cli", "score"),
    "rollout": ("plugins.rollout_cli", "rollout_app"),
    "experiment": ("plugins.experiment_cli", "experiment_app"),
    "rerun": ("plugins.rerun_cli", "rerun"),
    "dashboards": ("plugins.dashboards_cli", "dashboards_app"),
}
OWN = ("serve", "route", "check-config", "keys")


def _mount(wanted: str | None) -> None:
    """Add the command that was asked for, or all of them for the overview: importing all takes seconds."""
    if wanted in OWN:
        return
    for name, (module, attribute) in ELSEWHERE.items():
        if wanted in ELSEWHERE and wanted != name:
            continue
        found = getattr(import_module(module), attribute)
        if name == "evaluate":
            found.command("cache")(import_module("classifier.pairs.cli").evaluate_cache)
            found.command("quality")(import_module("classifier.proof.cli").evaluate_quality)
        if name == "calibrate":
            group = typer.Typer(help="Choose operating points on labelled data.", no_args_is_help=True)
            group.command("cache")(found)
            found = group
        if isinstance(found, typer.Typer):
            app.add_typer(found, name=name)
        else:
            app.command(name)(found)


def main() -> None:
    """The entry point: operator errors are one line that says what to do, not a traceback."""
    _mount(next((word for word in sys.argv[1:] if not word.startswith("-")), None))
    try:
        app()
    except (ConfigError, StartError) as error:
        print(f"tierwise: {error}", file=sys.stderr)
        raise SystemExit(2) from None

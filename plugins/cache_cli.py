"""`tierwise cache`: what an operator does to the answer cache."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from plugins.adapters.cache_purge import PurgeError, Selection, purge_at
from plugins.config_file import load_config
from plugins.errors import ConfigError

cache_app = typer.Typer(help="The answer cache.", no_args_is_help=True)


@cache_app.callback()
def _group() -> None:
    """Keeps `purge` a command of its own although it is the only one."""


@cache_app.command("purge")
def purge_command(
    tenant: Annotated[str | None, typer.Option(help="Answers of this tenant.")] = None,
    model: Annotated[str | None, typer.Option(help="Answers given by this model.")] = None,
    tag: Annotated[str | None, typer.Option(help="Answers with this tag, task class or tier.")] = None,
    prompt: Annotated[
        str | None,
        typer.Option(help="Answers to this question, or under this system prompt (the whole text)."),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All answers of all tenants.")] = False,
    config: Annotated[Path | None, typer.Option(help="The proxy_config.yaml to read.")] = None,
    redis_url: Annotated[
        str | None, typer.Option(envvar="REDIS_URL", help="Another Redis than the one in the file.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Remove cached answers that fit all the given options. Budgets are not touched."""
    selection = Selection(tenant, model, tag, prompt)
    if everything == (selection != Selection()):
        raise typer.BadParameter("give --tenant, --model, --tag or --prompt, or else --all")
    try:
        url = redis_url or load_config(config).gateway.redis_url
    except ConfigError as error:
        raise _stop(str(error)) from None
    if not url:
        raise _stop("No Redis is configured: set gateway.redis_url, or give --redis-url.")
    try:
        purged = asyncio.run(purge_at(url, selection))
    except PurgeError as error:
        raise _stop(str(error)) from None
    typer.echo(json.dumps(asdict(purged)) if as_json else f"Removed {purged.removed} of {purged.scanned} answers.")


def _stop(message: str) -> typer.Exit:
    typer.echo(message, err=True)
    return typer.Exit(1)

"""`tierwise dashboards`: the cost dashboard in Langfuse."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from plugins.config_file import load_config
from plugins.errors import StartError

dashboards_app = typer.Typer(help="Dashboards as code.", no_args_is_help=True)


@dashboards_app.callback()
def _group() -> None:
    """Keeps `apply` a command of its own although it is the only one."""


@dashboards_app.command()
def apply(
    config: Annotated[Path, typer.Option("--config", help="The proxy_config.yaml to use.")] = Path("proxy_config.yaml"),
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Make or update the cost dashboard in the Langfuse project of the config. Doing it again changes nothing."""
    from plugins.adapters.langfuse_dashboards import LangfuseDashboards

    tracing = load_config(config).gateway.tracing
    if not (tracing.langfuse_public_key and tracing.langfuse_secret_key):
        raise StartError("No Langfuse keys: set LANGFUSE_PUBLIC_KEY and LANGFUSE_SECRET_KEY.")
    applied = LangfuseDashboards(
        tracing.langfuse_host, tracing.langfuse_public_key, tracing.langfuse_secret_key, tracing.timeout_ms
    ).apply()
    if as_json:
        typer.echo(json.dumps(asdict(applied)))
        return
    counts = f"{applied.created} widgets created, {applied.updated} updated, {applied.unchanged} unchanged"
    typer.echo(f"dashboard {applied.dashboard} ({applied.dashboard_id}); {counts}")

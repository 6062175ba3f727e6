"""`tierwise cache`: what an operator does to the answer cache."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from classifier.pairs.verify import PairVerifier
from plugins.adapters.cache_evidence import CacheEvidence
from plugins.adapters.cache_purge import PurgeError, Selection, purge_at
from plugins.adapters.redis_scripts import RedisAwayError
from plugins.cache_thresholds import Learnt
from plugins.config_file import load_config
from plugins.errors import ConfigError

cache_app = typer.Typer(help="The answer cache.", no_args_is_help=True)


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
        gateway = None if redis_url else load_config(config).gateway
        url = redis_url or (gateway and (gateway.cache.redis_url or gateway.redis_url))
    except ConfigError as error:
        raise _stop(str(error)) from None
    if not url:
        raise _stop("No Redis is configured: set gateway.redis_url, or give --redis-url.")
    try:
        purged = asyncio.run(purge_at(url, selection))
    except PurgeError as error:
        raise _stop(str(error)) from None
    typer.echo(json.dumps(asdict(purged)) if as_json else f"Removed {purged.removed} of {purged.scanned} answers.")


@cache_app.command("thresholds")
def thresholds_command(
    tenant: Annotated[str | None, typer.Option(help="Only of this tenant.")] = None,
    config: Annotated[Path | None, typer.Option(help="The proxy_config.yaml to read.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """The threshold of each tenant and task class, with what checks and feedback found of served paraphrases."""
    try:
        gateway = load_config(config).gateway
    except ConfigError as error:
        raise _stop(str(error)) from None
    if not gateway.redis_url:
        raise _stop("No Redis is configured: set gateway.redis_url.")
    if tenant is not None and tenant not in gateway.tenants:
        raise _stop(f"There is no tenant {tenant!r} under gateway.tenants.")
    shipped = PairVerifier.load().threshold
    evidence = CacheEvidence(gateway.redis_url, gateway, shipped)
    try:
        rows = asyncio.run(_learnt(evidence, [tenant] if tenant else list(gateway.tenants)))
    except RedisAwayError as away:
        raise _stop(f"Redis did not answer ({away.reason}): check the URL, then repeat.") from None
    told = [{"tenant": who, "task": task, **asdict(found)} for (who, task), found in sorted(rows.items())]
    if as_json:
        typer.echo(json.dumps({"shipped": shipped, "thresholds": told}))
        return
    typer.echo(f"shipped: {shipped:.3f}, in use wherever nothing is listed")
    for (who, task), found in sorted(rows.items()):
        rate = "-" if found.error is None else f"{found.error:.2%}"
        counted = f"{found.seen.ok:.1f} right, {found.seen.bad:.1f} wrong, error about {rate}"
        typer.echo(f"{who:<20} {task:<12} {found.threshold:.3f}  {counted}  {found.reason}")


async def _learnt(evidence: CacheEvidence, tenants: list[str]) -> dict[tuple[str, str], Learnt]:
    try:
        return await evidence.learnt(tenants)
    finally:
        await evidence.close()


def _stop(message: str) -> typer.Exit:
    typer.echo(message, err=True)
    return typer.Exit(1)

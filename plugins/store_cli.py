"""What the commands on trials share: the config, the address of Redis, and how they fail."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, NoReturn, TypeVar

import typer

from plugins.adapters.redis_address import check_url
from plugins.adapters.redis_scripts import RedisAwayError
from plugins.adapters.redis_trials import RedisTrials
from plugins.config import GatewayConfig
from plugins.config_file import load_config
from plugins.errors import ConfigError, StartError

T = TypeVar("T")
Config = Annotated[Path | None, typer.Option(help="The proxy_config.yaml to read.")]
RedisUrl = Annotated[str | None, typer.Option(envvar="REDIS_URL", help="Instead of gateway.redis_url.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]


def gateway_config(path: Path | None) -> GatewayConfig:
    """The `gateway:` section; ends the command where it is wrong."""
    try:
        return load_config(path).gateway
    except ConfigError as error:
        fail(str(error))


def address(gateway: GatewayConfig, redis_url: str | None) -> str:
    """Where Redis is; ends the command where nobody says."""
    url = redis_url or gateway.redis_url
    if not url:
        fail("No Redis to ask: set gateway.redis_url or REDIS_URL, or give --redis-url.")
    try:
        check_url(url)
    except StartError as error:
        fail(str(error))
    return url


def with_trials(url: str, use: Callable[[RedisTrials], Awaitable[T]]) -> T:
    """What `use` makes of the store; ends the command where Redis cannot be asked."""

    async def run() -> T:
        store = RedisTrials(url)
        try:
            return await use(store)
        finally:
            await store.close()

    try:
        return asyncio.run(run())
    except RedisAwayError as away:
        fail(f"Redis cannot be asked ({away.reason}). Check that it runs and that gateway.redis_url is right.")


def fail(message: str, code: int = 2) -> NoReturn:
    """End the command with a line that says why."""
    typer.echo(message, err=True)
    raise typer.Exit(code)

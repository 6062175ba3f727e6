"""`tierwise budget`: show, set, grant, audit, reconcile. Works on the Redis of the config file."""

from __future__ import annotations

import asyncio
import getpass
import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import typer

from plugins.adapters.ledger_books import Adjusted, LedgerBooks
from plugins.adapters.redis_scripts import RedisAwayError
from plugins.budget import caps_of_tenant, scope_name, user_scope
from plugins.config import GatewayConfig, TenantConfig
from plugins.config_file import load_config
from plugins.errors import ConfigError
from plugins.values import Cap, CapState, Window, micros, usd_text

Json = dict[str, Any]
T = TypeVar("T")
budget_app = typer.Typer(help="Show and change budgets, and check their ledger.", no_args_is_help=True)

Tenant = Annotated[str, typer.Argument(help="A tenant of the config file.")]
Scope = Annotated[str, typer.Argument(help="tenant, app:NAME, key:ID or user:ID.")]
ConfigPath = Annotated[Path | None, typer.Option("--config", help="The config file.", show_default=False)]
RedisUrl = Annotated[
    str | None,
    typer.Option("--redis-url", envvar="REDIS_URL", help="Instead of gateway.redis_url."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Per = Annotated[Window, typer.Option("--per", help="The window of the cap.")]
Tier = Annotated[str | None, typer.Option("--tier", help="The tier, for a cap on one tier.")]
Usd = Annotated[str | None, typer.Option("--usd", help="Dollars, e.g. 12.50.")]
Tokens = Annotated[int | None, typer.Option("--tokens", help="Tokens, for a cap in tokens.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; kept in the ledger.")]
Users = Annotated[list[str] | None, typer.Option("--user", help="An end user to show too; repeatable.")]


@budget_app.command()
def show(
    tenant: Annotated[str | None, typer.Argument(help="One tenant; all without.")] = None,
    users: Users = None,
    config: ConfigPath = None,
    redis_url: RedisUrl = None,
    as_json: AsJson = False,
) -> None:
    """Caps with what is spent, reserved and left, and the spending of every tenant and application."""
    gateway = _load(config)
    names = [tenant] if tenant else list(gateway.tenants)
    tenants = {name: _tenant(gateway, name) for name in names}

    async def read(books: LedgerBooks) -> Json:
        return {name: await _shown(books, name, found, users or []) for name, found in tenants.items()}

    shown = _with_books(gateway, redis_url, read)
    if as_json:
        typer.echo(json.dumps({"tenants": shown}))
        return
    for name, facts in shown.items():
        typer.echo(f"{name} ({facts['timezone']})")
        for line in (*map(_cap_line, facts["caps"]), *map(_spending_line, facts["spending"])):
            typer.echo(f"  {line}")


@budget_app.command("set")
def set_spent(
    tenant: Tenant,
    scope: Scope,
    reason: Reason,
    per: Per = Window.MONTH,
    tier: Tier = None,
    usd: Usd = None,
    tokens: Tokens = None,
    config: ConfigPath = None,
    redis_url: RedisUrl = None,
    as_json: AsJson = False,
) -> None:
    """Set what counts as spent on a scope in the present window."""
    _change("set", tenant, _cap(scope, per, tier, usd, tokens), reason, config, redis_url, as_json)


@budget_app.command()
def grant(
    tenant: Tenant,
    scope: Scope,
    reason: Reason,
    per: Per = Window.MONTH,
    tier: Tier = None,
    usd: Usd = None,
    tokens: Tokens = None,
    config: ConfigPath = None,
    redis_url: RedisUrl = None,
    as_json: AsJson = False,
) -> None:
    """Raise a cap for the present window only; a negative amount takes a grant back."""
    _change("grant", tenant, _cap(scope, per, tier, usd, tokens), reason, config, redis_url, as_json)


@budget_app.command()
def audit(tenant: Tenant, config: ConfigPath = None, redis_url: RedisUrl = None, as_json: AsJson = False) -> None:
    """Rebuild the counters from the ledger and compare. Exit code 1 when they differ."""
    gateway = _load(config)
    _tenant(gateway, tenant)
    found = _with_books(gateway, redis_url, lambda books: books.audit(tenant))
    if as_json:
        typer.echo(json.dumps({"tenant": tenant, "equal": found.equal, **asdict(found)}))
    else:
        verdict = "equal" if found.equal else f"{len(found.differences)} counters differ"
        typer.echo(
            f"{tenant}: {verdict} ({found.entries} entries, {found.holds} open holds, {found.counters} counters)"
        )
        for d in found.differences:
            typer.echo(f"  {d.window} {d.counter}: counter says {d.counted}, ledger adds up to {d.recorded}")
        if found.trimmed:
            typer.echo("  entries were removed from the ledger stream: older spending cannot be checked")
    if not found.equal:
        raise typer.Exit(1)


@budget_app.command()
def reconcile(tenant: Tenant, config: ConfigPath = None, redis_url: RedisUrl = None, as_json: AsJson = False) -> None:
    """End the holds whose calls never settled (budgets.expired_holds says how) and list them."""
    gateway = _load(config)
    _tenant(gateway, tenant)
    found = _with_books(gateway, redis_url, lambda books: books.reconcile(tenant))
    if as_json:
        typer.echo(json.dumps({"tenant": tenant, **asdict(found)}))
        return
    typer.echo(f"{tenant}: {len(found.ended)} expired holds ended, {found.open_holds} open")
    for hold in found.ended:
        typer.echo(f"  {hold.call_id} {hold.tier}: ${usd_text(hold.micros)} {hold.outcome}")


def _change(
    op: str, tenant: str, cap: Cap, reason: str, config: Path | None, redis_url: str | None, as_json: bool
) -> None:
    gateway = _load(config)
    timezone = _tenant(gateway, tenant).timezone
    amount = cap.micros if cap.micros is not None else cap.tokens or 0

    def change(books: LedgerBooks) -> Awaitable[Adjusted]:
        apply = books.set_spent if op == "set" else books.grant
        return apply(tenant, timezone, cap, amount, reason, getpass.getuser())

    try:
        done = _with_books(gateway, redis_url, change)
    except ValueError as error:
        _fail(f"{error}.")
    unit = "tokens" if cap.tokens is not None else "micros"
    if as_json:
        facts = {"tenant": tenant, "scope": cap.scope, "window": cap.window.value, "tier": cap.tier}
        typer.echo(json.dumps({**facts, f"before_{unit}": done.before, f"after_{unit}": done.after}))
        return
    what = "spent" if op == "set" else "granted"
    before, after = (str(n) if unit == "tokens" else f"${usd_text(n)}" for n in (done.before, done.after))
    typer.echo(f"{tenant}, {scope_name(cap)}, {cap.window.value}: {what} was {before}, is {after}")


async def _shown(books: LedgerBooks, name: str, tenant: TenantConfig, users: list[str]) -> Json:
    caps = caps_of_tenant(tenant, users)
    states = await books.states(name, tenant.timezone, caps)
    scopes = ("tenant", *(f"app:{app}" for app in tenant.apps))
    spending = await books.spending(name, tenant.timezone, scopes)
    return {
        "timezone": tenant.timezone,
        "caps": [_cap_json(state) for state in states],
        "spending": [{**asdict(item), "window": item.window.value} for item in spending],
    }


def _cap_json(state: CapState) -> Json:
    unit = "micros" if state.cap.micros is not None else "tokens"
    return {
        "scope": state.cap.scope,
        "tier": state.cap.tier,
        "window": state.cap.window.value,
        "unit": unit,
        "limit": state.limit,
        "spent": state.spent,
        "reserved": state.reserved,
        "left": state.left,
        "window_ends_at_s": state.window_ends_at_s,
    }


def _cap_line(cap: Json) -> str:
    values = (cap[name] for name in ("limit", "spent", "reserved", "left"))
    texts = [f"{n:>14}" if cap["unit"] == "tokens" else f"{'$' + usd_text(n):>14}" for n in values]
    name = cap["scope"] + (f" tier {cap['tier']}" if cap["tier"] else "")
    amounts = f"limit{texts[0]} spent{texts[1]} reserved{texts[2]} left{texts[3]}"
    return f"cap      {name:<28} {cap['window']:<6} {amounts}"


def _spending_line(item: Json) -> str:
    dollars, held = (f"{'$' + usd_text(item[name]):>14}" for name in ("micros", "reserved_micros"))
    amounts = f"spent{dollars} reserved{held} tokens {item['tokens']}"
    return f"spending {item['scope']:<28} {item['window']:<6} {amounts}"


def _cap(scope: str, per: Window, tier: str | None, usd: str | None, tokens: int | None) -> Cap:
    """The counter that the options name; its limit field carries the amount."""
    if (usd is None) == (tokens is None):
        _fail("Give exactly one of --usd and --tokens.")
    kind, _, name = scope.partition(":")
    if (kind == "tenant") == bool(name) or kind not in ("tenant", "app", "key", "user"):
        _fail(f"{scope!r} is not a scope: use tenant, app:NAME, key:ID or user:ID.")
    scope = user_scope(name) if kind == "user" else scope
    try:
        return Cap(scope, per, None if usd is None else micros(Decimal(usd)), tokens, tier)
    except (InvalidOperation, ValueError):
        _fail(f"{usd!r} is not an amount of dollars: write e.g. 12.50.")


def _load(config: Path | None) -> GatewayConfig:
    try:
        return load_config(config).gateway
    except ConfigError as error:
        _fail(str(error))


def _tenant(gateway: GatewayConfig, name: str) -> TenantConfig:
    if name not in gateway.tenants:
        _fail(f"No tenant {name!r} in the config: it has {', '.join(gateway.tenants) or 'none'}.")
    return gateway.tenants[name]


def _with_books(gateway: GatewayConfig, redis_url: str | None, use: Callable[[LedgerBooks], Awaitable[T]]) -> T:
    url = redis_url or gateway.redis_url
    if url is None:
        _fail("No Redis to ask: set gateway.redis_url or REDIS_URL, or give --redis-url.")

    async def run() -> T:
        books = LedgerBooks(url, gateway.budgets)
        try:
            return await use(books)
        finally:
            await books.close()

    try:
        return asyncio.run(run())
    except RedisAwayError as away:
        _fail(f"Redis cannot be asked ({away.reason}). Check that it runs and that gateway.redis_url is right.")


def _fail(message: str) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(2)

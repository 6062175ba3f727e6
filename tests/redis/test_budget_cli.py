"""`tierwise budget` against a real Redis."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from redis import Redis
from typer.testing import CliRunner

from plugins.budget_cli import budget_app
from plugins.budget_windows import candidates
from plugins.values import Cap, Exact, Window
from tests.ledgers import PATIENT, let_expire, tenant_on
from tests.servers import running_redis

CAP = Cap("tenant", Window.MONTH, micros=10_000_000)


@pytest.fixture
def url() -> Iterator[str]:
    with running_redis() as server:
        yield server.url


@pytest.fixture
def config(tmp_path: Path, url: str) -> Path:
    tenant = {
        "timezone": "Europe/Vienna",
        "caps": [{"usd": 10, "per": "month"}],
        "apps": {"web": {"caps": [{"tokens": 1000, "per": "day", "tier": "small"}]}},
        "end_user_caps": [{"usd": 1, "per": "total"}],
    }
    gateway = {
        "redis_url": url,
        "tiers": {"small": {"strength": "weak"}},
        "routing": {"default": {"easy": "small", "medium": "small", "hard": "small"}},
        "tenants": {"acme": tenant},
    }
    models = [{"model_name": "small", "litellm_params": {"model": "openai/small"}}]
    path = tmp_path / "proxy_config.yaml"
    path.write_text(yaml.safe_dump({"model_list": models, "gateway": gateway}))
    return path


@pytest.fixture
def spent(url: str, tmp_path: Path) -> None:
    """Tenant acme has $2.50 spent, $1 reserved by a call in flight, and one hold of $0.50 that expired."""

    async def spend() -> None:
        async with tenant_on(url, tmp_path / "journal", PATIENT, candidates, "acme") as tenant:
            tenant.caps = (CAP,)
            await tenant.ledger.settle(await tenant.hold(3_000_000), Exact(2_500_000, 70))
            await tenant.hold(1_000_000)
            await tenant.hold(500_000, call_id="dead")

    asyncio.run(spend())


def run(config: Path, *arguments: str, code: int = 0) -> Any:
    """The one JSON object a command prints, or its error text."""
    found = CliRunner().invoke(budget_app, [*arguments, "--config", str(config), "--json"])
    assert found.exit_code == code, found.output
    return json.loads(found.stdout) if found.stdout else found.stderr


@pytest.mark.usefixtures("spent")
def test_show_has_caps_and_spending(config: Path) -> None:
    """Every cap with its figures, end users on request, and what tenant and applications spent."""
    shown = run(config, "show", "--user", "u-1")["tenants"]["acme"]
    caps = {(cap["scope"], cap["window"], cap["tier"]): cap for cap in shown["caps"]}
    tenant = caps["tenant", "month", None]
    figures = [tenant[name] for name in ("limit", "spent", "reserved", "left")]
    assert figures == [10_000_000, 2_500_000, 1_500_000, 6_000_000]
    assert caps["app:web", "day", "small"]["unit"] == "tokens"
    assert caps["user:u-1", "total", None]["limit"] == 1_000_000
    spending = {(item["scope"], item["window"]): item["micros"] for item in shown["spending"]}
    assert spending["app:web", "total"] == 2_500_000


@pytest.mark.usefixtures("spent")
def test_show_for_people_names_amounts_in_dollars(config: Path) -> None:
    """Without --json there is a line for each cap."""
    found = CliRunner().invoke(budget_app, ["show", "acme", "--config", str(config)])
    assert found.exit_code == 0, found.output
    assert "$10.000000" in found.stdout
    assert "acme (Europe/Vienna)" in found.stdout


@pytest.mark.usefixtures("spent")
def test_grant_and_set_change_the_present_window(config: Path) -> None:
    """Both say what was before and after, and show has the new figures."""
    granted = run(config, "grant", "acme", "tenant", "--usd", "2.5", "--reason", "launch")
    assert (granted["before_micros"], granted["after_micros"]) == (0, 2_500_000)
    changed = run(config, "set", "acme", "tenant", "--usd", "1", "--reason", "invoice")
    assert (changed["before_micros"], changed["after_micros"]) == (2_500_000, 1_000_000)
    (cap, *_) = run(config, "show")["tenants"]["acme"]["caps"]
    assert (cap["limit"], cap["spent"]) == (12_500_000, 1_000_000)


@pytest.mark.usefixtures("spent")
def test_audit_says_equal_or_shows_the_difference(config: Path, url: str) -> None:
    """Exit code 0 and `equal`, or 1 with both figures."""
    assert run(config, "audit", "acme")["equal"] is True
    with Redis.from_url(url) as redis:
        redis.hincrby("tw:{acme}:w:T", "tenant|*|micros|spent", 5)
    found = run(config, "audit", "acme", code=1)
    assert found["equal"] is False
    assert found["differences"] == [
        {"window": "T", "counter": "tenant|*|micros|spent", "counted": 2_500_005, "recorded": 2_500_000}
    ]


@pytest.mark.usefixtures("spent")
def test_reconcile_lists_expired_holds(config: Path, url: str) -> None:
    """The hold of a dead worker is ended and named."""
    asyncio.run(let_expire(url, "acme", "dead"))
    found = run(config, "reconcile", "acme")
    assert [(hold["call_id"], hold["micros"], hold["outcome"]) for hold in found["ended"]] == [
        ("dead", 500_000, "charged")
    ]
    assert found["open_holds"] == 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["show", "nobody"], "No tenant 'nobody'"),
        (["grant", "acme", "team:x", "--usd", "1", "--reason", "r"], "is not a scope"),
        (["grant", "acme", "tenant", "--reason", "r"], "exactly one of --usd and --tokens"),
        (["grant", "acme", "tenant", "--usd", "much", "--reason", "r"], "not an amount"),
        (["set", "acme", "tenant", "--usd", "-1", "--reason", "r"], "outside what the ledger counts"),
        (["grant", "acme", "tenant", "--usd", "1", "--reason", " "], "needs a reason"),
        (["audit", "acme", "--redis-url", "redis://127.0.0.1:1"], "Redis cannot be asked"),
    ],
)
def test_mistakes_get_a_sentence_and_exit_code_2(config: Path, arguments: list[str], says: str) -> None:
    """No traceback: what was wrong and what to write instead."""
    assert says in run(config, *arguments, code=2)

"""The ledger on a Redis Cluster of two nodes: every script stays in its tenant's slot."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from plugins.values import Exact, LedgerAway, OverCap
from tests.clusters import Node, running_cluster
from tests.ledgers import tenant_on


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[list[Node]]:
    with running_cluster(tmp_path / "cluster", 2) as both:
        yield both


async def test_a_tenant_lives_in_one_slot_of_a_cluster(nodes: list[Node], tmp_path: Path) -> None:
    """Tenants on both nodes reserve, settle, grant, reconcile and audit through one address."""
    for name in ("acme", "globex", "initech", "hooli"):
        async with tenant_on(nodes[0].url, tmp_path / "journal", name=name) as tenant:
            await tenant.ledger.settle(await tenant.hold(600), Exact(500, 1))
            assert isinstance(await tenant.ledger.reserve(tenant.request(501)), OverCap)
            await tenant.ledger.grant(name, "UTC", tenant.caps[0], 1, "r", "a")
            await tenant.hold(501)
            assert (await tenant.ledger.reconcile(name)).open_holds == 1
            assert await tenant.balance() == (500, 501)
            assert await tenant.is_balanced()
    tenants = [{key.partition("}")[0] for key in node.ask("KEYS", "*")} for node in nodes]
    assert [bool(found) for found in tenants] == [True, True]
    assert not tenants[0] & tenants[1]


async def test_a_cluster_that_is_away_is_a_ledger_that_is_away(nodes: list[Node], tmp_path: Path) -> None:
    """Also once the client finds no node any more: the tenant's choice for that case decides, not an error."""
    async with tenant_on(nodes[0].url, tmp_path / "journal", name="acme") as tenant:
        await tenant.hold(100)
        for node in nodes:
            node.life.close()
        for _ in range(3):
            assert isinstance(await tenant.ledger.reserve(tenant.request(100)), LedgerAway)

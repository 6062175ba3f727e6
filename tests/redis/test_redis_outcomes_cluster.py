"""Outcomes and the learnt table on a Redis Cluster of two nodes."""

from __future__ import annotations

from plugins.adapters.redis_learnt import RedisLearnt
from plugins.adapters.redis_outcomes import RedisOutcomes
from plugins.learning_config import LearningConfig
from plugins.outcomes import PEOPLE, Cell, Tally
from plugins.routing.learnt import Learnt
from tests.clusters import Node
from tests.redis.test_redis_ledger_cluster import nodes

__all__ = ["nodes"]
TENANTS = ("acme", "globex", "initech", "hooli")


async def test_outcomes_of_tenants_on_both_nodes_are_read_together(nodes: list[Node]) -> None:
    """Counted in each tenant's slot, read back over all; the table is changed and undone through the same address."""
    url = nodes[0].url
    outcomes, table = RedisOutcomes(url, LearningConfig(enabled=True)), RedisLearnt(url)
    for number, tenant in enumerate(TENANTS):
        outcomes.record(tenant, "code", "small", True, "thumbs", 0.37, f"{number:032x}")
        outcomes.record(tenant, "code", "small", False, "check", 0.37)
    assert await outcomes.flush() == 0
    counts = await outcomes.read(TENANTS)
    assert counts.tally("code", "small", PEOPLE, [7]) == Tally(4, 0)
    assert Cell("code", "small", 7, PEOPLE) in counts.cells
    assert all(node.ask("KEYS", "*outcomes*") for node in nodes)
    applied = await table.apply(Learnt(), {"*": {"code": {"easy_below": -0.05}}}, "ops", [])
    assert await table.current() == applied
    undone = await table.undo("ops")
    assert undone is not None and undone[1].shifts == {}
    await outcomes.close()
    await table.close()

"""Outcomes and the learnt table in a real Redis, and `tierwise learn` on them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis
from typer import Typer
from typer.testing import CliRunner, Result

from classifier.artifact import Model
from plugins.adapters.learning_house import LearningHouse
from plugins.adapters.redis_learnt import KEY, LearntConflictError, RedisLearnt
from plugins.adapters.redis_outcomes import RedisOutcomes
from plugins.adapters.redis_scripts import RedisAwayError
from plugins.config import GatewayConfig
from plugins.config_file import load_config
from plugins.learn_cli import learn
from plugins.learning_config import LearningConfig
from plugins.outcomes import CHECKS, PEOPLE, Cell, Tally
from plugins.routing.learnt import Learnt, to_json
from plugins.values import Step
from tests.servers import running_redis
from tests.unit.traces import a_trace

ON = LearningConfig(enabled=True, exploration_share=0.1)
CELL = Cell("code", "small", 7, PEOPLE)
NOWHERE = "redis://127.0.0.1:1/0"
cli = Typer()
cli.command()(learn)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with running_redis() as started:
        yield started.url


@pytest.fixture
def url(server: str) -> str:
    Redis.from_url(server).flushall()
    return server


@pytest.fixture
def config(tmp_path: Path, url: str) -> Path:
    path = tmp_path / "proxy_config.yaml"
    tiers = {"small": {"strength": "weak"}, "mid": {"strength": "mid"}, "frontier": {"strength": "strong"}}
    gateway = {
        "redis_url": url,
        "tiers": tiers,
        "routing": {
            "default": {"easy": "small", "medium": "mid", "hard": "frontier"},
            "learning": {"enabled": True, "exploration_share": 0.1},
        },
        "tenants": {"acme": {}, "globex": {}},
    }
    models = [{"model_name": name, "litellm_params": {"model": f"openai/{name}"}} for name in tiers]
    path.write_text(yaml.safe_dump({"model_list": models, "gateway": gateway}))
    return path


def gateway_of(path: Path, **learning: object) -> GatewayConfig:
    loaded = load_config(path, {}).gateway
    changed = loaded.routing.learning.model_copy(update=learning)
    return loaded.model_copy(update={"routing": loaded.routing.model_copy(update={"learning": changed})})


async def counted(url: str, *told: tuple[str, bool, str], config: LearningConfig = ON) -> RedisOutcomes:
    """An adapter that was told of (tenant, ok, trace id) and has written it."""
    outcomes = RedisOutcomes(url, config)
    for tenant, ok, trace_id in told:
        outcomes.record(tenant, "code", "small", ok, "thumbs", 0.37, trace_id)
    await outcomes.flush()
    return outcomes


async def test_outcomes_come_back_for_one_tenant_or_all(url: str) -> None:
    """Counted by tenant, read together or apart."""
    outcomes = await counted(url, ("acme", True, ""), ("acme", False, ""), ("globex", True, ""))
    assert (await outcomes.read(["acme"])).cells == {CELL: Tally(1, 1)}
    assert (await outcomes.read(["acme", "globex"])).cells == {CELL: Tally(2, 1)}
    await outcomes.close()


async def test_two_gateways_add_up(url: str) -> None:
    """Counters are added to, never overwritten."""
    first, second = await counted(url, ("acme", True, "")), await counted(url, ("acme", True, ""))
    assert (await first.read(["acme"])).cells == {CELL: Tally(2, 0)}
    await first.close()
    await second.close()


async def test_feedback_on_one_answer_counts_once(url: str) -> None:
    """However often, and at whichever gateway, an application repeats it."""
    first = await counted(url, ("acme", False, "a" * 32), ("acme", False, "a" * 32), ("acme", True, "b" * 32))
    second = await counted(url, ("acme", False, "a" * 32))
    assert (await first.read(["acme"])).cells == {CELL: Tally(1, 1)}
    await first.close()
    await second.close()


async def test_keys_carry_the_tenants_tag_and_expire(url: str) -> None:
    """One hash a day and tenant, gone when decay has left nothing of it."""
    await (await counted(url, ("acme", True, "c" * 32))).close()
    redis = Redis.from_url(url, decode_responses=True)
    keys = sorted(str(key) for key in redis.scan_iter())
    assert [key.rsplit(":", 1)[0] for key in keys] == ["tw:{acme}:outcomes:v1", "tw:{acme}:rated"]
    assert 0 < redis.ttl(keys[0]) <= 71 * 86_400
    redis.close()


async def test_a_finished_trace_is_counted_with_its_cost(url: str) -> None:
    """The gateway's own check is an outcome, and the call's cost goes with it."""
    steps = (Step("classify", 1, 2, {"tier": "mid"}), Step("escalation check", 2, 3, {"ok": True}))
    outcomes = RedisOutcomes(url, ON)
    outcomes.emit(a_trace(steps=steps))
    await outcomes.flush()
    counts = await outcomes.read(["acme"])
    assert counts.cells == {Cell("code", "mid", 8, CHECKS): Tally(1, 0)}
    assert counts.cost_micros("code", "mid") == 1_520
    await outcomes.close()


async def test_nothing_is_counted_while_learning_is_off(url: str) -> None:
    """Off means off: no key is written."""
    await (await counted(url, ("acme", True, ""), config=LearningConfig())).close()
    assert Redis.from_url(url).dbsize() == 0


async def test_strange_outcomes_add_no_fields(url: str) -> None:
    """Unknown tasks, sources and names with the separator are left out, so that a day stays small."""
    outcomes = RedisOutcomes(url, ON)
    outcomes.record("acme", "poetry", "small", True, "thumbs")
    outcomes.record("acme", "code", "small", True, "rumour")
    outcomes.record("acme", "code", "a|b", True, "thumbs")
    outcomes.record("acme", "code", "", True, "thumbs")
    await outcomes.flush()
    assert (await outcomes.read(["acme"])).cells == {}
    await outcomes.close()


async def test_without_redis_nothing_fails(config: Path) -> None:
    """Outcomes are lost and counted as lost, the table in use stays, and only reading for an operator says so."""
    outcomes = RedisOutcomes(NOWHERE, ON, timeout_ms=200)
    outcomes.record("acme", "code", "small", True, "thumbs")
    outcomes.record("acme", "code", "small", True, "thumbs", trace_id="d" * 32)
    assert await outcomes.flush() == 2
    with pytest.raises(RedisAwayError):
        await outcomes.read(["acme"])
    house = LearningHouse(NOWHERE, gateway_of(config))
    assert (await house.tend(gateway_of(config))).learnt == Learnt()
    await house.close()


async def test_a_gateway_takes_up_and_gives_up_what_is_in_force(config: Path, url: str) -> None:
    """The newest table and the outcomes for exploring; nothing of it once learning is off."""
    table = RedisLearnt(url)
    await (await counted(url, ("acme", True, ""))).close()
    done = await table.apply(Learnt(), {"*": {"code": {"easy_below": -0.05}}}, "ops", [])
    house = LearningHouse(url, gateway_of(config))
    taught = await house.tend(gateway_of(config))
    assert taught.learnt == done and taught.explorer.counts.cells == {CELL: Tally(1, 0)}
    assert (await house.tend(gateway_of(config))) is taught, "unchanged until the next look"
    assert (await house.tend(gateway_of(config, enabled=False))).learnt == Learnt()
    await house.close()
    await table.close()


async def test_of_two_changes_at_once_one_is_refused(url: str) -> None:
    """Nobody overwrites what they have not seen."""
    table = RedisLearnt(url)
    await table.apply(Learnt(), {"*": {"code": {"easy_below": -0.05}}}, "one", [])
    with pytest.raises(LearntConflictError):
        await table.apply(Learnt(), {"*": {"code": {"easy_below": 0.05}}}, "two", [])
    assert len(await table.versions()) == 1
    await table.close()


async def test_a_foreign_value_under_the_key_is_said_and_not_used(url: str) -> None:
    """A gateway keeps what it has rather than read something else."""
    Redis.from_url(url).rpush(KEY, "[]")
    table = RedisLearnt(url)
    with pytest.raises(RedisAwayError):
        await table.current()
    await table.close()


SHIFTS = st.dictionaries(
    st.sampled_from(("*", "acme")),
    st.dictionaries(
        st.sampled_from(("code", "chat")),
        st.dictionaries(st.sampled_from(("easy_below", "hard_from")), st.floats(-0.5, 0.5), min_size=1),
        min_size=1,
    ),
    min_size=1,
)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(SHIFTS, min_size=1, max_size=5), st.integers(1, 5))
def test_undo_restores_exactly_what_was_before(
    url: str, tables: list[dict[str, dict[str, dict[str, float]]]], n: int
) -> None:
    """Any number of undos walks back through the applied tables, to none; then there is nothing to undo."""

    async def run() -> None:
        Redis.from_url(url).delete(KEY)
        table, now = RedisLearnt(url), Learnt()
        for shifts in tables:
            now = await table.apply(now, shifts, "ops", [])
        before = [{}, *tables]
        for step in range(1, n + 1):
            undone = await table.undo("ops")
            assert (undone is not None) == (step <= len(tables))
            wanted = before[max(0, len(tables) - step)]
            assert to_json((await table.current()).shifts) == wanted
        await table.close()

    asyncio.run(run())


def run_cli(config: Path, *words: str) -> Result:
    return CliRunner().invoke(cli, ["--config", str(config), *words], env={"REDIS_URL": "", "COLUMNS": "160"})


def failing(url: str, tenant: str = "acme", ok: int = 60, bad: int = 140) -> None:
    """Answers of the small tier on code, just below where medium begins for the shipped model."""

    async def tell() -> None:
        outcomes = RedisOutcomes(url, ON)
        steps = (Step("classify", 1, 2, {"tier": "small"}), Step("escalation check", 2, 3, {"ok": False}))
        good = (steps[0], replace(steps[1], attributes={"ok": True}))
        made = a_trace(tier="small", score=Model.load().easy_below - 0.06, steps=steps)
        for number in range(ok + bad):
            caller = replace(made.caller, tenant=tenant)
            outcomes.emit(replace(made, caller=caller, steps=good if number < ok else steps))
        await outcomes.close()

    asyncio.run(tell())


def test_learn_proposes_applies_and_undoes(config: Path, url: str) -> None:
    """The operator's round trip, with the evidence kept beside the table."""
    failing(url)
    proposed = json.loads(run_cli(config, "--json").stdout)
    (finding,) = [f for f in proposed["findings"] if f["changes"]]
    assert (finding["task"], finding["threshold"], finding["proposed_shift"]) == ("code", "easy_below", -0.05)
    assert finding["interval"][1] < 0.9 and finding["log_e_value"] >= finding["log_e_value_needed"]
    assert "Put it in force" in run_cli(config).stdout
    applied = run_cli(config, "--apply")
    assert applied.exit_code == 0 and "Applied as version 1" in applied.stdout
    stored = json.loads(Redis.from_url(url).lindex(KEY, -1))  # type: ignore[arg-type]  # redis types both clients at once
    assert stored["shifts"] == {"*": {"code": {"easy_below": -0.05}}} and stored["evidence"][0]["bad"] == 140
    undone = run_cli(config, "--undo", "--json")
    assert undone.exit_code == 0 and json.loads(undone.stdout) == {"undone": 1, "version": 2, "shifts": {}}
    assert run_cli(config, "--undo").exit_code == 1


def test_apply_refuses_below_the_gate(config: Path, url: str) -> None:
    """Exit code 1, and nothing is written."""
    failing(url, ok=178, bad=22)
    refused = run_cli(config, "--apply")
    assert refused.exit_code == 1 and "Nothing passed the gate" in refused.stdout
    assert not Redis.from_url(url).exists(KEY)


def test_a_tenants_outcomes_move_that_tenant_alone(config: Path, url: str) -> None:
    """--tenant reads and writes one tenant's part of the table."""
    failing(url, tenant="globex")
    assert run_cli(config, "--apply", "--tenant", "acme").exit_code == 1
    applied = json.loads(run_cli(config, "--apply", "--tenant", "globex", "--json").stdout)["applied"]
    learnt = Learnt(applied["version"], applied["shifts"])
    assert learnt.shift("globex", "code", "easy_below", 0.15) == -0.05
    assert learnt.shift("acme", "code", "easy_below", 0.15) == 0.0


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--apply", "--undo"), "not both"),
        (("--tenant", "nobody"), "No tenant"),
        (("--redis-url", NOWHERE), "Redis cannot be asked"),
    ],
)
def test_wrong_use_is_said_in_a_line(config: Path, words: tuple[str, ...], says: str) -> None:
    """Exit code 2 with what to do."""
    done = run_cli(config, *words)
    assert done.exit_code == 2 and says in done.stderr


def test_apply_wants_learning_switched_on(config: Path) -> None:
    """A table that no gateway would use is not written."""
    config.write_text(config.read_text().replace("enabled: true", "enabled: false"))
    done = run_cli(config, "--apply")
    assert done.exit_code == 2 and "routing.learning.enabled" in done.stderr

"""Trials in a real Redis: what gateways write and move there, and `tierwise rollout` and `tierwise experiment`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
import yaml
from prometheus_client import CollectorRegistry
from redis import Redis
from typer import Typer
from typer.testing import CliRunner, Result

from plugins.adapters import redis_trials
from plugins.adapters.redis_scripts import RedisAwayError
from plugins.adapters.redis_trials import RedisTrials, RolloutConflictError, _state
from plugins.adapters.trial_metrics import TrialMetrics
from plugins.adapters.trials_house import Notice, TrialsHouse
from plugins.config import GatewayConfig
from plugins.experiment_cli import experiment_app
from plugins.proof import rollouts
from plugins.proof.assign import trial_of
from plugins.proof.evidence import from_text
from plugins.proof_config import ExperimentConfig, RolloutConfig, WatchConfig
from plugins.rerun_cli import rerun
from plugins.rollout_cli import rollout_app
from plugins.values import Observation, Rollout, Stage, Trials
from tests.classifier.proof_gateway import tiny_gateway
from tests.servers import running_redis
from tests.unit.test_routing import CATALOG, CONFIG

T = TypeVar("T")
NOWHERE = "redis://127.0.0.1:1/0"
AB = {
    "variants": {"control": {}, "cheap": {"tier": "small"}},
    "cost_scale_usd": 0.001,
    "promotion": {"enabled": True, "min_observations": 100},
}
BEGUN = rollouts.started("code", "mid", "", "me", None)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with running_redis() as started:
        yield started.url


@pytest.fixture
def url(server: str) -> str:
    with Redis.from_url(server) as client:
        client.flushall()
    return server


def stored(url: str, use: Callable[[RedisTrials], Awaitable[T]]) -> T:
    async def run() -> T:
        store = RedisTrials(url)
        try:
            return await use(store)
        finally:
            await store.close()

    return asyncio.run(run())


def put(url: str, rollout: Rollout, before: Rollout | None = None) -> None:
    stored(url, lambda store: store.put(rollout, before))


def present(url: str) -> Trials:
    return stored(url, lambda store: store.trials())


def configured(**changes: Any) -> GatewayConfig:
    experiment = ExperimentConfig(**AB)  # type: ignore[arg-type]  # parsed by pydantic
    return CONFIG.model_copy(update={"experiments": {"ab": experiment}, **changes})


class House(TrialsHouse):
    """One gateway's, which looks at every tending."""

    def __init__(self, url: str, config: GatewayConfig) -> None:
        self.told: list[str] = []
        self.registry = CollectorRegistry()
        super().__init__(url, config, CATALOG, self._hear, TrialMetrics(self.registry), 0.0, 0.001)

    def _hear(self, notice: Notice) -> None:
        self.told.append(notice.text)


def tended(
    url: str, observations: list[Observation], config: GatewayConfig | None = None, times: int = 1
) -> tuple[Trials, House]:
    """What is in force after a gateway saw these, and the gateway's house."""
    used = config or configured()

    async def run() -> tuple[Trials, House]:
        house = House(url, used)
        found = Trials()
        for part in range(times):
            for one in observations[part::times]:
                house.note(one)
            await asyncio.sleep(0.005)
            found = await house.tend(used)
        await house.close()
        return found, house

    return asyncio.run(run())


def answers(trial: str, arms: dict[str, tuple[str, int]], n: int) -> list[Observation]:
    """`n` of each arm: its check and micro-dollars."""
    return [Observation(trial, arm, False, *told, 10) for _ in range(n) for arm, told in arms.items()]


def test_two_operators_do_not_overwrite_each_other(url: str) -> None:
    """The second one is told; the first one's stands."""
    put(url, BEGUN)
    with pytest.raises(RolloutConflictError, match="changed meanwhile"):
        put(url, rollouts.started("code", "small", "", "you", None))
    assert present(url).rollouts["code"] == BEGUN


def test_two_gateways_do_not_count_an_answer_twice(url: str) -> None:
    """Of two that took the same answers in, one commits; the other's are waiting no more."""

    async def run(store: RedisTrials) -> tuple[bool, bool, int]:
        await store.add(answers("t", {"a": ("", 1)}, 3))
        _, new = await store.waiting("t")
        first = await store.commit("t", 0, '{"version": 1}', len(new))
        second = await store.commit("t", 0, '{"version": 1}', len(new))
        return first, second, len((await store.waiting("t"))[1])

    assert stored(url, run) == (True, False, 0)


def test_observations_come_back_as_they_were(url: str) -> None:
    """In their order, with what nobody knows."""
    sent = (Observation("t", "a", True), Observation("t", "b", False, "schema", 7, 9, 0.5))

    async def run(store: RedisTrials) -> tuple[Observation, ...]:
        await store.add(sent)
        return (await store.waiting("t"))[1]

    assert stored(url, run) == sent


def test_a_worse_candidate_is_rolled_back_by_itself(url: str) -> None:
    """With the reason on record, told to people, and counted."""
    live = rollouts.moved(BEGUN, Stage.FIVE, "good", "me")
    put(url, BEGUN)
    put(url, live, BEGUN)
    worse = answers(live.trial, {"candidate": ("refusal", 1), "baseline": ("", 1)}, 60)
    found, house = tended(url, worse, times=3)
    after = present(url).rollouts["code"]
    assert found.rollouts["code"].stage is after.stage is Stage.BACK
    assert "of the baseline" in after.moves[-1].reason and after.moves[-1].by == "gateway"
    assert len(house.told) == 1 and "rolled back from 5" in house.told[0]
    assert house.registry.get_sample_value("tierwise_rollout_share", {"task": "code"}) == -1.0


def test_a_rollout_advances_by_itself_only_where_that_is_wanted(url: str) -> None:
    """The same evidence, with and without auto_advance."""
    put(url, BEGUN)
    good = answers(BEGUN.trial, {"candidate": ("", 1), "baseline": ("", 1)}, 400)
    kept, _ = tended(url, good, times=4)
    assert kept.rollouts["code"].stage is Stage.SHADOW
    auto = configured(rollout=RolloutConfig(auto_advance=True))
    moved, house = tended(url, answers(BEGUN.trial, {"candidate": ("", 1)}, 1), auto)
    assert moved.rollouts["code"].stage is Stage.FIVE and "advanced to 5 from shadow" in house.told[0]


def test_a_new_stage_bets_as_the_one_before_it_taught(url: str) -> None:
    """It has no evidence of its own yet."""
    put(url, BEGUN)
    tended(url, answers(BEGUN.trial, {"candidate": ("", 1), "baseline": ("", 1)}, 300))
    put(url, later := rollouts.moved(BEGUN, Stage.FIVE, "good", "me"), BEGUN)
    tended(url, answers(later.trial, {"candidate": ("", 1)}, 5))
    state, _ = stored(url, lambda store: store.waiting(later.trial))
    bets = from_text(state).arm("candidate").metrics["bad"].over
    assert (bets.seen, bets.taught) == (5, (300.0, 0.0, 0.0))


def test_a_better_and_cheaper_variant_is_promoted_within_its_bounds(url: str) -> None:
    """Once, for everybody, until it is taken back by hand."""
    config = configured()
    trial = trial_of("ab", config.experiments["ab"])
    better = answers(trial, {"control": ("hedge", 900), "cheap": ("", 90)}, 200)
    found, house = tended(url, better, times=4)
    assert found.promoted == {trial: "cheap"} and "cheap now answers for everybody" in house.told[0]


def test_a_trial_that_cannot_be_read_keeps_nobody_from_looking_at_the_others(url: str) -> None:
    """Somebody wrote something else in place of a rollout's evidence; the experiment is promoted all the same."""
    put(url, BEGUN)
    with Redis.from_url(url) as client:
        client.set(_state(BEGUN.trial), "nonsense")
    config = configured()
    trial = trial_of("ab", config.experiments["ab"])
    better = answers(trial, {"control": ("hedge", 900), "cheap": ("", 90)}, 200)
    found, _ = tended(url, better, config, times=4)
    assert found.promoted == {trial: "cheap"}


def test_a_model_that_changed_is_told_and_its_rollout_taken_back(url: str) -> None:
    """At 100 % there is no baseline beside it; the watch on the model stands in."""
    full = rollouts.moved(BEGUN, Stage.FULL, "good", "me")
    put(url, BEGUN)
    put(url, full, BEGUN)
    config = configured(watch=WatchConfig(baseline=100, run_length=1000))
    model = CATALOG.groups["mid"][0].model

    def said(check: str, n: int) -> list[Observation]:
        return [Observation("models", model, check=check) for _ in range(n)]

    tended(url, said("", 150), config)
    _, house = tended(url, said("hedge", 100), config)
    assert "have become worse" in house.told[0] and "rolled back from 100" in house.told[1]
    assert present(url).rollouts["code"].stage is Stage.BACK


def test_without_redis_the_gateway_goes_on() -> None:
    """With what it knew; nothing is raised."""
    found, house = tended(NOWHERE, answers("t", {"a": ("", 1)}, 1))
    assert found == Trials() and house.told == []
    with pytest.raises(RedisAwayError):
        present(NOWHERE)


@pytest.fixture
def config_file(tmp_path: Path) -> Path:
    told = yaml.safe_load((Path(__file__).parents[2] / "proxy_config.yaml").read_text(encoding="utf-8"))
    told["gateway"]["experiments"] = {"ab": AB}
    path = tmp_path / "proxy_config.yaml"
    path.write_text(yaml.safe_dump(told, sort_keys=False), encoding="utf-8")
    return path


def command(app: Any, url: str, config_file: Path, *words: str) -> Result:
    environ = {"TIERWISE_SIMULATOR_URL": "http://127.0.0.1:1"}
    return CliRunner().invoke(app, [*words, "--config", str(config_file), "--redis-url", url], env=environ)


def test_a_rollout_from_start_to_back(url: str, config_file: Path) -> None:
    """Nothing advances without evidence; each step is on record."""

    def rollout(*words: str) -> Result:
        return command(rollout_app, url, config_file, *words)

    assert rollout("start", "code", "nowhere").exit_code == 2
    assert "in shadow" in rollout("start", "code", "mid").stdout
    assert rollout("start", "code", "mid").exit_code == 2
    early = rollout("advance", "code")
    assert early.exit_code == 1 and "0 of 200 answers" in early.output
    tended(url, answers(BEGUN.trial, {"candidate": ("", 5), "baseline": ("", 50)}, 400), times=4)
    shown = json.loads(rollout("show", "--json").stdout)["rollouts"][0]
    assert shown["ready"] and shown["candidate_arm"]["calls"] == 400 and shown["harmed"] is None
    assert "at 5 %" in rollout("advance", "code").stdout
    text = rollout("show", "code").stdout
    assert "code -> mid: at 5 %" in text and "0 of 200 answers" in text
    assert "rolled back" in rollout("back", "code", "--reason", "a customer complained").stdout
    assert present(url).rollouts["code"].moves[-1].reason == "a customer complained"
    assert rollout("back", "code").exit_code == 1 and rollout("show", "chat").exit_code == 1


def test_an_experiments_table(url: str, config_file: Path) -> None:
    """As text and JSON; a promotion is told and can be taken back."""

    def experiment(*words: str) -> Result:
        return command(experiment_app, url, config_file, *words)

    empty = experiment("show", "ab")
    assert empty.exit_code == 0 and "ab (running), by request" in empty.stdout
    trial = trial_of("ab", configured().experiments["ab"])
    tended(url, answers(trial, {"control": ("hedge", 900), "cheap": ("", 90)}, 200), times=4)
    shown = json.loads(experiment("show", "--json").stdout)["experiments"][0]
    assert shown["promoted"] == "cheap" and min(v["calls"] for v in shown["variants"]) >= 100
    assert shown["variants"][1]["result"] == "better, cheaper"
    assert "as configured again" in experiment("demote", "ab").stdout and not present(url).promoted
    assert experiment("demote", "ab").exit_code == 1 and experiment("show", "nope").exit_code == 2


def test_a_variant_is_promoted_by_hand_within_the_bounds_or_anyway(url: str, config_file: Path) -> None:
    """The reason against it is told; what was promoted is not replaced unnoticed."""

    def promote(*words: str) -> Result:
        return command(experiment_app, url, config_file, "promote", "ab", *words)

    assert "answers in the smaller arm" in promote("cheap").output and not present(url).promoted
    assert promote("cheap", "--anyway").exit_code == 0
    assert list(present(url).promoted.values()) == ["cheap"]
    assert "demote it first" in promote("cheap", "--anyway").output
    assert promote("nobody").exit_code == 2


@pytest.mark.parametrize("app", [rollout_app, experiment_app])
def test_without_redis_a_command_says_so(app: Any, config_file: Path) -> None:
    """Exit code 2 and one line, no traceback."""
    result = command(app, NOWHERE, config_file, "show")
    assert result.exit_code == 2 and "Redis cannot be asked" in result.output
    mistyped = command(app, "localhost", config_file, "show")
    assert mistyped.exit_code == 2 and "no address of a Redis" in mistyped.output


def test_a_fixed_set_is_asked_anew_each_time_and_kept(url: str, config_file: Path, tmp_path: Path) -> None:
    """Three runs make the reference; the fourth is compared with it. Judged items are refused."""
    cli, items = Typer(), tmp_path / "fixed.jsonl"
    cli.command()(rerun)
    items.write_text("\n".join(json.dumps({"prompt": f"Please double {n}", "reference": 2 * n}) for n in range(20)))
    with tiny_gateway() as gateway:
        words = [str(items), "--model", "weak", "--base-url", gateway.url, "--json"]
        found = [command(cli, url, config_file, *words) for _ in range(4)]
        assert [result.exit_code for result in found] == [0] * 4 and gateway.calls["weak"] == 80
        last = json.loads(found[-1].stdout)["models"][0]
        assert (last["runs"], last["learning"], last["reference"], last["latest"]) == (4, 0, 0.5, 0.5)
        items.write_text(json.dumps({"prompt": "Write a poem", "rubric": "good"}))
        refused = command(cli, url, config_file, *words)
    assert refused.exit_code == 2 and "need a judge" in refused.output


def test_a_run_without_answers_is_no_run(url: str, config_file: Path, tmp_path: Path) -> None:
    """An outage among the first runs would leave no reference, and every later run would be "as before"."""
    cli, items = Typer(), tmp_path / "fixed.jsonl"
    cli.command()(rerun)
    items.write_text("\n".join(json.dumps({"prompt": f"Please double {n}", "reference": 2 * n}) for n in range(4)))
    with tiny_gateway() as gateway:
        words = [str(items), "--model", "lost", "--name", "outage", "--base-url", gateway.url]
        result = command(cli, url, config_file, *words)
    assert result.exit_code == 2 and "of 4 items lost answered 0" in result.output
    assert stored(url, lambda store: store.runs("outage/lost")) == []


def test_the_history_of_a_fixed_set_has_a_bound(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reference stays, and of the later runs the newest."""
    monkeypatch.setattr(redis_trials, "MOST_RUNS", 3)

    async def kept(store: RedisTrials) -> list[bytes]:
        for number in range(1, 9):
            await store.add_run("fixed/small", str(number), reference_runs=2)
        return await store.runs("fixed/small")

    assert stored(url, kept) == [b"1", b"2", b"6", b"7", b"8"]

"""The dispatch table and its layers: which tier, and why."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.adapters.price_data import catalog_of
from plugins.catalog import Catalog
from plugins.config import GatewayConfig
from plugins.config_file import load_config
from plugins.errors import BadRequest, Forbidden, GatewayError, NoDeployment
from plugins.pricing import cost_micros, upper_bound
from plugins.rendering import render
from plugins.routing import table
from plugins.routing.cascade import Cascade
from plugins.routing.scored import Thresholds
from plugins.values import Call, Caller, Constraints, Difficulty, Endpoint, Hints, Layer, Message, Route, Usage, Verdict

LOADED = load_config(Path(__file__).parents[2] / "proxy_config.yaml", {})
CONFIG = LOADED.gateway
CATALOG = catalog_of(render(LOADED, {"TIERWISE_SIMULATOR_URL": "http://127.0.0.1:1"}, Path()).config["model_list"])
FREE = Constraints()
ON_PREMISE = Constraints(on_premise_only=True, reason="sensitive (iban): on_premise")


@dataclass(frozen=True)
class Guess:
    task: str = "chat"
    hardness: float = 0.1
    confidence: float = 0.9


class FakeModel:
    """Hard is what says so: a prompt's hardness is the number that ends it."""

    def predict(self, text: str, embedding: object) -> Guess:
        return Guess(hardness=float(text.rsplit(" ", 1)[-1]))


def call(*turns: str, model: str = "auto", models: tuple[str, ...] = ("*",), **fields: object) -> Call:
    messages = tuple(Message("user", t) for t in turns)
    size = sum(len(t.encode()) for t in turns)
    made = Call("id", Endpoint.CHAT, Caller("trial", "demo", "k", models), model, messages, input_bytes=size)
    return replace(made, **fields)  # type: ignore[arg-type]  # test shorthand


def verdict(difficulty: Difficulty = Difficulty.EASY, task: str = "chat") -> Verdict:
    return Verdict(task, difficulty, Layer.SCORED, 0.5, 0.5, 0.9, "because")


def routed(
    made: Call, difficulty: Difficulty, constraints: Constraints = FREE, config: GatewayConfig = CONFIG
) -> Route | GatewayError:
    return table.route(verdict(difficulty), made, constraints, config, CATALOG)


def tier(result: Route | GatewayError) -> str:
    assert isinstance(result, Route), result
    return result.tier


@pytest.mark.parametrize(
    ("difficulty", "wanted"),
    [(Difficulty.EASY, "small"), (Difficulty.MEDIUM, "mid"), (Difficulty.HARD, "frontier")],
)
def test_difficulty_picks_the_tier(difficulty: Difficulty, wanted: str) -> None:
    """The default row of the shipped table."""
    assert tier(routed(call("x"), difficulty)) == wanted


@pytest.mark.parametrize(("alias", "easy", "hard"), [("cheap", "small", "mid"), ("best", "frontier", "frontier")])
def test_aliases_bound_the_tiers(alias: str, easy: str, hard: str) -> None:
    """`cheap` stops at mid, `best` starts at the top."""
    assert tier(routed(call("x", model=alias), Difficulty.EASY)) == easy
    assert tier(routed(call("x", model=alias), Difficulty.HARD)) == hard


@given(
    difficulty=st.sampled_from(list(Difficulty)),
    images=st.integers(0, 2),
    size=st.integers(1, 700_000),
    alias=st.sampled_from(["auto", "fast", "cheap", "best"]),
    models=st.lists(st.sampled_from(["auto", "small", "mid", "frontier", "onprem"]), min_size=1, unique=True),
    on_premise=st.booleans(),
)
def test_an_unfit_tier_is_never_chosen(
    difficulty: Difficulty, images: int, size: int, alias: str, models: list[str], on_premise: bool
) -> None:
    """Context window, images, residency and the key's models hold for the tier and for every fallback."""
    made = call("x", model=alias, models=tuple(models), images=images, input_bytes=size)
    constraints = ON_PREMISE if on_premise else Constraints()
    result = routed(made, difficulty, constraints)
    if isinstance(result, GatewayError):
        return
    for group in (result.group, *result.fallbacks):
        assert CATALOG.permits(group, constraints)
        assert not CATALOG.unfit(group, made, size // 3)
        assert made.caller.may_use(group) or not any(m in CONFIG.tiers for m in models)
    assert len({result.group, *result.fallbacks}) == 1 + len(result.fallbacks)


def test_images_move_an_easy_prompt_to_a_tier_that_sees() -> None:
    """The reason names what the cheaper tier lacks."""
    result = routed(call("x", images=1), Difficulty.EASY)
    assert isinstance(result, Route)
    assert result.tier == "mid" and "no images" in result.reason


def test_nothing_allowed_fails_closed() -> None:
    """Without an on-premise model a sensitive prompt is refused, not sent elsewhere."""
    cloud = Catalog({g: d for g, d in CATALOG.groups.items() if g != "onprem"})
    refusal = table.route(verdict(), call("x"), ON_PREMISE, CONFIG, cloud)
    assert isinstance(refusal, NoDeployment)
    assert "iban" in refusal.message


def test_a_prompt_too_long_for_every_tier_is_a_bad_request() -> None:
    """The refusal says which window was too small."""
    refusal = routed(call("x", input_bytes=10_000_000), Difficulty.EASY)
    assert isinstance(refusal, BadRequest)
    assert "context window" in refusal.message


def test_a_key_for_another_tier_only_is_forbidden() -> None:
    """A key that lists only the on-premise tier cannot use auto's tiers."""
    assert isinstance(routed(call("x", models=("auto", "onprem")), Difficulty.EASY), Forbidden)


def test_a_named_model_is_rerouted_only_by_residency() -> None:
    """Residency beats the caller's choice; nothing else does."""
    named = call("x", model="sim-mid")
    free = table.named_route(named, Constraints(), CONFIG, CATALOG)
    pinned = table.named_route(named, ON_PREMISE, CONFIG, CATALOG)
    assert isinstance(free, Route) and isinstance(pinned, Route)
    assert (free.group, free.tier, pinned.group) == ("sim-mid", "mid", "onprem")


def test_the_layers_in_order() -> None:
    """A courtesy and a long input are ruled; the rest is scored against the thresholds."""
    cascade = Cascade(CONFIG.routing, FakeModel(), Thresholds(0.4, 0.7))

    def ask(made: Call) -> tuple[str, Difficulty]:
        found = cascade.classify(made, None)
        return found.layer.value, found.difficulty

    assert ask(call("Thanks a lot!")) == ("rules", Difficulty.EASY)
    assert ask(call("x", input_bytes=90_000)) == ("rules", Difficulty.HARD)
    assert ask(call("solve 0.39")) == ("scored", Difficulty.EASY)
    assert ask(call("solve 0.40")) == ("scored", Difficulty.MEDIUM)
    assert ask(call("solve 0.70")) == ("scored", Difficulty.HARD)


def test_a_follow_up_keeps_most_of_the_hardness_of_its_conversation() -> None:
    """ "go on" after a hard turn is not an easy prompt; thanks in between do not hide it."""
    cascade = Cascade(CONFIG.routing, FakeModel(), Thresholds(0.4, 0.7))
    found = cascade.classify(call("prove 0.9", "thanks", "go on 0.1"), None)
    assert found.difficulty is Difficulty.HARD
    assert "carried over" in found.reason


def test_the_callers_task_is_taken() -> None:
    """The header names the row of the table."""
    cascade = Cascade(CONFIG.routing, FakeModel(), Thresholds(0.4, 0.7))
    found = cascade.classify(call("x 0.1", hints=Hints(task="translation")), None)
    assert found.task == "translation"


@given(
    size=st.integers(1, 40_000),
    limit=st.none() | st.integers(1, 4000),
    share=st.floats(0, 1),
    group=st.sampled_from(["small", "mid", "frontier"]),
)
def test_no_call_costs_more_than_its_bound(size: int, limit: int | None, share: float, group: str) -> None:
    """Whatever a provider reports within the request's limits fits the amount that was held."""
    made = call("x", input_bytes=size, max_output_tokens=limit)
    route = Route(group, group, ("frontier",), None, verdict(), "")
    most, tokens = upper_bound(made, route, CATALOG)
    for deployment in CATALOG.groups[group]:
        out = int(share * min(limit or deployment.max_output_tokens, deployment.max_output_tokens))
        usage = Usage(int(share * size), out)
        assert cost_micros(deployment, usage) <= most
        assert usage.total_tokens <= tokens


def test_fallbacks_never_name_a_group_twice_nor_the_routed_one() -> None:
    """Whatever is routed, the list ends: each other group at most once, no more than there are attempts left."""
    for difficulty in Difficulty:
        found = routed(call("x"), difficulty)
        assert isinstance(found, Route)
        assert len({found.group, *found.fallbacks}) == 1 + len(found.fallbacks)
        assert len(found.fallbacks) < CONFIG.limits.attempts
        assert all(CATALOG.window(g) > CATALOG.window(found.group) for g in found.wider)


def test_an_injection_goes_to_the_policys_tier_alone() -> None:
    """No fallback and no escalation; residency holds all the same."""
    policy = CONFIG.policy.model_copy(update={"injection": "route", "injection_tier": "mid"})
    config = CONFIG.model_copy(update={"policy": policy})
    found = table.screened_route(call("x"), FREE, config, CATALOG)
    assert isinstance(found, Route)
    assert (found.tier, found.fallbacks, found.escalate_to) == ("mid", (), None)
    pinned = table.screened_route(call("x"), Constraints(on_premise_only=True, reason="residency"), config, CATALOG)
    assert isinstance(pinned, Route) and pinned.tier == "onprem"

"""Arms of experiments and rollouts: who is in which, what it changes, and what always wins."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from plugins import cache as caching
from plugins.config import GatewayConfig
from plugins.flight import response_headers
from plugins.proof import rollouts
from plugins.proof.assign import assign_variant, place, trial_of, weighted
from plugins.proof.candidates import Ground, Varied, varied
from plugins.proof_config import ExperimentConfig
from plugins.routing.speed import FEWEST, Speeds
from plugins.values import Assigned, Call, Constraints, Difficulty, Endpoint, Hints, Route, Stage, Trials
from tests.fakes import FakeLedger, ListSink
from tests.unit.test_pipeline import admitted, pipeline
from tests.unit.test_routing import CATALOG, CONFIG, FREE, ON_PREMISE, call, routed


def configured(base: GatewayConfig = CONFIG, **experiment: Any) -> GatewayConfig:
    variants = experiment.pop("variants", {"control": {}, "other": {"tier": "mid"}})
    made = ExperimentConfig(variants=variants, **experiment)
    return base.model_copy(update={"experiments": {"trial": made}})


def assigned(made: Call, config: GatewayConfig, trials: Trials | None = None) -> Assigned:
    return assign_variant(made, config, trials or Trials())


def arm(made: Call, config: GatewayConfig) -> str:
    return assigned(made, config).arm


def at(stage: Stage, candidate: str = "mid", **changes: Any) -> Trials:
    """A rollout of the chat class at this stage."""
    begun = rollouts.started("chat", candidate, "", "me", None)
    moved = begun if stage is Stage.SHADOW else rollouts.moved(begun, stage, "because", "me")
    return Trials({"chat": replace(moved, **changes)})


def decided(
    trials: Trials,
    made: Call,
    constraints: Constraints = FREE,
    config: GatewayConfig = CONFIG,
    spare: str | None = None,
) -> Varied:
    """What becomes of an easy chat request."""
    base = routed(made, Difficulty.EASY, constraints, config)
    assert isinstance(base, Route)
    on = Ground(made, constraints, config, CATALOG, spare)
    return varied(base, assigned(made, config, trials), trials, on)


@given(st.text(max_size=20))
def test_a_place_is_in_the_unit_interval_and_always_the_same(unit: str) -> None:
    """Whatever the unit is called."""
    assert 0.0 <= place("salt", unit) < 1.0 and place("salt", unit) == place("salt", unit)


@given(st.dictionaries(st.text(max_size=3), st.floats(0.01, 100), min_size=1), st.floats(0, 1, exclude_max=True))
def test_weights_are_laid_end_to_end(weights: dict[str, float], at: float) -> None:
    """Every point has a name."""
    assert weighted(weights, at) in weights


def test_units_spread_by_weight() -> None:
    """A quarter and three quarters, within what chance allows."""
    config = configured(by="user", variants={"control": {"weight": 1}, "other": {"weight": 3}})
    arms = [arm(call("x", end_user=f"u{n}"), config) for n in range(2000)]
    assert 0.70 < arms.count("other") / len(arms) < 0.80


def test_a_user_keeps_the_arm_whatever_is_asked() -> None:
    """Assignment by user does not look at the request; without a user there is none."""
    config = configured(by="user")
    assert len({arm(call(f"question {n}", end_user="u1"), config) for n in range(50)}) == 1
    assert arm(call("x"), config) == ""


def test_a_tenant_is_one_unit() -> None:
    """All its users are treated alike."""
    config = configured(by="tenant")
    assert len({arm(call(f"q {n}", end_user=f"u{n}"), config) for n in range(50)}) == 1


def test_a_conversation_keeps_the_arm() -> None:
    """Later turns begin with the same question."""
    config = configured(by="request")
    for n in range(20):
        assert arm(call(f"opening {n}"), config) == arm(call(f"opening {n}", "and then?"), config)


@pytest.mark.parametrize(
    ("made", "settings"),
    [
        (call("x"), {"enabled": False}),
        (call("x"), {"tenants": ("other",)}),
        (call("x", model="best"), {}),
        (call("x"), {"share": 0.0}),
        (call("x", endpoint=Endpoint.EMBEDDINGS), {}),
    ],
)
def test_who_does_not_take_part(made: Call, settings: dict[str, Any]) -> None:
    """Another tenant or model name, nobody's share, and what has no answer to compare."""
    config = configured()
    changed = config.experiments["trial"].model_copy(update=settings)
    assert arm(made, config.model_copy(update={"experiments": {"trial": changed}})) == ""


def test_a_promoted_variant_is_everybodys() -> None:
    """Until the experiment's config changes."""
    config = configured(by="request", share=0.1)
    trial = trial_of("trial", config.experiments["trial"])
    promoted = Trials(promoted={trial: "other"})
    assert {assigned(call(f"q {n}"), config, promoted).arm for n in range(30)} == {"other"}
    changed = configured(by="request", share=0.2)
    assert "" in {assigned(call(f"q {n}"), changed, promoted).arm for n in range(30)}


def test_results_of_another_config_are_anothers() -> None:
    """Switching it off and on does not begin anew; changing what is compared does."""
    config = configured().experiments["trial"]
    assert trial_of("trial", config) == trial_of("trial", config.model_copy(update={"enabled": False}))
    assert trial_of("trial", config) != trial_of("trial", config.model_copy(update={"share": 0.5}))


@pytest.mark.parametrize(
    ("section", "says"),
    [
        ({"variants": {"a": {}}}, "at least 2"),
        ({"variants": {"a": {}, "b": {"tier": "small", "model": "x"}}}, "not both"),
        ({"variants": {"a": {}, "b": {}}, "control": "c"}, "is no variant"),
        ({"variants": {"a": {}, "b": {"tier": "nowhere"}}}, "names tier 'nowhere'"),
        ({"variants": {"a": {}, "b": {"tier": "small"}}, "models": ["frontier"]}, "which is no alias"),
        ({"variants": {"a": {}, "b": {}}, "tenants": ["nobody"]}, "not under tenants"),
    ],
)
def test_contradictions_stop_the_start(section: dict[str, Any], says: str) -> None:
    """And say what is wrong."""
    with pytest.raises(ValidationError, match=says):
        GatewayConfig(**{**CONFIG.model_dump(mode="json"), "experiments": {"trial": section}})


async def test_a_variants_tier_answers_and_is_told() -> None:
    """In the route, the headers and the trace."""
    config = configured(variants={"control": {"weight": 0.001}, "other": {"weight": 1000, "tier": "frontier"}})
    sink = ListSink()
    path = pipeline(FakeLedger(), sink, config=config)
    flight, error = await admitted(path, call("x 0.1"))
    assert error is None and flight.route is not None and flight.route.tier == "frontier"
    assert "trial other: small -> frontier" in flight.route.reason
    assert response_headers(flight)["x-tierwise-variant"].endswith(":other")
    await path.finish(flight)
    assert sink.traces[0].variant == flight.variant


async def test_a_variants_thresholds_move_the_verdict() -> None:
    """Hardness 0.1 is hard where hard begins at 0.05."""
    variant = {"weight": 1000, "easy_below": 0.01, "hard_from": 0.05}
    config = configured(variants={"control": {"weight": 0.001}, "other": variant})
    flight, _ = await admitted(pipeline(FakeLedger(), config=config), call("x 0.1"))
    assert flight.route is not None and flight.route.tier == "frontier"


async def test_what_a_variant_adds_is_held_for() -> None:
    """A longer prompt costs more at most."""
    plain, added = FakeLedger(), FakeLedger()
    config = configured(variants={"control": {"weight": 0.001}, "other": {"weight": 1000, "system": "Be brief. " * 50}})
    await admitted(pipeline(plain), call("x 0.1", max_output_tokens=10))
    flight, _ = await admitted(pipeline(added, config=config), call("x 0.1", max_output_tokens=10))
    assert flight.system.startswith("Be brief.") and added.holds[0].micros > plain.holds[0].micros


def test_variants_share_no_cache_entries() -> None:
    """Each arm, and each rollout's candidate, has a target of its own."""
    labels = [Assigned(), Assigned("t", "a", "t"), Assigned("t", "b", "t"), Assigned(candidates=("rollout/chat/1/5",))]
    tenant = CONFIG.tenants["trial"]
    scopes = [caching.scope_of(call("x"), tenant, FREE, f"auto{each.cache_label}") for each in labels]
    assert len({caching.exact_key(scope, "x") for scope in scopes}) == len(labels)


@pytest.mark.parametrize("target", [{"tier": "frontier"}, {"model": "frontier"}])
def test_residency_wins_over_a_variant(target: dict[str, str]) -> None:
    """The route stays as it was, and says why."""
    config = configured(variants={"control": {"weight": 0.001}, "other": {"weight": 1000, **target}})
    found = decided(Trials(), call("x"), ON_PREMISE, config)
    assert found.route.group == "onprem" and "not taken" in found.route.reason


@pytest.mark.parametrize(
    ("made", "spare"),
    [
        (call("x", models=("auto", "small")), None),
        (call("x", input_bytes=3_000_000), None),
        (call("x", model="cheap"), None),
        (call("x"), "95 % of the budget is used"),
    ],
)
def test_key_fit_alias_and_budget_win_over_a_variant(made: Call, spare: str | None) -> None:
    """None of these may be answered by the dearest tier."""
    section = {"control": {"weight": 0.001}, "other": {"weight": 1000, "tier": "frontier"}}
    config = configured(variants=section, models=("auto", "cheap"))
    base = routed(call("x"), Difficulty.EASY)
    assert isinstance(base, Route)
    on = Ground(made, FREE, config, CATALOG, spare)
    found = varied(base, assigned(made, config), Trials(), on)
    assert found.route.tier == "small" and "not taken" in found.route.reason


@pytest.mark.parametrize("target", [{"tier": "frontier"}, {"model": "frontier"}])
def test_a_deadline_wins_over_a_variant(target: dict[str, str]) -> None:
    """Who waits for a second is not sent to what takes three; who does not say so is."""
    config = configured(variants={"control": {"weight": 0.001}, "other": {"weight": 1000, **target}})
    seen = Speeds()
    for _ in range(FEWEST):
        seen.note("frontier", False, 3000)
    base = routed(call("x"), Difficulty.EASY)
    assert isinstance(base, Route)
    for deadline_ms, group in ((1000, "small"), (None, "frontier")):
        made = call("x", hints=Hints(deadline_ms=deadline_ms))
        on = Ground(made, FREE, config, CATALOG, speeds=seen)
        found = varied(base, assigned(made, config), Trials(), on)
        assert found.route.group == group
        assert ("not taken: answers in 3000 ms, 1000 wanted" in found.route.reason) == (group == "small")


def test_a_deadline_leaves_a_request_out_of_a_rollout() -> None:
    """In neither arm, as for every candidate that does not fit."""
    seen = Speeds()
    for _ in range(FEWEST):
        seen.note("mid", False, 3000)
    made, trials = call("x", hints=Hints(deadline_ms=1000)), at(Stage.FULL)
    base = routed(made, Difficulty.EASY)
    assert isinstance(base, Route)
    found = varied(base, assigned(made, CONFIG, trials), trials, Ground(made, FREE, CONFIG, CATALOG, speeds=seen))
    assert found == Varied(base)


def test_a_spared_tier_is_no_fallback_of_a_variant() -> None:
    """A budget that steps down does so for the variant's route, too."""
    config = configured(variants={"control": {"weight": 0.001}, "other": {"weight": 1000, "tier": "mid"}})
    found = decided(Trials(), call("x"), config=config, spare="95 % of the budget is used")
    assert found.route.tier == "mid" and "frontier" not in (*found.route.fallbacks, found.route.escalate_to)


@pytest.mark.parametrize(("stage", "share"), [(Stage.FIVE, 0.05), (Stage.QUARTER, 0.25), (Stage.FULL, 1.0)])
def test_a_stage_is_a_share_of_requests(stage: Stage, share: float) -> None:
    """The candidate's requests are labelled, and so are the baseline's, which run at the same time."""
    trials = at(stage)
    labels = [decided(trials, call(f"question {n}")).label.rpartition(":")[2] for n in range(2000)]
    assert set(labels) <= {"candidate", "baseline"}
    assert labels.count("candidate") / len(labels) == pytest.approx(share, abs=0.03)


def test_who_has_the_candidate_keeps_it_at_the_next_stage() -> None:
    """Shares grow; nobody is moved back."""

    def chosen(stage: Stage) -> set[int]:
        return {n for n in range(500) if decided(at(stage), call(f"q {n}")).label.endswith("candidate")}

    assert chosen(Stage.FIVE) < chosen(Stage.QUARTER)


def test_in_shadow_the_route_stays_and_a_share_is_asked_beside() -> None:
    """The answer is the baseline's; the candidate's route obeys what its own would."""
    found = [decided(at(Stage.SHADOW), call("x", id=f"c{n}")) for n in range(2000)]
    assert {each.route.tier for each in found} == {"small"} and {each.label for each in found} == {""}
    asked = [each.shadow for each in found if each.shadow is not None]
    assert 0.02 < len(asked) / len(found) < 0.09 and {route.tier for route in asked} == {"mid"}


@pytest.mark.parametrize("stage", [Stage.SHADOW, Stage.FULL])
def test_no_candidate_sees_what_must_stay_on_premise(stage: Stage) -> None:
    """Not in shadow, and not at 100 %; such a request is in neither arm."""
    found = [decided(at(stage), call("x", id=f"c{n}"), ON_PREMISE) for n in range(200)]
    assert {each.route.group for each in found} == {"onprem"}
    assert not [each for each in found if each.shadow is not None or each.label]


def test_a_rollout_of_one_difficulty_leaves_the_others() -> None:
    """This request is easy."""
    assert decided(at(Stage.FULL, difficulty="hard"), call("x")).route.tier == "small"
    assert decided(at(Stage.FULL, difficulty="easy"), call("x")).route.tier == "mid"


def test_one_change_at_a_time() -> None:
    """A request of an experiment is in no arm of a rollout that has begun, and gets what was rolled out to all."""
    config = configured(variants={"control": {}, "other": {"system": "Be brief."}})
    begun, full = (
        decided(at(Stage.QUARTER), call("x"), config=config),
        decided(at(Stage.FULL), call("x"), config=config),
    )
    assert begun.route.tier == "small" and begun.label.startswith("experiment/")
    assert full.route.tier == "mid" and full.label.startswith("experiment/")


def test_what_was_rolled_back_is_as_before() -> None:
    """No arm, no shadow, the table's own route."""
    found = decided(at(Stage.BACK), call("x"))
    assert (found.route.tier, found.label, found.shadow) == ("small", "", None)

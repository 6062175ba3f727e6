"""Learning from production: what outcomes say about thresholds, how sure one must be, and what is never done."""

from __future__ import annotations

import json
import math
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifier.labels import TASKS
from plugins.config import RoutingConfig
from plugins.evidence import belief, log_e_value
from plugins.learning import Finding, apply, cuts, findings
from plugins.learning_config import LearningConfig
from plugins.outcomes import BINS, CHECKS, PEOPLE, UNKNOWN, Cell, Counts, Outcome, Tally, bin_of, decayed, outcome_of
from plugins.routing import table
from plugins.routing.cascade import Cascade
from plugins.routing.explore import Explorer
from plugins.routing.learnt import ALL_TENANTS, THRESHOLDS, Learnt, read_learnt, to_json
from plugins.routing.scored import Thresholds
from plugins.values import Difficulty, Layer, Previous, Route, Step, Verdict
from tests.unit.test_routing import CATALOG, CONFIG, FREE, ON_PREMISE, FakeModel, call
from tests.unit.traces import a_trace

SHIPPED = Thresholds(0.4, 0.7)
LEARNING = LearningConfig(enabled=True)
ROUTING = CONFIG.routing.model_copy(update={"learning": LEARNING})
EDGE = bin_of(0.37)  # just below easy_below


def taught(cells: dict[Cell, Tally]) -> Counts:
    return Counts(cells, days=10.0)


def found(cells: dict[Cell, Tally], learnt: Learnt | None = None, routing: RoutingConfig = ROUTING) -> list[Finding]:
    return list(findings(routing, SHIPPED, learnt or Learnt(), taught(cells), ALL_TENANTS))


def at_edge(kind: str, ok: float, bad: float, place: int = EDGE) -> dict[Cell, Tally]:
    return {Cell("code", "small", place, kind): Tally(ok, bad)}


def test_failing_checks_lower_the_threshold() -> None:
    """Where the cheaper tier fails beside a threshold, more calls are to go to the dearer one."""
    finding = next(f for f in found(at_edge(CHECKS, 140, 60)) if f.changes)
    assert (finding.cut.task, finding.cut.threshold, finding.side) == ("code", "easy_below", "below")
    assert finding.shift == -0.05
    assert finding.belief.low < 0.7 < finding.belief.high


def test_passing_checks_alone_never_make_answers_cheaper() -> None:
    """Going cheaper needs people or evaluators."""
    assert not any(f.changes for f in found(at_edge(CHECKS, 100_000, 0)))


def test_praise_raises_the_threshold_unless_the_checks_disagree() -> None:
    """People say the cheaper tier is good beside its edge; failing checks there forbid the step."""
    praise = at_edge(PEOPLE, 2000, 10)
    assert [f.shift for f in found(praise) if f.changes] == [0.05]
    assert not any(f.changes and f.side == "above" for f in found({**praise, **at_edge(CHECKS, 80, 30)}))


def test_what_exploration_tried_is_judged_by_the_target_itself() -> None:
    """Above the threshold no margin is asked for, because nothing is extrapolated."""
    tried = at_edge(PEOPLE, 950, 50, bin_of(0.42))
    finding = next(f for f in found(tried) if f.side == "above")
    assert finding.target == LEARNING.target_success and finding.changes
    assert not any(f.changes for f in found(at_edge(PEOPLE, 930, 70)))


def test_few_outcomes_say_nothing() -> None:
    """Below min_observations there is not even a test."""
    assert not found(at_edge(CHECKS, 0, 99))


def test_outcomes_of_unknown_hardness_can_only_lower() -> None:
    """They may be easier than the edge: they cannot show that it is good enough."""
    assert any(f.changes and f.side == "below" for f in found(at_edge(PEOPLE, 100, 100, UNKNOWN)))
    assert not any(f.side == "above" for f in found(at_edge(PEOPLE, 5000, 0, UNKNOWN)))


def test_a_task_may_have_a_target_of_its_own() -> None:
    """What is too bad for one task class is good enough for another."""
    relaxed = LEARNING.model_copy(update={"task_targets": {"code": 0.6}})
    routing = ROUTING.model_copy(update={"learning": relaxed})
    assert not any(f.changes for f in found(at_edge(CHECKS, 140, 60), routing=routing))


def test_thresholds_between_equal_tiers_are_left_alone() -> None:
    """A row that uses one tier for two difficulties has one threshold to learn."""
    row = ROUTING.default.model_copy(update={"medium": "frontier"})
    routing = ROUTING.model_copy(update={"tasks": {"code": row}})
    names = [c.threshold for c in cuts(routing, SHIPPED, Learnt(), ALL_TENANTS) if c.task == "code"]
    assert names == ["easy_below"]


def test_the_cost_of_a_step_is_calls_moved_times_the_difference() -> None:
    """Both are measured: calls in the part that moves, per day, and what the tiers' calls cost."""
    cells = {**at_edge(CHECKS, 140, 60), Cell("code", "mid", bin_of(0.5), CHECKS): Tally(50, 0)}
    counts = Counts(cells, {("code", "small"): (200 * 10.0, 200), ("code", "mid"): (50 * 110.0, 50)}, days=10.0)
    finding = next(f for f in findings(ROUTING, SHIPPED, Learnt(), counts, ALL_TENANTS) if f.changes)
    assert finding.calls == pytest.approx(20.0)
    assert finding.cost_change_micros == pytest.approx(20.0 * 100.0)


def test_a_step_at_the_bound_changes_nothing() -> None:
    """max_shift is final, however clear the evidence is."""
    learnt = Learnt(3, {"*": {"code": {"easy_below": -0.15}}})
    failing = at_edge(CHECKS, 100, 900, bin_of(0.22))
    assert [f.past_gate for f in found(failing, learnt)] == [True]
    assert not any(f.changes for f in found(failing, learnt))


@settings(max_examples=20)  # each example looks many times
@given(st.lists(st.tuples(st.sampled_from(THRESHOLDS), st.booleans()), max_size=10), st.floats(0, 0.5))
def test_no_sequence_of_changes_leaves_the_bounds(steps: list[tuple[str, bool]], most: float) -> None:
    """However often evidence repeats, no threshold moves by more than max_shift."""
    learning = LEARNING.model_copy(update={"max_shift": most})
    routing, learnt = ROUTING.model_copy(update={"learning": learning}), Learnt()
    for name, down in steps:
        tier = "small" if name == "easy_below" else "mid"
        tally = Tally(0, 5000) if down else Tally(5000, 0)
        cells = {Cell("code", tier, place, PEOPLE): tally for place in range(BINS)}
        learnt = apply(learnt, "*", findings(routing, SHIPPED, learnt, taught(cells), "*"))
        moved = SHIPPED.shifted(learnt, "anyone", "code", most)
        assert abs(moved.easy_below - 0.4) <= most + 1e-4 and abs(moved.hard_from - 0.7) <= most + 1e-4
        assert moved.easy_below <= moved.hard_from


@given(
    st.dictionaries(
        st.sampled_from(("*", "acme")),
        st.dictionaries(st.sampled_from(TASKS), st.dictionaries(st.sampled_from(THRESHOLDS), st.floats(-9, 9))),
    )
)
def test_a_table_cannot_pass_the_bounds_whatever_it_says(shifts: dict[str, dict[str, dict[str, float]]]) -> None:
    """Each gateway bounds what it reads; a tenant's own shift counts instead of everybody's."""
    learnt = read_learnt(json.dumps({"version": 1, "shifts": shifts}))
    assert to_json(learnt.shifts) == shifts
    for task in TASKS:
        for name in THRESHOLDS:
            assert abs(learnt.shift("acme", task, name, 0.1)) <= 0.1


@pytest.mark.parametrize("text", ["[]", "{}", '{"version": 1, "shifts": 3}', '{"version": 1, "shifts": {"*": 1}}'])
def test_what_is_no_table_is_refused(text: str) -> None:
    """ValueError, so that the caller keeps what it has."""
    with pytest.raises(ValueError, match="learnt table"):
        read_learnt(text)


@given(st.integers(0, 500), st.integers(0, 500), st.integers(0, 200), st.floats(0.5, 90))
def test_old_outcomes_fade_by_half_in_a_half_life(ok: int, bad: int, age: int, half_life: float) -> None:
    """The posterior of older outcomes is nearer to the prior and wider, never surer."""
    counters = {"code|small|7|check|ok": ok, "code|small|7|check|bad": bad}
    fresh, old = (decayed([(days, counters)], half_life) for days in (age, age + 1))
    young, aged = (counts.tally("code", "small", CHECKS, [7]) for counts in (fresh, old))
    assert aged.n == pytest.approx(young.n * 2 ** (-1 / half_life))
    assert young.ok == pytest.approx(ok * 2 ** (-age / half_life))
    one, other = belief(young), belief(aged)
    assert abs(other.mean - 0.5) <= abs(one.mean - 0.5) + 1e-9
    if ok == bad:
        assert other.high - other.low >= one.high - one.low - 1e-9


def test_unknown_counters_are_left_out() -> None:
    """A newer gateway's fields do not break an older reader."""
    counts = decayed([(0, {"code|small|7|oracle|ok": 5, "x": 1, "code|small|x|thumbs|bad": 2})], 14)
    assert counts.cells == {Cell("code", "small", UNKNOWN, PEOPLE): Tally(0, 2)}


def test_the_gate_keeps_its_promise_on_one_look() -> None:
    """With successes exactly at their targets, at most 1 - gate of the looks change anything (decayed, all tests)."""
    rng, changed, looks = np.random.default_rng(5), 0, 200
    for _ in range(looks):
        days = []
        for age in range(0, 56, 8):
            counters: dict[str, int] = {}
            for task in TASKS[:4]:
                for source in ("check", "thumbs"):
                    ok = int(rng.binomial(120, 0.9))
                    counters |= {f"{task}|small|{EDGE}|{source}|ok": ok, f"{task}|small|{EDGE}|{source}|bad": 120 - ok}
            days.append((age, counters))
        counts = decayed(days, 14)
        changed += any(f.changes for f in findings(ROUTING, SHIPPED, Learnt(), counts, "*"))
    assert changed / looks <= 1 - LEARNING.gate


def test_looking_daily_for_a_quarter_is_still_guarded() -> None:
    """One cell at its target, looked at on each of 90 days with decay: the gate's share of false alarms is kept."""
    rng, runs, keep = np.random.default_rng(11), 150, 2 ** (-1 / 14)
    needed, alarms = math.log(1 / 0.05), 0
    for _ in range(runs):
        ok = bad = 0.0
        for good in rng.binomial(40, 0.9, size=90):
            ok, bad = ok * keep + good, bad * keep + 40 - good
            if max(log_e_value(Tally(ok, bad), 0.9, side) for side in ("below", "above")) >= needed + math.log(2):
                alarms += 1
                break
    assert alarms / runs <= 0.05


def test_a_real_difference_is_found_with_a_few_hundred_outcomes() -> None:
    """Power: success 0.8 where 0.9 is wanted, 300 outcomes, is found four times in five."""
    rng = np.random.default_rng(3)
    hits = [any(f.changes for f in found(at_edge(CHECKS, ok, 300 - ok))) for ok in rng.binomial(300, 0.8, size=100)]
    assert np.mean(hits) >= 0.8


def traced(ok: bool = True, check: str = "", escalations: int = 0, **changes: Any) -> Outcome | None:
    steps = (
        Step("classify", 1, 2, {"tier": "small"}),
        Step("escalation check", 2, 3, {"ok": ok, "check": check}),
        Step("escalation check", 4, 5, {"ok": True, "check": ""}),
    )
    tier = "mid" if escalations else "small"
    return outcome_of(a_trace(**{"steps": steps, "escalations": escalations, "tier": tier, "score": 0.37, **changes}))


def test_an_escalated_call_counts_against_the_tier_that_was_routed_to() -> None:
    """With the whole cost, because that is what routing there costs."""
    outcome = traced(False, "schema", escalations=1)
    assert outcome is not None
    assert (outcome.tier, outcome.ok, outcome.source, outcome.cost_micros) == ("small", False, "schema", 1_520)


@pytest.mark.parametrize("change", [{"layer": "named"}, {"layer": "rules"}, {"outcome": "cached"}, {"steps": ()}])
def test_calls_that_thresholds_did_not_place_are_not_counted(change: dict[str, Any]) -> None:
    """Named models, rules, hits, and answers that nobody looked at teach nothing about thresholds."""
    assert traced(**change) is None


def verdict(score: float = 0.5, layer: Layer = Layer.SCORED) -> Verdict:
    return Verdict("code", Difficulty.MEDIUM, layer, score, 0.4, 0.9, "because")


TIERS = ("small", "mid", "frontier")


def test_exploring_is_off_by_default() -> None:
    """Nothing is ever tried with a share of 0."""
    assert not any(Explorer().trial(verdict(), "mid", TIERS, LEARNING) for _ in range(500))


@given(st.integers(), st.sampled_from(TIERS), st.sets(st.sampled_from(TIERS)))
def test_exploring_stays_among_the_allowed_neighbours(seed: int, routed: str, allowed: set[str]) -> None:
    """What the call may not use is never tried, and nothing further than the next tier."""
    eager = LEARNING.model_copy(update={"exploration_share": 1.0})
    order = [tier for tier in TIERS if tier in allowed]
    trial = Explorer(dice=Random(seed)).trial(verdict(), routed, order, eager)
    if trial is not None:
        assert routed in order and abs(order.index(trial.tier) - order.index(routed)) == 1
        assert routed in trial.reason and "explored" in trial.reason


def test_what_is_known_to_fail_is_hardly_tried() -> None:
    """Thompson sampling: a cheaper tier with a record of failure gives way to what is good enough."""
    eager = LEARNING.model_copy(update={"exploration_share": 1.0})
    cells = {Cell("code", "small", 10, PEOPLE): Tally(5, 95), Cell("code", "mid", 10, PEOPLE): Tally(990, 10)}
    explorer = Explorer(Counts(cells), Random(1))
    trials = [explorer.trial(verdict(), "mid", TIERS, eager) for _ in range(200)]
    assert sum(trial is not None and trial.tier == "small" for trial in trials) == 0


def test_rules_are_not_explored() -> None:
    """What the shape of a request decided is not a matter of hardness."""
    eager = LEARNING.model_copy(update={"exploration_share": 1.0})
    assert not any(Explorer().trial(verdict(layer=Layer.RULES), "mid", TIERS, eager) for _ in range(200))


EAGER = CONFIG.model_copy(
    update={
        "routing": CONFIG.routing.model_copy(
            update={"learning": LEARNING.model_copy(update={"exploration_share": 0.2, "target_success": 0.5})}
        )
    }
)


class AlwaysExplores(Random):
    """The first throw, which decides whether to explore, falls within the share; the others are as ever."""

    thrown = False

    def random(self) -> float:
        first, self.thrown = not self.thrown, True
        return 0.0 if first else super().random()


def explored(seed: int, model: str = "auto", previous: Previous | None = None, **kept: Any) -> Route:
    """The route of a call of medium difficulty whose tiers have no record yet."""
    made = call("x 0.5", model=model, models=kept.pop("models", ("*",)))
    constraints = kept.pop("constraints", FREE)
    explorer = Explorer(dice=AlwaysExplores(seed))
    route = table.route(verdict(), made, constraints, EAGER, CATALOG, previous, None, explorer)
    assert isinstance(route, Route)
    return route


def test_exploration_says_so_in_the_reason() -> None:
    """Both neighbours get their turn, and the client is told."""
    routes = [explored(seed) for seed in range(60)]
    assert {route.tier for route in routes} == {"small", "mid", "frontier"}
    assert all(("explored mid -> " in route.reason) == (route.tier != "mid") for route in routes)


def test_exploration_obeys_residency_key_and_alias() -> None:
    """What a call may not use is not tried either."""
    assert {explored(seed, constraints=ON_PREMISE).tier for seed in range(40)} == {"onprem"}
    assert {explored(seed, "cheap").tier for seed in range(40)} == {"small", "mid"}
    assert {explored(seed, models=("auto", "mid")).tier for seed in range(40)} == {"mid"}


def test_a_conversation_under_way_is_not_explored() -> None:
    """Its tier's prompt cache and its user's patience are worth more."""
    assert {explored(seed, previous=Previous("mid", 1.0)).tier for seed in range(40)} == {"mid"}


def test_a_learnt_shift_changes_the_verdict_of_its_tenant_alone() -> None:
    """With the reason saying so; the other tenant's threshold stands."""
    for scope, taught_here in (("trial", True), ("*", True), ("acme", False)):
        learnt = Learnt(1, {scope: {"chat": {"easy_below": -0.1}}})
        found = Cascade(ROUTING, FakeModel(), SHIPPED, learnt).classify(call("x 0.35"), None)
        assert (found.difficulty is Difficulty.MEDIUM) == taught_here == ("(learnt)" in found.reason)


def test_a_table_beyond_the_bounds_is_used_up_to_them() -> None:
    """max_shift of this gateway's own config decides, whatever is stored."""
    learnt = Learnt(1, {"*": {"chat": {"easy_below": -0.4}}})
    found = Cascade(ROUTING, FakeModel(), SHIPPED, learnt).classify(call("x 0.2"), None)
    assert found.difficulty is Difficulty.EASY and found.threshold == pytest.approx(0.25)

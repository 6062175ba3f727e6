"""What trials' observations amount to: when a rollout moves, when a variant is promoted, when a model has changed."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from plugins.proof import evidence as evidence_of
from plugins.proof import experiments, rollouts, watch
from plugins.proof.evidence import Evidence
from plugins.proof.observe import observations_of, of_model, score_of
from plugins.proof_config import ExperimentConfig, RolloutConfig, WatchConfig
from plugins.values import Observation, Rollout, Stage, Step, Trace
from tests.unit.traces import a_trace

CONFIG = RolloutConfig(min_observations=100)
BEGUN = rollouts.started("code", "mid", "", "me", None)
CHECKED = Step("escalation check", 0, 1, {"ok": False, "check": "schema"})
PASSED = Step("escalation check", 0, 1, {"ok": True, "check": ""})


def seen(n: int, bad: tuple[float, float], check: str = "hedge", cost: tuple[int, int] = (100, 100)) -> Evidence:
    """`n` answers of each arm, in looks of 50; `bad` are the shares of the candidate and the baseline."""
    rng, found = np.random.default_rng(1), Evidence()
    arms = (rollouts.CANDIDATE, rollouts.BASELINE)
    for _ in range(n // 50):
        new = [
            Observation("t", arm, False, check if rng.random() < share else "", micros, 10)
            for arm, share, micros in zip(arms, bad, cost, strict=True)
            for _ in range(50)
        ]
        found = rollouts.looked(BEGUN, found.after(new, 0.001), CONFIG)
    return found


def judged(found: Evidence, rollout: Rollout = BEGUN) -> rollouts.Finding:
    return rollouts.judge(rollout, found, CONFIG)


def test_an_equal_candidate_is_ready_to_advance() -> None:
    """Shown to be within the margin, and nothing worse."""
    found = judged(seen(2000, (0.05, 0.05)))
    assert found.ready and not found.harmed and "within 0.05" in found.reason


def test_too_few_answers_move_nothing() -> None:
    """Even if all of them are good."""
    found = judged(seen(50, (0.0, 0.0)))
    assert not found.ready and "50 of 100 answers" in found.reason


@pytest.mark.parametrize("check", ["hedge", "refusal", "schema"])
def test_a_worse_candidate_is_found_by_the_rate_that_is_worse(check: str) -> None:
    """Any of the rates is enough, and the reason gives both shares."""
    found = judged(seen(1000, (0.3, 0.05), check))
    assert found.harmed and not found.ready and "against 0.0" in found.reason


def test_harm_once_shown_stays_shown() -> None:
    """The highest evidence ever counts, or looking often would undo what was found."""
    found = seen(1000, (0.3, 0.05))
    good = [Observation("t", rollouts.CANDIDATE, False, "", 1, 1)] * 5000
    assert judged(rollouts.looked(BEGUN, found.after(good, 1.0), CONFIG)).harmed


def test_the_last_stage_and_a_rolled_back_one_go_nowhere() -> None:
    """Whatever the evidence."""
    found = seen(2000, (0.05, 0.05))
    for stage in (Stage.FULL, Stage.BACK):
        assert not judged(found, rollouts.moved(BEGUN, stage, "x", "me")).ready


def test_each_stage_begins_with_no_evidence() -> None:
    """Shares differ between stages, so their answers are kept apart."""
    later = rollouts.moved(BEGUN, Stage.FIVE, "x", "me")
    assert later.trial != BEGUN.trial and later.version == BEGUN.version + 1


def test_what_was_seen_before_shows_how_to_bet_and_is_no_evidence() -> None:
    """At a new stage nothing is shown yet, and the same answers then show more than to somebody who knew nothing."""
    afresh = seen(1500, (0.05, 0.05)).afresh()
    assert not afresh.peaks and afresh.arm(rollouts.CANDIDATE).seen("bad") == 0
    assert "0 of 100 answers" in judged(rollouts.looked(BEGUN, afresh, CONFIG)).reason
    rng = np.random.default_rng(2)
    new = [
        Observation("t", arm, False, "hedge" if rng.random() < 0.05 else "", 1, 1)
        for _ in range(300)
        for arm in (rollouts.CANDIDATE, rollouts.BASELINE)
    ]
    taught, untaught = (rollouts.looked(BEGUN, each.after(new, 1.0), CONFIG) for each in (afresh, Evidence()))
    assert taught.peaks["not_worse"] > untaught.peaks["not_worse"] + 0.3
    again = evidence_of.from_text(evidence_of.to_text(afresh))
    assert evidence_of.to_text(again.after(new, 1.0)) == evidence_of.to_text(afresh.after(new, 1.0))


def test_a_class_is_rolled_out_once_at_a_time() -> None:
    """Unless the one before was taken back; wrong names are told with the right ones."""
    known = {"code": BEGUN}
    targets = frozenset({"mid"})
    assert "under way" in rollouts.refusal("code", "mid", "", known, targets)
    back = {"code": rollouts.moved(BEGUN, Stage.BACK, "x", "me")}
    assert rollouts.refusal("code", "mid", "", back, targets) == ""
    assert rollouts.started("code", "mid", "", "me", back["code"]).serial == 2
    assert "known are" in rollouts.refusal("cod", "mid", "", {}, targets)
    assert "it has mid" in rollouts.refusal("code", "big", "", {}, targets)
    assert "easy, medium" in rollouts.refusal("code", "mid", "odd", {}, targets)


def test_a_rollout_is_read_as_it_was_written() -> None:
    """And nothing else is taken for one."""
    moved = rollouts.moved(BEGUN, Stage.FIVE, "good", "me")
    assert rollouts.read_rollout(json.dumps(rollouts.to_json(moved))) == moved
    with pytest.raises(ValueError, match="not a rollout"):
        rollouts.read_rollout("[]")


def test_evidence_is_read_as_it_was_written() -> None:
    """In pieces, through storage, it is what it would be in one piece."""
    found = seen(200, (0.2, 0.1))
    again = evidence_of.from_text(evidence_of.to_text(found))
    assert evidence_of.to_text(again) == evidence_of.to_text(found)
    more = [Observation("t", "candidate", True, None, 5, 5)]
    assert evidence_of.to_text(again.after(more, 1.0)) == evidence_of.to_text(found.after(more, 1.0))
    with pytest.raises(ValueError, match="not the evidence"):
        evidence_of.from_text('{"version": 1}')


EXPERIMENT = ExperimentConfig(
    variants={"control": {}, "candidate": {"tier": "small"}},  # type: ignore[dict-item]  # parsed by pydantic
    control="control",
    cost_scale_usd="0.001",  # type: ignore[arg-type]  # parsed by pydantic
    promotion={"enabled": True, "min_observations": 100, "min_gain": 0.0, "min_saving": 0.2},  # type: ignore[arg-type]  # parsed by pydantic
)


def experiment(bad: tuple[float, float], cost: tuple[int, int], n: int = 1500) -> Evidence:
    """Answers of the candidate and the control."""
    found = seen(n, bad, cost=cost)
    arms = {"candidate": found.arms["candidate"], "control": found.arms["baseline"]}
    return experiments.looked(EXPERIMENT, replace(found, arms=arms, peaks={}))


def test_a_better_and_cheaper_variant_wins() -> None:
    """With the reason in words."""
    won = experiments.winner(EXPERIMENT, experiment((0.05, 0.2), (100, 400)))
    assert won is not None and won[0] == "candidate" and "cost 75 % lower" in won[1]


@pytest.mark.parametrize(
    ("bad", "cost", "why"),
    [
        ((0.2, 0.2), (100, 400), "not yet shown to be better"),
        ((0.05, 0.2), (400, 400), "not yet shown to be cheaper"),
        ((0.05, 0.2), (350, 400), "saves 12 % and not 20 %"),
    ],
)
def test_what_is_only_one_of_both_or_saves_too_little_does_not_win(
    bad: tuple[float, float], cost: tuple[int, int], why: str
) -> None:
    """Cheaper, not better; better, not cheaper; cheaper by less than the operator asks. It is said which."""
    found = experiment(bad, cost)
    assert experiments.winner(EXPERIMENT, found) is None
    assert why in experiments.lacking(EXPERIMENT, found, "candidate")


def test_too_few_answers_promote_nothing() -> None:
    """However clear they are."""
    assert experiments.winner(EXPERIMENT, experiment((0.0, 1.0), (1, 999), n=50)) is None


def test_the_table_has_each_variant_beside_the_control() -> None:
    """Shares, costs and intervals that hold the truth, and words for what is shown."""
    control, other = experiments.table(EXPERIMENT, experiment((0.05, 0.2), (100, 400)))
    assert control.variant == "control" and control.gain is None and control.calls == 1500
    assert other.good_interval[0] <= 0.95 <= other.good_interval[1]
    assert other.gain_interval is not None and other.gain_interval[0] <= 0.15 <= other.gain_interval[1]
    assert other.saving_interval is not None and other.saving_interval[0] <= 0.0003 <= other.saving_interval[1]
    assert other.words == "better, cheaper"


def test_an_empty_experiment_has_a_table_without_numbers() -> None:
    """What is not known is null, not nan."""
    told = [experiments.facts(line) for line in experiments.table(EXPERIMENT, Evidence())]
    assert told[1]["good"] is None and told[1]["result"] == "no difference shown yet"
    json.dumps(told, allow_nan=False)


def arm_of(**changes: Any) -> tuple[Observation, ...]:
    return observations_of(a_trace(variant="rollout/code/1/5:candidate", **changes))


def test_a_trace_says_how_its_arm_did() -> None:
    """Checked or not, failed, or answered by another after a failure."""
    (one,) = arm_of(steps=(CHECKED,))
    assert (one.trial, one.arm, one.failed, one.check) == ("rollout/code/1/5", "candidate", False, "schema")
    assert arm_of(steps=(PASSED,))[0].check == "" and arm_of(steps=())[0].check is None
    assert arm_of(outcome="failed")[0].failed and arm_of(fallbacks=1)[0].failed


@pytest.mark.parametrize("outcome", ["cached", "refused", "aborted"])
def test_what_no_model_answered_says_nothing(outcome: str) -> None:
    """Nor does a request outside any trial."""
    assert arm_of(outcome=outcome) == () and observations_of(a_trace()) == ()


def shadowed(**step: Any) -> Trace:
    noted = {"trial": "rollout/code/1/shadow", "check": "", "micros": 7, "latency_ms": 30, **step}
    costs = {"model": 100, "shadow": 7}
    return a_trace(steps=(CHECKED, Step("shadow", 0, 1, noted)), costs=costs, cost_micros=107)


def test_a_shadow_call_says_something_of_both_arms() -> None:
    """The baseline is not charged for the candidate."""
    candidate, baseline = observations_of(shadowed())
    assert (candidate.arm, candidate.check, candidate.cost_micros) == ("candidate", "", 7)
    assert (baseline.arm, baseline.check, baseline.cost_micros) == ("baseline", "schema", 100)
    assert observations_of(shadowed(error="provider_timeout"))[0].failed
    assert observations_of(shadowed(trial="")) == ()


def test_feedback_is_a_score_of_its_arm() -> None:
    """A share as it is; words and other numbers as good or bad."""
    label = "experiment/x/1:other"
    assert score_of(label, 0.7, False) == Observation("experiment/x/1", "other", score=0.7)
    assert [score_of(label, value, bad) for value, bad in ((5, False), ("bad", True))] == [
        Observation("experiment/x/1", "other", score=good) for good in (1.0, 0.0)
    ]
    assert score_of("", 1, False) is None


WATCH = WatchConfig(baseline=500, tolerance=0.02, run_length=50_000)


def answers(rng: np.random.Generator, n: int, wanting: float) -> list[Observation]:
    return [Observation("models", "m", check="hedge" if rng.random() < wanting else "") for _ in range(n)]


def test_a_model_that_becomes_worse_raises_an_alarm_and_is_learnt_anew() -> None:
    """Within some hundred answers, once, through storage."""
    rng, state = np.random.default_rng(2), watch.Watch()
    state, none = state.after(answers(rng, 3000, 0.05), WATCH)
    assert none == ()
    state = watch.from_text(watch.to_text(state))
    state, alarms = state.after(answers(rng, 400, 0.4), WATCH)
    assert len(alarms) == 1 and alarms[0].direction == "worse" and "m have become worse" in alarms[0].text
    assert state.models["m"].detector is None


def test_a_trace_says_how_its_model_did() -> None:
    """Only where the answer was checked, and the model that was asked answered."""
    attempt = Step("attempt", 0, 1, {"model": "gpt-mid"})
    assert of_model(a_trace(steps=(attempt, CHECKED))) == Observation("models", "gpt-mid", check="schema")
    assert of_model(a_trace(steps=(attempt,))) is None
    assert of_model(a_trace(steps=(attempt, CHECKED), fallbacks=1)) is None

"""The tests behind a verdict: known values, and error rates where the truth is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, multinomial

from bench import error_rates
from classifier.proof.analysis import proposed
from classifier.proof.betting import Bettor, mean_interval, p_anytime, p_difference
from classifier.proof.change import ChangeDetector
from classifier.proof.paired import (
    bootstrap_mean,
    exceeds,
    mcnemar,
    p_exceeds,
    score_interval,
    score_z,
    size_at,
)
from classifier.proof.two_arms import Arm, difference_interval
from classifier.proof.two_arms import p_exceeds as p_arms
from classifier.proof.verdict import Decision, decide

RNG_SEED = 7


def scores(rate: float, n: int, seed: int = RNG_SEED) -> np.ndarray:
    """n right/wrong scores."""
    return (np.random.default_rng(seed).random(n) < rate).astype(float)


def test_mcnemar_is_a_sign_test_on_the_disagreements() -> None:
    """Two-sided and exact: 2 * P(Bin(m, 1/2) <= the fewer)."""
    assert mcnemar(2, 9) == pytest.approx(2 * binom.cdf(2, 11, 0.5))
    assert mcnemar(0, 0) == 1.0


def test_the_score_interval_is_tangos() -> None:
    """Its ends solve the score equation, which is its definition, and it holds the difference seen."""
    low, high = score_interval(12, 1, 44)
    assert score_z(12, 1, 44, low) == pytest.approx(1.959964, abs=1e-4)
    assert score_z(12, 1, 44, high) == pytest.approx(-1.959964, abs=1e-4)
    assert low < 11 / 44 < high


def test_the_size_of_the_exact_test_is_the_sum_over_all_tables() -> None:
    """With 12 items the rejection probability can be summed over every table; the reckoned worst case is no less."""
    n, margin, z = 12, 0.1, 1.3
    tables = [(g, b) for g in range(n + 1) for b in range(n + 1 - g)]
    for disagree in (0.1, 0.3, 0.7, 1.0):
        up, down = (disagree - margin) / 2, (disagree + margin) / 2
        total = sum(
            float(multinomial.pmf([g, b, n - g - b], n, [up, down, 1 - up - down]))
            for g, b in tables
            if score_z(g, b, n, -margin) >= z
        )
        assert total <= size_at(n, -margin, z) + 2e-3


def test_without_disagreement_the_exact_test_asks_for_the_textbook_number() -> None:
    """No loss among n items excludes a loss of 2 points at 5 % when 0.98^n < 0.05: from 149 items on."""
    assert p_exceeds(0, 0, 149, -0.02) <= 0.05 < p_exceeds(0, 0, 148, -0.02)


@given(st.integers(20, 120), st.floats(0.005, 0.2), st.floats(1.2, 2.0))
@settings(max_examples=15)
def test_the_reckoned_size_holds_between_the_points_of_its_grid(n: int, margin: float, z: float) -> None:
    """For rates of disagreement off the grid too, a false "not inferior" is hardly likelier than reckoned."""
    total = np.arange(n + 1)
    reached = score_z(total[None, :], total[:, None] - total[None, :], n, -margin) >= z
    reached &= total[None, :] <= total[:, None]
    least = np.where(reached.any(axis=1), reached.argmax(axis=1), total + 1)
    worst = size_at(n, -margin, z)
    for disagree in np.random.default_rng(n).uniform(margin, 1.0, 20):
        reach = binom.sf(least - 1, total, (disagree - margin) / (2 * disagree))
        assert float(binom.pmf(total, n, disagree) @ reach) <= worst * 1.02 + 1e-9


@given(st.lists(st.floats(0, 1), max_size=40), st.integers(0, 40), st.floats(0.05, 0.95))
def test_scores_in_pieces_bet_as_scores_at_once(values: list[float], cut: int, mean: float) -> None:
    """A roll-out may feed the test by the day, the hour or the request."""
    given_scores, start = np.array(values), Bettor.start(np.array([mean]), 0.1)
    whole = start.after(given_scores).log_wealth
    assert start.after(given_scores[:cut]).after(given_scores[cut:]).log_wealth == pytest.approx(whole)
    if values:
        assert start.path(given_scores)[:, -1] == pytest.approx(whole)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30), st.floats(0.01, 0.99))
def test_a_bet_never_loses_everything(values: list[float], mean: float) -> None:
    """Wealth stays above nought for any scores in 0..1, so that a test can recover."""
    assert np.isfinite(Bettor.start(np.array([mean]), 0.05).after(np.array(values)).log_wealth).all()


def test_evidence_grows_where_the_hypothesis_is_false_and_not_where_it_is_true() -> None:
    """Mean 0.8 against "at most 0.7", and against "at most 0.85"."""
    seen = scores(0.8, 1500)
    assert p_anytime(seen, 0.7) < 1e-4
    assert p_anytime(seen, 0.85) > 0.05
    low, high = mean_interval(seen)
    assert low < 0.8 < high
    assert high - low < 0.15


@pytest.mark.parametrize("elsewhere", [0.2, 0.5, 0.9])
def test_bets_fitted_to_what_was_seen_elsewhere_are_as_safe(elsewhere: float) -> None:
    """The mean is exactly what the hypothesis allows: whatever taught the bets, few runs of 400 reject it at 5 %."""
    rng = np.random.default_rng(5)
    taught = Bettor.start(np.array([0.5])).after((rng.random(500) < elsewhere).astype(float)).afresh()
    assert taught.log_wealth == pytest.approx(0.0)
    paths = [taught.path((rng.random(300) < 0.5).astype(float)).max() for _ in range(400)]
    assert np.mean(np.array(paths) >= np.log(20.0)) <= 0.07


@pytest.mark.parametrize(
    ("lost", "gained", "expected"),
    [(0, 0, Decision.SHIP), (40, 2, Decision.DO_NOT_SHIP), (14, 8, Decision.NOT_ENOUGH_DATA)],
)
def test_a_verdict_says_ship_do_not_ship_or_how_much_is_missing(lost: int, gained: int, expected: Decision) -> None:
    """300 items at a margin of 2 points."""
    baseline, candidate = np.ones(300), np.ones(300)
    candidate[:lost], baseline[lost : lost + gained] = 0.0, 0.0
    found = decide(baseline, candidate, 0.02)
    assert found.decision is expected
    assert (found.more_needed is None) == (expected is not Decision.NOT_ENOUGH_DATA) or found.difference == -0.02
    assert found.test.startswith("exact")


def test_the_number_of_items_asked_for_is_about_right() -> None:
    """With the items that the verdict asks for, an equal model ships in about 80 % of experiments."""
    rng = np.random.default_rng(1)
    baseline, candidate = np.ones(400), np.ones(400)
    candidate[:20], baseline[20:40] = 0.0, 0.0
    more = decide(baseline, candidate, 0.02).more_needed
    assert more is not None
    gained, lost = error_rates._counts(rng, 2000, 400 + more, 0.1, 0.0)
    assert 0.74 < exceeds(gained, lost, 400 + more, -0.02, 0.05).mean() < 0.88


def test_an_unsettled_difference_at_the_margin_asks_for_no_number() -> None:
    """Losing exactly the margin: no set is large enough, and the reason says so."""
    candidate = np.ones(1000)
    candidate[:20] = 0.0
    found = decide(np.ones(1000), candidate, 0.02)
    assert (found.decision, found.more_needed) == (Decision.NOT_ENOUGH_DATA, None)
    assert "at the margin" in found.reason


def test_two_arms_tell_a_doubled_failure_rate_and_its_direction() -> None:
    """10 % against 5 % of 3,000 requests: above with evidence, below without; the interval holds the truth."""
    new, old = Arm.start().after(scores(0.10, 3000, 1)), Arm.start().after(scores(0.05, 3000, 2))
    assert p_arms(new, old, 0.0) < 0.001
    assert p_arms(old, new, 0.0) > 0.5
    low, high = difference_interval(new, old)
    assert 0.0 < low < 0.05 < high


def test_two_arms_keep_a_tolerance() -> None:
    """A difference within the tolerance is no alarm, however clear it is."""
    new, old = Arm.start().after(scores(0.10, 3000, 1)), Arm.start().after(scores(0.05, 3000, 2))
    assert p_arms(new, old, 0.06) > 0.2


def test_a_drop_is_noticed_with_its_direction_and_stays() -> None:
    """0.9 falls to 0.6 after 500 scores: the alarm comes soon after, says down, and is not forgotten."""
    quiet = ChangeDetector.start(0.9, run_length=5_000).after(scores(0.9, 500))
    assert quiet.alarm_at is None
    alarmed = quiet.after(scores(0.6, 200))
    assert alarmed.alarm_at is not None
    assert 500 < alarmed.alarm_at < 560
    assert alarmed.direction == "down"
    assert alarmed.after(scores(0.9, 50)) == alarmed


def test_an_improvement_is_a_change_too() -> None:
    """Another model under the same name may be better: the alarm says up."""
    assert ChangeDetector.start(0.5, run_length=5_000).after(scores(0.9, 300)).direction == "up"


def test_the_bootstrap_interval_of_a_constant_is_the_constant() -> None:
    """No spread, no width; and nothing seen gives no number."""
    assert bootstrap_mean(np.full(10, 0.5)) == (0.5, 0.5)
    assert np.isnan(bootstrap_mean(np.zeros(0))[0])


def test_error_rates_hold_where_the_truth_is_known() -> None:
    """A small, seeded version of the study in bench: false decisions at most at the nominal rate, also with looks."""
    rng = np.random.default_rng(0)
    found = [
        *error_rates.false_ship_scores(rng, 150).values(),
        error_rates.false_ship_daily(rng, 40)["betting"],
        error_rates.roll_out(rng, 12)["false alarm, share 0.5"],
    ]
    assert [case for case in found if not case["holds"]] == []
    gained, lost = error_rates._counts(rng, 4000, 400, 0.1, -0.02)
    assert exceeds(gained, lost, 400, -0.02, 0.05).mean() < 0.05 + 3 * (0.05 * 0.95 / 4000) ** 0.5


def test_the_stated_run_length_holds() -> None:
    """Without a change the mean number of scores until an alarm is at least the stated one."""
    late = error_rates._alarms(np.random.default_rng(0), 200, 0.9, 0.9, int(2 * error_rates.RUN_LENGTH))
    assert late.sum() / max(1, (late < 2 * error_rates.RUN_LENGTH).sum()) >= error_rates.RUN_LENGTH * 0.9


def test_spread_scores_are_tested_by_betting() -> None:
    """Scores between 0 and 1: rare total losses that were not seen cannot be excluded by 100 items."""
    base = np.full(100, 0.5)
    assert decide(base, base, 0.02).decision is Decision.NOT_ENOUGH_DATA
    assert decide(np.full(400, 0.5), np.full(400, 0.5), 0.02).decision is Decision.SHIP
    assert p_difference(np.full(400, -0.1), -0.02, 0.02) > 0.5


def test_items_that_even_the_baseline_fails_ship_nothing() -> None:
    """Wrong references or broken tests make all models equal: there was nothing to lose."""
    nothing = decide(np.zeros(4000), np.zeros(4000), 0.02)
    assert nothing.decision is Decision.NOT_ENOUGH_DATA and nothing.p_ship <= 0.05
    assert "cannot show a loss" in nothing.reason and nothing.more_needed is None


def verdicts(**p_ship: float) -> dict[str, dict[str, object]]:
    """Arms that ship at .05, with the p value of doing so, or that do not."""
    return {
        arm: {"decision": Decision.SHIP if p <= 0.05 else Decision.NOT_ENOUGH_DATA, "p_ship": p}
        for arm, p in p_ship.items()
    }


def costs(**usd: float | None) -> dict[str, dict[str, object]]:
    """What an answer of each arm costs."""
    return {arm: {"cost_usd": cost} for arm, cost in usd.items()}


def test_the_cheapest_arm_that_may_ship_is_proposed() -> None:
    """Of several, and the baseline where nothing cheaper may."""
    arms = costs(strong=4.0, mid=2.0, small=1.0, dear=9.0)
    assert proposed(arms, verdicts(mid=0.001, small=0.001, dear=0.001), "strong", 0.05) == "small"
    assert proposed(arms, verdicts(mid=0.001, small=0.3, dear=0.001), "strong", 0.05) == "mid"
    assert proposed(arms, verdicts(mid=0.3, small=0.3, dear=0.001), "strong", 0.05) == "strong"


def test_the_best_of_several_arms_must_pass_more_strictly() -> None:
    """Each at alpha over their number; a single one at alpha."""
    arms = costs(strong=4.0, mid=2.0, small=1.0)
    assert proposed(arms, verdicts(small=0.04), "strong", 0.05) == "small"
    assert proposed(arms, verdicts(small=0.04, mid=0.02), "strong", 0.05) == "mid"

"""Do the stated error rates hold? Simulated experiments whose truth is known, and the power by sample size.

    python -m bench.error_rates --json

`nominal` is what the test promises, `rate` what happened in `runs` experiments, with Wilson's 95 % interval. The truth
lies on the edge of what may be decided wrongly (for "ship": the candidate loses exactly the margin), which is the worst
case. `daily`: the experiment is looked at each day, and one wrong decision on any day counts.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench import error_rates_live as on_live
from classifier.proof import two_arms
from classifier.proof.betting import Bettor, difference_interval, p_difference
from classifier.proof.change import BETS, ChangeDetector, advance
from classifier.proof.judge import wilson
from classifier.proof.paired import bootstrap_mean, exceeds, score_interval, score_z

Array = NDArray[np.float64]
Rng = np.random.Generator

MARGIN, ALPHA, DAYS = 0.02, 0.05, 30
PER_DAY, PER_DAY_BOTH_ARMS = 40, 20
RUN_LENGTH, SIZES, DISAGREEMENTS = 2_000.0, (250, 500, 1_000, 2_000, 4_000, 8_000), (0.06, 0.12, 0.24)


def _rate(hits: NDArray[np.bool_], nominal: float) -> dict[str, Any]:
    low, high = wilson(int(hits.sum()), len(hits))
    rounded = {"rate": round(float(hits.mean()), 4), "rate_ci": [round(low, 4), round(high, 4)]}
    return {"runs": len(hits), "nominal": nominal, **rounded, "holds": bool(low <= nominal)}


def _counts(rng: Rng, runs: int, n: int, disagree: float, truth: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Gains and losses (runs,) of a candidate that is `truth` better and disagrees on a share of items."""
    up, down = (disagree + truth) / 2, (disagree - truth) / 2
    drawn = rng.multinomial(n, [up, down, 1.0 - disagree], size=runs)
    return drawn[:, 0], drawn[:, 1]


def _differences(rng: Rng, n: int, disagree: float, truth: float) -> Array:
    share = [(disagree + truth) / 2, (disagree - truth) / 2, 1.0 - disagree]
    return rng.choice([1.0, -1.0, 0.0], p=share, size=n)


def false_ship_once(rng: Rng, runs: int) -> dict[str, Any]:
    """Right/wrong answers, one look, by items and rate of disagreement."""
    found = {}
    for n in (150, 400, 1_000):
        for disagree in (0.02, 0.06, 0.2):
            gained, lost = _counts(rng, runs, n, disagree, -MARGIN)
            found[f"n={n} disagree={disagree}"] = _rate(exceeds(gained, lost, n, -MARGIN, ALPHA), ALPHA)
    return found


def false_ship_scores(rng: Rng, runs: int) -> dict[str, Any]:
    """Scores between 0 and 1 whose loss is spread, or rare and total."""
    n = 400

    def spread() -> Array:
        return np.clip(rng.normal(-MARGIN, 0.2, n), -1.0, 1.0)

    def rare() -> Array:
        return np.where(rng.random(n) < MARGIN, -1.0, 0.0)

    def ship(draw: Callable[[], Array]) -> NDArray[np.bool_]:
        return np.array([p_difference(draw(), -MARGIN, MARGIN) <= ALPHA for _ in range(runs)])

    return {"spread": _rate(ship(spread), ALPHA), "rare and total": _rate(ship(rare), ALPHA)}


def false_ship_daily(rng: Rng, runs: int) -> dict[str, Any]:
    """Paired answers, looked at each day; beside what a z test does when it is repeated."""
    days = PER_DAY * np.arange(1, DAYS + 1)
    always, repeated = np.zeros(runs, dtype=bool), np.zeros(runs, dtype=bool)
    for run in range(runs):
        seen = _differences(rng, DAYS * PER_DAY, 0.12, -MARGIN)
        path = Bettor.start(np.array([(1 - MARGIN) / 2]), MARGIN / 2).path((1 + seen) / 2)[0]
        always[run] = path.max() >= np.log(1 / ALPHA)
        gained, lost = np.cumsum(seen > 0)[days - 1], np.cumsum(seen < 0)[days - 1]
        looks = zip(gained, lost, days, strict=True)
        repeated[run] = any(score_z(int(g), int(b), int(n), -MARGIN) >= 1.645 for g, b, n in looks)
    return {"betting": _rate(always, ALPHA), "z test repeated daily (not offered)": _rate(repeated, ALPHA)}


def _ever_exceeds(a: Array, b: Array, tolerance: float) -> int | None:
    """The first day on which A is shown to exceed B by more than the tolerance."""
    over = two_arms.Arm.start().over.path(a)
    under = two_arms.Arm.start().under.path(1.0 - b)
    for day in range(1, DAYS + 1):
        at_a, at_b = len(a) * day // DAYS - 1, len(b) * day // DAYS - 1
        if two_arms.lower_bound(over[:, at_a], under[:, at_b], tolerance) >= np.log(1 / ALPHA):
            return day
    return None


def _failures(rng: Rng, share: float, rates: tuple[float, float]) -> tuple[Array, Array]:
    """A day-by-day stream of failures (0 or 1) of the new arm, with `share` of the traffic, and of the old one."""
    total = DAYS * PER_DAY_BOTH_ARMS
    sizes = (int(total * share), total - int(total * share))
    one, other = ((rng.random(n) < rate).astype(np.float64) for n, rate in zip(sizes, rates, strict=True))
    return one, other


def roll_out(rng: Rng, runs: int) -> dict[str, Any]:
    """Two arms on different requests, looked at each day: false alarms, and alarms when failures double."""
    found: dict[str, Any] = {}
    for share in (0.1, 0.5):
        same = [_ever_exceeds(*_failures(rng, share, (0.1, 0.1)), 0.0) for _ in range(runs)]
        found[f"false alarm, share {share}"] = _rate(np.array([day is not None for day in same]), ALPHA)
    for rates in ((0.2, 0.1), (0.4, 0.1)):
        worse = [_ever_exceeds(*_failures(rng, 0.5, rates), 0.0) for _ in range(max(20, runs // 10))]
        days = [DAYS if day is None else day for day in worse]
        seen = float(np.mean([day is not None for day in worse]))
        name = f"alarm, failures {rates[1]} -> {rates[0]}, {PER_DAY_BOTH_ARMS} requests a day"
        found[name] = {"runs": len(worse), "within_30_days": round(seen, 4), "median_day": float(np.median(days))}
    return found


def _alarms(rng: Rng, runs: int, mean: float, start: float, most: int) -> NDArray[np.int64]:
    """When each run's detector (baseline `start`) alarms, (runs,); `most` if it does not."""
    statistic, at = np.zeros((runs, 2, len(BETS))), np.full(runs, most)
    for step in range(most):
        statistic = advance(statistic, (rng.random(runs) < mean).astype(np.float64), start, 0.0)
        new = (statistic.mean(axis=(1, 2)) >= RUN_LENGTH) & (at == most)
        at[new] = step + 1
        statistic[at < most] = 0.0
    return at


def change_point(rng: Rng, runs: int) -> dict[str, Any]:
    """Scores until a false alarm, and until the alarm after a drop, from a mean of 0.9."""
    most = int(4 * RUN_LENGTH)
    quiet = _alarms(rng, runs, 0.9, 0.9, most)
    # Runs without an alarm are cut off; time at risk over alarms estimates the mean all the same.
    length = float(quiet.sum() / max(1, (quiet < most).sum()))
    found: dict[str, Any] = {
        "stated_run_length": ChangeDetector.start(0.9, RUN_LENGTH).run_length,
        "seen_run_length": round(length),
        "alarmed_within_stated_run_length": round(float((quiet <= RUN_LENGTH).mean()), 4),
        "holds": length >= RUN_LENGTH,
    }
    for drop in (0.02, 0.05, 0.1, 0.2):
        late = _alarms(rng, runs, 0.9 - drop, 0.9, most)
        found[f"scores until alarm after a drop of {drop}"] = {
            "median": float(np.median(late)),
            "p90": float(np.percentile(late, 90)),
        }
    return found


def _ships_daily(rng: Rng, runs: int, n: int, disagree: float) -> float:
    shipped = [p_difference(_differences(rng, n, disagree, 0.0), -MARGIN, MARGIN) <= ALPHA for _ in range(runs)]
    return round(float(np.mean(shipped)), 4)


def power(rng: Rng, runs: int) -> dict[str, Any]:
    """By items and rate of disagreement: how often an equal model ships, and how often a loss of 2 points is seen.

    `false_ship`: a model that loses 2 points ships at a margin of 2. `loss_seen`: such a model is shown to be worse
    than the baseline (one-sided, at 5 %). `ships_if_equal_daily`: the first, with the test that allows many looks.
    """
    found: dict[str, Any] = {}
    for disagree in DISAGREEMENTS:
        for n in SIZES:
            equal, worse = _counts(rng, runs, n, disagree, 0.0), _counts(rng, runs, n, disagree, -MARGIN)
            found[f"n={n} disagree={disagree}"] = {
                "ships_if_equal": round(float(exceeds(*equal, n, -MARGIN, ALPHA).mean()), 4),
                "false_ship": round(float(exceeds(*worse, n, -MARGIN, ALPHA).mean()), 4),
                "ships_if_equal_daily": _ships_daily(rng, min(runs, 200), n, disagree),
                "loss_seen": round(float(exceeds(worse[1], worse[0], n, 0.0, ALPHA).mean()), 4),
            }
    return found


def coverage(rng: Rng, runs: int) -> dict[str, Any]:
    """How often 95 % intervals miss a difference of 2 points (nominal 5 %)."""
    n = 400
    drawn = [_differences(rng, n, 0.12, -MARGIN) for _ in range(runs)]

    def missed(interval: Callable[[Array], tuple[float, float]], most: int = runs) -> dict[str, Any]:
        ends = [interval(one) for one in drawn[:most]]
        return _rate(np.array([not low <= -MARGIN <= high for low, high in ends]), 0.05)

    return {
        "score interval": missed(lambda d: score_interval(int((d > 0).sum()), int((d < 0).sum()), n)),
        "bootstrap": missed(bootstrap_mean),
        "confidence sequence": missed(difference_interval, max(20, runs // 5)),
    }


STUDIES: dict[str, Callable[[Rng, int], dict[str, Any]]] = {
    "false_ship_once": false_ship_once,
    "false_ship_scores": false_ship_scores,
    "false_ship_daily": false_ship_daily,
    "roll_out": roll_out,
    "whole_rollouts": lambda rng, runs: on_live.whole_rollouts(rng, runs, _rate),
    "rollout_power": lambda rng, runs: on_live.rollout_power(rng, runs, _rate),
    "live_stages": lambda rng, runs: on_live.live_stages(rng, runs, _rate),
    "promotions": lambda rng, runs: on_live.promotions(rng, runs, _rate),
    "change_point": change_point,
    "coverage": coverage,
    "power": power,
}


def study(runs: int, seed: int = 0, only: str | None = None) -> dict[str, Any]:
    """All studies, or one; each with its own stream of random numbers."""
    found: dict[str, Any] = {"margin": MARGIN, "alpha": ALPHA}
    for place, (name, simulate) in enumerate(STUDIES.items()):
        if only not in (None, name):
            continue
        started = time.perf_counter()
        found[name] = simulate(np.random.default_rng([seed, place]), runs)
        found[name]["seconds"] = round(time.perf_counter() - started, 1)
    return found


def main() -> None:
    """Print the figures: one JSON object with --json, otherwise a line each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--runs", type=int, default=1_000, help="simulated experiments per case")
    parser.add_argument("--only", choices=STUDIES, help="one study alone")
    options = parser.parse_args()
    found = study(options.runs, only=options.only)
    if options.json:
        print(json.dumps(found))
        return
    for name in found.keys() & STUDIES.keys():
        print(name, *(f"{case}: {figures}" for case, figures in found[name].items()), sep="\n  ")


if __name__ == "__main__":
    main()

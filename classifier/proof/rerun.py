"""A fixed set asked again and again: has a model changed under its name?

The first runs of a model are its reference: each item's mean mark. Each later mark is compared with its item's
reference by the change detector of change.py, on (1 + difference) / 2, whose mean is 1/2 while nothing changes. The
tolerance covers what chance left in the reference. Unlike online scores, a fixed set does not move with the traffic.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from classifier.proof.change import ChangeDetector

Marks = Mapping[str, float]  # item key -> mark, 0 to 1


@dataclass(frozen=True, slots=True)
class Comparison:
    """One model. `reference` and `latest` are mean marks over the items of both; `changed`: None, "worse" or "better",
    with `since`, the number of the run (from 1) in which it was noticed. `learning`: runs that the reference lacks."""

    model: str
    runs: int
    items: int
    reference: float | None
    latest: float | None
    changed: str | None
    since: int | None
    learning: int


def compare(
    model: str,
    runs: Sequence[Marks],
    reference_runs: int,
    margin: float,
    false_alarm_runs: int,
    left_out: int = 0,
) -> Comparison:
    """What a model's runs say, oldest first. `margin`: the change in mean marks that does not matter;
    `false_alarm_runs`: runs that pass on average before a false alarm, at least. A run counts the items that every
    reference run has, in an order of its own, so that no item is always first. `left_out`: runs after the reference
    that are no longer kept. Then the detector begins after them, which makes false alarms rarer, if anything."""
    lacking = max(0, reference_runs - len(runs))
    first, later = runs[:reference_runs], runs[reference_runs:]
    known = set.intersection(*(set(run) for run in first)) if first else set()
    means = {key: sum(run[key] for run in first) / len(first) for key in known}
    changed = since = None
    if later and known:
        detector = ChangeDetector.start(0.5, max(2.0, float(false_alarm_runs * len(known))), margin / 2.0)
        for number, run in enumerate(later, reference_runs + left_out + 1):
            keys = np.random.default_rng(number).permutation(sorted(known & set(run)))
            detector = detector.after(np.array([(1.0 + run[key] - means[key]) / 2.0 for key in keys]))
            if detector.alarm_at is not None:
                changed, since = "worse" if detector.direction == "down" else "better", number
                break
    last = [runs[-1][key] for key in known & set(runs[-1])] if runs else []
    return Comparison(
        model,
        len(runs) + left_out,
        len(known),
        round(float(np.mean(list(means.values()))), 4) if means else None,
        round(float(np.mean(last)), 4) if last else None,
        changed,
        since,
        lacking,
    )

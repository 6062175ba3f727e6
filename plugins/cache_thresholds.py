"""The verifier's threshold per tenant and task class, moved by what its served hits turned out to be worth.

As in vCache (arXiv 2502.03771) the operator states the accepted error and observations decide; here per tenant and
task class, not per entry, and from the offline calibration as a start. Observations are checks (a random sample of hits
and near misses that the model answered too) and what people say of served hits. They are counted by score, so what the
error of any threshold would be can be read off: that of all observations from there up.

- It is raised when the error at it is above the accepted one with confidence (an e-value, see `plugins.evidence`), to
  the lowest threshold that nothing speaks against. Praise counts here as everything does.
- It is lowered along the grid while the error of checks, with the wrong ones that people named, is below the accepted
  one with the same confidence. Praise does not count: who thanks for a wrong answer does not know that it is wrong.

The threshold is a pure function of the decayed counts: every replica comes to the same, and nothing else is stored.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from plugins.cache_config import CacheChecksConfig
from plugins.evidence import belief, log_e_value
from plugins.outcomes import Tally

STEPS: Final = 40  # score bins, 0.025 wide
CHECK, PEOPLE = "check", "people"
SOURCES: Final = (CHECK, PEOPLE)
FEWEST_CHECKS: Final = 20  # of pairs that a lower threshold would let in, before it does
# Beta prior of the share of right answers: hits that err do so a few times in a hundred.
_PRIOR: Final = (20.0, 1.0)


@dataclass(frozen=True, slots=True)
class Seen:
    """One observation: the verifier's score of a pair, 0 to 1, and whether the stored answer was right."""

    tenant: str
    task: str
    score: float
    ok: bool
    source: str

    @property
    def cell(self) -> str:
        """The counter that it adds to."""
        return f"{self.task}|{bin_of(self.score)}|{self.source}|{'ok' if self.ok else 'bad'}"


Bins = Mapping[tuple[int, str], Tally]  # by score bin and source


@dataclass(frozen=True, slots=True)
class Learnt:
    """A threshold with what it stands on: what was seen of hits from it up, and the mean error that this suggests."""

    threshold: float
    reason: str
    seen: Tally
    error: float | None


def bin_of(score: float) -> int:
    """0 to STEPS; the last one holds only the same words, whose score is 1."""
    return STEPS if score >= 1.0 else max(0, min(STEPS - 1, int(score * STEPS)))


def by_task(counters: Mapping[str, float]) -> dict[str, dict[tuple[int, str], Tally]]:
    """Counters named like `Seen.cell` into tallies; unknown names are left out."""
    found: dict[str, dict[tuple[int, str], Tally]] = {}
    for name, count in counters.items():
        match name.split("|"):
            case [task, place, source, ("ok" | "bad") as side] if place.isdigit() and source in SOURCES:
                bins = found.setdefault(task, {})
                more = Tally(count, 0.0) if side == "ok" else Tally(0.0, count)
                bins[int(place), source] = bins.get((int(place), source), Tally()) + more
    return found


def learn(bins: Bins, shipped: float, accepted_error: float, config: CacheChecksConfig) -> Learnt:
    """The threshold to use where `shipped` is the calibrated one."""
    start = min(max(shipped, config.lowest_threshold), config.highest_threshold)
    needed, target = math.log(1.0 / (1.0 - config.confidence)), 1.0 - accepted_error
    if _against(everything(bins, start), target) >= needed:
        return _raised(bins, start, target, config)
    at = start
    for limit in _downwards(start, config.lowest_threshold):
        let_in = _between(bins, limit, at)
        if let_in.n < FEWEST_CHECKS or _against(let_in, target) >= needed:
            break
        if log_e_value(_unpraised(bins, limit), target, "above", _PRIOR) < needed:
            break
        at = limit
    tally = everything(bins, at)
    reason = "as calibrated" if at == start else f"lowered from {start:.3f}: fewer errors than accepted"
    return Learnt(at, reason, tally, _mean_error(tally))


def everything(bins: Bins, threshold: float) -> Tally:
    """All that was seen of pairs which this threshold serves."""
    return sum((tally for (place, _), tally in bins.items() if place >= bin_of(threshold)), Tally())


def _raised(bins: Bins, start: float, target: float, config: CacheChecksConfig) -> Learnt:
    reason = f"raised from {start:.3f}: more errors than accepted"
    for limit in _upwards(start, config.highest_threshold):
        tally = everything(bins, limit)
        if tally.n == 0 or _against(tally, target) <= 0.0:
            return Learnt(limit, reason, tally, _mean_error(tally))
    tally = everything(bins, config.highest_threshold)
    return Learnt(config.highest_threshold, reason, tally, _mean_error(tally))


def _against(tally: Tally, target: float) -> float:
    """Log evidence that too few are right."""
    return log_e_value(tally, target, "below", _PRIOR)


def _unpraised(bins: Bins, threshold: float) -> Tally:
    served = {key: tally for key, tally in bins.items() if key[0] >= bin_of(threshold)}
    checked = sum((tally for (_, source), tally in served.items() if source == CHECK), Tally())
    named = sum(tally.bad for (_, source), tally in served.items() if source == PEOPLE)
    return checked + Tally(0.0, named)


def _between(bins: Bins, low: float, high: float) -> Tally:
    return sum((t for (place, _), t in bins.items() if bin_of(low) <= place < bin_of(high)), Tally())


def _mean_error(tally: Tally) -> float | None:
    return 1.0 - belief(tally).mean if tally.n > 0 else None


def _upwards(start: float, end: float) -> list[float]:
    edges = [place / STEPS for place in range(STEPS + 1)]
    return [edge for edge in edges if start < edge <= end]


def _downwards(start: float, end: float) -> list[float]:
    edges = [place / STEPS for place in range(STEPS, -1, -1)]
    return [edge for edge in edges if end <= edge < start]

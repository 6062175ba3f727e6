"""The figures of `bench.overhead`: quantiles over all rounds, and paired differences with bootstrapped intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Json = dict[str, Any]
RESAMPLES = 10_000
COVERED = (2.5, 97.5)  # per cent: the ends of an interval of 95 %


@dataclass(slots=True)
class Round:
    """What one arm did in one round. Milliseconds; `alone_ms` of one client in a closed loop; `rps` and `cpu_ms` are of
    its saturated part."""

    whole_ms: list[float]
    first_ms: list[float]
    alone_ms: list[float]
    rps: float
    cpu_ms: float
    redis_trips: float
    failed: int
    caches: dict[str, int] = field(default_factory=dict)

    @property
    def p50_ms(self) -> float:
        return float(np.median(self.whole_ms))


def interval(values: Sequence[float], seed: int = 1) -> list[float]:
    """[mean, low, high] of paired values, one per round: percentile bootstrap of the mean over rounds."""
    found: NDArray[np.float64] = np.asarray(values, dtype=np.float64)
    picks = np.random.default_rng(seed).integers(0, len(found), (RESAMPLES, len(found)))
    low, high = np.percentile(found[picks].mean(axis=1), COVERED)
    return [round(float(v), 3) for v in (found.mean(), low, high)]


def summary(
    rounds: Sequence[Round], against: Sequence[Round], rss_mb: float | None, rss_vanilla_mb: float | None
) -> Json:
    """One arm: its own figures, and those against vanilla in the same rounds."""
    whole = [ms for one in rounds for ms in one.whole_ms]
    first = [ms for one in rounds for ms in one.first_ms]
    alone = [ms for one in rounds for ms in one.alone_ms]
    p50, p95, p99 = (round(float(v), 2) for v in np.percentile(whole, (50, 95, 99)))
    caches = {
        name: sum(one.caches.get(name, 0) for one in rounds) for name in {n for one in rounds for n in one.caches}
    }
    figures: Json = {
        "p50_ms": p50,
        "p95_ms": p95,
        "p99_ms": p99,
        "first_byte_p50_ms": round(float(np.median(first)), 2),
        "one_client_p50_ms": round(float(np.median(alone)), 2),
        "rps_ceiling": round(float(np.median([one.rps for one in rounds])), 1),
        "cpu_ms": round(float(np.median([one.cpu_ms for one in rounds])), 2),
        "rss_mb": None if rss_mb is None else round(rss_mb, 1),
        "redis_round_trips": round(float(np.median([one.redis_trips for one in rounds])), 2),
        "requests": len(whole),
        "failed": sum(one.failed for one in rounds),
        "caches": caches,
    }
    if not against:
        return figures
    pairs = list(zip(rounds, against, strict=True))
    figures["added_p50_ms"] = interval([mine.p50_ms - theirs.p50_ms for mine, theirs in pairs])
    figures["added_first_byte_ms"] = interval(
        [float(np.median(mine.first_ms) - np.median(theirs.first_ms)) for mine, theirs in pairs]
    )
    figures["throughput_ratio"] = interval([mine.rps / theirs.rps for mine, theirs in pairs])
    if rss_mb is not None and rss_vanilla_mb is not None:
        figures["added_rss_mb"] = round(rss_mb - rss_vanilla_mb, 1)
    return figures

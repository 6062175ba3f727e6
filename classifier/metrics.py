"""Figures of a router, as RouteLLM defines them (arXiv 2406.18665, section 4.1), and of calibration."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]


def recovered(score: Vector, strong: Vector, weak: Vector) -> Vector:
    """Performance gap recovered when the k prompts with the highest score go to the strong model: (n + 1,), 0 to 1.

    Prompts with equal scores are taken in random order, in expectation: each stands for their mean.
    Where the strong model is not better overall there is no gap, and the answer is nan.
    """
    gain = strong - weak
    _, group = np.unique(-score, return_inverse=True)
    members = np.bincount(group)
    mean = np.bincount(group, weights=gain) / members
    curve = np.concatenate([[0.0], np.cumsum(np.repeat(mean, members))])
    total = float(gain.sum())
    return curve / total if total > 1e-9 else np.full(len(curve), np.nan)


def apgr(score: Vector, strong: Vector, weak: Vector) -> float:
    """Average performance gap recovered: the area under `recovered` over the share of strong calls; random is 0.5."""
    curve = recovered(score, strong, weak)
    return float(((curve[1:] + curve[:-1]) / 2).mean())


def cpt(score: Vector, strong: Vector, weak: Vector, share: float) -> float:
    """Call-performance threshold: least percentage of strong calls that recovers `share` (0 to 1) of the gap."""
    curve = recovered(score, strong, weak)
    reached = np.flatnonzero(curve >= share)
    return float(100.0 * reached[0] / (len(curve) - 1)) if len(reached) else float("nan")


def auroc(score: Vector, strong: Vector, weak: Vector) -> float:
    """Chance that a prompt where strong beats weak scores above one where it does not; ties count half."""
    positive = strong > weak
    _, rank_of, counts = np.unique(score, return_inverse=True, return_counts=True)
    mean_rank = np.cumsum(counts) - (counts - 1) / 2.0
    n_pos, n_neg = int(positive.sum()), int((~positive).sum())
    if not n_pos or not n_neg:
        return float("nan")
    return float((mean_rank[rank_of][positive].sum() - n_pos * (n_pos + 1) / 2) / (n_pos * n_neg))


def ece(probability: Vector, outcome: Vector, bins: int = 10) -> float:
    """Expected calibration error: mean distance of stated and seen frequency over bins of equal count."""
    order = np.argsort(probability, kind="stable")
    parts = np.array_split(order, min(bins, len(order)))
    gaps = [abs(probability[part].mean() - outcome[part].mean()) * len(part) for part in parts]
    return float(sum(gaps) / len(order))


def ece_by_chance(probability: Vector, bins: int = 10, draws: int = 200) -> float:
    """The mean `ece` of 0/1 outcomes drawn from the stated probabilities: what perfect calibration shows at this n."""
    rng = np.random.default_rng(0)
    drawn = (rng.random((draws, len(probability))) < probability).astype(np.float64)
    return float(np.mean([ece(probability, outcome, bins) for outcome in drawn]))


def routing_figures(score: Vector, strong: Vector, weak: Vector) -> dict[str, float]:
    """apgr, cpt50 and cpt80 (per cent), auroc."""
    return {
        "apgr": apgr(score, strong, weak),
        "cpt50": cpt(score, strong, weak, 0.5),
        "cpt80": cpt(score, strong, weak, 0.8),
        "auroc": auroc(score, strong, weak),
    }


def with_intervals(score: Vector, strong: Vector, weak: Vector, draws: int, seed: int) -> dict[str, Any]:
    """`routing_figures`, each with its 95 % percentile bootstrap interval over prompts as `<name>_ci`."""
    rng = np.random.default_rng(seed)
    found = routing_figures(score, strong, weak)
    drawn: dict[str, list[float]] = {name: [] for name in found}
    for _ in range(draws):
        pick = rng.integers(0, len(score), len(score))
        for name, value in routing_figures(score[pick], strong[pick], weak[pick]).items():
            drawn[name].append(value)
    result: dict[str, Any] = {"n": len(score)}
    for name, value in found.items():
        kept = np.asarray([x for x in drawn[name] if np.isfinite(x)])
        interval = [round(float(x), 4) for x in np.percentile(kept, [2.5, 97.5])] if len(kept) else None
        result[name] = round(value, 4) if np.isfinite(value) else None
        result[f"{name}_ci"] = interval
    return result

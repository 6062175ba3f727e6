"""Measure a verifier on labelled pairs, `a` cached and `b` asked and the other way round.

Beside it stand rules that decide by the cosine alone, computed with the same embedding: at the threshold with the
verifier's own recall, at 0.95, at redisvl's default (`SemanticCache(distance_threshold=0.1)`: cosine >= 0.9) and
at the value in LiteLLM's documentation (`similarity_threshold: 0.8`; it has no default). These are their decision
rules under our embedding, not runs of those products.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from classifier.pairs.intervals import clopper_pearson
from classifier.pairs.rows import Cosines, Embeds, PairRow
from classifier.pairs.verify import PairVerdict, PairVerifier

COSINE_RULES: Final = {
    "cosine_0_95": 0.95,
    "redisvl_default_rule_cosine_0_90": 0.90,
    "litellm_documented_rule_cosine_0_80": 0.80,
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """One pair with its cosine and the verdicts of both directions."""

    row: PairRow
    cosine: float
    verdicts: tuple[PairVerdict, PairVerdict]

    @property
    def served(self) -> float:
        """The share of the two directions that were served: 0, 0.5 or 1."""
        return sum(v.serve for v in self.verdicts) / 2


def judge(
    rows: Sequence[PairRow], verifier: PairVerifier, embedder: Embeds, threshold: float | None = None
) -> list[Outcome]:
    """Ask the verifier about each pair in both directions, at its own threshold or another."""
    cosines = Cosines(embedder)
    outcomes = []
    for row in rows:
        cosine = cosines(row.a, row.b)
        there = verifier.decide(row.a, row.b, cosine, threshold)
        back = verifier.decide(row.b, row.a, cosine, threshold)
        outcomes.append(Outcome(row, cosine, (there, back)))
    return outcomes


def evaluate_pairs(rows: Sequence[PairRow], verifier: PairVerifier, embedder: Embeds) -> dict[str, Any]:
    """The report: `overall`, `by_source`, `by_kind`, `refused_by` and `baselines`, at the shipped threshold.

    Counts are of asked questions (two a pair); intervals are of pairs, whose directions are not independent.
    """
    outcomes = judge(rows, verifier, embedder)
    overall = _measure(outcomes, _served_by_verifier)
    return {
        "threshold": verifier.threshold,
        "overall": overall,
        "by_source": _grouped(outcomes, lambda o: o.row.source),
        "by_kind": _grouped(outcomes, lambda o: f"{o.row.source}/{o.row.kind}" if o.row.kind else ""),
        "refused_by": _refusals(outcomes),
        "baselines": _baselines(outcomes),
    }


def _served_by_verifier(outcome: Outcome) -> float:
    return outcome.served


def _served_by_cosine(limit: float, outcome: Outcome) -> float:
    return float(outcome.cosine >= limit)


def _share(hits: float, n: int) -> tuple[float | None, list[float]]:
    """A share of n pairs and its 95 % interval."""
    return (hits / n if n else None), list(clopper_pearson(round(hits), n))


def _measure(outcomes: Sequence[Outcome], served: Callable[[Outcome], float]) -> dict[str, Any]:
    same = [served(o) for o in outcomes if o.row.same]
    different = [served(o) for o in outcomes if not o.row.same]
    total, wrong = sum(same) + sum(different), sum(different)
    shares = {
        "hit_rate": _share(total, len(outcomes)),
        "recall": _share(sum(same), len(same)),
        "pass_rate": _share(wrong, len(different)),
        "precision": _share(total - wrong, max(round(total), 1)) if total else (None, [0.0, 1.0]),
    }
    report: dict[str, Any] = {
        "n": 2 * len(outcomes),
        "n_same": 2 * len(same),
        "n_different": 2 * len(different),
        "served_same": round(2 * sum(same)),
        "served_different": round(2 * wrong),
    }
    for name, (value, interval) in shares.items():
        exact = (total - wrong) / total if name == "precision" and total else value
        report |= {name: exact, f"{name}_ci": interval}
    return report


def _grouped(outcomes: Sequence[Outcome], key: Callable[[Outcome], str]) -> dict[str, Any]:
    groups: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        if name := key(outcome):
            groups.setdefault(name, []).append(outcome)
    return {name: _measure(groups[name], _served_by_verifier) for name in sorted(groups)}


def _refusals(outcomes: Sequence[Outcome]) -> dict[str, dict[str, int]]:
    """How often each check refused, among pairs that should have been served and pairs that should not."""
    counts = {"same": Counter[str](), "different": Counter[str]()}
    for outcome in outcomes:
        side = counts["same" if outcome.row.same else "different"]
        side.update(v.check for v in outcome.verdicts if not v.serve)
    return {name: dict(counter.most_common()) for name, counter in counts.items()}


def _baselines(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    rules = dict(COSINE_RULES)
    same = sorted((o.cosine for o in outcomes if o.row.same), reverse=True)
    wanted = round(sum(o.served for o in outcomes if o.row.same))
    if same and wanted:
        rules["cosine_at_same_recall"] = same[wanted - 1]
    return {
        name: {"cosine": limit, **_measure(outcomes, partial(_served_by_cosine, limit))}
        for name, limit in rules.items()
    }

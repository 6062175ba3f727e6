"""Rules, then the classifier: one verdict with its reason. Whether a small LLM should be asked is said here too."""

from __future__ import annotations

from dataclasses import dataclass

from plugins.config import RoutingConfig
from plugins.ports import Vector
from plugins.routing.rules import apply_rules
from plugins.routing.scored import Model, Thresholds, score
from plugins.values import Call, Layer, Verdict


@dataclass(frozen=True, slots=True)
class Cascade:
    """`thresholds` are the artifact's; the dispatch table may override them by task."""

    config: RoutingConfig
    model: Model
    thresholds: Thresholds

    def classify(self, call: Call, vector: Vector | None) -> Verdict:
        ruled = apply_rules(call, self.config)
        if isinstance(ruled, Verdict):
            return ruled
        return score(call, ruled, vector, self.model, self.thresholds, self.config)

    def is_unsure(self, verdict: Verdict) -> bool:
        """Whether the classifier would rather hear a second opinion."""
        return verdict.layer is Layer.SCORED and verdict.confidence < self.config.judge.below_confidence

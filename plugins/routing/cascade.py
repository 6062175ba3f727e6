"""Rules, then the classifier: one verdict with its reason. Whether a small LLM should be asked is said here too."""

from __future__ import annotations

from dataclasses import dataclass, field

from plugins.config import RoutingConfig
from plugins.ports import Vector
from plugins.routing.learnt import Learnt
from plugins.routing.rules import apply_rules
from plugins.routing.scored import Model, Thresholds, score
from plugins.values import Call, Layer, Verdict


@dataclass(frozen=True, slots=True)
class Cascade:
    """`thresholds` are the artifact's; the dispatch table may override them by task, and `learnt` shifts them."""

    config: RoutingConfig
    model: Model
    thresholds: Thresholds
    learnt: Learnt = field(default_factory=Learnt)

    def classify(self, call: Call, vector: Vector | None) -> Verdict:
        ruled = apply_rules(call, self.config)
        if isinstance(ruled, Verdict):
            return ruled
        return score(call, ruled, vector, self.model, self.thresholds, self.config, self.learnt)

    def is_unsure(self, verdict: Verdict) -> bool:
        """Whether the classifier would rather hear a second opinion."""
        return verdict.layer is Layer.SCORED and verdict.confidence < self.config.judge.below_confidence

"""Rules, then the classifier: one verdict with its reason. Whether a small LLM should be asked is said here too."""

from __future__ import annotations

from dataclasses import dataclass, field

from plugins.config import RoutingConfig
from plugins.ports import Vector
from plugins.routing.learnt import Learnt
from plugins.routing.rules import apply_rules
from plugins.routing.scored import Model, Thresholds, score, thresholds_for
from plugins.values import Call, Layer, Verdict

# In hardness. At least so far from both thresholds the view without the embedding chose the same tier as the view with
# it for 116 of 118 everyday prompts and 68 of 71 exam questions, and never the opposite end. A fifth are so far.
CLOSE = 0.23


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

    def wants_vector(self, call: Call, lexical: Verdict) -> bool:
        """Whether the embedding may change a verdict that was reached without it."""
        if lexical.layer is not Layer.SCORED:
            return False
        _, at = thresholds_for(call, lexical.task, self.thresholds, self.config, self.learnt)
        return min(abs(lexical.score - at.easy_below), abs(lexical.score - at.hard_from)) < CLOSE

    def is_unsure(self, verdict: Verdict) -> bool:
        """Whether the classifier would rather hear a second opinion."""
        return verdict.layer is Layer.SCORED and verdict.confidence < self.config.judge.below_confidence

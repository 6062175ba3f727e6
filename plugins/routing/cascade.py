"""Rules, then the classifier, then a small LLM for what is still unsure: one verdict with its reason."""

from __future__ import annotations

from dataclasses import dataclass, replace

from plugins.config import RoutingConfig
from plugins.ports import Judge, Vector
from plugins.routing.rules import apply_rules
from plugins.routing.scored import Model, Thresholds, score
from plugins.values import Call, Constraints, Verdict


@dataclass(frozen=True, slots=True)
class Cascade:
    """`judge` is None when the small LLM is switched off."""

    config: RoutingConfig
    model: Model
    thresholds: Thresholds
    judge: Judge | None = None

    async def classify(self, call: Call, constraints: Constraints, vector: Vector | None) -> Verdict:
        ruled = apply_rules(call, self.config)
        if isinstance(ruled, Verdict):
            return ruled
        scored = score(call, ruled, vector, self.model, self.thresholds, self.config)
        judge = self.config.judge
        if self.judge is None or scored.confidence >= judge.below_confidence:
            return scored
        judged = await self.judge.judge(call, constraints, scored)
        if judged is None:
            return replace(scored, reason=f"{scored.reason}; unsure, and the small model gave no opinion")
        return judged

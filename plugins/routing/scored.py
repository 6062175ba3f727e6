"""The second layer: the trained classifier. Turns its prediction into a verdict by the table's thresholds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from plugins.config import DispatchRow, RoutingConfig
from plugins.ports import Vector
from plugins.routing.learnt import Learnt
from plugins.routing.rules import COURTESY, Known
from plugins.values import Call, Difficulty, Layer, Verdict

# How much of an earlier turn's hardness still counts for the next: a follow-up leans on what came before it.
CARRY_OVER = 0.9
EARLIER_TURNS = 3


class Predicted(Protocol):
    """What a prediction of `classifier.artifact.Model` offers; probabilities and hardness are 0 to 1."""

    @property
    def task(self) -> str: ...
    @property
    def hardness(self) -> float: ...
    @property
    def confidence(self) -> float: ...


class Model(Protocol):
    """`classifier.artifact.Model`, as far as it is used here."""

    def predict(self, text: str, embedding: Vector | None) -> Predicted: ...


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Where medium and hard begin on the hardness scale; the artifact's own unless the table says otherwise."""

    easy_below: float
    hard_from: float

    def of(self, row: DispatchRow | None, default: DispatchRow) -> Thresholds:
        rows = [r for r in (row, default) if r is not None]
        easy = next((r.easy_below for r in rows if r.easy_below is not None), self.easy_below)
        hard = next((r.hard_from for r in rows if r.hard_from is not None), self.hard_from)
        return Thresholds(easy, max(easy, hard))

    def shifted(self, learnt: Learnt, tenant: str, task: str, most: float) -> Thresholds:
        """Moved by what was learnt, by at most `most` each; where they would cross, the dearer tier wins."""
        easy = min(1.0, max(0.0, self.easy_below + learnt.shift(tenant, task, "easy_below", most)))
        hard = min(1.0, max(0.0, self.hard_from + learnt.shift(tenant, task, "hard_from", most)))
        return Thresholds(min(easy, hard), hard)


def score(
    call: Call,
    known: Known,
    vector: Vector | None,
    model: Model,
    shipped: Thresholds,
    config: RoutingConfig,
    learnt: Learnt,
) -> Verdict:
    """The classifier's verdict on a whole conversation; the last turn weighs most."""
    prediction = model.predict(call.question, vector)
    task = known.task or prediction.task
    hardness, carried = prediction.hardness, ""
    earlier = [t.text for t in call.turns if t.role == "user"][-1 - EARLIER_TURNS : -1]
    for text in earlier:
        if not COURTESY.fullmatch(text.strip()[:200]):
            before = model.predict(text, None).hardness * CARRY_OVER
            if before > hardness:
                hardness, carried = before, " carried over from an earlier turn"
    configured, thresholds = thresholds_for(call, task, shipped, config, learnt)
    difficulty, threshold, sign = _place(hardness, thresholds)
    taught = " (learnt)" if thresholds != configured else ""
    reason = f"hardness {hardness:.2f} {sign} {threshold:.2f}{taught}{carried}"
    return Verdict(task, difficulty, Layer.SCORED, hardness, threshold, prediction.confidence, reason)


def thresholds_for(
    call: Call, task: str, shipped: Thresholds, config: RoutingConfig, learnt: Learnt
) -> tuple[Thresholds, Thresholds]:
    """(as configured for this task class, as moved by what was learnt)."""
    configured = shipped.of(config.tasks.get(task), config.default)
    return configured, configured.shifted(learnt, call.caller.tenant, task, config.learning.max_shift)


def _place(hardness: float, at: Thresholds) -> tuple[Difficulty, float, str]:
    if hardness < at.easy_below:
        return Difficulty.EASY, at.easy_below, "<"
    if hardness < at.hard_from:
        return Difficulty.MEDIUM, at.hard_from, "<"
    return Difficulty.HARD, at.hard_from, ">="

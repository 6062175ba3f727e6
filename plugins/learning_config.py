"""The `routing.learning` section: how far production may move the thresholds, and on what evidence."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator

from classifier.labels import TASKS
from plugins.settings import Settings, Share


class LearningConfig(Settings):
    """Learning thresholds from outcomes: checks of answers, and feedback. While enabled, outcomes are counted, and what
    `tierwise learn --apply` found is in use. `half_life_days`: after it an outcome counts half. `min_observations`:
    decayed outcomes that a threshold needs beside it. `max_shift`: how far a threshold may ever move, in hardness.
    `gate`: one minus the accepted chance that a look at the outcomes changes anything without cause.
    `target_success`: the share of good answers that the cheaper tier of a threshold must reach; by task class in
    `task_targets`. `exploration_share`: the share of calls of aliases that may try a neighbouring tier to learn."""

    enabled: bool = False
    half_life_days: Annotated[float, Field(ge=0.5, le=90)] = 14.0
    min_observations: Annotated[int, Field(ge=20)] = 100
    max_shift: Annotated[float, Field(ge=0, le=0.5)] = 0.15
    gate: Annotated[float, Field(ge=0.5, lt=1)] = 0.95
    target_success: Annotated[float, Field(gt=0, lt=0.98)] = 0.9
    task_targets: dict[str, Annotated[float, Field(gt=0, lt=0.98)]] = Field(default_factory=dict)
    exploration_share: Annotated[Share, Field(le=0.2)] = 0.0

    @field_validator("task_targets")
    @classmethod
    def _known_tasks(cls, targets: dict[str, float]) -> dict[str, float]:
        if unknown := sorted(set(targets) - set(TASKS)):
            raise ValueError(f"unknown task class {unknown[0]!r}: known are {', '.join(TASKS)}")
        return targets

    def target(self, task: str) -> float:
        """The success that a tier must reach on this task class, 0 to 1."""
        return self.task_targets.get(task, self.target_success)

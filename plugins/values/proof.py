"""Who tries what: arms of experiments, rollouts by task class, and what was seen of an answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Stage(StrEnum):
    """How far a rollout has come; the numbers are the candidate's share in percent."""

    SHADOW = "shadow"
    FIVE = "5"
    QUARTER = "25"
    FULL = "100"
    BACK = "back"

    @property
    def share(self) -> float:
        """Of the class's requests that the candidate answers, 0 to 1."""
        return {"5": 0.05, "25": 0.25, "100": 1.0}.get(self.value, 0.0)

    @property
    def following(self) -> Stage | None:
        """The next stage upwards; None from the last, and from one that was rolled back."""
        order = (Stage.SHADOW, Stage.FIVE, Stage.QUARTER, Stage.FULL)
        return order[order.index(self) + 1] if self in order[:-1] else None


@dataclass(frozen=True, slots=True)
class Move:
    """One step of a rollout: where it went, why, who did it (ISO 8601 in UTC)."""

    stage: Stage
    reason: str
    by: str
    at: str


@dataclass(frozen=True, slots=True)
class Rollout:
    """A candidate for one task class (`difficulty` empty: for all three). `serial` counts the rollouts of the class,
    `version` the changes of this record. The last move is the present one."""

    task: str
    candidate: str
    difficulty: str
    serial: int
    version: int
    moves: tuple[Move, ...]

    @property
    def stage(self) -> Stage:
        return self.moves[-1].stage

    @property
    def trial(self) -> str:
        """The name under which this stage's evidence is kept: each stage begins anew."""
        return self._trial(self.stage)

    @property
    def trial_before(self) -> str | None:
        """That of the stage before this one, if there was any."""
        return self._trial(self.moves[-2].stage) if len(self.moves) > 1 else None

    def _trial(self, stage: Stage) -> str:
        return f"rollout/{self.task}/{self.serial}/{stage.value}"


@dataclass(frozen=True, slots=True)
class Trials:
    """What is in force besides the config: rollouts by task class, and variants that won, by experiment (with the
    digest of its config)."""

    rollouts: Mapping[str, Rollout] = field(default_factory=dict)
    promoted: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Assigned:
    """What one request takes part in. `trial` and `arm` are of its experiment, if any; `candidates`: the trials of the
    rollouts whose candidate it is to get, should it be of their class."""

    trial: str = ""
    arm: str = ""
    experiment: str = ""
    candidates: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """As in headers and traces; empty without an experiment."""
        return f"{self.trial}:{self.arm}" if self.trial else ""

    @property
    def cache_label(self) -> str:
        """Part of what a cached answer is bound to: requests treated alike share entries, others do not."""
        return "+".join(part for part in (self.label, *self.candidates) if part)


@dataclass(frozen=True, slots=True)
class Observation:
    """What one answer of one arm was like. Flags are None where nobody looked; `score` is 0 to 1, 1 is good."""

    trial: str
    arm: str
    failed: bool | None = None
    check: str | None = None  # the check that found it wanting; empty if none did
    cost_micros: int | None = None
    latency_ms: int | None = None
    score: float | None = None

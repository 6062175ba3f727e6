"""Has a model changed under its name? Its share of wanting answers is learnt, then watched by a change detector.

The checks see the model's answers and the traffic together: an alarm says that one of the two is no longer what it
was. `tierwise rerun` asks a fixed set again, which tells them apart.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np

from classifier.proof.change import BETS, ChangeDetector
from plugins.proof_config import WatchConfig
from plugins.values import Observation

MOST_MODELS: Final = 200


@dataclass(frozen=True, slots=True)
class Alarm:
    """A model whose answers changed: from which share of wanting answers, in which direction, after how many."""

    model: str
    direction: str  # "worse" or "better"
    baseline: float
    after: int

    @property
    def text(self) -> str:
        """For people."""
        return (
            f"The answers of {self.model} have become {self.direction}: its share of answers that the checks find "
            f"wanting has left {self.baseline:.3f}, noticed {self.after} answers after that was learnt. Either the "
            "provider changed the model under its name, or the traffic changed: `tierwise rerun` tells which."
        )


@dataclass(frozen=True, slots=True)
class Watched:
    """One model: `wanting` of `learnt` answers at first, then `detector`."""

    learnt: int = 0
    wanting: int = 0
    detector: ChangeDetector | None = None


@dataclass(frozen=True, slots=True)
class Watch:
    """All models. `version` counts the looks."""

    version: int = 0
    models: Mapping[str, Watched] = field(default_factory=dict)

    def after(self, observations: Iterable[Observation], config: WatchConfig) -> tuple[Watch, tuple[Alarm, ...]]:
        """The state after further answers, in order, and the alarms they raised: a model is learnt anew then."""
        models, alarms = dict(self.models), []
        for one in observations:
            if one.arm not in models and len(models) >= MOST_MODELS:
                continue
            now = _further(models.get(one.arm, Watched()), float(bool(one.check)), config)
            if now.detector is not None and now.detector.alarm_at is not None:
                found = now.detector
                direction = "better" if found.direction == "down" else "worse"
                alarms.append(Alarm(one.arm, direction, found.baseline, found.alarm_at or 0))
                now = Watched()
            models[one.arm] = now
        return Watch(self.version + 1, models), tuple(alarms)


def _further(model: Watched, wanting: float, config: WatchConfig) -> Watched:
    if model.detector is not None:
        return replace(model, detector=model.detector.after(np.array([wanting])))
    model = replace(model, learnt=model.learnt + 1, wanting=model.wanting + int(wanting))
    if model.learnt < config.baseline:
        return model
    # Half an answer is added to either side: a share of exactly 0 or 1 leaves a detector nothing to bet on.
    share = (model.wanting + 0.5) / (model.learnt + 1.0)
    tolerance = min(config.tolerance, share, 1.0 - share)
    return replace(model, detector=ChangeDetector.start(share, float(config.run_length), tolerance))


def to_text(watch: Watch) -> str:
    """As it is kept."""
    return json.dumps({"version": watch.version, "models": {name: _told(m) for name, m in watch.models.items()}})


def from_text(text: bytes | str | None) -> Watch:
    """The reverse; an empty watch for None. Raises ValueError for anything else."""
    if text is None:
        return Watch()
    try:
        told = json.loads(text)
        return Watch(int(told["version"]), {str(name): _read(m) for name, m in told["models"].items()})
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a watch: {error}") from None


def _told(model: Watched) -> dict[str, Any]:
    told: dict[str, Any] = {"learnt": model.learnt, "wanting": model.wanting}
    if (found := model.detector) is not None:
        told["detector"] = [found.baseline, found.tolerance, found.run_length, found.seen, found.statistic.tolist()]
    return told


def _read(told: dict[str, Any]) -> Watched:
    model = Watched(int(told["learnt"]), int(told["wanting"]))
    if "detector" not in told:
        return model
    baseline, tolerance, run_length, seen, statistic = told["detector"]
    kept = np.array(statistic, dtype=np.float64).reshape(2, len(BETS))
    return replace(
        model, detector=ChangeDetector(float(baseline), float(tolerance), float(run_length), kept, int(seen))
    )

"""Prometheus metrics of experiments, rollouts and the watch on models. Labels come from configuration and the command
line, and are limited nevertheless."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge

from classifier.labels import TASKS
from plugins.adapters.metrics import LabelLimit
from plugins.proof.evidence import RATES
from plugins.proof.watch import Alarm
from plugins.values import Observation, Rollout, Stage


class TrialMetrics:
    """Counts in memory only. One per process and registry."""

    def __init__(self, registry: CollectorRegistry = REGISTRY, max_values: int = 100) -> None:
        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"tierwise_{name}", text, labels, registry=registry)

        self._answers = counter("trial_answers", "Answers of experiments and rollouts.", "trial", "arm", "result")
        self._rollbacks = counter("rollout_rollbacks", "Rollouts taken back because a rate got worse.", "task", "rate")
        self._promotions = counter("experiment_promotions", "Variants given to everybody.", "experiment", "variant")
        self._changes = counter("model_changes", "Models whose answers changed.", "model", "direction")
        self._stage = Gauge(
            "tierwise_rollout_share",
            "The candidate's share of its task class: 0 in shadow, -1 once taken back.",
            ("task",),
            registry=registry,
            multiprocess_mode="mostrecent",
        )
        self._limit = LabelLimit(max_values)
        for task in TASKS:  # at zero from the start: Prometheus sees no increase in a counter that appears with one
            for rate in RATES:
                self._rollbacks.labels(task, rate)

    def answered(self, one: Observation) -> None:
        """One answer of an arm."""
        if one.failed is not None:
            result = "failed" if one.failed else "bad" if one.check else "good"
            self._answers.labels(self._limit("trial", one.trial), self._limit("arm", one.arm), result).inc()

    def knows(self, model: str) -> None:
        """A model that is watched, at zero from then on."""
        for direction in ("worse", "better"):
            self._changes.labels(self._limit("model", model), direction)

    def stages(self, rollouts: Iterable[Rollout]) -> None:
        """Where the rollouts are now."""
        for rollout in rollouts:
            share = -1.0 if rollout.stage is Stage.BACK else rollout.stage.share
            self._stage.labels(rollout.task).set(share)

    def rolled_back(self, rollout: Rollout, rate: str) -> None:
        self._rollbacks.labels(rollout.task, rate).inc()

    def promoted(self, experiment: str, variant: str) -> None:
        self._promotions.labels(self._limit("experiment", experiment), self._limit("variant", variant)).inc()

    def changed(self, alarm: Alarm) -> None:
        self._changes.labels(self._limit("model", alarm.model), alarm.direction).inc()

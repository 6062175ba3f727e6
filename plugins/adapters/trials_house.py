"""Keeps one gateway process up to date on trials: writes what it saw, fetches what is in force, and, in turn with the
other gateways, looks at the evidence and moves what it moves."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Final

from plugins.adapters.redis_scripts import RedisAwayError
from plugins.adapters.redis_trials import RedisTrials, RolloutConflictError
from plugins.adapters.trial_metrics import TrialMetrics
from plugins.catalog import Catalog
from plugins.config import GatewayConfig
from plugins.proof import evidence as evidence_of
from plugins.proof import experiments, rollouts, watch
from plugins.proof.assign import trial_of
from plugins.proof.evidence import Evidence
from plugins.proof.observe import MODELS, observations_of, of_model
from plugins.values import Observation, Rollout, Stage, Trace, Trials

log = logging.getLogger("tierwise")

EVERY_S: Final = 5.0
LOOK_EVERY_S: Final = 10.0
MOST_WAITING: Final = 20_000
GATEWAY: Final = "gateway"


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that people should hear of."""

    text: str


class TrialsHouse:
    """Implements ports.Sink, for what finished requests say of their arms. `tend` is called by the housekeeping; it
    never raises for Redis."""

    def __init__(
        self,
        url: str,
        config: GatewayConfig,
        catalog: Catalog,
        tell: Callable[[Notice], None],
        metrics: TrialMetrics | None = None,
        every_s: float = EVERY_S,
        look_every_s: float = LOOK_EVERY_S,
    ) -> None:
        self._store, self._config, self._catalog, self._tell = RedisTrials(url), config, catalog, tell
        self._metrics = metrics or TrialMetrics()
        self._every_s, self._look_every_s = every_s, look_every_s
        self._waiting: list[Observation] = []
        self._trials, self._due_s = Trials(), 0.0  # the latter time.monotonic()

    def emit(self, trace: Trace) -> None:
        """Note what a finished request says. Called on the event loop; never blocks and never raises."""
        for one in observations_of(trace):
            self.note(one)
        if self._config.watch.enabled and (said := of_model(trace)) is not None:
            self.note(said)

    def note(self, one: Observation | None) -> None:
        """Note one observation, such as what people said of an answer; what is too much is lost."""
        if one is None or len(self._waiting) >= MOST_WAITING:
            return
        self._waiting.append(one)
        if one.trial == MODELS:
            self._metrics.knows(one.arm)
        else:
            self._metrics.answered(one)

    async def tend(self, config: GatewayConfig) -> Trials:
        """What is in force: as it was known while Redis is away."""
        self._config = config
        if time.monotonic() < self._due_s:
            return self._trials
        self._due_s = time.monotonic() + self._every_s
        waiting, self._waiting = self._waiting, []
        try:
            await self._store.add(waiting)
            self._trials = await self._store.trials()
            if await self._store.turn(self._look_every_s):
                await self._look(self._trials)
        except RedisAwayError as away:
            log.warning("trials could not be tended: %s", away.reason)
        self._metrics.stages(self._trials.rollouts.values())
        return self._trials

    async def close(self) -> None:
        """Write what waits, then disconnect."""
        try:
            await self._store.add(self._waiting)
        except RedisAwayError as away:
            log.warning("%d observations of trials are lost: %s", len(self._waiting), away.reason)
        await self._store.close()

    async def _look(self, trials: Trials) -> None:
        for rollout in trials.rollouts.values():
            if rollout.stage not in (Stage.FULL, Stage.BACK):
                await _if_readable(self._look_at_rollout(rollout))
        for name, experiment in self._config.experiments.items():
            trial = trial_of(name, experiment)
            if experiment.enabled and trial not in trials.promoted:
                await _if_readable(self._look_at_experiment(name, trial))
        if self._config.watch.enabled:
            await _if_readable(self._look_at_models(trials))

    async def _grown(
        self, trial: str, scale_usd: float, noting: Callable[[Evidence], Evidence], taught_by: str | None = None
    ) -> Evidence | None:
        """The trial's evidence with what waits for it; None if somebody else was quicker. The bets of a trial that
        begins are fitted to what the trial `taught_by` saw."""
        text, new = await self._store.waiting(trial)
        before = evidence_of.from_text(text)
        if text is None and taught_by is not None:
            before = evidence_of.from_text((await self._store.waiting(taught_by))[0]).afresh()
        if not new:
            return before
        # In a thread: a large backlog takes a second.
        after = await asyncio.to_thread(lambda: noting(before.after(new, scale_usd)))
        put = await self._store.commit(trial, before.version, evidence_of.to_text(after), len(new))
        return after if put else None

    async def _look_at_rollout(self, rollout: Rollout) -> None:
        config = self._config.rollout
        seen = await self._grown(
            rollout.trial,
            rollouts.COST_SCALE_USD,
            lambda found: rollouts.looked(rollout, found, config),
            rollout.trial_before,
        )
        if seen is None:
            return
        found = rollouts.judge(rollout, seen, config)
        if found.harmed:
            await self._back(rollout, found.harmed, found.reason)
        elif found.ready and config.auto_advance and (stage := rollout.stage.following):
            await self._move(rollouts.moved(rollout, stage, found.reason, GATEWAY), rollout)

    async def _look_at_experiment(self, name: str, trial: str) -> None:
        experiment = self._config.experiments[name]
        scale_usd = float(experiment.cost_scale_usd)
        seen = await self._grown(trial, scale_usd, lambda found: experiments.looked(experiment, found))
        won = experiments.winner(experiment, seen) if seen is not None and experiment.promotion.enabled else None
        if won is not None and await self._store.promote(trial, won[0]):
            self._trials = replace(self._trials, promoted={**self._trials.promoted, trial: won[0]})
            self._metrics.promoted(name, won[0])
            self._tell(Notice(f"Experiment {name}: {won[0]} now answers for everybody. {won[1]}."))

    async def _look_at_models(self, trials: Trials) -> None:
        text, new = await self._store.waiting(MODELS)
        before = watch.from_text(text)
        after, alarms = await asyncio.to_thread(before.after, new, self._config.watch)
        if not new or not await self._store.commit(MODELS, before.version, watch.to_text(after), len(new)):
            return
        for alarm in alarms:
            self._metrics.changed(alarm)
            self._tell(Notice(alarm.text))
            for rollout in trials.rollouts.values():
                if rollout.stage is Stage.FULL and alarm.direction == "worse" and self._serves(rollout, alarm.model):
                    await self._back(rollout, "escalation", alarm.text)

    def _serves(self, rollout: Rollout, model: str) -> bool:
        """Whether the model is behind the rollout's candidate."""
        candidate, config = rollout.candidate, self._config
        group = config.group(candidate) if candidate in config.tiers else candidate
        deployments = self._catalog.groups.get(group, ())
        return any(model in (d.model, d.model.partition("/")[2]) for d in deployments)

    async def _back(self, rollout: Rollout, rate: str, reason: str) -> None:
        if await self._move(rollouts.moved(rollout, Stage.BACK, reason, GATEWAY), rollout):
            self._metrics.rolled_back(rollout, rate)

    async def _move(self, after: Rollout, before: Rollout) -> bool:
        try:
            await self._store.put(after, before)
        except RolloutConflictError:
            return False  # an operator was quicker; the next look sees what they did
        self._trials = replace(self._trials, rollouts={**self._trials.rollouts, after.task: after})
        words = "rolled back from" if after.stage is Stage.BACK else f"advanced to {after.stage.value} from"
        what = f"Rollout of {after.task} to {after.candidate}: {words} {before.stage.value}"
        self._tell(Notice(f"{what}. {after.moves[-1].reason}."))
        return True


async def _if_readable(looking: Awaitable[None]) -> None:
    """One trial whose state cannot be read keeps nobody from looking at the others."""
    try:
        await looking
    except ValueError as error:
        log.error("the evidence of a trial cannot be read: %s", error)

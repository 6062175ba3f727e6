"""The settings of what happens to an answer: asked again of a better model, or brought into one form."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from pydantic import Field, field_validator

from classifier.labels import TASKS
from plugins.normalise import Rule
from plugins.settings import Settings, Share


class AnswerJudgeConfig(Settings):
    """A small model that is asked whether a cheap answer which passed every check is good enough. Off by default.

    `tasks`: of these task classes, where the answer could be asked again. `tier`: which model judges (none, or where a
    request may not go there: the cheapest that the request may use). `max_share`: of a tenant's recent answers, counted
    by each process like that of escalation. `max_usd_per_day`: per tenant, over all processes. The client waits for the
    verdict, `timeout_ms` at most; without one the answer goes out.
    """

    tasks: tuple[str, ...] = ()
    tier: str | None = None
    max_share: Share = 0.1
    max_usd_per_day: Annotated[Decimal, Field(ge=0)] = Decimal(1)
    timeout_ms: Annotated[int, Field(gt=0)] = 3000

    @field_validator("tasks")
    @classmethod
    def _known_tasks(cls, tasks: tuple[str, ...]) -> tuple[str, ...]:
        _check_tasks(set(tasks))
        return tasks


class EscalationConfig(Settings):
    """One better model after a cheap answer that is not good enough, within each tenant's budget for it.

    `max_share` is of a tenant's recent answers (some 2,000), counted by each process and so never exceeded over all: at
    0.2 the first one comes with the fifth answer at the earliest.
    `max_usd_per_day` is per tenant, over all processes. Streams of the tasks in `buffer_streams_for` are held back
    until the answer was checked; the answers of other streams are never asked again.
    """

    enabled: bool = True
    max_share: Share = 0.2
    max_usd_per_day: Annotated[Decimal, Field(ge=0)] | None = None
    buffer_streams_for: tuple[str, ...] = ()
    judge: AnswerJudgeConfig = AnswerJudgeConfig()

    @field_validator("buffer_streams_for")
    @classmethod
    def _known_tasks(cls, tasks: tuple[str, ...]) -> tuple[str, ...]:
        _check_tasks(set(tasks))
        return tasks


class AnswersConfig(Settings):
    """What of answers is brought into one form, by task class: `json_fences` and `json_only` (of requests that ask
    for JSON, not streamed), `finish_reason`. Nothing by default."""

    normalise: dict[str, tuple[Rule, ...]] = Field(default_factory=dict)

    @field_validator("normalise")
    @classmethod
    def _known_tasks(cls, rules: dict[str, tuple[Rule, ...]]) -> dict[str, tuple[Rule, ...]]:
        _check_tasks(set(rules))
        return rules


def _check_tasks(named: set[str]) -> None:
    """A misspelt task class would never apply."""
    if unknown := sorted(named - set(TASKS)):
        raise ValueError(f"unknown task class {unknown[0]!r}: known are {', '.join(TASKS)}")

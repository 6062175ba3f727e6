"""The `cache` section: what is kept, for how long, shared with whom, and how its errors are watched."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from classifier.labels import TASKS
from plugins.settings import Name, Settings, Share

LOWEST_BOUND = 0.3  # scores below are never served, whatever was learnt


class CacheChecksConfig(Settings):
    """Semantic hits that the model answers too, afterwards, to compare: what keeps thresholds honest.

    `share`: of semantic hits, and of near misses whose stored answer is compared with the one just made (a tenant may
    set its own, `cache_check_share`). `max_usd_per_day`: per tenant, over all processes; every check is held and
    charged like any call. `judge_tier`: which model compares two answers that are worded differently (none: the
    cheapest that the request may use). `half_life_days`: after it what was found counts half. `lowest_threshold`,
    `highest_threshold`: how far what was found may move the verifier's threshold; at 1 only the same words are served.
    `confidence`: one minus the accepted chance that it moves without cause.
    """

    share: Annotated[Share, Field(le=0.2)] = 0.02
    max_usd_per_day: Annotated[Decimal, Field(ge=0)] = Decimal(1)
    judge_tier: str | None = None
    half_life_days: Annotated[float, Field(ge=2, le=365)] = 30.0
    lowest_threshold: Annotated[float, Field(ge=LOWEST_BOUND, le=1)] = 0.5
    highest_threshold: Annotated[float, Field(ge=LOWEST_BOUND, le=1)] = 1.0
    confidence: Annotated[float, Field(ge=0.5, lt=1)] = 0.95


class CacheConfig(Settings):
    """`accepted_error` is the share of wrong answers accepted among served semantic hits.

    `redis_url`: a Redis of its own for answers, which may evict them; none: the gateway's, whose budgets must never
    be evicted. `uncaptured`: what happens to answers of tenants whose content is not captured: they are not cached, or
    encrypted at rest with `encryption_key` (32 characters or more, from a Secret) for the very same request only.
    `max_memory_share`: from this share of Redis' `maxmemory` on nothing more is stored, so that answers
    never take the room of budgets. `shared_groups`: tenants that answer for each other, by name of the group; each of
    them must also name the group (`cache_group`). `breaker_open_ms`: how long Redis is left alone after it failed.
    `lease_ms`: how long one call may keep identical ones waiting; `wait_ms`: how long one waits at most before it calls
    the model itself.
    """

    enabled: bool = True
    semantic: bool = True
    redis_url: str | None = None
    uncaptured: Literal["skip", "encrypt"] = "skip"
    encryption_key: Annotated[str, Field(min_length=32)] | None = None
    max_memory_share: Annotated[Share, Field(gt=0)] = 0.8
    ttl_s: Annotated[int, Field(gt=0)] = 86_400
    task_ttl_s: dict[str, Annotated[int, Field(gt=0)]] = Field(default_factory=dict)
    max_distance: Annotated[float, Field(ge=0, le=2)] = 0.35
    candidates: Annotated[int, Field(gt=0, le=50)] = 4
    accepted_error: Annotated[Share, Field(gt=0, lt=0.5)] = 0.005
    checks: CacheChecksConfig = CacheChecksConfig()
    shared_groups: dict[Name, tuple[Name, ...]] = Field(default_factory=dict)
    max_temperature: Annotated[float, Field(ge=0)] = 1.0
    max_entry_bytes: Annotated[int, Field(gt=0)] = 262_144
    timeout_ms: Annotated[int, Field(gt=0)] = 250
    breaker_open_ms: Annotated[int, Field(gt=0)] = 2_000
    lease_ms: Annotated[int, Field(gt=0)] = 15_000
    wait_ms: Annotated[int, Field(ge=0)] = 30_000

    @model_validator(mode="after")
    def _encrypts_with_a_key(self) -> CacheConfig:
        if self.uncaptured == "encrypt" and not self.encryption_key:
            raise ValueError("uncaptured: encrypt needs encryption_key: set it to os.environ/NAME of a Secret")
        return self

    @field_validator("task_ttl_s")
    @classmethod
    def _known_tasks(cls, times: dict[str, int]) -> dict[str, int]:
        if unknown := sorted(set(times) - set(TASKS)):
            raise ValueError(f"unknown task class {unknown[0]!r}: known are {', '.join(TASKS)}")
        return times

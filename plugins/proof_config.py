"""The `experiments`, `rollout` and `watch` sections: what may be tried on real traffic, and within which bounds."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field, model_validator

from plugins.settings import Name, Settings, Share

Alpha = Annotated[float, Field(gt=0, le=0.2)]
Usd = Annotated[Decimal, Field(gt=0)]


class VariantConfig(Settings):
    """What is different in one arm of an experiment; nothing, for the control. `system` is put before the request's
    own messages. `easy_below` and `hard_from` stand in for the thresholds of every task class. `weight`: how many of
    the units it gets, beside the others' weights."""

    weight: Annotated[float, Field(gt=0, le=1000)] = 1.0
    tier: str | None = None
    model: str | None = None
    system: Annotated[str, Field(min_length=1, max_length=8000)] | None = None
    easy_below: Share | None = None
    hard_from: Share | None = None

    @model_validator(mode="after")
    def _one_target(self) -> VariantConfig:
        if self.tier and self.model:
            raise ValueError("name a tier or a model, not both")
        return self

    @property
    def reroutes(self) -> bool:
        """Whether another model may answer than without it."""
        return any(value is not None for value in (self.tier, self.model, self.easy_below, self.hard_from))


class PromotionConfig(Settings):
    """When a variant is given to everybody without asking: shown to be cheaper than the control, and better by at
    least `min_gain` (share of good answers; negative accepts a loss), with so many answers in both arms and at least
    `min_saving` of the control's mean cost saved. `alpha`: the accepted chance of promoting a variant that is not."""

    enabled: bool = False
    min_gain: Annotated[float, Field(ge=-0.2, le=0.2)] = 0.0
    min_saving: Share = 0.05
    min_observations: Annotated[int, Field(ge=50)] = 500
    alpha: Alpha = 0.05


class ExperimentConfig(Settings):
    """An A/B test. `by`: what is assigned as a whole: a tenant, an end user (requests without `user` take no part), or
    a request with its conversation. `models`: the names a client may have sent. Empty `tenants` or `tasks`: all of
    them. `share`: of the units that take part. `cost_scale_usd`: a call that costs more counts as this much in tests
    of cost. `control`: the variant that the others are compared with; the first one unless named."""

    enabled: bool = True
    by: Literal["tenant", "user", "request"] = "request"
    models: tuple[str, ...] = ("auto",)
    tenants: tuple[str, ...] = ()
    share: Share = 1.0
    variants: Annotated[dict[Name, VariantConfig], Field(min_length=2, max_length=8)]
    control: str | None = None
    cost_scale_usd: Usd = Decimal("0.02")
    alpha: Alpha = 0.05
    promotion: PromotionConfig = PromotionConfig()

    @model_validator(mode="after")
    def _control_exists(self) -> ExperimentConfig:
        if self.control is not None and self.control not in self.variants:
            raise ValueError(f"control {self.control!r} is no variant: {', '.join(self.variants)}")
        return self

    @property
    def reference(self) -> str:
        """The variant that the others are compared with."""
        return self.control or next(iter(self.variants))

    @property
    def tiers(self) -> Iterator[str]:
        """Every tier that a variant names."""
        return (variant.tier for variant in self.variants.values() if variant.tier)


def unknown_names(experiments: Mapping[str, ExperimentConfig], aliases: Container[str], tenants: Container[str]) -> str:
    """What is wrong with the names in experiments; empty if nothing is. A model that a client names is honoured, so
    only an alias can be routed otherwise."""
    for name, experiment in experiments.items():
        reroutes = any(variant.reroutes for variant in experiment.variants.values())
        if reroutes and (named := [model for model in experiment.models if model not in aliases]):
            return f"experiments.{name} changes the route of {named[0]!r}, which is no alias: list aliases under models"
        if missing := [tenant for tenant in experiment.tenants if tenant not in tenants]:
            return f"experiments.{name} names tenant {missing[0]!r}, which is not under tenants"
    return ""


class RolloutConfig(Settings):
    """How `tierwise rollout` moves. A stage is left upwards only when the candidate is shown to have at most `margin`
    more bad answers than the baseline (share of answers), with `min_observations` in both arms; by itself with
    `auto_advance`, otherwise when an operator says so. `alpha`: the accepted chance that a candidate as good as the
    baseline is ever rolled back, over all stages and rates; and, at each stage, that a worse one advances.
    Shadow calls are at most `shadow_share` of the class's calls and `shadow_usd_per_day` for each tenant."""

    margin: Annotated[float, Field(gt=0, le=0.3)] = 0.05
    alpha: Alpha = 0.05
    min_observations: Annotated[int, Field(ge=20)] = 200
    auto_advance: bool = False
    shadow_share: Annotated[Share, Field(le=0.5)] = 0.05
    shadow_usd_per_day: Usd = Decimal("1")
    shadow_at_once: Annotated[int, Field(ge=1, le=64)] = 4
    shadow_timeout_s: Annotated[int, Field(ge=1, le=300)] = 60


class WatchConfig(Settings):
    """Notices when a model's answers have changed though its name has not. The share of answers that the checks find
    wanting is learnt from the first `baseline` answers of each model, then watched; `tolerance` is the change in that
    share that does not matter, `run_length` the answers that pass on average before a false alarm, at least."""

    enabled: bool = True
    baseline: Annotated[int, Field(ge=100)] = 1000
    tolerance: Annotated[float, Field(ge=0, le=0.3)] = 0.03
    run_length: Annotated[int, Field(ge=1000)] = 100_000

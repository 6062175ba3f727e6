"""Every setting of the `gateway:` section, typed and closed: the only source of defaults.

Units are in the names. An unknown key, a wrong type or a contradiction stops start-up; `config_file.py`
adds the line and the fix to the message. Values written `os.environ/NAME` are resolved there too.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator, model_validator

from classifier.labels import TASKS
from plugins.answers_config import AnswersConfig, EscalationConfig
from plugins.cache_config import CacheConfig
from plugins.learning_config import LearningConfig
from plugins.proof_config import ExperimentConfig, RolloutConfig, WatchConfig, unknown_names
from plugins.settings import Name, Settings, Sha256, Share
from plugins.values import Cap, Difficulty, Window, micros


class CapConfig(Settings):
    """One limit: dollars or tokens per hour, day, calendar month or in total, for one tier if named."""

    usd: Annotated[Decimal, Field(ge=0)] | None = None
    tokens: Annotated[int, Field(ge=0)] | None = None
    per: Window = Window.MONTH
    tier: str | None = None

    @model_validator(mode="after")
    def _one_unit(self) -> CapConfig:
        if (self.usd is None) == (self.tokens is None):
            raise ValueError("set exactly one of usd and tokens")
        return self

    def on(self, scope: str) -> Cap:
        limit = None if self.usd is None else micros(self.usd)
        return Cap(scope=scope, window=self.per, micros=limit, tokens=self.tokens, tier=self.tier)


class KeyConfig(Settings):
    """A client key, stored as the SHA-256 of its text. `tierwise keys new` prints one."""

    sha256: Sha256
    models: tuple[str, ...] = ("*",)
    caps: tuple[CapConfig, ...] = ()


class AppConfig(Settings):
    """An application of a tenant: its keys and caps."""

    keys: tuple[KeyConfig, ...] = ()
    caps: tuple[CapConfig, ...] = ()


class TenantConfig(Settings):
    """Who pays. Caps on the tenant, on each app and key, and on each end user (the `user` field).

    `cache_group`: answers are shared with the other tenants of this group, which the group must list as well.
    `cache_check_share`, `accepted_cache_error`: its own `cache.checks.share` and `cache.accepted_error`.
    """

    apps: dict[Name, AppConfig] = Field(default_factory=dict)
    caps: tuple[CapConfig, ...] = ()
    end_user_caps: tuple[CapConfig, ...] = ()
    timezone: str = "UTC"
    residency: Literal["any", "on_premise"] = "any"
    region: str | None = None
    sensitive: Literal["on_premise", "redact", "refuse", "allow"] = "on_premise"
    capture: Literal["full", "redacted", "none"] | None = None
    cache: Literal["tenant", "end_user", "off"] = "tenant"
    cache_group: Name | None = None
    cache_check_share: Annotated[Share, Field(le=1)] | None = None
    accepted_cache_error: Annotated[Share, Field(gt=0, lt=0.5)] | None = None
    when_ledger_away: Literal["deny", "small_only", "allow"] = "deny"

    @field_validator("timezone")
    @classmethod
    def _known_timezone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError(f"unknown time zone {name!r}: use an IANA name such as Europe/Vienna") from None
        return name

    @property
    def captured(self) -> Literal["full", "redacted", "none"]:
        """What of a prompt may be traced; nothing by default where data must stay on premise."""
        return self.capture or ("none" if self.residency == "on_premise" else "redacted")


class TierConfig(Settings):
    """A tier is a model group of `model_list`. Tiers are listed from the cheapest to the dearest."""

    model_group: str | None = None
    strength: Literal["weak", "mid", "strong"]
    on_premise: bool = False
    in_auto: bool = True


class AliasConfig(Settings):
    """What `auto`, `fast`, `cheap` or `best` may choose: the tiers between these two, ends included. Tiers that lately
    took longer than `first_token_ms` (streams) or `answer_ms` (others) are passed over for a quicker one, if any."""

    min_tier: str | None = None
    max_tier: str | None = None
    first_token_ms: Annotated[int, Field(gt=0)] | None = None
    answer_ms: Annotated[int, Field(gt=0)] | None = None


class DispatchRow(Settings):
    """The tier per difficulty for one task class, and where the difficulties begin (hardness, 0 to 1)."""

    easy: str | None = None
    medium: str | None = None
    hard: str | None = None
    easy_below: Share | None = None
    hard_from: Share | None = None

    def tier(self, difficulty: Difficulty) -> str | None:
        return {Difficulty.EASY: self.easy, Difficulty.MEDIUM: self.medium, Difficulty.HARD: self.hard}[difficulty]


class JudgeConfig(Settings):
    """The small LLM that is asked when the classifier is unsure."""

    enabled: bool = False
    tier: str | None = None
    max_share: Share = 0.05
    timeout_ms: Annotated[int, Field(gt=0)] = 1500
    below_confidence: Share = 0.55


class RoutingConfig(Settings):
    """`default` applies to every task class without a row of its own."""

    default: DispatchRow
    tasks: dict[str, DispatchRow] = Field(default_factory=dict)
    aliases: dict[str, AliasConfig] = Field(
        default_factory=lambda: {
            "auto": AliasConfig(),
            "fast": AliasConfig(),
            "cheap": AliasConfig(),
            "best": AliasConfig(),
        }
    )
    long_context_tokens: Annotated[int, Field(gt=0)] = 24_000
    judge: JudgeConfig = JudgeConfig()
    learning: LearningConfig = LearningConfig()

    @field_validator("tasks")
    @classmethod
    def _known_tasks(cls, rows: dict[str, DispatchRow]) -> dict[str, DispatchRow]:
        if unknown := sorted(set(rows) - set(TASKS)):
            raise ValueError(f"unknown task class {unknown[0]!r}: known are {', '.join(TASKS)}")
        return rows


class BudgetConfig(Settings):
    """`admit: worst_case` never overspends; `typical` admits on an estimate. A leaked hold expires."""

    admit: Literal["worst_case", "typical"] = "worst_case"
    hold_ttl_s: Annotated[int, Field(gt=0)] = 900
    expired_holds: Literal["charge", "release"] = "charge"
    alert_shares: tuple[Share, ...] = (0.8, 0.95)
    alert_webhook_url: str | None = None
    step_down_share: Share | None = None
    small_only_allowance_usd: Annotated[Decimal, Field(ge=0)] = Decimal("1")
    timeout_ms: Annotated[int, Field(gt=0)] = 1000


class TracingConfig(Settings):
    """Langfuse when its keys are set; the local JSONL file otherwise (or as well, if named).

    `spool_dir` is `spool` in the gateway's `state_dir` unless named. `feedback_ttl_s`: how long after a request its
    feedback is taken. `automatic_scores`: also send to Langfuse what the gateway itself noticed about an answer.
    """

    langfuse_host: str = "https://cloud.langfuse.com"
    langfuse_public_key: str | None = None
    langfuse_secret_key: str | None = None
    file: str | None = None
    spool_dir: str | None = None
    file_max_bytes: Annotated[int, Field(gt=0)] | None = 256 * 1024 * 1024
    spool_bytes: Annotated[int, Field(gt=0)] = 256 * 1024 * 1024
    queue_bytes: Annotated[int, Field(gt=0)] = 32 * 1024 * 1024
    timeout_ms: Annotated[int, Field(gt=0)] = 10_000
    max_content_chars: Annotated[int, Field(gt=0)] = 20_000
    automatic_scores: bool = True
    feedback_ttl_s: Annotated[int, Field(gt=0)] = 86_400


class MetricsConfig(Settings):
    """`token` is what Prometheus sends as bearer token to read /metrics; without one only the master key may."""

    token: Annotated[str, Field(min_length=16)] | None = None


class PolicyConfig(Settings):
    """`patterns` adds regular expressions by kind; `kinds` says which built-in kinds count (none: all).

    `injection: route` sends prompts that look like an injection to `injection_tier` alone (the cheapest of `auto`
    unless named). `integrity`: an answer that is malformed, oversized or names another model is asked again of a
    better one like any bad answer; where that cannot be, it is traced (flag) or withheld with a 502 (refuse).
    """

    on_premise_tier: str | None = None
    kinds: tuple[str, ...] = ()
    patterns: dict[Name, str] = Field(default_factory=dict)
    injection: Literal["off", "flag", "block", "route"] = "flag"
    injection_tier: str | None = None
    integrity: Literal["off", "flag", "refuse"] = "flag"


class LimitsConfig(Settings):
    """Bounds on what a client may send and how long a request may take. `attempts`: calls of models for one request,
    retries and fallbacks included; an escalation and the small LLM come on top. `request_timeout_s` bounds them
    together; what one of them may take is LiteLLM's `router_settings.timeout` and `stream_timeout`. `pass_fields`:
    fields of a provider's own that clients may send besides OpenAI's; all others are dropped."""

    max_body_bytes: Annotated[int, Field(gt=0)] = 16 * 1024 * 1024
    request_timeout_s: Annotated[int, Field(gt=0)] = 600
    attempts: Annotated[int, Field(ge=1, le=10)] = 6
    pass_fields: tuple[Name, ...] = ()


class GatewayConfig(Settings):
    """The whole `gateway:` section. `fast_lane`: chat requests go past LiteLLM's web framework and key check, and hits
    of the cache past all of LiteLLM, where nothing of its configuration has a say there."""

    environment: Name = "production"
    state_dir: str = ".tierwise"  # local traces without Langfuse, spooled traces, settlements while Redis is away
    redis_url: str | None = None
    fast_lane: bool = True
    tiers: dict[Name, TierConfig]
    baseline_tier: str | None = None
    routing: RoutingConfig
    cache: CacheConfig = CacheConfig()
    budgets: BudgetConfig = BudgetConfig()
    policy: PolicyConfig = PolicyConfig()
    escalation: EscalationConfig = EscalationConfig()
    answers: AnswersConfig = AnswersConfig()
    tracing: TracingConfig = TracingConfig()
    metrics: MetricsConfig = MetricsConfig()
    limits: LimitsConfig = LimitsConfig()
    experiments: dict[Name, ExperimentConfig] = Field(default_factory=dict)
    rollout: RolloutConfig = RolloutConfig()
    watch: WatchConfig = WatchConfig()
    keys_file: str | None = None
    tenants: dict[Name, TenantConfig]

    @model_validator(mode="after")
    def _names_exist(self) -> GatewayConfig:
        rows = {"default": self.routing.default, **self.routing.tasks}
        used = [(f"routing.{n}", t) for n, row in rows.items() for d in Difficulty if (t := row.tier(d))]
        used += [("routing.default", "")] if not all(self.routing.default.tier(d) for d in Difficulty) else []
        for name, alias in self.routing.aliases.items():
            used += [(f"routing.aliases.{name}", t) for t in (alias.min_tier, alias.max_tier) if t]
        optional = (
            ("routing.judge.tier", self.routing.judge.tier),
            ("escalation.judge.tier", self.escalation.judge.tier),
            ("cache.checks.judge_tier", self.cache.checks.judge_tier),
            ("policy.on_premise_tier", self.policy.on_premise_tier),
            ("policy.injection_tier", self.policy.injection_tier),
            ("baseline_tier", self.baseline_tier),
        )
        used += [(where, tier) for where, tier in optional if tier]
        used += [(f"experiments.{n}", tier) for n, e in self.experiments.items() for tier in e.tiers]
        for where, tier in used:
            if tier not in self.tiers:
                known = ", ".join(self.tiers)
                raise ValueError(f"{where} names tier {tier!r}, which is not under tiers (known: {known})")
        if clash := sorted(set(self.routing.aliases) & set(self.tiers)):
            raise ValueError(f"{clash[0]!r} is both an alias and a tier: rename one")
        if wrong := unknown_names(self.experiments, self.routing.aliases, self.tenants):
            raise ValueError(wrong)
        return self

    @model_validator(mode="after")
    def _sharing_is_mutual(self) -> GatewayConfig:
        groups = self.cache.shared_groups
        for name, tenant in self.tenants.items():
            group = tenant.cache_group
            if group is not None and name not in groups.get(group, ()):
                raise ValueError(f"tenants.{name}.cache_group is {group!r}: list {name} under cache.shared_groups too")
            if group is not None and tenant.cache == "end_user":
                raise ValueError(f"tenants.{name} caches per end user and shares with {group!r}: choose one")
        return self

    @model_validator(mode="after")
    def _keys_are_unique(self) -> GatewayConfig:
        seen: dict[str, str] = {}
        for tenant_name, tenant in self.tenants.items():
            for app_name, app in tenant.apps.items():
                for key in app.keys:
                    where = f"{tenant_name}/{app_name}"
                    if other := seen.get(key.sha256):
                        raise ValueError(f"the same key is listed under {other} and {where}: remove one")
                    seen[key.sha256] = where
        return self

    def group(self, tier: str) -> str:
        """The model group that serves a tier."""
        return self.tiers[tier].model_group or tier

    @property
    def auto_tiers(self) -> tuple[str, ...]:
        """The tiers that `auto` may choose, cheapest first."""
        return tuple(name for name, tier in self.tiers.items() if tier.in_auto)

    @property
    def baseline(self) -> str:
        """The tier that savings are counted against: the dearest of `auto_tiers` unless named."""
        return self.baseline_tier or self.auto_tiers[-1]

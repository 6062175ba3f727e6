"""Verdicts on prompts, the models there are, and the routes that follow."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from plugins.values.requests import Extra


class Difficulty(StrEnum):
    """How strong a model the classifier thinks a prompt needs; columns of the dispatch table."""

    EASY = "easy"
    MEDIUM = "medium"
    HARD = "hard"


class Layer(StrEnum):
    """Which layer of the cascade decided."""

    NAMED = "named"  # the caller named a tier or a model
    RULES = "rules"
    SCORED = "scored"
    JUDGED = "judged"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a layer of the cascade thinks of a prompt. `score` is the hardness, 0 to 1."""

    task: str
    difficulty: Difficulty
    layer: Layer
    score: float
    threshold: float
    confidence: float
    reason: str
    cost_micros: int = 0  # what asking the small LLM cost


@dataclass(frozen=True, slots=True)
class Rate:
    """A further price of a deployment, pico-dollars per token of input or output: with more than `above_tokens` of
    input, and only for requests with that extra, if one is named."""

    is_output: bool
    pico: int
    above_tokens: int = 0
    only: Extra | None = None


@dataclass(frozen=True, slots=True)
class Deployment:
    """One model behind a model group. Prices are pico-dollars per token (1 USD per million = 1_000_000).

    `input_pico` and `output_pico` are the list price, `rates` what else a token may cost, `request_pico` comes on top
    of each request.
    """

    group: str
    model: str
    provider: str
    input_pico: int
    output_pico: int
    max_input_tokens: int
    max_output_tokens: int
    vision: bool = False
    tools: bool = True
    json_schema: bool = True
    on_premise: bool = False
    region: str | None = None
    cached_pico: int = 0  # for input that the provider still has cached
    rates: tuple[Rate, ...] = ()
    request_pico: int = 0
    image_tokens: int = 5_000  # the most that one image counts as
    mode: str = "chat"  # LiteLLM's word for the provider's API behind it


@dataclass(frozen=True, slots=True)
class Route:
    """Where a call goes: the tier, its model group, and the groups it may fall back to, in order. `wider` are those
    of them with a larger context window."""

    tier: str
    group: str
    fallbacks: tuple[str, ...]
    escalate_to: str | None
    verdict: Verdict
    reason: str
    wider: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Previous:
    """How a conversation's last answered turn was routed. `age_s`: seconds since then."""

    tier: str
    age_s: float
    failed: bool = False

"""The simulated models: prices, latency, limits and how often each gets a question right.

None of these figures is measured on a real model; they are set so that each tier costs several times the one
below and is visibly better, as with the price lists of the large providers.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Difficulty(StrEnum):
    EASY = "easy"
    MIDDLING = "middling"
    HARD = "hard"


@dataclass(frozen=True, slots=True)
class SimModel:
    """One simulated model.

    Prices are micro-dollars per million tokens. `context_tokens` holds prompt and answer together.
    `skill` is the probability, per difficulty, that an answer is right. `completes`: it continues texts and does not
    chat.
    """

    name: str
    input_micros_per_million: int
    cached_input_micros_per_million: int
    output_micros_per_million: int
    context_tokens: int
    max_output_tokens: int
    first_token_ms: float
    tokens_per_s: float
    sees_images: bool
    reasons: bool
    skill: Mapping[Difficulty, float]
    completes: bool = False

    def bill_picos(self, prompt_tokens: int, cached_tokens: int, completion_tokens: int) -> int:
        """Exact charge in pico-dollars (tokens x micro-dollars per million tokens)."""
        return (
            (prompt_tokens - cached_tokens) * self.input_micros_per_million
            + cached_tokens * self.cached_input_micros_per_million
            + completion_tokens * self.output_micros_per_million
        )


def _skill(easy: float, middling: float, hard: float) -> Mapping[Difficulty, float]:
    return MappingProxyType({Difficulty.EASY: easy, Difficulty.MIDDLING: middling, Difficulty.HARD: hard})


_ROWS = (
    SimModel("sim-small", 150_000, 75_000, 600_000, 16_384, 4_096, 150, 160, False, False, _skill(0.98, 0.75, 0.15)),
    SimModel(
        "sim-mid",
        1_000_000,
        500_000,
        4_000_000,
        128_000,
        16_384,
        300,
        90,
        True,
        False,
        _skill(0.995, 0.93, 0.55),
    ),
    SimModel(
        "sim-frontier",
        10_000_000,
        5_000_000,
        40_000_000,
        200_000,
        32_768,
        700,
        50,
        True,
        True,
        _skill(0.999, 0.98, 0.93),
    ),
    SimModel(
        "sim-onprem",
        100_000,
        100_000,
        100_000,
        32_768,
        8_192,
        200,
        70,
        False,
        False,
        _skill(0.97, 0.70, 0.20),
    ),
    SimModel(
        "sim-instruct",
        1_500_000,
        1_500_000,
        2_000_000,
        4_096,
        4_096,
        150,
        120,
        False,
        False,
        _skill(0.98, 0.80, 0.25),
        completes=True,
    ),
)
MODELS: Mapping[str, SimModel] = MappingProxyType({model.name: model for model in _ROWS})

EMBEDDING_MODEL = "sim-embed"
EMBEDDING_MICROS_PER_MILLION = 20_000
EMBEDDING_CONTEXT_TOKENS = 8_192

REASONING_TOKENS: Mapping[str, int] = MappingProxyType({"low": 16, "medium": 64, "high": 192})


def whole_micros(picos: int) -> int:
    """Pico-dollars as micro-dollars, rounded up, as a bill is."""
    return -(-picos // 1_000_000)

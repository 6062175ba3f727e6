"""What a router is compared with: chance, prompt length, and LiteLLM's own two heuristics (its unmodified code)."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np

from classifier.mixture import Vector

Baseline = Callable[[Sequence[str]], Vector]


def random_order(prompts: Sequence[str]) -> Vector:
    """All the same: ties count in expectation, so this is exactly a random mix."""
    return np.zeros(len(prompts))


def prompt_length(prompts: Sequence[str]) -> Vector:
    """Longer is harder."""
    return np.array([len(prompt) for prompt in prompts], dtype=np.float64)


def _without_network() -> None:
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # read when litellm is imported


def litellm_heuristic(prompts: Sequence[str]) -> Vector:
    """The tier of LiteLLM's complexity router, then its score (an override can lift the tier above the score's)."""
    _without_network()
    from litellm.router_strategy.complexity_router.complexity_router import ComplexityRouter
    from litellm.router_strategy.complexity_router.config import TIER_SEVERITY_ORDER

    router = ComplexityRouter("baseline", cast(Any, None), {}, derive_savings_baseline=False)
    found = []
    for prompt in prompts:
        tier, score, _signals = router.classify(prompt)
        found.append(100.0 * TIER_SEVERITY_ORDER.index(tier) + score)
    return np.array(found)


def litellm_heuristic_v2(prompts: Sequence[str]) -> Vector:
    """The tier that LiteLLM's trained table requires, then how unlikely its lowest tier is to succeed."""
    _without_network()
    from litellm.router_strategy.adaptive_router.classifier import classify_prompt
    from litellm.router_strategy.complexity_router.tier_predictor import TierSuccessPredictor, resolve_tier_artifact

    predictor = TierSuccessPredictor(resolve_tier_artifact("ultrafeedback"))
    found = []
    for prompt in prompts:
        prediction = predictor.predict(prompt, classify_prompt(prompt))
        found.append(prediction.required_tier + 1.0 - prediction.probabilities[1])
    return np.array(found)


BASELINES: dict[str, Baseline] = {
    "random": random_order,
    "prompt_length": prompt_length,
    "litellm_heuristic": litellm_heuristic,
    "litellm_heuristic_v2": litellm_heuristic_v2,
}

"""What a finished request says of the arm that it was in, of a candidate that was asked beside it, and of a model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from plugins.outcomes import CHECK_STEPS
from plugins.proof.rollouts import BASELINE, CANDIDATE
from plugins.values import Observation, Trace

SHADOW_STEP: Final = "shadow"
MODELS: Final = "models"  # the trial under which answers are gathered by model, for the watch
_COUNTED: Final = ("answered", "failed")
_NS_PER_MS: Final = 1_000_000


def observations_of(trace: Trace) -> tuple[Observation, ...]:
    """Nothing for a request that took part in nothing, and for one that no model was asked for."""
    if trace.outcome not in _COUNTED:
        return ()
    check = _check(trace)
    shadow = next((step.attributes for step in trace.steps if step.name == SHADOW_STEP), None)
    if shadow is not None and shadow.get("trial"):
        return _in_shadow(trace, check, shadow)
    trial, _, arm = trace.variant.partition(":")
    return (_observed(trace, trial, arm, check),) if arm else ()


def of_model(trace: Trace) -> Observation | None:
    """What the checks said of the model that answered first; None where nobody looked."""
    check = _check(trace)
    first = next((step.attributes for step in trace.steps if step.name == "attempt"), {})
    model = str(first.get("model") or "")
    if trace.outcome != "answered" or check is None or not model or trace.fallbacks:
        return None
    return Observation(MODELS, model, check=check)


def score_of(label: str, value: float | str, is_bad: bool) -> Observation | None:
    """What people said of an answer: a number from 0 to 1 as it is, anything else as good or bad."""
    trial, _, arm = label.partition(":")
    graded = isinstance(value, int | float) and 0.0 <= value <= 1.0
    return Observation(trial, arm, score=float(value) if graded else float(not is_bad)) if arm else None


def _in_shadow(trace: Trace, check: str | None, shadow: Mapping[str, Any]) -> tuple[Observation, ...]:
    """Both arms at once, or neither: the candidate's answer beside the one that was sent."""
    trial = str(shadow["trial"])
    failed = "error" in shadow
    candidate = Observation(
        trial,
        CANDIDATE,
        failed,
        None if failed else str(shadow.get("check", "")),
        int(shadow.get("micros", 0)),
        int(shadow.get("latency_ms", 0)),
    )
    return candidate, _observed(trace, trial, BASELINE, check)


def _observed(trace: Trace, trial: str, arm: str, check: str | None) -> Observation:
    failed = trace.outcome == "failed" or trace.fallbacks > 0
    own = trace.cost_micros - trace.costs.get(SHADOW_STEP, 0)
    took_ms = max(0, trace.ended_ns - trace.started_ns) // _NS_PER_MS
    return Observation(trial, arm, failed, None if failed else check, own, took_ms)


def _check(trace: Trace) -> str | None:
    """The check that found the first answer wanting, empty if none did; None where nobody looked."""
    noted = next((step.attributes for step in trace.steps if step.name in CHECK_STEPS), None)
    return None if noted is None else "" if noted.get("ok") else str(noted.get("check") or "check")

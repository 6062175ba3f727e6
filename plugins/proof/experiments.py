"""What an experiment says: each variant beside the control, and whether one may be promoted without asking."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from plugins.proof.evidence import COST, QUALITY, RATES, ArmEvidence, Evidence
from plugins.proof_config import ExperimentConfig

MICROS_PER_USD: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Line:
    """One variant. `good`: share of good answers, with its interval. `gain` and `saving` are against the control:
    in share of good answers, and in dollars a call (capped at the scale), each with its interval, None for the control.
    `score`: mean of what people said, None without. `words`: what the tests say."""

    variant: str
    calls: int
    good: float
    good_interval: tuple[float, float]
    cost_usd: float
    latency_ms: float
    score: float | None
    gain: float | None
    gain_interval: tuple[float, float] | None
    saving_usd: float | None
    saving_interval: tuple[float, float] | None
    words: str


def looked(experiment: ExperimentConfig, evidence: Evidence) -> Evidence:
    """The evidence with the tests of this look noted, each variant against the control."""
    control, tests = experiment.reference, {}
    for name in others(experiment):
        tests[f"better {name}"] = evidence.exceeds(QUALITY, control, name, experiment.promotion.min_gain)
        tests[f"cheaper {name}"] = evidence.exceeds(COST, control, name, 0.0)
        tests[f"good {name}"] = evidence.exceeds(QUALITY, control, name, 0.0)
        for metric in (QUALITY, *RATES, COST):
            tests[f"worse_{metric} {name}"] = evidence.exceeds(metric, name, control, 0.0)
    return evidence.noting(tests)


def others(experiment: ExperimentConfig) -> Iterator[str]:
    """The variants beside the control."""
    return (name for name in experiment.variants if name != experiment.reference)


def winner(experiment: ExperimentConfig, evidence: Evidence) -> tuple[str, str] | None:
    """(the variant to promote, why); None while none is past every bound."""
    fit = [name for name in others(experiment) if not lacking(experiment, evidence, name)]
    if not fit:
        return None
    reference = evidence.arm(experiment.reference)
    name = min(fit, key=lambda each: evidence.arm(each).mean(COST))
    arm = evidence.arm(name)
    words = f"bad answers {arm.mean(QUALITY):.3f} against {reference.mean(QUALITY):.3f}"
    return name, f"{words}, cost {100 * _saving(arm, reference):.0f} % lower, after {arm.calls} calls"


def lacking(experiment: ExperimentConfig, evidence: Evidence, name: str) -> str:
    """What keeps a variant from being promoted, in words; empty if nothing does."""
    wanted, reference, arm = experiment.promotion, evidence.arm(experiment.reference), evidence.arm(name)
    # A wrong promotion needs one variant to pass wrongly.
    needed = math.log((len(experiment.variants) - 1) / wanted.alpha)
    fewest = min(arm.seen(QUALITY), reference.seen(QUALITY))
    if fewest < wanted.min_observations:
        return f"{fewest} of {wanted.min_observations} answers in the smaller arm"
    for test, words in (("better", f"better by {wanted.min_gain:g}"), ("cheaper", "cheaper")):
        if evidence.peaks.get(f"{test} {name}", 0.0) < needed:
            return f"it is not yet shown to be {words}"
    if worse := [rate for rate in RATES if evidence.peaks.get(f"worse_{rate} {name}", 0.0) >= needed]:
        return f"it is shown to be worse: {', '.join(worse)}"
    saving = _saving(arm, reference)
    return "" if saving >= wanted.min_saving else f"it saves {100 * saving:.0f} % and not {100 * wanted.min_saving:g} %"


def _saving(arm: ArmEvidence, reference: ArmEvidence) -> float:
    """The share of the control's mean cost that the arm saves; costs above the scale count as much as it."""
    return 1.0 - arm.mean(COST) / reference.mean(COST)


def table(experiment: ExperimentConfig, evidence: Evidence) -> list[Line]:
    """A line for each variant, the control first."""
    names = [experiment.reference, *others(experiment)]
    return [_line(experiment, evidence, name) for name in names]


def _line(experiment: ExperimentConfig, evidence: Evidence, name: str) -> Line:
    alpha, control = experiment.alpha, experiment.reference
    arm, scale = evidence.arm(name), float(experiment.cost_scale_usd)
    low, high = evidence.mean_interval(QUALITY, name, alpha)
    gain = saving = None
    gains: tuple[float, float] | None = None
    savings: tuple[float, float] | None = None
    if name != control and arm.seen(QUALITY) and evidence.arm(control).seen(QUALITY):
        gain = evidence.arm(control).mean(QUALITY) - arm.mean(QUALITY)
        gains = evidence.interval(QUALITY, control, name, alpha)
    if name != control and arm.seen(COST) and evidence.arm(control).seen(COST):
        saving = (evidence.arm(control).mean(COST) - arm.mean(COST)) * scale
        ends = evidence.interval(COST, control, name, alpha)
        savings = (ends[0] * scale, ends[1] * scale)
    return Line(
        name,
        arm.calls,
        1.0 - arm.mean(QUALITY),
        (1.0 - high, 1.0 - low),
        arm.cost_micros / MICROS_PER_USD / arm.calls if arm.calls else float("nan"),
        arm.latency_ms / arm.calls if arm.calls else float("nan"),
        1.0 - arm.mean("score") if arm.seen("score") else None,
        gain,
        gains,
        saving,
        savings,
        "control" if name == control else _words(experiment, evidence, name),
    )


def _words(experiment: ExperimentConfig, evidence: Evidence, name: str) -> str:
    """What is shown at the experiment's level; each comparison by itself, each at any number of looks."""
    needed = math.log(1.0 / experiment.alpha)
    said = [
        words
        for test, words in (
            ("good", "better"),
            (f"worse_{QUALITY}", "worse"),
            ("cheaper", "cheaper"),
            (f"worse_{COST}", "dearer"),
            ("worse_score", "rated lower"),
        )
        if evidence.peaks.get(f"{test} {name}", 0.0) >= needed
    ]
    return ", ".join(said) or "no difference shown yet"


def facts(line: Line) -> dict[str, Any]:
    """A line as JSON; what is not known is null."""

    def number(value: float | None) -> float | None:
        return None if value is None or math.isnan(value) else round(value, 6)

    def pair(ends: tuple[float, float] | None) -> list[float] | None:
        return None if ends is None else [round(end, 6) for end in ends]

    return {
        "variant": line.variant,
        "calls": line.calls,
        "good": number(line.good),
        "good_interval": pair(line.good_interval),
        "cost_usd": number(line.cost_usd),
        "latency_ms": number(line.latency_ms),
        "score": number(line.score),
        "gain": number(line.gain),
        "gain_interval": pair(line.gain_interval),
        "saving_usd": number(line.saving_usd),
        "saving_interval": pair(line.saving_interval),
        "result": line.words,
    }

"""How well and how fast sensitive content and prompt injection are found, on the sets in tests/data.

    python -m bench.sensitive --json

The detectors were written against `sensitive` and `injection`; the others are held out (tests/data/README.md). A
finding is right if a labelled span of the same kind overlaps it. `prompt_*` ask only whether a prompt was rightly
told to be sensitive, which is what the policy acts on. Intervals are Wilson's, 95 %.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from plugins.injection import screen
from plugins.sensitive import find_sensitive
from plugins.values import Finding

DATA = Path(__file__).parent.parent / "tests" / "data"
PROMPT_CHARS = 500  # the length at which the time is stated
ROUNDS = 7


@dataclass(slots=True)
class Tally:
    """Hits, false alarms and misses."""

    hit: int = 0
    false: int = 0
    missed: int = 0

    def figures(self, prefix: str = "") -> dict[str, object]:
        right, said, there = self.hit, self.hit + self.false, self.hit + self.missed
        return {
            f"{prefix}labelled": there,
            f"{prefix}precision": _share(right, said),
            f"{prefix}precision_ci": wilson(right, said),
            f"{prefix}recall": _share(right, there),
            f"{prefix}recall_ci": wilson(right, there),
        }

    def count(self, truth: bool, said: bool) -> None:
        self.hit += truth and said
        self.false += said and not truth
        self.missed += truth and not said


@dataclass(frozen=True, slots=True)
class Line:
    """A labelled prompt."""

    language: str
    text: str
    findings: tuple[Finding, ...] = ()
    injection: bool = False


def read(name: str) -> list[Line]:
    """The lines of one labelled set in tests/data."""
    lines = []
    for raw in (DATA / name).read_text(encoding="utf-8").splitlines():
        row = json.loads(raw)
        findings = tuple(Finding(**finding) for finding in row.get("findings", ()))
        lines.append(Line(row["language"], row["text"], findings, row.get("injection", False)))
    return lines


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def wilson(part: int, whole: int, z: float = 1.96) -> list[float]:
    """Wilson's 95 % interval of a proportion (Wilson 1927); [0, 1] without observations."""
    if not whole:
        return [0.0, 1.0]
    share, square = part / whole, z * z
    middle = (share + square / (2 * whole)) / (1 + square / whole)
    half = z / (1 + square / whole) * math.sqrt(share * (1 - share) / whole + square / (4 * whole * whole))
    return [round(max(0.0, middle - half), 4), round(min(1.0, middle + half), 4)]


def _overlaps(one: Finding, other: Finding) -> bool:
    return one.kind == other.kind and one.start < other.end and other.start < one.end


def spans_by_kind(lines: Iterable[Line]) -> dict[str, Tally]:
    """Hits, false alarms and misses per kind."""
    by_kind: dict[str, Tally] = {}
    for line in lines:
        found = find_sensitive(line.text)
        for finding in found:
            right = any(_overlaps(finding, label) for label in line.findings)
            tally = by_kind.setdefault(finding.kind, Tally())
            tally.hit += right
            tally.false += not right
        for label in line.findings:
            by_kind.setdefault(label.kind, Tally()).missed += not any(_overlaps(label, f) for f in found)
    return dict(sorted(by_kind.items()))


def _prompts(lines: Iterable[Line], truth: Callable[[Line], bool], said: Callable[[Line], bool]) -> Tally:
    tally = Tally()
    for line in lines:
        tally.count(truth(line), said(line))
    return tally


def _by_language(
    lines: Sequence[Line], truth: Callable[[Line], bool], said: Callable[[Line], bool]
) -> dict[str, object]:
    languages = sorted({line.language for line in lines})
    return {code: _prompts([x for x in lines if x.language == code], truth, said).figures() for code in languages}


def timing(lines: Sequence[Line], step: Callable[[str], object]) -> dict[str, float]:
    """CPU milliseconds per prompt of PROMPT_CHARS characters, made by joining lines; best of some rounds."""
    joined = "\n".join(line.text for line in lines)
    prompts = [joined[at : at + PROMPT_CHARS] for at in range(0, len(joined) - PROMPT_CHARS, PROMPT_CHARS)]
    best = [min(_time(step, prompt) for _ in range(ROUNDS)) for prompt in prompts]
    ranked = sorted(best)
    p99 = ranked[math.ceil(0.99 * len(ranked)) - 1]
    return {"p50_ms": round(statistics.median(best), 4), "p99_ms": round(p99, 4), "chars": PROMPT_CHARS}


def _time(step: Callable[[str], object], text: str) -> float:
    started = time.thread_time_ns()
    step(text)
    return (time.thread_time_ns() - started) / 1e6


def sensitive_report(name: str) -> dict[str, object]:
    """Figures of `find_sensitive` on one set: spans per kind, prompts overall and per language, time."""
    lines = read(name)
    by_kind = spans_by_kind(lines)
    total = Tally(*(sum(getattr(t, name) for t in by_kind.values()) for name in ("hit", "false", "missed")))

    def truth(line: Line) -> bool:
        return bool(line.findings)

    def said(line: Line) -> bool:
        return bool(find_sensitive(line.text))

    clean = [line for line in lines if not line.findings]
    return {
        "prompts": len(lines),
        **_prompts(lines, truth, said).figures("prompt_"),
        **total.figures("span_"),
        "by_kind": {kind: tally.figures() for kind, tally in by_kind.items()},
        "by_language": _by_language(lines, truth, said),
        "time": {
            "plain": timing([line for line in read("injection.jsonl") if not line.injection], find_sensitive),
            "lookalikes": timing(clean, find_sensitive),
            "dense": timing(lines, find_sensitive),
        },
    }


def injection_report(name: str) -> dict[str, object]:
    """Figures of `screen` on one set: prompts overall and per language, time."""
    lines = read(name)

    def truth(line: Line) -> bool:
        return line.injection

    def said(line: Line) -> bool:
        return screen(line.text) is not None

    return {
        "prompts": len(lines),
        **_prompts(lines, truth, said).figures("prompt_"),
        "by_language": _by_language(lines, truth, said),
        "time": timing(lines, screen),
    }


def main() -> None:
    """Print the figures: one JSON object with --json, otherwise a short table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    as_json = parser.parse_args().json
    sources = {
        "sensitive": sensitive_report("sensitive.jsonl"),
        "sensitive_fresh": sensitive_report("sensitive_fresh.jsonl"),
        "injection": injection_report("injection.jsonl"),
        "injection_fresh": injection_report("injection_fresh.jsonl"),
        "injection_unseen": injection_report("injection_unseen.jsonl"),
    }
    keys = ("prompts", "prompt_precision", "prompt_precision_ci", "prompt_recall", "prompt_recall_ci", "time")
    overall = {name: {key: report[key] for key in keys} for name, report in sources.items()}
    if as_json:
        print(json.dumps({"overall": overall, "by_source": sources}))
        return
    for name, figures in overall.items():
        print(name, *(f"{key}={value}" for key, value in figures.items()), sep="\n  ")


if __name__ == "__main__":
    main()

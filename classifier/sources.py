"""Outcomes from production, as rows that `tierwise train` reads: traces and the scores that people gave them.

Traces are the gateway's own (`traces.jsonl`) or exported from Langfuse (traces, or observations), scores likewise
(`scores.jsonl`, an export, or inside the traces). A file is JSON lines, a JSON array, or an object with such an array
under `data`; it may be compressed (`.gz`).
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from classifier.data import DataError
from classifier.langfuse_export import decoded, metadata_of, trace_id

Json = dict[str, Any]
OWN_SCORES: Final = "gateway."  # what the gateway noticed itself
_OUTCOMES: Final = {"weak": "weak_ok", "mid": "mid_ok", "strong": "strong_ok"}


@dataclass(frozen=True, slots=True)
class Judged:
    """One answer of one tier, and how good it was said to be, 0 to 1."""

    prompt: str
    tier: str
    value: float


def read_objects(path: Path) -> list[Json]:
    """The objects of a file in any of the three layouts. Raises DataError."""
    try:
        raw = path.read_bytes()
        text = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode("utf-8")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise DataError(f"cannot read {path}: {error}") from None
    try:
        whole = json.loads(text)
    except json.JSONDecodeError:
        whole = [_line(path, number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    if isinstance(whole, dict):
        whole = whole["data"] if isinstance(whole.get("data"), list) else [whole]
    if not isinstance(whole, list) or not all(isinstance(each, dict) for each in whole):
        raise DataError(f"{path}: expected objects: JSON lines, an array, or an object with an array under 'data'")
    return whole


def _line(path: Path, number: int, line: str) -> Any:
    try:
        return json.loads(line)
    except json.JSONDecodeError as error:
        raise DataError(f"{path}:{number}: not JSON ({error.msg})") from None


def scores_of(traces: Iterable[Mapping[str, Any]], scores: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, Json]]:
    """(trace id, score) of score records, and of scores inside traces (a list of objects, or name to value)."""
    for score in scores:
        if found := str(score.get("trace_id") or score.get("traceId") or ""):
            yield found, dict(score)
    for trace in traces:
        inside = trace.get("scores")
        if isinstance(inside, dict):
            inside = [
                {"name": name, "value": value}
                for name, values in inside.items()
                for value in (values if isinstance(values, list) else [values])
            ]
        for score in inside if isinstance(inside, list) else ():
            if isinstance(score, dict):
                yield trace_id(trace), score


def choose_name(scores: Iterable[tuple[str, Mapping[str, Any]]], wanted: str | None) -> str:
    """The score to train on: the one wanted, or the only one that is not the gateway's own. Raises DataError."""
    names = Counter(str(score.get("name")) for _, score in scores)
    if wanted is not None:
        if wanted not in names:
            raise DataError(f"no score is named {wanted!r}; there are: {_listed(names)}")
        return wanted
    others = [name for name in names if not name.startswith(OWN_SCORES)]
    if len(others) != 1:
        raise DataError(f"say which score to use with --score NAME; there are: {_listed(names)}")
    return others[0]


def _listed(names: Counter[str]) -> str:
    return ", ".join(f"{name} ({count})" for name, count in names.most_common()) or "none"


def judged_answers(
    traces: Sequence[Json], scores: Iterable[tuple[str, Mapping[str, Any]]], name: str, low: float, high: float
) -> list[Judged]:
    """The answers that were scored under this name, values from `low` to `high` brought to 0..1. Raises DataError.

    Left out: hits of the cache, refused and failed requests, and traces without text (by the capture policy).
    """
    values: dict[str, list[float]] = defaultdict(list)
    for found, score in scores:
        if score.get("name") == name and (value := _value(score, low, high)) is not None:
            values[found].append(value)
    judged = []
    for trace in traces:
        said = values.get(trace_id(trace))
        prompt, tier = prompt_of(trace.get("input")), _fact(trace, "tier")
        if said and prompt and tier and _fact(trace, "outcome") in ("", "answered"):
            judged.append(Judged(prompt, tier, sum(said) / len(said)))
    return judged


def _value(score: Mapping[str, Any], low: float, high: float) -> float | None:
    value, kind = score.get("value"), score.get("dataType") or score.get("data_type")
    if isinstance(value, bool) or kind == "BOOLEAN":
        return float(bool(value))
    if kind in ("CATEGORICAL", "TEXT") or not isinstance(value, int | float):
        return None  # a category has no order; exports give it a number all the same
    if not low <= value <= high:
        raise DataError(f"a score {score.get('name')!r} is {value:g}; give its scale with --low and --high")
    return (value - low) / (high - low)


def prompt_of(given: Any) -> str:
    """The text of a trace's input: plain, or the last user turn of chat messages."""
    given = decoded(given)
    if isinstance(given, str):
        return given.strip()
    if isinstance(given, dict):
        given = given.get("messages") or given.get("input") or given.get("prompt") or ""
        return prompt_of(given)
    for message in reversed(given if isinstance(given, list) else []):
        if isinstance(message, dict) and message.get("role") == "user":
            content = message.get("content")
            if isinstance(content, list):
                content = "\n".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
            return str(content or "").strip()
    return ""


def _fact(trace: Mapping[str, Any], name: str) -> str:
    """A field of the gateway's record, or of the metadata that it gave Langfuse."""
    return str(trace.get(name) or metadata_of(trace).get(name) or "")


def training_rows(judged: Iterable[Judged], strengths: Mapping[str, str], source: str) -> list[Json]:
    """One row per prompt: the mean by tier under `scores`, and by strength (weak, mid, strong) as outcomes."""
    by_prompt: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for answer in judged:
        by_prompt[answer.prompt][answer.tier].append(answer.value)
    rows = []
    for prompt, tiers in by_prompt.items():
        row: Json = {"prompt": prompt, "source": source, "scores": {t: _mean(v) for t, v in sorted(tiers.items())}}
        for strength, field in _OUTCOMES.items():
            values = [value for tier, said in tiers.items() if strengths.get(tier) == strength for value in said]
            if values:
                row[field] = _mean(values)
        rows.append(row)
    return rows


def _mean(values: Sequence[float]) -> float:
    return round(sum(values) / len(values), 4)

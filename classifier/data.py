"""Readers of outcome files (JSON lines) and of the corpus that ships with the package."""

from __future__ import annotations

import hashlib
import json
import random
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from classifier.labels import LENT, TASKS

CORPUS: Final = Path(__file__).parent / "corpus"
EVERYDAY: Final = "everyday"  # the source of rows whose outcomes are estimates written with the prompt
SLACK: Final = 0.1
_OPTIONS: Final = re.compile(r"\n\(?[A-J][.):]\s")
_OFFERS: Final = re.compile(r"\n\(?[A-J1-9][.):]\s|\s\(a\)\s")  # in each layout of `in_other_format`
_CLOSING: Final = re.compile(r"\n\s*answer:\s*$", re.IGNORECASE)


class DataError(ValueError):
    """A data file cannot be used; the message names the file and line and says what is expected."""


@dataclass(frozen=True, slots=True)
class Row:
    """One prompt. Outcomes are 0 to 1 (or None when not known): how good the answer of each class of model was."""

    prompt: str
    source: str
    group: str
    strong: float | None = None
    weak: float | None = None
    mid: float | None = None
    task: str | None = None

    @property
    def has_outcomes(self) -> bool:
        """Both ends are known."""
        return self.strong is not None and self.weak is not None


def read_json_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """(line number, object) of each line that is not blank. Raises DataError."""
    try:
        text = path.read_text(encoding="utf-8-sig")  # spreadsheets write a mark before the first line
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not UTF-8 text (byte {error.start}); save it as UTF-8") from None
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except json.JSONDecodeError as error:
            raise DataError(f"{path}:{number}: not JSON ({error.msg})") from None
        except RecursionError:
            raise DataError(f"{path}:{number}: nested too deeply") from None
        if not isinstance(value, dict):
            raise DataError(f"{path}:{number}: expected an object with a prompt")
        yield number, value


def _outcomes(value: dict[str, Any], strong: str | None, weak: str | None) -> tuple[float | None, float | None]:
    """strong_ok and weak_ok, or the scores of the two named models brought to 0..1."""
    if strong is None or weak is None:
        return value.get("strong_ok"), value.get("weak_ok")
    if "scores" in value:
        return value["scores"].get(strong), value["scores"].get(weak)
    if "scores_1to10" in value:
        found = value["scores_1to10"]
        return tuple(None if found.get(name) is None else found[name] / 10 for name in (strong, weak))  # type: ignore[return-value]  # two names give two numbers
    return value.get("strong_ok"), value.get("weak_ok")


def _in_range(outcome: float | None) -> float | None:
    """The outcome as a number in 0..1; scorers that miss the ends by a little (SLACK) are clipped."""
    if outcome is None:
        return None
    value = float(outcome)
    if not -SLACK <= value <= 1 + SLACK:
        raise ValueError(outcome)
    return min(max(value, 0.0), 1.0)


def _task_of(value: dict[str, Any]) -> str | None:
    label = str(value.get("task_class") or value.get("task") or "")
    return label if label in TASKS else None


def read_rows(paths: Iterable[Path], strong: str | None = None, weak: str | None = None) -> list[Row]:
    """All rows of the files, without those marked `routellm_contaminated`. Raises DataError on a malformed line."""
    rows = []
    for path in paths:
        for number, value in read_json_lines(path):
            if value.get("routellm_contaminated"):
                continue
            if not isinstance(value.get("prompt"), str):
                traced = ": these look like traces, of which `tierwise outcomes` makes rows" if "input" in value else ""
                raise DataError(f"{path}:{number}: 'prompt' must be a string{traced}")
            high = low = None
            try:
                high, low = _outcomes(value, strong, weak)
                high, low = _in_range(high), _in_range(low)
            except (TypeError, ValueError):
                raise DataError(f"{path}:{number}: outcomes must be numbers in 0..1, found {high}, {low}") from None
            except AttributeError:
                raise DataError(f"{path}:{number}: scores must be an object, of models with numbers") from None
            source = str(value.get("source") or path.stem)
            rows.append(
                Row(
                    prompt=value["prompt"],
                    source=source,
                    group=str(value.get("task") or source),
                    strong=high,
                    weak=low,
                    mid=value.get("mid_ok"),
                    task=_task_of(value),
                )
            )
    return rows


def read_corpus(folder: Path = CORPUS) -> list[Row]:
    """The prompts written for this package, with the estimated chance that each class of model answers well."""
    rows = []
    for path in sorted(folder.glob("*.jsonl")):
        for number, value in read_json_lines(path):
            if value["task"] not in TASKS:
                raise DataError(f"{path}:{number}: unknown task {value['task']!r}; known: {', '.join(TASKS)}")
            rows.append(
                Row(
                    prompt=value["prompt"],
                    source=EVERYDAY,
                    group=value["task"],
                    strong=value["strong"],
                    mid=value["mid"],
                    weak=value["weak"],
                    task=value["task"],
                )
            )
    return rows


def sha256_of(paths: Sequence[Path]) -> dict[str, str]:
    """File name to sha256 of the content."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def has_options(prompt: str) -> bool:
    """Whether the prompt offers answers to choose from."""
    return bool(_OFFERS.search(prompt))


def in_other_format(prompt: str, shape: random.Random) -> str:
    """The same question in another dress: without options, or with them in one of several common layouts."""
    text = _CLOSING.sub("", prompt)
    first = _OPTIONS.search(text)
    if not first:
        return text.strip()
    stem, options = text[: first.start()].strip(), [o.strip() for o in _OPTIONS.split("\n" + text[first.start() :])[1:]]
    layouts = (
        stem,
        f"{stem}\n" + "\n".join(f"{'ABCDEFGHIJ'[i]}) {o}" for i, o in enumerate(options)) + "\nReply with one letter.",
        f"Please answer this multiple-choice question.\n\n{stem}\n\nOptions:\n"
        + "\n".join(f"{'ABCDEFGHIJ'[i]}. {o}" for i, o in enumerate(options)),
        f"{stem} " + " ".join(f"({'abcdefghij'[i]}) {o}" for i, o in enumerate(options)),
        f"Question: {stem}\n" + "\n".join(f"{i + 1}. {o}" for i, o in enumerate(options)) + "\nExplain briefly.",
    )
    return shape.choice(layouts)


def lend(rows: Sequence[Row], seed: int, most: int = 3_000) -> list[Row]:
    """Outcome rows in other formats than their own, for an expert that answers questions of unseen sources.

    Groups (subjects) in which the strong model does not beat the weak one are left out: that is more often a fault
    of the recorded run (answers that could not be parsed) than a fact about such prompts.
    """
    gains: dict[tuple[str, str], list[float]] = defaultdict(list)
    for row in rows:
        if row.strong is not None and row.weak is not None:
            gains[row.source, row.group].append(row.strong - row.weak)
    usable = [
        row for row in rows if row.has_outcomes and row.source != EVERYDAY and sum(gains[row.source, row.group]) > 0
    ]
    shape = random.Random(seed)  # noqa: S311  # a sample, not a secret
    chosen = shape.sample(usable, min(most, len(usable)))
    return [replace(row, prompt=in_other_format(row.prompt, shape), source=LENT, task=None) for row in chosen]

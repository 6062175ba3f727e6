"""Questions of whole applications, as their templates make them, and labelled pairs of each one's questions.

A file of applications has a block for each, with a blank line between: `# name`, then values by name
(`room = the attic room | the suite`), then one question a line, its wordings between `||`, each with the same names in
braces. Wordings of a line with the same values mean the same; other values or another line ask for something else.
What lies nearest to a new question of an application is made of the same line or the same values.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Final

from classifier.pairs.rows import PairRow

SOURCE: Final = "applications"
CORPUS: Final = Path(__file__).with_name("corpus") / "applications.txt"


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, in all its wordings, and the values that it is made of."""

    wordings: tuple[str, ...]
    values: tuple[str, ...]


def read_applications(path: Path = CORPUS) -> Iterator[tuple[str, list[list[Question]]]]:
    """Each application's name and all that it is asked, by line. Raises KeyError for a name that has no values."""
    for block in path.read_text("utf-8").split("\n\n")[1:]:
        name, *lines = block.strip().splitlines()
        values = {key: rest.split("|") for key, equals, rest in (line.partition(" = ") for line in lines) if equals}
        found = [_filled(line.split(" || "), values) for line in lines if " = " not in line]
        yield name.removeprefix("# "), found


def _filled(wordings: list[str], values: dict[str, list[str]]) -> list[Question]:
    names = sorted(set(re.findall(r"{(\w+)}", " ".join(wordings))))
    found = []
    for chosen in product(*(values[name] for name in names)):
        said = {name: value.strip() for name, value in zip(names, chosen, strict=True)}
        found.append(Question(tuple(_tidy(wording.format(**said)) for wording in wordings), tuple(said.values())))
    return found


def _tidy(text: str) -> str:
    text = re.sub(r"\s+", " ", re.sub(r" (?=[?.,])", "", text)).strip().replace("My the", "My")
    return text[0].upper() + text[1:]


def application_pairs(count: int, rng: random.Random, path: Path = CORPUS) -> Iterator[tuple[str, PairRow]]:
    """About `count` pairs with the application's name: rewordings, and near misses in any wording, half of each."""
    everything = list(read_applications(path))
    for _ in range(count):
        name, lines = rng.choice(everything)
        line = rng.choice(lines)
        question = rng.choice(line)
        kind = rng.choice(("reworded", "reworded", "value", "line"))
        other = question
        if kind == "value":
            other = rng.choice([q for q in line if _differing(q, question) == 1] or line)
        elif kind == "line":
            another = rng.choice([one for one in lines if one is not line])
            other = max(rng.sample(another, min(len(another), _LOOKED_AT)), key=lambda q: _shared(q, question))
        first, second = rng.choice(question.wordings), rng.choice(other.wordings)
        if first != second:
            yield name, PairRow(first, second, kind == "reworded", SOURCE, kind)


_LOOKED_AT: Final = 60  # questions of another line, of which the one with the most values in common is taken


def _differing(one: Question, other: Question) -> int:
    return sum(a != b for a, b in zip(one.values, other.values, strict=True))


def _shared(one: Question, other: Question) -> int:
    return len(set(one.values) & set(other.values))

"""Pairs of the questions that one application is asked: what the reader is taught on.

`corpus/applications.txt`, written for this package, names each application's values and then its questions, one a line,
with their wordings. Two wordings of a line with the same values ask the same. The same line with another value, or
another line with the same values, does not, and that is what lies next to a new question in a cache.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from classifier.pairs.generate import mistype
from classifier.pairs.rows import PairRow

CORPUS: Final = Path(__file__).with_name("corpus") / "applications.txt"
SOURCE: Final = "applications"
# Kept from training, to choose the reader's threshold on.
HELD_OUT: Final = frozenset({"gym", "chemistry_store", "transit", "restaurant", "spreadsheet", "recruiting", "writing"})
_OPENINGS: Final = ("please tell me: ", "hi, ", "could you tell me, ", "quick question: ", "hello! ", "hey ",
                    "Can you help me? ", "I wonder, ", "Please: ")  # fmt: skip
_CLOSINGS: Final = (" please", " Thanks!", " Thank you.", " pls", " thx")
Values = dict[str, str]


@dataclass(frozen=True, slots=True)
class Application:
    """`values` by name; `lines` of wordings, in which a name stands in braces."""

    name: str
    values: dict[str, list[str]]
    lines: list[list[str]]

    def draw_values(self, rng: random.Random) -> Values:
        """One value for each name."""
        return {name: rng.choice(values) for name, values in self.values.items()}

    def names(self, line: int) -> frozenset[str]:
        """The names that a line's wordings have."""
        return frozenset(re.findall(r"{(\w+)}", " ".join(self.lines[line])))

    def neighbours(self, line: int) -> list[int]:
        """The other lines, those first that take the same values and have most words in common."""
        mine, words = self.names(line), _words(self.lines[line])

        def nearness(other: int) -> tuple[float, int]:
            theirs, their_words = self.names(other), _words(self.lines[other])
            shared = 1.0 if theirs == mine else 0.5 if theirs & mine else 0.0
            return len(words & their_words) / len(words | their_words) + shared, other

        return sorted((at for at in range(len(self.lines)) if at != line), key=nearness, reverse=True)


def _words(line: list[str]) -> set[str]:
    return set(re.findall(r"\w+", " ".join(line).lower()))


def applications(path: Path = CORPUS) -> Iterator[Application]:
    """All applications of a file."""
    for block in path.read_text("utf-8").split("\n\n")[1:]:
        name, *lines = block.strip().splitlines()
        said = ((key, rest) for key, equals, rest in (line.partition(" = ") for line in lines) if equals)
        values = {key: [value.strip() for value in rest.split("|")] for key, rest in said}
        yield Application(name.removeprefix("# "), values, [s.split(" || ") for s in lines if " = " not in s])


def tidy(text: str) -> str:
    """One space between words, none before punctuation, a capital at the start."""
    text = re.sub(r"\s+", " ", re.sub(r" (?=[?.,])", "", text)).strip()
    return text[0].upper() + text[1:]


def as_typed(text: str, rng: random.Random) -> str:
    """The text as people type it: in lower case, without a mark, with a slip, or politely; or as it is."""
    dress = rng.random()
    if dress < 0.35:
        text = text.lower().rstrip("?.").replace("'", "")
    elif dress < 0.45:
        text = text.rstrip("?.")
    dress = rng.random()
    if dress < 0.07:
        return mistype(text, rng)
    if dress < 0.14:
        return rng.choice(_OPENINGS) + (text[0].lower() + text[1:] if rng.random() < 0.5 else text)
    return text + rng.choice(_CLOSINGS) if dress < 0.18 else text


def application_pairs(application: Application, count: int, rng: random.Random) -> Iterator[PairRow]:
    """`count` pairs: 46 in 100 the same in other words, 28 another line, 18 another value, 8 both."""
    near = [application.neighbours(line) for line in range(len(application.lines))]
    made = 0
    while made < count:
        line = rng.randrange(len(application.lines))
        pair = _pair(application, line, near[line], rng)
        if pair is None:
            continue
        one, other, kind = pair
        one, other = as_typed(tidy(one), rng), as_typed(tidy(other), rng)
        if one == other:
            continue
        made += 1
        if rng.random() < 0.5:
            one, other = other, one
        yield PairRow(one, other, kind == "rewording", SOURCE, kind)


def _pair(app: Application, line: int, near: list[int], rng: random.Random) -> tuple[str, str, str] | None:
    """Two texts and what sets them apart, or nothing if the line takes no value that could change."""
    wordings, values = app.lines[line], app.draw_values(rng)
    wording = rng.choice(wordings)
    kind = rng.random()
    one = wording.format(**values)
    if kind < 0.46:
        rest = [w for w in wordings if w != wording]
        return one, rng.choice(rest).format(**values) if rest and rng.random() < 0.93 else one, "rewording"
    if kind < 0.74:
        at = 0 if rng.random() < 0.15 else min(int(rng.expovariate(1 / 4)), len(near) - 1)
        return one, rng.choice(app.lines[near[at]]).format(**values), "line"
    if kind < 0.92:
        names = sorted(app.names(line))
        if not names:
            return None
        name = rng.choice(names)
        changed = values | {name: rng.choice([v for v in app.values[name] if v != values[name]])}
        return one, rng.choice(wordings if rng.random() < 0.5 else [wording]).format(**changed), "value"
    at = rng.choice(near[:6])
    changed = {n: rng.choice(app.values[n]) if rng.random() < 0.5 else values[n] for n in values}
    return one, rng.choice(app.lines[at]).format(**changed), "both"

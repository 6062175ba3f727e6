"""The pairs that the reader learns from, in two lessons: each a list in a drawn order, with the weight of each pair.

The first is mostly an application's neighbours (`applications`) and written groups (`generate`). A reader that knows
only applications takes every other word for another thing; the second adds questions as people ask them
(`corpus/questions.txt`, `corpus/courses.txt`) and words that may stand for each other (`corpus/interchangeable.txt`),
all written for this package.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from classifier.pairs.applications import HELD_OUT, application_pairs, applications, as_typed, tidy
from classifier.pairs.generate import generate
from classifier.pairs.rows import PairRow, read_rows

Weighted = tuple[PairRow, float]
_CORPUS: Final = Path(__file__).with_name("corpus")
_HELD_OUT_PAIRS: Final = 700  # of each application that is not learnt from
_EACH_LINE: Final = (16, 6)  # pairs of an application's line, in either lesson
_FIRST_SAY: Final = {"applications": 1.0, "groups": 1.5}  # the weight of a pair; 0.7 from elsewhere
_SECOND_SAY: Final = {"applications": 1.0, "groups": 2.0, "questions": 2.5, "courses": 1.0}
_EDITS: Final = ("one_edit_clean", "surface_clean")  # plain edits: a part is enough
_INTENTS: Final = "banking77"  # one intent is looser than one answer: its positives are left out
_COURSES: Final = {
    "c": ("chemistry courses", "history classes", "upper-level electives", "evening seminars", "language courses",
          "introductory classes", "online modules", "sport courses"),
    "s": ("this term", "next semester", "in fall", "in spring", "this year", "during the summer"),
}  # fmt: skip
_EACH_COURSE_LINE: Final = 45


def first_lesson(files: Sequence[Path], seed: int) -> tuple[list[Weighted], list[PairRow]]:
    """Pairs to learn from, and pairs of held-out applications and groups."""
    rng = random.Random(seed)  # noqa: S311 - data, not secrets
    rows: list[PairRow] = []
    held: list[PairRow] = []
    for app in applications():
        kept = app.name in HELD_OUT
        count = _HELD_OUT_PAIRS if kept else _EACH_LINE[0] * len(app.lines)
        (held if kept else rows).extend(application_pairs(app, count, rng))
    for unit, row in generate(seed):
        if _is_held_out(unit):
            held.append(row)
        elif unit.startswith("group-"):
            rows.append(_typed(row, rng))
        else:
            rows.append(row)
    rows += _of_files(files, edits=2, intents=1)
    weighted = [(row, _FIRST_SAY.get(row.source, 0.7)) for row in rows]
    rng.shuffle(weighted)
    return weighted, held


def second_lesson(files: Sequence[Path], seed: int) -> list[Weighted]:
    """Fewer pairs of applications, and more of natural questions."""
    rng = random.Random(seed + 1)  # noqa: S311 - data, not secrets
    rows = [
        row
        for app in applications()
        if app.name not in HELD_OUT
        for row in application_pairs(app, _EACH_LINE[1] * len(app.lines), rng)
    ]
    rows += [_typed(row, rng) for row in _question_pairs()]
    for unit, row in generate(seed):
        if unit.startswith("group-"):
            rows += [] if _is_held_out(unit) else [_typed(row, rng)]
        elif rng.random() < 0.35:
            rows.append(row)
    rows += _of_files(files, edits=4, intents=3)
    rows += [_typed(replace(row, a=tidy(row.a), b=tidy(row.b)), rng) for row in _course_pairs(rng)]
    weighted = [(row, _SECOND_SAY.get(row.source, 0.7)) for row in rows]
    weighted += _exchanged(rows, rng)
    turned = [(replace(row, a=row.b, b=row.a) if rng.random() < 0.5 else row, say) for row, say in weighted]
    rng.shuffle(turned)
    return turned


def is_held_out(number: int) -> bool:
    """Whether the group of this number is kept from the reader: one in three, to fit on when it may overrule."""
    return number % 3 == 0


def _is_held_out(unit: str) -> bool:
    return unit.startswith("group-") and is_held_out(int(unit.removeprefix("group-")))


def _typed(row: PairRow, rng: random.Random) -> PairRow:
    return replace(row, a=as_typed(row.a, rng), b=as_typed(row.b, rng))


def _of_files(files: Sequence[Path], edits: int, intents: int) -> Iterator[PairRow]:
    """All rows but positives of intents; of plain edits, and of intents, every so manieth."""
    for path in files:
        step = edits if path.stem in _EDITS else intents if path.stem == _INTENTS else 1
        for at, row in enumerate(read_rows([path])):
            if at % step == 0 and not (path.stem == _INTENTS and row.same):
                yield row


def _wordings(name: str) -> Iterator[tuple[list[str], list[str]]]:
    """Each line's wordings, and what lies near them."""
    for line in (_CORPUS / name).read_text("utf-8").splitlines()[1:]:
        same, _, near = line.partition(" >> ")
        yield same.split(" || "), near.split(" || ")


def _question_pairs() -> Iterator[PairRow]:
    for same, near in _wordings("questions.txt"):
        for at, one in enumerate(same):
            yield from (PairRow(one, other, True, "questions") for other in same[at + 1 :])
            yield from (PairRow(one, other, False, "questions") for other in near)


def _course_pairs(rng: random.Random) -> Iterator[PairRow]:
    """Three of five the same in other words; else what lies near, or another kind of course or time."""
    for same, near in _wordings("courses.txt"):
        for _ in range(_EACH_COURSE_LINE):
            values = {name: rng.choice(said) for name, said in _COURSES.items()}
            one, other = rng.sample(same, 2)
            if rng.random() < 0.6:
                yield PairRow(one.format(**values), other.format(**values), True, "courses")
                continue
            changed = values
            if rng.random() < 0.5:
                other = rng.choice(near)
            else:
                both = [name for name in values if f"{{{name}}}" in one and f"{{{name}}}" in other]
                name = rng.choice(both or ["c"])
                changed = values | {name: rng.choice([said for said in _COURSES[name] if said != values[name]])}
            yield PairRow(one.format(**values), other.format(**changed), False, "courses")


def _exchanged(rows: Sequence[PairRow], rng: random.Random) -> Iterator[Weighted]:
    """Rows once more with a word of one side exchanged, and questions beside themselves with a word exchanged."""
    lines = (_CORPUS / "interchangeable.txt").read_text("utf-8").splitlines()[1:]
    groups = [line.split("|") for line in lines]
    for row in rows:
        if row.source not in _SECOND_SAY:
            continue
        often = row.source == "applications"
        if rng.random() < (0.12 if often else 0.5) and (other := _exchange(row.b, groups, rng)):
            yield replace(row, b=other), 1.0 if often else 1.5
        if rng.random() < (0.06 if often else 0.25) and (other := _exchange(row.a, groups, rng)):
            yield replace(row, b=other, same=True), 1.0


def _exchange(text: str, groups: Sequence[Sequence[str]], rng: random.Random) -> str:
    """The text with one word for another of its group, or nothing if it has none."""
    low = text.lower()
    found = [(word, group) for group in groups for word in group if re.search(rf"\b{re.escape(word)}\b", low)]
    if not found:
        return ""
    word, group = rng.choice(found)
    other = rng.choice([w for w in group if w != word])
    return re.sub(rf"\b{re.escape(word)}\b", other, text, count=1, flags=re.IGNORECASE)

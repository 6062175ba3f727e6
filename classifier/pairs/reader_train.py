"""Teach the reader to tell pairs apart, and write `reader.npz` with its threshold into the artifact.

Needs torch, which nothing that is shipped or tested needs and which no lock file names:
`pip install torch==2.13.0` (CPU) into a copy of the development environment. About a quarter of an hour of one core
with AMX.
Only files whose licence allows a shipped artifact may be given; pairs of this package's own grammars are added.
Run: `python -m classifier.pairs.reader_train FILE... --out classifier/artifacts/pairs`.

The seed fixes pairs, order and start; sums in bfloat16 differ between processors, so weights are near, not equal.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections import Counter
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import numpy as np
import typer
from numpy.typing import NDArray

from classifier.embedding import load_tokenizer
from classifier.pairs.artifact import DEFAULT_FOLDER, write_reader
from classifier.pairs.reader import encode
from classifier.pairs.reader_model import Student
from classifier.pairs.reader_pairs import Weighted, first_lesson, second_lesson
from classifier.pairs.rows import PairRow

_BATCH, _BUCKET = 64, 50  # pairs a step; batches sorted by length together, so that little is padding
_PEAKS: Final = (1.2e-3, 6e-4)  # the learning rate of either lesson
_WARM_UP, _LAST_RATE = 0.05, 0.02
_ORDER_SEED: Final = 3


def batches(lengths: Sequence[int], rng: random.Random) -> list[list[int]]:
    """All rows once, in batches of nearly one length."""
    order = list(range(len(lengths)))
    rng.shuffle(order)
    found: list[list[int]] = []
    for start in range(0, len(order), _BATCH * _BUCKET):
        alike = sorted(order[start : start + _BATCH * _BUCKET], key=lambda at: lengths[at])
        cut = [alike[at : at + _BATCH] for at in range(0, len(alike), _BATCH)]
        rng.shuffle(cut)
        found += cut
    return found


def rate(step: int, steps: int) -> float:
    """The learning rate as a share of its peak: up quickly, down in a straight line."""
    return min(1.0, (step + 1) / (_WARM_UP * steps)) * max(_LAST_RATE, 1 - step / steps)


def teach(student: Student, rows: Sequence[Weighted], peak: float) -> None:
    """One pass over all rows."""
    torch, tokenizer = import_module("torch"), load_tokenizer()
    encoded = [encode(tokenizer, row.a, row.b) for row, _ in rows]
    labels = torch.tensor([float(row.same) for row, _ in rows])
    says = torch.tensor([say for _, say in rows])
    optimizer = torch.optim.AdamW(student.taught.values(), lr=peak, weight_decay=0.01, betas=(0.9, 0.99))
    plan = batches([len(ids) for ids, _ in encoded], random.Random(_ORDER_SEED))  # noqa: S311 - an order
    loss_of = torch.nn.functional.binary_cross_entropy_with_logits
    for step, chosen in enumerate(plan):
        for group in optimizer.param_groups:
            group["lr"] = peak * rate(step, len(plan))
        logits = student.logits([encoded[at] for at in chosen])
        loss = (loss_of(logits, labels[chosen], reduction="none") * says[chosen]).mean()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(student.taught.values(), 1.0)
        optimizer.step()
        if step % 50 == 0:
            typer.echo(f"step {step} of {len(plan)}, loss {loss.item():.3f}", err=True)


def read_all(student: Student, rows: Sequence[PairRow]) -> NDArray[np.float64]:
    """The probability of each row, as the student reads it."""
    torch, tokenizer = import_module("torch"), load_tokenizer()
    encoded = [encode(tokenizer, *sorted((row.a, row.b))) for row in rows]  # as it is served
    order = sorted(range(len(rows)), key=lambda at: len(encoded[at][0]))
    found = np.zeros(len(rows))
    with torch.no_grad():
        for start in range(0, len(order), _BATCH):
            chosen = order[start : start + _BATCH]
            found[chosen] = torch.sigmoid(student.logits([encoded[at] for at in chosen])).numpy()
    return found


def validation_report(rows: Sequence[PairRow], read: NDArray[np.float64], threshold: float) -> dict[str, Any]:
    """Shares of held-out pairs, by source, that the reader alone would serve."""
    totals = Counter((row.source, row.same) for row in rows)
    hits = Counter((row.source, row.same) for row, found in zip(rows, read, strict=True) if found >= threshold)
    return {
        source: {
            name: round(hits[(source, same)] / max(totals[(source, same)], 1), 4)
            for name, same in (("recall", True), ("pass_rate", False))
        }
        for source in sorted({row.source for row in rows})
    }


def main(
    files: list[Path] = typer.Argument(...),  # noqa: B008 - typer's way
    out: Path = typer.Option(DEFAULT_FOLDER),  # noqa: B008 - typer's way
    seed: int = typer.Option(7),
    threshold: float = typer.Option(0.7, help="What a pair that the scorer passes must reach."),
) -> None:
    """Teach on FILES and this package's own pairs, and print what was learnt."""
    first, held = first_lesson(files, seed)
    second = second_lesson(files, seed)
    student = Student(seed)
    for rows, peak in zip((first, second), _PEAKS, strict=True):
        teach(student, rows, peak)
    facts = {
        "seed": seed,
        "threshold": threshold,
        "pairs": [len(first), len(second)],
        "trained_on": {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in files},
        "held_out": validation_report(held, read_all(student, held), threshold),
        "versions": {"torch": import_module("torch").__version__, "numpy": np.__version__},
    }
    write_reader(out, student.arrays(), facts)
    typer.echo(json.dumps(facts, indent=1))


if __name__ == "__main__":
    typer.run(main)

"""Fit when the reader may overrule, on written groups that it did not learn from, and write it into the manifest.

`sure` is where four in a thousand of their near misses would be served by overruling.
Run after `reader_train`: `python -m classifier.pairs.overrule_train --out classifier/artifacts/pairs`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
import typer
from sklearn.linear_model import LogisticRegression

from classifier.embedding import Embedder
from classifier.pairs.artifact import DEFAULT_FOLDER, read_reader, write_overrule
from classifier.pairs.checks import is_only_doubted
from classifier.pairs.generate import group_pairs
from classifier.pairs.lexicon import Lexicon
from classifier.pairs.overrule import Overrule, is_free, logit, shared_words
from classifier.pairs.pair import compare
from classifier.pairs.reader import PairReader
from classifier.pairs.reader_pairs import is_held_out
from classifier.pairs.rows import Cosines, PairRow
from classifier.pairs.verify import is_identical

_WRONG: Final = 0.004  # of the near misses


def held_out_rows() -> list[PairRow]:
    """Pairs of the groups that the reader did not learn from."""
    return [row for number, row in group_pairs() if is_held_out(number)]


def open_to_overruling(
    rows: list[PairRow], lexicon: Lexicon, reader: PairReader
) -> Iterator[tuple[bool, float, float, float]]:
    """Label, the reader's log odds, cosine and share of words of each pair that may be overruled."""
    cosines = Cosines(Embedder())
    for row in rows:
        pair, cosine = compare(row.a, row.b, lexicon), cosines(row.a, row.b)
        if not pair.a.tokens or not pair.b.tokens or is_identical(pair) or not is_free(pair, cosine):
            continue
        if is_only_doubted(pair):
            yield row.same, logit(reader.probability(row.a, row.b)), cosine, shared_words(pair)


def fit(rows: list[PairRow], lexicon: Lexicon, reader: PairReader) -> Overrule:
    """The regression over `rows`, and its operating point."""
    found = np.array(list(open_to_overruling(rows, lexicon, reader)), dtype=np.float64)
    same, inputs = found[:, 0] > 0, found[:, 1:]
    model = LogisticRegression(max_iter=2000).fit(inputs, same)
    served = np.sort(model.predict_proba(inputs[~same])[:, 1])[::-1]
    sure = float(served[int(_WRONG * sum(not row.same for row in rows))])
    reader_weight, cosine_weight, shared_weight = (float(weight) for weight in model.coef_[0])
    return Overrule(reader_weight, cosine_weight, shared_weight, float(model.intercept_[0]), sure)


def main(out: Path = typer.Option(DEFAULT_FOLDER)) -> None:  # noqa: B008 - typer's way
    """Fit, write and print it."""
    overrule = fit(held_out_rows(), Lexicon(out), read_reader(out))
    write_overrule(out, overrule)
    typer.echo(json.dumps(overrule.as_facts(), indent=1))


if __name__ == "__main__":
    typer.run(main)

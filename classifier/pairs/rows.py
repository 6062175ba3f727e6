"""Reading labelled pairs, and their cosines."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Embeds(Protocol):
    """Anything that turns a text into a unit vector."""

    def embed(self, text: str) -> NDArray[np.float32]:
        """Float32 (d,), L2-normalised."""
        ...


@dataclass(frozen=True, slots=True)
class PairRow:
    """`same`: one answer serves both. `kind` and `task` may be empty."""

    a: str
    b: str
    same: bool
    source: str
    kind: str = ""
    task: str = ""


def read_rows(files: Sequence[Path]) -> list[PairRow]:
    """Read JSON lines with `a`, `b`, `same` and perhaps `source`, `kind` or `edit`, `task`.

    Raises ValueError with the file and line of the first row that is not like this.
    """
    rows = []
    for path in files:
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            if not line.strip():
                continue
            try:
                raw = json.loads(line)
                if not isinstance(raw["same"], bool):
                    raise TypeError("`same` is true or false")
                row = PairRow(str(raw["a"]), str(raw["b"]), raw["same"], str(raw.get("source") or path.stem),
                              str(raw.get("kind") or raw.get("edit") or ""), str(raw.get("task") or ""))  # fmt: skip
            except (ValueError, KeyError, TypeError) as error:
                raise ValueError(f"{path}:{number}: not a pair with a, b and same ({error})") from error
            rows.append(row)
    return rows


class Cosines:
    """Cosine of two texts, each embedded once."""

    def __init__(self, embedder: Embeds) -> None:
        """Keep the embedder and an empty store of vectors."""
        self._embedder = embedder
        self._vectors: dict[str, NDArray[np.float32]] = {}

    def vector(self, text: str) -> NDArray[np.float32]:
        """The unit vector of a text."""
        if text not in self._vectors:
            self._vectors[text] = self._embedder.embed(text)
        return self._vectors[text]

    def __call__(self, one: str, other: str) -> float:
        """The cosine, -1 to 1."""
        return float(self.vector(one) @ self.vector(other))

"""Compile `vectors.npz`: one short vector for each common word, from the embedding model alone (Apache-2.0).

A word is common if the embedding model's tokenizer has it as one piece. Its vector is the model's sentence vector
of the word by itself; all are centred, projected on their first principal directions, scaled to unit length and
kept as int8.
Run: `python -m classifier.pairs.vectors_build --tokenizer FILE --out classifier/artifacts/pairs` (a few minutes).
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import typer
from numpy.typing import NDArray
from tokenizers import Tokenizer

from classifier.embedding import Embedder

_DIMENSIONS: Final = 96  # of 384: keeps seven tenths of the variance at a quarter of the size


def common_words(tokenizer: Tokenizer) -> list[str]:
    """Whole pieces of at least two plain letters, sorted."""
    return sorted(w for w in tokenizer.get_vocab() if len(w) > 1 and w.isascii() and w.isalpha())


def project(vectors: NDArray[np.float64]) -> NDArray[np.int8]:
    """Int8 (words, 96) from float (words, 384)."""
    centred = vectors - vectors.mean(axis=0)
    directions = np.linalg.svd(centred, full_matrices=False)[2][:_DIMENSIONS]
    short = centred @ directions.T
    short /= np.linalg.norm(short, axis=1, keepdims=True)
    return np.asarray(np.round(short * 127), dtype=np.int8)


def main(
    tokenizer: Path = typer.Option(...),  # noqa: B008 - typer's way
    out: Path = typer.Option(...),  # noqa: B008 - typer's way
) -> None:
    """Write `vectors.npz` into `out` for the words of the TOKENIZER file."""
    words, embedder = common_words(Tokenizer.from_file(str(tokenizer))), Embedder()
    vectors = np.stack([embedder.embed(word) for word in words]).astype(np.float64)
    names = np.frombuffer("\n".join(words).encode(), dtype=np.uint8)
    np.savez_compressed(out / "vectors.npz", words=names, vectors=project(vectors))


if __name__ == "__main__":
    typer.run(main)

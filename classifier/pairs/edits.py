"""Near misses by kind of change, for training and for measuring what was never trained on.

`corpus/edits.txt` holds minimal pairs that were written for this package, one a line: `kind | template`, where
`{one|other}` gives the two readings (lockstep if it stands several times). A kind that starts with `=` changes
nothing that matters. `word_edits` makes three kinds more out of any question: a word dropped, two exchanged with
each other, one replaced by a word of another question.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from classifier.pairs.rows import PairRow
from classifier.pairs.text import parse

SOURCE: Final = "edits"
CORPUS: Final = Path(__file__).with_name("corpus") / "edits.txt"
_CHOICE: Final = re.compile(r"\{([^}]*)\}")


def edit_pairs(path: Path = CORPUS) -> Iterator[PairRow]:
    """The pairs of a file of templates. Raises ValueError at a line that is no template with two readings."""
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        kind, bar, template = line.partition(" | ")
        one, other = _read(template, 0), _read(template, 1)
        if not bar or one == other:
            raise ValueError(f"{path}:{number}: not `kind | text with {{one|other}}`")
        yield PairRow(one, other, kind.startswith("="), SOURCE, kind.lstrip("="))


def _read(template: str, which: int) -> str:
    text = _CHOICE.sub(lambda match: match[1].split("|")[which], template)
    return re.sub(r"\s+", " ", re.sub(r" (?=[?.,])", "", text)).strip()


def word_edits(texts: Sequence[str], count: int, rng: random.Random) -> Iterator[PairRow]:
    """`count` times a question with one content word dropped, replaced, or two exchanged with each other."""
    for _ in range(count):
        text, other = rng.sample(texts, 2)
        words = text.rstrip("?.! ").split()
        places = _content_places(text, words)
        donors = _content_places(other, theirs := other.rstrip("?.! ").split())
        if len(places) < 3 or not donors:
            continue
        kind = rng.choice(("word_dropped", "word_replaced", "words_exchanged"))
        at, to = rng.sample(places, 2)
        if kind == "word_dropped":
            del words[at]
        elif kind == "word_replaced":
            words[at] = theirs[rng.choice(donors)]
        else:
            words[at], words[to] = words[to], words[at]
        changed = " ".join(words) + "?"
        if [t.norm for t in parse(changed).tokens] != [t.norm for t in parse(text).tokens]:
            yield PairRow(text, changed, False, SOURCE, kind)


def _content_places(text: str, words: Sequence[str]) -> list[int]:
    content = {t.surface.lower() for t in parse(text).tokens if t.content}
    return [i for i, word in enumerate(words) if word.lower() in content]

"""Compile the spelling tables that `spelling` reads from SCOWL, Kevin Atkinson's word lists for spell checkers.

Source: the Debian package `scowl` (its licence allows use, change and redistribution with the notice that is written
beside the tables). The folder holds files `VARIETY-words.LEVEL`: the lower the level, the commoner the words.

- `variants.txt`: `spelling standard` a line. A word that SCOWL lists for a variety other than American, or as a
  variant, and the American word that a regular alternation of English spelling makes of it. An alternation that also
  tells words apart (`s` and `c`) is believed only where WordNet gives both words a common sense.
- `words.txt`: words that are common or names and that the lexicon does not know: no mistyped ones.

Run: `python -m classifier.pairs.spelling_build --scowl DIR`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import typer

from classifier.pairs.artifact import DEFAULT_FOLDER
from classifier.pairs.lexicon import Lexicon
from classifier.pairs.spelling import FOLDER

_LEVEL: Final = 60  # SCOWL's size of a medium dictionary; larger ones hold rare words that look like slips
_AMERICAN: Final = ("english-words", "american-words")
_OTHERS: Final = tuple(
    f"{variety}-words"
    for variety in (
        *("british", "british_z", "canadian", "australian", "variant_1", "variant_2"),
        *(f"{place}_variant_{n}" for place in ("british", "canadian", "australian") for n in (1, 2)),
    )
)
_REGULAR: Final = (
    ("our", "or"), ("isation", "ization"), ("ising", "izing"), ("ised", "ized"), ("ise", "ize"), ("iser", "izer"),
    ("isers", "izers"), ("isab", "izab"), ("ys", "yz"), ("ogue", "og"), ("ae", "e"), ("oe", "e"), ("amme", "am"),
    ("lled", "led"), ("lling", "ling"), ("ller", "ler"), ("pped", "ped"), ("pping", "ping"), ("ppers", "pers"),
    ("pper", "per"), ("tted", "ted"), ("tting", "ting"), ("ssed", "sed"), ("ssing", "sing"), ("tte", "t"),
    ("ence", "ense"), ("dgement", "dgment"), ("xion", "ction"), ("tre", "ter"), ("bre", "ber"),
    ("oeuvre", "euver"), ("oeuvring", "euvering"), ("ulph", "ulf"),
)  # fmt: skip
_UNSURE: Final = (
    ("re", "er"), ("l", "ll"), ("ll", "l"), ("ss", "s"), ("gg", "g"), ("nn", "n"), ("ph", "f"), ("eing", "ing"),
    ("eable", "able"), ("ice", "ise"), ("ise", "ice"), ("sc", "sk"), ("c", "k"), ("k", "c"), ("c", "s"), ("s", "c"),
    ("s", "z"), ("z", "s"), ("y", "i"), ("i", "y"), ("ou", "o"), ("ough", "ow"), ("que", "k"), ("que", "ck"),
    ("que", "c"), ("des", "dis"), ("en", "in"), ("em", "im"), ("ey", "y"), ("y", "ey"), ("ie", "y"), ("h", ""),
    ("e", ""), ("", "e"), ("er", "or"), ("or", "er"), ("u", ""), ("a", "e"), ("i", "e"), ("gh", ""), ("yj", "aj"),
    ("ium", "um"), ("eur", "er"), ("st", ""), ("aero", "air"), ("e", "ae"), ("e", "oe"), ("qu", "k"),
)  # fmt: skip


def read_words(folder: Path, lists: Iterable[str], level: int = _LEVEL) -> set[str]:
    """The lower-case words of the named lists up to a level."""
    found: set[str] = set()
    for path in (p for name in lists for p in folder.glob(f"{name}.*")):
        if int(path.suffix[1:]) <= level:
            found.update(path.read_text("latin-1").lower().split())
    return {word for word in found if re.fullmatch(r"[a-z]{2,}", word)}


def _respelt(word: str, alternations: Iterable[tuple[str, str]], known: set[str]) -> list[str]:
    """Known words that one alternation at one place makes of the word, in the order of the alternations."""
    made = (
        word[:at] + new + word[at + len(old) :]
        for old, new in alternations
        for at in range(len(word) + 1)
        if word.startswith(old, at)
    )
    return [other for other in made if other != word and other in known]


def find_variants(american: set[str], others: set[str], lexicon: Lexicon) -> dict[str, str]:
    """Each spelling that is not American with its American one, where there is exactly one way to read it."""
    found: dict[str, str] = {}
    for word in sorted(others - american):
        sure = _respelt(word, _REGULAR, american)
        unsure = _respelt(word, _UNSURE, american)
        if sure or (unsure := [other for other in unsure if lexicon.synonyms(word, other)]):
            found[word] = (sure or unsure)[0]
    return found


def main(scowl: Path = typer.Option(...), out: Path = FOLDER) -> None:  # noqa: B008 - typer's way
    """Write `variants.txt` and `words.txt` into `out`."""
    lexicon = Lexicon(DEFAULT_FOLDER)
    american, others = read_words(scowl, _AMERICAN), read_words(scowl, _OTHERS)
    variants = find_variants(american, others, lexicon)
    (out / "variants.txt").write_text("".join(f"{one} {other}\n" for one, other in sorted(variants.items())), "utf-8")
    names = read_words(scowl, ("*-proper-names", "*-upper"))
    unknown = sorted(word for word in american | others | names if not lexicon.knows(word))
    (out / "words.txt").write_text("\n".join(unknown) + "\n", "utf-8")


if __name__ == "__main__":
    typer.run(main)

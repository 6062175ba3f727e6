"""Make labelled pairs: hand-written groups, question grammars, and edits. Deterministic for a seed.

`corpus/groups*.jsonl` hold questions with paraphrases and near misses, written for this package.
`corpus/grammar.json` holds actions, modifiers and frames: two sentences mean the same if they have the same action
with the same modifier in frames of one intent; change one of the three and they do not. Unlike one-word edits
these near misses differ in their wording as freely as the paraphrases do.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from classifier.pairs.edits import edit_pairs, word_edits
from classifier.pairs.rows import PairRow

_CORPUS: Final = Path(__file__).with_name("corpus")
_OPENINGS: Final = ("Please tell me: ", "Hi, ", "Could you tell me, ", "Quick question: ", "Hello! ", "Excuse me, ")
_KEYS: Final = "abcdefghijklmnopqrstuvwxyz"


def group_pairs() -> Iterator[tuple[int, PairRow]]:
    """Pairs of the hand-written groups, with the group's number: paraphrases among themselves, each near miss beside
    the question and one of its paraphrases."""
    lines = [line for path in sorted(_CORPUS.glob("groups*.jsonl")) for line in path.read_text("utf-8").splitlines()]
    for number, line in enumerate(lines):
        group = json.loads(line)
        same = [group["question"], *group["same"]]
        for i, one in enumerate(same):
            for other in same[i + 1 :]:
                yield number, PairRow(one, other, True, "groups", "paraphrase")
        for at, wrong in enumerate(group["different"]):
            for one in (same[0], same[1 + at % len(group["same"])]):
                yield number, PairRow(one, wrong["text"], False, "groups", wrong["kind"])


def _choose(options: str, rng: random.Random) -> str:
    return rng.choice(options.split("|"))


def _say(frame: str, action: list[str], modifier: str, rng: random.Random) -> str:
    tail = f" {modifier}" if modifier else ""
    return frame.format(v=_choose(action[0], rng), g=action[1], o=_choose(action[2], rng), m=tail)


def action_pairs(count: int, rng: random.Random) -> Iterator[PairRow]:
    """Half paraphrases, half near misses that change the intent, the action or the modifier."""
    grammar: dict[str, Any] = json.loads((_CORPUS / "grammar.json").read_text("utf-8"))
    frames, actions, modifiers = grammar["frames"], grammar["actions"], grammar["modifiers"]
    for _ in range(count):
        intent, action, modifier = rng.choice(sorted(frames)), rng.choice(actions), rng.choice(modifiers)
        first = _say(rng.choice(frames[intent]), action, modifier, rng)
        kind = rng.choice(("same", "same", "same", "intent", "action", "object", "modifier"))
        if kind == "intent":
            intent = rng.choice([name for name in sorted(frames) if name != intent])
        elif kind == "action":
            action = rng.choice([a for a in actions if a != action])
        elif kind == "object":
            action = rng.choice(
                [a for a in actions if a[3] == action[3] and a != action] or [a for a in actions if a != action]
            )
        elif kind == "modifier":
            modifier = rng.choice([m for m in modifiers if m != modifier])
        second = _say(rng.choice(frames[intent]), action, modifier, rng)
        if first != second:
            yield PairRow(first, second, kind == "same", "actions", kind)


def query_pairs(count: int, rng: random.Random) -> Iterator[PairRow]:
    """Database questions: things under one or two conditions, listed, counted, ranked or priced."""
    grammar: dict[str, Any] = json.loads((_CORPUS / "grammar.json").read_text("utf-8"))["queries"]
    frames, things, conditions = grammar["frames"], grammar["things"], grammar["conditions"]
    for _ in range(count):
        form, thing, condition = rng.choice(sorted(frames)), rng.choice(things), rng.choice(conditions)
        first = rng.choice(frames[form]).format(t=thing, c=condition)
        kind = rng.choice(("same", "same", "same", "form", "thing", "condition"))
        if kind == "form":
            form = rng.choice([name for name in sorted(frames) if name != form])
        elif kind == "thing":
            thing = rng.choice([t for t in things if t != thing])
        elif kind == "condition":
            condition = rng.choice([c for c in conditions if c != condition])
        second = rng.choice(frames[form]).format(t=thing, c=condition)
        if first != second:
            yield PairRow(first, second, kind == "same", "queries", kind)


def mistype(text: str, rng: random.Random) -> str:
    """Swap, drop, double or replace one letter inside a word of at least five letters."""
    words = text.split(" ")
    places = [i for i, word in enumerate(words) if len(word) >= 5 and word.isalpha() and word.islower()]
    if not places:
        return text
    at = rng.choice(places)
    word, i = words[at], rng.randrange(1, len(words[at]) - 1)
    words[at] = rng.choice((
        word[:i] + word[i + 1] + word[i] + word[i + 2 :],
        word[:i] + word[i + 1 :],
        word[:i] + word[i] + word[i:],
        word[:i] + rng.choice(_KEYS) + word[i + 1 :],
    ))  # fmt: skip
    return " ".join(words)


def dressed_pairs(texts: list[str], count: int, rng: random.Random) -> Iterator[PairRow]:
    """The same question in other dress: case, punctuation, spaces, a typing error, a polite opening."""
    for _ in range(count):
        text = rng.choice(texts)
        kind = rng.choice(("case", "punctuation", "spaces", "typo", "polite", "shout"))
        other = {
            "case": text.lower(),
            "punctuation": text.rstrip("?.!"),
            "spaces": text.replace(" ", "  "),
            "typo": mistype(text, rng),
            "polite": rng.choice(_OPENINGS) + text,
            "shout": text.upper(),
        }[kind]
        if other != text:
            yield PairRow(text, other, True, "dressed", kind)


def generate(
    seed: int = 7, actions: int = 3000, queries: int = 1200, dressed: int = 500, changed: int = 600
) -> list[tuple[str, PairRow]]:
    """All generated pairs with the unit that cross-validation must keep together.

    A kind of edit is one unit: out of fold, each kind is judged by trees that never saw it.
    """
    rng = random.Random(seed)  # noqa: S311 - data, not secrets
    groups = list(group_pairs())
    rows = [(f"group-{number}", row) for number, row in groups]
    texts = sorted({row.a for _, row in groups})
    made = [*action_pairs(actions, rng), *query_pairs(queries, rng), *dressed_pairs(texts, dressed, rng)]
    edited = [*edit_pairs(), *word_edits(texts, changed, rng)]
    return rows + [(row.a, row) for row in made] + [(f"edit-{row.kind}", row) for row in edited]

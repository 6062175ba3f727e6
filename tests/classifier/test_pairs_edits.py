"""Near misses by kind of change: the corpus, the edits made of any question, and what the shipped verifier does."""

from __future__ import annotations

import random
import re
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from classifier.embedding import Embedder
from classifier.pairs.checks import CHECKS
from classifier.pairs.edits import CORPUS, edit_pairs, word_edits
from classifier.pairs.pair import compare
from classifier.pairs.rows import Cosines
from classifier.pairs.text import parse
from classifier.pairs.verify import PairVerifier

NEAR = 0.97  # about the cosine of questions that differ in one word


UNSEEN = Path(__file__).with_name("unseen_edits.txt")  # other kinds of change, no part of any training
KINDS = Path(__file__).with_name("unseen_kinds.txt")  # 47 kinds more, written before the verifier was asked about them
TEMPLATES = Path(__file__).with_name("unseen_templates.txt")  # prompts as applications fill them in
REWORDED = ("drop_reworded", "change_reworded")  # the form of asking differs, too


@pytest.mark.parametrize("path", [CORPUS, UNSEEN])
def test_hardly_any_minimal_pair_is_served(path: Path) -> None:
    """At most 1 % of all, and of no kind of change more than one pair, in either direction."""
    verifier, total = PairVerifier.load(), 0
    served: defaultdict[str, int] = defaultdict(int)
    for row in edit_pairs(path):
        total += 1
        served[row.kind] += any(
            verifier.decide(one, other, NEAR).serve for one, other in ((row.a, row.b), (row.b, row.a))
        )
    assert len(served) > 20
    assert sum(served.values()) <= 0.01 * total
    assert max(served.values(), default=0) <= 1


def filled(template: str, draw: random.Random) -> tuple[str, str]:
    """A template filled in twice, differently in one place or more."""
    parts = [part.split("|") for part in re.split(r"[{}]", template)]
    places = [at for at, options in enumerate(parts) if len(options) > 1]
    changed = draw.sample(places, draw.randint(1, len(places)))
    one = [draw.choice(options) for options in parts]
    other = [draw.choice([o for o in parts[at] if o != said]) if at in changed else said for at, said in enumerate(one)]
    return "".join(one), "".join(other)


def test_a_template_filled_in_otherwise_is_another_question() -> None:
    """However near the sentences are as a whole: applications send one form with other contents."""
    verifier, draw = PairVerifier.load(), random.Random(3)
    pairs = [filled(line, draw) for line in TEMPLATES.read_text("utf-8").splitlines() for _ in range(25)]
    cosines = Cosines(Embedder())
    served = [pair for pair in pairs if verifier.decide(*pair, cosines(*pair)).serve]
    assert len(pairs) == 1000
    assert len(served) <= 5, served


def test_a_line_needs_two_readings(tmp_path: Path) -> None:
    """A template without an alternative is refused with its line."""
    path = tmp_path / "edits.txt"
    path.write_text("unit | 3 {feet|yards} of rope\nunit | no choice\n", "utf-8")
    pairs = edit_pairs(path)
    assert (first := next(pairs)).a == "3 feet of rope"
    assert (first.b, first.same, first.kind) == ("3 yards of rope", False, "unit")
    with pytest.raises(ValueError, match=":2: not"):
        next(pairs)


def test_word_edits_are_the_same_for_a_seed_and_change_words() -> None:
    """Every made pair differs in its words, and a seed makes the same pairs again."""
    texts = ["How do I repair a bicycle tyre?", "Which museum shows Roman coins?", "When does the market close?"]
    made = list(word_edits(texts, 40, random.Random(5)))
    assert made == list(word_edits(texts, 40, random.Random(5)))
    assert {row.kind for row in made} == {"word_dropped", "word_replaced", "words_exchanged"}
    assert all(parse(row.a).norms() != parse(row.b).norms() for row in made)


def test_minimal_pairs_of_kinds_that_nobody_listed_are_refused() -> None:
    """At most 1 % of all, and of no kind more than one pair: each differs from its counterpart in one place."""
    verifier = PairVerifier.load()
    rows = [row for row in edit_pairs(KINDS) if row.kind not in REWORDED]
    served = Counter(row.kind for row in rows if verifier.decide(row.a, row.b, NEAR).serve)
    assert len(rows) > 180
    assert served.total() <= 0.011 * len(rows)
    assert max(served.values(), default=0) <= 1


@pytest.mark.parametrize(
    ("short", "narrowed"),
    [
        ("How can I fix a slow laptop?", "How do I fix a slow laptop after an update?"),
        ("Where can I rent a canoe?", "Where do I rent a canoe near the harbour?"),
        ("How can I train my dog to walk?", "How do I train my deaf dog to walk?"),
        ("Who are the best fencers?", "Who is the best living fencer?"),
    ],
)
def test_a_phrase_or_adjective_more_is_refused_in_another_form_of_asking(short: str, narrowed: str) -> None:
    """A condition, place, time, purpose or kind narrows the question, whichever way it is asked."""
    for cached, asked in ((short, narrowed), (narrowed, short)):
        assert PairVerifier.load().weigh(cached, asked, NEAR).check == "insertion"


def test_a_name_is_not_served_for_another_attribute() -> None:
    """Who it was, how long it took and which thing it was have three answers."""
    verifier = PairVerifier.load()
    asked = "What is the name of the diver who found the wreck?"
    for other in (
        "How long did the diver who found the wreck serve?",
        "What tool did the diver who found the wreck use?",
    ):
        pair = compare(asked, other, verifier.artifact.lexicon)
        assert CHECKS["target"](pair) or CHECKS["wh_word"](pair)
        assert verifier.weigh(asked, other, NEAR, threshold=0.0).check in CHECKS

"""Many questions of one application: a new one is not served the answer of its neighbours, but that of a rewording."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from classifier.embedding import Embedder
from classifier.pairs.rows import Cosines
from classifier.pairs.verify import PairVerifier

HERE = Path(__file__).parent
UNSEEN, MORE = HERE / "unseen_applications.txt", HERE / "more_applications.txt"  # 29 and 53 kinds of application
STORED, ASKED, NEAREST = 80, 40, 4  # an application's questions; a new one is compared with the nearest as in the cache
FARTHEST = 0.35  # cosine distance beyond which the cache does not look


@dataclass(frozen=True)
class Question:
    """What is asked, in all its wordings."""

    wordings: tuple[str, ...]

    def say(self, draw: random.Random) -> str:
        """One wording, half of the time as it is typed in a hurry."""
        text = draw.choice(self.wordings)
        return text if draw.random() < 0.5 else text.lower().rstrip("?.").replace("'", "")


def applications(corpus: Path) -> Iterator[tuple[str, list[Question]]]:
    """Each application of a corpus with all that it is asked."""
    for block in corpus.read_text("utf-8").split("\n\n")[1:]:
        name, *lines = block.strip().splitlines()
        values = {key: rest.split("|") for key, equals, rest in (line.partition(" = ") for line in lines) if equals}
        found = [q for line in lines if " = " not in line for q in _filled(line.split(" || "), values)]
        yield name.removeprefix("# "), found


def _filled(wordings: list[str], values: dict[str, list[str]]) -> Iterator[Question]:
    names = sorted(set(re.findall(r"{(\w+)}", " ".join(wordings))))
    for chosen in product(*(values[name] for name in names)):
        said = {name: value.strip() for name, value in zip(names, chosen, strict=True)}
        yield Question(tuple(_tidy(wording.format(**said)) for wording in wordings))


def _tidy(text: str) -> str:
    text = re.sub(r"\s+", " ", re.sub(r" (?=[?.,])", "", text)).strip().replace("My the", "My")
    return text[0].upper() + text[1:]


@pytest.fixture(scope="module")
def cosines() -> Cosines:
    """Cosines of the shipped embedding."""
    return Cosines(Embedder())


@pytest.mark.parametrize("corpus", [UNSEEN, MORE])
def test_an_application_s_new_question_gets_no_neighbour_s_answer(corpus: Path) -> None:
    """Of all new questions at most 0.5 % are served one of the answers stored for the nearest others."""
    verifier, embedder, draw = PairVerifier.load(), Embedder(), random.Random(11)
    wrong, asked = [], 0
    for _, questions in applications(corpus):
        texts = [question.say(draw) for question in draw.sample(questions, min(STORED + ASKED, len(questions)))]
        vectors = np.stack([embedder.embed(text) for text in texts])
        near = vectors[STORED:] @ vectors[:STORED].T
        for new, cosine in zip(texts[STORED:], near, strict=True):
            nearest = [at for at in np.argsort(-cosine)[:NEAREST] if cosine[at] >= 1 - FARTHEST]
            served = [texts[at] for at in nearest if verifier.decide(texts[at], new, float(cosine[at])).serve]
            wrong += [(served[0], new)] if served else []
            asked += 1
    assert asked > 700
    assert len(wrong) <= 0.005 * asked, wrong


@pytest.mark.parametrize("corpus", [UNSEEN, MORE])
def test_many_of_an_application_s_rewordings_are_served(cosines: Cosines, corpus: Path) -> None:
    """Checks that refuse everything would be no use."""
    verifier, draw = PairVerifier.load(), random.Random(12)
    pairs = [
        tuple(draw.sample(question.wordings, 2))
        for _, questions in applications(corpus)
        for question in draw.sample(questions, 30)
        if len(question.wordings) > 1
    ]
    served = sum(verifier.decide(one, other, cosines(one, other)).serve for one, other in pairs)
    assert served >= 0.4 * len(pairs)

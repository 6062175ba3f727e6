"""The reader: asked last, about both questions at once; and what it is taught on."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest

from classifier.embedding import Embedder, checked_model, load_tokenizer
from classifier.embedding_graph import WIDTH, TokenTable, Weights, integer_layers
from classifier.embedding_session import open_session
from classifier.pairs.applications import HELD_OUT, application_pairs, applications
from classifier.pairs.reader import MAX_TOKENS, PairReader, encode
from classifier.pairs.reader_pairs import first_lesson, second_lesson
from classifier.pairs.reader_train import batches
from classifier.pairs.verify import PairVerifier

COSINE = 0.85


@pytest.fixture(scope="module")
def verifier() -> PairVerifier:
    """The shipped verifier."""
    return PairVerifier.load()


@pytest.fixture(scope="module")
def reader(verifier: PairVerifier) -> PairReader:
    """The shipped reader."""
    return verifier.artifact.reader


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Who used the resin in hall 3?", "Who ordered the resin for hall 3?"),
        ("Is the ferry late at Pier 2?", "Arrival time of the ferry at Pier 2"),
    ],
)
def test_what_asks_another_thing_of_the_same_things_is_read_as_different(
    reader: PairReader, verifier: PairVerifier, one: str, other: str
) -> None:
    """Words that the lexicon cannot tell apart, in either order."""
    for cached, asked in ((one, other), (other, one)):
        assert reader.probability(cached, asked) < verifier.artifact.reader_threshold


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("How do I replace the filter of the pump?", "How can I change the filter of the pump?"),
        ("What is the price of the harbour tour?", "how much does the harbour tour cost"),
        ("Who wrote the safety report?", "Who is the author of the safety report?"),
    ],
)
def test_other_words_for_the_same_question_are_read_as_the_same(
    reader: PairReader, verifier: PairVerifier, one: str, other: str
) -> None:
    """In either order."""
    for cached, asked in ((one, other), (other, one)):
        assert reader.probability(cached, asked) >= verifier.artifact.reader_threshold


def test_the_reader_refuses_by_name_and_with_its_number(verifier: PairVerifier) -> None:
    """It is asked where checks and scorer would serve, and its refusal holds at every threshold of the scorer."""
    strict = PairVerifier(replace(verifier.artifact, reader_threshold=1.01))
    pair = "Where can I rent a small van?", "Where is it possible to hire a small van?"
    assert verifier.decide(*pair, COSINE).check == "ok"
    verdict = strict.decide(*pair, COSINE, threshold=0.0)
    assert (verdict.serve, verdict.score, verdict.check) == (False, 0.0, "reader")
    assert verdict.reason.startswith("reader: ") and verdict.reason.endswith(" below 1.01")


@pytest.mark.parametrize("asked", ["how do i paint a fence", "How can I paint a fence?"])
def test_the_same_words_are_not_read(verifier: PairVerifier, asked: str) -> None:
    """Where only words differ that say little there is nothing to tell apart."""
    strict = PairVerifier(replace(verifier.artifact, reader_threshold=1.01))
    assert strict.decide("How do I paint a fence?", asked, COSINE).serve


def test_of_long_questions_both_ends_are_read() -> None:
    """One sequence of bounded length, that says of each token whose it is."""
    tokenizer = load_tokenizer()
    ids, types = encode(tokenizer, "first " + "and " * 500 + "last", "short")
    first, last, short = (
        tokenizer.encode(word, add_special_tokens=False).ids[0] for word in ("first", "last", "short")
    )
    assert len(ids) == len(types) == MAX_TOKENS + 4
    assert (ids[1], ids[MAX_TOKENS], ids[-2]) == (first, last, short)
    assert types == [0] * (MAX_TOKENS + 2) + [1] * 2


def test_without_what_was_learnt_the_layers_are_the_embedding_s(embedder: Embedder) -> None:
    """The reader's graph is the embedding's with other weights."""
    path = checked_model()
    weights = Weights(path)
    nothing = [(np.zeros((len(w), 1)), np.zeros((1, w.shape[1]))) for w, _, _ in weights.dense]
    first = weights.tensors["inner.embeddings.token_type_embeddings.weight"][0]
    table, session = TokenTable(path, weights), open_session(integer_layers(weights, nothing))
    text = "Who keeps the key to the boat house?"
    mean = session.run(None, {"embedded": table(embedder.token_ids(text)) + first})[0]
    assert mean.shape == (WIDTH,)
    assert mean @ embedder.embed(text) / np.linalg.norm(mean) > 0.999


def test_pairs_of_an_application_are_the_same_in_other_words_or_ask_another_thing() -> None:
    """Deterministic for a seed; both labels; never one text with itself."""
    app = next(iter(applications()))
    first, again, other = (list(application_pairs(app, 200, random.Random(seed))) for seed in (3, 3, 4))
    assert first == again != other
    assert {row.kind for row in first if row.same} == {"rewording"}
    assert {row.kind for row in first if not row.same} == {"line", "value", "both"}
    assert all(row.a != row.b for row in first)


def test_held_out_applications_are_not_learnt_from() -> None:
    """Their questions appear among the held-out pairs only."""
    first, held = first_lesson([], 7)
    assert {app.name for app in applications()} > HELD_OUT
    assert not any("spinning class" in row.a for row, _ in [*first, *second_lesson([], 7)])
    assert any("spinning class" in row.a for row in held)


def test_a_pass_takes_each_pair_once() -> None:
    """In batches of nearly one length."""
    lengths = [5 + at % 40 for at in range(1000)]
    plan = batches(lengths, random.Random(1))
    assert sorted(at for batch in plan for at in batch) == list(range(1000))
    assert max(max(lengths[at] for at in b) - min(lengths[at] for at in b) for b in plan) < 10

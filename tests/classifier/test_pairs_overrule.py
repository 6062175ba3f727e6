"""When a reader that is sure overrules the score and the checks that merely doubt."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from classifier.pairs.artifact import DEFAULT_FOLDER, PairArtifactError, load_artifact
from classifier.pairs.checks import CHECKS, DOUBTS
from classifier.pairs.generate import group_pairs
from classifier.pairs.overrule import LEAST_COSINE, Overrule
from classifier.pairs.reader_pairs import first_lesson, second_lesson
from classifier.pairs.verify import PairVerifier

COSINE = 0.87
FREE = "What do I need to bring to the exam?", "Which things must be brought along for the exam?"


@pytest.fixture(scope="module")
def verifier() -> PairVerifier:
    """The shipped verifier."""
    return PairVerifier.load()


def sure_from(verifier: PairVerifier, sure: float) -> PairVerifier:
    """The same, with another certainty needed."""
    artifact = verifier.artifact
    return PairVerifier(replace(artifact, overrule=replace(artifact.overrule, sure=sure)))


def test_a_freely_worded_question_that_a_check_merely_doubts_is_served(verifier: PairVerifier) -> None:
    """In either order; before it is read it is a refusal with the check's name."""
    for cached, asked in (FREE, FREE[::-1]):
        weighed = verifier.weigh(cached, asked, COSINE)
        assert (weighed.serve, weighed.check in DOUBTS, weighed.unread) == (False, True, True)
        verdict = verifier.decide(cached, asked, COSINE)
        assert verdict.serve and verdict.check == "ok" and verdict.score >= verifier.threshold


def test_a_reader_that_is_not_sure_leaves_the_check_its_word(verifier: PairVerifier) -> None:
    """Name, reason and a score of nothing, as if nobody had read."""
    verdict = sure_from(verifier, 0.9999).decide(*FREE, COSINE)
    weighed = verifier.weigh(*FREE, COSINE)
    assert (verdict.serve, verdict.score, verdict.unread) == (False, 0.0, False)
    assert (verdict.check, verdict.reason) == (weighed.check, weighed.reason)


@pytest.mark.parametrize(
    ("cached", "asked"),
    [
        (
            "When does bus 12 leave for the exam hall?",
            "At what time is the departure of bus 21 to the hall of the exam?",
        ),
        ("What may I not bring to the exam?", "Which things can be brought along for the exam?"),
        ("How long is the wall in feet?", "Tell me the length of the wall, I need metres"),
        ("Who lent the canoe to Priya?", "From whom did Anton get the loan of that canoe?"),
    ],
)
def test_a_check_that_knows_what_it_refuses_is_not_overruled(verifier: PairVerifier, cached: str, asked: str) -> None:
    """Another number, polarity, unit or name, however freely the rest is worded: nobody reads it."""
    weighed = verifier.weigh(cached, asked, COSINE)
    assert weighed.check in set(CHECKS) - DOUBTS and not weighed.unread


@pytest.mark.parametrize(
    ("cached", "asked"),
    [
        ("Who taught the old captain to sail the boat?", "Who did the old captain teach to sail the boat?"),
        ("What can the guest bring to the exam hall?", "What must the guest bring to the exam hall?"),
    ],
)
def test_nearly_the_same_words_are_left_to_the_checks(verifier: PairVerifier, cached: str, asked: str) -> None:
    """One word or the order alone is what the reader tells worst."""
    weighed = sure_from(verifier, 0.0).weigh(cached, asked, 0.99)
    assert not weighed.serve and not weighed.unread


def test_far_questions_are_not_overruled(verifier: PairVerifier) -> None:
    """Whatever the reader would say."""
    assert not verifier.weigh(*FREE, LEAST_COSINE - 0.01).unread


def test_of_what_it_cannot_read_whole_the_reader_is_not_sure(verifier: PairVerifier) -> None:
    """A question may differ in its middle, which is not read."""
    story = " It was in the third week of the course that a friend of mine told me about it, and I wondered." * 4
    cached, asked = FREE[0] + story, FREE[1] + story
    assert not verifier.artifact.reader.takes_in(cached, asked) and verifier.artifact.reader.takes_in(*FREE)
    weighed = replace(verifier.weigh(*FREE, COSINE), start=20.0)
    assert verifier.read(*FREE, weighed).serve and not verifier.read(cached, asked, weighed).serve


def test_a_higher_threshold_takes_more_certainty(verifier: PairVerifier) -> None:
    """Up to where nothing but the same words is served; and a lower one less."""
    served = [verifier.decide(*FREE, COSINE, threshold=limit).serve for limit in (0.4, verifier.threshold, 1.0)]
    assert served == [True, True, False]
    doubtful = sure_from(verifier, 0.99)
    assert [doubtful.decide(*FREE, COSINE, threshold=limit).serve for limit in (0.4, 0.675)] == [True, False]


def test_certainty_rises_with_the_reader_s_word(verifier: PairVerifier) -> None:
    """And stays between 0 and 1 at its ends."""
    overrule = verifier.artifact.overrule
    certainties = [overrule.certainty(0.0, read) for read in (0.0, 0.1, 0.5, 0.9, 1.0)]
    assert certainties == sorted(certainties) and 0 < certainties[0] < certainties[-1] < 1


def test_an_artifact_without_the_weights_is_refused(tmp_path: Path) -> None:
    """With what to do about it."""
    folder = shutil.copytree(DEFAULT_FOLDER, tmp_path / "pairs")
    manifest = json.loads((folder / "manifest.json").read_text())
    assert Overrule.read(manifest).as_facts() == manifest["overrule"]
    del manifest["overrule"]["sure"]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(PairArtifactError, match=r"cannot be read.*train the verifier again"):
        load_artifact(folder)


def test_groups_that_overruling_is_fitted_on_are_not_learnt_from() -> None:
    """One in three is kept from both lessons."""
    rows = [row for row, _ in [*first_lesson([], 7)[0], *second_lesson([], 7)] if row.source == "groups"]
    learnt = {text.lower() for row in rows for text in (row.a, row.b)}
    held = {row.a.lower() for number, row in group_pairs() if number % 3 == 0 and row.same}
    assert len(held) > 3000 and len(held & learnt) < 0.002 * len(held)

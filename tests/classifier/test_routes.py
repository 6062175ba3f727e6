"""Where prompts end up: reported misroutes, and changes of spelling that must not matter."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from classifier.artifact import Model
from classifier.embedding import Embedder
from classifier.replay import route_of

STILL_OPEN = pytest.mark.xfail(strict=True, reason="marked as open in the table")
REPORTED = [json.loads(line) for line in (Path(__file__).parent / "misrouted.jsonl").read_text().splitlines()]


def test_the_table_is_long_enough() -> None:
    """At least a hundred reported prompts, of both kinds."""
    assert len(REPORTED) >= 100
    assert {row["never"] for row in REPORTED} == {"small", "frontier"}


@pytest.mark.parametrize(
    "row",
    [pytest.param(row, marks=[STILL_OPEN] if row.get("open") else []) for row in REPORTED],
    ids=[f"{row['never']}: {row['prompt'][:40]}" for row in REPORTED],
)
def test_a_reported_misroute_does_not_happen(model: Model, embedder: Embedder, row: dict[str, Any]) -> None:
    """What users reported elsewhere (hard work on the cheapest tier, small talk on the dearest) does not happen."""
    prediction = model.predict(row["prompt"], embedder.embed(row["prompt"]))
    assert route_of(prediction, model) != row["never"], prediction


@pytest.mark.parametrize(
    ("text", "route"),
    [
        ("What is the capital of France?", ("small",)),
        ("thanks!", ("small",)),
        ("Write a short e-mail to a client that moves our meeting to Friday.", ("small", "mid")),
        ("Summarise these notes in three bullet points.", ("small", "mid")),
        ("Write a Python function that reverses a string.", ("small", "mid")),
        ("Prove that the set of algebraic numbers is countable.", ("frontier", "mid")),
        ("Design a fault-tolerant distributed job queue and discuss consistency and failure modes.", ("frontier",)),
        ("Find the race condition in this lock-free queue and prove that your fix is correct.", ("frontier",)),
    ],
)
def test_plain_cases_go_where_people_expect(
    model: Model, embedder: Embedder, text: str, route: tuple[str, ...]
) -> None:
    """Small talk is easy, office work is not hard, proofs and distributed systems are."""
    assert route_of(model.predict(text, embedder.embed(text)), model) in route


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("What is the capital of France?", "what is teh captial of france"),
        ("What is the capital of France?", "WHAT IS THE CAPITAL OF FRANCE?"),
        ("thanks!", "Thankss"),
        ("How do I reset my password?", "how do i resset my pasword"),
        ("Prove that every finite integral domain is a field.", "prove that evry finite integral domain is a feild"),
        ("Prove that every finite integral domain is a field.", "PROVE THAT EVERY FINITE INTEGRAL DOMAIN IS A FIELD."),
        ("Design a distributed transaction log.", "desgin a distributed transaction log"),
    ],
)
def test_typos_and_case_do_not_flip_easy_and_hard(model: Model, embedder: Embedder, text: str, written: str) -> None:
    """A misspelt or shouted prompt does not jump from the cheapest to the dearest route, or back."""
    routes = [route_of(model.predict(t, embedder.embed(t)), model) for t in (text, written)]
    assert set(routes) != {"small", "frontier"}


@pytest.mark.parametrize("text", ["What is the capital of France?", "Prove it for every prime.", "Fix this C++ code"])
def test_case_alone_changes_nothing(model: Model, embedder: Embedder, text: str) -> None:
    """Upper case gives the very same answer."""
    one, other = (model.predict(t, embedder.embed(t)) for t in (text, text.upper()))
    assert one.hardness == pytest.approx(other.hardness, abs=1e-6)


@pytest.mark.parametrize(
    ("english", "foreign"),
    [
        ("Thank you very much!", ("Vielen Dank!", "Merci beaucoup !", "¡Muchas gracias!", "谢谢")),
        (
            "Prove that there are infinitely many primes.",
            (
                "Beweise, dass es unendlich viele Primzahlen gibt.",
                "Prouvez qu'il existe une infinité de nombres premiers.",
                "Demuestra que hay infinitos números primos.",
            ),
        ),
    ],
)
def test_language_does_not_flip_easy_and_hard(
    model: Model, embedder: Embedder, english: str, foreign: tuple[str, ...]
) -> None:
    """The same request in another language is not sent to the opposite end."""
    for text in foreign:
        routes = [route_of(model.predict(t, embedder.embed(t)), model) for t in (english, text)]
        assert set(routes) != {"small", "frontier"}, text

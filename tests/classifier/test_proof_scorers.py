"""Marks, the sandbox, the judge's two orders, and the purse."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from classifier.data import DataError
from classifier.embedding import Embedder
from classifier.proof import scorers
from classifier.proof.client import Price, Settings, usd_micros
from classifier.proof.items import Item, read_items
from classifier.proof.judge import Opinion, agreement, compare, read_checks
from classifier.proof.purse import Purse, SpendLimitError
from classifier.proof.sandbox import passes

ADDS = "assert add(1, 2) == 3"


def item(tmp_path: Path, **fields: Any) -> Item:
    """One item as read from a file."""
    path = tmp_path / "item.jsonl"
    path.write_text(json.dumps({"prompt": "?"} | fields))
    return read_items([path])[0]


@pytest.mark.parametrize(
    ("fields", "answer", "mark"),
    [
        ({"reference": "Yes", "scorer": "exact"}, " Yes\n", 1.0),
        ({"reference": "Yes", "scorer": "exact"}, "yes", 0.0),
        ({"reference": "The Eiffel Tower"}, "eiffel tower.", 1.0),
        ({"reference": "Paris"}, "Lyon", 0.0),
        ({"reference": "A"}, "a.", 1.0),
        ({"reference": "A"}, "", 0.0),
        ({"reference": "A"}, "the", 0.0),
        ({"reference": 1234.5}, "so the total is 1,234.50 euros", 1.0),
        ({"reference": "42"}, "first 42, then \\boxed{41}", 0.0),
        ({"reference": "100", "tolerance": 0.05}, "about 97", 1.0),
        ({"reference": "7"}, "no idea", 0.0),
        ({"schema": {"type": "object", "required": ["a"]}}, '```json\n{"a": 1}\n```', 1.0),
        ({"schema": {"type": "object", "required": ["a"]}}, '{"b": 1}', 0.0),
        ({"schema": {"type": "object"}, "reference": {"a": 2}}, '{"a": 1}', 0.0),
        ({"schema": {"type": "object"}}, "not JSON", 0.0),
        ({"tests": ADDS}, "Here:\n```python\ndef add(a, b):\n    return a + b\n```", 1.0),
    ],
)
def test_answers_are_marked(tmp_path: Path, fields: dict[str, Any], answer: str, mark: float) -> None:
    """The scorer follows from the item's fields unless it names one."""
    one = item(tmp_path, **fields)
    assert scorers.mechanical([one])[one.scorer](one, answer) == mark


def test_similarity_ranks_a_paraphrase_above_something_else(tmp_path: Path, embedder: Embedder) -> None:
    """Between 0 and 1; nothing said is 0."""
    one, mark = (
        item(tmp_path, reference="The cat sat on the mat.", scorer="similarity"),
        scorers.similarity_by(embedder),
    )
    assert 1.0 >= mark(one, "A cat was sitting on a mat.") > mark(one, "Interest rates rose in June.") >= 0.0
    assert mark(one, " ") == 0.0


@pytest.mark.parametrize(
    "code",
    [
        "def add(a, b): return a - b",
        "def add(a, b):\n    while True: pass",
        "import os\nos._exit(0)",
        "import sys\nsys.exit(0)",
        "x = bytearray(10**9)\ndef add(a, b): return 3",
        "import socket\nsocket.create_connection(('127.0.0.1', 9))\ndef add(a, b): return 3",
        "import subprocess\nsubprocess.run(['true'])\ndef add(a, b): return 3",
        "import os\nos.fork()\ndef add(a, b): return 3",
        "import os\nassert os.environ.get('HOME')\ndef add(a, b): return 3",
        "open('../tierwise-escaped', 'w')\ndef add(a, b): return 3",
    ],
)
def test_what_fails_or_oversteps_does_not_pass(code: str) -> None:
    """Wrong, endless, early-leaving, greedy or reaching out: the tests have not passed."""
    assert not passes(code, ADDS, timeout_s=1.5)


def test_code_may_compute_and_write_in_its_own_folder() -> None:
    """The standard library works, and a scratch file may be written."""
    code = "import math, re, json\nopen('scratch', 'w').write('1')\ndef add(a, b): return int(math.fsum([a, b]))"
    assert passes(code, ADDS)


def opinion(says: str, first: str = "good", second: str = "bad") -> Opinion:
    """What comes of a judge that always says this, or (`fair`) prefers "good"."""

    async def ask(messages: Sequence[Mapping[str, Any]], schema: Mapping[str, Any]) -> str | None:
        if says != "fair":
            return says
        text = str(messages[-1]["content"])
        return '{"better": "A"}' if text.index("good") < text.index("bad") else 'I think {"better": "B"}'

    return asyncio.run(compare(ask, "Which?", (first, second)))


def test_a_judge_is_asked_in_both_orders() -> None:
    """A steady preference counts, one that follows the position is a tie, an unreadable one is none."""
    assert opinion("fair") == Opinion(1.0, True)
    assert opinion("fair", "bad", "good") == Opinion(0.0, True)
    assert opinion('{"better": "A"}') == Opinion(0.5, False)
    assert opinion('{"better": "tie"}') == Opinion(0.5, True)
    assert opinion("whatever") == Opinion(None, False)
    assert opinion("never asked", "same", "same ") == Opinion(0.5, True)


def test_agreement_is_measured_against_chance() -> None:
    """A judge that always says "a" agrees with half of an even check set, and its kappa is nought."""
    found = agreement([1.0, 0.0] * 10, [Opinion(1.0, True)] * 20)
    assert (found["agreement"], found["kappa"]) == (0.5, 0.0)
    assert found["agreement_ci"][0] < 0.5 < found["agreement_ci"][1]


def test_a_check_without_a_human_opinion_is_refused(tmp_path: Path) -> None:
    """The message names file, line and fields."""
    path = tmp_path / "checks.jsonl"
    path.write_text('{"prompt": "q", "answer_a": "x", "answer_b": "y", "human": "maybe"}')
    with pytest.raises(DataError, match=r"checks.jsonl:1: expected prompt"):
        read_checks(path)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"prompt": 3}, "expected 'prompt'"),
        ({"scorer": "exact"}, "needs the field 'reference'"),
        ({"scorer": "guess"}, "unknown scorer"),
        ({"schema": "text"}, "must be a JSON schema"),
        ({"schema": {"type": "nonsense"}}, "item.jsonl:1: 'schema' is not a JSON schema"),
        ({"schema": {"properties": {"a": {"$ref": "#/$defs/none"}}}}, "refers to what is not in it"),
        ({"reference": "2", "tolerance": "wide"}, "'tolerance' must be a number"),
        ({"reference": "2", "tolerance": -1}, "'tolerance' must be a number"),
        ({"reference": "none", "scorer": "numeric"}, "needs a reference with a number"),
        ({"reference": " ", "scorer": "exact"}, "needs the field 'reference'"),
        ({"tests": "assert ("}, "'tests' is no Python"),
        ({"prompt": "half \ud800", "reference": "2"}, "half a character"),
        ({"prompt": " ", "reference": "2"}, "not empty"),
    ],
)
def test_an_unusable_item_is_refused_with_its_line(tmp_path: Path, fields: dict[str, Any], message: str) -> None:
    """Nothing is asked before every item is known to be markable."""
    with pytest.raises(DataError, match=message):
        item(tmp_path, **fields)


def test_money_is_held_before_it_is_spent() -> None:
    """Twenty calls at once of up to 30 micro-dollars, of which each costs 20: a limit of 100 is never passed."""

    async def go() -> tuple[int, int]:
        purse, refused = Purse(100), 0

        async def call() -> None:
            nonlocal refused
            try:
                async with purse.paying("m", 30) as charge:
                    await asyncio.sleep(0)
                    charge.cost_micros = 20
            except SpendLimitError:
                refused += 1

        await asyncio.gather(*(call() for _ in range(20)))
        return purse.spent_micros, refused

    assert asyncio.run(go()) == (80, 16)


def test_an_answer_lost_on_the_way_is_charged_as_held() -> None:
    """It may have been billed: the limit counts it."""

    async def go() -> int:
        purse = Purse(100)
        async with purse.paying("m", 30):
            pass
        return purse.spent_micros

    assert asyncio.run(go()) == 30


def test_the_bound_of_a_call_counts_every_byte_as_a_token() -> None:
    """With a price the most a call can cost is known before it is sent."""
    settings = Settings("http://x", {"": "k"}, max_tokens=100, prices={"m": Price(1_000_000, 10_000_000)})
    bound = settings.bound_micros("m", [{"role": "user", "content": "a" * 500}])
    assert bound is not None
    assert bound >= 500 + 1000
    assert settings.bound_micros("other", []) is None


@pytest.mark.parametrize(
    ("text", "micros"), [("0.0000011", 2), ("1.5", 1_500_000), ("", None), ("nan", None), (None, None)]
)
def test_dollars_are_rounded_up_to_micros(text: str | None, micros: int | None) -> None:
    """What is no amount is unknown, not nought."""
    assert usd_micros(text) == micros

"""A rolling update: this release and a next one serve at once on one Redis, as they do between two pods' lives.

The next release is a copy of the package with another cache schema (format and compression dictionary), other Lua
scripts (renamed, and writing a key that this release does not know), and another dispatch table.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis
from typer.testing import CliRunner

from plugins.adapters.cache_index import INDEX_NAME
from plugins.budget_cli import budget_app
from tests.gateway import CLUSTER, ROOT, Running, replica

TENANT = "globex"  # has no cap: every refusal is a failure
QUESTIONS = [f"What is {first} plus {second}?" for first in range(211, 216) for second in range(31, 34)]
ROUNDS = 8
UNKNOWN_KEY = "redis.call('HSET', KEYS[1] .. ':next', 'release', 'next')\n"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a client got."""

    status: int
    cache: str
    tier: str
    text: str


@dataclass(frozen=True, slots=True)
class Pair:
    """The two releases' addresses, and what they share."""

    before: Running
    after_url: str

    def ask(self, url: str, question: str, stream: bool = False) -> Answer:
        body = {"model": "auto", "messages": [{"role": "user", "content": question}], "max_tokens": 50}
        headers = {"Authorization": f"Bearer {self.before.keys[TENANT]}"}
        with httpx.stream(
            "POST", f"{url}/chat/completions", json={**body, "stream": stream}, headers=headers, timeout=60
        ) as reply:
            told = reply.headers
            reply.read()
        if stream:
            parts = re.findall(r'"content":"((?:[^"\\]|\\.)*)"', reply.text)
            assert reply.text.rstrip().endswith("data: [DONE]"), reply.text
            text = "".join(json.loads(f'"{part}"') for part in parts)
        else:
            text = reply.json()["choices"][0]["message"]["content"] if reply.status_code == 200 else reply.text
        return Answer(reply.status_code, told.get("x-tierwise-cache", ""), told.get("x-tierwise-tier", ""), text)


def next_release(folder: Path) -> Path:
    """A changed copy of the package, to be found before this one."""
    package = folder / "plugins"
    shutil.copytree(ROOT / "plugins", package, ignore=shutil.ignore_patterns("__pycache__"))
    edit(package / "cache.py", 'FORMAT: Final = "2"', 'FORMAT: Final = "3"')
    edit(package / "adapters" / "cache_codec.py", "_DICTIONARY: Final = (\n", '_DICTIONARY: Final = (\n    b"other"\n')
    for script in sorted((package / "adapters" / "lua").glob("*_v1.lua")):
        text = script.read_text(encoding="utf-8").replace("_v1", "_v2").replace("Version 1", "Version 2")
        script.with_name(script.name.replace("_v1", "_v2")).write_text(text, encoding="utf-8")
        script.unlink()
    common = package / "adapters" / "lua" / "common_v2.lua"
    common.write_text(UNKNOWN_KEY + common.read_text(encoding="utf-8"), encoding="utf-8")
    for module in (package / "adapters").glob("*.py"):
        text = module.read_text(encoding="utf-8")
        module.write_text(re.sub(r"(?<=[a-z])_v1(?=[\".])", "_v2", text), encoding="utf-8")
    return folder


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, (path, old)
    path.write_text(text.replace(old, new), encoding="utf-8")


@pytest.fixture(scope="module")
def pair(running: Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp("next")
    code = next_release(folder / "code")

    def adapt(config: dict[str, Any]) -> None:
        config["gateway"]["routing"]["default"]["easy"] = "mid"

    with replica(running, folder, adapt, code) as started:
        yield Pair(running, started.base_url)


def test_two_releases_serve_side_by_side_without_a_failed_request(pair: Pair) -> None:
    """Behind a round-robin every request is answered, plain and streamed, and both keep one book."""
    urls = cycle((pair.before.started.base_url, pair.after_url))
    asked = [(next(urls), question, turn % 3 == 2) for turn in range(ROUNDS) for question in QUESTIONS]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda one: pair.ask(*one), asked))
    failed = [answer for answer in answers if answer.status != 200]
    assert not failed, failed[:3]
    cached = {"exact", "semantic"}
    for question in QUESTIONS:
        told = [answer for (_, asking, _), answer in zip(asked, answers, strict=True) if asking == question]
        by_models = {answer.text for answer in told if answer.cache not in cached}
        assert {answer.text for answer in told if answer.cache in cached} <= by_models  # kept whole, never garbled
    assert {answer.cache for answer in answers} >= {"exact"}
    config = str(pair.before.started.source.path)
    audit = ["audit", TENANT, "--config", config, "--redis-url", pair.before.started.redis_url]
    done = CliRunner().invoke(budget_app, audit)
    assert done.exit_code == 0, done.output


def test_the_releases_do_not_read_each_others_answers(pair: Pair) -> None:
    """What one stored is a miss for the other, exact and by paraphrase; each serves its own, by its own table."""
    question = "What is the capital of Austria, in one word?"  # which both models know: nothing is asked again
    before, after = pair.before.started.base_url, pair.after_url
    first = pair.ask(before, question)
    assert (first.cache, first.tier) == ("miss", "small")
    other = pair.ask(after, question)
    assert (other.cache, other.tier) == ("miss", "mid")
    for url, tier in ((before, "small"), (after, "mid")):
        again = pair.ask(url, question)
        assert (again.cache, again.tier) == ("exact", tier)
    url = pair.before.started.redis_url
    with (redis.RedisCluster if CLUSTER else redis.Redis).from_url(url, decode_responses=True) as client:
        nodes = client.get_primaries() if CLUSTER else [None]
        asked = [{"target_nodes": node} if node else {} for node in nodes]
        indexes = {name.partition("{")[0] for to in asked for name in client.execute_command("FT._LIST", **to)}
        assert {INDEX_NAME, INDEX_NAME.replace("v2-", "v3-")} <= indexes, "the copy did not run"
        assert client.hget(f"tw:{{{TENANT}}}:next", "release") == "next", "the copy's scripts did not run"

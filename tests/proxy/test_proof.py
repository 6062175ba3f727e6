"""`tierwise evaluate quality` through a real gateway: what is asked and billed, what stops it, and what it says."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import typer
from typer.testing import CliRunner, Result

from classifier.proof.cli import evaluate_quality
from plugins.trial.simulator import expected_answer
from tests.gateway import Running

app = typer.Typer()
app.command()(evaluate_quality)
ARMS = ("--baseline", "frontier", "--candidate", "small", "--alone")


def labelled(folder: Path, n: int, salt: int, **more: Any) -> Path:
    """`n` easy sums that no other test asks, with their results."""
    prompts = [f"What is {salt + i} + {salt}?" for i in range(n)]
    rows = [
        {"prompt": prompt, "reference": expected_answer(prompt), "task_class": "maths", **more} for prompt in prompts
    ]
    path = folder / "items.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows))
    return path


def words(running: Running, items: Path, *options: str) -> list[str]:
    own = ("--items", str(items), "--base-url", running.started.base_url, "--answers", f"{items}.sqlite", "--json")
    return [*own, *options]


def evaluated(running: Running, items: Path, *options: str, tenant: str = "acme") -> Result:
    environ = {"OPENAI_API_KEY": running.keys[tenant]}
    return CliRunner().invoke(app, words(running, items, *options), env=environ)


def books(running: Running, since: float) -> list[dict[str, Any]]:
    """What the provider was asked since then (Unix seconds), by its own books."""
    recent = httpx.get(f"{running.origin}/control/calls", params={"recent": 500}).json()["recent"]
    return [call for call in recent if call["received_at"] >= since and call["endpoint"] == "chat"]


def arms(result: Result) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(result.stdout)["overall"]["arms"]
    return found


def test_a_tier_whose_answers_are_wrong_does_not_ship(running: Running, tmp_path: Path) -> None:
    """The truth is the simulator's; `auto` is measured as clients get it, a tier alone as it is."""
    items = labelled(tmp_path, 20, 11)
    with running.fault("sim-small", "refuse"):
        alone = evaluated(running, items, *ARMS)
        served = evaluated(running, items, "--baseline", "frontier", "--candidate", "small")
    assert alone.exit_code == 1, alone.output
    assert json.loads(alone.stdout)["by_task"]["maths"]["verdicts"]["small"]["decision"] == "do_not_ship"
    assert (arms(alone)["small"]["quality"], arms(alone)["frontier"]["quality"]) == (0.0, 1.0)
    assert arms(alone)["small"]["tiers"] == {"small": 1.0} and arms(alone)["small"]["saved"] > 0.9
    assert arms(served)["small"]["escalated"] > 0 and arms(served)["small"]["quality"] > 0


def test_a_killed_run_goes_on_where_it_was(running: Running, tmp_path: Path) -> None:
    """After kill -9 only what was under way is asked again."""
    items, since = labelled(tmp_path, 16, 23), time.time()
    at_once = ("--concurrency", "2")
    command = [
        sys.executable,
        "-c",
        "from plugins.cli import main; main()",
        "evaluate",
        "quality",
        *words(running, items, *ARMS, *at_once),
    ]
    with running.fault("sim-small", "slow", seconds=0.3):
        environ = {"OPENAI_API_KEY": running.keys["acme"], "PYTHONPATH": ":".join(sys.path)}
        process = subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while answers_in(Path(f"{items}.sqlite")) < 6:
            assert process.poll() is None, "it ended before it could be killed"
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.wait()
    kept = answers_in(Path(f"{items}.sqlite"))
    assert 6 <= kept < 32
    result = evaluated(running, items, *ARMS, *at_once)
    assert json.loads(result.stdout)["overall"]["compared"] == 16, result.output
    asked = Counter((call["model"], call["prompt_hash"]) for call in books(running, since))
    assert len(asked) >= 32 and sum(asked.values()) <= len(asked) + 2


def answers_in(path: Path) -> int:
    if not path.exists():
        return 0
    with closing(sqlite3.connect(path)) as database:
        try:
            return int(database.execute("SELECT COUNT(*) FROM replies").fetchone()[0])
        except sqlite3.OperationalError:  # the table is not there yet
            return 0


def test_no_more_is_billed_than_the_limit(running: Running, tmp_path: Path) -> None:
    """By the provider's own books; the run says why it stopped, and goes on under a higher limit."""
    items, since = labelled(tmp_path, 12, 37), time.time()
    stopped = evaluated(running, items, *ARMS, "--max-usd", "0.002", "--concurrency", "4")
    assert stopped.exit_code == 3 and "limit of 0.002 USD" in json.loads(stopped.stdout)["stopped"]
    before = books(running, since)
    assert json.loads(evaluated(running, items, *ARMS, "--max-usd", "1").stdout)["overall"]["compared"] == 12
    models = {call["prompt_hash"]: set[str]() for call in books(running, since)}
    for call in books(running, since):
        models[call["prompt_hash"]].add(call["model"])
    ours = [prompt for prompt, asked in models.items() if asked >= {"sim-small", "sim-frontier"}]  # others go on beside
    billed = [call["billed_micros"] for call in before if call["prompt_hash"] in ours]
    assert len(ours) == 12 and 0 < len(billed) < 24 and sum(billed) <= 2_000


def test_the_gateways_own_cap_ends_a_run(running: Running, tmp_path: Path) -> None:
    """And it says whose it was."""
    result = evaluated(running, labelled(tmp_path, 12, 41), *ARMS, "--concurrency", "2", tenant="capped")
    found = json.loads(result.stdout)
    assert result.exit_code == 3 and "budget" in found["stopped"]
    assert found["overall"]["compared"] == 0


def test_a_judge_that_people_do_not_agree_with_decides_nothing(running: Running, tmp_path: Path) -> None:
    """The simulated judge reads JSON schemas, and prefers what stands first whatever it says."""
    checks = tmp_path / "checks.jsonl"
    sides = [{"answer_a": "A kind poem.", "answer_b": "No.", "human": "a"}]
    sides.append({"answer_a": "No.", "answer_b": "A kind poem.", "human": "b"})
    rows = [{"prompt": f"Poem {i}?", **side} for i in range(3) for side in sides]
    checks.write_text("\n".join(json.dumps(row) for row in rows))
    items = labelled(tmp_path, 4, 53, rubric="kindness", scorer="judge")
    result = evaluated(running, items, *ARMS, "--judge", "frontier", "--judge-check", str(checks))
    told = json.loads(result.stdout)["judge"]
    assert result.exit_code == 3 and not told["believed"] and told["unreadable"] < 6
    assert (told["n"], told["steady"]) == (6, 0.0)

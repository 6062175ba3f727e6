"""How well the checks of answers tell when a better model should be asked, by task class.

    python -m bench.answer_checks --json

On tests/data/answers_fresh.jsonl, whose answers were written apart from the checks: `precision` is the share of what
they refuse that is bad, `recall` the share of what is bad that they refuse. Some of it nobody can see from the answer
alone (a wrong fact stated plainly), so recall has a ceiling; precision is what keeps a second call from being wasted.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter, defaultdict

from bench.sensitive import DATA, Tally
from plugins.escalation import Answer, confident_enough
from plugins.values import Call, Caller, Endpoint, Message, Usage


def report() -> dict[str, object]:
    """Figures over all answers and by task class, and how often each check refused a sound and a bad one."""
    overall, by_task = Tally(), defaultdict[str, Tally](Tally)
    by_check: dict[str, Counter[str]] = defaultdict(Counter)
    for raw in (DATA / "answers_fresh.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(raw)
        asked = (Message("user", row["question"]),)
        shape = json.dumps(row["shape"])
        call = Call("c", Endpoint.CHAT, Caller("tenant", "app", "key"), "auto", messages=asked, shape=shape)
        usage = Usage(output_tokens=row["output_tokens"])
        answer = Answer(row["answer"], row["finish"], row["tool_calls"], usage, row["mean_logprob"])
        found = confident_enough(call, row["task"], answer)
        overall.count(row["bad"], not found.ok)
        by_task[row["task"]].count(row["bad"], not found.ok)
        if not found.ok:
            by_check[found.check]["bad" if row["bad"] else "sound"] += 1
    return {
        **overall.figures(),
        "by_task": {task: tally.figures() for task, tally in sorted(by_task.items())},
        "refused_by_check": {check: dict(counts) for check, counts in sorted(by_check.items())},
    }


def main() -> None:
    """Print the figures: one JSON object with --json, otherwise a line each."""
    parser = argparse.ArgumentParser(prog="python -m bench.answer_checks", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    found = report()
    print(
        json.dumps(found)
        if parser.parse_args().json
        else "\n".join(f"{key:20} {value}" for key, value in found.items())
    )


if __name__ == "__main__":
    main()

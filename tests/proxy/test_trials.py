"""Experiments and rollouts at a real gateway: who gets what, what it costs, and what comes back by itself."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import httpx

from plugins.adapters.redis_trials import RedisTrials
from plugins.proof import rollouts
from plugins.proof.evidence import Evidence, from_text
from plugins.values import Observation, Rollout, Stage
from tests.gateway import Running
from tests.proxy.test_learning import until

T = TypeVar("T")
TRANSLATE = "Translate into German: The harbour was quiet this morning, number {}."


def ask(running: Running, prompt: str, user: str = "", tenant: str = "trying", **more: Any) -> httpx.Response:
    body = {"model": "auto", "messages": [{"role": "user", "content": prompt}], "max_tokens": 60, "user": user, **more}
    reply = running.post("/chat/completions", {k: v for k, v in body.items() if v != ""}, tenant)
    assert reply.status_code == 200, reply.text
    return reply


def stored(running: Running, use: Callable[[RedisTrials], Awaitable[T]]) -> T:
    async def run() -> T:
        store = RedisTrials(running.started.redis_url)
        try:
            return await use(store)
        finally:
            await store.close()

    return asyncio.run(run())


def evidence(running: Running, trial: str) -> Evidence:
    return from_text(stored(running, lambda store: store.waiting(trial))[0])


def user_in(running: Running, arm: str) -> str:
    """An end user who is in this arm."""
    for n in range(40):
        if ask(running, "Name a colour.", f"user-{n}").headers["x-tierwise-variant"].endswith(f":{arm}"):
            return f"user-{n}"
    raise AssertionError(f"nobody of 40 is in {arm}")


def test_an_arm_keeps_its_user_its_prompt_and_its_cache(running: Running) -> None:
    """The variant's text reaches the model, its header every reply, cached ones too, and no entry another arm."""
    terse, control = user_in(running, "terse"), user_in(running, "control")
    question = "What is the capital of Portugal, for the arms?"
    first, again = ask(running, question, terse), ask(running, question, terse)
    assert first.headers["x-tierwise-variant"] == again.headers["x-tierwise-variant"]
    assert again.headers["x-tierwise-cache"] == "exact"
    other = ask(running, question, control)
    assert other.headers["x-tierwise-cache"] == "miss" and other.headers["x-tierwise-variant"].endswith(":control")
    trace = running.trace(first.headers["x-tierwise-trace-id"])
    assert trace["variant"].endswith(":terse") and trace["tier"] == "mid"
    plain = running.trace(other.headers["x-tierwise-trace-id"])
    assert trace["input_tokens"] > plain["input_tokens"]


def test_the_arms_of_an_experiment_are_counted(running: Running) -> None:
    """Calls, costs and what people said, by variant."""
    reply = ask(running, "Say something kind about rain, please.", user_in(running, "terse"))
    trial = reply.headers["x-tierwise-variant"].rpartition(":")[0]
    body = {"trace_id": reply.headers["x-tierwise-trace-id"], "name": "stars", "value": 0.75}
    assert running.post("/tierwise/feedback", body, "trying").status_code == 202
    seen = until(lambda: evidence(running, trial), lambda found: found.arm("terse").seen("score") > 0)
    terse = seen.arm("terse")
    assert terse.calls > 0 and terse.cost_micros > 0 and terse.mean("score") == 0.25


def test_a_variants_prompt_reaches_the_responses_api(running: Running) -> None:
    """As its instructions."""
    user = user_in(running, "terse")
    reply = running.post("/responses", {"model": "auto", "input": "Name a river.", "user": user}, "trying")
    assert reply.status_code == 200, reply.text
    assert reply.headers["x-tierwise-variant"].endswith(":terse")
    assert running.trace(reply.headers["x-tierwise-trace-id"])["input_tokens"] > 10


@contextmanager
def rollout(running: Running, *stages: Stage) -> Iterator[Rollout]:
    """Of translation to frontier, moved through these stages; taken back at the end."""

    async def begin(store: RedisTrials) -> Rollout:
        before = (await store.trials()).rollouts.get("translation")
        made = rollouts.started("translation", "frontier", "", "test", before)
        await store.put(made, before)
        for stage in stages:
            made, before = rollouts.moved(made, stage, "for the test", "test"), made
            await store.put(made, before)
        return made

    async def end(store: RedisTrials) -> None:
        now = (await store.trials()).rollouts["translation"]
        if now.stage is not Stage.BACK:
            await store.put(rollouts.moved(now, Stage.BACK, "the test ended", "test"), now)

    yield stored(running, begin)
    stored(running, end)
    until(lambda: ask(running, TRANSLATE.format("end"), tenant="globex"), lambda r: "rollout/" not in variant(r))


def variant(reply: httpx.Response) -> str:
    return str(reply.headers.get("x-tierwise-variant", ""))


def test_shadow_asks_beside_and_charges_apart(running: Running) -> None:
    """The answer is the baseline's and has no label; the candidate's call is in its trace, its costs, its evidence."""
    with rollout(running) as begun:

        def shadowed() -> list[dict[str, Any]]:
            ask(running, TRANSLATE.format(len(running.traces())), tenant="globex")
            steps = [(trace, step) for trace in running.traces() for step in trace["steps"] if step["name"] == "shadow"]
            return [trace for trace, step in steps if step["attributes"]["trial"] == begun.trial]

        trace = until(shadowed, bool)[0]
        step = next(step for step in trace["steps"] if step["name"] == "shadow")
        assert trace["tier"] != "frontier" and step["attributes"]["tier"] == "frontier" and not trace["variant"]
        assert trace["cost_shadow_micros"] == step["attributes"]["micros"] > 0
        # A check of the cache may come on top.
        kinds = [kind for kind in trace if re.fullmatch(r"cost_\w+_micros", kind)]
        assert trace["cost_micros"] == sum(trace[kind] for kind in kinds)
        assert step["started_ns"] >= trace["ended_ns"]  # the client had its answer
        seen = until(lambda: evidence(running, begun.trial), lambda found: found.arm("baseline").calls > 0)
        assert seen.arm("candidate").calls == seen.arm("baseline").calls


def test_what_must_stay_on_premise_is_not_shadowed(running: Running) -> None:
    """Residency holds for calls that nobody sees, too."""
    with rollout(running) as begun:
        until(lambda: ask(running, TRANSLATE.format("warm"), tenant="globex"), bool)
        for n in range(12):
            private = f"Translate into German: my IBAN is GB33BUKB20201555555555, case {n}."
            trace = running.trace(ask(running, private, tenant="globex").headers["x-tierwise-trace-id"])
            assert not [step for step in trace["steps"] if step["name"] == "shadow"], begun.trial


def test_a_candidate_that_gets_worse_is_taken_back_by_the_gateway(running: Running) -> None:
    """Live requests are labelled; with the evidence in, no operator is needed."""
    with rollout(running, Stage.FIVE, Stage.QUARTER) as live:
        label = until(lambda: variant(ask(running, TRANSLATE.format("live"), tenant="globex")), bool)
        assert label.rpartition(":")[0] == live.trial
        said = {"candidate": "refusal", "baseline": ""}
        worse = [Observation(live.trial, arm, False, check, 5, 5) for _ in range(80) for arm, check in said.items()]

        async def add(store: RedisTrials) -> Rollout:
            await store.add(worse[:80])
            await store.add(worse[80:])
            return (await store.trials()).rollouts["translation"]

        def taken_back() -> Rollout:
            return stored(running, add)

        found = until(taken_back, lambda now: now.stage is Stage.BACK)
        assert found.moves[-1].by == "gateway" and "of the baseline" in found.moves[-1].reason
        until(lambda: variant(ask(running, TRANSLATE.format("after"), tenant="globex")), lambda text: not text)
        page = httpx.get(
            f"{running.started.base_url.removesuffix('/v1')}/metrics",
            headers={"Authorization": f"Bearer {running.started.master_key}"},
        ).text
        assert 'tierwise_rollout_rollbacks_total{rate="' in page and json.dumps(found.task) in page

"""Rollouts, promotions, and what trials saw, in Redis: shared by all gateways, all under one hash tag.

tw:{trials}:rollouts:v1           hash: task class -> the rollout's record
tw:{trials}:promoted:v1           hash: experiment with its config's digest -> the variant that won
tw:{trials}:queue:v1:TRIAL        list of observations, oldest first, not yet taken into the state
tw:{trials}:state:v1:TRIAL        the trial's evidence, with the number of its version
tw:{trials}:rerun:v1:SET/MODEL    list of the runs of a fixed set as JSON: the reference, then the newest, oldest first
tw:{trials}:turn:v1               who looks at the evidence just now

Observations are written in batches behind the requests and fail open: what Redis does not take is lost.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from importlib.resources import files
from typing import Any, Final

from redis.exceptions import RedisError

from plugins.adapters.redis_scripts import Client, RedisAwayError, open_redis, root_key
from plugins.proof.rollouts import read_rollout, to_json
from plugins.values import Observation, Rollout, Trials

ROOT: Final = root_key("trials")
KEPT_S: Final = 180 * 86_400
MOST_QUEUED: Final = 50_000  # of one trial; beyond it the oldest are dropped
TAKEN_AT_ONCE: Final = 5_000
MOST_RUNS: Final = 365  # of a fixed set and model, after its reference: a year of daily runs, 5 KB each at 200 items


class RolloutConflictError(RuntimeError):
    """The rollout was changed meanwhile; the message says what to do."""


class RedisTrials:
    """For use within one event loop. All methods raise RedisAwayError."""

    def __init__(self, url: str, timeout_ms: int = 1000) -> None:
        self._url, self._timeout_s = url, timeout_ms / 1000
        self._client: Client | None = None
        folder = files("plugins.adapters") / "lua"
        self._look = (folder / "trials_look_v1.lua").read_text(encoding="utf-8")
        self._put = (folder / "rollout_put_v1.lua").read_text(encoding="utf-8")
        self._add_run = (folder / "rerun_add_v1.lua").read_text(encoding="utf-8")

    async def trials(self) -> Trials:
        """What is in force."""
        rollouts = await self._ask("HGETALL", f"{ROOT}:rollouts:v1")
        promoted = await self._ask("HGETALL", f"{ROOT}:promoted:v1")
        try:
            found = {_text(task): read_rollout(text) for task, text in _pairs(rollouts)}
        except ValueError as error:
            raise RedisAwayError(f"{ROOT}:rollouts:v1 holds something else: {error}") from None
        return Trials(found, {_text(name): _text(variant) for name, variant in _pairs(promoted)})

    async def put(self, rollout: Rollout, before: Rollout | None) -> None:
        """Put a rollout in place of the one it was made from. Raises RolloutConflictError."""
        version, text = before.version if before else 0, json.dumps(to_json(rollout))
        if await self._ask("EVAL", self._put, 1, f"{ROOT}:rollouts:v1", rollout.task, version, text) != 1:
            raise RolloutConflictError(f"The rollout of {rollout.task} was changed meanwhile. Look again, then repeat.")

    async def promote(self, trial: str, variant: str) -> bool:
        """Give a variant to everybody; False if one was promoted before."""
        return bool(await self._ask("HSETNX", f"{ROOT}:promoted:v1", trial, variant))

    async def demote(self, trial: str) -> bool:
        """Take a promotion back; False if there was none."""
        return bool(await self._ask("HDEL", f"{ROOT}:promoted:v1", trial))

    async def add(self, observations: Iterable[Observation]) -> None:
        """Queue what was seen, in this order."""
        by_trial: dict[str, list[str]] = {}
        for one in observations:
            by_trial.setdefault(one.trial, []).append(_line(one))
        for trial, lines in by_trial.items():
            await self._ask("RPUSH", _queue(trial), *lines)
            await self._ask("LTRIM", _queue(trial), -MOST_QUEUED, -1)
            await self._ask("EXPIRE", _queue(trial), KEPT_S)

    async def waiting(self, trial: str) -> tuple[bytes | None, tuple[Observation, ...]]:
        """(the trial's state, the oldest observations that are not in it yet)."""
        state = await self._ask("GET", _state(trial))
        lines = await self._ask("LRANGE", _queue(trial), 0, TAKEN_AT_ONCE - 1)
        return state, tuple(_observation(trial, line) for line in lines)

    async def commit(self, trial: str, version: int, state: str, taken: int) -> bool:
        """Put a new state in place of `version`; False if somebody else did meanwhile."""
        keys = _state(trial), _queue(trial)
        return bool(await self._ask("EVAL", self._look, 2, *keys, version, state, taken, KEPT_S) == 1)

    async def turn(self, seconds: float) -> bool:
        """Whether it is ours to look at the evidence now; nobody else's for so long."""
        taken = await self._ask("SET", f"{ROOT}:turn:v1", "1", "NX", "PX", int(seconds * 1000))
        return taken is not None

    async def runs(self, name: str) -> list[bytes]:
        """The runs of a fixed set that are kept, oldest first."""
        return list(await self._ask("LRANGE", f"{ROOT}:rerun:v1:{name}", 0, -1))

    async def add_run(self, name: str, line: str, reference_runs: int) -> None:
        """Keep one more run of a fixed set; of those after the first `reference_runs`, the newest MOST_RUNS stay."""
        await self._ask("EVAL", self._add_run, 1, f"{ROOT}:rerun:v1:{name}", line, reference_runs, MOST_RUNS)

    async def forget_runs(self, name: str) -> None:
        """Begin a fixed set's history anew."""
        await self._ask("DEL", f"{ROOT}:rerun:v1:{name}")

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def _ask(self, *command: str | int) -> Any:
        try:
            async with asyncio.timeout(self._timeout_s):
                if self._client is None:
                    self._client = await open_redis(self._url, self._timeout_s)
                return await self._client.execute_command(*command)
        except (RedisError, OSError, TimeoutError) as error:
            raise RedisAwayError(f"{type(error).__name__}: {error}") from None


def _queue(trial: str) -> str:
    return f"{ROOT}:queue:v1:{trial}"


def _state(trial: str) -> str:
    return f"{ROOT}:state:v1:{trial}"


def _line(one: Observation) -> str:
    return json.dumps([one.arm, one.failed, one.check, one.cost_micros, one.latency_ms, one.score])


def _observation(trial: str, line: bytes) -> Observation:
    try:
        arm, failed, check, cost_micros, latency_ms, score = json.loads(line)
    except ValueError as error:
        raise RedisAwayError(f"{_queue(trial)} holds something else: {error}") from None
    return Observation(trial, arm, failed, check, cost_micros, latency_ms, score)


def _pairs(reply: Any) -> list[tuple[Any, Any]]:
    """A hash as the client gives it: a mapping, or names and values in turn."""
    return list(reply.items()) if isinstance(reply, dict) else list(zip(reply[::2], reply[1::2], strict=True))


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value

"""The versions of the learnt table in Redis: a list of JSON objects, newest last, that is only ever added to.

version     counts up from 1
parent      the version whose table it changed; an undo goes there, then to its parent, and so on
at, by      ISO 8601 in UTC; who did it
why         apply or undo
shifts      the whole table: tenant or * -> task class -> threshold -> shift in hardness
evidence    what the change was based on, as `tierwise learn --json` prints it
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any, Final

from redis.exceptions import RedisError

from plugins.adapters.redis_scripts import Client, RedisAwayError, open_redis
from plugins.routing.learnt import Learnt, Shifts, read_learnt, to_json

KEY: Final = "tw:learnt:v1"
VERSIONS_KEPT: Final = 50


class LearntConflictError(RuntimeError):
    """Another version was written meanwhile; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Version:
    """A stored version, and the one that an undo goes back to."""

    learnt: Learnt
    parent: int


class RedisLearnt:
    """For use within one event loop."""

    def __init__(self, url: str, timeout_ms: int = 1000) -> None:
        self._url, self._timeout_s = url, timeout_ms / 1000
        self._client: Client | None = None
        self._push = (files("plugins.adapters") / "lua" / "learnt_push_v1.lua").read_text(encoding="utf-8")

    async def versions(self) -> tuple[Version, ...]:
        """All kept versions, oldest first. Raises RedisAwayError."""
        return tuple(_version(text) for text in await self._ask("LRANGE", KEY, 0, -1))

    async def current(self) -> Learnt:
        """The table in force; an empty one (version 0) before anything was learnt. Raises RedisAwayError."""
        newest = await self._ask("LINDEX", KEY, -1)
        return Learnt() if newest is None else _version(newest).learnt

    async def apply(self, before: Learnt, shifts: Shifts, by: str, evidence: Sequence[dict[str, Any]]) -> Learnt:
        """Put a new table in force, made from `before`. Raises LearntConflictError or RedisAwayError."""
        return await self._append(before.version, before.version, shifts, by, "apply", evidence)

    async def undo(self, by: str) -> tuple[Learnt, Learnt] | None:
        """(the table that was in force, the one before it that is in force again); None if there is none before.

        Raises LearntConflictError or RedisAwayError.
        """
        kept = await self.versions()
        by_number = {version.learnt.version: version for version in kept}
        if not kept:
            return None
        newest = kept[-1]
        if newest.parent == 0 and not newest.learnt.shifts:
            return None
        parent = by_number.get(newest.parent)
        if parent is None and newest.parent != 0:
            return None
        shifts, back = (parent.learnt.shifts, parent.parent) if parent else ({}, 0)
        done = await self._append(newest.learnt.version, back, shifts, by, "undo", ())
        return newest.learnt, done

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def _append(
        self, seen: int, parent: int, shifts: Shifts, by: str, why: str, evidence: Sequence[dict[str, Any]]
    ) -> Learnt:
        stored = {
            "version": seen + 1,
            "parent": parent,
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "by": by,
            "why": why,
            "shifts": to_json(shifts),
            "evidence": list(evidence),
        }
        text = json.dumps(stored, allow_nan=False)
        if await self._ask("EVAL", self._push, 1, KEY, seen, text, VERSIONS_KEPT) != 1:
            raise LearntConflictError("The learnt table was changed meanwhile. Look at it again, then repeat this.")
        return read_learnt(text)

    async def _ask(self, *command: str | int) -> Any:
        try:
            async with asyncio.timeout(self._timeout_s):
                if self._client is None:
                    self._client = await open_redis(self._url, self._timeout_s)
                return await self._client.execute_command(*command)
        except (RedisError, OSError, TimeoutError) as error:
            raise RedisAwayError(f"{type(error).__name__}: {error}") from None


def _version(text: bytes | str) -> Version:
    try:
        return Version(read_learnt(text), int(json.loads(text).get("parent", 0)))
    except (ValueError, TypeError) as error:
        raise RedisAwayError(f"{KEY} holds something else: {error}") from None

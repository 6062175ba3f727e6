"""Removing cached answers by tenant, model, tag or prompt.

Goes through all entries with SCAN, on any Redis: it needs no index, so it also finds what the index lost.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, cast

from redis.exceptions import RedisError

from plugins.adapters.cache_codec import (
    PREFIX,
    Facts,
    UnreadableEntryError,
    entry_pattern,
    question_digest,
    quoted,
    system_digests,
    unpack,
)
from plugins.adapters.cache_shelves import Shelves
from plugins.adapters.redis_scripts import Client, open_redis
from plugins.cache import SHARED, made_by

_BATCH: Final = 500
_CONNECT_S: Final = 5.0


class PurgeError(Exception):
    """Redis could not be asked, or stopped half-way; the message is for the operator."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which entries: those that fit every given field; with none given, all.

    `prompt` is the whole text of a question or of a system prompt.
    """

    tenant: str | None = None
    model: str | None = None
    tag: str | None = None
    prompt: str | None = None
    maker: str | None = None  # a tag that must be there besides

    @property
    def reads_entries(self) -> bool:
        return any(field is not None for field in (self.model, self.tag, self.prompt, self.maker))

    def takes(self, facts: Facts) -> bool:
        """Whether an entry of the right tenant is meant. A tag is also the task class or the tier."""
        if self.maker is not None and self.maker not in facts.tags:
            return False
        if self.model is not None and facts.model != self.model:
            return False
        if self.tag is not None and self.tag not in (*facts.tags, facts.task, facts.tier):
            return False
        if self.prompt is None:
            return True
        return facts.question == question_digest(self.prompt) or facts.system in system_digests(self.prompt)


@dataclass(frozen=True, slots=True)
class Purged:
    """How many entries were looked at and removed. Unreadable ones (of another release) are removed, too."""

    scanned: int
    removed: int


async def purge(client: Client, selection: Selection) -> Purged:
    """Remove the selected entries. Raises redis' own errors: an operator must know that it did not work."""
    scanned = removed = 0
    for pattern, what in _patterns(selection):
        async for keys in _batches(client, pattern):
            scanned += len(keys)
            doomed = await _select(client, keys, what) if what.reads_entries else keys
            if doomed:
                pipe = client.pipeline(transaction=False)
                for key in doomed:
                    # Not .unlink(): in a cluster pipeline that is a coroutine of its own.
                    pipe.execute_command("UNLINK", key)
                removed += sum(await pipe.execute())
    if selection == Selection():
        await Shelves(client).drop_old_indexes()
    return Purged(scanned, removed)


async def purge_at(url: str, selection: Selection) -> Purged:
    """Connect, `purge`, close. Raises PurgeError with what to do."""
    try:
        client = await open_redis(url, _CONNECT_S)
        try:
            return await purge(client, selection)
        finally:
            await client.aclose()
    except (RedisError, OSError, TimeoutError, ValueError) as error:
        what = f"Redis did not do it, or not all of it ({type(error).__name__})"
        raise PurgeError(f"{what}: check the URL and that every node runs, then repeat.") from error


def _patterns(selection: Selection) -> Iterator[tuple[str, Selection]]:
    """Patterns of keys, and what is meant of each: a tenant's answers are its own, and those it made for a group."""
    if selection.tenant is None:
        yield f"{PREFIX}{{*}}:e:*", selection
        return
    yield entry_pattern(quoted(selection.tenant)), selection
    yield entry_pattern(f"{SHARED}*"), replace(selection, maker=made_by(selection.tenant))


async def _batches(client: Client, pattern: str) -> AsyncIterator[list[bytes]]:
    batch: list[bytes] = []
    async for key in client.scan_iter(match=pattern, count=_BATCH):
        batch.append(key)
        if len(batch) >= _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


async def _select(client: Client, keys: Sequence[bytes], selection: Selection) -> list[bytes]:
    pipe = client.pipeline(transaction=False)
    for key in keys:
        pipe.hget(key, "b")
    bodies = cast(list[bytes | None], await pipe.execute())
    return [key for key, body in zip(keys, bodies, strict=True) if body is not None and _fits(body, selection)]


def _fits(body: bytes, selection: Selection) -> bool:
    try:
        return selection.takes(unpack(body)[0])
    except UnreadableEntryError:
        return True

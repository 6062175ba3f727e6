"""Remembers for a few minutes how each conversation was routed. Fails open: without Redis nothing is sticky.

Turns are noted behind their answers, many in one round trip; this process knows them at once.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Mapping
from typing import Final

from redis.exceptions import RedisClusterException, RedisError

from plugins.adapters.redis_scripts import Client, open_redis
from plugins.routing.sticky import CACHE_LIFE_S
from plugins.values import Previous

_GATHERED_S: Final = 0.05  # a next turn is sent by somebody who has read the answer
# RuntimeError is uvloop's, for a connection that was just closed.
_AWAY: Final = (RedisError, RedisClusterException, OSError, TimeoutError, RuntimeError)
log = logging.getLogger("tierwise")


class RedisConversations:
    """Implements ports.Conversations. Keys carry the tenant's hash tag and expire with the providers' caches. For use
    within one event loop."""

    def __init__(self, url: str, timeout_ms: int) -> None:
        self._url = url
        self._timeout_s = timeout_ms / 1000
        self._client: Client | None = None
        self._noted: dict[str, str] = {}
        self._leaving: Mapping[str, str] = {}
        self._writing: asyncio.Task[None] | None = None

    async def recall(self, tenant: str, conversation: str) -> Previous | None:
        """How its last turn was routed; None for a new or forgotten one, or when Redis cannot be asked."""
        key = _key(tenant, conversation)
        kept: str | bytes | None = self._noted.get(key) or self._leaving.get(key)
        if kept is None:
            try:
                kept = await (await self._connected()).get(key)
            except _AWAY:
                return None
        if kept is None:
            return None
        tier, failed, at_s = json.loads(kept)
        return Previous(str(tier), max(0.0, time.time() - float(at_s)), bool(failed))

    async def remember(self, tenant: str, conversation: str, tier: str, failed: bool) -> None:
        """Note a turn; forgets by itself."""
        self._noted[_key(tenant, conversation)] = json.dumps([tier, failed, time.time()])
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_soon())

    async def close(self) -> None:
        """Write what is noted, and close the connections; it connects again if it is used."""
        if self._writing is not None:
            await self._writing
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def _write_soon(self) -> None:
        while self._noted:
            await asyncio.sleep(_GATHERED_S)
            self._leaving, self._noted = self._noted, {}
            try:
                await self._write(self._leaving)
            except _AWAY:
                log.debug("turns of %s conversations were not remembered", len(self._leaving))
            self._leaving = {}

    async def _write(self, noted: Mapping[str, str]) -> None:
        pipeline = (await self._connected()).pipeline(transaction=False)
        for key, value in noted.items():
            pipeline.set(key, value, ex=2 * CACHE_LIFE_S)
        await pipeline.execute()

    async def _connected(self) -> Client:
        if self._client is None:
            self._client = await open_redis(self._url, self._timeout_s)
        return self._client


def _key(tenant: str, conversation: str) -> str:
    return f"tw:{{{tenant}}}:conversation:{conversation}"

"""Remembers for a few minutes how each conversation was routed. Fails open: without Redis nothing is sticky."""

from __future__ import annotations

import json
import logging
import time

from redis.exceptions import RedisError

from plugins.adapters.redis_scripts import Client, open_redis
from plugins.routing.sticky import CACHE_LIFE_S
from plugins.values import Previous

log = logging.getLogger("tierwise")


class RedisConversations:
    """Implements ports.Conversations. Keys carry the tenant's hash tag and expire with the providers' caches."""

    def __init__(self, url: str, timeout_ms: int) -> None:
        self._url = url
        self._timeout_s = timeout_ms / 1000
        self._client: Client | None = None

    async def recall(self, tenant: str, conversation: str) -> Previous | None:
        """How its last turn was routed; None for a new or forgotten one, or when Redis cannot be asked."""
        try:
            kept = await (await self._connected()).get(_key(tenant, conversation))
        except (RedisError, OSError, TimeoutError):
            return None
        if kept is None:
            return None
        tier, failed, at_s = json.loads(kept)
        return Previous(str(tier), max(0.0, time.time() - float(at_s)), bool(failed))

    async def remember(self, tenant: str, conversation: str, tier: str, failed: bool) -> None:
        """Note a turn; forgets by itself."""
        try:
            value = json.dumps([tier, failed, time.time()])
            await (await self._connected()).set(_key(tenant, conversation), value, ex=2 * CACHE_LIFE_S)
        except (RedisError, OSError, TimeoutError):
            log.debug("a conversation was not remembered")

    async def _connected(self) -> Client:
        if self._client is None:
            self._client = await open_redis(self._url, self._timeout_s)
        return self._client


def _key(tenant: str, conversation: str) -> str:
    return f"tw:{{{tenant}}}:conversation:{conversation}"

"""LiteLLM's response-cache seam: it replays what our cache found, and never looks anything up by itself.

The pre-call hook did the lookup; LiteLLM asks its cache backend later and turns what this returns into JSON
or a valid SSE stream, logs `cache_hit` and prices it at zero.
"""

from __future__ import annotations

import json
import time
from typing import Any

import litellm
from litellm.caching.base_cache import BaseCache
from litellm.caching.caching import Cache

from plugins.flight import Flights


class CacheSeam(BaseCache):  # type: ignore[misc]  # LiteLLM's types are not followed, see pyproject.toml
    """Storing is the pipeline's business, after the answer was checked and paid: writes are ignored."""

    def __init__(self, flights: Flights) -> None:
        super().__init__()
        self._flights = flights

    async def async_get_cache(self, key: str, **kwargs: Any) -> dict[str, Any] | None:
        flight = self._flights.get(kwargs.get("litellm_call_id"))
        if flight is None or flight.hit is None:
            return None
        answer = json.loads(flight.hit.response)
        answer["id"] = f"chatcmpl-{flight.id}"
        answer["created"] = int(time.time())
        return {"timestamp": time.time(), "response": json.dumps(answer)}

    def get_cache(self, key: str, **kwargs: Any) -> None:
        return None

    def set_cache(self, key: str, value: Any, **kwargs: Any) -> None:
        return None

    async def async_set_cache(self, key: str, value: Any, **kwargs: Any) -> None:
        return None

    async def async_set_cache_pipeline(self, cache_list: Any, **kwargs: Any) -> None:
        return None

    async def disconnect(self) -> None:
        """Nothing is held here; LiteLLM calls this when the proxy stops."""


def install(flights: Flights) -> None:
    """Make the seam LiteLLM's response cache."""
    litellm.cache = Cache(_backend=CacheSeam(flights))

"""LiteLLM's response-cache seam: it replays what our cache found, and never looks anything up by itself.

The pre-call hook did the lookup; LiteLLM asks its cache backend later and turns what this returns into JSON
or a valid SSE stream, logs `cache_hit` and prices it at zero. It asks once for each input of an embeddings call,
and tells the backend nothing but the key: so the key is the call's id, and a digest of the input where there is one of
many. Not the input itself: the key becomes a response header, and not every text can.
"""

from __future__ import annotations

import hashlib
import json
import time
from typing import Any, Final

import litellm
from litellm.caching.base_cache import BaseCache
from litellm.caching.caching import Cache
from litellm.types.caching import CACHED_STREAM_EVENTS_KEY, EMBEDDING_CACHE_FORMAT_VERSION

from plugins.answer_forms import as_chat, message_events, replayed
from plugins.flight import Flight, Flights
from plugins.values import Call, Endpoint

_APART: Final = ":"
FILLING: Final = "cache"  # LiteLLM's name for the callback that stores answers


class CacheSeam(BaseCache):  # type: ignore[misc]  # LiteLLM's types are not followed, see pyproject.toml
    """Storing is the pipeline's business, after the answer was checked and paid: writes are ignored."""

    def __init__(self, flights: Flights) -> None:
        super().__init__()
        self._flights = flights

    async def async_get_cache(self, key: str, **kwargs: Any) -> dict[str, Any] | None:
        call_id, _, digest = str(key).partition(_APART)
        flight = self._flights.get(call_id)
        if flight is None or flight.hit is None or flight.call is None:
            return None
        found = _of_input(flight, flight.call, digest) if flight.endpoint is Endpoint.EMBEDDINGS else _whole(flight)
        return None if found is None else {"timestamp": time.time(), "response": found}

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


class KeyedByCall(Cache):  # type: ignore[misc]  # as above
    """LiteLLM's cache with our backend, and without its own hash over the whole request."""

    def get_cache_key(self, **kwargs: Any) -> str:
        call_id, given = str(kwargs.get("litellm_call_id") or ""), kwargs.get("input")
        return f"{call_id}{_APART}{_digest(given)}" if isinstance(given, str) else call_id


def _whole(flight: Flight) -> dict[str, Any]:
    """The hit in the form that LiteLLM replays: chat and responses it streams by itself, messages it does not."""
    assert flight.hit is not None and flight.call is not None  # noqa: S101  # the caller looked
    answer = replayed(flight.endpoint, json.loads(flight.hit.response), flight.id, flight.call.model, int(time.time()))
    if flight.endpoint is Endpoint.MESSAGES and flight.call.stream:
        return {CACHED_STREAM_EVENTS_KEY: list(message_events(answer))}
    if flight.endpoint is Endpoint.COMPLETIONS and flight.call.stream:
        return as_chat(answer)
    return answer


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _of_input(flight: Flight, call: Call, digest: str) -> dict[str, Any] | None:
    """One input's vector as LiteLLM keeps them; the tokens of all are told with the first."""
    assert flight.hit is not None  # noqa: S101  # the caller looked
    rows = json.loads(flight.hit.response)["data"]
    place = next((i for i, message in enumerate(call.messages) if _digest(message.text) == digest), None)
    if place is None or place >= len(rows):
        return None
    return {
        "embedding": rows[place]["embedding"],
        "index": place,
        "object": "embedding",
        "model": call.model,
        "prompt_tokens": flight.hit.usage.input_tokens if place == 0 else 0,
        "prompt_tokens_details": None,
        "format_version": EMBEDDING_CACHE_FORMAT_VERSION,
    }


def install(flights: Flights) -> None:
    """Make the seam LiteLLM's response cache, without the callback by which LiteLLM would fill it: for that one alone
    it would log each answer a second time, in a thread."""
    litellm.cache = KeyedByCall(_backend=CacheSeam(flights))
    # As LiteLLM's own disable_cache() does, which would drop the cache as well.
    for listed in (litellm.input_callback, litellm.success_callback, litellm._async_success_callback):
        while FILLING in listed:
            listed.remove(FILLING)

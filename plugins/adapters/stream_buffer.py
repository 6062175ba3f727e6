"""A stream that is held back whole, so that its answer can be checked before the first byte of it goes out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

from plugins.flight import Flight


def note_chunks(flight: Flight, chunks: Sequence[Any]) -> None:
    """The answer that these pieces make up, as a plain reply would have been noted."""
    texts, calls = [], set()
    for chunk in chunks:
        for choice in getattr(chunk, "choices", None) or []:
            delta = getattr(choice, "delta", None)
            if getattr(choice, "index", 0) == 0:
                texts.append(getattr(delta, "content", None) or "")
                flight.finish_reason = str(getattr(choice, "finish_reason", None) or flight.finish_reason)
            calls |= {getattr(call, "index", 0) for call in getattr(delta, "tool_calls", None) or ()}
    flight.answer, flight.tool_calls = "".join(texts), len(calls)


async def replayed(response: Any) -> AsyncIterator[Any]:
    """A plain reply as the pieces of a stream, the way LiteLLM replays a cached one."""
    from litellm.litellm_core_utils.llm_response_utils import convert_dict_to_response

    async for chunk in convert_dict_to_response.convert_to_streaming_response_async(response.model_dump()):
        yield chunk

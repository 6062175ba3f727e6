"""What a request has beyond text that changes what it can cost: read from the body once, for the budget's worst case.

Field names are OpenAI's, Anthropic's and (through LiteLLM) Google's.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from plugins.values import Extra

Json = dict[str, Any]

# What a client asks for without paying more than list price.
_PLAIN_TIERS = frozenset({"", "default", "flex", "standard_only"})
# Tools that the client runs; everything else runs at the provider.
_CLIENT_TOOLS = (
    *("function", "custom", "namespace", "bash", "text_editor", "str_replace", "computer", "memory"),
    *("local_shell", "shell", "apply_patch"),
)
# Content that the provider fetches or unpacks, so that its size is not the request's.
_REFERENCES = ("previous_response_id", "conversation", "container")
_DEEPEST = 4  # item, part of it, part of a tool's result, and one to spare
_REFERRING = ("file", "document", "item_reference", "container_upload", "search_result")


def extras_of(body: Json) -> frozenset[Extra]:
    """The extras of a checked body."""
    parts = list(_parts(body))
    found = {
        Extra.SERVICE_TIER: str(body.get("service_tier") or "").lower() not in _PLAIN_TIERS or bool(body.get("speed")),
        Extra.MEDIA: _has_media(body, parts),
        Extra.REFERENCED: any(body.get(name) for name in _REFERENCES)
        or isinstance(body.get("prompt"), dict)
        or any(_type(part).endswith(_REFERRING) for part in parts),
        Extra.PROVIDER_TOOLS: body.get("web_search_options") is not None
        or bool(body.get("mcp_servers"))
        or any(not _is_clients(tool) for tool in body.get("tools") or ()),
    }
    return frozenset(extra for extra, there in found.items() if there)


def images_of(body: Json) -> tuple[int, int]:
    """(how many images there are, tool results included; the bytes of those that are in the body itself)."""
    images = [part for part in _parts(body) if "image" in _type(part)]
    return len(images), sum(map(_data_bytes, images))


def _has_media(body: Json, parts: list[Json]) -> bool:
    spoken = any(kind in _type(part) for part in parts for kind in ("audio", "video"))
    return spoken or bool(body.get("audio")) or bool(set(body.get("modalities") or ()) - {"text"})


def _is_clients(tool: Json) -> bool:
    kind = str(tool.get("type") or "")
    return kind.startswith(_CLIENT_TOOLS) if kind else "function" in tool or "name" in tool


def _parts(body: Json) -> Iterator[Json]:
    """Every item and content part of the conversation."""
    for field in ("messages", "input", "system"):
        yield from _inside(body.get(field), _DEEPEST)


def _inside(value: Any, depth: int) -> Iterator[Json]:
    for item in value if isinstance(value, list) and depth else ():
        if isinstance(item, dict):
            yield item
            for name in ("content", "output"):
                yield from _inside(item.get(name), depth - 1)


def _type(part: Json) -> str:
    return str(part.get("type") or "")


def _data_bytes(value: Any) -> int:
    """The longest text inside an image part: its data, wherever the wire format keeps it."""
    if isinstance(value, str):
        return len(value) if len(value) > 1_000 else 0
    inner = value.values() if isinstance(value, dict) else ()
    return max((_data_bytes(one) for one in inner), default=0)

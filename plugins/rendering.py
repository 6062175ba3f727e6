"""The effective `proxy_config.yaml` that LiteLLM is started with, made from the one that people write.

What is added or left out here is what the operator would otherwise repeat by hand: models whose credentials
are not set are dropped, each model also gets a name of its own, and `auto` and its siblings are listed.
Secrets stay references (`os.environ/NAME`), so the rendered file holds none.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from plugins.config_file import ENV_PREFIX, Loaded
from plugins.errors import StartError

Json = dict[str, Any]
REDIS = "REDIS_URL"
# LiteLLM takes any Redis that it finds under a name that it knows, for counters of its own that nothing here reads: two
# round trips a request, and one more thing that waits when Redis is slow.
OWN_REDIS = "TIERWISE_REDIS_URL"


@dataclass(frozen=True, slots=True)
class Rendered:
    """`config` is ready to be written; `notes` are for the operator; `simulated` asks for the simulator."""

    config: Json
    notes: tuple[str, ...]
    simulated: bool


def render(loaded: Loaded, environ: Mapping[str, str], base_dir: Path) -> Rendered:
    """Raises StartError when no model at all can be reached."""
    entries = loaded.model_list
    real = [e for e in entries if not _simulated(e) and not _unset(e, environ)]
    simulated = not real
    kept = [e for e in entries if _simulated(e)] if simulated else real
    if not kept:
        names = ", ".join(sorted({name for e in entries for name in _unset(e, environ)}))
        raise StartError(f"No model can be reached: set at least one of {names}.")
    notes = [] if simulated else _absent_tiers(loaded, kept)
    gateway = dict(loaded.raw["gateway"])
    if keys_file := loaded.gateway.keys_file:
        gateway["keys_file"] = str((base_dir / keys_file).resolve())
    if gateway.get("redis_url") == ENV_PREFIX + REDIS:
        gateway["redis_url"] = redis_reference(loaded.raw, environ)
    settings = dict(loaded.raw.get("router_settings") or {})
    first = str(kept[0]["model_name"])
    settings["model_group_alias"] = dict.fromkeys(loaded.gateway.routing.aliases, first)
    general = dict(loaded.raw.get("general_settings") or {})
    if environ.get("DATABASE_URL"):
        general.pop("custom_auth", None)  # LiteLLM's virtual keys and teams take over
    config = {
        **loaded.raw,
        "model_list": [*kept, *_named(kept)],
        "general_settings": general,
        "router_settings": settings,
        "gateway": gateway,
    }
    return Rendered(config, tuple(notes), simulated)


def redis_reference(config: Json, environ: Mapping[str, str]) -> str:
    """How the rendered file names the gateway's Redis: by a name of our own, unless LiteLLM needs it too."""
    others = [value for section, value in config.items() if section != "gateway"]
    shared = environ.get("DATABASE_URL") or ENV_PREFIX + REDIS in json.dumps(others, default=str)
    return ENV_PREFIX + (REDIS if shared else OWN_REDIS)


def environ_for(rendered: Rendered, environ: Mapping[str, str]) -> dict[str, str]:
    """The environment of the server process."""
    if rendered.config["gateway"].get("redis_url") != ENV_PREFIX + OWN_REDIS:
        return dict(environ)
    return {**{name: value for name, value in environ.items() if name != REDIS}, OWN_REDIS: environ.get(REDIS, "")}


def _simulated(entry: Json) -> bool:
    return bool((entry.get("model_info") or {}).get("simulated"))


def _unset(entry: Json, environ: Mapping[str, str]) -> list[str]:
    """The environment variables that this entry refers to and that are not set."""
    values = (entry.get("litellm_params") or {}).values()
    names = [v.removeprefix(ENV_PREFIX) for v in values if isinstance(v, str) and v.startswith(ENV_PREFIX)]
    return [name for name in names if not environ.get(name)]


def _absent_tiers(loaded: Loaded, kept: Iterable[Json]) -> list[str]:
    groups = {e["model_name"] for e in kept}
    notes = []
    for name, tier in loaded.gateway.tiers.items():
        if loaded.gateway.group(name) not in groups:
            follows = "what must stay on premise is refused" if tier.on_premise else "the nearest tier stands in"
            notes.append(f"tier {name!r} has no model whose key or address is set: {follows}")
    return notes


def _named(kept: Iterable[Json]) -> list[Json]:
    """Each model once more under its own name, so that a caller may name it."""
    taken = {e["model_name"] for e in kept}
    named: dict[str, Json] = {}
    for entry in kept:
        model = str(entry["litellm_params"]["model"])
        name = model.rpartition("/")[2]
        if name not in taken and not model.startswith(ENV_PREFIX):
            named.setdefault(name, {**entry, "model_name": name})
    return list(named.values())

"""The effective model list as a catalog, priced by the data that LiteLLM brings."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from plugins.catalog import Catalog
from plugins.errors import ConfigError
from plugins.values import Deployment

Json = dict[str, Any]
PICO_PER_USD = 10**12


def catalog_of(model_list: Sequence[Json]) -> Catalog:
    """The effective model list with prices and limits, LiteLLM's own data under `model_info` overrides.

    Raises ConfigError for a deployment without a known price, unless it is declared free
    (`model_info: {input_cost_per_token: 0, output_cost_per_token: 0}`).
    """
    groups: dict[str, tuple[Deployment, ...]] = {}
    for entry in model_list:
        deployment = _deployment(entry)
        groups[deployment.group] = (*groups.get(deployment.group, ()), deployment)
    return Catalog(groups)


def _deployment(entry: Json) -> Deployment:
    group, params = str(entry["model_name"]), entry.get("litellm_params") or {}
    model = str(params.get("model"))
    info = {**_known(model), **{k: v for k, v in (entry.get("model_info") or {}).items() if v is not None}}
    if info.get("input_cost_per_token") is None:
        raise ConfigError(
            f"model_list: {group} ({model}) has no known price. Set model_info.input_cost_per_token and "
            "output_cost_per_token (0 declares it free)."
        )
    return Deployment(
        group=group,
        model=model,
        provider=model.partition("/")[0] if "/" in model else "openai",
        input_pico=round(float(info["input_cost_per_token"]) * PICO_PER_USD),
        output_pico=round(float(info.get("output_cost_per_token") or 0) * PICO_PER_USD),
        max_input_tokens=int(info.get("max_input_tokens") or info.get("max_tokens") or 8192),
        max_output_tokens=int(info.get("max_output_tokens") or info.get("max_tokens") or 4096),
        vision=bool(info.get("supports_vision")),
        tools=bool(info.get("supports_function_calling")),
        json_schema=bool(info.get("supports_response_schema")),
        on_premise=bool(info.get("on_premise")),
        region=info.get("region"),
        cached_pico=round(float(_first(info, "cache_read_input_token_cost", "input_cost_per_token")) * PICO_PER_USD),
    )


def _first(info: Json, *names: str) -> Any:
    return next(info[name] for name in names if info.get(name) is not None)


@cache
def _price_data() -> dict[str, Json]:
    """LiteLLM's own price and limit data, from its package, without importing it (which takes seconds)."""
    spec = find_spec("litellm")
    folders = spec.submodule_search_locations if spec else None
    if not folders:
        raise ConfigError("litellm is not installed. Install requirements/run.lock.")
    path = Path(folders[0]) / "model_prices_and_context_window_backup.json"
    data: dict[str, Json] = json.loads(path.read_text(encoding="utf-8"))
    return data


def _known(model: str) -> Json:
    data = _price_data()
    return data.get(model) or data.get(model.partition("/")[2]) or {}

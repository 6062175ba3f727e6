"""The effective model list as a catalog, priced by the data that LiteLLM brings."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from plugins.catalog import Catalog
from plugins.errors import ConfigError
from plugins.values import Deployment, Extra, Rate

Json = dict[str, Any]
PICO_PER_USD = 10**12
INPUT_ONLY = ("embedding", "rerank", "moderation")  # LiteLLM's modes that have no output to price
SERVICES = "priority|ultrafast"  # those that are dearer than the list
# LiteLLM's names of prices of a token: of text, of a prompt written to the provider's cache, of reasoning, of media;
# above a number of input tokens, and for a service tier.
RATE = re.compile(
    r"(?:input_cost_per_token|input_cost_per_image_token|cache_creation_input_token_cost|output_cost_per_token"
    r"|output_cost_per_reasoning_token|(?P<media>(?:input|output)_cost_per_(?:audio|video)_token"
    r"|output_cost_per_image_token))(?:_above_1hr)?(?P<service>_(?:" + SERVICES + r"))?"
    r"(?:_above_(?P<above>\d+)(?P<thousands>k?)_tokens)?(?P<service_after>_(?:" + SERVICES + r"))?"
)
# The most that one image counts as. gpt-4o-mini's are priced like gpt-4o's by counting 33 times as many tokens:
# 2,833 and 5,667 for each of up to 8 tiles. The others' documented highest are below 5,000.
IMAGE_TOKENS = {"gpt-4o-mini": 48_200}
MOST_IMAGE_TOKENS = 5_000
SEARCHING = ("sonar", "search")
UPLIFTS = (
    *("regional_processing_uplift_multiplier_eu", "regional_processing_uplift_multiplier_us"),
    "regional_endpoint_uplift_multiplier",
)


def catalog_of(model_list: Sequence[Json]) -> Catalog:
    """The effective model list with prices and limits, LiteLLM's own data under `model_info` overrides.

    Raises ConfigError for a deployment without a known price, unless it is declared free
    (`model_info: {input_cost_per_token: 0, output_cost_per_token: 0}`), and for one that costs something and whose
    limits are unknown, because then nobody can say what a call costs at most.
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
    _check(info, f"{group} ({model})")
    return Deployment(
        group=group,
        model=model,
        provider=model.partition("/")[0] if "/" in model else "openai",
        input_pico=_pico(info["input_cost_per_token"]),
        output_pico=_pico(info.get("output_cost_per_token") or 0),
        max_input_tokens=int(info.get("max_input_tokens") or info.get("max_tokens") or 8192),
        max_output_tokens=int(info.get("max_output_tokens") or info.get("max_tokens") or 4096),
        vision=bool(info.get("supports_vision")),
        tools=bool(info.get("supports_function_calling")),
        json_schema=bool(info.get("supports_response_schema")),
        on_premise=bool(info.get("on_premise")),
        region=info.get("region"),
        cached_pico=_pico(_first(info, "cache_read_input_token_cost", "input_cost_per_token")),
        rates=tuple(_rates(info)),
        request_pico=_pico(info.get("input_cost_per_request") or 0) + _search_pico(model, info),
        image_tokens=int(info.get("tokens_per_image") or _image_tokens(model)),
        mode=str(info.get("mode") or "chat"),
    )


def _check(info: Json, name: str) -> None:
    outputs = () if info.get("mode") in INPUT_ONLY else ("output_cost_per_token",)
    if any(info.get(price) is None for price in ("input_cost_per_token", *outputs)):
        raise ConfigError(
            f"model_list: {name} has no known price. Set model_info.input_cost_per_token and "
            "output_cost_per_token (0 declares it free)."
        )
    for price, limit in (("input_cost_per_token", "max_input_tokens"), ("output_cost_per_token", "max_output_tokens")):
        if info.get(price) and not (info.get(limit) or info.get("max_tokens")):
            raise ConfigError(
                f"model_list: {name} has no known {limit}, so that nobody can say what a call costs at most. "
                f"Set model_info.{limit}."
            )


def _rates(info: Json) -> Iterator[Rate]:
    """Every price of a token besides the list's, with the provider's surcharge for regional processing."""
    special = info.get("provider_specific_entry") or {}
    regional = max([1.0, *(info[name] for name in UPLIFTS if info.get(name)), special.get("us") or 1.0])
    for name, price in info.items():
        found = RATE.fullmatch(name)
        if found is None or not isinstance(price, int | float):
            continue
        above = int(found["above"] or 0) * (1_000 if found["thousands"] else 1)
        for_service = Extra.SERVICE_TIER if found["service"] or found["service_after"] else None
        only = Extra.MEDIA if found["media"] else for_service
        yield Rate(name.startswith("output"), _pico(price * regional), above, only)
        if special.get("fast"):
            yield Rate(name.startswith("output"), _pico(price * regional * special["fast"]), above, Extra.SERVICE_TIER)
    for step in info.get("tiered_pricing") or ():
        for name in ("input_cost_per_token", "output_cost_per_token", "output_cost_per_reasoning_token"):
            if step.get(name) is not None:
                yield Rate(name.startswith("output"), _pico(step[name]), int((step.get("range") or [0])[0]))


def _search_pico(model: str, info: Json) -> int:
    """What a model that always searches the web takes for it. Others search only when a request asks for it."""
    costs = info.get("search_context_cost_per_query")
    if not isinstance(costs, dict) or not any(part in model for part in SEARCHING):
        return 0
    return _pico(max(costs.values(), default=0))


def _image_tokens(model: str) -> int:
    return next((tokens for part, tokens in IMAGE_TOKENS.items() if part in model), MOST_IMAGE_TOKENS)


def _pico(usd: Any) -> int:
    return round(float(usd) * PICO_PER_USD)


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

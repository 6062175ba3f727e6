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
        mode=str(info.get("mode") or "chat"),

"""`tierwise route`: the verdict and the route of a prompt, without a model call, a budget or a cache."""

from __future__ import annotations

import os
import uuid
from pathlib import Path
from typing import Any

from classifier.embedding import Embedder
from plugins.adapters.price_data import catalog_of
from plugins.catalog import Catalog
from plugins.config import GatewayConfig
from plugins.config_file import load_config
from plugins.errors import ConfigError, GatewayError
from plugins.policy import decide_policy
from plugins.pricing import typical_cost, upper_bound
from plugins.rendering import render
from plugins.routing import table
from plugins.routing.cascade import Cascade
from plugins.sensitive import compile_patterns, find_sensitive
from plugins.shipped import load_classifier
from plugins.values import Call, Caller, Constraints, Endpoint, Message, Route, usd_text


def dry_run(config_path: Path, prompt: str, model: str) -> dict[str, Any]:
    """A flat mapping of what would be decided. Raises ConfigError for a prompt or name that would be refused."""
    loaded = load_config(config_path)
    rendered = render(loaded, os.environ, config_path.resolve().parent)
    catalog = catalog_of(rendered.config["model_list"])
    config = loaded.gateway
    caller = Caller(next(iter(config.tenants)), "dry-run", "")
    size = len(prompt.encode("utf-8", "replace"))
    call = Call(uuid.uuid4().hex, Endpoint.CHAT, caller, model, (Message("user", prompt),), input_bytes=size)
    findings = find_sensitive(prompt, compile_patterns(config.policy.patterns), config.policy.kinds)
    constraints = decide_policy(config.tenants[caller.tenant], findings, call.hints).constraints
    route = _route(call, constraints, config, catalog)
    if isinstance(route, GatewayError):
        raise ConfigError(route.message)
    return _facts(call, route, constraints, catalog)


def _route(call: Call, constraints: Constraints, config: GatewayConfig, catalog: Catalog) -> Route | GatewayError:
    if refusal := table.check_name(call, config, catalog):
        return refusal
    if not table.is_alias(call.model, config):
        return table.named_route(call, constraints, config, catalog)
    cascade = Cascade(config.routing, *load_classifier())
    verdict = cascade.classify(call, Embedder().embed(call.question))
    return table.route(verdict, call, constraints, config, catalog)


def _facts(call: Call, route: Route, constraints: Constraints, catalog: Catalog) -> dict[str, Any]:
    verdict = route.verdict
    typical, _ = typical_cost(call, route, catalog)
    most, _ = upper_bound(call, route, catalog)
    return {
        "tier": route.tier,
        "task": verdict.task,
        "difficulty": verdict.difficulty.value,
        "layer": verdict.layer.value,
        "score": round(verdict.score, 4),
        "threshold": round(verdict.threshold, 4),
        "confidence": round(verdict.confidence, 4),
        "reason": route.reason,
        "fallbacks": list(route.fallbacks),
        "residency": constraints.residency,
        "sensitive": list(constraints.kinds),
        "estimated_cost_usd": float(usd_text(typical)),
        "most_cost_usd": float(usd_text(most)),
    }

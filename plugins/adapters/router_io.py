"""What the gateway tells LiteLLM's router about one request, and reads from it: fallbacks, attempts, cooldowns."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from plugins import attempts
from plugins.adapters import litellm_io
from plugins.attempts import Target
from plugins.catalog import Catalog
from plugins.config import LimitsConfig
from plugins.errors import UpstreamError
from plugins.extras import images_of
from plugins.flight import Flight
from plugins.values import Route

Json = dict[str, Any]
NS_PER_S = 1_000_000_000
MOST_RETRY_AFTER_S = 3600
HANGS = ("408", "504")  # with which status a deployment cools down that did not answer in time
BROKEN_STREAM = "stream_broken"  # the error of an attempt that began to answer and did not end


def direct(data: Json, flight: Flight, any_group: str, catalog: Catalog) -> None:
    """Point LiteLLM at the routed group; for a cache hit at anything, as no model will be called."""
    if flight.hit is None and flight.route is not None:
        _apply_route(data, flight.route, len(catalog.groups.get(flight.route.group, ())))
        return
    data["model"] = _hit_target(any_group)
    data["disable_fallbacks"] = True


def _apply_route(data: Json, route: Route, deployments: int) -> None:
    """The group, and the fallbacks of this very request and no others, by kind of failure.

    A retry asks another deployment of the group; where the group has only one, the next group is asked at once. LiteLLM
    does not retry within a group whose others are cooling down: where no other group may answer, they are named one
    by one as the fallbacks, so that each is asked before the client gets an error.
    """
    data["model"] = route.group
    if deployments > 1 or route.fallbacks:
        data["num_retries"] = deployments - 1
    following = list(route.fallbacks) or (list(_ids_of(route.group)) if deployments > 1 else [])
    if not following:
        data["disable_fallbacks"] = True
        return
    data["fallbacks"] = [{route.group: following}]
    data["content_policy_fallbacks"] = [{route.group: following}]
    data["context_window_fallbacks"] = [{route.group: list(route.wider)}]


def _hit_target(group: str) -> str:
    """A deployment's id to name for a cache hit. LiteLLM takes an id as it is, also when all of its group are cooling
    down; a group's name it would refuse then, though no model is called."""
    return next(iter(_ids_of(group)), group)


def _ids_of(group: str) -> tuple[str, ...]:
    """The ids of a group's deployments in LiteLLM's router."""
    from litellm.proxy import proxy_server  # the router is set when the proxy starts, not at import

    router = proxy_server.llm_router
    return tuple(str(name) for name in router.get_model_ids(model_name=group)) if router else ()


def begin_attempt(flight: Flight, kwargs: Json, kind: str, limits: LimitsConfig, now_ns: int) -> UpstreamError | None:
    """Count one model call and cut its time-out to what remains; or why there must be none. LiteLLM's bridges between
    endpoints come here again within the same attempt, with another `kind`."""
    flight.attempt_kind = flight.attempt_kind or kind
    if _was_asked(flight, kwargs):
        return flight.last_failure
    left_s = limits.request_timeout_s - (now_ns - flight.started_ns) / NS_PER_S
    if kind == flight.attempt_kind:
        if refusal := attempts.no_more(flight.attempts, limits.attempts, left_s, flight.last_failure):
            return refusal
        flight.attempts += 1
    kwargs["timeout"] = attempts.within(kwargs.get("timeout"), left_s)
    return None


def _was_asked(flight: Flight, kwargs: Mapping[str, Any]) -> bool:
    """Whether this is a deployment, named as a fallback, that has failed this request before."""
    if flight.route is None or flight.route.fallbacks or len(_ids_of(flight.route.group)) < 2:
        return False
    return (kwargs.get("model_info") or {}).get("id") in {target.id for target in flight.failed_targets}


def note_broken_stream(flight: Flight, kind: str = "") -> None:
    """LiteLLM goes on with another model where a stream broke before its first word, and tells nobody: that it does so
    while an attempt is under way is how we know. Noted before the next deployment is chosen, so that another is."""
    if flight.attempt and kind in ("", flight.attempt) and flight.failed_attempts < flight.attempts:
        flight.fallbacks += 1
        flight.attempt_failed(BROKEN_STREAM)
        flight.last_failure = litellm_io.upstream_error(ConnectionError())
        _remember_failed(flight, flight.under_way.get("deployment"))


def added_bytes(flight: Flight, kwargs: Json) -> int:
    """What an attempt is sent besides the client's request: the answer so far, where it is to go on from there."""
    if flight.call is None or flight.first_token_ns is None:
        return 0
    sent = {name: kwargs[name] for name in ("messages", "input") if kwargs.get(name)}
    size = len(json.dumps(sent, ensure_ascii=False, default=str).encode("utf-8", "replace")) - images_of(sent)[1]
    return max(0, size - flight.call.input_bytes)


def note_failure(flight: Flight, request: Mapping[str, Any], exception: BaseException) -> None:
    """Remember which deployment failed this request, and how."""
    flight.last_failure = litellm_io.upstream_error(exception)
    _remember_failed(flight, (request.get("model_info") or {}).get("id"))


def _remember_failed(flight: Flight, deployment_id: object) -> None:
    from litellm.proxy import proxy_server

    deployment = proxy_server.llm_router.get_deployment(model_id=str(deployment_id))
    if deployment is not None:
        flight.failed_targets.append(target_of(deployment.model_dump()))


def target_of(deployment: Mapping[str, Any]) -> Target:
    """A deployment of LiteLLM's model list."""
    params = deployment.get("litellm_params") or {}
    provider = params.get("custom_llm_provider") or str(params.get("model") or "").partition("/")[0]
    return Target(
        str((deployment.get("model_info") or {}).get("id") or ""), f"{provider} {params.get('api_base') or ''}"
    )


async def to_try(flight: Flight, model: str, deployments: Sequence[Json]) -> list[Json]:
    """The deployments of a group that this request should still ask; `deployments` are those not cooling down."""
    note_broken_stream(flight)
    if not deployments:
        return await _cooling_to_try(flight, model)
    targets = [target_of(deployment) for deployment in deployments]
    ids = attempts.untried(targets, flight.failed_targets)
    return [deployment for deployment, target in zip(deployments, targets, strict=True) if target.id in ids]


async def _cooling_to_try(flight: Flight, model: str) -> list[Json]:
    """Of a group that is cooling down as a whole: the deployments to ask all the same, because nobody else that may
    answer is left. One may be well again, and the client would get an error anyway. Those that hang are left alone."""
    from litellm.proxy import proxy_server
    from litellm.router_utils.cooldown_handlers import _async_get_cooldown_deployments_with_debug_info

    router, route = proxy_server.llm_router, flight.route
    if router is None or route is None or model not in (groups := (route.group, *route.fallbacks)):
        return []
    down = dict(await _async_get_cooldown_deployments_with_debug_info(router, None))
    failed = {target.id for target in flight.failed_targets}
    ahead = {group: set(_ids_of(group)) - failed for group in groups[groups.index(model) :]}
    if any(ids - down.keys() for ids in ahead.values()):
        return []
    ready = {name for name in ahead[model] if str(down[name]["status_code"]) not in HANGS}
    return [row for row in router.get_model_list(model_name=model) or () if row["model_info"]["id"] in ready]


def retry_after_s(exception: BaseException) -> int | None:
    """When to try again, in whole seconds: a provider's Retry-After, or the end of the router's cooldown."""
    response = getattr(exception, "response", None)
    headers = getattr(exception, "litellm_response_headers", None) or getattr(response, "headers", None) or {}
    said = str(headers.get("retry-after") or "")
    if said.isascii() and said.isdigit():
        return max(1, min(int(said), MOST_RETRY_AFTER_S))
    cooldown_s = getattr(exception, "cooldown_time", None)
    return max(1, min(round(cooldown_s), MOST_RETRY_AFTER_S)) if isinstance(cooldown_s, int | float) else None


def final_error(flight: Flight, exception: BaseException) -> UpstreamError:
    """What the client is told when no model answered: a refusal of the request itself before anything else."""
    error = flight.last_failure if flight.last_failure and flight.last_failure.code in attempts.CLIENTS_FAULT else None
    error = error or litellm_io.upstream_error(exception)
    if error.http_status in (429, 503) and (seconds := retry_after_s(exception)) is not None:
        error.headers["Retry-After"] = str(seconds)
    return error


async def cooling() -> dict[str, tuple[int, int]]:
    """By model group: (deployments that are cooling down, all deployments)."""
    from litellm.proxy import proxy_server
    from litellm.router_utils.cooldown_handlers import _async_get_cooldown_deployments

    router = proxy_server.llm_router
    if router is None:
        return {}
    down = set(await _async_get_cooldown_deployments(litellm_router_instance=router, parent_otel_span=None))
    counts: dict[str, tuple[int, int]] = {}
    for deployment in router.model_list:
        cooled, known = counts.get(deployment["model_name"], (0, 0))
        counts[deployment["model_name"]] = (cooled + (deployment["model_info"]["id"] in down), known + 1)
    return counts

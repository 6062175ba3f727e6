"""The only LiteLLM callback: hook in, pipeline call, hook out. Also LiteLLM's custom auth.

LiteLLM executes this file for each entry of its config that names it, so nothing is kept here: the one
runtime of the process lives in `plugins.wiring`.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from fastapi import Request
from litellm.integrations.custom_logger import CustomLogger
from litellm.proxy._types import LitellmUserRoles, UserAPIKeyAuth

from plugins.adapters import answers_io, litellm_chat, litellm_io, router_io, shadow
from plugins.adapters.upstream import withheld
from plugins.catalog import public_models
from plugins.errors import BadRequest, Forbidden, GatewayError, Unauthorized, Unavailable
from plugins.flight import Flight
from plugins.runtime import Runtime
from plugins.values import Exact
from plugins.wiring import runtime

log = logging.getLogger("tierwise")


async def authenticate(request: Request, api_key: str) -> UserAPIKeyAuth:
    """LiteLLM's `custom_auth`: a tenant's key, or the master key for administration."""
    keyring = runtime().keyring
    if caller := keyring.find(api_key or ""):
        return litellm_io.auth_of(caller)
    if keyring.is_master(api_key or ""):
        return UserAPIKeyAuth(api_key="master", user_role=LitellmUserRoles.PROXY_ADMIN)
    text = "The API key is missing or unknown. Send 'Authorization: Bearer <key>' with a key of this gateway."
    raise litellm_io.proxy_error(Unauthorized(text))


class Gateway(CustomLogger):  # type: ignore[misc]  # LiteLLM's types are not followed, see pyproject.toml
    """LiteLLM looks hooks up on this very class and passes arguments by keyword: the names are its own."""

    async def async_pre_call_hook(
        self, user_api_key_dict: UserAPIKeyAuth, cache: object, data: dict[str, Any], call_type: str
    ) -> dict[str, Any]:
        ours = runtime()
        flight = ours.flights.get(data.get("litellm_call_id"))
        refusal = await self._admit(ours, flight, user_api_key_dict)
        if flight is None or refusal is not None:
            raise litellm_io.proxy_error(refusal or BadRequest("This endpoint is not served by the gateway."))
        flight.admitted_ns = time.time_ns()
        litellm_io.apply_policy(data, flight, ours.pipeline.screening.redacted)
        shadow.prepare(data, flight)
        router_io.direct(data, flight, ours.any_group(flight), ours.catalog)
        if ours.fast_lane:  # nobody else reads LiteLLM's log
            litellm_chat.log_afterwards(data, flight)
        return data

    async def _admit(self, ours: Runtime, flight: Flight | None, auth: UserAPIKeyAuth) -> GatewayError | None:
        if flight is None or flight.call is None:
            return None
        caller = litellm_io.caller_of(auth)
        if caller.tenant not in ours.config.tenants:
            who = (
                "The master key is for administration" if not caller.tenant else f"Team {caller.tenant!r} is no tenant"
            )
            flight.error = Forbidden(f"{who}. Use a key of a tenant under gateway.tenants.", code="no_tenant")
            return flight.error
        try:
            flight.error = await ours.pipeline.admit(flight, replace(flight.call, caller=caller))
        except Exception:
            log.exception("admission failed", extra={"call_id": flight.id})
            said = "The gateway could not decide on this request. Retry; nothing was charged."
            flight.error = Unavailable(said, headers={"Retry-After": "1"})
        return flight.error

    async def async_post_call_success_hook(
        self, data: dict[str, Any], user_api_key_dict: UserAPIKeyAuth, response: Any
    ) -> Any:
        ours = runtime()
        flight = ours.flights.get(data.get("litellm_call_id"))
        if flight is None:
            return response
        hidden = litellm_io.hidden_params(response)
        if flight.hit is None:
            litellm_io.note_response(flight, response, hidden)
            flight.attempted()
            usage, cost = litellm_io.usage_of(response), litellm_io.cost_of(response, data)
            # First, so that a better answer is held for alone.
            await ours.pipeline.settle(flight, litellm_io.charge_of(flight, usage, cost, complete=True))
            response = await ours.upstream.improved(ours.escalation, flight, data, response)
            flight.answered_tier = ours.catalog.tier_with(flight.model, ours.config)
            if refusal := withheld(ours.escalation, flight):
                flight.error = refusal
                raise litellm_io.proxy_error(refusal)
            litellm_io.name_model(response, flight.call.model if flight.call else "")
            flight.response = answers_io.serialised(response) if flight.scope is not None else ""
        return response

    async def async_post_call_streaming_iterator_hook(
        self, user_api_key_dict: UserAPIKeyAuth, response: Any, request_data: dict[str, Any]
    ) -> AsyncGenerator[Any, None]:
        ours = runtime()
        flight = ours.flights.get(request_data.get("litellm_call_id"))
        pieces = response if flight is None else answers_io.in_own_form(flight, response)
        passing = answers_io.Passing(flight, ours.config.cache.max_entry_bytes) if flight is not None else None
        if flight is not None and flight.hit is None and ours.escalation.buffers(flight):
            pieces = ours.upstream.held_back(ours.escalation, flight, request_data, response)
        try:
            async for chunk in pieces:
                if flight is not None and flight.first_token_ns is None:
                    flight.first_token_ns = time.time_ns()
                if passing is not None:
                    passing.note(chunk)
                yield chunk
            if flight is not None and passing is not None:
                flight.stream_complete, flight.usage_told = True, litellm_io.usage_was_told(response)
                passing.end()
        except Exception as exception:
            if flight is None:
                raise
            flight.failed, flight.error = True, litellm_io.upstream_error(exception)
            if flight.failed_attempts < flight.attempts:
                flight.attempt_failed(router_io.BROKEN_STREAM)
            raise litellm_io.proxy_error(flight.error) from None

    async def async_log_success_event(
        self, kwargs: dict[str, Any], response_obj: Any, start_time: object, end_time: object
    ) -> None:
        """Only here does LiteLLM know what a whole stream used and cost; other calls are settled by then."""
        ours = runtime()
        flight = ours.flights.get(kwargs.get("litellm_call_id"))
        if flight is None or flight.call is None or not flight.call.stream or flight.hit is not None:
            return
        flight.billed = litellm_io.usage_of(response_obj), kwargs.get("response_cost")
        if not flight.escalations:  # else a better answer went out in this one's place
            litellm_io.note_response(flight, response_obj, litellm_io.hidden_of(kwargs))
            flight.attempted()
            flight.answered_tier = ours.catalog.tier_with(flight.model, ours.config)
            answers_io.keep_assembled(flight, response_obj)
        await ours.settle_stream(flight)

    async def async_post_call_failure_hook(
        self,
        request_data: dict[str, Any],
        original_exception: Exception,
        user_api_key_dict: UserAPIKeyAuth,
        traceback_str: str | None = None,
    ) -> None:
        flight = runtime().flights.get(request_data.get("litellm_call_id"))
        if flight is not None and flight.error is None and flight.hold is not None:
            flight.failed, flight.error = True, flight.no_attempt or router_io.final_error(flight, original_exception)
            if not flight.failed_attempts:  # no model was called: every deployment is cooling down
                flight.attempt_failed(flight.error.code)
            if not flight.attempt:
                await runtime().pipeline.settle(flight, Exact(0, 0))

    async def async_pre_call_deployment_hook(self, kwargs: dict[str, Any], call_type: object) -> None:
        """Before each attempt. One after an attempt that may have been billed needs a hold of its own; LiteLLM's
        bridges between endpoints come here once more within the same attempt, with another call type."""
        ours, kind = runtime(), str(call_type)
        flight = ours.flights.get(kwargs.get("litellm_call_id"))
        if flight is None or flight.hold is None:
            return
        router_io.note_broken_stream(flight, kind)
        if exhausted := router_io.begin_attempt(flight, kwargs, kind, ours.config.limits, time.time_ns()):
            raise litellm_io.proxy_error(exhausted)
        budget, more = ours.pipeline.budget, router_io.added_bytes(flight, kwargs)
        if flight.attempt == kind and (refusal := await budget.hold_again(flight, more)):
            flight.no_attempt = refusal
            raise litellm_io.proxy_error(refusal)
        if flight.attempt in ("", kind):
            flight.attempt, flight.under_way = kind, litellm_io.named_target(kwargs)
            flight.most = budget.most_at(str(kwargs.get("model")), flight.call, more)

    async def async_filter_deployments(
        self,
        model: str,
        healthy_deployments: list[dict[str, Any]],
        messages: object,
        request_kwargs: dict[str, Any] | None = None,
        parent_otel_span: object = None,
    ) -> list[dict[str, Any]]:
        """Which deployments of a group LiteLLM may choose from, at each attempt."""
        flight = runtime().flights.get((request_kwargs or {}).get("litellm_call_id"))
        return healthy_deployments if flight is None else await router_io.to_try(flight, model, healthy_deployments)

    async def async_post_call_failure_deployment_hook(
        self, request_data: Mapping[str, Any], exception: Exception, call_type: object
    ) -> None:
        """One attempt failed; retries and fallbacks may follow. LiteLLM calls this on failures only."""
        flight = runtime().flights.get(request_data.get("litellm_call_id"))
        if flight is not None:
            litellm_io.note_failed_attempt(flight, request_data, exception)
            router_io.note_failure(flight, request_data, exception)
            if not litellm_io.may_be_billed(sys.exception() or exception):  # ours is a copy without its causes
                flight.attempt = ""

    async def async_filter_listed_models(
        self, user_api_key_dict: UserAPIKeyAuth, model_names: Sequence[str]
    ) -> Sequence[str]:
        """`GET /v1/models`: what the key may use, aliases first."""
        ours = runtime()
        caller = litellm_io.caller_of(user_api_key_dict)
        return [name for name in public_models(ours.config, ours.catalog) if caller.may_use(name)]


gateway = Gateway()

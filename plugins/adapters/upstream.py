"""Model calls that the gateway makes itself: the one escalated attempt.

They go through LiteLLM's own router, past the pre-call hook: what they may cost was held with the request,
and they only reach groups that the request's constraints allow.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

from plugins.adapters import litellm_io
from plugins.flight import Flight
from plugins.values import Charge, Exact

log = logging.getLogger("tierwise")

# What of a client's chat request is sent again: OpenAI's own parameters.
SENT_AGAIN = frozenset(
    {
        "messages",
        "temperature",
        "top_p",
        "max_tokens",
        "max_completion_tokens",
        "tools",
        "tool_choice",
        "user",
    }
    | {"response_format", "stop", "seed", "presence_penalty", "frequency_penalty", "n", "parallel_tool_calls"}
    | {"logit_bias", "logprobs", "top_logprobs", "reasoning_effort"}
)


class Upstream:
    """Over the running proxy's router, which exists only once LiteLLM has started."""

    async def escalate(
        self, flight: Flight, data: dict[str, Any], group: str, response: Any, charge: Charge
    ) -> tuple[Any, Charge]:
        """(the better answer or the first one, the charge for both). A failure keeps the first answer."""
        from litellm.proxy import proxy_server  # the router is set when the proxy starts, not at import

        body = {name: value for name, value in data.items() if name in SENT_AGAIN}
        with flight.step("escalate") as noted:
            noted["group"] = group
            try:
                better = await proxy_server.llm_router.acompletion(
                    model=group, disable_fallbacks=True, caching=False, **body
                )
            except Exception as exception:
                noted["failed"] = litellm_io.upstream_error(exception).code
                log.warning("escalation failed: %s", noted["failed"], extra={"call_id": flight.id})
                return response, charge
            hidden = getattr(better, "_hidden_params", None) or {}
            first_usage = flight.usage
            litellm_io.note_response(flight, better, hidden)
            flight.escalations += 1
            second = litellm_io.charge_of(flight, litellm_io.usage_of(better), hidden.get("response_cost"), True)
            flight.usage = replace(
                flight.usage,
                input_tokens=flight.usage.input_tokens + first_usage.input_tokens,
                output_tokens=flight.usage.output_tokens + first_usage.output_tokens,
            )
            noted["micros"] = second.micros
        if isinstance(charge, Exact) and isinstance(second, Exact):
            return better, Exact(charge.micros + second.micros, charge.tokens + second.tokens)
        return better, charge if isinstance(second, Exact) else second

"""Model calls that the gateway makes itself: the one escalated attempt.

They go through LiteLLM's own router, past the pre-call hook: what they may cost is held before, and they only reach
groups that the request's constraints allow.
"""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

from plugins import attempts
from plugins.adapters import answers_io, litellm_io
from plugins.adapters.stream_buffer import note_chunks, replayed
from plugins.errors import UpstreamError
from plugins.escalation_path import EscalationPath
from plugins.flight import Flight
from plugins.values import Charge, Exact, Hold, LowerBound

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


NS_PER_S = 1_000_000_000


class Upstream:
    """Over the running proxy's router, which exists only once LiteLLM has started."""

    async def improved(self, path: EscalationPath, flight: Flight, data: dict[str, Any], response: Any) -> Any:
        """The answer, or a better model's where the checks find it wanting; in the configured form."""
        answers_io.inspect(flight, response, path.config)
        if flight.fault:
            with flight.step("integrity") as noted:
                noted["fault"] = flight.fault
        if tier := await path.wants_better(flight):
            response = await self._asked_again(path, flight, data, tier) or response
        answers_io.normalise(flight, response, path.config)
        return response

    async def held_back(
        self, path: EscalationPath, flight: Flight, data: dict[str, Any], response: Any
    ) -> AsyncIterator[Any]:
        """A stream's pieces once all of them are there and good enough, else a better model's answer in pieces."""
        chunks = [chunk async for chunk in response]
        note_chunks(flight, chunks)
        tier = await path.wants_better(flight)
        better = await self._asked_again(path, flight, data, tier) if tier else None
        if better is not None:
            flight.response = answers_io.serialised(better)
            async for chunk in replayed(better):
                yield chunk
            return
        for chunk in chunks:
            yield chunk

    async def _asked_again(self, path: EscalationPath, flight: Flight, data: dict[str, Any], tier: str) -> Any | None:
        """The better answer; None when it cannot be paid or fails, and the first must do. There is one attempt,
        because no more is held for it."""
        from litellm.proxy import proxy_server  # the router is set when the proxy starts, not at import

        call = flight.call
        hold = await path.hold(flight, call, tier) if call is not None else None
        if hold is None:
            return None
        body = {name: value for name, value in data.items() if name in SENT_AGAIN}
        left_s = path.config.limits.request_timeout_s - (time.time_ns() - flight.started_ns) / NS_PER_S
        charge: Charge = Exact(0, 0)
        with flight.step("escalate") as noted:
            noted["tier"] = tier
            try:
                better = await proxy_server.llm_router.acompletion(
                    model=path.config.group(tier),
                    disable_fallbacks=True,
                    num_retries=0,
                    caching=False,
                    timeout=attempts.within(proxy_server.llm_router.timeout, left_s),
                    **body,
                )
                charge = _take(flight, better, hold)
                noted.update(model=flight.model, provider=flight.provider)
            except Exception as exception:
                noted["error"] = litellm_io.upstream_error(exception).code
                log.warning("escalation failed: %s", noted["error"], extra={"call_id": flight.id})
                better = None
                if litellm_io.may_be_billed(exception):
                    charge = LowerBound(hold.micros, hold.tokens)
            noted["micros"] = charge.micros
            await path.settle(flight, hold, charge)
        if better is not None:
            answers_io.inspect(flight, better, path.config)
            flight.answered_tier = path.catalog.tier_with(flight.model, path.config)
        return better


def _take(flight: Flight, better: Any, hold: Hold) -> Charge:
    """Put the better answer in the first one's place; the tokens of both count. Returns what it cost."""
    first = flight.usage
    litellm_io.note_response(flight, better, litellm_io.hidden_params(better))
    flight.escalations += 1
    cost = litellm_io.hidden_params(better).get("response_cost")
    charge = litellm_io.charge_of(flight, litellm_io.usage_of(better), cost, complete=True)
    if not isinstance(charge, Exact):
        charge = LowerBound(hold.micros, hold.tokens)
    flight.usage = replace(
        flight.usage,
        input_tokens=flight.usage.input_tokens + first.input_tokens,
        output_tokens=flight.usage.output_tokens + first.output_tokens,
    )
    return charge


def withheld(path: EscalationPath, flight: Flight) -> UpstreamError | None:
    """What the client is told instead of an answer that the policy does not let out."""
    if not flight.fault or path.config.policy.integrity != "refuse":
        return None
    text = "The model provider's answer was broken or came from another model, and was withheld. Retry."
    return UpstreamError(502, "upstream_error", "answer_withheld", text)

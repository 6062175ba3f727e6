"""Asks a rollout's candidate beside an answer that is out already, and puts in front what an experiment adds."""

from __future__ import annotations

import asyncio
import copy
import logging
import time
from typing import Any

from plugins.adapters import answers_io, litellm_io
from plugins.adapters.upstream import SENT_AGAIN
from plugins.flight import Flight
from plugins.proof.observe import SHADOW_STEP
from plugins.proof.shadow import ShadowPath
from plugins.values import Charge, Endpoint, Exact, Hold, LowerBound, Route, Trials

log = logging.getLogger("tierwise")

Json = dict[str, Any]
_NS_PER_MS = 1_000_000


def prepare(data: Json, flight: Flight) -> None:
    """The request as its arms would have it: with the text that a variant adds, and kept for a shadow call."""
    if flight.system and flight.hit is None and flight.call is not None:
        _put_in_front(data, flight.system, flight.call.endpoint)
    if flight.shadow is not None and flight.call is not None and flight.call.endpoint is Endpoint.CHAT:
        flight.body = copy.deepcopy({name: value for name, value in data.items() if name in SENT_AGAIN})


def _put_in_front(data: Json, text: str, endpoint: Endpoint) -> None:
    if endpoint is Endpoint.CHAT:
        data["messages"] = [{"role": "system", "content": text}, *data["messages"]]
    elif endpoint is Endpoint.RESPONSES:
        data["instructions"] = "\n\n".join(part for part in (text, data.get("instructions")) if part)
    else:
        own = data.get("system") or []
        blocks = [{"type": "text", "text": own}] if isinstance(own, str) else list(own)
        data["system"] = [{"type": "text", "text": text}, *blocks]


class Shadow:
    """Over the running proxy's router. Nothing here raises, and no client waits for it."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    async def beside(self, path: ShadowPath, flight: Flight, trials: Trials) -> None:
        """Ask the candidate, check its answer, charge it, and note all of that as a step of the request's trace."""
        route, trial = flight.shadow, path.trial(flight, trials)
        hold = await path.hold(flight, route) if route is not None and trial else None
        if route is None or hold is None:
            return
        path.running.calls += 1
        task = asyncio.ensure_future(self._ask(path, flight, route, hold, trial))
        self._tasks.add(task)
        try:
            await asyncio.wait([task])
        finally:
            self._tasks.discard(task)
            path.running.calls -= 1

    async def close(self) -> None:
        """End what is under way: it is charged whole."""
        for task in list(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(list(self._tasks))

    async def _ask(self, path: ShadowPath, flight: Flight, route: Route, hold: Hold, trial: str) -> None:
        scratch = Flight(f"{flight.id}-shadow", flight.endpoint, time.time_ns(), flight.call)
        charge: Charge = Exact(0, 0)
        with flight.step(SHADOW_STEP) as noted:
            noted.update(trial=trial, tier=route.tier, group=route.group)
            try:
                reply = await self._reply(route, flight.body, path.config.rollout.shadow_timeout_s)
                noted["latency_ms"] = (time.time_ns() - scratch.started_ns) // _NS_PER_MS
                hidden = litellm_io.hidden_params(reply)
                litellm_io.note_response(scratch, reply, hidden)
                answers_io.inspect(scratch, reply, path.config)
                scratch.hold, scratch.most = hold, (hold.micros, hold.tokens)
                cost = hidden.get("response_cost")
                charge = litellm_io.charge_of(scratch, litellm_io.usage_of(reply), cost, complete=True)
                if not isinstance(charge, Exact):
                    charge = LowerBound(hold.micros, hold.tokens)
                noted["model"] = scratch.model
                noted["check"] = await asyncio.to_thread(path.check, flight, scratch)
            except asyncio.CancelledError:
                charge, noted["cancelled"], noted["trial"] = LowerBound(hold.micros, hold.tokens), True, ""
            except Exception as exception:
                noted["error"] = litellm_io.upstream_error(exception).code
                if litellm_io.may_be_billed(exception):
                    charge = LowerBound(hold.micros, hold.tokens)
                log.info("a shadow call failed: %s", noted["error"], extra={"call_id": flight.id})
            noted["micros"] = await path.settle(flight, hold, charge)

    async def _reply(self, route: Route, body: Json, timeout_s: int) -> Any:
        from litellm.proxy import proxy_server  # the router is set when the proxy starts, not at import

        call = proxy_server.llm_router.acompletion(
            model=route.group, disable_fallbacks=True, num_retries=0, caching=False, timeout=timeout_s, **body
        )
        return await asyncio.wait_for(call, timeout_s)

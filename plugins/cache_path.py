"""The cache's part of a request's path: look up before the model is asked, keep the answer afterwards.

Everything here fails open: without Redis, without a vector or in doubt the model is asked.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import partial

from plugins import cache as caching
from plugins.answer_forms import read_answer, whole
from plugins.catalog import Catalog
from plugins.config import GatewayConfig, TenantConfig
from plugins.flight import Flight
from plugins.ports import Cache, CacheLimits, Embedder, Vector
from plugins.routing.table import is_alias
from plugins.values import CacheVerdict, Call, Entry, Hit, Scope


@dataclass(frozen=True, slots=True)
class CachePath:
    """`cache` is None when it is switched off."""

    config: GatewayConfig
    catalog: Catalog
    cache: Cache | None
    embedder: Embedder
    limits: CacheLimits
    _targets: dict[str, str] = field(default_factory=dict, init=False)  # by name, of which `check_name` knows each

    @property
    def reachable(self) -> bool:
        """Whether the cache's server is thought to be there; a cache that is switched off misses nothing."""
        return self.cache is None or self.cache.reachable

    async def look(self) -> None:
        """Find out whether the server is there, besides what requests find out."""
        if self.cache is not None:
            await self.cache.look()

    async def lookup(self, flight: Flight, tenant: TenantConfig, call: Call) -> Hit | CacheVerdict:
        """A verified answer, or why there is none; leaves scope and lease for `store` in the flight."""
        if self.cache is None:
            return CacheVerdict("bypass", "the cache is switched off")
        unfit = caching.unfit(call, tenant, self.config.cache)
        if unfit is None and not call.hints.no_store:
            target = f"{self._target(call.model)}{flight.assigned.cache_label}"
            flight.scope = caching.scope_of(call, tenant, flight.constraints, target)
        if (bypass := caching.unwanted(call) or unfit) is not None:
            return bypass
        found = await self._find(flight, call, self.cache)
        if (
            isinstance(found, Hit)
            and call.hints.max_age_s is not None
            and (found.verdict.age_s or 0) > call.hints.max_age_s
        ):
            return CacheVerdict("miss", "older than the request accepts", found.verdict.distance)
        return found

    async def _find(self, flight: Flight, call: Call, cache: Cache) -> Hit | CacheVerdict:
        """Exact, then semantic; then wait for another call that is getting this very answer just now."""
        scope, question = flight.scope, call.question
        if scope is None:
            return CacheVerdict("bypass", "the request says no-store")
        found, flight.lease = await cache.enter(scope, question)
        if isinstance(found, Hit) or found.kind == "bypass":
            return found
        if why := self._only_exact(scope, call):
            found = CacheVerdict("miss", why)
        elif (vector := await self.vector(flight, call)) is not None:
            found = await cache.semantic(scope, question, vector, partial(self.limits.limit, call.caller.tenant))
        if isinstance(found, Hit):
            return found
        if flight.lease is None:
            waited = await cache.wait(scope, question)
            if isinstance(waited, Hit):
                return waited
            flight.lease = waited
        return found

    def _only_exact(self, scope: Scope, call: Call) -> str:
        """Why no paraphrase is looked for; empty if one may be."""
        if not self.config.cache.semantic:
            return "semantic caching is off"
        return "encrypted: only the very same request" if scope.sealed else caching.exact_only(call)

    async def vector(self, flight: Flight, call: Call) -> Vector | None:
        """The one embedding of a request, made when the first step asks for it."""
        if flight.vector is None:
            flight.vector = await self.embedder.embed(call.question)
        return flight.vector

    async def store(self, flight: Flight) -> None:
        """Keep a good answer for the next asker of the same question, and let those who wait for it go on."""
        call, route, scope = flight.call, flight.route, flight.scope
        if self.cache is None or call is None or route is None or scope is None:
            return
        good = flight.outcome == "answered" and bool(flight.response) and not flight.fault
        if good and self._worth_keeping(call, flight.response):
            entry = Entry(
                question=call.question,
                response=flight.response,
                tier=route.tier,
                model=flight.model,
                cost_micros=flight.cost_micros,
                usage=flight.usage,
                ttl_s=max(1, min(caching.ttl_for(route.verdict.task, self.config.cache), call.hints.ttl_s or 10**9)),
                task=route.verdict.task,
                tags=(caching.made_by(call.caller.tenant),) if scope.tenant != call.caller.tenant else (),
            )
            vector = None if scope.sealed else await self._vector_to_keep(flight, call)
            if await self.cache.store(scope, vector, entry, flight.lease):
                flight.lease = None
        await self.let_go(flight)

    @staticmethod
    def _worth_keeping(call: Call, response: str) -> bool:
        answer = json.loads(response)
        said = read_answer(call.endpoint, answer)
        fault = caching.answer_fault(said.text, said.finish, tool_calls=said.tool_calls, refused=said.refused)
        return whole(call.endpoint, answer) and not fault

    async def let_go(self, flight: Flight) -> None:
        """End our right to fetch an answer, whatever became of it."""
        if self.cache is not None and flight.lease is not None:
            lease, flight.lease = flight.lease, None
            await self.cache.release(lease)

    async def _vector_to_keep(self, flight: Flight, call: Call) -> Vector | None:
        return await self.vector(flight, call) if caching.paraphrasable(call) else None

    def _target(self, model: str) -> str:
        """What would answer: the name with the models behind it, so that a changed model list misses."""
        if (known := self._targets.get(model)) is None:
            known = self._targets[model] = self._found_target(model)
        return known

    def _found_target(self, model: str) -> str:
        named = (self.config.group(model) if model in self.config.tiers else model,)
        groups = map(self.config.group, self.config.tiers) if is_alias(model, self.config) else named
        return caching.target_of(model, tuple(d.model for g in groups for d in self.catalog.groups.get(g, ())))

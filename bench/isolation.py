"""Tenants that try to read what is another's: cached answers, budgets, traces, conversations.

    python -m bench.isolation --json [--tries 100000] [--requests 2000]

`tries`: random attempts on the real adapters over a real Redis, with tenant names that quote, nest and resemble each
other, and with everything else equal (question, embedding, scope, conversation, trace id). `requests`: the same over
HTTP through a real gateway, where one tenant repeats, rephrases and rates what another one did. A success is any answer
that could only come from the victim's data; there must be none. Each victim reads its own data back (`owners`: how many
of its reads found it); where that share is below FLOORS nothing was there to steal, and the drill fails as well.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import random
import sys
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import httpx
import numpy as np

from classifier.pairs.verify import PairVerifier
from plugins.adapters.recent_traces import RecentTraces
from plugins.adapters.redis_cache import RedisCache
from plugins.adapters.redis_conversations import RedisConversations
from plugins.adapters.redis_ledger import RedisLedger
from plugins.cache_config import CacheConfig
from plugins.config import BudgetConfig
from plugins.tracing import trace_id_of
from plugins.trial.embedded_redis import EmbeddedRedis
from plugins.values import Caller, Cap, Entry, Exact, Hit, Hold, Reservation, Scope, Usage, Window
from tests.gateway import Running, gateway
from tests.prompts import new_word
from tests.unit.traces import a_trace

# All allowed by the config's pattern for names, and chosen to be mistaken for one another in a key.
NAMES: Final = ("acme", "Acme", "acme.", "acme@e", "acme-1", "acme_1", "a", "a.e", "acme.e.0", "acme@acme", "1", "acmE")
CAP: Final = Cap("tenant", Window.TOTAL, micros=10**9)
PATIENT: Final = 10_000
PROCESSES: Final = 2
MOST_REPEATS: Final = 40
REPEAT_S: Final = 0.05
# The least share of owners' reads that must find what is theirs. A gateway may refuse some paraphrases.
FLOORS: Final = {"exact": 1.0, "semantic": 1.0, "conversation": 1.0, "trace": 1.0,
                 "http exact": 0.99, "http paraphrase": 0.5, "http trace": 0.99}  # fmt: skip
REQUESTS_A_THEFT: Final = 7
THIEVES: Final = 16  # at a time, as each waits for an answer
PLACES: Final = ("Austria", "Norway", "Portugal", "Finland", "Denmark", "Belgium", "Iceland", "Hungary", "Greece")
FORMS: Final = ("Please: {}", "Tell me: {}")
WORDS: Final = ("river", "bridge", "mountain", "harbour", "castle", "forest", "island", "valley", "lighthouse", "canal")


@dataclass(slots=True)
class Count:
    """What was tried, what the owners got, and what should not have been got."""

    tries: Counter[str] = field(default_factory=Counter)
    successes: Counter[str] = field(default_factory=Counter)
    own: Counter[str] = field(default_factory=Counter)
    owners_reads: Counter[str] = field(default_factory=Counter)

    def read_own(self, kind: str, found: bool) -> None:
        self.owners_reads[kind] += 1
        self.own[kind] += found

    def note(self, kind: str, got: bool) -> None:
        self.tries[kind] += 1
        self.successes[kind] += got


@dataclass(frozen=True, slots=True)
class Secret:
    """What one victim has: a cached answer, a conversation, a trace."""

    scope: Scope
    question: str
    vector: Any
    conversation: str
    trace_id: str


@dataclass(slots=True)
class Stores:
    """Every adapter that keeps something of a tenant."""

    cache: RedisCache
    conversations: RedisConversations
    traces: RecentTraces
    ledger: RedisLedger
    count: Count
    chance: random.Random
    secrets: list[Secret] = field(default_factory=list)

    async def plant(self, tenant: str) -> None:
        """Something of a victim, in every store, that the victim itself can read back."""
        words = self.chance.sample(WORDS, 3)
        question = f"Which {words[0]} of {new_word()} lies by the {words[1]} and the {words[2]}?"
        vector = np.random.default_rng(self.chance.getrandbits(32)).standard_normal(384).astype(np.float32)
        vector /= np.linalg.norm(vector)
        scope = Scope(tenant, "any", "auto@1", "", "{}", "en", "")
        made = a_trace(id=uuid.uuid4().hex, caller=Caller(tenant, "web", "k"))
        secret = Secret(scope, question, vector, uuid.uuid4().hex, trace_id_of(made.id))
        answer = Entry(question, json.dumps({"secret": tenant}), "small", "m", 5, Usage(), 900, "chat")
        await self.cache.store(scope, vector, answer)
        await self.conversations.remember(tenant, secret.conversation, "small", False)
        await self.conversations.close()
        self.traces.emit(made)
        hold = await self.ledger.reserve(Reservation(made.id, tenant, "UTC", (CAP,), 100, 10, "small"))
        assert isinstance(hold, Hold)
        await self.ledger.settle(hold, Exact(100, 10))
        self.secrets.append(secret)
        count = self.count
        count.read_own("exact", isinstance((await self.cache.enter(scope, question))[0], Hit))
        count.read_own("semantic", isinstance(await self.cache.semantic(scope, question, vector), Hit))
        count.read_own("conversation", await self.conversations.recall(tenant, secret.conversation) is not None)
        count.read_own("trace", await self.traces.find(tenant, secret.trace_id) is not None)

    async def attempt(self) -> None:
        """One tenant asks for what another one has, in one of the ways there are."""
        secret = self.chance.choice(self.secrets)
        thief = self.chance.choice([name for name in NAMES if name != secret.scope.tenant])
        scope = replace(secret.scope, tenant=thief, owner=self.chance.choice(("", secret.scope.tenant)))
        kind = self.chance.choice(("exact", "semantic", "conversation", "trace", "lease", "settle"))
        self.count.note(kind, await self._ways()[kind](thief, scope, secret))

    def _ways(self) -> dict[str, Callable[[str, Scope, Secret], Awaitable[bool]]]:
        return {
            "exact": self._exact,
            "semantic": self._semantic,
            "conversation": self._conversation,
            "trace": self._trace,
            "lease": self._lease,
            "settle": self._settle,
        }

    async def _exact(self, thief: str, scope: Scope, secret: Secret) -> bool:
        return stolen((await self.cache.enter(scope, secret.question))[0], thief)

    async def _semantic(self, thief: str, scope: Scope, secret: Secret) -> bool:
        return stolen(await self.cache.semantic(scope, secret.question, secret.vector), thief)

    async def _conversation(self, thief: str, scope: Scope, secret: Secret) -> bool:
        return await self.conversations.recall(thief, secret.conversation) is not None

    async def _trace(self, thief: str, scope: Scope, secret: Secret) -> bool:
        return await self.traces.find(thief, secret.trace_id) is not None

    async def _lease(self, thief: str, scope: Scope, secret: Secret) -> bool:
        """Waiting for the victim's answer would hand it over: a lease of another tenant must not be seen."""
        question = f"Not stored: {secret.question}"
        (_, held), (_, mine) = await self.cache.enter(secret.scope, question), await self.cache.enter(scope, question)
        for lease in (held, mine):
            if lease is not None:
                await self.cache.release(lease)
        return mine is None

    async def _settle(self, thief: str, scope: Scope, secret: Secret) -> bool:
        """Charging or freeing money under the victim's call id must not move the victim's balance."""
        victim = secret.scope.tenant
        before = await self.ledger.states(victim, "UTC", (CAP,))
        await self.ledger.settle(Hold(secret.trace_id, thief, 50, 5, None), Exact(50, 5))
        return await self.ledger.states(victim, "UTC", (CAP,)) != before


def stolen(found: object, thief: str) -> bool:
    return isinstance(found, Hit) and json.loads(found.response)["secret"] != thief


def adapters(tries: int, number: int) -> Count:
    """The attempts on the stores themselves, in one process with a Redis of its own; `number` is the seed."""
    return asyncio.run(attempts(tries, random.Random(number)))


async def attempts(tries: int, chance: random.Random) -> Count:
    count = Count()
    with tempfile.TemporaryDirectory() as folder, EmbeddedRedis() as server:
        async with AsyncExitStack() as stack:
            cache = RedisCache(server.url, CacheConfig(timeout_ms=PATIENT), PairVerifier.load())
            conversations = RedisConversations(server.url, PATIENT)
            traces = RecentTraces(server.url, PATIENT, 900, late_s=0)
            ledger = RedisLedger(server.url, BudgetConfig(timeout_ms=PATIENT), Path(folder), lambda _: None)
            for store in (cache, traces, ledger):
                stack.push_async_callback(store.close)
            stores = Stores(cache, conversations, traces, ledger, count, chance)
            for name in NAMES * 3:
                await stores.plant(name)
            for _ in range(tries):
                await stores.attempt()
    return count


def on_the_stores(tries: int, seed: int) -> Iterator[Count]:
    """Shared out among PROCESSES, each with its own Redis, so that none disturbs another's balances."""
    with ProcessPoolExecutor(PROCESSES, mp_context=multiprocessing.get_context("spawn")) as pool:
        parts = [pool.submit(adapters, -(-tries // PROCESSES), seed + n) for n in range(PROCESSES)]
        for part in parts:
            yield part.result()


@dataclass(frozen=True, slots=True)
class FrontDoor:
    """The gateway over kept connections."""

    running: Running
    client: httpx.Client

    def post(self, path: str, body: dict[str, Any], tenant: str) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.running.keys[tenant]}"}
        return self.client.post(f"{self.running.started.base_url}{path}", json=body, headers=headers)

    def ask(self, question: str, tenant: str) -> httpx.Response:
        body = {"model": "small", "messages": [{"role": "user", "content": question}], "max_tokens": 50}
        return self.post("/chat/completions", body, tenant)

    def is_hit(self, question: str, tenant: str) -> bool:
        return self.ask(question, tenant).headers["x-tierwise-cache"] in ("exact", "semantic")

    def steal(self, chance: random.Random, count: Count) -> tuple[str, str]:
        """One tenant after another's answer, in the same words and in others; the other's trace, and who stole."""
        place = chance.choice(PLACES)
        question = f"What is the capital of {place}? (for file {new_word()})"
        form = chance.choice(FORMS).format(question)
        victim, thief = chance.sample(("acme", "globex", "redacting"), 2)
        trace_id = self.ask(question, victim).headers["x-tierwise-trace-id"]
        for _ in range(MOST_REPEATS):  # it is stored behind the answer
            if kept := self.is_hit(question, victim):
                break
            time.sleep(REPEAT_S)
        count.read_own("http exact", kept)
        # One or the other: the second one could be answered from what the thief itself asked first.
        kind, asked = chance.choice((("http exact", question), ("http paraphrase", form)))
        count.note(kind, self.is_hit(asked, thief))
        count.read_own("http paraphrase", self.is_hit(form, victim))
        count.read_own("http trace", self.knows(trace_id, victim))
        return trace_id, thief

    def knows(self, trace_id: str, tenant: str) -> bool:
        """Whether the tenant may say something of the request. Of an unknown one it hears so after two seconds."""
        feedback = {"trace_id": trace_id, "name": "thumbs", "value": True}
        status = self.post("/tierwise/feedback", feedback, tenant).status_code
        assert status in (HTTPStatus.ACCEPTED, HTTPStatus.NOT_FOUND), status
        return status == HTTPStatus.ACCEPTED


def over_http(running: Running, requests: int, chance: random.Random) -> Count:
    """Through the front door; each theft takes about seven requests."""
    count = Count()
    with httpx.Client(timeout=60) as client:
        door = FrontDoor(running, client)
        thefts = [door.steal(chance, count) for _ in range(requests // REQUESTS_A_THEFT)]
        with ThreadPoolExecutor(THIEVES) as pool:
            for stolen_trace in pool.map(lambda theft: door.knows(*theft), thefts):
                count.note("http trace", stolen_trace)
    return count


def summary(counts: Sequence[Count]) -> dict[str, Any]:
    """All parts together."""
    tries, successes, own, reads = Counter[str](), Counter[str](), Counter[str](), Counter[str]()
    for part in counts:
        tries.update(part.tries)
        successes.update(part.successes)
        own.update(part.own)
        reads.update(part.owners_reads)
    return {
        "tries": tries.total(),
        "successes": successes.total(),
        "by_kind": {kind: {"tries": n, "successes": successes[kind]} for kind, n in sorted(tries.items())},
        "owners": {kind: {"reads": n, "found": own[kind], "floor": FLOORS[kind]} for kind, n in sorted(reads.items())},
        "owners_below_floor": [kind for kind, n in reads.items() if own[kind] < FLOORS[kind] * n],
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tries", type=int, default=100_000)
    parser.add_argument("--requests", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")
    chosen = parser.parse_args()
    counts = list(on_the_stores(chosen.tries, chosen.seed)) if chosen.tries else []
    if chosen.requests:
        with tempfile.TemporaryDirectory() as folder, gateway(Path(folder)) as running:
            counts.append(over_http(running, chosen.requests, random.Random(chosen.seed)))
    result = summary(counts)
    print(json.dumps(result, indent=1) if chosen.json else "\n".join(f"{n:14} {v}" for n, v in result.items()))
    return 0 if not result["successes"] and not result["owners_below_floor"] else 1


if __name__ == "__main__":
    sys.exit(main())

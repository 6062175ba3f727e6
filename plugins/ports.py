"""What the pipeline needs of the outside world. Adapters implement these; unit tests bring small fakes.

Steps that fail open (cache, embedder, sink) never raise: they answer with "nothing". The ledger answers
`LedgerAway` instead of raising, so that the tenant's policy decides.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from plugins.values import (
    CacheVerdict,
    Call,
    Cap,
    CapState,
    Charge,
    Entry,
    Hit,
    Hold,
    Lease,
    LedgerAway,
    OverCap,
    Previous,
    Reservation,
    Scope,
    Settled,
    SmallQuestion,
    Trace,
    Verdict,
)

Vector = npt.NDArray[np.float32]  # shape (384,), L2-normalised


class Ledger(Protocol):
    async def reserve(self, request: Reservation) -> Hold | OverCap | LedgerAway:
        """Hold the whole amount against every cap, or nothing."""

    async def settle(self, hold: Hold, charge: Charge) -> Settled:
        """Charge once; a second settle of the same hold changes nothing and says so."""

    def fits_allowance(self, request: Reservation, allowance_micros: int) -> bool:
        """Whether the call fits what may be spent locally while the ledger is away."""

    async def admit_unheld(self, request: Reservation) -> Hold:
        """A hold in name only, for a call that policy admits while the ledger is away: settled later."""

    async def abandon(self, request: Reservation) -> None:
        """The call was refused after `LedgerAway`: give back what may have been held."""

    async def states(self, tenant: str, timezone: str, caps: tuple[Cap, ...]) -> tuple[CapState, ...]:
        """The counters of these caps now; for `budget show`, metrics and hits of the cache."""

    def changes(self, tenant: str) -> int:
        """How often this process has changed the tenant's counters so far."""


class BudgetMonitor(Protocol):
    """Is told what each reserve saw, for metrics; never blocks and never raises."""

    def budget_seen(self, tenant: str, states: tuple[CapState, ...]) -> None:
        """The counters of caps as they are now."""

    def budget_refused(self, tenant: str, state: CapState) -> None:
        """A call did not fit this cap."""

    def windows_end(self, now_s: int) -> None:
        """Called now and then with the time, epoch seconds: what was seen of windows that have ended is over."""


class Cache(Protocol):
    @property
    def reachable(self) -> bool:
        """False while the store is left alone after a failure."""

    async def look(self) -> None:
        """Ask the store whether it is there, so that `reachable` is also known where no request comes."""

    async def enter(self, scope: Scope, question: str) -> tuple[Hit | CacheVerdict, Lease | None]:
        """The answer stored for this very request; or why there is none, and the lease to call the model: None when an
        identical request is being answered now."""

    async def semantic(
        self, scope: Scope, question: str, vector: Vector, limit: Callable[[str], float | None]
    ) -> Hit | CacheVerdict:
        """A verified answer to a paraphrase, or the reason of the miss. `limit` gives the verifier's threshold for a
        task class; None: the one that it brings."""

    async def stored(self, scope: Scope, key: str) -> Hit | None:
        """The answer under the key of a `Near`, if it is of this scope and still there."""

    async def store(self, scope: Scope, vector: Vector | None, entry: Entry, lease: Lease | None = None) -> bool:
        """Keep an answer for `entry.ttl_s`; with a vector it can be found by paraphrases. Ends the lease, too; False
        if it did neither."""

    async def wait(self, scope: Scope, question: str) -> Hit | Lease:
        """The leader's answer; or a lease, when the leader died, could not store, or took too long."""

    async def release(self, lease: Lease) -> None:
        """End a lease, after `store` or when there is nothing to store; waiters go on at once."""


class PairVerdict(Protocol):
    """Whether an answer to one question answers another too, and which check decided."""

    @property
    def serve(self) -> bool: ...

    @property
    def score(self) -> float: ...

    @property
    def threshold(self) -> float: ...

    @property
    def check(self) -> str: ...

    @property
    def reason(self) -> str: ...

    @property
    def unread(self) -> bool:
        """The pair must be read before it is known whether the answer may be served."""


class Verifier(Protocol):
    """Judges a semantic neighbour before it is served. Pure CPU, thread-safe."""

    def weigh(self, cached: str, asked: str, cosine: float, threshold: float | None = None) -> PairVerdict:
        """The verdict, or that the pair must be read; a fraction of a millisecond for short questions."""

    def read(self, cached: str, asked: str, weighed: Any) -> PairVerdict:
        """The verdict on a pair that `weigh` left unread, of which `weighed` is what it returned; some milliseconds, in
        which other threads may run."""


class CacheLimits(Protocol):
    def limit(self, tenant: str, task: str) -> float | None:
        """The threshold that was learnt for a tenant's task class; None: the shipped one. Asked at every lookup."""


class Embedder(Protocol):
    async def embed(self, text: str) -> Vector | None:
        """The embedding of one text; None when it cannot be made (the caller goes on without)."""


class SmallModel(Protocol):
    """A small LLM of the gateway's own model list, asked by the gateway itself."""

    async def ask(
        self, question: SmallQuestion, group: str, timeout_s: float, call_id: str
    ) -> tuple[str | None, Charge]:
        """(its reply, or None on any failure; what asking cost: `LowerBound(0, 0)` where nobody can say)."""


class Judge(Protocol):
    """A small LLM that is asked where the classifier is unsure."""

    def count(self) -> None:
        """One more call was classified: the share of calls that are judged is counted over all of them."""

    def may_ask(self) -> bool:
        """Whether one more question stays within the configured share of calls."""

    def remembered(self, call: Call, scored: Verdict) -> Verdict | None:
        """What the opinion on this very text of this tenant, asked before, makes of this verdict."""

    async def judge(self, call: Call, group: str, scored: Verdict) -> tuple[Verdict | None, Charge]:
        """(its opinion, or None on any failure; what asking cost)."""


class Conversations(Protocol):
    """How the turns before were routed; forgets by itself and fails open."""

    async def recall(self, tenant: str, conversation: str) -> Previous | None:
        """The last turn's tier and how it went; None for a new conversation."""

    async def remember(self, tenant: str, conversation: str, tier: str, failed: bool) -> None:
        """Note a turn; other processes know it a moment later."""

    async def close(self) -> None:
        """Let other processes know what is noted."""


class Sink(Protocol):
    def emit(self, trace: Trace) -> None:
        """Take a finished trace; never blocks and never raises."""

    async def close(self) -> None:
        """Deliver what is queued."""

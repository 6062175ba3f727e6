"""How soon each tier answers, as this process sees it, and which tiers are too slow for a caller who waits.

What counts is when the caller sees something: the first token of a stream, the whole answer otherwise. A caller says
in the deadline header how long it waits; an alias may say it for all its calls. Nothing is known of a tier without
recent answers, so it is tried; and where every tier is too slow the quickest answers, as late is better than never.
"""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median

from plugins.config import AliasConfig
from plugins.values import Call

KEPT = 32
FEWEST = 5
FRESH_S = 600.0  # an older observation no longer counts, so that a tier that was slow is tried again


@dataclass(frozen=True, slots=True)
class Speeds:
    """The latest answers by tier and by whether they were streamed: (monotonic seconds, milliseconds) each."""

    seen: dict[tuple[str, bool], deque[tuple[float, float]]] = field(
        default_factory=lambda: defaultdict(lambda: deque(maxlen=KEPT))
    )
    clock: Callable[[], float] = time.monotonic

    def note(self, tier: str, streamed: bool, ms: float) -> None:
        self.seen[tier, streamed].append((self.clock(), ms))

    def typical_ms(self, tier: str, streamed: bool) -> float | None:
        """The median of what was seen lately; None where that is too little."""
        since = self.clock() - FRESH_S
        fresh = [ms for at, ms in self.seen.get((tier, streamed), ()) if at >= since]
        return median(fresh) if len(fresh) >= FEWEST else None

    def in_time(self, tiers: Sequence[str], call: Call, alias: AliasConfig) -> tuple[tuple[str, ...], dict[str, str]]:
        """(the tiers that are quick enough, in the given order; why each of the others is not)."""
        patience = patience_ms(call, alias)
        if patience is None:
            return tuple(tiers), {}
        expected = {tier: self.typical_ms(tier, call.stream) for tier in tiers}
        slow = {tier: ms for tier, ms in expected.items() if ms is not None and ms > patience}
        if len(slow) == len(expected):
            del slow[min(slow, key=lambda tier: slow[tier])]
        why = {tier: _too_slow(ms, patience) for tier, ms in slow.items()}
        return tuple(tier for tier in tiers if tier not in slow), why

    def too_slow(self, tier: str, call: Call, alias: AliasConfig) -> str:
        """Why this one tier is not quick enough; empty if it is, or nobody knows."""
        patience, ms = patience_ms(call, alias), self.typical_ms(tier, call.stream)
        return _too_slow(ms, patience) if patience is not None and ms is not None and ms > patience else ""


def _too_slow(ms: float, patience: int) -> str:
    return f"answers in {ms:.0f} ms, {patience} wanted"


def patience_ms(call: Call, alias: AliasConfig) -> int | None:
    """How long the caller waits to see something: the shorter of its own word and the alias'; None for as long as
    it takes."""
    stated = (call.hints.deadline_ms, alias.first_token_ms if call.stream else alias.answer_ms)
    return min((ms for ms in stated if ms is not None), default=None)

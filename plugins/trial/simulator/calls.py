"""The provider's own books: every call, what it was billed, and how good the answer was."""

import time
from collections import Counter, deque
from dataclasses import asdict, dataclass, field
from typing import Any

from plugins.trial.simulator.models import whole_micros

RECENT_CALLS = 50_000


@dataclass(slots=True)
class CallRecord:
    """One call. `outcome`: running, completed, error (status is not 200), aborted (the client vanished) or
    cut (we closed the connection). `quality`: see `answers.Quality`, empty for errors and embeddings.
    `billed_picos` in pico-dollars; aborted and cut streams are billed for the tokens sent."""

    model: str
    endpoint: str
    stream: bool
    prompt_hash: str
    user: str | None
    bytes_in: int
    received_at: float = field(default_factory=time.time)
    status: int = 200
    fault: str | None = None
    outcome: str = "running"
    quality: str = ""
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    reasoning_tokens: int = 0
    bytes_out: int = 0
    billed_picos: int = 0

    def as_json(self) -> dict[str, Any]:
        """The fields, with `billed_micros` (rounded up) and `billed_usd`."""
        micros = whole_micros(self.billed_picos)
        return asdict(self) | {"billed_micros": micros, "billed_usd": micros / 1e6}


_SUMMED = ("prompt_tokens", "cached_tokens", "completion_tokens", "reasoning_tokens", "bytes_in", "bytes_out")


class CallBook:
    """Counts of all calls since the last clear, and the records of the latest 50,000."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forget everything; a call still running is not counted when it ends."""
        self._recent: deque[CallRecord] = deque(maxlen=RECENT_CALLS)
        self._running: set[int] = set()
        self._totals: dict[tuple[str, str], Counter[str]] = {}

    def open(self, record: CallRecord) -> CallRecord:
        """Enter a call that has just come in."""
        self._recent.append(record)
        self._running.add(id(record))
        self._totals.setdefault((record.model, record.endpoint), Counter())["calls"] += 1
        return record

    def close(self, record: CallRecord, outcome: str) -> None:
        """Enter how a call ended and its bill. A second close changes nothing."""
        if id(record) not in self._running:
            return
        self._running.discard(id(record))
        record.outcome = outcome
        totals = self._totals[record.model, record.endpoint]
        totals[outcome] += 1
        totals["billed_picos"] += record.billed_picos
        totals["billed_micros"] += whole_micros(record.billed_picos)
        for name in _SUMMED:
            totals[name] += getattr(record, name)

    def as_json(self, recent: int) -> dict[str, Any]:
        """`{"total": T, "running": n, "by_model": {name: T}, "by_endpoint": {name: T}, "recent": [...]}`.

        T counts calls, completed, error, aborted, cut, tokens, bytes, `billed_micros` (the sum of the calls'
        bills, each rounded up), `billed_usd` (the same in dollars) and `billed_picos` (exact). The latest
        call is last in `recent`.
        """
        by_model: dict[str, Counter[str]] = {}
        by_endpoint: dict[str, Counter[str]] = {}
        total: Counter[str] = Counter()
        for (model, endpoint), counts in self._totals.items():
            by_model.setdefault(model, Counter()).update(counts)
            by_endpoint.setdefault(endpoint, Counter()).update(counts)
            total.update(counts)
        return {
            "total": _totals_json(total),
            "running": len(self._running),
            "by_model": {name: _totals_json(counts) for name, counts in by_model.items()},
            "by_endpoint": {name: _totals_json(counts) for name, counts in by_endpoint.items()},
            "recent": [record.as_json() for record in list(self._recent)[max(0, len(self._recent) - recent) :]],
        }


def _totals_json(counts: Counter[str]) -> dict[str, Any]:
    names = ("calls", "completed", "error", "aborted", "cut", *_SUMMED, "billed_micros", "billed_picos")
    return {name: counts[name] for name in names} | {"billed_usd": counts["billed_micros"] / 1e6}

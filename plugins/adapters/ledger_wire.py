"""What goes between the ledger's Lua scripts and Python: plans, limits, windows, states.

The texts are described in lua/common_v1.lua.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from plugins.budget import Alert
from plugins.budget_windows import LETTERS, WINDOWS, Span
from plugins.values import Cap, CapState, Window

MAX_AMOUNT = 2**53 - 1  # Lua counts in doubles
ANY_TIER = "*"
TRACKED = (Window.DAY, Window.MONTH, Window.TOTAL)  # counted for tenant and application, capped or not
_WORD = re.compile(r"[A-Za-z0-9_.@:/+-]{1,160}")

Calendar = Callable[[Window, str, int], tuple[Span, ...]]


@dataclass(frozen=True, slots=True)
class Counter:
    """One balance: what it counts ("tenant|*|micros") in which kind of window."""

    window: Window
    name: str

    @property
    def in_tokens(self) -> bool:
        return self.name.endswith("|tokens")


@dataclass(frozen=True, slots=True)
class Plan:
    """Every counter that a call changes, each once, with the least limit on it; in the order of `text`."""

    text: str
    limits: str
    counters: tuple[Counter, ...]

    @property
    def windows(self) -> tuple[Window, ...]:
        return tuple(dict.fromkeys(counter.window for counter in self.counters))


def word(text: str) -> str:
    """`text` if it may stand in keys and plans; ValueError otherwise."""
    if not _WORD.fullmatch(text):
        raise ValueError(f"{text[:80]!r} cannot be a name in the ledger: use letters, digits and _.@:/+-")
    return text


def amount(value: int) -> int:
    """`value` if the ledger can count it exactly; ValueError otherwise."""
    if not 0 <= value <= MAX_AMOUNT:
        raise ValueError(f"{value} is outside what the ledger counts (0 to 2^53-1)")
    return value


def counter_name(scope: str, tier: str | None, in_tokens: bool) -> str:
    return f"{word(scope)}|{word(tier) if tier else ANY_TIER}|{'tokens' if in_tokens else 'micros'}"


def counter_of(cap: Cap) -> Counter:
    return Counter(cap.window, counter_name(cap.scope, cap.tier, cap.tokens is not None))


def tracked(scopes: Iterable[str]) -> list[Counter]:
    """The counters that are kept for reports, without a limit."""
    names = [counter_name(scope, None, in_tokens) for scope in scopes for in_tokens in (False, True)]
    return [Counter(window, name) for name in names for window in TRACKED]


def plan_of(caps: Iterable[Cap], extra: Iterable[Counter] = ()) -> Plan:
    """Counters of `extra` (no limit) and of the caps. Two caps on one counter leave the lower limit."""
    limits: dict[str, dict[Window, int | None]] = {}
    for counter in extra:
        limits.setdefault(counter.name, {})[counter.window] = None
    for cap in caps:
        counter = counter_of(cap)
        limit = amount(cap.micros if cap.micros is not None else cap.tokens or 0)
        others = limits.setdefault(counter.name, {})
        before = others.get(counter.window)
        others[counter.window] = limit if before is None else min(before, limit)
    texts = [f"{name}={''.join(LETTERS[w] for w in by_window)}" for name, by_window in limits.items()]
    words = ["-" if limit is None else str(limit) for by_window in limits.values() for limit in by_window.values()]
    counters = tuple(Counter(window, name) for name, by_window in limits.items() for window in by_window)
    return Plan(" ".join(texts), " ".join(words), counters)


def candidate_windows(windows: Iterable[Window], timezone: str, now_s: int, calendar: Calendar) -> str:
    """The windows around the client's clock, for the server to choose from."""
    spans = (span for window in windows for span in calendar(window, timezone, now_s))
    return " ".join(f"{span.id}@{span.start_s}@{span.end_s}" for span in spans)


def current_windows(windows: Iterable[Window], timezone: str, now_s: int, calendar: Calendar) -> str:
    """The windows that hold the client's time: for a call that the server was never asked about."""
    spans = (span for window in windows for span in calendar(window, timezone, now_s))
    current = (span for span in spans if span.end_s == 0 or span.start_s <= now_s < span.end_s)
    return " ".join(f"{span.id}@{span.end_s}" for span in current)


def cap_states(caps: Iterable[Cap], plan: Plan, states: Sequence[Sequence[bytes]]) -> tuple[CapState, ...]:
    """The counters of each cap; a grant is part of the cap's limit in this window."""
    by_counter = dict(zip(plan.counters, states, strict=True))
    found = []
    for cap in caps:
        spent, reserved, granted, ends_at_s = (int(value) for value in by_counter[counter_of(cap)])
        found.append(CapState(raised(cap, granted), spent, reserved, ends_at_s))
    return tuple(found)


def raised(cap: Cap, granted: int) -> Cap:
    """The cap with what an operator granted for this window."""
    if not granted:
        return cap
    if cap.micros is not None:
        return replace(cap, micros=cap.micros + granted)
    return replace(cap, tokens=(cap.tokens or 0) + granted)


def read_alerts(tenant: str, rows: Iterable[Sequence[bytes]]) -> tuple[Alert, ...]:
    return tuple(_alert(tenant, [value.decode() for value in row]) for row in rows)


def _alert(tenant: str, row: Sequence[str]) -> Alert:
    letter, name, share, spent, limit, ends_at_s = row
    scope, tier, unit = name.split("|")
    return Alert(
        tenant=tenant,
        scope=scope,
        tier=None if tier == ANY_TIER else tier,
        window=WINDOWS[letter],
        share_permille=int(share),
        spent=int(spent),
        limit=int(limit),
        in_tokens=unit == "tokens",
        window_ends_at_s=int(ends_at_s),
    )

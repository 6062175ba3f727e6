"""Money, caps, holds and charges. Money is integer micro-dollars (1 USD = 1_000_000), rounded up when charged."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from enum import StrEnum

MICROS_PER_USD = 1_000_000


def micros(usd: float | str | Decimal) -> int:
    """Dollars to micro-dollars, rounded up at the ninth decimal (below that it is binary float noise)."""
    exact = (Decimal(str(usd)) * MICROS_PER_USD).quantize(Decimal("0.001"))
    return int(exact.to_integral_value(ROUND_CEILING))


def usd_text(amount_micros: int) -> str:
    """Micro-dollars as a plain decimal string in dollars: 1500 -> '0.001500'."""
    sign = "-" if amount_micros < 0 else ""
    whole, rest = divmod(abs(amount_micros), MICROS_PER_USD)
    return f"{sign}{whole}.{rest:06d}"


class Window(StrEnum):
    """The period that a cap covers, in the tenant's time zone."""

    HOUR = "hour"
    DAY = "day"
    MONTH = "month"
    TOTAL = "total"


@dataclass(frozen=True, slots=True)
class Cap:
    """One limit on one scope. Exactly one of `micros` and `tokens` is set.

    `scope` is what the cap counts on: "tenant", "app:NAME", "key:ID" or "user:ID"; `tier` narrows it.
    """

    scope: str
    window: Window
    micros: int | None = None
    tokens: int | None = None
    tier: str | None = None


@dataclass(frozen=True, slots=True)
class Reservation:
    """What `Ledger.reserve` is asked for: the most this call can cost, against every cap that applies."""

    call_id: str
    tenant: str
    timezone: str
    caps: tuple[Cap, ...]
    micros: int
    tokens: int
    tier: str
    app: str = ""


@dataclass(frozen=True, slots=True)
class CapState:
    """A cap with its counters in the window that the server's clock is in (same unit as the cap)."""

    cap: Cap
    spent: int
    reserved: int
    window_ends_at_s: int  # epoch seconds; 0 for Window.TOTAL

    @property
    def limit(self) -> int:
        return self.cap.micros if self.cap.micros is not None else (self.cap.tokens or 0)

    @property
    def left(self) -> int:
        return self.limit - self.spent - self.reserved


@dataclass(frozen=True, slots=True)
class Hold:
    """A granted reservation. `remaining_micros` is the least dollar headroom after it; None without a cap."""

    call_id: str
    tenant: str
    micros: int
    tokens: int
    remaining_micros: int | None
    states: tuple[CapState, ...] = ()


@dataclass(frozen=True, slots=True)
class OverCap:
    """A refused reservation: the first cap that the call does not fit, and what it would have needed."""

    state: CapState
    needed: int
    retry_after_s: int


@dataclass(frozen=True, slots=True)
class LedgerAway:
    """The ledger could not be asked; the tenant's policy decides what follows."""

    reason: str


@dataclass(frozen=True, slots=True)
class Exact:
    """The provider's own usage: the unused part of the hold is refunded."""

    micros: int
    tokens: int


@dataclass(frozen=True, slots=True)
class LowerBound:
    """At least this much was used (broken stream, no usage): charged, and never a refund below the hold."""

    micros: int
    tokens: int


@dataclass(frozen=True, slots=True)
class AtMost:
    """Nobody knows what was used, but it was no more than this: charged whole, the rest of the hold is refunded."""

    micros: int
    tokens: int


Charge = Exact | LowerBound | AtMost


@dataclass(frozen=True, slots=True)
class Settled:
    """The result of settling: what was charged, what is left, and whether this call was the one that did it."""

    charged_micros: int
    remaining_micros: int | None
    first: bool
    alerts: tuple[str, ...] = ()

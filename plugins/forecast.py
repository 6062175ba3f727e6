"""Where spending under a cap will stand at the end of its window, if it goes on as in the last days."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from plugins.report import Request
from plugins.values import CapState

LOOK_BACK_S: Final = 7 * 86_400
_LEAST_S: Final = 3_600  # a rate from less than an hour says nothing


@dataclass(frozen=True, slots=True)
class CapForecast:
    """One dollar cap. `forecast_micros` is None for a cap without end, and where nothing was spent lately."""

    tenant: str
    scope: str
    tier: str
    window: str
    limit_micros: int
    spent_micros: int
    forecast_micros: int | None

    @property
    def name(self) -> str:
        narrowed = f", tier {self.tier}" if self.tier else ""
        scope = "" if self.scope == "tenant" else f" {self.scope}"
        return f"{self.tenant}{scope}{narrowed}, {'in total' if self.window == 'total' else f'per {self.window}'}"


def forecasts(
    states: Iterable[tuple[str, CapState]], requests: Sequence[Request], now_s: int
) -> tuple[CapForecast, ...]:
    """One per dollar cap of a tenant or an application, the fullest first. `states` are (tenant, state)."""
    found = []
    for tenant, state in states:
        cap = state.cap
        if cap.micros is None or not (cap.scope == "tenant" or cap.scope.startswith("app:")):
            continue
        spent = state.spent + state.reserved
        rate = _micros_per_s(_of_cap(requests, tenant, cap.scope, cap.tier), now_s)
        left_s = state.window_ends_at_s - now_s
        expected = spent + round(rate * left_s) if rate is not None and left_s > 0 else None
        found.append(
            CapForecast(tenant, cap.scope, cap.tier or "", cap.window.value, state.limit, spent, expected),
        )
    return tuple(sorted(found, key=lambda one: (-one.spent_micros / max(1, one.limit_micros), one.name)))


def _of_cap(requests: Sequence[Request], tenant: str, scope: str, tier: str | None) -> list[Request]:
    app = scope.removeprefix("app:") if scope != "tenant" else None
    return [one for one in requests if one.tenant == tenant and app in (None, one.app) and tier in (None, one.tier)]


def _micros_per_s(requests: Sequence[Request], now_s: int) -> float | None:
    """Spending per second since the first of the requests, at most a week ago; None without any."""
    recent = [one for one in requests if one.started_ns // 10**9 > now_s - LOOK_BACK_S]
    if not recent:
        return None
    first_s = min(one.started_ns for one in recent) // 10**9
    return sum(one.cost_micros for one in recent) / max(_LEAST_S, now_s - first_s)

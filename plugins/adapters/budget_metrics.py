"""Prometheus metrics of budgets, by tenant and scope: cap, spent, reserved, refusals, alerts.

The gauges are of the moment a call was last held or refused, or zero once that window has ended. End users have none
of their own, because there is no end of them: only their refusals are counted, together. Labels come from
configuration and are limited nevertheless; counters beyond the limit go to "other", gauges beyond it are left out,
because a sum of caps means nothing.
"""

from __future__ import annotations

from typing import Final

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge

from plugins.adapters.metrics import LabelLimit
from plugins.budget import Alert
from plugins.values import MICROS_PER_USD, CapState

MAX_SERIES: Final = 2_000
_LABELS: Final = ("tenant", "scope", "tier", "window", "unit")
ANY_TIER: Final = "any"
_END_USER: Final = "user:"

Labels = tuple[str, str, str, str, str]


class BudgetMetrics:
    """`ports.BudgetMonitor`: counts in memory only. One per process and registry."""

    def __init__(
        self, registry: CollectorRegistry = REGISTRY, max_series: int = MAX_SERIES, max_values: int = 100
    ) -> None:
        def gauge(name: str, text: str) -> Gauge:
            return Gauge(f"tierwise_budget_{name}", text, _LABELS, registry=registry, multiprocess_mode="mostrecent")

        self._cap = gauge("cap", "Limit of a cap in its present window, grants included (dollars or tokens).")
        self._spent = gauge("spent", "Spent of a cap in its present window (dollars or tokens).")
        self._reserved = gauge("reserved", "Held by calls in flight (dollars or tokens).")
        self._refusals = Counter(
            "tierwise_budget_refusals", "Calls that did not fit a cap.", _LABELS[:4], registry=registry
        )
        self._alerts = Counter(
            "tierwise_budget_alerts", "Shares of a cap that were reached.", ("tenant", "share"), registry=registry
        )
        self._limit = LabelLimit(max_values)
        self._max_series = max_series
        self._series: dict[Labels, int] = {}  # when its window ends, epoch seconds; 0 for one without end

    def budget_seen(self, tenant: str, states: tuple[CapState, ...]) -> None:
        for state in states:
            labels = (tenant, *_labels(state))
            if state.cap.scope.startswith(_END_USER) or not self._has_room(labels):
                continue
            self._series[labels] = state.window_ends_at_s
            unit = 1 if state.cap.tokens is not None else MICROS_PER_USD
            self._cap.labels(*labels).set(state.limit / unit)
            self._spent.labels(*labels).set(state.spent / unit)
            self._reserved.labels(*labels).set(state.reserved / unit)

    def windows_end(self, now_s: int) -> None:
        """Nothing is spent any more of caps whose window has ended; the next call tells what is of the new one."""
        for labels, ends_at_s in self._series.items():
            if ends_at_s and ends_at_s <= now_s:
                self._spent.labels(*labels).set(0)
                self._reserved.labels(*labels).set(0)
                self._series[labels] = 0

    def budget_refused(self, tenant: str, state: CapState) -> None:
        scope, tier, window, _ = _labels(state)
        scope = "user" if scope.startswith(_END_USER) else self._limit("scope", scope)
        self._refusals.labels(self._limit("tenant", tenant), scope, tier, window).inc()

    def alerted(self, alert: Alert) -> None:
        """A share of a cap was reached; once per window, scope and share over all replicas."""
        self._alerts.labels(self._limit("tenant", alert.tenant), f"{alert.share_permille / 1000:g}").inc()

    def _has_room(self, labels: Labels) -> bool:
        return labels in self._series or len(self._series) < self._max_series


def _labels(state: CapState) -> tuple[str, str, str, str]:
    cap = state.cap
    return cap.scope, cap.tier or ANY_TIER, cap.window.value, "tokens" if cap.tokens is not None else "usd"

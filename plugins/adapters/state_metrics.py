"""Gauges of what the gateway knows besides its requests: the cache's breaker, deployments in cool-down, requests in
flight. Looked at by the housekeeping, never on a request's path."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import REGISTRY, CollectorRegistry, Gauge


class StateMetrics:
    """One per process and registry. With several workers the worst of them is shown, and the sum of the requests."""

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        def gauge(name: str, text: str, *labels: str, mode: str = "livemax") -> Gauge:
            return Gauge(f"tierwise_{name}", text, labels, multiprocess_mode=mode, registry=registry)  # type: ignore[arg-type]  # a Literal

        self._breaker = gauge("breaker_open", "1 while the cache's Redis is left alone after a failure.")
        self._deployments = gauge("deployments", "Deployments configured.", "group")
        self._cooling = gauge("deployments_cooling", "Deployments in cool-down after failures.", "group")
        self._flights = gauge("requests_in_flight", "Requests that have not ended.", mode="livesum")

    def observe(self, cache_reachable: bool, cooling: Mapping[str, tuple[int, int]], flights: int) -> None:
        """`cooling` is (in cool-down, all) by model group."""
        self._breaker.set(0 if cache_reachable else 1)
        for group, (down, configured) in cooling.items():
            self._deployments.labels(group).set(configured)
            self._cooling.labels(group).set(down)
        self._flights.set(flights)

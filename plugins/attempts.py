"""How many model calls one request may make, how long it may take, and which deployments to ask next.

LiteLLM's router retries and falls back by itself; it neither bounds the whole nor knows that another provider would
refuse a bad request just the same. It asks here before each call.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from plugins.errors import UpstreamError

# Refusals of the request itself: any other model would refuse it, too.
CLIENTS_FAULT = frozenset({"invalid_request"})


@dataclass(frozen=True, slots=True)
class Target:
    """A deployment as the router knows it. `place` is what fails together: the provider with its address."""

    id: str
    place: str


def no_more(made: int, most: int, left_s: float, last: UpstreamError | None) -> UpstreamError | None:
    """Why a request may make no further model call after `made` ones, the last of which failed as `last` says;
    None if it may. `left_s` is what remains of its time, in seconds."""
    if last is not None and last.code in CLIENTS_FAULT:
        return last
    if made and left_s <= 0:
        return UpstreamError(504, "timeout_error", "request_timeout", "The request took too long. Retry.")
    if made >= most:
        text = "No model answered within the allowed attempts. Retry shortly."
        return last or UpstreamError(503, "service_unavailable", "provider_unavailable", text)
    return None


def within(timeout_s: object, left_s: float) -> object:
    """An attempt's time-out, cut to what remains of the request's time; what is no plain number stays.

    In whole seconds, because LiteLLM keeps a client of its own, with its connections, for each time-out it is given.
    """
    left = max(1, int(left_s))
    if timeout_s is None:
        return left
    return min(timeout_s, left) if isinstance(timeout_s, int | float) else timeout_s


def untried(targets: Sequence[Target], failed: Sequence[Target]) -> frozenset[str]:
    """The ids to choose from: those that did not fail this request, at another provider where there is one; all of
    them when each has failed."""
    ids, places = {t.id for t in failed}, {t.place for t in failed}
    fresh = [t for t in targets if t.id not in ids]
    elsewhere = [t for t in fresh if t.place not in places]
    return frozenset(t.id for t in (elsewhere or fresh or targets))

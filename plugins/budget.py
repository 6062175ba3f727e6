"""Budgets, decided without I/O: which caps apply to a caller, when to warn, and what a refusal says.

The counters are in the ledger. A call fits when `spent + reserved + needed <= limit` holds for every cap that
applies to it; one that does not fit is refused whole.
"""

from __future__ import annotations

import hashlib
import re
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from plugins.config import TenantConfig
from plugins.errors import OverBudget
from plugins.values import Caller, Cap, CapState, OverCap, Reservation, Window, usd_text

BUSY_RETRY_S = 5  # room comes back as calls in flight settle: about as long as a call takes
TOTAL_RETRY_S = 3600  # a total cap has no end; it is worth asking again after an operator may have acted
LEFT_S = 1.0  # how old what is said of the room under the caps may be, where nothing is held
_PLAIN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,62}")
_PER = {Window.HOUR: "per hour", Window.DAY: "per day", Window.MONTH: "per month", Window.TOTAL: "in total"}


@dataclass(frozen=True, slots=True)
class Alert:
    """A share of a cap was reached. `spent` and `limit` are micro-dollars, or tokens where `in_tokens`."""

    tenant: str
    scope: str
    tier: str | None
    window: Window
    share_permille: int
    spent: int
    limit: int
    in_tokens: bool
    window_ends_at_s: int

    @property
    def text(self) -> str:
        """One line for people, e.g. for a chat channel."""
        unit = _amount(self.limit, self.in_tokens)
        share = f"{self.share_permille / 10:g} %"
        name = scope_name(Cap(self.scope, self.window, tier=self.tier))
        return (
            f"Budget of {self.tenant}: {share} of {unit} {_PER[self.window]} for {name} is spent "
            f"({_amount(self.spent, self.in_tokens)}). {_until(self.window_ends_at_s, 'UTC')}"
        )


def caps_of(tenant_name: str, tenant: TenantConfig, caller: Caller, end_user: str) -> tuple[Cap, ...]:
    """Every cap that a call of this caller has to fit, the broadest scope first.

    `caller.key_id` is a prefix of the key's SHA-256. Per-tier caps are included; the ledger leaves out those
    of other tiers. ValueError when the caller belongs to another tenant.
    """
    if caller.tenant != tenant_name:
        raise ValueError(f"caller of tenant {caller.tenant!r} asked for the caps of {tenant_name!r}")
    caps = [config.on("tenant") for config in tenant.caps]
    if app := tenant.apps.get(caller.app):
        caps += [config.on(f"app:{caller.app}") for config in app.caps]
        for key in app.keys:
            if caller.key_id and key.sha256.startswith(caller.key_id):
                caps += [config.on(f"key:{caller.key_id}") for config in key.caps]
    if end_user:
        caps += [config.on(user_scope(end_user)) for config in tenant.end_user_caps]
    return tuple(caps)


def caps_of_tenant(tenant: TenantConfig, end_users: Iterable[str] = ()) -> tuple[Cap, ...]:
    """Every cap of a tenant's config, with those of the named end users; key ids are 12 hex digits."""
    caps = [config.on("tenant") for config in tenant.caps]
    for name, app in tenant.apps.items():
        caps += [config.on(f"app:{name}") for config in app.caps]
        caps += [config.on(f"key:{key.sha256[:12]}") for key in app.keys for config in key.caps]
    caps += [config.on(user_scope(user)) for user in end_users for config in tenant.end_user_caps]
    return tuple(caps)


def user_scope(end_user: str) -> str:
    """The scope of an end user. Ids are client text: an unusual one is counted under its SHA-256."""
    if _PLAIN_ID.fullmatch(end_user):
        return f"user:{end_user}"
    return f"user:sha256-{hashlib.sha256(end_user.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}"


def needed(cap: Cap, request: Reservation) -> int:
    """What the call takes of this cap, in the cap's unit."""
    return request.tokens if cap.tokens is not None else request.micros


def applies(cap: Cap, tier: str) -> bool:
    """Whether a call to this tier counts on the cap."""
    return cap.tier is None or cap.tier == tier


def first_over(states: Iterable[CapState], request: Reservation, now_s: int) -> OverCap | None:
    """The first cap that the call does not fit, None when it fits all."""
    for state in states:
        need = needed(state.cap, request)
        if need > state.left:
            return OverCap(state, need, retry_after_s(state, need, now_s))
    return None


def retry_after_s(state: CapState, need: int, now_s: int) -> int:
    """When to ask again: soon if only calls in flight are in the way, else in the next window."""
    if state.spent + need <= state.limit:
        return BUSY_RETRY_S
    if state.window_ends_at_s == 0:
        return TOTAL_RETRY_S
    return max(1, state.window_ends_at_s - now_s)


def least_left_micros(states: Iterable[CapState]) -> int | None:
    """The least headroom over dollar caps, None without one."""
    return min((s.left for s in states if s.cap.micros is not None), default=None)


def used_share(state: CapState) -> float:
    """The share of a cap that is spent or reserved."""
    return (state.spent + state.reserved) / state.limit if state.limit > 0 else 1.0


def step_down_reason(states: Iterable[CapState], dearest: str, from_share: float) -> str | None:
    """Why the dearest tier may no longer be chosen freely: a cap on it is used up to `from_share` (0 to 1)."""
    counted = (state for state in states if applies(state.cap, dearest))
    fullest = max(counted, key=used_share, default=None)
    if fullest is None or used_share(fullest) < from_share:
        return None
    used = f"{100 * used_share(fullest):.0f} % of the budget {_PER[fullest.cap.window]}"
    return f"{used} for {scope_name(fullest.cap)} is used"


class SeenStates:
    """The last seen counters of caps, by tenant; of `most` caps, then the one not seen for longest goes."""

    def __init__(self, most: int = 10_000) -> None:
        self._most = most
        self._states: OrderedDict[tuple[str, Cap], CapState] = OrderedDict()

    def note(self, tenant: str, states: Iterable[CapState]) -> None:
        """Of two caps on one counter the fuller one counts, which is the one that refuses."""
        for state in sorted(states, key=used_share):
            key = (tenant, _unlimited(state.cap))
            self._states[key] = state
            self._states.move_to_end(key)
        while len(self._states) > self._most:
            self._states.popitem(last=False)

    def of(self, tenant: str, caps: Iterable[Cap], now_s: int) -> tuple[CapState, ...]:
        """The states of these caps as far as they were seen in a window that has not ended."""
        found = (self._states.get((tenant, _unlimited(cap))) for cap in caps)
        return tuple(s for s in found if s is not None and (not s.window_ends_at_s or now_s < s.window_ends_at_s))


class SeenLeft:
    """What callers had left when they were last looked up, in micro-dollars: believed for `LEFT_S`, and while this
    process changed nothing of their tenant's; of `most` callers."""

    def __init__(self, most: int = 10_000) -> None:
        self._most = most
        self._left: OrderedDict[tuple[str, tuple[Cap, ...]], tuple[int, float, int | None]] = OrderedDict()

    def note(self, tenant: str, caps: tuple[Cap, ...], seen: tuple[int, float], left: int | None) -> None:
        """`seen`: the ledger's changes and the time.monotonic() from before it was asked."""
        self._left[tenant, caps] = (*seen, left)
        self._left.move_to_end((tenant, caps))
        if len(self._left) > self._most:
            self._left.popitem(last=False)

    def of(self, tenant: str, caps: tuple[Cap, ...], now: tuple[int, float]) -> tuple[int | None] | None:
        """The one value, which may be None; nothing if it is not known any more. `now`: as `seen`."""
        changes, at_s, left = self._left.get((tenant, caps), (-1, 0.0, None))
        return (left,) if changes == now[0] and now[1] - at_s < LEFT_S else None


def _unlimited(cap: Cap) -> Cap:
    """What a cap counts, whatever its limit: that changes with the config and with grants."""
    return replace(cap, micros=None if cap.micros is None else 0, tokens=None if cap.tokens is None else 0)


def over_budget(over: OverCap, timezone: str, limited: bool = True) -> OverBudget:
    """The refusal: which cap, how it stands, when it ends and what to do, in words and in headers. `limited`: the
    call says how long its answer may become."""
    state, in_tokens = over.state, over.state.cap.tokens is not None
    limit, spent, reserved, need = (
        _amount(n, in_tokens) for n in (state.limit, state.spent, state.reserved, over.needed)
    )
    message = (
        f"The budget of {limit} {_PER[state.cap.window]} for {scope_name(state.cap)} has no room for this "
        f"call: {spent} is spent, {reserved} is reserved by calls in flight, and it may need up to {need}. "
        f"{_advice(over, limited)} {_until(state.window_ends_at_s, timezone)}"
    )
    return OverBudget(message.strip(), headers=_headers(over, timezone))


def scope_name(cap: Cap) -> str:
    """A scope in words: "application 'web', tier frontier"."""
    kind, _, name = cap.scope.partition(":")
    words = {
        "tenant": "the tenant",
        "app": f"application {name!r}",
        "key": f"key {name}",
        "user": f"end user {name!r}",
    }
    return words.get(kind, cap.scope) + (f", tier {cap.tier}" if cap.tier else "")


def _advice(over: OverCap, limited: bool) -> str:
    if over.state.spent + over.needed <= over.state.limit:
        return f"Retry in {over.retry_after_s} seconds, when calls in flight have settled."
    if over.state.spent >= over.state.limit:
        return "Wait for the next window, or ask the gateway's operator for a higher cap."
    shorter = "Lower max_tokens" if limited else "Set max_tokens (without it the longest possible answer is held for)"
    return f"{shorter}, name a cheaper tier, or ask the gateway's operator for a higher cap."


def _headers(over: OverCap, timezone: str) -> dict[str, str]:
    state, in_tokens = over.state, over.state.cap.tokens is not None
    busy = state.spent + over.needed <= state.limit
    unit = "tokens" if in_tokens else "usd"
    amounts = {"cap": state.limit, "spent": state.spent, "reserved": state.reserved, "needed": over.needed}
    headers = {
        "Retry-After": str(over.retry_after_s),
        # Read by the official OpenAI clients: no use in retrying at once against a cap that is spent.
        "x-should-retry": "true" if busy else "false",
        "x-tierwise-budget-scope": state.cap.scope,
        "x-tierwise-budget-window": state.cap.window.value,
    }
    if state.cap.tier:
        headers["x-tierwise-budget-tier"] = state.cap.tier
    for name, value in amounts.items():
        headers[f"x-tierwise-budget-{name}-{unit}"] = str(value) if in_tokens else usd_text(value)
    if state.window_ends_at_s:
        headers["x-tierwise-budget-window-end"] = _instant(state.window_ends_at_s, timezone)
    return headers


def _until(ends_at_s: int, timezone: str) -> str:
    return f"The window ends at {_instant(ends_at_s, timezone)}." if ends_at_s else ""


def _instant(at_s: int, timezone: str) -> str:
    zone = UTC if timezone == "UTC" else ZoneInfo(timezone)
    return datetime.fromtimestamp(at_s, zone).isoformat()


def _amount(value: int, in_tokens: bool) -> str:
    if in_tokens:
        return f"{value} tokens"
    whole, _, fraction = usd_text(value).partition(".")
    return f"${whole}.{fraction[:2]}{fraction[2:].rstrip('0')}"

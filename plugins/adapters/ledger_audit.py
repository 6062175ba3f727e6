"""The audit: rebuild the counters from the append-only stream and the open holds, and compare."""

from __future__ import annotations

from collections import Counter as Sums
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import cast

from plugins.adapters.redis_scripts import Client, RedisScripts, root_key

PAGE = 1000
Page = list[tuple[bytes, dict[bytes, bytes]]]  # the shape without decode_responses
Row = tuple[str, str]  # window id, field of its hash: "tenant|*|micros|spent"


@dataclass(frozen=True, slots=True)
class Difference:
    """A counter that does not say what its records add up to (micro-dollars or tokens, by its name)."""

    window: str
    counter: str
    counted: int
    recorded: int


@dataclass(frozen=True, slots=True)
class Audit:
    """`entries` ledger entries and `holds` open holds were added up over `counters` counters."""

    entries: int
    holds: int
    counters: int
    differences: tuple[Difference, ...]
    trimmed: bool  # entries are missing from the stream's beginning: differences may come from that

    @property
    def equal(self) -> bool:
        return not self.differences


async def audit_tenant(scripts: RedisScripts, tenant: str) -> Audit:
    """Compare every window not yet dropped. Calls may go on meanwhile: both sides are of one instant."""
    last_id, windows, holds = await scripts.run("snapshot_v1", tenant)
    counted: Sums[Row] = Sums()
    for window, flat in windows:
        for field, value in zip(flat[::2], flat[1::2], strict=True):
            if not field.startswith(b"alert|"):
                counted[window.decode(), field.decode()] += int(value)
    live = {window.decode() for window, _ in windows}
    recorded: Sums[Row] = Sums()
    for raw in holds:
        micros, tokens, _, _, plan, _, ids, *_ = raw.decode().split("\n")
        _add(recorded, plan, ids, "reserved", int(micros), int(tokens))
    client, added = await scripts.client(), 0
    async for _, entry in entries(client, tenant, "-", last_id.decode()):
        added += 1
        what = "granted" if entry["op"] == "grant" else "spent"
        _add(recorded, entry["plan"], entry["windows"], what, int(entry["micros"]), int(entry["tokens"]))
    rows = sorted(row for row in {*counted, *recorded} if row[0] in live)
    differences = tuple(Difference(*row, counted[row], recorded[row]) for row in rows if counted[row] != recorded[row])
    trimmed = added > 0 and await _is_trimmed(client, tenant)
    return Audit(added, len(holds), len(rows), differences, trimmed)


async def is_recorded(scripts: RedisScripts, tenant: str, call_id: str, since_ms: int) -> bool:
    """Whether the stream has any entry of this call since then."""
    client = await scripts.client()
    async for _, entry in entries(client, tenant, str(since_ms), "+"):
        if entry["call"] == call_id:
            return True
    return False


def _add(sums: Sums[Row], plan: str, windows: str, what: str, micros: int, tokens: int) -> None:
    ids = {window[0]: window.partition("@")[0] for window in windows.split()}
    for item in plan.split():
        counter, _, letters = item.rpartition("=")
        for letter in letters:
            sums[ids[letter], f"{counter}|{what}"] += tokens if counter.endswith("|tokens") else micros


async def entries(client: Client, tenant: str, first: str, last: str) -> AsyncIterator[tuple[str, dict[str, str]]]:
    """The stream's entries and their ids in order, a page at a time."""
    key = f"{root_key(tenant)}:ledger"
    while page := cast(Page, await client.xrange(key, first, last, count=PAGE)):
        for entry_id, fields in page:
            yield entry_id.decode(), {name.decode(): value.decode() for name, value in fields.items()}
        first = "(" + page[-1][0].decode()


async def _is_trimmed(client: Client, tenant: str) -> bool:
    info = await client.xinfo_stream(f"{root_key(tenant)}:ledger")
    return int(info.get("entries-added", info["length"])) > int(info["length"])

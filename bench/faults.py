"""Faults one after another under a steady load: what clients saw, what was lost, how long recovery took.

    python -m bench.faults --json [--only redis]

Each scenario breaks something for a few seconds while six clients ask, then mends it; first with Tierwise, then with
vanilla LiteLLM 1.106.2 beside it (bench/fault_stand.py says how it is configured). `lost`: calls without an answer
although the gateway could have given one (a broken line, a cut stream, a status without our error body).
`refused`: 503 with a time to come back, which a tenant's policy asks for. `poor`: 200 without text, or without the JSON
that was asked for. `recovery_s`: from the mending until there was a whole answer for each client. `5xx` counts also
errors within a stream, and `5xx_beyond_vanilla` those of Tierwise that vanilla, by its own share of them under the
same fault, would not have given. At the end the ledger is audited and no hold may be left. The clock scenario needs
Debian's `faketime`; without it, it is left out and said so.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import httpx

from bench.fault_extremes import STREAMS, huge_prompt, long_conversation, many_streams, vanishing
from bench.fault_load import CLIENTS, Load, ask, beyond, median_s, outcomes, told
from bench.fault_stand import CLOCK_FILE, SCENARIOS, SPAN_S, TENANT, WRONG_JSON, Scenario, Side, Stand, stand_of
from plugins.adapters.redis_ledger import RedisLedger
from plugins.config import BudgetConfig

BEFORE_S: Final = 2.0
WARM_UP_S: Final = 3.0
PAUSE_S: Final = 3.0  # a deployment that failed is left alone for so long
MOST_RECOVERY_S: Final = 60.0
FAKETIME: Final = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")
CLOCK: Final = "clock jumped"
# By scenario: the tenant's policy while its ledger is away.
FAILOVERS: Final = {"redis fails over": "allow", "redis fails over, default policy": "deny"}
SIGTERM: Final = "SIGTERM"
# Only Tierwise reads its configuration while it runs.
OURS_ALONE: Final = ("config broken",)
Json = dict[str, Any]


async def warm_up(stand: Stand) -> None:
    """A process's first calls take seconds: each worker has had some before anything is measured."""
    for side in (stand.tierwise, stand.vanilla):
        if side is not None:
            load = Load(side.target)
            task = asyncio.create_task(load.run())
            await load.until_answered(time.monotonic() + WARM_UP_S, MOST_RECOVERY_S)
            load.stop.set()
            await task


async def play(stand: Stand, side: Side, broken: Scenario, as_json: bool = False) -> Json:
    """One scenario under load."""
    load = Load(side.target, as_json)
    task = asyncio.create_task(load.run())
    await asyncio.sleep(BEFORE_S)
    began = time.monotonic()
    async with broken(stand, side):
        await asyncio.sleep(SPAN_S)
    mended = time.monotonic()
    await load.until_answered(mended, MOST_RECOVERY_S)
    recovered = time.monotonic()
    load.stop.set()
    await task
    during = [s for s in load.saw if began <= s.ended_s and s.sent_s < mended]
    before, after = [s for s in load.saw if s.ended_s < began], [s for s in load.saw if s.sent_s >= mended]
    return {
        **told(load.saw),
        "recovery_s": round(recovered - mended, 1) if load.answered_since(mended) else None,
        "during": outcomes(during),
        "before_and_after": outcomes([*before, *after]),
        "median_s": {"before": median_s(before), "during": median_s(during), "after": median_s(after)},
    }


async def drain(side: Side) -> Json:
    """SIGTERM while every client waits for a slow answer: all of them get it."""
    process = side.running.started.process
    with side.running.fault("sim-small", "slow", seconds=2):
        async with httpx.AsyncClient(timeout=60) as client:
            asked = [asyncio.create_task(ask(client, side.target, stream=n % 2 == 1)) for n in range(4 * CLIENTS)]
            await asyncio.sleep(1.5)
            process.terminate()
            saw = await asyncio.gather(*asked)
    began = time.monotonic()
    await asyncio.to_thread(process.wait, 60)
    return {**told(saw), "during": outcomes(saw), "ended_s": round(time.monotonic() - began, 1)}


async def on_both(stand: Stand, name: str, played: Callable[[Side], Awaitable[Json]]) -> Json:
    """The same with one after the other, told as soon as it is there."""
    row: Json = {"tierwise": await played(stand.tierwise)}
    if stand.vanilla is not None and name not in OURS_ALONE:
        await asyncio.sleep(PAUSE_S)
        row["vanilla"] = await played(stand.vanilla)
    row["5xx_beyond_vanilla"] = beyond(row["tierwise"], row.get("vanilla"))
    print(f"{name}: {json.dumps(row)}", file=sys.stderr, flush=True)
    return row


async def books(stand: Stand) -> Json:
    """The ledger after it all, once nothing is held and the journal is empty, or after a minute."""
    config = BudgetConfig(timeout_ms=10_000)
    state = stand.tierwise.running.state_dir
    ledger = RedisLedger(stand.redis.url, config, state, lambda _: None)
    folder, began = state / "journal", time.monotonic()
    try:
        while True:
            left = (await ledger.reconcile(TENANT)).open_holds
            journal = [path.name for path in folder.glob("*.jsonl") if path.stat().st_size]
            if not (left or journal) or time.monotonic() > began + MOST_RECOVERY_S:
                break
            await asyncio.sleep(0.5)
        audit = await ledger.audit(TENANT)
    finally:
        await ledger.close()
    after_s = round(time.monotonic() - began, 1)
    return {"holds_left": left, "audit_equal": audit.equal, "journal_left": journal, "after_s": after_s}


EXTREMES: Final[Mapping[str, Callable[[Side], Awaitable[Json]]]] = {
    f"{STREAMS} streams at once": many_streams,
    "10,000 messages": long_conversation,
    "10 MB prompt": huge_prompt,
    "clients vanish": vanishing,
}


async def run(stand: Stand, names: Sequence[str]) -> Json:
    """These scenarios one after another, and in the end SIGTERM if it is among them."""
    rows: dict[str, Json] = {}
    await warm_up(stand)
    for name in names:
        if name != SIGTERM:
            rows[name] = await on_both(stand, name, partial(under_load, stand, name))
            await asyncio.sleep(PAUSE_S)
    if SIGTERM in names:
        rows[SIGTERM] = await on_both(stand, SIGTERM, drain)
    return {**rows, "books": await books(stand)}


async def under_load(stand: Stand, name: str, side: Side) -> Json:
    return await play(stand, side, SCENARIOS[name], as_json=name == WRONG_JSON)


async def run_extremes(stand: Stand, only: str) -> Json:
    await warm_up(stand)
    chosen = {name: extreme for name, extreme in EXTREMES.items() if only in name}
    rows = {name: await on_both(stand, name, extreme) for name, extreme in chosen.items()}
    return {**rows, "books after extremes": await books(stand)}


async def run_alone(stand: Stand, name: str, broken: Scenario) -> Json:
    await warm_up(stand)
    row = await on_both(stand, name, lambda side: play(stand, side, broken))
    return {name: row, f"{name}: books": await books(stand)}


def faults(only: str) -> Json:
    """All of it, on servers of its own; the clock is another process's, because faking it slows a process down."""
    rows: Json = {}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        if names := [name for name in (*SCENARIOS, SIGTERM) if only in name]:
            with stand_of(folder) as stand:
                rows |= asyncio.run(run(stand, names))
        if any(only in name for name in EXTREMES):
            with stand_of(folder, quick=False) as stand:
                rows |= asyncio.run(run_extremes(stand, only))
        for name, policy in FAILOVERS.items():
            if only in name:
                with stand_of(folder, workers=1, watched=True, ledger_away=policy) as stand:
                    rows |= asyncio.run(run_alone(stand, name, Stand.redis_fails_over))
        if only in CLOCK:
            rows |= clock(folder)
    return rows


def clock(folder: Path) -> Json:
    """A day and an hour forwards and back, for processes that believe it."""
    if not FAKETIME.exists():
        return {CLOCK: {"left_out": "Debian's faketime is not installed"}}
    (folder / CLOCK_FILE).write_text("+0")
    environ = {"LD_PRELOAD": str(FAKETIME), "FAKETIME_TIMESTAMP_FILE": str(folder / CLOCK_FILE)}
    environ |= {"FAKETIME_CACHE_DURATION": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    with stand_of(folder, workers=1, environ=environ) as stand:
        return asyncio.run(run_alone(stand, CLOCK, Stand.clock_jumped))


def line_of(name: str, row: Json) -> str:
    """One line by fault: what the clients of each saw, and the verdict."""
    parts = [f"{side}: {row[side]['during']}, lost {row[side]['lost']}, back {row[side].get('recovery_s', '-')} s"
             for side in ("tierwise", "vanilla") if side in row]  # fmt: skip
    if not parts:
        return f"{name:24} {row}"
    parts.append(f"5xx that vanilla would not have given: {row['5xx_beyond_vanilla']}")
    return f"{name:24} " + "; ".join(parts)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="scenarios whose name holds this text")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")
    chosen = parser.parse_args()
    result = faults(chosen.only)
    if chosen.json:
        print(json.dumps(result, indent=1))
    else:
        print("\n".join(line_of(name, row) for name, row in result.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())

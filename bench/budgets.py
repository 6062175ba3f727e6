"""The budget drill: four gateways on one Redis, 64 clients, and everything that goes wrong in production.

Run: `python -m bench.budgets [--calls 20000] [--json] [--no-peer]`. Plain and streamed calls, tenants with small caps,
clients that leave mid-stream, provider errors of every kind, `kill -9` and SIGTERM of gateways, and Redis restarted
from its append-only file. Then the provider's own books are compared with the ledger and the caps, call by call. The
same load, without the disasters, is put on plain LiteLLM with its session budget (`budget_peer.py`).
"""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final

import httpx
import typer

from bench import budget_books as books
from bench import budget_peer, budget_scale
from bench.budget_fleet import Fleet, fleet, redis_server
from bench.budget_load import CLIENTS, Drive, Seen, calls
from plugins.config_file import load_config
from plugins.trial.embedded_redis import EmbeddedRedis

HOLD_TTL_S: Final = 20
USUAL_MICROS: Final = 900  # about what a call of this load is charged; caps are set from it
LEAST_CAP_MICROS: Final = 150_000  # below it a single worst case of the dearest tier might not fit
MOST_RUN_S: Final = 3 * 3600
ALLOWING: Final = "lenient"
Json = dict[str, Any]


def caps(count: int) -> Mapping[str, Json]:
    """Tenants whose caps are a share of what their calls would cost, and two that have room."""

    def usd(share: float) -> float:
        return max(LEAST_CAP_MICROS, int(count / 8 * USUAL_MICROS * share)) / 1e6

    return {
        "tiny": {"caps": [{"usd": usd(0.1), "per": "total"}]},
        "third": {"caps": [{"usd": usd(0.3), "per": "total"}], "timezone": "Europe/Vienna"},
        "half": {"caps": [{"usd": usd(0.5), "per": "total"}, {"usd": usd(1), "per": "month"}]},
        "most": {"caps": [{"usd": usd(0.8), "per": "total"}]},
        "tiered": {"caps": [{"usd": usd(0.6), "per": "total"}, {"usd": usd(0.2), "per": "total", "tier": "frontier"}]},
        "counted": {"caps": [{"usd": usd(0.9), "per": "total"}, {"tokens": count * 40, "per": "total"}]},
        "roomy": {"caps": [{"usd": 1000, "per": "total"}]},
        ALLOWING: {"caps": [{"usd": 1000, "per": "total"}], "when_ledger_away": "allow"},
    }


@dataclass(slots=True)
class Disasters:
    """What happens when a share of the calls is done; each in a thread, so that the load goes on."""

    fleet: Fleet
    total: int
    pending: list[tuple[float, Callable[[], None]]] = field(default_factory=list)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.pending = [
            (0.0, lambda: self.fleet.set_faults(True)),
            (0.25, lambda: self.fleet.end_and_restart(0, signal.SIGKILL)),
            (0.45, lambda: self.fleet.restart_redis(1.5)),
            (0.6, lambda: self.fleet.end_and_restart(1, signal.SIGKILL)),
            (0.75, lambda: self.fleet.restart_redis(0.5)),
            (0.85, lambda: self.fleet.end_and_restart(2, signal.SIGTERM)),
        ]

    def __call__(self, done: int) -> None:
        while self.pending and done >= self.pending[0][0] * self.total:
            _, strike = self.pending.pop(0)
            self.tasks.append(asyncio.get_running_loop().create_task(asyncio.to_thread(strike)))


async def load(running: Fleet, count: int) -> tuple[list[Seen], float]:
    """All the calls, and the seconds they took."""
    disasters = Disasters(running, count)
    disasters(0)
    drive, began = Drive(running.base_urls, running.keys, disasters), time.perf_counter()
    async with asyncio.timeout(MOST_RUN_S):
        seen = await drive.run(calls(count, tuple(running.keys)))
        await asyncio.gather(*disasters.tasks)
    return seen, time.perf_counter() - began


async def settled_down(running: Fleet) -> list[Json]:
    """The provider's records once none of its calls is running any more."""
    running.set_faults(False)
    async with httpx.AsyncClient(timeout=60) as client:
        for _ in range(60):
            book = (await client.get(f"{running.simulator}/control/calls", params={"recent": 50_000})).json()
            if not book["running"]:
                break
            await asyncio.sleep(0.5)
    assert book["total"]["calls"] == len(book["recent"]), "the provider forgot records: use fewer calls"
    return list(book["recent"])


def drill(count: int, folder: Path, server: EmbeddedRedis, keeper: ThreadPoolExecutor) -> Json:
    """One run; the servers are gone at its end, their files stay in `folder`."""
    with fleet(folder, server, keeper, caps(count), HOLD_TTL_S) as running:
        seen, took_s = asyncio.run(load(running, count))
        records = asyncio.run(settled_down(running))
        scripts = running.count_scripts()
        config = load_config(running.rendered, running.environ).gateway
        befallen = running.befallen
    time.sleep(HOLD_TTL_S + 1)  # the gateways have drained; what they left behind expires
    journal = [path.name for path in (folder / "state" / "journal").glob("*.jsonl") if path.stat().st_size]
    charges = books.charges_of(server.url, tuple(config.tenants))
    rows = asyncio.run(books.balances(server.url, config, records))
    refused = sum(s.status == 429 and s.code == "insufficient_quota" for s in seen)
    return {
        "calls": len(seen),
        "refused": refused,
        **books.totals(rows, (ALLOWING,)),
        **books.compare(seen, records, charges),
        # A refused call makes one; a further attempt or a better answer is held for like a call.
        "round_trips_per_call": round((scripts - refused) / max(1, sum(len(c.holds) for c in charges.values())), 3),
        "holds_per_call": round(sum(len(c.holds) for c in charges.values()) / max(1, len(charges)), 3),
        **books.step_times(folder / "state" / "traces.jsonl"),
        "clients": CLIENTS,
        "seconds": round(took_s, 1),
        "calls_per_s": round(len(seen) / took_s, 1),
        "model_calls": len(records),
        "befallen": befallen,
        "outcomes": books.outcomes(seen),
        "journal_left": journal,
        "tenants": rows,
    }


def main(
    count: Annotated[int, typer.Option("--calls", help="How many calls.")] = 20_000,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of lines.")] = False,
    peer: Annotated[bool, typer.Option(help="Put the same load on plain LiteLLM with its session budget.")] = True,
    keep: Annotated[Path | None, typer.Option(help="Leave the files of the run in this folder.")] = None,
) -> None:
    """Run the drill and say what it found; exit code 1 if money was lost or caps were passed."""
    folder = keep or Path(tempfile.mkdtemp(prefix="tierwise-budgets-"))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with ThreadPoolExecutor(1) as keeper, redis_server(folder, keeper) as server:
            found = drill(count, folder, server, keeper)
            found["tenants_10"] = asyncio.run(budget_scale.measure(server.url, folder, 10))
            found["tenants_10000"] = asyncio.run(budget_scale.measure(server.url, folder, 10_000))
            if peer:
                found["peer"] = budget_peer.drill(count, folder / "peer", server.url)
    finally:
        if keep is None:
            shutil.rmtree(folder, ignore_errors=True)
    print(json.dumps(found) if as_json else json.dumps(found, indent=1))
    wrong = ("overspend_micros", "ledger_over_cap", "phantom_micros", "lost_settlements", "undercharged_micros")
    raise typer.Exit(0 if found["audit_equal"] and not any(found[name] for name in wrong) else 1)


if __name__ == "__main__":
    typer.run(main)

"""A worker process for the ledger tests: `python -m tests.redis.ledger_worker URL TENANT NAME CALLS FOLDER`.

Reserves 10 micro-dollars for each call, settles every second one with 5, and prints how many were admitted.
With CALLS 0 it takes one hold and is killed by its own hand, as `kill -9` would.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from plugins.values import Exact, Hold
from tests.ledgers import Tenant, tenant_on


async def one_call(tenant: Tenant, name: str, number: int) -> bool:
    held = await tenant.ledger.reserve(tenant.request(10, 1, call_id=f"{name}-{number}"))
    if isinstance(held, Hold) and number % 2:
        await asyncio.gather(*(tenant.ledger.settle(held, Exact(5, 1)) for _ in range(2)))
    return isinstance(held, Hold)


async def main(url: str, tenant_name: str, name: str, calls: int, folder: Path) -> None:
    async with tenant_on(url, folder, name=tenant_name) as tenant:
        if calls == 0:
            await tenant.hold(10, call_id=name)
            os.kill(os.getpid(), signal.SIGKILL)
        print(sum(await asyncio.gather(*(one_call(tenant, name, n) for n in range(calls)))))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), Path(sys.argv[5])))

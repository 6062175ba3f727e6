"""The spend limit: money is held before a call and settled after it, so that concurrent calls cannot pass the limit.

With a price for the model the amount held is the most the call can cost, and the limit is hard. Without one it is
learnt: the first call of a model runs alone, later ones hold HEADROOM times the dearest seen. A call far dearer than
all before it can then pass the limit by its own price; a cap on the gateway's key is the guard against that.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

HEADROOM: Final = 3


class SpendLimitError(RuntimeError):
    """The next call could exceed the limit."""


@dataclass(slots=True)
class Charge:
    """What a call turned out to cost; None: not known, then what was held is charged."""

    cost_micros: int | None = None


class Purse:
    """One per run. `limit_micros` None: no limit, but what is spent is counted."""

    def __init__(self, limit_micros: int | None, spent_micros: int = 0) -> None:
        self.limit_micros = limit_micros
        self.spent_micros = spent_micros
        self._closed = ""
        self._held = 0
        self._dearest: dict[str, int] = {}
        self._changed = asyncio.Condition()

    def close(self, reason: str) -> None:
        """No further call, for this reason: calls that would still fit would leave items half answered."""
        self._closed = self._closed or reason

    @asynccontextmanager
    async def paying(self, model: str, bound_micros: int | None) -> AsyncIterator[Charge]:
        """Hold money for one call of `model`, and settle it. Raises SpendLimitError when it cannot be held."""
        held = await self._hold(model, bound_micros)
        charge = Charge()
        try:
            yield charge
        finally:
            await self._settle(model, held, charge, known=bound_micros is not None or model in self._dearest)

    async def _hold(self, model: str, bound: int | None) -> int:
        async with self._changed:
            while True:
                if self._closed:
                    raise SpendLimitError(self._closed)
                if self.limit_micros is None:
                    return 0
                left = self.limit_micros - self.spent_micros - self._held
                learnt = self._dearest.get(model)
                amount = bound if bound is not None else left if learnt is None else HEADROOM * learnt
                alone = bound is not None or learnt is not None or self._held == 0
                if left > 0 and amount <= left and alone:
                    self._held += amount
                    return amount
                if self._held == 0:
                    self.close(f"the limit of {self.limit_micros / 1e6:g} USD is reached")
                    self._changed.notify_all()
                else:
                    await self._changed.wait()

    async def _settle(self, model: str, held: int, charge: Charge, known: bool) -> None:
        async with self._changed:
            if charge.cost_micros is None:
                # A first call holds all that is left; charging that for a lost answer would end the run.
                charge.cost_micros = held if known else 0
            else:
                self._dearest[model] = max(self._dearest.get(model, 0), charge.cost_micros)
            self._held -= held
            self.spent_micros += charge.cost_micros
            self._changed.notify_all()

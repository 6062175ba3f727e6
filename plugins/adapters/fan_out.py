"""One trace to several sinks, each shielded from the others' failures."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from plugins.ports import Sink
from plugins.values import Trace

_log = logging.getLogger(__name__)


class FanOut:
    """`ports.Sink` made of sinks, in their order."""

    def __init__(self, sinks: Sequence[Sink]) -> None:
        self._sinks = tuple(sinks)

    def emit(self, trace: Trace) -> None:
        for sink in self._sinks:
            try:
                sink.emit(trace)
            except Exception:
                _log.exception("%s could not take a trace", type(sink).__name__)

    async def close(self) -> None:
        """Close all at the same time; one that fails is logged, and the others still deliver."""
        results = await asyncio.gather(*(sink.close() for sink in self._sinks), return_exceptions=True)
        for sink, result in zip(self._sinks, results, strict=True):
            if isinstance(result, BaseException):
                _log.error("%s did not close: %s", type(sink).__name__, result)

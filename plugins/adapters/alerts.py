"""Alerts to the log and to a webhook, off the request path: a failure here never harms a call."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

import httpx

QUEUE_MOST = 1000
ATTEMPTS = 4
TIMEOUT_S = 10.0
_log = logging.getLogger(__name__)


class Told(Protocol):
    """An alert: one line for people."""

    @property
    def text(self) -> str: ...


class Alerts:
    """Call it with an alert: it logs at once and posts `{"text": ...}` (Slack's incoming webhook) later.

    Without a `url` it only logs. Must be called on the event loop. `client` is closed by `close`;
    `retry_after_s` gives the pause after the n-th failed attempt, n from 0.
    """

    def __init__(
        self,
        url: str | None,
        client: httpx.AsyncClient | None = None,
        retry_after_s: Callable[[int], float] = lambda n: 2.0**n,
    ) -> None:
        self._url = url
        self._client = client
        self._retry_after_s = retry_after_s
        self._queue: asyncio.Queue[str] = asyncio.Queue(QUEUE_MOST)
        self._worker: asyncio.Task[None] | None = None

    def configure(self, url: str | None) -> None:
        """Post to this address from the next alert on; None: only log."""
        self._url = url

    def __call__(self, alert: Told) -> None:
        """Take an alert; never blocks and never raises."""
        _log.warning("%s", alert.text)
        if self._url is None:
            return
        try:
            self._queue.put_nowait(alert.text)
            if self._worker is None:
                self._worker = asyncio.get_running_loop().create_task(self._work())
        except (asyncio.QueueFull, RuntimeError) as error:
            _log.warning("an alert was not sent to the webhook: %s", type(error).__name__)

    async def close(self, timeout_s: float = 5.0) -> None:
        """Send what waits for at most `timeout_s`, then stop."""
        if self._worker is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(timeout_s):
                    await self._queue.join()
            self._worker.cancel()
            with suppress(asyncio.CancelledError):
                await self._worker
            self._worker = None
        if self._client is not None:
            await self._client.aclose()

    async def _work(self) -> None:
        if self._client is None:
            self._client = httpx.AsyncClient(timeout=TIMEOUT_S)
        while True:
            text = await self._queue.get()
            try:
                if self._url is not None:
                    await self._post(self._client, self._url, text)
            finally:
                self._queue.task_done()

    async def _post(self, client: httpx.AsyncClient, url: str, text: str) -> None:
        for attempt in range(ATTEMPTS):
            try:
                status = (await client.post(url, json={"text": text})).status_code
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                problem = type(error).__name__  # its text may hold the webhook's address, which is a secret
            else:
                if status < 400:
                    return
                problem = f"status {status}"
                if status < 500 and status != 429:
                    break
            await asyncio.sleep(self._retry_after_s(attempt))
        _log.warning("an alert did not reach the webhook: %s", problem)

"""Sends finished traces to Langfuse over OTLP/HTTP (protobuf), off the request path.

What the server answers decides:

    2xx                        delivered
    413                        the batch is halved; one trace goes again without content, then is dropped
    401, 403, 408, 425, 429,   spooled to disk if there is a spool, else tried again, with growing delays: it is
    5xx, none                  away, or the keys are wrong until somebody sets them right
    any other                  dropped: the same bytes would be refused again

Sending twice is harmless, because trace and span ids are the same each time. Every drop is counted.
"""

from __future__ import annotations

import contextlib
import gzip
import logging
import random
import time
from collections.abc import Iterator, Sequence
from enum import Enum
from pathlib import Path

import httpx

from plugins.adapters import otlp
from plugins.adapters.background_sink import BackgroundSink
from plugins.adapters.spool import Spool
from plugins.adapters.trace_queue import SinkMonitor, size_of
from plugins.tracing import spans_of
from plugins.values import Trace

_log = logging.getLogger(__name__)
_PATH = "/api/public/otel/v1/traces"
_KEYS_REFUSED = frozenset({401, 403})
_RETRIED = frozenset({408, 425, 429}) | _KEYS_REFUSED
_FIRST_DELAY_S = 0.5
_MAX_DELAY_S = 30.0
_MAX_ATTEMPTS = 12  # without a spool: about five minutes, while the queue stays bounded
_LOG_EVERY_S = 60.0
_REPLAY_S = 1.0  # then live traces have their turn
_SPOOL_MAX_AGE_S = 24 * 3600
_OUTAGE_LINGER_S = 5.0  # fewer, larger spool files


class Answer(Enum):
    DELIVERED = "delivered"
    TOO_LARGE = "too_large"
    REFUSED = "refused"
    AWAY = "away"


class Backoff:
    """When the next attempt may be made: delays double from 0.5 s to 30 s, each with up to 25 % jitter."""

    def __init__(self) -> None:
        self._failures = 0
        self._next_at = 0.0

    @property
    def waiting_s(self) -> float:
        return max(0.0, self._next_at - time.monotonic())

    def reset(self) -> None:
        self._failures, self._next_at = 0, 0.0

    def failed(self, asked_s: float = 0.0) -> None:
        """`asked_s` is the server's Retry-After; it is honoured up to the longest delay."""
        delay_s = min(_MAX_DELAY_S, _FIRST_DELAY_S * 2 ** min(self._failures, 10))
        delay_s *= 1 - 0.25 * random.random()  # noqa: S311 - jitter against synchronised retries
        self._failures += 1
        self._next_at = time.monotonic() + max(delay_s, min(asked_s, _MAX_DELAY_S))


class LangfuseSink(BackgroundSink[Trace]):
    """`ports.Sink` for a Langfuse server (v3.22 or later; measured with 4.16)."""

    def __init__(
        self,
        host: str,
        public_key: str,
        secret_key: str,
        *,
        environment: str,
        release: str = "",
        queue_bytes: int = 32 * 1024 * 1024,
        timeout_ms: int = 10_000,
        spool_dir: Path | None = None,
        spool_bytes: int = 256 * 1024 * 1024,
        close_timeout_s: float = 8.0,
        monitor: SinkMonitor | None = None,
    ) -> None:
        super().__init__("langfuse", queue_bytes, monitor, close_timeout_s, timeout_ms / 1000 + 1, size_of)
        self._url = host.rstrip("/") + _PATH
        self._environment = environment
        self._release = release
        self._timeout_s = timeout_ms / 1000
        self._client = httpx.Client(
            auth=httpx.BasicAuth(public_key, secret_key),
            headers={
                "Content-Type": "application/x-protobuf",
                "Content-Encoding": "gzip",  # the one encoding that the endpoint decodes
                "x-langfuse-ingestion-version": "4",
            },
        )
        self._spool = Spool(spool_dir, spool_bytes) if spool_dir else None
        self._backoff = Backoff()
        self._logged_at = -_LOG_EVERY_S
        if self._spool and not self._spool.is_empty():
            self.start()  # what a former process could not send

    def _deliver(self, items: Sequence[Trace]) -> None:
        left = list(self._encoded(items))
        for _ in range(_MAX_ATTEMPTS):
            if not left or self._is_over() or (self._spool and self._backoff.waiting_s):
                break
            self._pause()
            left = self._send(left)
        if left:
            self._give_up(left)
        away = self._spool is not None and self._backoff.waiting_s > 0
        self.linger_s = _OUTAGE_LINGER_S if away else type(self).linger_s

    def _idle(self) -> None:
        """Replay spooled batches for a moment, if the server is thought to be there."""
        until = time.monotonic() + _REPLAY_S
        while self._spool and not self._closing.is_set() and time.monotonic() < until:
            if self._backoff.waiting_s or not self._replay(self._spool):
                break

    def _finish(self) -> None:
        while self._spool and not self._is_over():
            if self._backoff.waiting_s or not self._replay(self._spool):
                break
        self._client.close()

    def _pause(self) -> None:
        """Wait out the delay; while closing only as long as there is time, and not for the signal again."""
        delay_s = min(self._backoff.waiting_s, max(0.0, self._close_by - time.monotonic()))
        if self._closing.is_set():
            time.sleep(min(delay_s, 1.0))
            self._backoff.reset()
        else:
            self._closing.wait(delay_s)

    def _replay(self, spool: Spool) -> bool:
        """Send the oldest spooled batch; True if that took it off the spool."""
        with spool.claim_oldest() as batch:
            if batch is None:
                return False
            try:
                parts = otlp.split(batch.body)
            except ValueError:
                _log.warning("the spooled batch %s is damaged: removed", batch.path.name)
                self._account.drop("damaged")
                batch.done()
                return True
            left = self._send(parts)
            if left and batch.age_s > _SPOOL_MAX_AGE_S:  # a batch that the server fails on must not block the rest
                self._account.drop("expired", len(left))
                left = []
            if len(left) == len(parts):
                return False
            batch.done()
            if left:
                self._give_up(left)
            return not left

    def _give_up(self, parts: Sequence[bytes]) -> None:
        """Not delivered now: to the spool, or dropped without one."""
        if self._spool is None:
            self._account.drop("undelivered", len(parts))
            return
        try:
            kept = self._spool.add(b"".join(parts))
        except OSError as error:
            self._warn("is away and the spool cannot be written (%s)", error.strerror)
            kept = False
        if kept:
            self._account.count("spooled", len(parts))
        else:
            self._account.drop("spool_full", len(parts))

    def _is_over(self) -> bool:
        return time.monotonic() >= self._close_by

    def _encoded(self, traces: Sequence[Trace]) -> Iterator[bytes]:
        for trace in traces:
            try:
                spans = spans_of(trace, environment=self._environment, release=self._release)
                yield otlp.encode(spans)
            except (TypeError, ValueError, OverflowError):
                self._account.drop("not_encodable")
            time.sleep(0)  # lets the event loop run between two traces, not only every 5 ms

    def _send(self, parts: list[bytes]) -> list[bytes]:
        """Send these traces; returns those that should be tried again later."""
        if not parts:
            return []
        match self._post(b"".join(parts)):
            case Answer.DELIVERED:
                self._account.count("delivered", len(parts))
            case Answer.REFUSED:
                self._account.drop("refused", len(parts))
            case Answer.AWAY:
                return parts
            case Answer.TOO_LARGE if len(parts) > 1:
                middle = len(parts) // 2
                if left := self._send(parts[:middle]):
                    return left + parts[middle:]
                return self._send(parts[middle:])
            case Answer.TOO_LARGE:
                smaller = otlp.without_content(parts[0])
                if smaller is not None:
                    return self._send([smaller])
                self._account.drop("too_large")
        return []

    def _post(self, body: bytes) -> Answer:
        left_s = self._close_by - time.monotonic()
        if left_s <= 0:
            return Answer.AWAY
        try:
            with self._client.stream(
                "POST",
                self._url,
                content=gzip.compress(body, compresslevel=3),
                timeout=min(self._timeout_s, left_s),
            ) as response:
                with contextlib.suppress(StopIteration):
                    next(response.iter_raw(4_096))  # a short body read whole keeps the connection usable
                return self._judge(response)
        except httpx.HTTPError as error:
            self._backoff.failed()
            self._warn("not reachable (%s)", type(error).__name__)
            return Answer.AWAY

    def _judge(self, response: httpx.Response) -> Answer:
        status = response.status_code
        if status in _RETRIED or status >= 500:
            self._backoff.failed(_seconds(response.headers.get("Retry-After", "")))
            hint = ": check langfuse_public_key and langfuse_secret_key" if status in _KEYS_REFUSED else ""
            self._warn("answers %s%s", status, hint)
            return Answer.AWAY
        self._backoff.reset()
        if 200 <= status < 300:
            return Answer.DELIVERED
        if status == 413:
            return Answer.TOO_LARGE
        self._warn("refuses traces with %s", status)
        return Answer.REFUSED

    def _warn(self, text: str, *values: object) -> None:
        """At most one line a minute, however long the outage."""
        if time.monotonic() - self._logged_at >= _LOG_EVERY_S:
            self._logged_at = time.monotonic()
            _log.warning("Langfuse " + text, *values)


def _seconds(retry_after: str) -> float:
    """Retry-After in seconds; its date form and nonsense count as nothing asked."""
    return float(retry_after) if retry_after.isascii() and retry_after.isdigit() else 0.0

"""Sends scores to Langfuse (`POST /api/public/scores`), off the request path; spooled while it is away.

In lists, as the SDK 5 does; servers up to 4.16 answer 400 to a list, and are sent one object at a time over several
connections, because a gateway makes two or three scores a request. Sending a score twice is harmless, as its id is
the same each time.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx

from plugins.adapters.background_sink import BackgroundSink
from plugins.adapters.file_sink import JsonLines
from plugins.adapters.langfuse_sink import Backoff
from plugins.adapters.spool import Spool
from plugins.adapters.trace_queue import SinkMonitor
from plugins.scores import Score, automatic_scores, to_api, to_line
from plugins.values import Trace

_log = logging.getLogger(__name__)
_PATH = "/api/public/scores"
_RETRIED = frozenset({401, 403, 408, 425, 429})  # as for traces: keys may be set right
_REPLAY_S = 1.0  # then live scores have their turn
_LIST = 100  # scores in one request
_CONNECTIONS = 8  # where lists are not taken
_ASK_AGAIN_S = 3600.0  # after so long a server that took no lists may be a newer one
_SCORE_BYTES = 1_024  # a score without its comment, measured with sys.getsizeof on its parts and rounded up


def score_size(score: Score) -> int:
    """What a queued score holds in memory, in bytes; estimated from above."""
    return _SCORE_BYTES + sys.getsizeof(score.comment)


class ScoreFile(JsonLines[Score]):
    """`scores.jsonl`: where feedback goes without Langfuse."""

    def __init__(self, path: Path, queue_bytes: int, monitor: SinkMonitor | None = None) -> None:
        super().__init__(path, to_line, score_size, name="scores", queue_bytes=queue_bytes, monitor=monitor)


class ScoreSink(BackgroundSink[Score]):
    """Scores to a Langfuse server."""

    def __init__(
        self,
        host: str,
        public_key: str,
        secret_key: str,
        *,
        spool_dir: Path,
        spool_bytes: int = 16 * 1024 * 1024,
        queue_bytes: int = 8 * 1024 * 1024,
        timeout_ms: int = 10_000,
        close_timeout_s: float = 8.0,
        monitor: SinkMonitor | None = None,
    ) -> None:
        super().__init__("scores", queue_bytes, monitor, close_timeout_s, timeout_ms / 1000 + 1, score_size)
        self._url = host.rstrip("/") + _PATH
        self._timeout_s = timeout_ms / 1000
        self._client = httpx.Client(auth=httpx.BasicAuth(public_key, secret_key))
        self._spool = Spool(spool_dir, spool_bytes)
        self._backoff = Backoff()
        self._pool = ThreadPoolExecutor(_CONNECTIONS, thread_name_prefix="scores")
        self._lists_from_s = 0.0  # time.monotonic() from which on lists are tried
        if not self._spool.is_empty():
            self.start()  # what a former process could not send

    def _deliver(self, items: Sequence[Score]) -> None:
        self._send([to_api(score) for score in items])

    def _idle(self) -> None:
        until = time.monotonic() + _REPLAY_S
        while not self._closing.is_set() and time.monotonic() < until and self._replay():
            pass

    def _finish(self) -> None:
        while time.monotonic() < self._close_by and self._replay():
            pass
        self._pool.shutdown(wait=False)
        self._client.close()

    def _send(self, bodies: Sequence[dict[str, Any]]) -> bool:
        """True if all of them are settled; what could not be sent goes to the spool."""
        for place in range(0, len(bodies), _LIST):
            left = list(bodies[place : place + _LIST])
            if not self._backoff.waiting_s:
                left = self._listed(left) if time.monotonic() >= self._lists_from_s else self._singly(left)
            if left:
                self._keep([*left, *bodies[place + _LIST :]])
                return False
        return True

    def _listed(self, bodies: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Send them in one request; returns those that should be tried again later."""
        status, answer = self._post(bodies)
        if _is_away(status):
            self._backoff.failed()
            return bodies
        if not 200 <= status < 300:
            if status != 413:
                self._lists_from_s = time.monotonic() + _ASK_AGAIN_S
            return self._singly(bodies)
        self._backoff.reset()
        rejected = int(answer.get("rejected") or 0) if status == 207 else 0
        self._settled(len(bodies) - rejected, rejected, status)
        return []

    def _singly(self, bodies: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The same, one request for each."""
        statuses = [status for status, _ in self._pool.map(self._post, bodies)]
        left = [body for body, status in zip(bodies, statuses, strict=True) if _is_away(status)]
        if left:
            self._backoff.failed()
        else:
            self._backoff.reset()
        refused = [status for status in statuses if not (200 <= status < 300 or _is_away(status))]
        self._settled(len(bodies) - len(left) - len(refused), len(refused), max(refused, default=0))
        return left

    def _settled(self, delivered: int, refused: int, status: int) -> None:
        self._account.count("delivered", delivered)
        if refused:
            _log.warning("Langfuse refuses %d scores with %s", refused, status)
            self._account.drop("refused", refused)

    def _post(self, body: object) -> tuple[int, dict[str, Any]]:
        """(status, JSON answer); 503 where there is none in time."""
        left_s = self._close_by - time.monotonic()
        if left_s <= 0:
            return 503, {}
        try:
            reply = self._client.post(self._url, json=body, timeout=min(self._timeout_s, left_s))
            answer = reply.json() if reply.status_code == 207 else {}
        except (httpx.HTTPError, ValueError):
            return 503, {}
        return reply.status_code, answer if isinstance(answer, dict) else {}

    def _keep(self, bodies: Sequence[dict[str, Any]]) -> None:
        try:
            kept = self._spool.add("\n".join(json.dumps(body) for body in bodies).encode())
        except OSError as error:
            _log.warning("scores cannot be spooled: %s", error.strerror)
            kept = False
        if kept:
            self._account.count("spooled", len(bodies))
        else:
            self._account.drop("spool_full", len(bodies))

    def _replay(self) -> bool:
        """Send the oldest spooled batch; True if that emptied it and another may follow."""
        if self._backoff.waiting_s:
            return False
        with self._spool.claim_oldest() as batch:
            if batch is None:
                return False
            done = self._send(list(_bodies(batch.body)))
            batch.done()
        return done


class AutomaticScores:
    """`ports.Sink` that turns finished traces into scores of the gateway's own."""

    def __init__(self, scores: BackgroundSink[Score], environment: str) -> None:
        self._scores, self._environment = scores, environment

    def emit(self, trace: Trace) -> None:
        for score in automatic_scores(trace, self._environment):
            self._scores.emit(score)

    async def close(self) -> None:
        """The sink of the scores is closed by whoever made it."""


def _is_away(status: int) -> bool:
    return status in _RETRIED or status >= 500


def _bodies(raw: bytes) -> Iterable[dict[str, Any]]:
    """The scores of a spooled batch; what a crash left half written is left out."""
    for line in raw.splitlines():
        try:
            yield json.loads(line)
        except ValueError:
            _log.warning("a spooled score is damaged and left out")

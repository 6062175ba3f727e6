"""What Prometheus reads: the metrics of this process, or of all worker processes of this server.

With several workers each scrape reaches one of them by chance, so all write into one folder of mapped files
(PROMETHEUS_MULTIPROC_DIR, set by `tierwise serve --workers N`), and whichever is asked answers for all.
"""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

VARIABLE: Final = "PROMETHEUS_MULTIPROC_DIR"  # read by prometheus_client when it is imported
CONTENT_TYPE: Final = CONTENT_TYPE_LATEST
_LIVE = re.compile(r"gauge_live\w*_(\d+)\.db")


def metrics_page(registry: CollectorRegistry = REGISTRY) -> bytes:
    """The page in Prometheus' text format. Reads files with several workers: not for the event loop."""
    folder = os.environ.get(VARIABLE)
    if not folder:
        return generate_latest(registry)
    _forget_the_dead(Path(folder))
    together = CollectorRegistry()
    MultiProcessCollector(together, folder)  # type: ignore[no-untyped-call]  # prometheus_client gives no types here
    return generate_latest(together)


def empty_folder(path: Path) -> str:
    """A folder for the workers' files, without those of a former server, whose counts would be added."""
    path.mkdir(parents=True, exist_ok=True)
    for old in path.glob("*.db"):
        old.unlink(missing_ok=True)
    return str(path)


def _forget_the_dead(folder: Path) -> None:
    """Take the gauges of ended workers off the page; their counters stay counted."""
    pids = {int(found[1]) for path in folder.iterdir() if (found := _LIVE.fullmatch(path.name))}
    for pid in pids:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            with contextlib.suppress(FileNotFoundError):  # another worker was quicker
                mark_process_dead(pid, str(folder))  # type: ignore[no-untyped-call]  # likewise
        except PermissionError:
            continue  # alive, of another user

"""Several workers behind one port, and what becomes of them when processes are killed."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from bench.fault_stand import workers_of
from tests.gateway import gateway
from tests.waiting import eventually


def is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def test_a_killed_worker_is_replaced_and_a_killed_supervisor_leaves_none(tmp_path: Path) -> None:
    """After `kill -9` of one worker the others answer and a new one comes; none outlives the supervisor."""
    with gateway(tmp_path, workers=2) as running:
        supervisor = running.started.process
        first, second = workers_of(supervisor.pid)
        os.kill(first, signal.SIGKILL)
        eventually(lambda: is_gone(first))
        eventually(lambda: running.ask("What is the capital of Peru?").status_code == 200)
        eventually(lambda: len(workers_of(supervisor.pid)) == 2)  # the new one is still importing
        left = workers_of(supervisor.pid)
        assert second in left
        supervisor.kill()
        eventually(lambda: all(map(is_gone, left)))

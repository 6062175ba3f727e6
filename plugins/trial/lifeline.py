"""Child processes that neither outlive their parent nor hear the terminal's Ctrl-C.

The kernel ends the child when its parent is gone, even after `kill -9` (Linux: prctl(2), PR_SET_PDEATHSIG).
`subprocess`'s preexec_fn may deadlock in a process with threads, so the request is made by a small Python
program that then becomes the wanted one (execv keeps the request). Elsewhere than on Linux a child of a
killed parent has to be ended by hand.

The kernel counts the *thread* that started the child as its parent: start children from a thread that lives
as long as they shall, as a rule the main thread.
"""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path

PR_SET_PDEATHSIG = 1  # linux/prctl.h
STDERR = 2  # the descriptor, as sys.stderr may be something else in tests

# argv: the parent's pid, then the command. The parent may die before prctl is reached, hence the second look.
_BECOME = f"""
import ctypes, os, signal, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl({PR_SET_PDEATHSIG}, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != int(sys.argv[1]):
        os._exit(1)
os.execv(sys.argv[2], sys.argv[2:])
"""


def die_with_parent(parent_pid: int) -> None:
    """Ask the kernel to SIGKILL this process when its parent ends; end at once where it has already ended. Does
    nothing elsewhere than on Linux."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent_pid:
            os._exit(1)


def start_child(
    command: Sequence[str],
    log_path: Path | None,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    """Start `command` (its first item an absolute path) tied to this process, in a session of its own.

    stdout and stderr go to `log_path`, or where this process's stderr goes: its stdout is for results. The pid of the
    returned process is that of `command` itself.
    """
    with log_path.open("ab") if log_path else nullcontext() as log:
        return subprocess.Popen(  # noqa: S603  the command comes from this package, no shell is involved
            [sys.executable, "-I", "-S", "-c", _BECOME, str(os.getpid()), *command],
            stdin=subprocess.DEVNULL,
            stdout=log or STDERR,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            env=env,
            start_new_session=True,
        )


def stop_child(process: subprocess.Popen[bytes], grace_s: float = 5.0) -> None:
    """End `process` with SIGTERM, after `grace_s` seconds with SIGKILL. A process already gone is fine."""
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(grace_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def last_lines(log_path: Path, count: int = 15) -> str:
    """The last `count` lines of a log, indented, for an error message; empty for a missing log."""
    if not log_path.exists():
        return ""
    lines = log_path.read_text(encoding="utf-8", errors="replace").splitlines()[-count:]
    return "\n".join(f"    {line}" for line in lines)

"""Runs a model's code with an item's tests in a process of its own.

The process has no environment, an empty folder to work in, and limits on time, memory, file size, open files and
processes; it is killed with all it started. Sockets, child processes, foreign libraries, signals and writing outside
its folder are refused by an audit hook, which Python code cannot remove; where the kernel allows it, the
process also has its own empty network name space.

What this does not protect against: code that breaks the interpreter itself (a fault in CPython or a C extension of the
standard library) runs with the rights of the user; code may read any file that the user can read, though nothing but
"passed" or "failed" leaves the process; and code written to cheat this very check can find the token that reports
success. For code of models that you do not trust run the evaluation in a container. Only Python's own standard
library can be imported.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import subprocess
import sys
import tempfile
from typing import Final

TIMEOUT_S: Final = 10
MEMORY_BYTES: Final = 512 * 1024 * 1024
FILE_BYTES: Final = 1024 * 1024
_OUTPUT_BYTES: Final = 64 * 1024

# Runs in the child. The token is printed only after the last assertion, so that leaving early is no success.
_CHILD: Final = """
import ctypes, os, resource, sys
token, code, tests = sys.stdin.read().split("\\0")
home = os.path.realpath(os.getcwd()) + os.sep
for name, limit in (("CPU", {cpu}), ("AS", {memory}), ("FSIZE", {file}), ("NOFILE", 32), ("CORE", 0)):
    resource.setrlimit(getattr(resource, "RLIMIT_" + name), (limit, limit))
try:
    ctypes.CDLL(None).unshare(0x50000000)  # CLONE_NEWUSER | CLONE_NEWNET; refused in some containers
except (AttributeError, OSError):
    pass
refused = ("socket.", "subprocess.", "ctypes.", "os.fork", "os.exec", "os.posix_spawn", "os.spawn", "os.system",
           "os.kill", "os.putenv", "os.chmod", "os.chown", "os.link", "os.symlink", "os.remove", "os.rename",
           "os.rmdir", "os.truncate", "os.utime", "os.setxattr", "shutil.", "signal.pthread_kill", "pty.", "mmap.")
def watch(event, args):
    if event.startswith(refused):
        raise PermissionError(event + " is refused here")
    if event == "open":
        path, mode, flags = args
        writes = (flags or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND)
        if writes and not (isinstance(path, str) and os.path.realpath(path).startswith(home)):
            raise PermissionError("writing outside the working folder is refused here")
sys.addaudithook(watch)
resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
space = {{"__name__": "answer"}}
exec(compile(code, "answer.py", "exec"), space)
exec(compile(tests, "tests.py", "exec"), space)
sys.__stdout__.write("\\n" + token)
sys.__stdout__.flush()
"""


def passes(code: str, tests: str, timeout_s: float = TIMEOUT_S) -> bool:
    """Whether `tests` (assertions) run to their end after `code`, in the same name space, within the limits."""
    token = secrets.token_hex(16)
    program = _CHILD.format(cpu=max(1, int(timeout_s)), memory=MEMORY_BYTES, file=FILE_BYTES)
    given = "\0".join((token, code.replace("\0", ""), tests.replace("\0", "")))
    with tempfile.TemporaryDirectory(prefix="tierwise-tests-") as folder, tempfile.TemporaryFile() as output:
        process = subprocess.Popen(  # noqa: S603  # our own interpreter with fixed arguments
            [sys.executable, "-I", "-S", "-B", "-c", program],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            env={},
            start_new_session=True,
        )
        try:
            process.communicate(given.encode("utf-8", "replace"), timeout=timeout_s)
        except subprocess.TimeoutExpired:
            return False
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        output.seek(max(0, output.seek(0, os.SEEK_END) - _OUTPUT_BYTES))
        return process.returncode == 0 and output.read().endswith(token.encode())

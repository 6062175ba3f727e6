"""The simulated provider as a child process of the launcher."""

import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from plugins.trial.lifeline import last_lines, start_child, stop_child

_ROOT = Path(__file__).resolve().parents[2]  # the folder from which `-m plugins...` is found


class SimulatorError(RuntimeError):
    """The simulated provider did not start; the message holds its last log lines."""


@dataclass(slots=True)
class SimulatorProcess:
    """A simulated provider on 127.0.0.1, running between `start()` and `stop()` or inside a `with` block.

    `speed` multiplies its latencies (0 is none); with `api_keys` calls need one of them. `port`: 0 takes a
    free one; `port`, `origin` and `url` are valid after `start()`. `wait_s`: how long `start()` waits.
    """

    speed: float = 1.0
    api_keys: tuple[str, ...] = ()
    port: int = 0
    wait_s: float = 30.0
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False, repr=False)
    _scratch: Path | None = field(default=None, init=False, repr=False)

    @property
    def origin(self) -> str:
        """`http://127.0.0.1:PORT`, for /healthz and /control."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """`http://127.0.0.1:PORT/v1`, the base URL of an OpenAI client."""
        return f"{self.origin}/v1"

    @property
    def pid(self) -> int | None:
        """Process id of the running server, None when it is not running."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def start(self) -> Self:
        """Start the server and wait until it accepts connections. Raises SimulatorError."""
        if self.pid is not None:
            return self
        self._scratch = Path(tempfile.mkdtemp(prefix="tierwise-simulator-"))
        port_file, log_path = self._scratch / "port", self._scratch / "simulator.log"
        options = ["--port", str(self.port), "--port-file", str(port_file), "--speed", str(self.speed)]
        options += [word for key in self.api_keys for word in ("--api-key", key)]
        command = [sys.executable, "-m", "plugins.trial.simulator", *options]
        self._process = start_child(command, log_path, cwd=_ROOT)
        deadline = time.monotonic() + self.wait_s
        while not port_file.exists():
            if self._process.poll() is not None or time.monotonic() > deadline:
                lines = last_lines(log_path)
                self.stop()
                raise SimulatorError(f"The simulated provider did not start. Its last lines:\n{lines}")
            time.sleep(0.02)
        self.port = int(port_file.read_text(encoding="ascii"))
        return self

    def stop(self) -> None:
        """Stop the server in order (SIGTERM, then SIGKILL)."""
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

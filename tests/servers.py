"""Real servers for tests, each on a free port and stopped by its own pid."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from plugins.trial.embedded_redis import EmbeddedRedis
from plugins.trial.simulator_process import SimulatorProcess


@contextmanager
def running_redis(data_dir: Path | None = None) -> Iterator[EmbeddedRedis]:
    """A Redis with vector search: `.url`, `.port`, `.pid`."""
    with EmbeddedRedis(data_dir=data_dir) as server:
        yield server


@contextmanager
def running_simulator(speed: float = 0.0, api_keys: tuple[str, ...] = ()) -> Iterator[SimulatorProcess]:
    """A simulated provider: `.url` (ends in /v1), `.origin` (for /control), `.port`, `.pid`."""
    with SimulatorProcess(speed=speed, api_keys=api_keys) as server:
        yield server

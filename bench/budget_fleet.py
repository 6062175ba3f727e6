"""What the budget drill drives: a Redis with an append-only file, four gateways on it, and what befalls them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
import redis
import yaml

from plugins.config_file import CONFIG_VARIABLE, load_config
from plugins.rendering import environ_for, render
from plugins.tenancy import hash_key, new_key
from plugins.trial.embedded_redis import EmbeddedRedis
from plugins.trial.lifeline import start_child, stop_child
from plugins.trial.simulator_process import SimulatorProcess

ROOT: Final = Path(__file__).parents[1]
WORKERS: Final = 4
START_S: Final = 600  # four at a time, also on a busy machine
PROVIDER_TIMEOUT_S: Final = 2  # below the `slow` fault's wait: such a call times out at the gateway, and is billed
ONCE_A_SCRIPT: Final = "time"  # each script of the ledger asks the clock once; LiteLLM's own scripts do not
FAULTS: Final = [
    {"fault": "error500", "probability": 0.02, "seed": 1},
    {"fault": "rate_limit", "probability": 0.005, "seed": 2},
    {"fault": "half_stream", "probability": 0.02, "seed": 3},
    {"fault": "no_usage", "probability": 0.02, "seed": 4},
    {"fault": "slow", "probability": 0.005, "seconds": PROVIDER_TIMEOUT_S + 1, "seed": 5},
    {"fault": "stall", "probability": 0.01, "seconds": 0.5, "seed": 6},
    {"fault": "truncate", "probability": 0.01, "seed": 7},
]


def config_of(caps: Mapping[str, Mapping[str, Any]], keys: Mapping[str, str], state: Path, hold_ttl_s: int) -> Any:
    """The shipped config with the drill's tenants, without a cache, with short holds and the user told upstream."""
    config = yaml.safe_load((ROOT / "proxy_config.yaml").read_text(encoding="utf-8"))
    for entry in config["model_list"]:
        entry["litellm_params"]["allowed_openai_params"] = ["user"]  # how the provider's books name the call
    config["router_settings"] |= {"timeout": PROVIDER_TIMEOUT_S, "allowed_fails": 1000, "cooldown_time": 1}
    tenants = {
        name: {**settings, "apps": {"web": {"keys": [{"sha256": hash_key(keys[name])}]}}}
        for name, settings in caps.items()
    }
    config["gateway"] |= {
        "tenants": tenants,
        "state_dir": str(state),
        "cache": {"enabled": False},
        "budgets": {"hold_ttl_s": hold_ttl_s},
    }
    return config


@dataclass(slots=True)
class Fleet:
    """Running servers. What starts a server runs in the one thread that lives as long as the drill."""

    keys: Mapping[str, str]
    folder: Path
    rendered: Path
    environ: Mapping[str, str]
    redis: EmbeddedRedis
    simulator: str  # its origin
    keeper: ThreadPoolExecutor
    ports: tuple[int, ...]
    processes: dict[int, subprocess.Popen[bytes]] = field(default_factory=dict)
    scripts_run: int = 0  # before the last restart of Redis
    befallen: list[str] = field(default_factory=list)

    @property
    def base_urls(self) -> tuple[str, ...]:
        return tuple(f"http://127.0.0.1:{port}/v1" for port in self.ports)

    @property
    def state(self) -> Path:
        return self.folder / "state"

    def start(self, port: int) -> None:
        """Start the gateway of a port, without waiting for it."""
        command = [sys.executable, "-m", "uvicorn", "plugins.server:app", "--port", str(port), "--no-access-log"]
        command += ["--log-level", "warning", "--timeout-graceful-shutdown", "60"]
        log = self.folder / f"gateway-{self.ports.index(port)}.log"
        started = self.keeper.submit(start_child, command, log, ROOT, self.environ)
        self.processes[port] = started.result()

    def end_and_restart(self, number: int, how: signal.Signals) -> None:
        """End one gateway in the middle of its calls and start it again on its port."""
        port = self.ports[number]
        process = self.processes[port]
        process.send_signal(how)
        process.wait()
        self.befallen.append(f"gateway {number}: {how.name}, exit code {process.returncode}")
        self.start(port)

    def stop(self) -> None:
        """End every gateway in order, all at once."""
        for process in self.processes.values():
            if process.poll() is None:
                process.terminate()
        for process in self.processes.values():
            stop_child(process, grace_s=90)

    def restart_redis(self, away_s: float) -> None:
        """Stop Redis in order and start it again on its port, from its append-only file."""
        self.scripts_run = self.count_scripts()
        self.keeper.submit(self.redis.stop).result()
        time.sleep(away_s)
        self.keeper.submit(self.redis.start).result()
        self.befallen.append(f"Redis: away for {away_s:g} s")

    def count_scripts(self) -> int:
        """Scripts of the ledger run since the beginning."""
        with redis.Redis.from_url(self.redis.url) as client:
            stats = client.info("commandstats")
        return self.scripts_run + int(stats.get(f"cmdstat_{ONCE_A_SCRIPT}", {}).get("calls", 0))

    def set_faults(self, on: bool) -> None:
        url = f"{self.simulator}/control/faults"
        (httpx.put(url, json=FAULTS) if on else httpx.delete(url)).raise_for_status()


def wait_for(ports: Sequence[int]) -> None:
    """Until every server answers its readiness probe. RuntimeError when one does not in time."""
    deadline = time.monotonic() + START_S
    for port in ports:
        while not _answers(port):
            if time.monotonic() > deadline:
                raise RuntimeError(f"the server on port {port} did not start; see its log")
            time.sleep(0.3)


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health/readiness", timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


def free_port() -> int:
    """A port that is free now; the server binds it a moment later."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def redis_server(folder: Path, keeper: ThreadPoolExecutor) -> Iterator[EmbeddedRedis]:
    server = EmbeddedRedis(data_dir=folder / "redis")
    keeper.submit(server.start).result()
    try:
        yield server
    finally:
        keeper.submit(server.stop).result()


@contextmanager
def fleet(
    folder: Path,
    server: EmbeddedRedis,
    keeper: ThreadPoolExecutor,
    caps: Mapping[str, Mapping[str, Any]],
    hold_ttl_s: int,
) -> Iterator[Fleet]:
    """Four gateways of one config and one provider, up. Leaving the block stops them in order; Redis stays."""
    keys = {tenant: new_key() for tenant in caps}
    path, rendered = folder / "proxy_config.yaml", folder / "run" / "proxy_config.yaml"
    config = config_of(caps, keys, folder / "state", hold_ttl_s)
    path.write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    with SimulatorProcess(speed=0.02) as simulator:
        environ = {"REDIS_URL": server.url, "PATH": os.environ["PATH"], "HOME": str(folder), "OMP_NUM_THREADS": "1"}
        environ |= {"TIERWISE_SIMULATOR_URL": simulator.url, "LITELLM_MASTER_KEY": new_key()}
        environ |= {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "CRITICAL", CONFIG_VARIABLE: str(rendered)}
        rendered.parent.mkdir()
        made = render(load_config(path, environ), environ, folder)
        environ = environ_for(made, environ)
        rendered.write_text(yaml.safe_dump(made.config, sort_keys=False), encoding="utf-8")
        ports = tuple(free_port() for _ in range(WORKERS))
        running = Fleet(keys, folder, rendered, environ, server, simulator.origin, keeper, ports)
        try:
            for port in ports:
                running.start(port)
            wait_for(ports)
            yield running
        finally:
            running.stop()

"""`tierwise serve`: brings up what the environment lacks, then the gateway, and takes it all down again."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import yaml

from plugins.adapters import metrics_page
from plugins.adapters.price_data import catalog_of
from plugins.adapters.redis_address import check_url
from plugins.config_file import CONFIG_VARIABLE, Loaded, Watched, draining_file, load_config
from plugins.errors import ConfigError, StartError
from plugins.rendering import REDIS, Rendered, environ_for, redis_reference, render
from plugins.tenancy import hash_key, new_key
from plugins.trial.lifeline import start_child, stop_child

STATE_DIR = Path(".tierwise")
START_TIMEOUT_S = 180
# How long a worker may owe its supervisor a sign of life, which a thread gives even while it imports. One that is
# killed after the question was asked is only noticed, and replaced, when this time is over.
SILENT_WORKER_S = 30
SETTLE_S = 15  # after the drain, for holds and traces
WATCH_S = 2.0


@dataclass(frozen=True, slots=True)
class Options:
    """What `tierwise serve` was asked for. Port 0 is not offered: clients need to know the port."""

    config: Path
    host: str = "127.0.0.1"
    port: int = 4000
    workers: int = 1
    state_dir: Path = STATE_DIR
    simulator_speed: float = 1.0
    announce_s: int = 0  # after SIGTERM: not ready and closing connections, but still serving
    drain_s: int = 60  # for open requests, after that
    keep_alive_s: int = 75  # of idle connections; longer than that of the load balancer before it
    trial: bool = True  # bring what the environment lacks; otherwise that is an error
    start_timeout_s: int = START_TIMEOUT_S


@dataclass(frozen=True, slots=True)
class Started:
    """A gateway that is up. `keys` are trial keys in clear text by tenant; empty outside trial mode."""

    base_url: str
    master_key: str
    keys: Mapping[str, str]
    process: subprocess.Popen[bytes]
    simulator_url: str | None
    redis_url: str
    notes: tuple[str, ...]
    start_s: float
    source: Watched
    rendered: Path
    environ: Mapping[str, str]
    keys_file: str | None
    announce_s: int


class Terminated(KeyboardInterrupt):
    """SIGTERM came: somebody replaces this gateway and will not wait at a terminal."""


@contextmanager
def running_gateway(options: Options, environ: Mapping[str, str] | None = None) -> Iterator[Started]:
    """Start Redis and the simulator where they are missing, then the gateway; stop all in reverse order.

    Raises ConfigError or StartError. The gateway is its own process; it dies with this one.
    """
    environ = dict(os.environ if environ is None else environ)
    began = time.monotonic()
    source = Watched(options.config)
    source.changed(environ)
    loaded = load_config(options.config, environ)
    rendered = render(loaded, environ, options.config.resolve().parent)
    if not options.trial:
        _refuse_trial(loaded, rendered, environ)
    with ExitStack() as stack:
        redis_url, simulator_url, brought = _bring(stack, loaded, rendered, environ, options.simulator_speed)
        catalog_of(rendered.config["model_list"])  # a model without a price stops here, not in the child
        keys = _trial_keys(loaded.gateway.keys_file is None, rendered, options.state_dir)
        environ.setdefault("LITELLM_MASTER_KEY", f"sk-{secrets.token_urlsafe(32)}")
        rendered_path = options.state_dir.resolve() / "run" / "proxy_config.yaml"
        _write_private(rendered_path, yaml.safe_dump(rendered.config, sort_keys=False))
        draining_file(rendered_path).unlink(missing_ok=True)  # of a container that ended in this pod before
        process = _start_server(options, rendered_path, environ_for(rendered, environ))
        stack.callback(stop_child, process, options.drain_s + SETTLE_S)
        base_url = f"http://{options.host}:{options.port}"
        _wait_until_ready(process, base_url, options.start_timeout_s)
        yield Started(
            f"{base_url}/v1",
            environ["LITELLM_MASTER_KEY"],
            keys,
            process,
            simulator_url,
            redis_url,
            (*rendered.notes, *brought),
            time.monotonic() - began,
            source,
            rendered_path,
            {**environ, **environ_for(rendered, environ)},
            rendered.config["gateway"].get("keys_file") if keys else None,
            options.announce_s,
        )


def _refuse_trial(loaded: Loaded, rendered: Rendered, environ: Mapping[str, str]) -> None:
    """A misspelt Secret must not turn production into a trial with simulated models."""
    keys = any(app.keys for tenant in loaded.gateway.tenants.values() for app in tenant.apps.values())
    lacks = {
        "gateway.redis_url (REDIS_URL) is not set": not loaded.gateway.redis_url,
        "LITELLM_MASTER_KEY is not set": not environ.get("LITELLM_MASTER_KEY"),
        "no provider's key or address is set": rendered.simulated,
        "no tenant has a key, and DATABASE_URL is not set": not keys and not environ.get("DATABASE_URL"),
    }
    if missing := [text for text, is_missing in lacks.items() if is_missing]:
        raise StartError(f"{'; '.join(missing)}. Set what is missing, or start without --no-trial.")


def _bring(
    stack: ExitStack, loaded: Loaded, rendered: Rendered, environ: dict[str, str], speed: float
) -> tuple[str, str | None, list[str]]:
    """(Redis' URL, the simulator's URL, what was brought): starts what the environment lacks and names it there."""
    redis_url, simulator_url, brought = loaded.gateway.redis_url, None, []
    if not redis_url:
        redis_url = environ[REDIS] = _embedded_redis(stack)
        rendered.config["gateway"]["redis_url"] = redis_reference(rendered.config, environ)
        brought.append("REDIS_URL is not set: using an embedded Redis that forgets everything at the end")
    check_url(redis_url)  # a mistyped address stops here, not in the child
    if rendered.simulated:
        simulator_url = environ["TIERWISE_SIMULATOR_URL"] = _simulator(stack, speed)
        brought.append("no provider key is set: using simulated models")
    return redis_url, simulator_url, brought


def _embedded_redis(stack: ExitStack) -> str:
    from plugins.trial.embedded_redis import EmbeddedRedis

    return stack.enter_context(EmbeddedRedis()).url


def _simulator(stack: ExitStack, speed: float) -> str:
    from plugins.trial.simulator_process import SimulatorProcess

    return stack.enter_context(SimulatorProcess(speed=speed)).url


def _trial_keys(no_keys_file: bool, rendered: Rendered, state_dir: Path) -> dict[str, str]:
    """Make a key for every tenant that has an app without one; only where no keys are configured at all."""
    tenants = rendered.config["gateway"].get("tenants") or {}
    apps = {t: list((tenant or {}).get("apps") or {}) for t, tenant in tenants.items()}
    has_keys = any((app or {}).get("keys") for t in tenants.values() for app in ((t or {}).get("apps") or {}).values())
    if has_keys or not no_keys_file:
        return {}
    keys = {tenant: new_key() for tenant, names in apps.items() if names}
    listed = {tenant: {apps[tenant][0]: [{"sha256": hash_key(key)}]} for tenant, key in keys.items()}
    path = state_dir.resolve() / "trial-keys.yaml"
    _write_private(path, yaml.safe_dump(listed))
    rendered.config["gateway"]["keys_file"] = str(path)
    return keys


def _start_server(options: Options, path: Path, environ: dict[str, str]) -> subprocess.Popen[bytes]:
    environ[CONFIG_VARIABLE] = str(path)
    environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    if options.workers > 1:  # before Python starts there, or each worker counts for itself
        environ.setdefault(
            metrics_page.VARIABLE, metrics_page.empty_folder(options.state_dir.resolve() / "run" / "metrics")
        )
    environ.setdefault("LITELLM_LOG", "ERROR")  # its warnings at start-up are about settings that we decide
    command = server_command("plugins.server:app", options.host, options.port, options.workers, options.drain_s)
    command += ["--timeout-keep-alive", str(options.keep_alive_s)]
    return start_child(command, None, env=environ)


def server_command(app: str, host: str, port: int, workers: int, drain_s: int) -> list[str]:
    """The command that serves an ASGI application as the gateway is served."""
    command = [sys.executable, "-m", "uvicorn", app, "--host", host, "--port", str(port), "--workers", str(workers)]
    command += ["--log-level", "warning", "--timeout-worker-healthcheck", str(SILENT_WORKER_S)]
    return [*command, "--no-access-log", "--no-server-header", "--timeout-graceful-shutdown", str(drain_s)]


def _write_private(path: Path, text: str) -> None:
    """Whole or not at all, and readable by this user only."""
    part = path.with_suffix(".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
        part.replace(path)
    except OSError as error:
        may = f"mount a volume there that user {os.getuid()} may write"
        raise StartError(f"{path.parent} cannot be written ({error.strerror}): {may}.") from None


def _wait_until_ready(process: subprocess.Popen[bytes], base_url: str, timeout_s: int) -> None:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise StartError("The gateway process ended while starting; its last lines above say why.")
        try:
            if httpx.get(f"{base_url}/health/readiness", timeout=5).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.2)
    raise StartError(f"The gateway was not ready after {timeout_s} s. See the lines above.")


def write_trial_env(started: Started, path: Path) -> str:
    """Write what the next shell needs, readable by the user only; returns a curl line to show."""
    key = next(iter(started.keys.values()), "")
    curl = (
        f"curl -s {started.base_url}/chat/completions -H 'Authorization: Bearer {key}' "
        "-H 'Content-Type: application/json' "
        """-d '{"model": "auto", "messages": [{"role": "user", "content": "What is the capital of Austria?"}]}'"""
    )
    lines = [
        f"OPENAI_BASE_URL={started.base_url}",
        f"OPENAI_API_KEY={key}",
        f"LITELLM_MASTER_KEY={started.master_key}",
    ]
    _write_private(path, "\n".join([*lines, f"# {curl}", ""]))
    return curl


def stop_on_sigterm() -> None:
    """SIGTERM at any time stops in order what was started, as Ctrl-C does; also as process 1 of a container."""

    def stop(signum: int, frame: object) -> None:
        raise Terminated

    signal.signal(signal.SIGTERM, stop)


def wait_for_end(started: Started) -> int:
    """Serve until Ctrl-C or SIGTERM (0), or until the gateway ends by itself (its exit code).

    A change of the config file is checked and handed to the gateway; a broken one is told and left out.
    """
    try:
        while True:
            try:
                return started.process.wait(WATCH_S)
            except subprocess.TimeoutExpired:
                hand_over(started)
    except Terminated:
        announce(started)
        return 0
    except KeyboardInterrupt:
        return 0


def announce(started: Started) -> None:
    """Let clients and load balancers go to other replicas while this one still serves; a second signal cuts it."""
    if not started.announce_s:
        return
    draining_file(started.rendered).touch()
    with suppress(KeyboardInterrupt, subprocess.TimeoutExpired):
        started.process.wait(started.announce_s)


def hand_over(started: Started) -> None:
    """Check the config file if it changed, and write what the gateway takes up from it."""
    try:
        loaded = started.source.changed()
        if loaded is None:
            return
        rendered = render(loaded, started.environ, loaded.path.resolve().parent)
    except (ConfigError, StartError) as error:
        print(f"tierwise: the changed config is not used: {error}", file=sys.stderr)
        return
    if started.keys_file:
        rendered.config["gateway"]["keys_file"] = started.keys_file
    _write_private(started.rendered, yaml.safe_dump(rendered.config, sort_keys=False))

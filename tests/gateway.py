"""A real gateway for tests: LiteLLM's proxy process with our callback, an embedded Redis and the simulator.

The same suite runs against other gateways by way of the environment:
    TIERWISE_TEST_WORKERS=4        so many workers behind one port, where a test does not say how many
    TIERWISE_TEST_REDIS=cluster    a Redis Cluster of three nodes, where a test does not bring a Redis of its own
    TIERWISE_TEST_FAST_LANE=off    every hit answered through LiteLLM (tests/proxy/conftest.py)
Tests that cannot hold there say why with `one_worker`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, chdir, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
import yaml

from plugins.launcher import Options, Started, running_gateway
from plugins.tenancy import hash_key, new_key
from tests.clusters import free_port, running_cluster
from tests.waiting import eventually

ROOT = Path(__file__).parents[1]
# Variables that would turn the simulated gateway into one that uses somebody's real providers or Redis.
FOREIGN = {"OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "ONPREM_BASE_URL", "ONPREM_MODEL", "REDIS_URL"}
FOREIGN |= {"LANGFUSE_PUBLIC_KEY", "LANGFUSE_SECRET_KEY", "DATABASE_URL", "LITELLM_MASTER_KEY"}
START_TIMEOUT_S = 600  # four workers that start together on a busy machine
WORKERS = int(os.environ.get("TIERWISE_TEST_WORKERS", "1"))
CLUSTER = os.environ.get("TIERWISE_TEST_REDIS") == "cluster"


def one_worker(why: str) -> pytest.MarkDecorator:
    """Of a test that presumes one process."""
    return pytest.mark.skipif(WORKERS > 1, reason=why)


def everywhere(holds: Callable[[], object]) -> None:
    """Waits until every worker says so; of several, each has most likely had one of so many calls in a row."""
    eventually(lambda: all(holds() for _ in range(1 if WORKERS == 1 else 10 * WORKERS)))


TENANTS: dict[str, dict[str, Any]] = {
    "acme": {"capture": "full", "caps": [{"usd": 50, "per": "day"}], "apps": {"web": {}}},
    "globex": {"capture": "full", "apps": {"web": {}}},
    "capped": {"caps": [{"usd": 0.000001, "per": "total"}], "apps": {"web": {}}},
    "redacting": {"capture": "full", "sensitive": "redact", "apps": {"web": {}}},
    "refusing": {"sensitive": "refuse", "apps": {"web": {}}},
    "checked": {"capture": "full", "cache_check_share": 1.0, "apps": {"web": {}}},
    "north": {"capture": "full", "cache_group": "pool", "apps": {"web": {}}},
    "south": {"capture": "full", "cache_group": "pool", "apps": {"web": {}}},
    "trying": {"capture": "full", "caps": [{"usd": 50, "per": "day"}], "apps": {"web": {}}},
    "traced": {"capture": "full", "caps": [{"usd": 50, "per": "day"}], "apps": {"web": {}}},
    "regional": {"capture": "full", "region": "eu", "apps": {"web": {}}},
    "elsewhere": {"capture": "full", "region": "antarctica", "apps": {"web": {}}},
    "narrow": {"apps": {"web": {"models": ["auto", "small"]}}},
}


@dataclass(frozen=True, slots=True)
class Running:
    """A gateway under test, with a clear-text key for each tenant."""

    started: Started
    keys: Mapping[str, str]
    state_dir: Path

    def client(self, tenant: str = "acme") -> openai.OpenAI:
        """To be closed by who asks for it."""
        return openai.OpenAI(base_url=self.started.base_url, api_key=self.keys[tenant], max_retries=0, timeout=60)

    def post(self, path: str, body: object, tenant: str = "acme", **headers: str) -> httpx.Response:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"Authorization": f"Bearer {self.keys[tenant]}", "Content-Type": "application/json", **headers}
        return httpx.post(f"{self.started.base_url}{path}", content=content, headers=sent, timeout=60)

    def ask(self, prompt: str, model: str = "auto", tenant: str = "acme", **more: Any) -> httpx.Response:
        """One plain chat call; `more` are further body fields."""
        body = {"model": model, "messages": [{"role": "user", "content": prompt}], "max_tokens": 200, **more}
        return self.post("/chat/completions", body, tenant)

    def traces(self) -> list[dict[str, Any]]:
        path = self.state_dir / "traces.jsonl"
        if not path.exists():
            return []
        lines = path.read_text(encoding="utf-8").split("\n")  # a prompt may hold other line ends than this one
        return [json.loads(line) for line in lines[:-1] if line]  # the last may be half written yet

    def trace(self, trace_id: str) -> dict[str, Any]:
        """The trace of a request; it is written behind the response, so it is waited for."""
        found: list[dict[str, Any]] = []

        def is_there() -> bool:
            found[:] = [record for record in self.traces() if record["trace_id"] == trace_id]
            return bool(found)

        eventually(is_there)
        return found[0]

    @property
    def origin(self) -> str:
        assert self.started.simulator_url is not None
        return self.started.simulator_url.removesuffix("/v1")

    def model_calls(self) -> int:
        return int(httpx.get(f"{self.origin}/control/calls").json()["total"]["calls"])

    def latest_call(self, model: str) -> dict[str, Any]:
        """The newest call of a model in the simulator's books."""
        recent = httpx.get(f"{self.origin}/control/calls", params={"recent": 50}).json()["recent"]
        return next(call for call in reversed(recent) if call["model"] == model)

    @contextmanager
    def fault(self, model: str, fault: str, **more: Any) -> Iterator[None]:
        httpx.put(f"{self.origin}/control/faults", json={"model": model, "fault": fault, **more}).raise_for_status()
        try:
            yield
        finally:
            httpx.delete(f"{self.origin}/control/faults").raise_for_status()


@contextmanager
def gateway(
    folder: Path,
    changes: Mapping[str, Any] | None = None,
    adapt: Callable[[dict[str, Any]], None] | None = None,
    speed: float = 0,
    workers: int = 0,
    environ: Mapping[str, str] | None = None,
) -> Iterator[Running]:
    """Start one with TENANTS; `changes` are merged over the `gateway:` section, `adapt` edits the whole file, and
    `environ` is added to the gateway's environment alone; `speed` multiplies the simulated models' latency;
    0 `workers` are as many as the environment says, or one."""
    keys = {tenant: new_key() for tenant in TENANTS}
    config = yaml.safe_load((ROOT / "proxy_config.yaml").read_text(encoding="utf-8"))
    tenants: dict[str, Any] = {}
    for name, tenant in TENANTS.items():
        models = tenant["apps"]["web"].get("models", ["*"])
        app = {"keys": [{"sha256": hash_key(keys[name]), "models": models}]}
        tenants[name] = {**tenant, "apps": {"web": app}}
    state = folder / "state"
    # Checks are drawn at random: only of the tenant that asks for all of them.
    cache = {"timeout_ms": 2_000, "checks": {"share": 0}, "shared_groups": {"pool": ["north", "south"]}}
    config["gateway"] |= {"tenants": tenants, "state_dir": str(state), **(changes or {})}
    config["gateway"]["cache"] = {**cache, **config["gateway"].get("cache", {})}
    if adapt is not None:
        adapt(config)
    path = folder / "proxy_config.yaml"
    path.write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    own = {name: value for name, value in os.environ.items() if name not in FOREIGN}
    options = Options(
        path,
        port=free_port(),
        workers=workers or WORKERS,
        state_dir=state,
        simulator_speed=speed,
        start_timeout_s=START_TIMEOUT_S,
    )
    with ExitStack() as stack:
        if CLUSTER and str(config["gateway"].get("redis_url", "")).startswith("os.environ/"):
            own["REDIS_URL"] = stack.enter_context(running_cluster(folder / "cluster"))[0].url
        started = stack.enter_context(running_gateway(options, {**own, **(environ or {})}))
        yield Running(started, keys, state)


@contextmanager
def replica(
    running: Running, folder: Path, adapt: Callable[[dict[str, Any]], None] | None = None, code: Path = ROOT
) -> Iterator[Started]:
    """Another gateway with the config, keys and Redis of one that is up, and a simulated provider of its own; `code` is
    the folder where its process finds the package."""
    config = yaml.safe_load(running.started.source.path.read_text(encoding="utf-8"))
    config["gateway"]["state_dir"] = str(folder / "state")
    if adapt is not None:
        adapt(config)
    path = folder / "proxy_config.yaml"
    path.write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    environ = {name: value for name, value in os.environ.items() if name not in FOREIGN}
    environ["REDIS_URL"] = running.started.redis_url
    options = Options(
        path, port=free_port(), state_dir=folder / "state", simulator_speed=0, start_timeout_s=START_TIMEOUT_S
    )
    with ExitStack() as stack:
        with chdir(code):
            started = stack.enter_context(running_gateway(options, environ))
        yield started

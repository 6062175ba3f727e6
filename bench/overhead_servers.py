"""The servers of `bench.overhead`: vanilla LiteLLM and Tierwise with the same models, settings and Redis."""

from __future__ import annotations

import copy
import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from plugins.config_file import CONFIG_VARIABLE, load_config
from plugins.launcher import server_command
from plugins.rendering import environ_for, render
from plugins.tenancy import hash_key
from plugins.trial.lifeline import last_lines, start_child, stop_child
from tests.clusters import free_port
from tests.gateway import FOREIGN

Json = dict[str, Any]
KEY = "sk-tw-bench"
MASTER_KEY = "sk-bench-master"
TENANT = "acme"
START_TIMEOUT_S = 300
GROUPS = {"small": 0.15, "mid": 1.0, "frontier": 10.0, "onprem": 0.1}  # dollars per million tokens of input
CAPS = [{"usd": 1_000_000, "per": "month"}, {"usd": 100_000, "per": "day"}]

# What is switched off where a feature is to be measured alone. Charging and the file of traces cannot be.
OFF: Json = {
    "cache": {"enabled": False},
    "policy": {"on_premise_tier": "onprem", "injection": "off", "integrity": "off"},
    "escalation": {"enabled": False},
}
OFF_TENANT: Json = {"sensitive": "allow", "capture": "none", "cache": "off"}
POLICY = {"on_premise_tier": "onprem"}  # the rest by default: on
ALL_TENANT = {"caps": CAPS, "capture": "full"}
LEARNING = {"learning": {"enabled": True}}

# By server: (changes of the `gateway:` section, the tenant's settings).
TIERWISE: Mapping[str, tuple[Json, Json]] = {
    "off": (OFF, OFF_TENANT),
    "policy": ({**OFF, "policy": POLICY}, {**OFF_TENANT, "sensitive": "on_premise"}),
    "exact cache": ({**OFF, "cache": {"semantic": False}}, {**OFF_TENANT, "cache": "tenant", "capture": "full"}),
    "semantic cache": ({**OFF, "cache": {}}, {**OFF_TENANT, "cache": "tenant", "capture": "full"}),
    "budgets": (OFF, {**OFF_TENANT, "caps": CAPS}),
    "answer checks": ({**OFF, "escalation": {}}, OFF_TENANT),
    "content in traces": (OFF, {**OFF_TENANT, "capture": "full"}),
    "learning": ({**OFF, "routing": LEARNING}, OFF_TENANT),
    "all": ({"policy": POLICY, "routing": LEARNING}, ALL_TENANT),
    "all, no fast lane": ({"policy": POLICY, "routing": LEARNING, "fast_lane": False}, ALL_TENANT),
}
# By server: changes of LiteLLM's own settings.
EXACT = {"cache": True, "cache_params": {"type": "redis", "url": "os.environ/REDIS_URL"}}
SEMANTIC = {"redis_url": "os.environ/REDIS_URL", "type": "redis-semantic", "similarity_threshold": 0.85, "ttl": 3600}
SEMANTIC |= {"redis_semantic_cache_embedding_model": "embedding"}
LITELLM: Mapping[str, Json] = {
    "vanilla": {},
    "vanilla, no Redis": {},
    "LiteLLM exact": EXACT,
    "LiteLLM semantic": {"cache": True, "cache_params": SEMANTIC},
    "LiteLLM complexity": {},
}


@dataclass(slots=True)
class Server:
    """One process under load."""

    name: str
    port: int
    pid: int
    key: str = KEY

    @property
    def rss_mb(self) -> float:
        """Resident memory, by Linux."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text(encoding="ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20

    @property
    def cpu_s(self) -> float:
        """Processor time of all its threads so far, by Linux."""
        times = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(times[11]) + int(times[12])) / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all servers share."""

    folder: Path
    upstream_port: int
    redis_port: int

    def environ(self, config: Path) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name not in FOREIGN}
        return {
            **kept,
            CONFIG_VARIABLE: str(config),
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            "LITELLM_MASTER_KEY": MASTER_KEY,
            "LITELLM_LOG": "ERROR",
            "REDIS_URL": f"redis://127.0.0.1:{self.redis_port}/0",
        }


def models(upstream_port: int) -> list[Json]:
    """The model list that all gateways get: four groups with one deployment each."""
    return [
        {
            "model_name": name,
            "litellm_params": {
                "model": f"openai/bench-{name}",
                "api_base": f"http://127.0.0.1:{upstream_port}/v1",
                "api_key": "none",
            },
            "model_info": {
                "input_cost_per_token": dollars / 1e6,
                "output_cost_per_token": 4 * dollars / 1e6,
                "max_input_tokens": 128_000,
                "max_output_tokens": 16_384,
                "supports_function_calling": True,
                "supports_response_schema": True,
                "on_premise": name == "onprem",
            },
        }
        for name, dollars in GROUPS.items()
    ]


def litellm_config(name: str, upstream_port: int) -> Json:
    """Vanilla, or with one feature of LiteLLM's own."""
    listed = models(upstream_port)
    if name == "LiteLLM semantic":
        params = {"model": "openai/minilm", "api_base": f"http://127.0.0.1:{upstream_port}/v1", "api_key": "none"}
        listed.append({"model_name": "embedding", "litellm_params": params, "model_info": {"mode": "embedding"}})
    if name == "LiteLLM complexity":
        tiers = {"SIMPLE": "small", "MEDIUM": "mid", "COMPLEX": "frontier", "REASONING": "frontier"}
        router = {"model": "auto_router/complexity_router", "complexity_router_config": {"tiers": tiers}}
        router |= {"complexity_router_default_model": "mid"}
        listed.append({"model_name": "auto", "litellm_params": router})
    return {
        "model_list": listed,
        "litellm_settings": {"drop_params": True, "telemetry": False, **LITELLM[name]},
        "general_settings": {"master_key": "os.environ/LITELLM_MASTER_KEY", "always_include_stream_usage": True},
        "router_settings": {
            "timeout": 120,
            "stream_timeout": 60,
            "num_retries": 1,
            "routing_strategy": "simple-shuffle",
        },
    }


def tierwise_config(name: str, around: Surroundings) -> Json:
    """The shipped config with these models, one tenant, and the server's features."""
    changes, tenant = TIERWISE[name]
    shipped = Path(__file__).parents[1] / "proxy_config.yaml"
    config: Json = yaml.safe_load(shipped.read_text(encoding="utf-8"))
    config["model_list"] = models(around.upstream_port)
    gateway = config["gateway"]
    for section, values in copy.deepcopy(changes).items():
        gateway[section] = {**gateway.get(section, {}), **values} if section == "routing" else values
    app = {"keys": [{"sha256": hash_key(KEY)}]}
    gateway["tenants"] = {TENANT: {**copy.deepcopy(tenant), "apps": {"web": app}}}
    gateway["state_dir"] = str(around.folder / name / "state")
    return config


@contextmanager
def running(names: list[str], around: Surroundings) -> Iterator[dict[str, Server]]:
    """Start all of these, each with one worker and the same server settings; wait until each is ready."""
    with ExitStack() as stack:
        servers, waiting = {}, []
        for name in names:
            folder = around.folder / name
            folder.mkdir()
            server, log, process = _start(name, folder, around)
            stack.callback(stop_child, process, 10)
            servers[name] = server
            waiting.append((server, log, process))
            if len(waiting) >= (os.cpu_count() or 1):
                _wait(*waiting.pop(0))
        for one in waiting:
            _wait(*one)
        yield servers


def _start(name: str, folder: Path, around: Surroundings) -> tuple[Server, Path, Any]:
    path, port, log = folder / "proxy_config.yaml", free_port(), folder / "log"
    environ = around.environ(path)
    vanilla = name in LITELLM
    if name == "vanilla, no Redis":
        del environ["REDIS_URL"]
    config = litellm_config(name, around.upstream_port) if vanilla else tierwise_config(name, around)
    path.write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    if not vanilla:
        rendered = render(load_config(path, environ), environ, folder)
        environ = environ_for(rendered, environ)
        path.write_text(yaml.safe_dump(rendered.config, sort_keys=False), encoding="utf-8")
    app = "litellm.proxy.proxy_server:app" if vanilla else "plugins.server:app"
    process = start_child(server_command(app, "127.0.0.1", port, 1, 5), log, env=environ)
    return Server(name, port, process.pid, MASTER_KEY if vanilla else KEY), log, process


def _wait(server: Server, log: Path, process: Any) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(f"http://127.0.0.1:{server.port}/health/readiness", timeout=5).status_code == 200:
                print(f"{server.name} is up", file=sys.stderr)
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.2)
    raise SystemExit(f"{server.name} did not start:\n{last_lines(log)}")

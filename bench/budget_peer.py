"""The peer of the budget drill: plain LiteLLM, four processes, with the one budget of its own that needs no database.

LiteLLM's budgets of keys, teams and users live in its database, whose engine is downloaded at run time from outside
the package registries, so they cannot be run here. `max_budget_per_session` of an agent can: a cap for each session,
counted in Redis, shared by the processes. Here each tenant is a session with one cap; the load is the drill's, without
its disasters.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import httpx
import yaml

from bench import budget_books as books
from bench.budget_fleet import ROOT, WORKERS, free_port, wait_for
from bench.budget_load import CLIENTS, Drive, Seen, calls
from plugins.config_file import CONFIG_VARIABLE
from plugins.trial.lifeline import start_child, stop_child
from plugins.trial.simulator_process import SimulatorProcess

AGENT: Final = "drill"
KEY: Final = "sk-peer"
MICROS_A_CALL: Final = 20  # the cap of each session for each call of the load: under half of what it would be billed
SESSIONS: Final = tuple(f"session{number}" for number in range(8))
AUTH: Final = f"""
from litellm.proxy._types import UserAPIKeyAuth


async def authenticate(request, api_key):
    return UserAPIKeyAuth(api_key="{KEY}", agent_id="{hashlib.sha256(AGENT.encode()).hexdigest()}")
"""


def config_of(redis_url: str, cap_micros: int) -> dict[str, Any]:
    """The drill's models and prices, and LiteLLM's own Redis cache settings for sharing counters."""
    ours = yaml.safe_load((ROOT / "proxy_config.yaml").read_text(encoding="utf-8"))
    models = [m for m in ours["model_list"] if (m.get("model_info") or {}).get("simulated")]
    for entry in models:
        entry["litellm_params"]["allowed_openai_params"] = ["user"]
    card: dict[str, Any] = {
        "name": AGENT,
        "description": AGENT,
        "url": "http://127.0.0.1/",
        "version": "1",
        "skills": [],
    }
    card |= {"capabilities": {}, "defaultInputModes": ["text"], "defaultOutputModes": ["text"]}
    limits = {"max_budget_per_session": cap_micros / 1e6}
    return {
        "model_list": [*models, {**models[0], "model_name": "auto"}],
        "litellm_settings": {
            "drop_params": True,
            "telemetry": False,
            "cache": True,
            "cache_params": {"type": "redis", "url": redis_url, "supported_call_types": []},
        },
        "general_settings": {"custom_auth": "peer_auth.authenticate", "master_key": KEY},
        "router_settings": {"redis_url": redis_url},
        "agent_list": [
            {
                "agent_name": AGENT,
                "agent_card_params": card,
                "litellm_params": limits,
            }
        ],
    }


@contextmanager
def plain_litellm(folder: Path, simulator_url: str, redis_url: str, cap_micros: int) -> Iterator[tuple[str, ...]]:
    """Four processes of LiteLLM's own app on one Redis; yields their base URLs."""
    folder.mkdir(parents=True, exist_ok=True)
    path, ports = folder / "config.yaml", tuple(free_port() for _ in range(WORKERS))
    path.write_text(yaml.safe_dump(config_of(redis_url, cap_micros), sort_keys=False), encoding="utf-8")
    (folder / "peer_auth.py").write_text(AUTH, encoding="utf-8")
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder), CONFIG_VARIABLE: str(path), "LITELLM_LOG": "CRITICAL"}
    environ |= {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "TIERWISE_SIMULATOR_URL": simulator_url}
    command = [sys.executable, "-m", "uvicorn", "litellm.proxy.proxy_server:app", "--log-level", "warning"]
    with ExitStack() as stack:
        for port in ports:
            words = [*command, "--no-access-log", "--port", str(port)]
            process = start_child(words, folder / f"{port}.log", cwd=folder, env=environ)
            stack.callback(stop_child, process, 30)
        wait_for(ports)
        yield tuple(f"http://127.0.0.1:{port}" for port in ports)


def drill(count: int, folder: Path, redis_url: str) -> dict[str, Any]:
    """How far the sessions' bills pass their budget. `enforced` says whether any call was refused for it at all."""
    asks = [replace(ask, body={**ask.body, "metadata": {"session_id": ask.tenant}}) for ask in calls(count, SESSIONS)]
    cap_micros = count * MICROS_A_CALL
    with (
        SimulatorProcess(speed=0.02) as simulator,
        plain_litellm(folder, simulator.url, redis_url, cap_micros) as origins,
    ):
        drive = Drive(origins, dict.fromkeys(SESSIONS, KEY), lambda done: None)
        seen = asyncio.run(drive.run(asks))
        time.sleep(2)
        book = httpx.get(f"{simulator.origin}/control/calls", params={"recent": 50_000}, timeout=60).json()
    return {
        "budget": "max_budget_per_session",
        "clients": CLIENTS,
        **_found(seen, books.billed_of(book["recent"]), cap_micros),
    }


def _found(seen: list[Seen], billed: Mapping[str, list[int]], cap_micros: int) -> dict[str, Any]:
    spent = {
        session: -(-sum(p for user, ps in billed.items() if user.endswith(f"-{session}") for p in ps) // 1_000_000)
        for session in SESSIONS
    }
    refused = sum(s.status == 429 for s in seen)
    return {
        "calls": len(seen),
        "refused": refused,
        "enforced": refused > 0,
        "cap_micros": cap_micros,
        "billed_micros": spent,
        "overspend_micros": sum(max(0, micros - cap_micros) for micros in spent.values()),
        "outcomes": books.outcomes(seen),
    }

"""Other people's gateway and caches, for `bench.overhead`.

    python -m bench.overhead_peers redisvl|gptcache PORT REDIS_URL

serves one of the two cache libraries over the same bare HTTP server as the provider: prompt in, stored answer out, with
the embedding model that the gateway uses, in one process. `running` starts these and Portkey's gateway where they are
installed; `fetch` installs what is not a dependency of the gateway, into a folder of the bench's own.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx
import uvloop

from bench.overhead_servers import Server, Surroundings
from bench.overhead_upstream import ANSWER, chat_reply, embedder, reply, serve
from plugins.trial.lifeline import last_lines, start_child, stop_child
from tests.clusters import free_port

FOLDER = Path(".tierwise/bench-peers")
PORTKEY = "@portkey-ai/gateway@1.15.2"
GPTCACHE = ("gptcache==0.1.44", "cachetools==8.0.2", "sqlalchemy==2.0.36", "faiss-cpu==1.13.2")
FAR = 0.15  # cosine distance up to which a neighbour is served, LiteLLM's arm has the same
START_TIMEOUT_S = 60
Find = Callable[[str], str | None]
Keep = Callable[[str, str], None]


def fetch() -> None:
    """Install Portkey's gateway and GPTCache; what cannot be had is told and left out."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    pip = [".venv/bin/uv", "pip", "install", "--quiet", "--python", sys.executable, "--no-deps"]
    commands = [[*pip, "--target", str(FOLDER / "gptcache"), *GPTCACHE]]
    if npm := shutil.which("npm"):
        commands.append([npm, "install", "--silent", "--prefix", str(FOLDER / "portkey"), PORTKEY])
    for command in commands:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            print(f"not installed: {command[-1]}: {done.stderr.strip()[-300:]}", file=sys.stderr)


def missing(name: str) -> str:
    """Why a peer cannot run here; empty if it can."""
    if name == "portkey":
        has = shutil.which("node") and _portkey().exists()
        return "" if has else "node or the npm package @portkey-ai/gateway is not installed (run with --fetch-peers)"
    if name == "gptcache":
        return "" if (FOLDER / "gptcache").exists() else "GPTCache is not installed (run with --fetch-peers)"
    return ""


@contextmanager
def running(names: list[str], around: Surroundings) -> Iterator[dict[str, Server]]:
    """Start these peers."""
    with ExitStack() as stack:
        servers = {}
        for name in names:
            port, log = free_port(), around.folder / f"{name}.log"
            environ, command = dict(os.environ), [sys.executable, "-m", "bench.overhead_peers", name, str(port)]
            command.append(f"redis://127.0.0.1:{around.redis_port}/0")
            if name == "portkey":
                command = [str(shutil.which("node")), str(_portkey()), f"--port={port}", "--headless"]
            if name == "gptcache":
                environ["PYTHONPATH"] = f"{FOLDER / 'gptcache'}:{Path.cwd()}"
            cwd = None
            process = start_child(command, log, cwd=cwd, env=environ)
            stack.callback(stop_child, process, 5)
            servers[name] = Server(name, port, process.pid)
            _wait(servers[name], process, log)
        yield servers


def _portkey() -> Path:
    return FOLDER / "portkey" / "node_modules" / "@portkey-ai" / "gateway" / "build" / "start-server.js"


def _wait(server: Server, process: Any, log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            httpx.get(f"http://127.0.0.1:{server.port}/", timeout=2)
        except httpx.TransportError:
            time.sleep(0.2)
        else:
            return
    raise SystemExit(f"{server.name} did not start:\n{last_lines(log)}")


def redisvl_cache(redis_url: str) -> tuple[Find, Keep]:
    """redisvl's SemanticCache in the same Redis."""
    vectorizers, caches = import_module("redisvl.utils.vectorize"), import_module("redisvl.extensions.cache.llm")
    vectors = vectorizers.CustomTextVectorizer(embed=lambda text: embedder().embed(text).tolist())
    kept = caches.SemanticCache("bench-redisvl", FAR, ttl=3600, vectorizer=vectors, redis_url=redis_url)

    def find(prompt: str) -> str | None:
        found = kept.check(prompt=prompt, num_results=1)
        return str(found[0]["response"]) if found else None

    return find, lambda prompt, answer: (kept.store(prompt=prompt, response=answer), None)[1]


def gptcache_cache(redis_url: str) -> tuple[Find, Keep]:
    """GPTCache with SQLite and FAISS, its usual stores; it has no use for Redis."""
    root, api, manager = (import_module(f"gptcache{part}") for part in ("", ".adapter.api", ".manager"))
    evaluation = import_module("gptcache.similarity_evaluation.distance")
    folder = FOLDER / f"gptcache-{os.getpid()}"
    folder.mkdir(parents=True)
    base = manager.CacheBase("sqlite", sql_url=f"sqlite:///{folder}/kept.db")
    store = manager.get_data_manager(
        base, manager.VectorBase("faiss", dimension=384, index_path=str(folder / "faiss.index"))
    )
    kept = root.Cache()
    kept.init(
        pre_embedding_func=lambda data, **_: data["prompt"],
        embedding_func=lambda text, **_: embedder().embed(text),
        data_manager=store,
        similarity_evaluation=evaluation.SearchDistanceEvaluation(max_distance=4.0),
    )
    return lambda prompt: api.get(prompt, cache_obj=kept), lambda prompt, answer: api.put(
        prompt, answer, cache_obj=kept
    )


def answer_with(find: Find, keep: Keep) -> Callable[[bytes, bytes], bytes]:
    """A chat completion from the cache, or the fixed answer, which is kept."""

    def answer(path: bytes, body: bytes) -> bytes:
        if not body:
            return reply(b"{}", b"application/json")
        asked = json.loads(body)
        prompt = asked["messages"][-1]["content"]
        if (found := find(prompt)) is None:
            keep(prompt, ANSWER)
            return chat_reply(asked["model"], False)
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": found}}
        made = {"id": "chatcmpl-hit", "object": "chat.completion", "model": asked["model"], "choices": [choice]}
        return reply(json.dumps(made).encode(), b"application/json").replace(b"\r\n", b"\r\nx-cache: hit\r\n", 1)

    return answer


if __name__ == "__main__":
    made = {"redisvl": redisvl_cache, "gptcache": gptcache_cache}[sys.argv[1]](sys.argv[3])
    uvloop.run(serve(int(sys.argv[2]), answer_with(*made)))

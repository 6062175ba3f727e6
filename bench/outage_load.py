"""The load and the trouble of `bench.outage`: what is asked, which models fail when, and what came back."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from plugins.trial.simulator.parsing import parse_chat

TIERS = ("small", "mid", "frontier")
MODELS = ("sim-small", "sim-mid", "sim-frontier", "sim-onprem")
ON_PREMISE = "sim-onprem"
PROVIDERS = ("a", "b")
# From here on a request hangs as seen by a client, whatever the gateway thinks.
CLIENT_TIMEOUT_S = 120


@dataclass(frozen=True, slots=True)
class Trouble:
    """A phase: what is wrong with which models of which provider. `gone`: providers whose process is stopped."""

    name: str
    faults: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # provider -> model -> fault
    gone: tuple[str, ...] = ()

    def healthy(self, on_premise: bool) -> bool:
        """Whether some deployment that may answer works; `on_premise` for a sensitive request."""
        models = [ON_PREMISE] if on_premise else [m for m in MODELS if m != ON_PREMISE]
        return any(
            provider not in self.gone and model not in self.faults.get(provider, {})
            for provider in PROVIDERS
            for model in models
        )


def everything(fault: str, *models: str) -> dict[str, str]:
    """The same fault for these models, or for all."""
    return dict.fromkeys(models or MODELS, fault)


# Whole providers and whole tiers fail in turn and come back. Each phase gets an equal share of the requests.
PHASES: Sequence[Trouble] = (
    Trouble("all well"),
    Trouble("a answers 500", {"a": everything("error500")}),
    Trouble("b limits the rate", {"b": everything("rate_limit")}),
    Trouble("all well again"),
    Trouble("a hangs", {"a": everything("hang")}),
    Trouble("small tier down", {"a": everything("error503", "sim-small"), "b": everything("error500", "sim-small")}),
    Trouble("b refuses the credentials", {"b": everything("unauthorized")}),
    Trouble("b is gone", gone=("b",)),
    Trouble("b is back"),
    Trouble("mid and frontier down at both", {p: everything("error500", *MODELS[1:3]) for p in PROVIDERS}),
    Trouble("a stops in mid-answer", {"a": everything("half_stream")}),
    Trouble("a falls silent in mid-answer", {"a": everything("stall")}),
    Trouble("b filters content", {"b": everything("content_filter")}),
    Trouble("on premise down", {p: everything("error503", ON_PREMISE) for p in PROVIDERS}),
    Trouble("all well at last"),
)


@dataclass(frozen=True, slots=True)
class Asked:
    """One request of the load. `repeated`: others of the load ask the same."""

    model: str
    prompt: str
    stream: bool
    sensitive: bool
    repeated: bool

    @property
    def messages(self) -> list[dict[str, str]]:
        return [{"role": "user", "content": self.prompt}]

    @property
    def hash(self) -> str:
        """What finds it in the providers' books."""
        return parse_chat({"model": "sim-small", "messages": self.messages}).prompt_hash


@dataclass(slots=True)
class Came:
    """What came back. `begun`: a byte of the answer was seen; `clean`: a stream ended in [DONE] or an error frame."""

    asked: Asked
    phase: str
    status: int = 0
    code: str = ""
    trace_id: str = ""
    cache: str = ""
    begun: bool = False
    complete: bool = False
    clean: bool = True
    retry_after: bool = False


def load(count: int, seed: int) -> list[Asked]:
    """`count` requests, half of them streamed, a tenth sensitive, a tenth repeated questions."""
    draw = random.Random(seed)  # a repeatable load, no secret
    asked = []
    for place in range(count):
        sensitive = draw.random() < 0.1
        repeated = not sensitive and draw.random() < 0.1
        number = draw.randrange(20) if repeated else 1000 + place
        prompt = f"Name one thing about the number {number} of series {seed}."
        if sensitive:
            prompt = f"Is the IBAN GB33BUKB20201555555555 well formed? Case {place} of series {seed}."
        model = draw.choice(("auto", "auto", "auto", *TIERS))
        asked.append(Asked("auto" if repeated else model, prompt, draw.random() < 0.5, sensitive, repeated))
    return asked


async def run(base_url: str, key: str, phase: str, asked: Sequence[Asked], workers: int) -> list[Came]:
    """Send them all, `workers` at a time."""
    waiting, came = list(reversed(asked)), []

    async def work(client: httpx.AsyncClient) -> None:
        while waiting:
            one = waiting.pop()
            came.append(await (_stream if one.stream else _plain)(client, one, Came(one, phase)))

    headers = {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(base_url=base_url, headers=headers, timeout=CLIENT_TIMEOUT_S) as client:
        await asyncio.gather(*(work(client) for _ in range(workers)))
    return came


def _body(one: Asked) -> dict[str, Any]:
    return {"model": one.model, "messages": one.messages, "max_tokens": 60, "stream": one.stream}


def _note(came: Came, reply: httpx.Response) -> None:
    came.status = reply.status_code
    came.trace_id = reply.headers.get("x-tierwise-trace-id", "")
    came.cache = reply.headers.get("x-tierwise-cache", "")
    came.retry_after = "retry-after" in reply.headers


async def _plain(client: httpx.AsyncClient, one: Asked, came: Came) -> Came:
    try:
        reply = await client.post("/chat/completions", json=_body(one))
        _note(came, reply)
        answer = reply.json()
        came.code = (answer.get("error") or {}).get("code") or ""
        came.begun = came.complete = reply.status_code == 200 and bool(answer.get("choices"))
    except (httpx.HTTPError, ValueError) as error:
        came.code, came.clean = type(error).__name__, False
    return came


async def _stream(client: httpx.AsyncClient, one: Asked, came: Came) -> Came:
    try:
        async with client.stream("POST", "/chat/completions", json=_body(one)) as reply:
            _note(came, reply)
            if reply.status_code != 200:
                came.code = json.loads(await reply.aread())["error"]["code"]
                return came
            async for line in reply.aiter_lines():
                _note_line(came, line)
        came.clean = came.complete or bool(came.code)
    except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
        came.code, came.clean = came.code or type(error).__name__, False
    return came


def _note_line(came: Came, line: str) -> None:
    if not line.startswith("data: "):
        return
    if line == "data: [DONE]":
        came.complete = came.begun and not came.code
        return
    event = json.loads(line[6:])
    if error := event.get("error"):
        came.code = str(error.get("code") or "error")
        came.clean = set(error) == {"message", "type", "param", "code"}
    elif event.get("choices") and (event["choices"][0].get("delta") or {}).get("content"):
        came.begun = True

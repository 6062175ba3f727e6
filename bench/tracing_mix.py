"""Mixed traffic against a running gateway, and what each request should look like when it was traced."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Any

import httpx

from plugins.tenancy import hash_key, new_key

FORGED = "victim"  # stands in everything that a client tries to pass off; must be in no trace
SHARES = {  # requests of each kind among a hundred
    "plain": 30,
    "streamed": 20,
    "cached": 14,
    "sensitive": 6,
    "responses": 4,
    "messages": 4,
    "over_cap": 5,
    "unknown_model": 4,
    "bad_body": 4,
    "bad_key": 3,
    "refused_sensitive": 3,
    "fell_back": 3,
}
BROKEN = ("failed", "aborted")  # kinds with a fault of the provider; they have a phase each
ALL_MODELS = ("sim-small", "sim-mid", "sim-frontier", "sim-onprem")


@dataclass(frozen=True, slots=True)
class Sender:
    """A key and whose it is."""

    tenant: str
    app: str
    key: str


@dataclass(frozen=True, slots=True)
class Sent:
    """One request as its client knows it. `tenant` is empty where the key was none."""

    trace_id: str
    kind: str
    status: int
    tenant: str
    app: str
    feature: str
    session: str


def senders() -> dict[str, list[Sender]]:
    """Keys of ordinary tenants, and of one whose cap is used up and one that refuses sensitive prompts."""
    ordinary = [("acme", "web"), ("acme", "mobile"), ("globex", "web"), ("globex", "batch")]
    return {
        "ordinary": [Sender(tenant, app, new_key()) for tenant, app in ordinary],
        "capped": [Sender("capped", "web", new_key())],
        "refusing": [Sender("refusing", "web", new_key())],
    }


def tenants(known: Mapping[str, Sequence[Sender]]) -> dict[str, Any]:
    """The `gateway.tenants` section for these keys."""
    own: dict[str, dict[str, Any]] = {
        "acme": {"capture": "full", "caps": [{"usd": 500, "per": "day"}]},
        "globex": {"capture": "redacted"},
        "capped": {"caps": [{"usd": 0.000001, "per": "total"}]},
        "refusing": {"sensitive": "refuse"},
    }
    found: dict[str, Any] = {name: {**settings, "apps": {}} for name, settings in own.items()}
    for sender in (one for group in known.values() for one in group):
        found[sender.tenant]["apps"][sender.app] = {"keys": [{"sha256": hash_key(sender.key)}]}
    return found


class Traffic:
    """Sends requests over one gateway; thread-safe."""

    def __init__(self, base_url: str, control_url: str, known: Mapping[str, Sequence[Sender]]) -> None:
        self._client = httpx.Client(base_url=base_url, timeout=120, limits=httpx.Limits(max_connections=16))
        self._control = f"{control_url}/control/faults"
        self._known = known
        self._lock = threading.Lock()
        self._asked: list[tuple[Sender, str]] = []
        self.sent: list[Sent] = []

    def mixed(self, count: int) -> None:
        """That many requests of all kinds: the ordinary ones four at a time, then one phase for each fault."""
        broken = max(1, count // 25)
        kinds = [kind for kind, share in SHARES.items() for _ in range(share)]
        spread = [kinds[place * 37 % 100] for place in range(100)]  # 37 and 100 have no common divisor
        ordinary = [kind for kind in islice(cycle(spread), count - 2 * broken) if kind != "fell_back"]
        self._run(ordinary)
        with self.fault("sim-small", "error500"):
            self._run(["fell_back"] * (count - 2 * broken - len(ordinary)))
        with self.fault("sim-mid", "stall", seconds=1.0):
            self._run(["aborted"] * broken)
        with self.fault("*", "content_filter"):
            self._run(["failed"] * broken)

    def _run(self, kinds: Sequence[str]) -> None:
        with ThreadPoolExecutor(4) as pool:
            done = list(pool.map(self._one, kinds, range(len(self.sent), len(self.sent) + len(kinds))))
        self.sent += done

    def _one(self, kind: str, number: int) -> Sent:
        send: Callable[[str, int], Sent] = getattr(self, f"_{kind}", self._plain)
        return send(kind, number)

    def fault(self, model: str, fault: str, **more: Any) -> _Fault:
        return _Fault(self._control, ALL_MODELS if model == "*" else (model,), {"fault": fault, **more})

    def _sender(self, group: str, number: int) -> Sender:
        return self._known[group][number % len(self._known[group])]

    def _plain(self, kind: str, number: int, text: str = "", **body: Any) -> Sent:
        sender = self._sender("ordinary", number)
        prompt = text or f"In which year was the building with house number {number} on Main Street finished?"
        with self._lock:
            self._asked.append((sender, prompt))
        return self._chat(kind, number, sender, prompt, **body)

    def _cached(self, kind: str, number: int) -> Sent:
        with self._lock:
            sender, prompt = self._asked[number % len(self._asked)] if self._asked else (None, "")
        if sender is None:
            return self._plain(kind, number)
        return self._chat(kind, number, sender, prompt)

    def _streamed(self, kind: str, number: int) -> Sent:
        return self._plain(kind, number, f"Name the colour number {number} of the catalogue.", stream=True)

    def _sensitive(self, kind: str, number: int) -> Sent:
        return self._plain(kind, number, f"Write to jane.doe{number}@example.com that order {number} has shipped.")

    def _refused_sensitive(self, kind: str, number: int) -> Sent:
        text = f"Write to jane.doe{number}@example.com that order {number} has shipped."
        return self._chat(kind, number, self._sender("refusing", number), text)

    def _over_cap(self, kind: str, number: int) -> Sent:
        return self._chat(kind, number, self._sender("capped", number), f"What is {number} times two?")

    def _unknown_model(self, kind: str, number: int) -> Sent:
        return self._chat(kind, number, self._sender("ordinary", number), "Hello?", model="no-such-model")

    def _bad_body(self, kind: str, number: int) -> Sent:
        return self._chat(kind, number, self._sender("ordinary", number), "Hello?", temperature="hot")

    def _bad_key(self, kind: str, number: int) -> Sent:
        return self._chat(kind, number, Sender("", "", new_key()), "Hello?")

    def _failed(self, kind: str, number: int) -> Sent:
        return self._plain(kind, number, f"Who painted picture number {number} of the collection?")

    def _responses(self, kind: str, number: int) -> Sent:
        body = {"model": "auto", "input": f"Who wrote book number {number} on the shelf?"}
        return self._post(kind, number, self._sender("ordinary", number), "/responses", body)

    def _messages(self, kind: str, number: int) -> Sent:
        ask = [{"role": "user", "content": f"Who built bridge number {number} over the river?"}]
        body = {"model": "auto", "messages": ask, "max_tokens": 100}
        return self._post(kind, number, self._sender("ordinary", number), "/messages", body)

    def _aborted(self, kind: str, number: int) -> Sent:
        """A client that leaves after the first bytes of a stream."""
        sender = self._sender("ordinary", number)
        headers, body = self._request(number, sender, _chat_body(f"Describe room {number} at length.", "mid"))
        with self._client.stream("POST", "/chat/completions", headers=headers, json={**body, "stream": True}) as reply:
            next(reply.iter_raw())
            return _sent(kind, number, sender, reply)

    def _chat(self, kind: str, number: int, sender: Sender, text: str, model: str = "auto", **more: Any) -> Sent:
        return self._post(kind, number, sender, "/chat/completions", {**_chat_body(text, model), **more})

    def _post(self, kind: str, number: int, sender: Sender, path: str, body: dict[str, Any]) -> Sent:
        headers, body = self._request(number, sender, body)
        return _sent(kind, number, sender, self._client.post(path, headers=headers, json=body))

    def _request(self, number: int, sender: Sender, body: dict[str, Any]) -> tuple[dict[str, str], dict[str, Any]]:
        """Headers and body of an honest request; every third one also tries to pass for somebody else."""
        headers = {
            "Authorization": f"Bearer {sender.key}",
            "x-tierwise-feature": _feature(number),
            "x-tierwise-session": _session(number),
        }
        if number % 3:
            return headers, body
        other = self.sent[number % len(self.sent)].trace_id if self.sent else "1" * 32
        return {**headers, **forged_headers(other)}, {**body, "metadata": forged_metadata(other)}


def forged_headers(trace_id: str) -> dict[str, str]:
    """What LiteLLM's and Langfuse's integrations would take from a client."""
    names = ("trace_user_id", "session_id", "trace_name", "trace_metadata", "tags", "trace_release")
    return {
        **{f"langfuse_{name}": FORGED for name in names},
        "langfuse_trace_id": trace_id,
        "langfuse_existing_trace_id": trace_id,
        "x-litellm-call-id": trace_id,
        "x-litellm-tags": FORGED,
        "x-litellm-end-user-id": FORGED,
        "traceparent": f"00-{trace_id}-{'2' * 16}-01",
        "baggage": f"langfuse_user_id={FORGED},langfuse_session_id={FORGED}",
    }


def forged_metadata(trace_id: str) -> dict[str, str]:
    names = ("trace_user_id", "session_id", "trace_name", "user_api_key_team_id", "tenant", "tierwise")
    return {**dict.fromkeys(names, FORGED), "existing_trace_id": trace_id, "trace_id": trace_id}


class _Fault:
    """A fault of some models while the block runs."""

    def __init__(self, url: str, models: Sequence[str], rule: Mapping[str, Any]) -> None:
        self._url, self._rules = url, [{"model": model, **rule} for model in models]

    def __enter__(self) -> None:
        httpx.put(self._url, json={"rules": self._rules}).raise_for_status()

    def __exit__(self, *_: object) -> None:
        httpx.delete(self._url).raise_for_status()


def _chat_body(text: str, model: str) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": text}], "max_tokens": 60}


def _feature(number: int) -> str:
    return f"feature-{number % 5}"


def _session(number: int) -> str:
    return f"session-{number % 50}"


def _sent(kind: str, number: int, sender: Sender, reply: httpx.Response) -> Sent:
    trace_id = reply.headers.get("x-tierwise-trace-id", "")
    return Sent(trace_id, kind, reply.status_code, sender.tenant, sender.app, _feature(number), _session(number))


def wait_for(holds: Callable[[], bool], most_s: float) -> bool:
    """Whether it came true in that time."""
    until = time.monotonic() + most_s
    while time.monotonic() < until:
        if holds():
            return True
        time.sleep(0.1)
    return holds()

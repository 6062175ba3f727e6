"""A replayed day of FAQ traffic through the real gateway: hit rate, wrong answers, dollars saved, latency.

    python -m bench.faq_day [--json] [--requests 2000] [--pairs FILE.jsonl]

Customers of a bank ask what a help page answers, each intent in several wordings, popular ones more often (Zipf). Many
intents are near misses of each other: block and unblock, to and from, one card or country or another. With `--pairs`
the questions come from a file of {"a", "b", "same"} instead: questions that are the same, also by way of others, are
one intent. Every request is sent twice to the same gateway: first with `no-store` (without the cache), then with it.
A simulated answer names the prompt that it was made for, so a hit shows whose answer it is: one made for another intent
is wrong. Latencies include the simulated model's; the machine does client, gateway, Redis and model at once.
"""

from __future__ import annotations

import json
import random
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import httpx
import typer

from classifier.pairs.intervals import upper_bound
from plugins.values import MICROS_PER_USD
from tests.gateway import Running, gateway

Json = dict[str, Any]
TENANT: Final = "globex"  # has no cap of its own
SKEW: Final = 1.0
CARDS: Final = ("debit card", "credit card", "virtual card", "gift card")
DEEDS: Final = ("block", "unblock", "replace", "activate", "cancel", "rename", "verify", "freeze")
PLACES: Final = ("Spain", "Norway", "Japan", "Brazil")
THINGS: Final = ("transfer money to a friend in {place}", "receive money from a friend in {place}")
THINGS_TOO: Final = ("withdraw cash in {place}", "pay by card in {place}", "open a second account in {place}")
CHANGES: Final = ("increase", "decrease", "remove")
LIMITS: Final = ("card limit", "transfer limit", "cash withdrawal limit")
FRAMES: Final = (
    "How do I {deed}?",
    "How can I {deed}?",
    "Please tell me how to {deed}.",
    "What do I have to do to {deed}?",
    "Can you tell me how I can {deed}?",
    "What are the steps to {deed}?",
    "how to {deed}",
)


@dataclass(frozen=True, slots=True)
class Asked:
    """One question and the intent that it belongs to."""

    intent: int
    text: str


@dataclass(frozen=True, slots=True)
class Got:
    """What came back: `verdict` of the cache, the answer's text, cost and time."""

    asked: Asked
    verdict: str
    text: str
    micros: int
    ms: float


def own_intents() -> list[list[str]]:
    """The wordings of each intent of the help page."""
    deeds = [f"{deed} a {card}" for deed in DEEDS for card in CARDS]
    deeds += [thing.format(place=place) for thing in (*THINGS, *THINGS_TOO) for place in PLACES]
    deeds += [f"{change} the {limit}" for change in CHANGES for limit in LIMITS]
    return [[frame.format(deed=deed) for frame in FRAMES] for deed in deeds]


def intents_of(path: Path) -> list[list[str]]:
    """Questions of a file of pairs, joined where they are the same, also by way of others."""
    above: dict[str, str] = {}

    def root(text: str) -> str:
        while above.setdefault(text, text) != text:
            text = above[text]
        return text

    for line in path.read_text(encoding="utf-8").splitlines():
        pair = json.loads(line)
        one, other = root(pair["a"]), root(pair["b"])
        if pair["same"]:
            above[one] = other
    groups: dict[str, list[str]] = {}
    for text in list(above):
        groups.setdefault(root(text), []).append(text)
    return list(groups.values())


def day(intents: Sequence[Sequence[str]], requests: int, seed: int) -> Iterator[Asked]:
    """Requests in their order; intents are ranked at random, and any wording is as likely as the others."""
    draw = random.Random(seed)  # a repeatable load, no secret
    ranked = draw.sample(range(len(intents)), len(intents))
    weights = [1.0 / (rank + 1) ** SKEW for rank in range(len(ranked))]
    for intent in draw.choices(ranked, weights, k=requests):
        yield Asked(intent, draw.choice(intents[intent]))


def ask(client: httpx.Client, running: Running, asked: Asked, headers: dict[str, str]) -> Got:
    body = {"model": "auto", "messages": [{"role": "user", "content": asked.text}], "max_tokens": 300}
    sent = {"Authorization": f"Bearer {running.keys[TENANT]}", **headers}
    began = time.perf_counter()
    reply = client.post(f"{running.started.base_url}/chat/completions", json=body, headers=sent)
    ms = (time.perf_counter() - began) * 1000
    reply.raise_for_status()
    text = str(reply.json()["choices"][0]["message"]["content"])
    micros = round(float(reply.headers["x-tierwise-cost-usd"]) * MICROS_PER_USD)
    return Got(asked, reply.headers["x-tierwise-cache"], text, micros, ms)


def replay(running: Running, load: Sequence[Asked], at_once: int, headers: dict[str, str]) -> list[Got]:
    with httpx.Client(timeout=120) as client, ThreadPoolExecutor(at_once) as pool:
        return list(pool.map(lambda asked: ask(client, running, asked, headers), load))


def wrong_hits(got: Sequence[Got]) -> list[tuple[Asked, str, str]]:
    """Hits whose answer was made for another intent, as (asked, verdict, answer)."""
    made_for = {g.text: g.asked.intent for g in got if g.verdict == "miss"}
    hits = [g for g in got if g.verdict in ("exact", "semantic")]
    return [(g.asked, g.verdict, g.text) for g in hits if made_for.get(g.text) != g.asked.intent]


def _times(got: Sequence[Got]) -> Json:
    ms = sorted(g.ms for g in got)
    if not ms:
        return {"n": 0}
    return {"n": len(ms), "p50_ms": round(statistics.median(ms), 1), "p95_ms": round(ms[int(0.95 * (len(ms) - 1))], 1)}


def measure(intents: Sequence[Sequence[str]], requests: int, at_once: int, speed: float) -> Json:
    load = list(day(intents, requests, seed=5))
    with tempfile.TemporaryDirectory() as place:
        # No checks: a simulated model never says the same to two wordings, so each would be found different.
        changes = {"cache": {"checks": {"share": 0}}, "escalation": {"enabled": False}}
        with gateway(Path(place), changes, speed=speed) as running:
            without = replay(running, load, at_once, {"Cache-Control": "no-cache, no-store"})
            cached = replay(running, load, at_once, {})
    verdicts = Counter(g.verdict for g in cached)
    hits, semantic = verdicts["exact"] + verdicts["semantic"], verdicts["semantic"]
    wrong = wrong_hits(cached)
    before, after = (sum(g.micros for g in got) for got in (without, cached))
    return {
        "requests": requests,
        "intents": len(intents),
        "wordings": len({asked.text for asked in load}),
        "verdicts": dict(verdicts),
        "hit_rate": round(hits / requests, 4),
        "wrong": len(wrong),
        "wrong_examples": [(asked.text, verdict, text[:120]) for asked, verdict, text in wrong[:10]],
        "semantic_error_bound_95": round(upper_bound(len(wrong), semantic, 0.95), 5) if semantic else None,
        "usd_without": before / MICROS_PER_USD,
        "usd_with": after / MICROS_PER_USD,
        "saved_share": round(1 - after / before, 4),
        "latency": {
            "without": _times(without),
            "with": _times(cached),
            **{kind: _times([g for g in cached if g.verdict == kind]) for kind in ("exact", "semantic", "miss")},
        },
    }


def main(
    requests: Annotated[int, typer.Option(help="Requests of the day.")] = 2_000,
    pairs: Annotated[Path | None, typer.Option(exists=True, dir_okay=False, help="Questions of your own.")] = None,
    at_once: Annotated[int, typer.Option(help="Requests at the same time.")] = 4,
    speed: Annotated[float, typer.Option(help="Multiplies the simulated models' latency.")] = 1.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Replay a day of FAQ traffic, without the cache and with it."""
    found = measure(intents_of(pairs) if pairs else own_intents(), requests, at_once, speed)
    if as_json:
        typer.echo(json.dumps(found))
        return
    for name, value in found.items():
        typer.echo(f"{name:<24} {value}")


if __name__ == "__main__":
    typer.run(main)

"""What `make run` shows of itself once it is up: the main job over HTTP with the official OpenAI SDK."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import httpx
import openai
from rich.console import Console
from rich.table import Table

from plugins.launcher import Started

EASY = "What is the capital of Austria?"
MIDDLING = "Write a Python class that implements an LRU cache with get and put in constant time."
HARD = "Prove that every bounded monotone sequence of real numbers converges, and say where completeness is used."
PARAPHRASE = ("How do I reset my password?", "How can I reset my password?")
PRIVATE = "My name is Jane Roe and my IBAN is GB33BUKB20201555555555. Draft a short payment reminder to me."
TABLE_WIDTH = 150  # a wrapped table cannot be read; a terminal scrolls
TENANT, CAPPED = "trial", "trial-capped"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: what was asked, what should happen, and what did."""

    what: str
    expected: str
    got: str
    good: bool
    headers: Mapping[str, str]


def demonstrate(started: Started, console: Console) -> list[Row]:
    """Runs every row, prints the table, and returns the rows. Needs the trial tenants' keys."""
    if not {TENANT, CAPPED} <= set(started.keys):
        console.print("The config has keys of its own: no demonstration.")
        return []
    console.print("\nWhat the gateway does (official OpenAI SDK over HTTP):\n")
    rows = list(_rows(started))
    table = Table("request", "expected", "happened", "cost $", "left $", "ok", box=None, pad_edge=False)
    for row in rows:
        cost, left = (row.headers.get(f"x-tierwise-{n}-usd", "") for n in ("cost", "budget-remaining"))
        if row.headers.get("x-tierwise-cost-basis") == "reserved":
            cost = f"{cost} held"
        table.add_row(row.what, row.expected, row.got, cost, left, "yes" if row.good else "[red]NO[/red]")
    Console(file=console.file, width=max(console.width, TABLE_WIDTH)).print(table)
    return rows


def _rows(started: Started) -> Iterator[Row]:
    with (
        openai.OpenAI(base_url=started.base_url, api_key=started.keys[TENANT], max_retries=0) as client,
        openai.OpenAI(base_url=started.base_url, api_key=started.keys[CAPPED], max_retries=0) as capped,
    ):
        for label, prompt, tier in (
            ("easy", EASY, "small"),
            ("middling", MIDDLING, "mid"),
            ("hard", HARD, "frontier"),
        ):
            yield _tier_row(f"auto, {label} prompt", tier, _ask(client, "auto", prompt))
        yield _tier_row("auto, easy prompt, streamed", "small", _stream(client, "auto", "What is the capital of Peru?"))
        yield _tier_row(
            "frontier by name, easy prompt", "frontier", _ask(client, "frontier", "What is the capital of Chad?")
        )
        yield _cache_row("the same question again", "exact", _ask(client, "auto", EASY))
        for _ in range(2):  # the second comes back when the first one's answer is stored
            _ask(client, "auto", PARAPHRASE[0])
        yield _cache_row("a question in other words", "semantic", _ask(client, "auto", PARAPHRASE[1]))
        yield _cache_row("the same, streamed", "semantic", _stream(client, "auto", PARAPHRASE[1]))
        yield _tier_row("auto, personal data in the prompt", "onprem", _ask(client, "auto", PRIVATE))
        if started.simulator_url is not None:
            origin = started.simulator_url.removesuffix("/v1")
            yield _capped_row(capped, origin)
            yield _failover_row(client, origin)


def _ask(client: openai.OpenAI, model: str, prompt: str) -> Mapping[str, str]:
    raw = client.chat.completions.with_raw_response.create(
        model=model, messages=[{"role": "user", "content": prompt}], max_tokens=300
    )
    answer = raw.parse().choices[0].message.content or ""
    return {**{k.lower(): v for k, v in raw.headers.items()}, "answer": answer}


def _stream(client: openai.OpenAI, model: str, prompt: str) -> Mapping[str, str]:
    with client.chat.completions.with_streaming_response.create(
        model=model, messages=[{"role": "user", "content": prompt}], max_tokens=300, stream=True
    ) as reply:
        lines = [line for line in reply.iter_lines() if line.startswith("data: ")]
        return {**{k.lower(): v for k, v in reply.headers.items()}, "answer": "\n".join(lines)}


def _tier_row(what: str, tier: str, headers: Mapping[str, str]) -> Row:
    got = headers.get("x-tierwise-tier", "")
    reason = headers.get("x-tierwise-reason", "")
    good = got == tier and bool(headers["answer"])
    return Row(what, f"tier {tier}", f"tier {got} ({_short(reason)})", good, headers)


def _cache_row(what: str, kind: str, headers: Mapping[str, str]) -> Row:
    got = headers.get("x-tierwise-cache", "")
    distance = headers.get("x-tierwise-cache-distance")
    happened = f"{got} hit" + (f", distance {distance}" if distance else "") if got == kind else got
    return Row(what, f"{kind} hit, no model call", happened, got == kind and bool(headers["answer"]), headers)


def _capped_row(client: openai.OpenAI, origin: str) -> Row:
    before = _calls(origin)
    try:
        _ask(client, "auto", "Hello, who are you?")
    except openai.RateLimitError as error:
        good = error.code == "insufficient_quota" and _calls(origin) == before
        headers = {k.lower(): v for k, v in error.response.headers.items()}
        return Row("a tenant at its cap", "429, no model call", f"{error.status_code} {error.code}", good, headers)
    return Row("a tenant at its cap", "429, no model call", "answered", False, {})


def _failover_row(client: openai.OpenAI, origin: str) -> Row:
    with _fault(origin, "sim-small", "error500"):
        headers = _ask(client, "auto", "What is the capital of Kenya?")
    tier = headers.get("x-tierwise-tier", "")
    good = bool(headers["answer"]) and tier not in ("", "small")
    return Row("its provider answers 500", "another model answers", f"tier {tier} answered", good, headers)


def _calls(origin: str) -> int:
    return int(httpx.get(f"{origin}/control/calls").json()["total"]["calls"])


@contextmanager
def _fault(origin: str, model: str, fault: str) -> Iterator[None]:
    httpx.put(f"{origin}/control/faults", json={"model": model, "fault": fault}).raise_for_status()
    try:
        yield
    finally:
        httpx.delete(f"{origin}/control/faults").raise_for_status()


def _short(reason: str, most: int = 46) -> str:
    return reason if len(reason) <= most else reason[: most - 3] + "..."

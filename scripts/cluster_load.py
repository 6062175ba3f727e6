"""Load on a gateway's service until a moment, from inside its cluster: plain and streamed calls over kept connections.

Reads BASE_URL, API_KEY, SECONDS and CLIENTS from the environment; prints one JSON object. A call fails when it is not
answered whole with status 200; nothing is repeated. Runs in the gateway's own image, which has httpx.
"""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx

UNTIL = time.monotonic() + float(os.environ["SECONDS"])
TOPICS = ("rivers", "bridges", "clocks", "maps", "bees", "glass", "salt", "kites")


def calls(number: int) -> tuple[Counter[str], list[float]]:
    """One client: (what happened, seconds per call), until the time is up."""
    happened: Counter[str] = Counter()
    seconds = []
    headers = {"Authorization": f"Bearer {os.environ['API_KEY']}"}
    with httpx.Client(base_url=os.environ["BASE_URL"], headers=headers, timeout=120) as client:
        while time.monotonic() < UNTIL:
            place = number * 100_000 + len(seconds)
            stream = place % 2 == 0
            began = time.monotonic()
            happened[
                f"streamed: {call(client, place, stream)}" if stream else f"plain: {call(client, place, stream)}"
            ] += 1
            seconds.append(time.monotonic() - began)
    return happened, seconds


def call(client: httpx.Client, place: int, stream: bool) -> str:
    """`answered`, or what went wrong."""
    text = f"Write a paragraph about {TOPICS[place % len(TOPICS)]}, number {place}."
    body = {"model": "auto", "messages": [{"role": "user", "content": text}], "max_tokens": 150, "stream": stream}
    try:
        with client.stream("POST", "/chat/completions", json=body) as reply:
            answer = reply.read().decode()
            if reply.status_code != 200:
                return f"{reply.status_code} {answer[:200]}"
            whole = answer.rstrip().endswith("data: [DONE]") if stream else bool(json.loads(answer)["choices"])
            return "answered" if whole else f"broken off: {answer[-200:]}"
    except (httpx.HTTPError, ValueError, KeyError) as error:
        return f"{type(error).__name__}: {error}"[:200]


if __name__ == "__main__":
    clients = int(os.environ["CLIENTS"])
    with ThreadPoolExecutor(clients) as pool:
        results = list(pool.map(calls, range(clients)))
    counts = sum((counted for counted, _ in results), Counter[str]())
    slowest = sorted(second for _, taken in results for second in taken)
    total = sum(counts.values())
    print(
        json.dumps(
            {
                "calls": total,
                "failed": total - sum(n for what, n in counts.items() if what.endswith(": answered")),
                "p50_s": round(slowest[total // 2], 2),
                "max_s": round(slowest[-1], 2),
                "happened": dict(counts),
            }
        )
    )

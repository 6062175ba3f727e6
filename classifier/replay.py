"""Reading a customer's existing traffic: what is asked, what each route would cost, what routing would save."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from classifier.artifact import Model, Prediction
from classifier.data import DataError, read_json_lines
from classifier.embedding import Embedder
from classifier.evaluate import predict_all

ROUTES: Final = ("small", "mid", "frontier")
CHARS_PER_TOKEN: Final = 4  # of English text, for logs without token counts
ANSWER_TOKENS: Final = 350  # stands in for answers whose length was not logged
AMBIGUOUS_WITHIN: Final = 0.05  # of a cut point, in hardness
DRAWS: Final = 1000


@dataclass(frozen=True, slots=True)
class Request:
    """One logged request."""

    text: str
    prompt_tokens: int
    completion_tokens: int
    line: int  # of the log, from 1


@dataclass(frozen=True, slots=True)
class Price:
    """Micro-dollars for a million tokens."""

    input_micros: int
    output_micros: int

    def cost_micros(self, request: Request) -> int:
        """Rounded up, as charged."""
        total = request.prompt_tokens * self.input_micros + request.completion_tokens * self.output_micros
        return -(-total // 1_000_000)


def parse_price(text: str) -> tuple[str, Price]:
    """`small=0.15/0.60`: a route and dollars for a million tokens in and out. Raises DataError."""
    try:
        route, prices = text.split("=")
        inward, outward = (round(float(value) * 1_000_000) for value in prices.split("/"))
    except ValueError:
        raise DataError(f"--price {text!r}: write it as ROUTE=IN/OUT, for example small=0.15/0.60") from None
    if route not in ROUTES or inward < 0 or outward < 0:
        raise DataError(f"--price {text!r}: the route must be one of {', '.join(ROUTES)}, the prices not negative")
    return route, Price(inward, outward)


def _text_of(value: dict[str, Any]) -> str | None:
    """The users' text: `prompt`, `messages`, or `input` (a text, messages, or an object with either, as in traces)."""
    given = next((value[name] for name in ("prompt", "messages", "input") if value.get(name)), None)
    if isinstance(given, str | dict):
        return given if isinstance(given, str) else _text_of(given)
    parts = []
    for message in given if isinstance(given, list) else ():
        content = message.get("content") if isinstance(message, dict) else None
        if isinstance(content, list):
            content = "\n".join(str(part.get("text") or "") for part in content if isinstance(part, dict))
        if isinstance(content, str) and message.get("role") == "user":
            parts.append(content)
    return "\n\n".join(parts) or None


def _tokens(value: dict[str, Any], names: Sequence[str], instead: int) -> int:
    """The first positive count among the fields of the line and of its `usage`."""
    usage = value.get("usage")
    for found in (usage if isinstance(usage, dict) else {}, value):
        for name in names:
            count = found.get(name)
            if isinstance(count, int | float) and count >= 1:
                return int(count)
    return instead


def read_log(path: Path) -> list[Request]:
    """Requests of a JSONL log: `prompt`, `messages` or `input`, and, where known, `prompt_tokens` and
    `completion_tokens` (or `input_tokens` and `output_tokens`), also under `usage`. Raises DataError."""
    found = []
    for number, value in read_json_lines(path):
        text = _text_of(value)
        if text is None:
            raise DataError(f"{path}:{number}: expected 'prompt' or 'input' (a text), or 'messages' with a user's text")
        prompt_tokens = _tokens(value, ("prompt_tokens", "input_tokens"), len(text) // CHARS_PER_TOKEN + 1)
        completion_tokens = _tokens(value, ("completion_tokens", "output_tokens"), ANSWER_TOKENS)
        found.append(Request(text, prompt_tokens, completion_tokens, number))
    if not found:
        raise DataError(f"{path} holds no requests")
    return found


def route_of(prediction: Prediction, model: Model) -> str:
    """The route that the default cut points give."""
    if prediction.hardness < model.easy_below:
        return "small"
    return "frontier" if prediction.hardness >= model.hard_from else "mid"


def _saving(routed: Sequence[int], always: Sequence[int]) -> dict[str, Any]:
    """Share of the always-frontier bill that is saved, with its 95 % bootstrap interval over requests."""
    spent, full = np.array(routed, dtype=np.float64), np.array(always, dtype=np.float64)
    if full.sum() <= 0:
        return {"saving": None, "saving_ci": None}
    rng = np.random.default_rng(0)
    drawn = []
    for _ in range(DRAWS):
        pick = rng.integers(0, len(full), len(full))
        drawn.append(1.0 - spent[pick].sum() / max(full[pick].sum(), 1.0))
    low, high = np.percentile(drawn, [2.5, 97.5])
    saved = 1.0 - spent.sum() / full.sum()
    return {"saving": round(float(saved), 4), "saving_ci": [round(float(low), 4), round(float(high), 4)]}


def replay_log(
    requests: Sequence[Request],
    model: Model,
    embedder: Embedder | None,
    prices: dict[str, Price],
    advance: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Task mix, route mix, cost in micro-dollars of each fixed route and of routing, saving, ambiguous lines."""
    predictions = predict_all(model, [request.text for request in requests], embedder, advance)
    routes = [route_of(prediction, model) for prediction in predictions]
    costs = {route: [prices[route].cost_micros(request) for request in requests] for route in ROUTES}
    routed = [costs[route][i] for i, route in enumerate(routes)]
    cuts = (model.easy_below, model.hard_from)
    close = [(min(abs(p.hardness - cut) for cut in cuts), i) for i, p in enumerate(predictions)]
    ambiguous = sorted(pair for pair in close if pair[0] < AMBIGUOUS_WITHIN)
    quality = {"small": "ok_weak", "mid": "ok_mid", "frontier": "ok_strong"}
    expected = [getattr(p, quality[route]) for p, route in zip(predictions, routes, strict=True)]
    return {
        "n": len(requests),
        "tasks": dict(Counter(p.task for p in predictions).most_common()),
        "routes": {route: routes.count(route) for route in ROUTES},
        "cost_micros": {**{f"always_{route}": sum(costs[route]) for route in ROUTES}, "routed": sum(routed)},
        **_saving(routed, costs["frontier"]),
        "expected_ok": round(float(np.mean(expected)), 4),
        "expected_ok_always_frontier": round(float(np.mean([p.ok_strong for p in predictions])), 4),
        "ambiguous_share": round(len(ambiguous) / len(requests), 4),
        "ambiguous": [
            {"line": requests[i].line, "hardness": round(predictions[i].hardness, 3), "route": routes[i]}
            for _, i in ambiguous[:50]
        ],
    }

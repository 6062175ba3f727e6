"""A tiny OpenAI-compatible gateway over real HTTP, for tests of the evaluation: models of known skill and price."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

MICROS = {"strong": 1000, "weak": 40, "auto": 250, "judge": 10, "biased": 10}


@dataclass(slots=True)
class TinyGateway:
    """Answers "double N": `strong` is right, `weak` for even N, `auto` always; `lost` fails, `broke` has no budget.

    What `weak` answers comes from another tier, unless it is asked alone; `calls["alone"]` counts those.
    `judge` prefers the answer that says "good", `biased` the first one. `calls` counts by model.
    """

    url: str = ""
    calls: Counter[str] = field(default_factory=Counter)

    async def models(self, request: Request) -> JSONResponse:
        """Answers 401 to the key `wrong`."""
        return JSONResponse({"object": "list", "data": []}, 401 if "wrong" in request.headers["authorization"] else 200)

    async def chat(self, request: Request) -> JSONResponse:
        """A chat completion, with what it cost in the header."""
        body = await request.json()
        model, text = body["model"], str(body["messages"][-1]["content"])
        self.calls[model] += 1
        alone = request.headers.get("x-tierwise-escalation") == "off"
        if alone:
            self.calls["alone"] += 1
        assert "no-cache" in request.headers["cache-control"]
        if model == "broke":
            return JSONResponse(
                {"error": {"message": "spent", "code": "insufficient_quota"}}, 429, {"x-should-retry": "false"}
            )
        if model == "lost":
            return JSONResponse({"error": {"message": "down"}}, 503, {"x-should-retry": "false"})
        if model == "refusing":
            return JSONResponse({"error": {"message": "no", "code": "content_policy"}}, 400)
        message = {"role": "assistant", "content": self._answer(model, text)}
        reply = {"id": "1", "object": "chat.completion", "created": 1, "model": model}
        reply |= {"choices": [{"index": 0, "finish_reason": "stop", "message": message}]}
        told = {"x-tierwise-cost-usd": f"{MICROS[model] / 1e6:.6f}", "x-tierwise-tier": model}
        if model == "weak" and not alone:
            told["x-tierwise-reason"] = "weak was named; escalated from weak: hedge"
        return JSONResponse(reply, headers=told)

    def _answer(self, model: str, text: str) -> str:
        if model == "biased":
            return '{"better": "A"}'
        if model == "judge":
            first = re.search(r"\[ANSWER A \w+\]\n(.*?)\n\[END", text, re.DOTALL)
            return json.dumps({"better": "A" if first and "good" in first[1] else "B"})
        number = int((re.findall(r"\d+", text) or ["0"])[-1])
        right = model != "weak" or number % 2 == 0
        return f"It is {number * 2 if right else number * 2 + 1}."


@contextmanager
def tiny_gateway() -> Iterator[TinyGateway]:
    """Serve on a free port of the loopback interface; stops at the end of the block."""
    gateway = TinyGateway()
    app = Starlette(
        routes=[
            Route("/v1/models", gateway.models),
            Route("/v1/chat/completions", gateway.chat, methods=["POST"]),
        ]
    )
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off", ws="none"))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        gateway.url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield gateway
        finally:
            server.should_exit = True
            thread.join()

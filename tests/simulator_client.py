"""The simulated provider in process, for tests that need no socket."""

import json
from collections.abc import Sequence
from typing import Any, Self

import httpx

from plugins.trial.simulator import create_app


class SimulatorClient:
    """An async context manager around the app: `ask` for chat completions, `http` for everything else."""

    def __init__(self, speed: float = 0.0, api_keys: Sequence[str] = ()) -> None:
        transport = httpx.ASGITransport(app=create_app(speed=speed, api_keys=api_keys))
        self.http = httpx.AsyncClient(transport=transport, base_url="http://simulator")

    async def __aenter__(self) -> Self:
        await self.http.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.http.aclose()

    async def post(self, prompt: str, model: str = "sim-frontier", **fields: Any) -> httpx.Response:
        """The raw response to one user message."""
        body = {"model": model, "messages": [{"role": "user", "content": prompt}]} | fields
        return await self.http.post("/v1/chat/completions", content=json.dumps(body))

    async def ask(self, prompt: str, model: str = "sim-frontier", **fields: Any) -> Any:
        """The JSON body of a successful plain answer."""
        response = await self.post(prompt, model, **fields)
        assert response.status_code == 200, response.text
        return response.json()

    async def stream(self, prompt: str, model: str = "sim-frontier", **fields: Any) -> list[Any]:
        """The chunks of a streamed answer, which must end in [DONE]."""
        response = await self.post(prompt, model, stream=True, **fields)
        assert response.headers["content-type"].startswith("text/event-stream"), response.text
        events = [line.removeprefix("data: ") for line in response.text.split("\n\n") if line]
        assert events.pop() == "[DONE]"
        return [json.loads(event) for event in events]

    async def set_faults(self, *rules: dict[str, Any]) -> None:
        response = await self.http.put("/control/faults", json=list(rules))
        assert response.status_code == 200, response.text

    async def calls(self) -> Any:
        return (await self.http.get("/control/calls")).json()

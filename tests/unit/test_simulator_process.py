"""The simulated provider as a process of its own: sockets, vanished clients, and its end."""

import asyncio
import os
import select
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from plugins.trial.simulator_process import SimulatorError, SimulatorProcess
from tests.servers import running_simulator

PROMPT: list[Any] = [{"role": "user", "content": "Describe the sea."}]
STREAM = {"model": "sim-frontier", "messages": PROMPT, "stream": True}


@pytest.fixture(scope="module")
def server() -> Iterator[SimulatorProcess]:
    with running_simulator() as running:
        yield running


@pytest.fixture
async def control(server: SimulatorProcess) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=server.origin, timeout=10) as client:
        await client.delete("/control/faults")
        await client.delete("/control/calls")
        yield client


async def _ended_call(control: httpx.AsyncClient) -> Any:
    """The record of the only call, once the server has settled it."""
    for _ in range(500):
        body = (await control.get("/control/calls")).json()
        if body["running"] == 0:
            return body["recent"][0]
        await asyncio.sleep(0.01)
    raise AssertionError("the call was never settled")


async def test_the_official_sdk_is_served(server: SimulatorProcess) -> None:
    """Plain, streamed and embedding calls with the openai package."""
    async with openai.AsyncOpenAI(base_url=server.url, api_key="any") as client:
        plain = await client.chat.completions.create(model="sim-frontier", messages=PROMPT)
        stream = await client.chat.completions.create(model="sim-frontier", messages=PROMPT, stream=True)
        text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])
        vectors = await client.embeddings.create(model="sim-embed", input="hello")
    assert text == plain.choices[0].message.content
    assert len(vectors.data[0].embedding) == 256


async def test_a_client_that_vanishes_is_billed_for_what_was_sent(control: httpx.AsyncClient) -> None:
    """The stream stalls half-way, the client leaves, and the provider bills the prompt and that half."""
    whole = (await control.post("/v1/chat/completions", json=STREAM | {"stream": False})).json()["usage"]
    await control.delete("/control/calls")
    await control.put("/control/faults", json={"fault": "stall", "seconds": 60})
    async with control.stream("POST", "/v1/chat/completions", json=STREAM) as response:
        async for line in response.aiter_lines():
            if "known" in line:
                break
    record = await _ended_call(control)
    assert (record["outcome"], record["prompt_tokens"]) == ("aborted", whole["prompt_tokens"])
    assert 0 < record["completion_tokens"] < whole["completion_tokens"]
    assert record["billed_micros"] > 0


@pytest.mark.parametrize("stream", [True, False])
async def test_a_hung_call_that_is_given_up_is_not_billed(control: httpx.AsyncClient, stream: bool) -> None:
    """Nothing was worked on."""
    await control.put("/control/faults", json={"fault": "hang", "seconds": 60})
    with pytest.raises(httpx.ReadTimeout):
        await control.post("/v1/chat/completions", json=STREAM | {"stream": stream}, timeout=0.2)
    record = await _ended_call(control)
    assert (record["outcome"], record["billed_picos"]) == ("aborted", 0)


@pytest.mark.parametrize("stream", [True, False])
async def test_half_a_body_breaks_the_connection(control: httpx.AsyncClient, stream: bool) -> None:
    """The client sees a protocol error, and the call is billed as cut."""
    await control.put("/control/faults", json={"fault": "half_stream"})
    with pytest.raises(httpx.RemoteProtocolError):
        await control.post("/v1/chat/completions", json=STREAM | {"stream": stream})
    record = await _ended_call(control)
    assert record["outcome"] == "cut" and record["billed_micros"] > 0


async def test_many_calls_run_at_once(control: httpx.AsyncClient) -> None:
    """A hundred streams that all wait are served side by side and all counted."""
    await control.put("/control/faults", json={"fault": "slow", "seconds": 0.2})
    calls = [control.post("/v1/chat/completions", json=STREAM) for _ in range(100)]
    answers = await asyncio.gather(*calls)
    assert all(answer.text.endswith("[DONE]\n\n") for answer in answers)
    assert (await control.get("/control/calls")).json()["total"]["completed"] == 100


def test_stop_ends_the_process_and_may_be_repeated() -> None:
    """Also with a second stop."""
    process = SimulatorProcess(speed=0).start()
    pid = process.pid
    assert pid is not None and process.start().pid == pid
    process.stop()
    process.stop()
    assert process.pid is None and not Path(f"/proc/{pid}").exists()


def test_a_failed_start_shows_the_log() -> None:
    """Here the port is taken."""
    with running_simulator() as first, pytest.raises(SimulatorError, match="in use"):
        SimulatorProcess(port=first.port).start()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends children with their parent")
def test_it_dies_with_its_parent(tmp_path: Path) -> None:
    """Even when the parent is killed with -9."""
    program = (
        "import time; from plugins.trial.simulator_process import SimulatorProcess as S\n"
        "print(S(speed=0).start().pid, flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", program]
    folder = {"TMPDIR": str(tmp_path)}  # a killed parent cannot remove its scratch files
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | folder) as parent:
        assert parent.stdout is not None
        descriptor = os.pidfd_open(int(parent.stdout.readline()))
        parent.send_signal(signal.SIGKILL)
    ended, _, _ = select.select([descriptor], [], [], 10)
    os.close(descriptor)
    assert ended

"""The simulated provider's embeddings are deterministic and near for like texts."""

import array
import base64
from collections.abc import AsyncIterator
from typing import Any

import pytest

from plugins.trial.simulator.embeddings import embed
from tests.simulator_client import SimulatorClient


@pytest.fixture
async def simulator() -> AsyncIterator[SimulatorClient]:
    async with SimulatorClient() as client:
        yield client


async def _embed(simulator: SimulatorClient, **fields: Any) -> Any:
    return (await simulator.http.post("/v1/embeddings", json={"model": "sim-embed", **fields})).json()


def _dot(left: list[float], right: list[float]) -> float:
    return sum(a * b for a, b in zip(left, right, strict=True))


async def test_several_texts_give_as_many_vectors(simulator: SimulatorClient) -> None:
    """In order, with the asked dimensions, and usage counts the tokens of all."""
    body = await _embed(simulator, input=["hello", "hello world"], dimensions=64)
    assert [row["index"] for row in body["data"]] == [0, 1]
    assert [len(row["embedding"]) for row in body["data"]] == [64, 64]
    assert body["usage"] == {"prompt_tokens": 3, "total_tokens": 3}
    assert (await simulator.calls())["recent"][-1]["billed_picos"] == 3 * 20_000


async def test_base64_holds_the_same_floats(simulator: SimulatorClient) -> None:
    """Little-endian 32-bit floats, the form the official SDK asks for."""
    plain = (await _embed(simulator, input="hello"))["data"][0]["embedding"]
    packed = (await _embed(simulator, input="hello", encoding_format="base64"))["data"][0]["embedding"]
    assert list(array.array("f", base64.b64decode(packed))) == pytest.approx(plain)


def test_like_texts_lie_nearer_than_others() -> None:
    """Unit vectors; shared words and word parts count."""
    asked = embed("how do I reset my password", 256)
    assert _dot(asked, asked) == pytest.approx(1.0)
    assert _dot(asked, embed("resetting a password", 256)) > _dot(asked, embed("the price of tea", 256)) + 0.2


@pytest.mark.parametrize("given", [None, "", [], [""], [1.5], [[]], {"a": 1}, "tea " * 9_000])
async def test_bad_inputs_are_400(simulator: SimulatorClient, given: object) -> None:
    """Empty, mistyped and over-long inputs."""
    response = await simulator.http.post("/v1/embeddings", json={"model": "sim-embed", "input": given})
    assert response.status_code == 400 and "error" in response.json()

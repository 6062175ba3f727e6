"""Where traces and scores go, by the config."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from plugins.adapters.score_sink import ScoreFile, ScoreSink
from plugins.adapters.telemetry import Telemetry, build_telemetry
from plugins.config import TracingConfig
from plugins.config_file import load_config
from tests.fake_langfuse import PUBLIC_KEY, SECRET_KEY, FakeLangfuse, fake_langfuse
from tests.unit.traces import a_trace

SHIPPED = Path(__file__).parents[2] / "proxy_config.yaml"
NOWHERE = "redis://127.0.0.1:1/0"


def telemetry(state_dir: Path, **tracing: Any) -> Telemetry:
    config = load_config(SHIPPED, {}).gateway
    changes = {"state_dir": str(state_dir), "tracing": TracingConfig(**tracing)}
    return build_telemetry(config.model_copy(update=changes), NOWHERE, CollectorRegistry())


async def test_without_langfuse_everything_stays_in_the_state_folder(tmp_path: Path) -> None:
    """Traces in a file, feedback in another, and no spool."""
    built = telemetry(tmp_path)
    built.sink.emit(a_trace())
    await built.close()
    assert isinstance(built.scores, ScoreFile)
    assert _names(tmp_path) == ["traces.jsonl"]


async def test_with_langfuse_traces_and_scores_go_there(tmp_path: Path) -> None:
    """And nowhere else, unless a file is named."""
    with fake_langfuse() as server:
        built = telemetry(tmp_path, **_keys(server))
        built.sink.emit(a_trace())
        await built.close()
        assert isinstance(built.scores, ScoreSink)
        assert len(server.generations) == 1
        assert [one["name"] for one in server.scores.values()] == ["gateway.saved_usd"]
    assert not (tmp_path / "traces.jsonl").exists()


@pytest.mark.parametrize("named", [None, "elsewhere"])
async def test_an_outage_is_spooled_without_any_setting(tmp_path: Path, named: str | None) -> None:
    """In the state folder, or where the config says."""
    spool = tmp_path / named if named else tmp_path / "spool"
    with fake_langfuse() as server:
        server.status = 503
        built = telemetry(tmp_path, **_keys(server), **({"spool_dir": str(spool)} if named else {}))
        built.sink.emit(a_trace())
        await built.close()
    assert list(spool.glob("*.otlp"))
    assert list((spool / "scores").iterdir())


async def test_automatic_scores_can_be_switched_off(tmp_path: Path) -> None:
    """One request to Langfuse less for each answer."""
    with fake_langfuse() as server:
        built = telemetry(tmp_path, **_keys(server), automatic_scores=False)
        built.sink.emit(a_trace())
        await built.close()
        assert server.scores == {}


def _names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def _keys(server: FakeLangfuse) -> dict[str, Any]:
    return {
        "langfuse_host": server.url,
        "langfuse_public_key": PUBLIC_KEY,
        "langfuse_secret_key": SECRET_KEY,
        "timeout_ms": 2_000,
    }

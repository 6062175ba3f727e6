"""Exports of Langfuse, in the shapes that it documents, as training data."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from typer import Typer
from typer.testing import CliRunner

from classifier.data import DataError, read_rows
from classifier.langfuse_export import as_traces
from plugins.outcomes_cli import outcomes
from plugins.tracing import TRACE_METADATA, spans_of
from tests.unit.traces import a_trace

CONFIG = Path(__file__).parents[2] / "proxy_config.yaml"
CHAT = json.dumps([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "What is 2 + 2?"}])
cli = Typer()
cli.command()(outcomes)


def observations(number: int, tier: str, **changes: Any) -> list[dict[str, Any]]:
    """What the gateway sends of one request, as rows of the blob storage export `observations_v2/`: snake case,
    payloads as text, empty strings for what is not set. The last observation comes first, as order is not promised."""
    rows = []
    for span in spans_of(a_trace(id=f"{number:032x}", tier=tier, input=CHAT, **changes), environment="test"):
        said = span.attributes
        metadata = {key.removeprefix(TRACE_METADATA): v for key, v in said.items() if key.startswith(TRACE_METADATA)}
        rows.append(
            {
                "id": span.span_id,
                "trace_id": span.trace_id,
                "project_id": "p1",
                "environment": said["langfuse.environment"],
                "type": str(said["langfuse.observation.type"]).upper(),
                "parent_observation_id": span.parent_id,
                "name": span.name,
                "metadata": metadata,
                "level": "DEFAULT",
                "input": said.get("langfuse.observation.input", ""),
                "output": said.get("langfuse.observation.output", ""),
                "user_id": said["user.id"],
                "trace_name": said["langfuse.trace.name"],
                "tags": list(said["langfuse.trace.tags"]),
            }
        )
    return rows[::-1]


def score(number: int, value: float, kind: str = "BOOLEAN", name: str = "thumbs") -> dict[str, Any]:
    """A row of `scores/`. Categories and texts have a number there, too, which says nothing."""
    row = {"id": f"s{number}{name}", "trace_id": f"{number:032x}", "observation_id": None, "session_id": None}
    return {**row, "name": name, "value": value, "source": "ANNOTATION", "data_type": kind, "string_value": None}


def made(tmp_path: Path, traces: list[dict[str, Any]], scores: list[dict[str, Any]], packed: bool = False) -> list[Any]:
    """The rows that `tierwise outcomes` makes of an export, as `tierwise train` reads them."""
    files = tmp_path / f"observations.jsonl{'.gz' if packed else ''}", tmp_path / "scores.jsonl"
    for path, records in zip(files, (traces, scores), strict=True):
        text = "".join(json.dumps(record) + "\n" for record in records).encode()
        path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    out = tmp_path / "rows.jsonl"
    given = ["--traces", str(files[0]), "--scores", str(files[1]), "--score", "thumbs", "--out", str(out)]
    done = CliRunner().invoke(cli, [*given, "--config", str(CONFIG)])
    assert done.exit_code == 0, done.output
    return read_rows([out])


@pytest.mark.parametrize("packed", [False, True])
def test_exported_observations_become_rows_that_train_reads(tmp_path: Path, packed: bool) -> None:
    """One question, answered by two tiers, in any order of rows, compressed or not."""
    traces = [*observations(1, "small"), *observations(2, "frontier")][::-1]
    (row,) = made(tmp_path, traces, [score(1, 0), score(2, 1)], packed)
    assert (row.prompt, row.weak, row.strong) == ("What is 2 + 2?", 0.0, 1.0)


def test_the_generation_alone_names_the_tier(tmp_path: Path) -> None:
    """Where the export leaves out metadata, the generation's name and the tags say enough."""
    told = [{**row, "metadata": {}} for row in [*observations(1, "small"), *observations(2, "frontier")]]
    (row,) = made(tmp_path, told, [score(1, 1), score(2, 1)])
    assert (row.weak, row.strong) == (1.0, 1.0)
    failed = as_traces({**row, "metadata": {}} for row in observations(3, "small", outcome="failed"))
    assert failed[0]["metadata"]["outcome"] == "failed"


def test_the_older_export_of_traces_holds_chats_as_text(tmp_path: Path) -> None:
    """`traces/`: one row a trace, the messages as JSON in a text."""
    told = [
        {"id": f"{number:032x}", "timestamp": "2026-01-01 00:00:00.000000", "name": "app", "input": CHAT, **rest}
        for number, rest in (
            (1, {"metadata": {"tier": "small", "outcome": "answered"}, "user_id": None, "tags": []}),
            (2, {"metadata": '{"tier": "frontier", "outcome": "answered"}', "user_id": "acme", "tags": []}),
        )
    ]
    (row,) = made(tmp_path, told, [score(1, 0), score(2, 1)])
    assert (row.prompt, row.weak, row.strong) == ("What is 2 + 2?", 0.0, 1.0)


def test_the_public_api_writes_camel_case(tmp_path: Path) -> None:
    """Observations and scores as `/api/public/v2/observations` and `/v2/scores` answer."""
    camel = {"trace_id": "traceId", "parent_observation_id": "parentObservationId", "data_type": "dataType"}
    told, said = (
        [{camel.get(key, key): value for key, value in row.items()} for row in rows]
        for rows in ([*observations(1, "small"), *observations(2, "frontier")], [score(1, 0), score(2, 1)])
    )
    (row,) = made(tmp_path, told, said)
    assert (row.weak, row.strong) == (0.0, 1.0)


def test_categories_and_texts_have_no_order(tmp_path: Path) -> None:
    """The number that an export gives them is an index, or always 0."""
    traces = [*observations(1, "small"), *observations(2, "frontier")]
    scores = [score(1, 1, "NUMERIC"), score(1, 0, "TEXT"), score(2, 1), score(2, 0, "CATEGORICAL")]
    (row,) = made(tmp_path, traces, scores)
    assert (row.weak, row.strong) == (1.0, 1.0)


def test_train_says_what_to_do_with_traces(tmp_path: Path) -> None:
    """Given an export, it names the command that makes rows of it."""
    (path := tmp_path / "export.jsonl").write_text(json.dumps(observations(1, "small")[0]))
    with pytest.raises(DataError, match="tierwise outcomes"):
        read_rows([path])


@pytest.mark.parametrize("first", ["trace", "observations"])
def test_traces_and_their_observations_may_stand_in_one_file(first: str) -> None:
    """In any order, with metadata as an object, as text, or none; nothing that either says is lost."""
    parts = observations(1, "small")
    for metadata in ({"note": "kept"}, '{"note": "kept"}', None):
        trace = {"id": parts[0]["trace_id"], "metadata": metadata, "input": None}
        (found,) = as_traces([trace, *parts] if first == "trace" else [*parts, trace])
        assert found["metadata"]["tier"] == "small" and found["input"]
        assert (found["metadata"].get("note") == "kept") == (metadata is not None)

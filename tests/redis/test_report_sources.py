"""The report from the ledger and from Langfuse, and whether they agree."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import typer
import yaml
from typer.testing import CliRunner

from plugins.budget_windows import candidates
from plugins.report_cli import report
from plugins.trace_record import to_record
from plugins.values import Caller, Cap, Exact, Window
from tests.ledgers import PATIENT, tenant_on
from tests.servers import running_redis
from tests.unit.traces import a_trace

APP = typer.Typer()
APP.command()(report)
CALL = "0123456789abcdef" * 2
CAP = Cap("tenant", Window.MONTH, micros=10_000_000)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Tenant acme was charged 2,500 and 700 micro-dollars, the former in two holds of one call."""
    journal = tmp_path_factory.mktemp("journal")
    with running_redis() as server:

        async def spend() -> None:
            async with tenant_on(server.url, journal, PATIENT, candidates, "acme") as tenant:
                tenant.caps = (CAP,)
                for call_id, micros in ((CALL, 2_400), (f"{CALL}-judge", 100), ("f" * 32, 700)):
                    hold = await tenant.hold(5_000, call_id=call_id)
                    await tenant.ledger.settle(hold, Exact(micros, 70))

        asyncio.run(spend())
        yield server.url


class FakeMetrics:
    """Answers the metrics query of one tenant from a list of rows."""

    def __init__(self) -> None:
        self.rows: dict[str, list[dict[str, Any]]] = {}
        self.queries: list[dict[str, Any]] = []
        self.url = ""


@pytest.fixture
def langfuse() -> Iterator[FakeMetrics]:
    fake = FakeMetrics()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            query = json.loads(parse_qs(urlsplit(self.path).query)["query"][0])
            fake.queries.append(query)
            (tenant,) = (one["value"] for one in query["filters"] if one["column"] == "userId")
            told = json.dumps({"data": fake.rows.get(tenant, [])}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(told)))
            self.end_headers()
            self.wfile.write(told)

        def log_message(self, *_: object) -> None:
            """No noise in the test output."""

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=running.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    fake.url = f"http://127.0.0.1:{running.server_port}"
    yield fake
    running.shutdown()
    running.server_close()
    thread.join()


@pytest.fixture
def config(tmp_path: Path, url: str, langfuse: FakeMetrics) -> Path:
    gateway = {
        "redis_url": url,
        "tiers": {"small": {"strength": "weak"}},
        "routing": {"default": {"easy": "small", "medium": "small", "hard": "small"}},
        "tenants": {"acme": {"caps": [{"usd": 10, "per": "month"}], "apps": {"web": {}}}},
        "tracing": {"langfuse_host": langfuse.url, "langfuse_public_key": "pk", "langfuse_secret_key": "sk"},
    }
    models = [{"model_name": "small", "litellm_params": {"model": "openai/small"}}]
    path = tmp_path / "proxy_config.yaml"
    path.write_text(yaml.safe_dump({"model_list": models, "gateway": gateway}))
    return path


def row(micros: int, **changes: Any) -> dict[str, Any]:
    return {
        "traceName": "web/chat",
        "name": "small",
        "providedModelName": "gpt-nano",
        "tags": ["outcome:answered", "cache:miss", "task:code", "escalated"],
        "sum_totalCost": str(micros / 1e6),
        "sum_inputTokens": "30",
        "sum_outputTokens": 12,
        "count_count": "3",
        **changes,
    }


def run(*arguments: str | Path) -> tuple[int, str, str]:
    done = CliRunner().invoke(APP, [str(argument) for argument in arguments])
    return done.exit_code, done.stdout, done.stderr


def traces(path: Path, *amounts: int) -> Path:
    made = [
        a_trace(id=f"call-{n}", caller=Caller("acme", "web", "k-1"), cost_micros=micros, costs={"model": micros})
        for n, micros in enumerate(amounts)
    ]
    path.write_text("".join(json.dumps(to_record(trace)) + "\n" for trace in made))
    return path


def test_the_ledger_is_a_source(config: Path) -> None:
    """Each charged call once, with its tenant, tier and money."""
    code, out, _ = run("--source", "ledger", "--config", config, "--json", "--by", "tenant")
    assert code == 0
    (group,) = json.loads(out)["rows"]
    assert (group["tenant"], group["requests"], group["cost_micros"]) == ("acme", 2, 3_200)
    assert group["p50_ms"] is None


def test_a_file_that_agrees_is_reconciled(config: Path, tmp_path: Path) -> None:
    """To the micro-dollar, in one line on standard error and one entry of the JSON."""
    file = traces(tmp_path / "t.jsonl", 2_500, 700)
    code, out, err = run("--traces", file, "--config", config, "--json")
    assert code == 0
    assert "agree to the micro-dollar ($0.003200" in err
    expected = {"tenant": "acme", "traced_micros": 3_200, "ledger_micros": 3_200, "difference_micros": 0}
    assert json.loads(out)["reconciliation"] == [expected]


def test_a_file_with_lost_traces_is_told(config: Path, tmp_path: Path) -> None:
    """By how much, and for whom."""
    _, _, err = run("--traces", traces(tmp_path / "t.jsonl", 2_500), "--config", config)
    assert "not equal" in err
    assert "acme +0.000700" in err


def test_langfuse_is_a_source(config: Path, langfuse: FakeMetrics) -> None:
    """One query per tenant; tags become task, outcome and cache; its sum is compared with the ledger's."""
    langfuse.rows = {"acme": [row(3_000), row(200, tags=["outcome:cached", "cache:semantic"])]}
    code, out, err = run("--source", "langfuse", "--config", config, "--json", "--by", "app,feature,task,outcome")
    assert code == 0
    found = json.loads(out)
    assert [one["cost_micros"] for one in found["rows"]] == [3_000, 200]
    first = found["rows"][0]
    assert (first["app"], first["feature"], first["task"], first["requests"]) == ("web", "chat", "code", 3)
    assert (first["escalated"], first["input_tokens"], first["output_tokens"]) == (3, 30, 12)
    assert "langfuse and ledger agree" in err
    (query,) = langfuse.queries
    assert {"column": "type", "operator": "any of", "value": ["GENERATION"], "type": "stringOptions"} in query[
        "filters"
    ]


def test_an_answer_that_was_cut_is_not_reported(config: Path, langfuse: FakeMetrics) -> None:
    """A thousand rows are the server's limit: the sum would be wrong."""
    langfuse.rows = {"acme": [row(1)] * 1_000}
    code, _, err = run("--source", "langfuse", "--config", config)
    assert code == 1
    assert "--since" in err


def test_the_page_shows_spend_against_caps(config: Path, tmp_path: Path) -> None:
    """With the cap's name, what is spent, and the limit."""
    page = tmp_path / "report.html"
    code, _, _ = run("--traces", traces(tmp_path / "t.jsonl", 2_500, 700), "--config", config, "--html", page)
    assert code == 0
    text = page.read_text()
    assert "Spend against caps" in text
    assert "acme, per month" in text
    assert "$0.0032 of $10.00" in text


def test_a_source_that_cannot_be_asked_says_why(tmp_path: Path, config: Path) -> None:
    """The ledger without Redis."""
    code, _, err = run("--source", "ledger", "--config", config, "--redis-url", "redis://127.0.0.1:1/0")
    assert code == 1
    assert "ledger" in err

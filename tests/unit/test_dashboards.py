"""The cost dashboard, applied to a server that speaks Langfuse's dashboards API."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from langfuse.api.core.pydantic_utilities import parse_obj_as
from langfuse.api.unstable.dashboard_widgets.types import CreateDashboardWidgetRequest
from langfuse.api.unstable.dashboards.types import CreateDashboardRequest
from typer.testing import CliRunner

from plugins.adapters.langfuse_dashboards import LangfuseDashboards
from plugins.dashboards import WIDGETS, places
from plugins.dashboards_cli import dashboards_app
from plugins.errors import StartError

ROOT = "/api/public/unstable/"
NOW = "2026-05-01T00:00:00Z"
CREATED: dict[str, Any] = {"dashboard-widgets": CreateDashboardWidgetRequest, "dashboards": CreateDashboardRequest}


class FakeDashboards:
    """Keeps widgets and dashboards; refuses what the SDK's own request types would."""

    def __init__(self) -> None:
        self.kept: dict[str, dict[str, dict[str, Any]]] = {"dashboard-widgets": {}, "dashboards": {}}
        self.writes = 0
        self.status = 200
        self.error = {"message": "no", "code": "internal_error"}
        self.url = ""

    def answer(self, method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        kind, _, known_id = path.removeprefix(ROOT).partition("?")[0].partition("/")
        of_kind = self.kept[kind]
        if method == "GET":
            meta = {"page": 1, "limit": 50, "totalItems": len(of_kind), "totalPages": 1}
            return {"data": list(of_kind.values()), "meta": meta}
        self.writes += 1
        if method == "POST":
            parse_obj_as(CREATED[kind], body)
            known_id = f"{kind}-{len(of_kind)}"
        defaults: dict[str, Any] = {"createdAt": NOW, "updatedAt": NOW, "filters": []}
        if kind == "dashboard-widgets":
            defaults["chartConfig"] = {"type": body["chartType"]}
        of_kind[known_id] = {**defaults, **of_kind.get(known_id, {}), **body, "id": known_id}
        return of_kind[known_id]


@pytest.fixture
def server() -> Iterator[FakeDashboards]:
    fake = FakeDashboards()

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            body = fake.answer(self.command, self.path, json.loads(raw or b"{}"))
            told = json.dumps(body if fake.status == 200 else fake.error).encode()
            self.send_response(fake.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(told)))
            self.end_headers()
            self.wfile.write(told)

        do_GET = do_POST = do_PATCH = _serve  # noqa: N815  # the names that http.server calls

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


def apply_to(server: FakeDashboards) -> Any:
    return LangfuseDashboards(server.url, "pk", "sk").apply()


def test_the_first_time_everything_is_made(server: FakeDashboards) -> None:
    """Each widget, and one dashboard that holds them all without overlap."""
    applied = apply_to(server)
    assert (applied.created, applied.updated, applied.dashboard) == (len(WIDGETS), 0, "created")
    (dashboard,) = server.kept["dashboards"].values()
    placed = dashboard["definition"]["widgets"]
    assert {one["widgetId"] for one in placed} == set(server.kept["dashboard-widgets"])
    cells = [(x, y) for one in placed for x in range(one["x"], one["x"] + one["width"])
             for y in range(one["y"], one["y"] + one["height"])]  # fmt: skip
    assert len(cells) == len(set(cells))
    assert all(0 <= x < 12 for x, _ in cells)


def test_the_second_time_nothing_changes(server: FakeDashboards) -> None:
    """Not even a write."""
    apply_to(server)
    before = server.writes
    applied = apply_to(server)
    assert (applied.created, applied.updated, applied.unchanged) == (0, 0, len(WIDGETS))
    assert applied.dashboard == "unchanged"
    assert server.writes == before


def test_a_changed_widget_is_put_right(server: FakeDashboards) -> None:
    """What somebody changed by hand is what the code says again; widgets of others stay."""
    apply_to(server)
    server.kept["dashboard-widgets"]["dashboard-widgets-0"]["chartType"] = "PIE"
    server.kept["dashboard-widgets"]["other"] = {
        **server.kept["dashboard-widgets"]["dashboard-widgets-1"],
        "id": "other",
        "name": "somebody's own",
    }
    applied = apply_to(server)
    assert (applied.created, applied.updated) == (0, 1)
    assert server.kept["dashboard-widgets"]["dashboard-widgets-0"]["chartType"] == "NUMBER"
    assert "other" in server.kept["dashboard-widgets"]


def test_every_widget_counts_generations_or_one_score() -> None:
    """Anything else would count a request's cost or number several times."""
    names = [widget.name for widget in WIDGETS]
    assert len(names) == len(set(names)) == len(places())
    for widget in WIDGETS:
        assert (widget.view == "observations") != bool(widget.score), widget.title


@pytest.mark.parametrize(("status", "hint"), [(401, "langfuse_public_key"), (404, "version 4"), (500, "500")])
def test_a_refusal_says_what_to_do(server: FakeDashboards, status: int, hint: str) -> None:
    """In one line."""
    server.status = status
    with pytest.raises(StartError, match=hint):
        apply_to(server)


def test_a_page_that_is_no_langfuse_is_told_as_such(server: FakeDashboards) -> None:
    """A proxy's error page, or a server of another version."""
    server.status, server.error = 502, {"oops": "bad gateway"}
    with pytest.raises(StartError, match="Langfuse"):
        apply_to(server)


def test_without_keys_the_command_says_which_to_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It does not ask the cloud with none."""
    for name in ("LANGFUSE_PUBLIC_KEY", "LANGFUSE_SECRET_KEY"):
        monkeypatch.delenv(name, raising=False)
    shipped = Path(__file__).parents[2] / "proxy_config.yaml"
    done = CliRunner().invoke(dashboards_app, ["apply", "--config", str(shipped)])
    assert isinstance(done.exception, StartError)
    assert "LANGFUSE_PUBLIC_KEY" in str(done.exception)

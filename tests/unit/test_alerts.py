"""Budget alerts reach log and webhook, and their failures reach nobody."""

from __future__ import annotations

import asyncio
import json
import logging

import httpx
import pytest

from plugins.adapters.alerts import ATTEMPTS, Alerts
from plugins.budget import Alert
from plugins.values import Window

ALERT = Alert("acme", "tenant", None, Window.TOTAL, 800, 8, 10, True, 0)
URL = "https://hooks.example/secret-path"


def alerts_to(answers: list[int | Exception], seen: list[bytes]) -> Alerts:
    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.content)
        found = answers.pop(0)
        if isinstance(found, Exception):
            raise found
        return httpx.Response(found)

    return Alerts(URL, httpx.AsyncClient(transport=httpx.MockTransport(answer)), lambda _: 0.0)


async def test_an_alert_is_posted_as_slack_reads_it(caplog: pytest.LogCaptureFixture) -> None:
    """The body is `{"text": ...}`, and the log has the same line."""
    seen: list[bytes] = []
    alerts = alerts_to([200], seen)
    alerts(ALERT)
    await alerts.close()
    assert [json.loads(body) for body in seen] == [{"text": ALERT.text}]
    assert ALERT.text in caplog.text


async def test_a_failing_webhook_is_tried_again() -> None:
    """A broken line and a 503 are followed by another attempt."""
    seen: list[bytes] = []
    alerts = alerts_to([httpx.ConnectError("no"), 503, 200], seen)
    alerts(ALERT)
    await alerts.close()
    assert len(seen) == 3


@pytest.mark.parametrize(("status", "attempts"), [(404, 1), (500, ATTEMPTS)])
async def test_a_webhook_that_stays_down_harms_nobody(
    status: int, attempts: int, caplog: pytest.LogCaptureFixture
) -> None:
    """It is given up with one line in the log that does not name the secret address."""
    seen: list[bytes] = []
    alerts = alerts_to([status] * ATTEMPTS, seen)
    with caplog.at_level(logging.WARNING, logger="plugins.adapters.alerts"):
        alerts(ALERT)
        await alerts.close()
    assert len(seen) == attempts
    assert "did not reach" in caplog.text
    assert "secret-path" not in caplog.text


async def test_without_a_webhook_alerts_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    """No address, no request: the log alone."""
    alerts = Alerts(None)
    alerts(ALERT)
    await alerts.close()
    assert ALERT.text in caplog.text


async def test_the_webhook_follows_the_config() -> None:
    """An address that is set, changed or taken out applies from the next alert on, without a restart."""
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(str(request.url))
        return httpx.Response(200)

    alerts = Alerts(None, httpx.AsyncClient(transport=httpx.MockTransport(answer)))
    for url in (None, URL, f"{URL}-2", None):
        alerts.configure(url)
        alerts(ALERT)
        for _ in range(20):
            await asyncio.sleep(0)
    await alerts.close()
    assert seen == [URL, f"{URL}-2"]

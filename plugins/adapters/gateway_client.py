"""Calls the gateway's own routes from the command line."""

from __future__ import annotations

from typing import Any

import httpx

from plugins.errors import StartError


def send_feedback(base_url: str, api_key: str, body: dict[str, Any], timeout_s: float = 10.0) -> dict[str, Any]:
    """POST the body to `/v1/tierwise/feedback`; the reply. Raises StartError with the gateway's own words."""
    url = f"{base_url.rstrip('/').removesuffix('/v1')}/v1/tierwise/feedback"
    try:
        reply = httpx.post(url, json=body, headers={"Authorization": f"Bearer {api_key}"}, timeout=timeout_s)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise StartError(f"The gateway at {base_url} cannot be reached ({type(error).__name__}).") from None
    try:
        told = reply.json()
    except ValueError:
        raise StartError(f"{url} answers {reply.status_code} and no JSON: is this the gateway?") from None
    if reply.status_code != 202:
        message = (told.get("error") or {}).get("message") if isinstance(told, dict) else None
        raise StartError(f"{message or reply.status_code}")
    accepted: dict[str, Any] = told
    return accepted

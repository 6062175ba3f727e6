"""`tierwise score`: tell the gateway what an answer was worth."""

from __future__ import annotations

import json
from typing import Annotated

import typer


def score(
    trace_id: Annotated[str, typer.Argument(help="The x-tierwise-trace-id of the reply.")],
    name: Annotated[str, typer.Argument(help="What is judged, such as helpful or thumbs.")],
    value: Annotated[str, typer.Argument(help="true or false, a number, or a word.")],
    comment: Annotated[str, typer.Option(help="Why.")] = "",
    base_url: Annotated[str, typer.Option(envvar="OPENAI_BASE_URL", help="The gateway.")] = "http://127.0.0.1:4000/v1",
    api_key: Annotated[
        str, typer.Option(envvar="OPENAI_API_KEY", help="A key of the application that made the request.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Send feedback on an answer; it becomes a score of its trace in Langfuse, or a line of scores.jsonl without it.

    Write a negative number after `--`.
    """
    from plugins.adapters.gateway_client import send_feedback

    body = {"trace_id": trace_id, "name": name, "value": parse_value(value)}
    accepted = send_feedback(base_url, api_key, {**body, "comment": comment} if comment else body)
    typer.echo(json.dumps(accepted) if as_json else f"accepted: {name}={value} for {accepted['trace_id']}")


def parse_value(text: str) -> bool | float | str:
    """`true`, `false` and numbers as what they are; anything else as it stands."""
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    try:
        number = float(text)
    except ValueError:
        return text
    return int(number) if number.is_integer() else number

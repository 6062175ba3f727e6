"""`tierwise outcomes` and `tierwise label`: data for `tierwise train` from what was served, or from a plain log.

Exit codes: 0 done, 1 not all of it (nothing usable, or a limit was met), 2 wrong use.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.progress import Progress

from classifier import sources
from classifier.data import DataError
from classifier.langfuse_export import as_traces
from plugins.config_file import load_config
from plugins.errors import ConfigError

if TYPE_CHECKING:  # asking models loads seconds' worth of libraries, which --help does not need
    from classifier.labelling import Labelled, Models
    from classifier.proof.client import Settings

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
Out = Annotated[Path, typer.Option("--out", help="The JSONL file to write; `tierwise train --data` reads it.")]


def outcomes(
    traces: Annotated[
        list[Path], typer.Option("--traces", help="traces.jsonl, or traces or observations exported from Langfuse.")
    ],
    out: Out,
    scores: Annotated[
        list[Path] | None, typer.Option("--scores", help="Scores: scores.jsonl, or exported; not if inside the traces.")
    ] = None,
    score: Annotated[str | None, typer.Option(help="The score's name; needed where there are several.")] = None,
    low: Annotated[float, typer.Option(help="The worst value of its scale.")] = 0.0,
    high: Annotated[float, typer.Option(help="The best value of its scale.")] = 1.0,
    config: Annotated[Path | None, typer.Option(help="The proxy_config.yaml that says how strong a tier is.")] = None,
    as_json: Json = False,
) -> None:
    """Turn scored traces into training rows: one per prompt, with how well each tier answered it.

    A prompt that only one tier answered has one outcome; `tierwise train` learns difficulty from prompts with a weak
    and a strong one. `tierwise label` asks for both. Exit code 1 if no trace could be used.
    """
    if low >= high:
        _fail("--low must be below --high.")
    try:
        strengths = {name: str(tier.strength) for name, tier in load_config(config).gateway.tiers.items()}
        told = [trace for path in traces for trace in sources.read_objects(path)]
        said = list(sources.scores_of(told, [s for path in scores or () for s in sources.read_objects(path)]))
        name = sources.choose_name(said, score)
        traced = as_traces(told)
        judged = sources.judged_answers(traced, said, name, low, high)
    except (ConfigError, DataError) as error:
        _fail(str(error))
    rows = sources.training_rows(judged, strengths, f"production-{name}")
    _write(out, rows)
    both = sum("weak_ok" in row and "strong_ok" in row for row in rows)
    facts = {"score": name, "traces": len(traced), "judged": len(judged), "rows": len(rows), "with_both_ends": both}
    if as_json:
        typer.echo(json.dumps({**facts, "out": str(out)}))
    else:
        typer.echo(f"{len(judged)} of {len(traced)} traces have a score {name!r}: {len(rows)} prompts in {out},")
        typer.echo(f"{both} of them answered by a weak and by a strong tier.")
    if not rows:
        raise typer.Exit(1)


def label(
    log: Annotated[Path, typer.Argument(help="JSONL of requests with `prompt` or `messages`.")],
    out: Out,
    judge: Annotated[str, typer.Option(help="The model that grades.")] = "frontier",
    weak: Annotated[str, typer.Option(help="The weak tier or model.")] = "small",
    strong: Annotated[str, typer.Option(help="The strong tier or model.")] = "frontier",
    base_url: Annotated[str, typer.Option(envvar="OPENAI_BASE_URL", help="The gateway.")] = "http://127.0.0.1:4000/v1",
    api_key: Annotated[str, typer.Option(envvar="OPENAI_API_KEY", show_envvar=True, help="A key of the gateway.")] = "",
    max_usd: Annotated[float, typer.Option(min=0.0, help="Stop before more is spent, earlier runs included.")] = 5.0,
    limit: Annotated[int | None, typer.Option(min=1, help="Label the first so many prompts.")] = None,
    concurrency: Annotated[int, typer.Option(min=1, max=64, help="Calls at once.")] = 4,
    max_tokens: Annotated[int, typer.Option(min=16, help="Of each answer.")] = 1024,
    as_json: Json = False,
) -> None:
    """Label a log: a weak and a strong model answer each prompt through the gateway, and a judge grades both.

    What was asked is kept in OUT.sqlite: run it again to go on after a stop. Prices are learnt from the gateway's
    replies; a cap on the key is the hard limit. Exit code 1 if a limit was met or a prompt could not be labelled: its
    lines are named with the reason (`failures` of --json), and what is done is in OUT.
    """
    from classifier.labelling import Models
    from classifier.proof.client import Settings, SetupError
    from classifier.replay import read_log

    try:
        requests = read_log(log)[:limit]
        prompts = [request.text for request in requests]
        settings = Settings(base_url, {"": api_key or "none"}, max_tokens)
        done = asyncio.run(_labelled(prompts, Models(weak, strong, judge), settings, out, max_usd, concurrency))
    except (DataError, SetupError) as error:
        _fail(str(error))
    found, spent_micros = done
    _write(out, found.rows)
    failures = [{"line": r.line, "why": found.failed[r.text]} for r in requests if r.text in found.failed]
    if as_json:
        facts = {"rows": len(found.rows), "failed": len(found.failed), "failures": failures, "stopped": found.stopped}
        typer.echo(json.dumps({**facts, "spent_micros": spent_micros, "out": str(out)}))
    else:
        typer.echo(f"{len(found.rows)} prompts are labelled in {out}; {spent_micros / 1e6:.6f} USD spent so far.")
        for failure in failures:
            typer.echo(f"{log}:{failure['line']}: {failure['why']}", err=True)
        more = (found.stopped, f"{len(found.failed)} could not be labelled; run it again" if failures else "")
        typer.echo("\n".join(filter(None, more)), err=True, nl=any(more))
    if found.stopped or found.failed:
        raise typer.Exit(1)


async def _labelled(
    prompts: Sequence[str], models: Models, settings: Settings, out: Path, max_usd: float, concurrency: int
) -> tuple[Labelled, int]:
    from classifier.labelling import label as label_prompts
    from classifier.proof.client import Gateway
    from classifier.proof.live import Desk
    from classifier.proof.purse import Purse
    from classifier.proof.store import Store

    gateway = Gateway(settings)
    try:
        await gateway.check()
        with Store(out.with_name(f"{out.name}.sqlite")) as store, Progress(console=Console(stderr=True)) as progress:
            purse = Purse(int(max_usd * 1_000_000), store.spent_micros)
            task = progress.add_task("label", total=len(set(prompts)))
            desk = Desk(gateway, purse, store, asyncio.Semaphore(concurrency))
            found = await label_prompts(prompts, models, desk, out.stem, concurrency, lambda: progress.advance(task))
            return found, purse.spent_micros
    finally:
        await gateway.close()


def _write(path: Path, rows: Sequence[dict[str, Any]]) -> None:  # Any: JSON
    """Whole or not at all."""
    part = path.with_name(f"{path.name}.part")
    part.write_text("".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows), encoding="utf-8")
    part.replace(path)


def _fail(message: str) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(2)

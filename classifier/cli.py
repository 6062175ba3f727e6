"""Commands about the classifier; the `tierwise` command line mounts `train`, `evaluate_app` and `replay`.

With `--json` exactly one JSON object goes to standard output. Progress and errors go to standard error.
Exit codes: 0 done, 2 wrong use (files, fields, options; the message says what to change).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from classifier.artifact import ArtifactError, Model
from classifier.data import EVERYDAY, DataError, read_rows
from classifier.embedding import Embedder, EmbeddingError
from classifier.evaluate import DRAWS, evaluate_routing, evaluate_tasks
from classifier.labels import LENT
from classifier.replay import ROUTES, parse_price, read_log, replay_log

DEFAULT_PRICES = ("small=0.15/0.60", "mid=0.80/4.00", "frontier=3.00/15.00")
evaluate_app = typer.Typer(no_args_is_help=True, help="Measure routing and task classes on your own recorded data.")
_out, _err = Console(), Console(stderr=True)

JsonFlag = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else on standard output.")]
ModelFolder = Annotated[
    Path | None, typer.Option("--model", help="Folder of a trained artifact. Default: the one that is shipped.")
]
Lexical = Annotated[bool, typer.Option("--lexical", help="Answer from lexical features alone, without an embedding.")]


def _stop(error: Exception) -> NoReturn:
    _err.print(f"[red]error:[/red] {error}", soft_wrap=True, highlight=False)
    raise typer.Exit(2)


@contextmanager
def _user_errors() -> Iterator[None]:
    try:
        yield
    except (DataError, ArtifactError, EmbeddingError) as error:
        _stop(error)


@contextmanager
def _bar(title: str, total: int) -> Iterator[Callable[[], None]]:
    with Progress(console=_err, transient=True) as progress:
        task = progress.add_task(title, total=total)
        yield lambda: progress.advance(task)


def _print_json(value: dict[str, Any]) -> None:
    typer.echo(json.dumps(value, allow_nan=False))


def train(
    data: Annotated[list[Path], typer.Option("--data", help="JSONL of outcomes; may be repeated.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for weights.npz, manifest.json and report.html.")],
    seed: Annotated[int, typer.Option(help="The same seed and files give the same artifact, byte for byte.")] = 0,
    strong: Annotated[str | None, typer.Option(help="Model whose `scores` are the strong outcomes.")] = None,
    weak: Annotated[str | None, typer.Option(help="Model whose `scores` are the weak outcomes.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Train a classifier on your outcomes.

    Each line of a file: {"prompt": "...", "strong_ok": 0..1, "weak_ok": 0..1}, or "scores": {model: 0..1} together
    with --strong and --weak; optionally "mid_ok", "source", and "task_class" (one of the ten task classes). The
    corpus that comes with the package is always added, so that what your data does not cover keeps working.
    """
    from classifier.artifact import save
    from classifier.report import write_report
    from classifier.train import fit

    with _user_errors():
        arrays, trained = fit(data, seed, strong=strong, weak=weak)
        manifest = save(out, arrays, trained.manifest)
        write_report(trained, out / "report.html")
    own = [row for row in trained.rows if row.has_outcomes and row.source not in (EVERYDAY, LENT)]
    if not any((row.strong or 0.0) > (row.weak or 0.0) for row in own):
        _err.print("[yellow]warning:[/yellow] strong beats weak in no row: these outcomes cannot teach when to use it.")
    if as_json:
        _print_json({"out": str(out), "metrics": manifest["metrics"], "thresholds": manifest["thresholds"]})
        return
    _out.print(f"Wrote {out}/weights.npz, manifest.json and report.html (which shows prompts of your data).")


@evaluate_app.command("routing")
def evaluate_routing_command(
    outcomes: Annotated[list[Path], typer.Option("--outcomes", help="JSONL of outcomes; may be repeated.")],
    strong: Annotated[str | None, typer.Option(help="Model whose `scores` are the strong outcomes.")] = None,
    weak: Annotated[str | None, typer.Option(help="Model whose `scores` are the weak outcomes.")] = None,
    model: ModelFolder = None,
    lexical: Lexical = False,
    draws: Annotated[int, typer.Option(min=20, help="Bootstrap draws for the intervals.")] = DRAWS,
    as_json: JsonFlag = False,
) -> None:
    """How much of strong's advantage routing keeps, per share of calls sent to strong.

    apgr: average gap recovered, 0.5 is a random mix. cpt50, cpt80: per cent of strong calls needed to recover 50 and
    80 per cent of the gap. Beside a random order, prompt length and LiteLLM's own two heuristics.
    """
    with _user_errors():
        rows = [row for row in read_rows(outcomes, strong, weak) if row.has_outcomes]
        loaded = Model.load(model)
        with _bar("routing", len(rows)) as advance:
            found = evaluate_routing(rows, loaded, None if lexical else Embedder(), draws, advance)
    if as_json:
        _print_json(found)
        return
    for name, part in (("overall", found["overall"]), *found["by_source"].items()):
        _out.print(_routing_table(name, part))


def _routing_table(name: str, part: dict[str, Any]) -> Table:
    table = Table(title=f"{name}: n={part['n']}, strong {part['strong_mean']}, weak {part['weak_mean']}")
    figures = ("apgr", "cpt50", "cpt80", "auroc")
    for heading in ("router", *figures):
        table.add_column(heading)
    for router, values in (("tierwise", part), *part["baselines"].items()):
        cells = [f"{values[key]} {values[f'{key}_ci']}" if values[key] is not None else "-" for key in figures]
        table.add_row(router, *cells)
    errors = (
        f"{tier} {part[f'ece_{tier}']} ({part[f'ece_{tier}_by_chance']} by chance)" for tier in ("strong", "weak")
    )
    surest = (f"{row['coverage']:.0%}: {row['accuracy']:.3f} ({row['guess']:.3f})" for row in part["coverage"])
    told = f"Right about weak, on the surest part (by a guess): {', '.join(surest)}"
    table.caption = f"Calibration error: {', '.join(errors)}. {told}"
    return table


@evaluate_app.command("tasks")
def evaluate_tasks_command(
    data: Annotated[list[Path], typer.Option("--data", help="JSONL with `prompt` and `task_class` (or `task`).")],
    model: ModelFolder = None,
    lexical: Lexical = False,
    as_json: JsonFlag = False,
) -> None:
    """How often the task class is right, overall and by class."""
    with _user_errors():
        rows = [row for row in read_rows(data) if row.task is not None]
        loaded = Model.load(model)
        with _bar("tasks", len(rows)) as advance:
            found = evaluate_tasks(rows, loaded, None if lexical else Embedder(), advance)
    if as_json:
        _print_json(found)
        return
    table = Table(title=f"n={found['n']}, accuracy {found['accuracy']}, macro F1 {found['macro_f1']}")
    for heading in ("task", "n", "precision", "recall"):
        table.add_column(heading)
    for task, values in found["by_task"].items():
        table.add_row(task, *(str(value) for value in values.values()))
    _out.print(table)


def replay(
    log: Annotated[Path, typer.Argument(help="JSONL of `prompt`, `messages` or `input`, and token counts if known.")],
    price: Annotated[
        list[str], typer.Option(help="ROUTE=IN/OUT in dollars for a million tokens; once for each route to change.")
    ] = list(DEFAULT_PRICES),  # noqa: B006  # typer copies the default
    model: ModelFolder = None,
    lexical: Lexical = False,
    as_json: JsonFlag = False,
) -> None:
    """What routing would do to existing traffic: task mix, cost of each route, saving, ambiguous prompts."""
    with _user_errors():
        prices = dict(parse_price(text) for text in (*DEFAULT_PRICES, *price))
        requests = read_log(log)
        loaded = Model.load(model)
        with _bar("replay", len(requests)) as advance:
            found = replay_log(requests, loaded, None if lexical else Embedder(), prices, advance)
    if as_json:
        _print_json(found)
        return
    _print_replay(found)


def _print_replay(found: dict[str, Any]) -> None:
    table = Table(title=f"{found['n']} requests")
    for heading in ("route", "requests", "all on this route", "unit"):
        table.add_column(heading)
    for route in ROUTES:
        dollars = found["cost_micros"][f"always_{route}"] / 1e6
        table.add_row(route, str(found["routes"][route]), f"{dollars:.4f}", "USD")
    table.add_row("routed", str(found["n"]), f"{found['cost_micros']['routed'] / 1e6:.4f}", "USD")
    _out.print(table)
    _out.print("Tasks: " + ", ".join(f"{name} {count}" for name, count in found["tasks"].items()))
    _out.print(f"Saved against always frontier: {found['saving']} (95 % interval {found['saving_ci']})")
    _out.print(f"Expected good answers: {found['expected_ok']} (frontier {found['expected_ok_always_frontier']})")
    _out.print(f"Ambiguous: {found['ambiguous_share']:.1%}; lines {[row['line'] for row in found['ambiguous'][:10]]}")

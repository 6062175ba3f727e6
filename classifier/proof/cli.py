"""`tierwise evaluate quality`: what routing saves on recorded outcomes, or whether it may ship, through a gateway.

Exit codes: 0 ship (or, with --outcomes, done), 1 do not ship, 2 wrong use, 3 not enough data.
With `--json` exactly one JSON object goes to standard output. Progress and errors go to standard error.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NoReturn

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from classifier.artifact import ArtifactError, Model
from classifier.data import DataError, read_rows
from classifier.embedding import Embedder, EmbeddingError
from classifier.proof import judge, live
from classifier.proof import options as o
from classifier.proof.analysis import MIX, Rules, analyse
from classifier.proof.client import Gateway, Price, Settings, SetupError
from classifier.proof.items import JUDGE, SCORERS, read_items
from classifier.proof.page import NO_MIX, render
from classifier.proof.purse import Purse
from classifier.proof.savings import evaluate_savings
from classifier.proof.store import Store

_LOCAL: Final = "http://127.0.0.1:4000/v1"
_ANSWERS: Final = Path(".tierwise/quality.sqlite")
_SHOWN: Final = (
    "strong",
    "weak",
    "saved_at_97",
    "saved_at_97_random_mix",
    "saved_at_97_best_single",
    "saved_at_97_crossfit",
    "crossfit_quality_kept",
    "saved_as_shipped",
    "kept_as_shipped",
)
_out, _err = Console(), Console(stderr=True)


def evaluate_quality(
    outcomes: o.Outcomes = None,
    price_ratio: o.PriceRatio = 25.0,
    strong: o.Strong = None,
    weak: o.Weak = None,
    model: o.ModelFolder = None,
    items: o.Items = None,
    baseline: o.Baseline = "frontier",
    candidate: o.Candidate = "auto",
    other: o.Other = None,
    margin: o.Margin = 0.02,
    alpha: o.Alpha = 0.05,
    many_looks: o.ManyLooks = False,
    base_url: o.BaseUrl = _LOCAL,
    api_key: o.ApiKey = "",
    tenant_key: o.TenantKey = None,
    max_usd: o.MaxUsd = None,
    price: o.Prices = None,
    concurrency: o.Concurrency = 8,
    max_tokens: o.MaxTokens = 1024,
    alone: o.Alone = False,
    scorer: o.Scorer = None,
    judge_model: o.JudgeModel = None,
    judge_check: o.JudgeCheck = None,
    answers: o.Answers = _ANSWERS,
    html: o.Html = None,
    as_json: o.AsJson = False,
) -> None:
    """What routing saves at 97 % of quality (--outcomes), or whether it may ship (--items, through a gateway)."""
    with _user_errors():
        if bool(outcomes) == bool(items):
            raise DataError("give either --outcomes FILE (recorded) or --items FILE (asked through the gateway)")
        if outcomes:
            _savings(outcomes, (strong, weak), model, price_ratio, as_json)
            return
        keys = _keys(api_key, tenant_key or ())
        settings = Settings(base_url, keys, max_tokens, prices=_prices(price or ()), alone=alone)
        _check_writable(html)
        run = _plan(items or (), scorer, (baseline, candidate, *(other or ())), judge_model, judge_check)
        _check_keys(run, keys)
        asyncio.run(_ask(run, settings, answers, max_usd, concurrency))
        found = analyse(run, candidate, Rules(margin, alpha, many_looks))
    _report(found, html, as_json)


def _savings(
    outcomes: Sequence[Path], ends: tuple[str | None, str | None], model: Path | None, price_ratio: float, as_json: bool
) -> None:
    rows = [row for row in read_rows(outcomes, *ends) if row.has_outcomes]
    loaded = Model.load(model)
    with _bar() as progress:
        task = progress.add_task("routing", total=len(rows))
        found = evaluate_savings(rows, loaded, Embedder(), price_ratio, advance=lambda: progress.advance(task))
    if as_json:
        typer.echo(json.dumps(found, allow_nan=False))
        return
    for name, part in (("overall", found["overall"]), *found["by_source"].items()):
        table = Table("figure", "value", "95 % interval", title=f"{name}: n={part['n']}, price ratio {price_ratio:g}")
        for figure in _SHOWN:
            table.add_row(figure, f"{part[figure]:.4f}", str(part[f"{figure}_ci"]))
        _out.print(table)


def _plan(
    items: Sequence[Path], scorer: str | None, arms: Sequence[str], judge_model: str | None, checks: Path | None
) -> live.Run:
    if scorer is not None and scorer not in SCORERS:
        raise DataError(f"unknown scorer {scorer!r}; known: {', '.join(SCORERS)}")
    if arms[0] == arms[1]:
        raise DataError("the candidate must be another tier or model than the baseline")
    found = read_items(items, scorer)
    judged = sum(item.scorer == JUDGE for item in found)
    if judged and not judge_model:
        raise DataError(f"{judged} items need a judge: name one with --judge MODEL, or give them a reference")
    if checks and not judged:
        raise DataError("--judge-check is given, but no item is for a judge: leave it out, or check the items' scorers")
    compared = judge.read_checks(checks) if checks else ()
    return live.Run(found, arms[0], list(dict.fromkeys(arms)), judge_model, compared)


def _check_keys(run: live.Run, keys: Mapping[str, str]) -> None:
    """Raises DataError rather than ask for a tenant with another one's key, policy and budget."""
    if missing := sorted({item.tenant for item in run.items} - {"", *keys}):
        raise DataError(f"no key for tenant {missing[0]!r} of the items: give --tenant-key {missing[0]}=VARIABLE")


async def _ask(run: live.Run, settings: Settings, answers: Path, max_usd: float | None, concurrency: int) -> None:
    gateway = Gateway(settings)
    try:
        await gateway.check()
        with Store(answers) as store, _bar() as progress:
            purse = Purse(None if max_usd is None else int(max_usd * 1_000_000), store.spent_micros)
            desk = live.Desk(gateway, purse, store, asyncio.Semaphore(concurrency))
            asked = len({item.key for item in run.items}) * len(run.arms)
            steps = (("answers", live.answer, asked), ("marks", live.mark, len(run.items) * len(run.arms)))
            for name, step, total in (*steps, ("judge check", live.check_judge, len(run.checks))):
                task = progress.add_task(name, total=total)
                await step(run, desk, lambda task=task: progress.advance(task))  # type: ignore[misc]  # mypy cannot type a lambda's default
    finally:
        await gateway.close()


def _check_writable(html: Path | None) -> None:
    """Raises DataError before anything is paid for a report that could not be written."""
    if html is None:
        return
    try:
        html.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"cannot write {html}: {error.strerror}") from None
    if html.is_dir() or not os.access(html if html.exists() else html.parent, os.W_OK):
        raise DataError(f"cannot write {html}: name a file in a folder that you may write to")


def _report(found: dict[str, Any], html: Path | None, as_json: bool) -> None:
    if html:
        html.write_text(render(found), encoding="utf-8")
    if as_json:
        typer.echo(json.dumps(found, allow_nan=False))
    else:
        _out.print(_verdicts(found))
        for name, part in found["by_task"].items():
            _out.print(f"{name}: the cheapest that may ship is {part['proposed']}", highlight=False)
    if found["overall"][MIX] is None:
        _err.print(NO_MIX, soft_wrap=True, highlight=False)
    if found["stopped"]:
        _err.print(f"Stopped early: {found['stopped']}. Run again to go on.", soft_wrap=True, highlight=False)
    raise typer.Exit(found["exit_code"])


def _verdicts(found: dict[str, Any]) -> Table:
    table = Table("task class", "arm", "quality", "saved", "p95, ms", "verdict", title=f"{found['decision']}")
    for name, part in found["by_task"].items():
        for arm, verdict in part["verdicts"].items():
            figures = part["arms"][arm]
            quality, saved = (_with_ends(figures, field) for field in ("quality", "saved"))
            slow = figures["latency_p95_ms"]
            words = f"{verdict['decision']}: {verdict['reason']}"
            table.add_row(name, arm, quality, saved, "-" if slow is None else f"{slow:.0f}", words)
    return table


def _with_ends(figures: dict[str, Any], field: str) -> str:
    """A figure and the ends of its interval."""
    ends = figures[f"{field}_ci"]
    return _rounded(figures[field]) + (f" ({_rounded(ends[0])} to {_rounded(ends[1])})" if ends else "")


def _rounded(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _keys(api_key: str, of_tenants: Sequence[str]) -> dict[str, str]:
    keys = {"": api_key or "none"}
    for text in of_tenants:
        tenant, _, variable = text.partition("=")
        if not tenant or not os.environ.get(variable):
            raise DataError(f"--tenant-key {text!r}: write TENANT=VARIABLE, with the key in that environment variable")
        keys[tenant] = os.environ[variable]
    return keys


def _prices(texts: Sequence[str]) -> dict[str, Price]:
    prices = {}
    for text in texts:
        model, _, amounts = text.rpartition("=")
        try:
            inward, outward = (round(float(amount) * 1_000_000) for amount in amounts.split("/"))
        except ValueError:
            inward = outward = -1
        if not model or min(inward, outward) < 0:
            raise DataError(f"--price {text!r}: write it as MODEL=IN/OUT, for example small=0.15/0.60")
        prices[model] = Price(inward, outward)
    return prices


@contextmanager
def _user_errors() -> Iterator[None]:
    try:
        yield
    except (DataError, ArtifactError, EmbeddingError, SetupError) as error:
        _stop(str(error))


def _stop(message: str) -> NoReturn:
    _err.print(f"[red]error:[/red] {message}", soft_wrap=True, highlight=False)
    raise typer.Exit(2)


def _bar() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=_err, transient=True)

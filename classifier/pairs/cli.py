"""Command functions for the command line: measure the verifier on pairs, and calibrate its threshold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from classifier.embedding import Embedder
from classifier.pairs.calibrate import DEFAULT_MAX_ERROR, calibrate_pairs
from classifier.pairs.evaluate import evaluate_pairs
from classifier.pairs.rows import PairRow, read_rows
from classifier.pairs.verify import PairVerifier

PairFiles = Annotated[
    list[Path],
    typer.Option("--pairs", exists=True, dir_okay=False, help="JSON lines with a, b, same, source; repeatable."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]


def _read(files: list[Path]) -> list[PairRow]:
    try:
        return read_rows(files)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def evaluate_cache(pairs: PairFiles, as_json: AsJson = False) -> None:
    """Measure what the semantic cache would serve, at the shipped operating point."""
    report = evaluate_pairs(_read(pairs), PairVerifier.load(), Embedder())
    typer.echo(json.dumps(report) if as_json else _evaluation_text(report))


def calibrate_cache(
    pairs: PairFiles,
    max_error: Annotated[
        float, typer.Option(help="Accepted share of wrong answers among served hits.", min=1e-6, max=0.5)
    ] = DEFAULT_MAX_ERROR,
    as_json: AsJson = False,
    out: Annotated[Path | None, typer.Option(help="Also write the JSON report to this file.")] = None,
) -> None:
    """Choose thresholds, per task class, whose error among served hits is bounded with 95 % confidence."""
    report = calibrate_pairs(_read(pairs), PairVerifier.load(), Embedder(), max_error)
    if out is not None:
        out.write_text(json.dumps(report, indent=1) + "\n", "utf-8")
    typer.echo(json.dumps(report) if as_json else "\n".join(report["certificate"]))


def _percent(value: float | None) -> str:
    return "     -" if value is None else f"{100 * value:5.1f}%"


def _line(name: str, row: dict[str, Any]) -> str:
    shares = "  ".join(_percent(row[key]) for key in ("hit_rate", "recall", "pass_rate", "precision"))
    low, high = row["pass_rate_ci"]
    wrong = f"[{100 * low:.1f}, {100 * high:.1f}]" if row["n_different"] else ""
    return f"{name:<44} {row['n']:>7}  {shares}  {wrong}"


def _evaluation_text(report: dict[str, Any]) -> str:
    lines = [
        f"threshold {report['threshold']:.3f}; questions asked, served, of the same, of different, right when served",
        f"{'':<44} {'n':>7}  {'hit':>6}  {'recall':>6}  {'pass':>6}  {'prec.':>6}  pass 95 %",
        _line("overall", report["overall"]),
    ]
    for part in ("by_source", "by_kind", "baselines"):
        lines += ["", part, *(_line(f"  {name}", row) for name, row in report[part].items())]
    for label, counts in report["refused_by"].items():
        lines += ["", f"refused, {label}: " + ", ".join(f"{name} {n}" for name, n in counts.items())]
    return "\n".join(lines)

"""The options of `tierwise evaluate quality`, with their help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from classifier.proof.items import SCORERS

Outcomes = Annotated[list[Path] | None, typer.Option(help="JSONL of recorded outcomes; may be repeated.")]
PriceRatio = Annotated[float, typer.Option(min=1.0, help="Outcomes: a strong call costs this, a weak one 1.")]
Strong = Annotated[str | None, typer.Option(help="Outcomes: model whose `scores` are the strong ones.")]
Weak = Annotated[str | None, typer.Option(help="Outcomes: model whose `scores` are the weak ones.")]
ModelFolder = Annotated[
    Path | None, typer.Option("--model", help="Outcomes: trained artifact; default: the shipped one.")
]
Items = Annotated[list[Path] | None, typer.Option(help="JSONL of a labelled set to ask; may be repeated.")]
Baseline = Annotated[str, typer.Option(help="Items: the tier or model that answers today.")]
Candidate = Annotated[str, typer.Option(help="Items: what may replace it.")]
Other = Annotated[list[str] | None, typer.Option(help="Items: a further tier or model; may be repeated.")]
Margin = Annotated[float, typer.Option(min=0.001, max=0.5, help="Items: the loss that is accepted; 0.02 is 2 points.")]
Alpha = Annotated[float, typer.Option(min=0.0001, max=0.5, help="Items: accepted chance of a wrong decision.")]
ManyLooks = Annotated[bool, typer.Option("--many-looks", help="Items: the set grows and is looked at repeatedly.")]
BaseUrl = Annotated[str, typer.Option(envvar="OPENAI_BASE_URL", help="Items: the gateway's address.")]
ApiKey = Annotated[str, typer.Option(envvar="OPENAI_API_KEY", show_envvar=True, help="Items: a key of the gateway.")]
TenantKey = Annotated[list[str] | None, typer.Option(help="Items: TENANT=VARIABLE that holds this tenant's key.")]
MaxUsd = Annotated[float | None, typer.Option(min=0.0, help="Items: stop before more is spent, earlier runs included.")]
Prices = Annotated[
    list[str] | None,
    typer.Option("--price", help="Items: MODEL=IN/OUT in dollars for a million tokens; makes --max-usd exact."),
]
Concurrency = Annotated[int, typer.Option(min=1, max=256, help="Items: calls at once.")]
MaxTokens = Annotated[int, typer.Option(min=1, help="Items: longest answer.")]
Alone = Annotated[
    bool, typer.Option("--alone", help="Items: what is named answers itself: no better tier in its place (escalation).")
]
Scorer = Annotated[str | None, typer.Option(help=f"Items: {', '.join(SCORERS)}; default: what the fields suggest.")]
JudgeModel = Annotated[str | None, typer.Option("--judge", help="Items: the tier or model that judges.")]
JudgeCheck = Annotated[Path | None, typer.Option(help="Items: JSONL of comparisons made by people.")]
Answers = Annotated[Path, typer.Option(help="Items: SQLite file that keeps the answers, so that a run can go on.")]
Html = Annotated[Path | None, typer.Option(help="Items: where to write the report page.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else on standard output.")]

"""The cost dashboard in Langfuse, as data: what `tierwise dashboards apply` makes there.

Tenant, application/feature, tier and model stand where Langfuse can group by them (see `plugins.tracing`): user id,
trace name, observation name, model name. Cost stands on the one generation of each request and nowhere else, so every
widget counts generations only. The grid has 12 columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from plugins.scores import OWN

NAME: Final = "Tierwise cost"
DESCRIPTION: Final = (
    "Spend, savings, cache and escalations. Made by `tierwise dashboards apply`, which overwrites changes."
)
PREFIX: Final = "Tierwise: "

View = Literal["observations", "scores-numeric", "scores-boolean"]
Chart = Literal["NUMBER", "BAR_TIME_SERIES", "LINE_TIME_SERIES", "HORIZONTAL_BAR", "PIVOT_TABLE"]


@dataclass(frozen=True, slots=True)
class Widget:
    """One chart. `measure` is aggregated by `aggregation` per value of `dimension` (none: one number); `score` narrows
    a view of scores to one name, `tag` a view of observations to requests with that tag."""

    title: str
    description: str
    chart: Chart
    measure: str
    aggregation: str
    dimensions: tuple[str, ...] = ()
    view: View = "observations"
    score: str = ""
    tag: str = ""
    width: int = 6
    height: int = 6

    @property
    def name(self) -> str:
        """What it is found by again."""
        return PREFIX + self.title


def _spend(title: str, dimension: str, chart: Chart = "HORIZONTAL_BAR") -> Widget:
    return Widget(title, f"Dollars charged by {title.partition('by ')[2]}.", chart, "totalCost", "sum", (dimension,))


WIDGETS: Final = (
    Widget("spend", "Dollars charged.", "NUMBER", "totalCost", "sum", width=3, height=3),
    Widget("requests", "Client requests, refused ones included.", "NUMBER", "count", "count", width=3, height=3),
    Widget(
        "saved",
        "Dollars below the baseline tier.",
        "NUMBER",
        "value",
        "sum",
        (),
        "scores-numeric",
        "saved_usd",
        "",
        3,
        3,
    ),
    Widget(
        "failed requests", "No model answered.", "NUMBER", "count", "count", tag="outcome:failed", width=3, height=3
    ),
    _spend("spend over time by tier", "name", "BAR_TIME_SERIES"),
    _spend("spend over time by model", "providedModelName", "BAR_TIME_SERIES"),
    _spend("spend by tenant", "userId"),
    _spend("spend by application and feature", "traceName"),
    _spend("spend by tier", "name"),
    _spend("spend by model", "providedModelName"),
    Widget("spend by cost type", "Model, judge, embedding.", "HORIZONTAL_BAR", "costByType", "sum", ("costType",)),
    Widget(
        "savings over time",
        "Dollars below the baseline tier, by application and feature.",
        *("BAR_TIME_SERIES", "value", "sum", ("traceName",), "scores-numeric", "saved_usd"),
    ),
    Widget(
        "escalation rate",
        "Share of the answers for which a better model was asked, where one could have been.",
        *("LINE_TIME_SERIES", "value", "avg", (), "scores-boolean", "escalated"),
    ),
    Widget(
        "first answers good enough",
        "Share of the first answers that passed the checks, by application and feature.",
        *("LINE_TIME_SERIES", "value", "avg", ("traceName",), "scores-boolean", "answer_ok"),
    ),
    Widget(
        "distance of semantic hits",
        "95th percentile of the cosine distance; closer to the limit means riskier.",
        *("LINE_TIME_SERIES", "value", "p95", (), "scores-numeric", "cache_distance"),
    ),
    Widget("latency by tier", "95th percentile.", "LINE_TIME_SERIES", "latency", "p95", ("name",)),
    Widget(
        "applications and tiers",
        "Spend of each application and feature in each tier.",
        *("PIVOT_TABLE", "totalCost", "sum", ("traceName", "name")),
        width=12,
    ),
)


def filters_of(widget: Widget) -> list[dict[str, object]]:
    """In Langfuse's filter form."""
    if widget.view != "observations":
        return [_any_of("name", "stringOptions", OWN + widget.score)]
    found = [_any_of("type", "stringOptions", "GENERATION")]
    return found + ([_any_of("tags", "arrayOptions", widget.tag)] if widget.tag else [])


def places() -> tuple[tuple[int, int], ...]:
    """(x, y) of each widget: from left to right, a new row where the next does not fit."""
    found, x, y, row_height = [], 0, 0, 0
    for widget in WIDGETS:
        if x + widget.width > 12:
            x, y, row_height = 0, y + row_height, 0
        found.append((x, y))
        x, row_height = x + widget.width, max(row_height, widget.height)
    return tuple(found)


def _any_of(column: str, kind: str, value: str) -> dict[str, object]:
    return {"column": column, "operator": "any of", "value": [value], "type": kind}

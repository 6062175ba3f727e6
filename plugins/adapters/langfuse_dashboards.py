"""Makes the dashboard in Langfuse, again and again with the same result: widgets and dashboard are found by name.

Langfuse calls this part of its API unstable (server version 4 or later). The SDK's own client speaks it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx
from langfuse.api import LangfuseAPI
from langfuse.api.core.api_error import ApiError
from langfuse.api.unstable.dashboard_widgets.types import (
    CreateDashboardWidgetRequest,
    DashboardWidget,
    DashboardWidgetChartType,
    DashboardWidgetDimension,
    DashboardWidgetFilter,
    DashboardWidgetMetric,
    DashboardWidgetMetricAggregation,
    DashboardWidgetView,
)
from langfuse.api.unstable.dashboards.types import Dashboard, DashboardDefinition, DashboardPlacement_Widget
from pydantic import ValidationError

from plugins import dashboards
from plugins.dashboards import DESCRIPTION, NAME, WIDGETS, Widget, filters_of, places
from plugins.errors import StartError

_PAGE = 50
_MOST_PAGES = 100


@dataclass(frozen=True, slots=True)
class Applied:
    """How many widgets were made, changed and left as they were; the dashboard's id, and whether it was made."""

    dashboard_id: str
    dashboard: str
    created: int
    updated: int
    unchanged: int


class LangfuseDashboards:
    """Raises StartError, with what to do, for whatever the server answers."""

    def __init__(self, host: str, public_key: str, secret_key: str, timeout_ms: int = 10_000) -> None:
        self._host = host.rstrip("/")
        self._api = LangfuseAPI(
            base_url=self._host,
            username=public_key,
            password=secret_key,
            x_langfuse_public_key=public_key,
            timeout=timeout_ms / 1000,
        )

    def apply(self) -> Applied:
        try:
            return self._apply()
        except httpx.HTTPError as error:
            raise StartError(f"Langfuse at {self._host} cannot be reached ({type(error).__name__}).") from None
        except ValidationError:
            raise StartError(f"Langfuse at {self._host} answers in a form that is not that of server 4.") from None
        except ApiError as error:
            raise StartError(f"Langfuse at {self._host} {_told(error.status_code)}") from None

    def _apply(self) -> Applied:
        known: dict[str, DashboardWidget] = {one.name: one for one in self._all(self._api.unstable.dashboard_widgets)}
        counts = {"created": 0, "updated": 0, "unchanged": 0}
        ids = []
        for widget in WIDGETS:
            what, widget_id = self._widget(widget, known.get(widget.name))
            counts[what] += 1
            ids.append(widget_id)
        wanted = DashboardDefinition(widgets=[_placed(*one) for one in zip(WIDGETS, ids, places(), strict=True)])
        what, dashboard_id = self._dashboard(wanted)
        return Applied(dashboard_id, what, **counts)

    def _widget(self, widget: Widget, known: DashboardWidget | None) -> tuple[str, str]:
        wanted = request_of(widget)
        if known is None:
            return "created", self._api.unstable.dashboard_widgets.create(**_fields(wanted)).id
        if _same(wanted, known):
            return "unchanged", known.id
        self._api.unstable.dashboard_widgets.update(known.id, **_fields(wanted))
        return "updated", known.id

    def _dashboard(self, wanted: DashboardDefinition) -> tuple[str, str]:
        api = self._api.unstable.dashboards
        known: Dashboard | None = next((one for one in self._all(api) if one.name == NAME), None)
        if known is None:
            return "created", api.create(name=NAME, description=DESCRIPTION, definition=wanted).id
        if known.definition.dict() == wanted.dict() and known.description == DESCRIPTION:
            return "unchanged", known.id
        api.update(known.id, name=NAME, description=DESCRIPTION, definition=wanted)
        return "updated", known.id

    def _all(self, api: Any) -> list[Any]:  # Any: two clients of the same shape
        found: list[Any] = []
        for page in range(1, _MOST_PAGES + 1):
            part = api.list(page=page, limit=_PAGE)
            found += part.data
            if page >= part.meta.total_pages:
                break
        return found


def request_of(widget: Widget) -> CreateDashboardWidgetRequest:
    """A widget in the SDK's own type."""
    return CreateDashboardWidgetRequest(
        name=widget.name,
        description=widget.description,
        view=DashboardWidgetView(widget.view),
        dimensions=[DashboardWidgetDimension(field=field) for field in widget.dimensions],
        metrics=[
            DashboardWidgetMetric(measure=widget.measure, agg=DashboardWidgetMetricAggregation(widget.aggregation))
        ],
        filters=[DashboardWidgetFilter.model_validate(one) for one in filters_of(widget)],
        chart_type=DashboardWidgetChartType(widget.chart),
    )


def _fields(request: CreateDashboardWidgetRequest) -> dict[str, Any]:  # Any: the keyword arguments of the client
    names = ("name", "description", "view", "dimensions", "metrics", "filters", "chart_type")
    return {name: getattr(request, name) for name in names}


def _same(wanted: CreateDashboardWidgetRequest, known: DashboardWidget) -> bool:
    def plain(one: CreateDashboardWidgetRequest | DashboardWidget) -> list[object]:
        lists = ([item.dict() for item in items] for items in (one.dimensions, one.metrics, one.filters))
        return [one.description, one.view.value, one.chart_type.value, *lists]

    return plain(wanted) == plain(known)


def _placed(widget: Widget, widget_id: str, place: tuple[int, int]) -> DashboardPlacement_Widget:
    return DashboardPlacement_Widget(
        id=f"tierwise-{dashboards.WIDGETS.index(widget)}",
        widget_id=widget_id,
        x=place[0],
        y=place[1],
        width=widget.width,
        height=widget.height,
    )


def _told(status: int | None) -> str:
    if status in (401, 403):
        return "refuses the keys: check langfuse_public_key and langfuse_secret_key."
    if status == 404:
        return "has no dashboards API: it needs server version 4 or later."
    return f"answers {status}. Nothing that was made before that is lost: apply again."

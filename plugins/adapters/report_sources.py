"""The report's other sources: the Redis ledger's own entries, and Langfuse's metrics API.

The ledger knows tenant, application, tier, tokens and money of every charged call, and nothing else; what it did not
charge (cache hits, refusals) is not in it. Langfuse adds up on its side: savings and latencies are not among what it
can group, and one row stands for many requests.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

import httpx
from redis.exceptions import RedisError

from plugins.adapters.ledger_audit import entries
from plugins.adapters.ledger_books import LedgerBooks
from plugins.adapters.redis_scripts import RedisAwayError, RedisScripts
from plugins.budget import caps_of_tenant
from plugins.config import BudgetConfig, TenantConfig, TracingConfig
from plugins.errors import StartError
from plugins.report import NONE, Request
from plugins.values import MICROS_PER_USD, CapState

# Further holds of one call: of a judge's question, of an escalation, of an attempt after one that may be billed.
_OF_CALL: Final = re.compile(r"([0-9a-f]{32})-\w+")
_MAX_ROWS: Final = 1_000
_METRICS: Final = (("totalCost", "sum"), ("inputTokens", "sum"), ("outputTokens", "sum"), ("count", "count"))
_DIMENSIONS: Final = ("traceName", "name", "providedModelName", "tags")


async def ledger_requests(
    url: str, config: BudgetConfig, tenants: Sequence[str], since_ns: int, until_ns: int
) -> list[Request]:
    """One per charged call, by the time of its charge. Raises RedisAwayError."""
    scripts = RedisScripts(url, config.timeout_ms)
    try:
        client = await scripts.client()
        found: dict[tuple[str, str], Request] = {}
        for tenant in tenants:
            first, last = (str(at_ns // 10**6) for at_ns in (since_ns, until_ns))
            async for at_ms, entry in _spending(entries(client, tenant, first, last)):
                known = _OF_CALL.fullmatch(entry["call"])
                key = (tenant, known[1] if known else entry["call"])
                row = _ledger_row(tenant, at_ms, entry)
                found[key] = _joined(found[key], row) if key in found else row
        return list(found.values())
    except (RedisError, OSError, TimeoutError) as error:
        raise RedisAwayError(type(error).__name__) from None
    finally:
        await scripts.close()


async def _spending(pages: AsyncIterator[tuple[str, dict[str, str]]]) -> AsyncIterator[tuple[int, dict[str, str]]]:
    """Entries that changed what was spent by a call: not grants, nor corrections by an operator."""
    async for entry_id, entry in pages:
        if entry["op"] not in ("grant", "set"):
            yield int(entry_id.partition("-")[0]), entry


def _ledger_row(tenant: str, at_ms: int, entry: Mapping[str, str]) -> Request:
    scopes = (item.partition("|")[0] for item in entry["plan"].split())
    app = next((scope.removeprefix("app:") for scope in scopes if scope.startswith("app:")), NONE)
    return replace(
        _EMPTY,
        tenant=tenant,
        app=app,
        tier=entry["tier"] or NONE,
        outcome="answered",
        started_ns=at_ms * 10**6,
        input_tokens=int(entry["tokens"]),  # the ledger counts them together
        cost_micros=int(entry["micros"]),
    )


def _joined(one: Request, more: Request) -> Request:
    """Two entries of one call: a charge and its correction, or two holds. The first one's tier is kept."""
    tokens = one.input_tokens + more.input_tokens
    return replace(one, input_tokens=tokens, cost_micros=one.cost_micros + more.cost_micros)


_EMPTY: Final = Request(
    *(NONE, NONE, NONE, NONE, NONE, NONE, "answered", NONE), 0, 0.0, 0, 0, 0, 0, 0, 0, 0, requests=1, timed=False
)


@dataclass(frozen=True, slots=True)
class LangfuseMetrics:
    """Reads `GET /api/public/v2/metrics`, one query per tenant: it can filter by user id but not group by it."""

    tracing: TracingConfig

    def requests(self, tenants: Sequence[str], since_ns: int, until_ns: int) -> list[Request]:
        """One row per combination that Langfuse groups by. Raises StartError with what to do."""
        tracing = self.tracing
        if not (tracing.langfuse_public_key and tracing.langfuse_secret_key):
            raise StartError("No Langfuse keys: set LANGFUSE_PUBLIC_KEY and LANGFUSE_SECRET_KEY.")
        auth = httpx.BasicAuth(tracing.langfuse_public_key, tracing.langfuse_secret_key)
        found: list[Request] = []
        with httpx.Client(base_url=tracing.langfuse_host, auth=auth, timeout=tracing.timeout_ms / 1000) as client:
            for tenant in tenants:
                rows = _asked(client, query_of(tenant, since_ns, until_ns))
                if len(rows) >= _MAX_ROWS:
                    raise StartError("Langfuse cuts the answer at 1,000 rows: choose a shorter period with --since.")
                found += [_langfuse_row(tenant, row, since_ns) for row in rows]
        return found


def query_of(tenant: str, since_ns: int, until_ns: int) -> dict[str, Any]:
    """The query of one tenant's generations (https://langfuse.com/docs/metrics/features/metrics-api)."""
    begin, end = (datetime.fromtimestamp(at_ns / 1e9, UTC).isoformat() for at_ns in (since_ns, until_ns))
    return {
        "view": "observations",
        "dimensions": [{"field": field} for field in _DIMENSIONS],
        "metrics": [{"measure": measure, "aggregation": aggregation} for measure, aggregation in _METRICS],
        "filters": [
            {"column": "type", "operator": "any of", "value": ["GENERATION"], "type": "stringOptions"},
            {"column": "userId", "operator": "=", "value": tenant, "type": "string"},
        ],
        "fromTimestamp": begin,
        "toTimestamp": end,
        "config": {"row_limit": _MAX_ROWS},
    }


def _asked(client: httpx.Client, query: dict[str, Any]) -> list[dict[str, Any]]:
    try:
        reply = client.get("/api/public/v2/metrics", params={"query": json.dumps(query)})
        reply.raise_for_status()
        rows: list[dict[str, Any]] = reply.json()["data"]
    except httpx.HTTPStatusError as error:
        raise StartError(f"Langfuse answers {error.response.status_code} to the metrics query.") from None
    except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
        raise StartError(f"Langfuse cannot be asked for its metrics ({type(error).__name__}).") from None
    return rows


def _langfuse_row(tenant: str, row: Mapping[str, Any], since_ns: int) -> Request:
    tags = {str(tag) for tag in row.get("tags") or ()}
    told = dict(tag.split(":", 1) for tag in tags if ":" in tag)
    app, _, feature = str(row.get("traceName") or NONE).partition("/")
    count = int(row["count_count"])
    return replace(
        _EMPTY,
        tenant=tenant,
        app=app,
        task=told.get("task", NONE),
        tier=str(row.get("name") or NONE),
        model=str(row.get("providedModelName") or NONE),
        feature=feature or NONE,
        outcome=told.get("outcome", NONE),
        cache=told.get("cache", NONE),
        started_ns=since_ns,
        input_tokens=int(row.get("sum_inputTokens") or 0),
        output_tokens=int(row.get("sum_outputTokens") or 0),
        cost_micros=round(float(row.get("sum_totalCost") or 0) * MICROS_PER_USD),
        escalations=count if "escalated" in tags else 0,
        fallbacks=count if "fell_back" in tags else 0,
        requests=count,
    )


async def cap_states(url: str, config: BudgetConfig, tenants: Mapping[str, TenantConfig]) -> list[tuple[str, CapState]]:
    """(tenant, state) of every configured cap of tenants, applications and keys. Raises RedisAwayError."""
    books = LedgerBooks(url, config)
    try:
        found = []
        for name, tenant in tenants.items():
            states = await books.states(name, tenant.timezone, caps_of_tenant(tenant))
            found += [(name, state) for state in states]
        return found
    finally:
        await books.close()

"""The door to the gateway: one question to one model, with its price, its latency and what went wrong.

The gateway's cache is told to stay out (`Cache-Control: no-cache, no-store`): an answer from it would be another
model's, free and instant, which is not what is measured.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import openai
from openai import AsyncOpenAI

_HEADERS: Final = {"Cache-Control": "no-cache, no-store"}
_ALONE: Final = {"x-tierwise-escalation": "off"}
_ESCALATED: Final = "escalated from"  # in x-tierwise-reason, as plugins.flight words it
_OUR_FAULT: Final = (401, 403, 404)  # the key or the model's name: the whole run is wrong, not this answer
_PASSING: Final = (408, 409, 425, 429)
_RETRIES: Final = 3


class SetupError(RuntimeError):
    """The gateway cannot be used like this: unreachable, wrong key, unknown model. The message says what to change."""


class BudgetError(RuntimeError):
    """The gateway's own budget for this key is used up."""


@dataclass(frozen=True, slots=True)
class Price:
    """Micro-dollars for a million tokens, for gateways that do not say what a call cost."""

    input_micros: int
    output_micros: int

    def cost_micros(self, tokens_in: int, tokens_out: int) -> int:
        """Rounded up, as charged."""
        return -(-(tokens_in * self.input_micros + tokens_out * self.output_micros) // 1_000_000)


@dataclass(frozen=True, slots=True)
class Reply:
    """`text` is empty where the model was refused (`error` then says why, as an error code). `cost_micros` is None
    where neither the gateway nor a price says. `answered` is False for a failure that may pass: ask again."""

    text: str
    cost_micros: int | None = None
    latency_ms: float = 0.0
    tier: str = ""
    error: str = ""
    answered: bool = True
    reason: str = ""  # why the gateway chose that tier

    @property
    def escalated(self) -> bool:
        """Whether a better tier's answer took the place of the first one."""
        return _ESCALATED in self.reason


@dataclass(frozen=True, slots=True)
class Settings:
    """How to ask. `prices` by model name; `keys` by tenant, "" for everyone else. `alone`: the gateway shall not put
    a better tier's answer in the place of one that its checks find wanting."""

    base_url: str
    keys: Mapping[str, str]
    max_tokens: int = 1024
    temperature: float | None = 0.0
    timeout_s: float = 120.0
    prices: Mapping[str, Price] | None = None
    alone: bool = False

    def bound_micros(self, model: str, messages: Sequence[Mapping[str, Any]]) -> int | None:
        """The most this call can cost, if the model's price is known. A token has at least one byte."""
        price = (self.prices or {}).get(model)
        size = sum(len(str(message).encode()) + 16 for message in messages)
        return price.cost_micros(size, self.max_tokens) if price else None


class Gateway:
    """Asks through the OpenAI SDK, which retries passing failures. Close it at the end."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._clients = {
            tenant: AsyncOpenAI(
                base_url=settings.base_url,
                api_key=key,
                timeout=settings.timeout_s,
                max_retries=_RETRIES,
                default_headers=_HEADERS | (_ALONE if settings.alone else {}),
            )
            for tenant, key in settings.keys.items()
        }

    async def close(self) -> None:
        """Close all connections."""
        for client in self._clients.values():
            await client.close()

    async def check(self) -> None:
        """Raises SetupError if the gateway cannot be reached or does not know the key."""
        for client in self._clients.values():
            try:
                await client.models.list()
            except openai.APIStatusError as error:
                raise SetupError(f"{self.settings.base_url} answers {error.status_code}: check the key") from None
            except openai.APIError:
                raise SetupError(f"no gateway answers at {self.settings.base_url}: check --base-url") from None

    async def ask(
        self,
        model: str,
        messages: Sequence[Mapping[str, Any]],
        schema: Mapping[str, Any] | None = None,
        tenant: str = "",
    ) -> Reply:
        """One answer. Raises SetupError and BudgetError; other failures are replies."""
        client = self._clients.get(tenant) or self._clients[""]
        body = self._body(model, messages, schema)
        started = time.perf_counter()
        try:
            raw = await client.chat.completions.with_raw_response.create(**body)
            found = raw.parse()
        except openai.APIStatusError as error:
            return _failure(model, error)
        except openai.APIError as error:  # connection lost, time-out, or a body that is no completion
            return Reply("", error=type(error).__name__, answered=False)
        elapsed_ms = (time.perf_counter() - started) * 1000.0
        cost = usd_micros(raw.headers.get("x-tierwise-cost-usd"))
        if cost is None and found.usage and (price := (self.settings.prices or {}).get(model)):
            cost = price.cost_micros(found.usage.prompt_tokens, found.usage.completion_tokens)
        text = found.choices[0].message.content if found.choices else ""
        tier, reason = (raw.headers.get(f"x-tierwise-{name}") or "" for name in ("tier", "reason"))
        return Reply(text or "", cost, elapsed_ms, tier, reason=reason)

    def _body(
        self, model: str, messages: Sequence[Mapping[str, Any]], schema: Mapping[str, Any] | None
    ) -> dict[str, Any]:
        body: dict[str, Any] = {"model": model, "messages": list(messages), "max_tokens": self.settings.max_tokens}
        if self.settings.temperature is not None:
            body["temperature"] = self.settings.temperature
        if schema is not None:
            body["response_format"] = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}
        return body


def usd_micros(text: str | None) -> int | None:
    """Dollars in decimal notation to micro-dollars, rounded up; None for what is no amount."""
    try:
        amount = Decimal(text or "")
    except InvalidOperation:
        return None
    return math.ceil(amount * 1_000_000) if amount.is_finite() and amount >= 0 else None


def _failure(model: str, error: openai.APIStatusError) -> Reply:
    code = str(error.code or error.status_code)
    if error.status_code == 429 and code == "insufficient_quota":
        raise BudgetError("the gateway's budget for this key is used up; raise its cap or take another key")
    if error.status_code in _OUR_FAULT:
        raise SetupError(f"the gateway refused {model!r} with {error.status_code} ({code}): check --base-url, the key")
    passing = error.status_code >= 500 or error.status_code in _PASSING
    cost = usd_micros(error.response.headers.get("x-tierwise-cost-usd"))
    return Reply("", cost, error=code, answered=not passing)

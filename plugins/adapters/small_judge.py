"""Asks a small LLM of the gateway's own model list for its opinion. Any failure is no opinion."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections import OrderedDict
from dataclasses import replace

from plugins.adapters import litellm_io
from plugins.config import JudgeConfig
from plugins.routing.judged import SCHEMA, messages_for, opinion
from plugins.values import Call, Charge, Exact, LowerBound, SmallQuestion, Verdict, micros

log = logging.getLogger("tierwise")

KEPT_OPINIONS = 10_000
MOST_OUTPUT_TOKENS = 60
# The share is counted over about this many recent calls: old ones are halved away.
MEMORY_CALLS = 2_000


class SmallModel:
    """Implements ports.SmallModel over the running proxy's router: one attempt at one group, nothing else."""

    async def ask(
        self, question: SmallQuestion, group: str, timeout_s: float, call_id: str
    ) -> tuple[str | None, Charge]:
        """(the reply or None, what it cost; its whole hold where nobody can say)."""
        from litellm.proxy import proxy_server  # the router is set when the proxy starts, not at import

        try:
            reply = await asyncio.wait_for(
                proxy_server.llm_router.acompletion(
                    model=group,
                    messages=list(question.messages),
                    response_format=dict(question.form),
                    max_tokens=question.max_output_tokens,
                    temperature=0,
                    caching=False,
                    disable_fallbacks=True,
                    num_retries=0,
                ),
                timeout_s,
            )
        except Exception as exception:
            log.info("no opinion: %s", litellm_io.upstream_error(exception).code, extra={"call_id": call_id})
            return None, LowerBound(0, 0) if litellm_io.may_be_billed(exception) else Exact(0, 0)
        cost, usage = litellm_io.hidden_params(reply).get("response_cost"), litellm_io.usage_of(reply)
        charge = LowerBound(0, 0) if cost is None else Exact(micros(cost), usage.total_tokens if usage else 0)
        return next((choice.message.content for choice in reply.choices), "") or "", charge


class SmallJudge:
    """Implements ports.Judge. Replies are kept by tenant and text, so that a repeated prompt asks once; what one means
    is read anew each time, as the same words may stand in another conversation."""

    def __init__(self, config: JudgeConfig) -> None:
        self._config, self._model = config, SmallModel()
        self._kept: OrderedDict[str, str] = OrderedDict()
        self._seen = self._asked = 0

    def count(self) -> None:
        self._seen += 1
        if self._seen > MEMORY_CALLS:
            self._seen, self._asked = self._seen // 2, self._asked // 2

    def may_ask(self) -> bool:
        """The very first question is free of the share, which no number of calls below its inverse would allow."""
        return self._config.max_share > 0 and self._asked + 1 <= max(1.0, self._config.max_share * self._seen)

    def remembered(self, call: Call, scored: Verdict) -> Verdict | None:
        reply = self._kept.get(_key(call))
        return None if reply is None else opinion(reply, scored)

    async def judge(self, call: Call, group: str, scored: Verdict) -> tuple[Verdict | None, Charge]:
        """(the opinion if there is one, what asking cost; its whole hold when it did not answer in time)."""
        self._asked += 1
        question = SmallQuestion(tuple(messages_for(call.question)), SCHEMA, MOST_OUTPUT_TOKENS)
        said, cost = await self._model.ask(question, group, self._config.timeout_ms / 1000, call.id)
        verdict = opinion(said, scored) if said is not None else None
        if verdict is None or said is None:
            return None, cost
        self._kept[_key(call)] = said
        if len(self._kept) > KEPT_OPINIONS:
            self._kept.popitem(last=False)
        return replace(verdict, cost_micros=cost.micros), cost


def _key(call: Call) -> str:
    return hashlib.sha256(f"{call.caller.tenant}\0{call.question}".encode("utf-8", "surrogatepass")).hexdigest()

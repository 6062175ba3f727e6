"""Conversations keep their tier while that pays: providers bill a repeated prefix at a fraction of its price.

Up at once: a harder turn, or an answer that failed the user. Down only when the cheaper tier's full price for
the whole history is below the dearer tier's price for the history it still has cached.
"""

from __future__ import annotations

import hashlib
import re

from plugins.catalog import Catalog
from plugins.config import GatewayConfig
from plugins.pricing import TYPICAL_OUTPUT_TOKENS, typical_tokens
from plugins.values import Call, Previous

# Providers keep a prompt cache for about five minutes after its last use.
CACHE_LIFE_S = 300
# A user who says that the last answer was not good enough, in four languages.
COMPLAINT = re.compile(
    r"\b(?:(?:that|this|it)(?:'s| is| was)? (?:still |also )?(?:wrong|incorrect|not (?:right|correct|what i))"
    r"|doesn'?t work|does not work|try again|still (?:fails|failing|broken|wrong)|you (?:missed|forgot|misunderstood)"
    r"|(?:das|es) (?:ist|war) (?:immer noch )?(?:falsch|nicht richtig)|funktioniert (?:so )?nicht|nochmal versuchen"
    r"|c'est (?:faux|incorrect)|ça ne marche pas|réessaie|est[áa] mal|no funciona|int[ée]ntalo de nuevo)\b",
    re.IGNORECASE,
)


def conversation_id(call: Call) -> str:
    """The session that the caller names, or the conversation's own opening; bound to tenant and key."""
    opening = next((m.text for m in call.turns if m.role == "user"), "")
    named = call.hints.session or f"{call.system}\0{opening}"
    text = "\0".join((call.caller.tenant, call.caller.key_id, call.end_user, call.model, named))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def keeps(previous: Previous, wanted: str, call: Call, config: GatewayConfig, catalog: Catalog) -> tuple[str, str]:
    """(the tier that a follow-up turn should have, why it is not the wanted one; empty if it is)."""
    order = list(config.auto_tiers)
    if previous.tier not in order or wanted not in order:
        return wanted, ""
    before, now = order.index(previous.tier), order.index(wanted)
    if previous.failed or COMPLAINT.search(call.question[:500]):
        up = order[min(len(order) - 1, max(before + 1, now))]
        return up, "" if up == wanted else "the last answer was not good enough"
    if now >= before or previous.age_s > CACHE_LIFE_S:
        return wanted, ""
    if _turn_cost(previous.tier, call, config, catalog, cached=True) <= _turn_cost(wanted, call, config, catalog):
        return previous.tier, "its cached history is cheaper than moving down"
    return wanted, ""


def _turn_cost(tier: str, call: Call, config: GatewayConfig, catalog: Catalog, *, cached: bool = False) -> int:
    """Pico-dollars of one typical turn: the whole history in, a typical answer out."""
    tokens = typical_tokens(call)
    new = min(tokens, len(call.question.encode("utf-8", "surrogatepass")) // 3 + 1) if cached else tokens
    costs = [
        new * d.input_pico + (tokens - new) * d.cached_pico + TYPICAL_OUTPUT_TOKENS * d.output_pico
        for d in catalog.groups.get(config.group(tier), ())
    ]
    return max(costs, default=0)

"""The cache's decisions: what may be cached, what an answer is bound to, and under which key. No I/O.

Two layers use them. The exact layer finds the very same request: scope, whole history and question. The
semantic layer finds a paraphrase of the last turn in the same scope, so that must be a question by itself.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import fields
from functools import lru_cache
from typing import Final

from plugins.cache_config import CacheConfig
from plugins.cache_rules import is_refusal, language_of, passing_reason, refers_back
from plugins.config import TenantConfig
from plugins.values import CacheVerdict, Call, Constraints, Endpoint, Scope

BYPASS: Final = "bypass"
# Part of every key: entries of another format are other entries.
FORMAT: Final = "2"
_SCOPE: Final = tuple(field.name for field in fields(Scope))
_as_json: Final = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"), sort_keys=True).encode
_PROVIDER_TEMPERATURE: Final = 1.0  # what the providers take when a request names none
SHARED: Final = "@"
SYSTEM_ROLES: Final = ("system", "developer")
_PLAIN_ROLES: Final = (*SYSTEM_ROLES, "user", "assistant")
_COMPLETE: Final = ("stop", "end_turn", "stop_sequence", "completed")  # of chat, messages, responses
# A prompt to be continued and a text to be embedded are no questions that could be asked in other words.
_LITERAL: Final = frozenset({Endpoint.COMPLETIONS, Endpoint.EMBEDDINGS})
# Two questions are compared word by word, which takes 25 ms at this length and four times as much at twice the length.
LONGEST_QUESTION: Final = 2_500
# Prose: letters, digits and sentence punctuation on one line. Blanks carry meaning in anything else (code,
# tables, quoted text), and in a question about text itself.
_PROSE: Final = re.compile(r"[\w ,.;?!'()-]*")
_ABOUT: Final = (
    r"unicode|code ?point|charact|letter|byte|utf|ascii|encod|blank|space|string|regex|count|length|repeat|"
    r"how long|exact|verbatim|echo|format|zeichen|buchstabe|leerzeichen|wiederhol|caract|lettre|espac|"
    r"repet|repit|letra"
)
# Of lower-case ASCII the same is found in a third of the time.
_ABOUT_TEXT, _ABOUT_ASCII = re.compile(_ABOUT, re.IGNORECASE), re.compile(_ABOUT)


def fingerprint(*parts: object) -> str:
    """SHA-256 of the parts as canonical JSON: no two lists of parts share the text that is hashed."""
    return hashlib.sha256(_as_json(parts).encode("ascii")).hexdigest()


def scope_of(call: Call, tenant: TenantConfig, constraints: Constraints, target: str) -> Scope:
    """Everything an answer to this call is bound to.

    `target` names what would answer (see `target_of`). History covers all turns, roles and positions except
    the question itself; it is empty for system prompts followed by one user turn.
    """
    return Scope(
        tenant=room_of(call, tenant),
        residency=constraints.residency,
        target=target,
        system=system_fingerprint([(m.role, m.text) for m in call.messages if m.role in SYSTEM_ROLES]),
        shape=fingerprint(call.endpoint.value, call.shape),
        language=language_of(call.question),
        history=_history(call),
        owner=call.end_user if tenant.cache == "end_user" else "",
        sealed=tenant.captured == "none",
    )


def room_of(call: Call, tenant: TenantConfig) -> str:
    """Whose answers a call sees: its tenant's, or those of the group that tenant and config both name. No tenant's
    name begins with "@". Responses are not shared, as their ids lead to what a provider keeps of the conversation."""
    if tenant.cache_group is None or tenant.captured == "none" or call.endpoint is Endpoint.RESPONSES:
        return call.caller.tenant
    return f"{SHARED}{tenant.cache_group}"


def made_by(tenant: str) -> str:
    """The tag of a shared answer that tells whose it is, for a purge."""
    return f"tenant:{tenant}"


def system_fingerprint(prompts: Sequence[tuple[str, str]]) -> str:
    """Of (role, text) of the system prompts in their order; empty for none."""
    return fingerprint(*prompts) if prompts else ""


def target_of(name: str, models: tuple[str, ...]) -> str:
    """A tier, alias or model name with the models behind it: other models make another target."""
    return f"{name}@{fingerprint(sorted(models))[:12]}"


def cacheable(call: Call, tenant: TenantConfig, config: CacheConfig) -> CacheVerdict | None:
    """None if the cache may be asked and filled; otherwise the bypass with its reason."""
    return unwanted(call) or unfit(call, tenant, config)


def unwanted(call: Call) -> CacheVerdict | None:
    """What the request itself says against being answered from the cache."""
    if call.hints.no_cache:
        return CacheVerdict(BYPASS, "the request says no-cache")
    if call.hints.no_store:
        return CacheVerdict(BYPASS, "the request says no-store")
    return None


def unfit(call: Call, tenant: TenantConfig, config: CacheConfig) -> CacheVerdict | None:
    """As `cacheable`, whatever the request says about caching: a `no-cache` request may refresh an entry."""
    embeds = call.endpoint is Endpoint.EMBEDDINGS
    temperature = _PROVIDER_TEMPERATURE if call.temperature is None else call.temperature
    hot = not embeds and temperature > config.max_temperature
    checks = (
        (not config.enabled, "the cache is off"),
        (tenant.cache == "off", "the cache is off for this tenant"),
        (tenant.captured == "none" and config.uncaptured == "skip", "content capture is off for this tenant"),
        (call.hints.sensitive, "the request is declared sensitive"),
        (tenant.cache == "end_user" and not call.end_user, "cached per end user, and the request names none"),
        (call.has_tools, "tools"),
        (any(m.role not in _PLAIN_ROLES for m in call.messages), "tool results in the conversation"),
        (call.images > 0, "images"),
        (call.choices > 1, f"{call.choices} answers at once"),
        (embeds and len({m.text for m in call.messages}) < len(call.messages), "the same input twice"),
        (hot, f"temperature {temperature:g} > {config.max_temperature:g}"),
        (not call.question.strip(), "empty question"),
    )
    reason = next((reason for applies, reason in checks if applies), "")
    # Earlier turns count too: "and in Lyon?" after a question for the weather. A vector holds for all and for ever.
    reason = reason or ("" if embeds else passing_reason(m.text for m in call.messages if m.role == "user"))
    return CacheVerdict(BYPASS, reason) if reason else None


def exact_only(call: Call) -> str:
    """Why only this very request may be answered from the cache, and no paraphrase; empty if one may."""
    if call.endpoint in _LITERAL:
        return f"endpoint {call.endpoint.value}: only this very input"
    if not call.messages or call.messages[-1].role != "user":
        return "the last turn is not the user's"
    if call.wants_schema:
        return "a response schema asks for this very input"
    if len(call.question) > LONGEST_QUESTION:
        return f"a question over {LONGEST_QUESTION} characters: only this very one"
    return refers_back(call.question) if len(call.turns) > 1 else ""


def paraphrasable(call: Call) -> bool:
    """Whether the semantic layer is for this call. Ask before embedding, for a lookup and for storing."""
    return not exact_only(call)


def answer_fault(
    text: str, finish_reason: str | None, *, tool_calls: int = 0, failed: bool = False, refused: bool = False
) -> str:
    """Why an answer must not be kept; empty if it may. `refused` is the provider's own `refusal` field."""
    if failed:
        return "the call failed"
    if tool_calls:
        return "the answer calls tools"
    if finish_reason not in _COMPLETE:
        return f"the answer is not complete: {finish_reason}"
    if not text.strip():
        return "the answer is empty"
    return "the answer is a refusal" if refused or is_refusal(text) else ""


def ttl_for(task: str, config: CacheConfig) -> int:
    """Seconds that an answer of this task class is kept."""
    return config.task_ttl_s.get(task, config.ttl_s)


def exact_key(scope: Scope, question: str) -> str:
    """Digest of one request: equal only for equal scopes and questions equal up to `canonical`."""
    return fingerprint(FORMAT, _fields(scope), canonical(question))


@lru_cache(maxsize=1_024)  # asked several times for one request, and the same of most requests of an application
def scope_key(scope: Scope) -> str:
    """Digest of a scope: the only entries that a semantic lookup may see are those that carry it."""
    return fingerprint(FORMAT, _fields(scope))[:32]


def _fields(scope: Scope) -> dict[str, str | bool]:
    return {name: getattr(scope, name) for name in _SCOPE}


def canonical(question: str) -> str:
    """The question, with blanks and composed letters unified where they cannot matter: one line of prose."""
    composed = unicodedata.normalize("NFC", question.strip())
    plain = composed.isascii()
    if (_ABOUT_ASCII.search(composed.lower()) if plain else _ABOUT_TEXT.search(composed)) or not _PROSE.fullmatch(
        composed
    ):
        return question
    if not question.isascii() and any(unicodedata.normalize("NFC", c) != c for c in question):
        return question  # a singleton such as the ohm sign, not a decomposed letter: NFC would replace it
    return re.sub(" +", " ", composed)


def _history(call: Call) -> str:
    turns = [m for m in call.messages if m.role not in SYSTEM_ROLES]
    first_turn = next((i for i, m in enumerate(call.messages) if m.role not in SYSTEM_ROLES), 0)
    systems_lead = all(m.role not in SYSTEM_ROLES for m in call.messages[first_turn:])
    if len(turns) == 1 and turns[0].role == "user" and systems_lead:
        return ""
    asked = max((i for i, m in enumerate(call.messages) if m.role == "user"), default=-1)
    return fingerprint([[m.role, None if i == asked else m.text] for i, m in enumerate(call.messages)])

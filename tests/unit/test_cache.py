"""What may be cached, what an answer is bound to, and what is kept out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from threading import Thread

import numpy as np
import pytest

from classifier.embedding import EmbeddingError
from plugins.adapters.embedder import AsyncEmbedder
from plugins.cache import (
    answer_fault,
    cacheable,
    canonical,
    exact_key,
    exact_only,
    paraphrasable,
    scope_key,
    scope_of,
    target_of,
    ttl_for,
    unfit,
)
from plugins.cache_config import CacheConfig
from plugins.cache_rules import language_of
from plugins.config import TenantConfig
from plugins.ports import Vector
from plugins.values import Call, Caller, Constraints, Endpoint, Hints, Message

TENANT = TenantConfig()
CONFIG = CacheConfig()
CALLER = Caller("acme", "shop", "k1")
FREE = Constraints()


def call_of(*turns: tuple[str, str], **changes: object) -> Call:
    messages = tuple(Message(role, text) for role, text in turns)
    return replace(Call("c1", Endpoint.CHAT, CALLER, "auto", messages), **changes)  # type: ignore[arg-type]


def ask(question: str, **changes: object) -> Call:
    return call_of(("user", question), **changes)


PLAIN = "What is the boiling point of ethanol?"


def test_a_plain_question_is_cacheable() -> None:
    """An impersonal, timeless question without tools may be answered from the cache."""
    assert cacheable(ask(PLAIN), TENANT, CONFIG) is None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"hints": Hints(no_cache=True)}, "no-cache"),
        ({"hints": Hints(no_store=True)}, "no-store"),
        ({"hints": Hints(sensitive=True)}, "sensitive"),
        ({"endpoint": Endpoint.EMBEDDINGS, "messages": (Message("user", "a"), Message("user", "a"))}, "twice"),
        ({"has_tools": True}, "tools"),
        ({"images": 1}, "images"),
        ({"choices": 2}, "2 answers at once"),
        ({"temperature": 1.5}, "1.5 > 1"),
    ],
)
def test_requests_that_bypass_the_cache(changes: dict[str, object], reason: str) -> None:
    """Each property that makes an answer unfit for reuse is a bypass that names it."""
    verdict = cacheable(ask(PLAIN, **changes), TENANT, CONFIG)
    assert verdict is not None
    assert verdict.kind == "bypass"
    assert reason in verdict.reason


def test_a_text_to_embed_is_cacheable_whatever_it_says() -> None:
    """A vector holds for everybody and for ever, and only for this very text."""
    call = ask("Where is my order today?", endpoint=Endpoint.EMBEDDINGS, temperature=None)
    assert cacheable(call, TENANT, CacheConfig(max_temperature=0.2)) is None
    assert "only this very input" in exact_only(call)


def test_a_long_text_is_not_looked_for_in_other_words() -> None:
    """Comparing two of them word by word would keep every other request waiting."""
    assert exact_only(ask("How do I return shoes? " * 100)) == ""
    assert "only this very one" in exact_only(ask("How do I return shoes? " * 200))


def test_a_no_cache_request_may_still_refresh() -> None:
    """`unfit` leaves the caller's wishes aside, so a fresh answer can replace the stored one."""
    assert unfit(ask(PLAIN, hints=Hints(no_cache=True)), TENANT, CONFIG) is None


def test_a_missing_temperature_counts_as_the_providers_default() -> None:
    """With a lower configured limit, a request that leaves the temperature open is above it."""
    verdict = cacheable(ask(PLAIN), TENANT, CacheConfig(max_temperature=0.5))
    assert verdict is not None
    assert "1 > 0.5" in verdict.reason


@pytest.mark.parametrize(
    ("tenant", "reason"),
    [
        (TenantConfig(cache="off"), "off for this tenant"),
        (TenantConfig(capture="none"), "content capture is off"),
        (TenantConfig(residency="on_premise"), "content capture is off"),
        (TenantConfig(cache="end_user"), "names none"),
    ],
)
def test_tenants_whose_answers_are_not_kept(tenant: TenantConfig, reason: str) -> None:
    """A tenant's settings can forbid caching, or demand an end user that is not given."""
    verdict = cacheable(ask(PLAIN), tenant, CONFIG)
    assert verdict is not None
    assert reason in verdict.reason


@pytest.mark.parametrize(
    "question",
    [
        "What time is it?",
        "Which movies are playing tonight?",
        "Who is the current chancellor of Austria?",
        "Is the museum open right now?",
        "What is the latest version of Python?",
        "Wie wird das Wetter in Graz?",
        "Wer hat gestern gewonnen?",
        "Wie spät ist es?",
        "Quelle heure est-il ?",
        "Quel temps fera-t-il demain à Nice ?",
        "¿Qué hora es?",
        "¿Cuánto cuesta el billete ahora?",
        "Will it be sunny in Oslo this weekend?",
        "What is the price of gold?",
        "How many days until Christmas?",
    ],
)
def test_time_dependent_questions_bypass(question: str) -> None:
    """A question whose answer changes by itself is not cached, in English, German, French and Spanish."""
    assert cacheable(ask(question), TENANT, CONFIG) is not None


@pytest.mark.parametrize(
    "question",
    [
        "Where is my order?",
        "What is my balance?",
        "Please check ticket #48213 for me",
        "When will my parcel arrive?",
        "Remind me what I told you about our contract",
        "Wo ist meine Bestellung?",
        "Wie hoch ist mein Kontostand?",
        "Où est ma commande ?",
        "¿Dónde está mi pedido?",
        "Who am I?",
    ],
)
def test_personal_questions_bypass(question: str) -> None:
    """A question about the asker's own things is not cached."""
    verdict = cacheable(ask(question), TENANT, CONFIG)
    assert verdict is not None
    assert "personal" in verdict.reason


@pytest.mark.parametrize(
    "question",
    [
        "How do I reset my password?",
        "How can I cancel my order?",
        "What's the current in a circuit of 5 volts and 2 ohms?",
        "Wie kann ich meine Karte sperren?",
        "Comment puis-je changer mon mot de passe ?",
        "¿Cómo puedo cambiar mi contraseña?",
        "Explain what a hash table is.",
        "What does the actual meaning of a word depend on?",
        "Do I have to renew a passport after marriage?",
    ],
)
def test_general_questions_are_cacheable(question: str) -> None:
    """How to do something is the same for everybody, also when the question says "my"."""
    assert cacheable(ask(question), TENANT, CONFIG) is None


def test_an_earlier_turn_can_make_the_question_time_dependent() -> None:
    """A follow-up to a question about the weather is about the weather."""
    call = call_of(("user", "What's the weather in Paris?"), ("assistant", "Sunny."), ("user", "And how is Lyon?"))
    assert cacheable(call, TENANT, CONFIG) is not None


def test_tool_results_in_the_conversation_bypass() -> None:
    """An answer made from a tool's result is not reused."""
    assert cacheable(call_of(("tool", "42"), ("user", PLAIN)), TENANT, CONFIG) is not None


def test_scope_holds_everything_the_answer_depends_on() -> None:
    """Changing any one thing that the answer depends on changes the key."""
    base = call_of(("system", "Be brief."), ("user", PLAIN))
    variants = [
        scope_of(base, TENANT, FREE, "auto"),
        scope_of(replace(base, caller=replace(CALLER, tenant="other")), TENANT, FREE, "auto"),
        scope_of(base, TENANT, Constraints(on_premise_only=True), "auto"),
        scope_of(base, TENANT, Constraints(region="eu"), "auto"),
        scope_of(base, TENANT, FREE, "small"),
        scope_of(call_of(("system", "Be long."), ("user", PLAIN)), TENANT, FREE, "auto"),
        scope_of(call_of(("developer", "Be brief."), ("user", PLAIN)), TENANT, FREE, "auto"),
        scope_of(replace(base, shape='{"max_tokens":5}'), TENANT, FREE, "auto"),
        scope_of(call_of(("user", "Hi"), ("assistant", "Hello"), ("user", PLAIN)), TENANT, FREE, "auto"),
        scope_of(replace(base, end_user="u1"), TenantConfig(cache="end_user"), FREE, "auto"),
        scope_of(call_of(("system", "Be brief."), ("user", "Was ist das?")), TENANT, FREE, "auto"),
    ]
    assert len({scope_key(scope) for scope in variants}) == len(variants)
    assert len({exact_key(scope, PLAIN) for scope in variants}) == len(variants)


def test_end_users_share_answers_unless_the_tenant_says_otherwise() -> None:
    """The end user is part of the scope only where the tenant caches per end user."""
    one, two = ask(PLAIN, end_user="u1"), ask(PLAIN, end_user="u2")
    assert scope_of(one, TENANT, FREE, "auto") == scope_of(two, TENANT, FREE, "auto")
    per_user = TenantConfig(cache="end_user")
    assert scope_of(one, per_user, FREE, "auto") != scope_of(two, per_user, FREE, "auto")


def test_where_the_question_stands_is_part_of_the_history() -> None:
    """The same texts in another order, or with an answer already begun, are another conversation."""
    calls = [
        call_of(("user", "A"), ("user", PLAIN)),
        call_of(("user", PLAIN), ("assistant", "A")),
        call_of(("user", "A"), ("assistant", ""), ("user", PLAIN)),
        call_of(("user", "A"), ("system", ""), ("user", PLAIN)),
    ]
    assert len({scope_of(call, TENANT, FREE, "auto").history for call in calls}) == len(calls)


def test_other_models_behind_a_tier_are_another_target() -> None:
    """Changing the models of a tier leaves its old answers behind; their order does not matter."""
    assert target_of("small", ("a", "b")) == target_of("small", ("b", "a"))
    assert target_of("small", ("a",)) != target_of("small", ("b",))


@pytest.mark.parametrize(
    "follow_up",
    [
        "And how is it made?",
        "What about water?",
        "Why?",
        "Und warum ist das so?",
        "Et pourquoi ça ?",
        "Explain more",
    ],
)
def test_a_follow_up_that_leans_on_its_history_is_for_the_exact_layer(follow_up: str) -> None:
    """A last turn with pronouns or ellipsis has no paraphrases by itself."""
    call = call_of(("user", PLAIN), ("assistant", "78 °C."), ("user", follow_up))
    assert not paraphrasable(call)
    assert exact_only(call)


def test_a_follow_up_that_stands_alone_may_be_paraphrased() -> None:
    """A complete new question within a conversation is for both layers, inside the same history."""
    call = call_of(("user", "Hi"), ("assistant", "Hello!"), ("user", "What is the boiling point of ethanol?"))
    assert paraphrasable(call)


def test_a_begun_answer_or_a_schema_is_for_the_exact_layer() -> None:
    """An assistant turn at the end, or a response schema, ties the answer to this very input."""
    assert not paraphrasable(call_of(("user", PLAIN), ("assistant", "It is")))
    assert not paraphrasable(ask(PLAIN, wants_schema=True))


@pytest.mark.parametrize(
    ("text", "finish_reason", "facts", "reason"),
    [
        ("78 °C.", "length", {}, "not complete"),
        ("78 °C.", None, {}, "not complete"),
        ("78 °C.", "content_filter", {}, "not complete"),
        ("  ", "stop", {}, "empty"),
        ("78 °C.", "stop", {"tool_calls": 1}, "tools"),
        ("78 °C.", "stop", {"failed": True}, "failed"),
        ("No.", "stop", {"refused": True}, "refusal"),
        ("I'm sorry, but I can't help with that.", "stop", {}, "refusal"),
        ("As an AI language model, I have no opinion.", "stop", {}, "refusal"),
        ("Es tut mir leid, dabei kann ich nicht helfen.", "stop", {}, "refusal"),
        ("Je suis désolé, je ne peux pas répondre.", "stop", {}, "refusal"),
        ("Lo siento, no puedo ayudar con eso.", "stop", {}, "refusal"),
    ],
)
def test_answers_that_are_not_kept(text: str, finish_reason: str | None, facts: dict[str, int], reason: str) -> None:
    """Errors, refusals, truncated and empty answers and tool calls are not stored."""
    assert reason in answer_fault(text, finish_reason, **facts)  # type: ignore[arg-type]


def test_a_complete_answer_is_kept() -> None:
    """A finished text is stored."""
    assert answer_fault("Ethanol boils at 78 °C.", "stop") == ""


def test_ttl_by_task_class() -> None:
    """A task class may have its own time to live."""
    config = CacheConfig(ttl_s=100, task_ttl_s={"code": 7})
    assert (ttl_for("code", config), ttl_for("chat", config)) == (7, 100)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("What is DNA?", "  What  is DNA?\n"),
        ("Was ist ein Müller?", "Was ist ein Mu\u0308ller?"),
    ],
)
def test_blanks_and_composed_letters_do_not_matter_in_prose(one: str, other: str) -> None:
    """One line of prose is the same question however it is spaced or composed."""
    assert canonical(one) == canonical(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x = 1\n  y = 2", "x = 1\ny = 2"),
        ("How many spaces are in a  b?", "How many spaces are in a b?"),
        ("Which letter is \u2126?", "Which letter is \u03a9?"),
        ("Is \u212b a unit?", "Is \u00c5 a unit?"),
        ('Say "a  b"', 'Say "a b"'),
        ("What is Polish?", "What is polish?"),
    ],
)
def test_blanks_letters_and_case_that_may_matter_are_kept(one: str, other: str) -> None:
    """In code, quotes, questions about text, and for characters that NFC replaces, nothing is unified."""
    assert canonical(one) != canonical(other)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        (PLAIN, "en"),
        ("Was ist die Hauptstadt von Österreich?", "de"),
        ("Quelle est la capitale de la France ?", "fr"),
        ("¿Cuál es la capital de España?", "es"),
        ("東京の首都は何ですか", "japanese"),
        ("Как дела?", "cyrillic"),
        ("42", "en"),
    ],
)
def test_language(text: str, language: str) -> None:
    """Language by function words and letters, or the script."""
    assert language_of(text) == language


class CountingEmbedder:
    """Counts runs; a text "bad" fails when it runs, "worse" before."""

    def __init__(self) -> None:
        self.runs = 0

    def start(self, text: str, done: Callable[[Vector | EmbeddingError], None]) -> None:
        self.runs += 1
        if text == "worse":
            raise RuntimeError("no model")
        made = EmbeddingError("no model") if text == "bad" else np.full(384, len(text), dtype=np.float32)
        Thread(target=done, args=(made,)).start()


async def test_identical_texts_are_embedded_once() -> None:
    """Concurrent and later callers of one text share one run."""
    counting = CountingEmbedder()
    embedder = AsyncEmbedder(counting)
    vectors = await asyncio.gather(*(embedder.embed("same") for _ in range(20)))
    assert await embedder.embed("same") is vectors[0]
    assert counting.runs == 1
    await embedder.close()


async def test_a_failing_embedding_is_none() -> None:
    """Failure yields nothing instead of raising, and the next text works."""
    embedder = AsyncEmbedder(CountingEmbedder())
    assert await embedder.embed("bad") is None
    assert await embedder.embed("worse") is None
    assert await embedder.embed("good") is not None
    await embedder.close()


async def test_kept_vectors_are_bounded() -> None:
    """The least recently used vector goes first."""
    counting = CountingEmbedder()
    embedder = AsyncEmbedder(counting, capacity=2)
    for text in ("a", "bb", "a", "ccc", "a", "bb"):
        await embedder.embed(text)
    assert counting.runs == 4
    await embedder.close()


async def test_a_caller_who_leaves_does_not_take_the_vector_along() -> None:
    """Cancelling one waiter leaves the shared run to the others."""
    embedder = AsyncEmbedder(CountingEmbedder())
    leaver, stayer = (asyncio.create_task(embedder.embed("text")) for _ in range(2))
    await asyncio.sleep(0)
    leaver.cancel()
    assert await stayer is not None
    await embedder.close()


async def test_too_many_waiting_texts_are_turned_away() -> None:
    """Beyond `max_waiting` the answer is None at once."""
    embedder = AsyncEmbedder(CountingEmbedder(), max_waiting=2)
    vectors = await asyncio.gather(*(embedder.embed(str(i)) for i in range(5)))
    assert sum(vector is None for vector in vectors) == 3
    await embedder.close()

"""Keys of the cache: equal only for requests that mean the same."""

from __future__ import annotations

import unicodedata
from dataclasses import fields, replace
from fnmatch import fnmatchcase
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from plugins.adapters.cache_codec import entry_key, entry_pattern, entry_prefix, keys_of, pack, quoted, unpack
from plugins.cache import canonical, exact_key, fingerprint, scope_key, scope_of
from plugins.config import TenantConfig
from plugins.values import Call, Caller, Constraints, Endpoint, Entry, Message, Scope, Usage

# Few letters, so that moved, swapped and repeated ones meet often; and characters that normalisation touches.
TRICKY = st.text(alphabet='ab \n\t"\\{}[],:|1\u0308\u00e4\u2126\u03a9\u00a0', max_size=8)
SCOPES = st.builds(Scope, *[TRICKY] * 8)
MESSAGES = st.lists(
    st.builds(Message, st.sampled_from(["system", "developer", "user", "assistant"]), TRICKY),
    min_size=1,
    max_size=4,
).map(tuple)


@given(SCOPES, TRICKY, SCOPES, TRICKY)
def test_different_requests_never_share_a_key(one: Scope, asked: str, other: Scope, asked_too: str) -> None:
    """Two keys are equal exactly if the scopes are equal and the questions agree up to `canonical`."""
    same = one == other and canonical(asked) == canonical(asked_too)
    assert (exact_key(one, asked) == exact_key(other, asked_too)) == same
    assert (scope_key(one) == scope_key(other)) == (one == other)


@given(SCOPES, TRICKY, st.sampled_from([f.name for f in fields(Scope)]), TRICKY)
def test_each_field_of_the_scope_is_part_of_the_key(scope: Scope, asked: str, name: str, value: str) -> None:
    """Changing one field changes the keys, whatever it is changed to."""
    changed = replace(scope, **cast(dict[str, Any], {name: value}))
    assert (exact_key(scope, asked) == exact_key(changed, asked)) == (scope == changed)
    assert (entry_key(scope, asked) == entry_key(changed, asked)) == (scope == changed)


@given(MESSAGES, MESSAGES)
def test_different_conversations_never_share_a_key(one: tuple[Message, ...], other: tuple[Message, ...]) -> None:
    """System prompts, turns, their roles and their order all count; only the question's blanks may not."""

    def key(messages: tuple[Message, ...]) -> str:
        call = Call("c", Endpoint.CHAT, Caller("t", "a", "k"), "auto", messages)
        return exact_key(scope_of(call, TenantConfig(), Constraints(), "auto"), call.question)

    def meaning(messages: tuple[Message, ...]) -> list[tuple[str, str]]:
        asked = max((i for i, m in enumerate(messages) if m.role == "user"), default=-1)
        return [(m.role, canonical(m.text) if i == asked else m.text) for i, m in enumerate(messages)]

    assert (key(one) == key(other)) == (meaning(one) == meaning(other))


@given(st.text(max_size=30))
def test_canonical_changes_only_blanks_and_composition(text: str) -> None:
    """What is unified is canonically equivalent text, and doing it twice changes nothing."""
    result = canonical(text)
    assert canonical(result) == result
    unified, original = (unicodedata.normalize("NFC", " ".join(t.split())) for t in (result, text))
    assert unified == original


@given(st.lists(TRICKY), st.lists(TRICKY))
def test_fingerprints_do_not_run_parts_together(one: list[str], other: list[str]) -> None:
    """Moving a character from one part to the next is another fingerprint."""
    assert (fingerprint(*one) == fingerprint(*other)) == (one == other)


@given(st.text(), st.text())
def test_tenants_never_share_keys(one: str, other: str) -> None:
    """A pattern of one tenant's entries, as a purge uses it, fits none of another's, whatever their names."""
    mine, others = (replace(Scope("", "any", "auto", "", "{}", "en", ""), tenant=name) for name in (one, other))
    assert fnmatchcase(entry_key(mine, "q"), entry_pattern(quoted(one)))
    if one != other:
        assert not fnmatchcase(entry_key(mine, "q"), entry_pattern(quoted(other)))
        assert not entry_key(mine, "q").startswith(entry_prefix(others))
    assert not set(quoted(one)) & set("{}*?[]:\\")


@given(SCOPES, TRICKY)
def test_lease_and_entry_share_a_slot_but_not_a_key(scope: Scope, asked: str) -> None:
    """Both carry the hash tag of their scope's shelf, so one script may touch both on a cluster."""
    keys = keys_of(scope, asked)
    lease, entry = keys.lease, keys.entry
    assert lease != entry
    assert lease.split("}")[0] == entry.split("}")[0]


@given(
    SCOPES,
    st.text(st.characters(exclude_categories=["Cs"])),
    st.text(st.characters(exclude_categories=["Cs"])),
)
def test_an_entry_survives_packing(scope: Scope, question: str, response: str) -> None:
    """What is stored comes back as it was."""
    entry = Entry(question, response, "small", "m", 7, Usage(1, 2, 3, 4), 60, "chat", ("app:shop",))
    body = pack(scope, None, entry, now_s=1000.0)["b"]
    assert isinstance(body, bytes)
    facts, stored = unpack(body)
    assert stored == response
    assert (facts.tier, facts.model, facts.cost_micros, facts.usage) == ("small", "m", 7, entry.usage)
    assert facts.tags == ("app:shop",)

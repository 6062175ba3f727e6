"""A conversation keeps its tier while that pays, and moves up at once when it must."""

from __future__ import annotations

from dataclasses import replace

import pytest

from plugins.catalog import Catalog
from plugins.routing.sticky import conversation_id, keeps
from plugins.values import Call, Deployment, Previous
from tests.unit.test_routing import CATALOG, CONFIG, call


def priced(group: str, input_pico: int, cached_pico: int, output_pico: int) -> Deployment:
    return Deployment(group, group, "x", input_pico, output_pico, 10**6, 4096, cached_pico=cached_pico)


# mid reads its cache for a tenth of what small takes for fresh input: moving a long history down costs more.
CHEAP_CACHE = Catalog(
    {
        "small": (priced("small", 500_000, 500_000, 600_000),),
        "mid": (priced("mid", 1_000_000, 50_000, 1_000_000),),
        "frontier": (priced("frontier", 10_000_000, 5_000_000, 40_000_000),),
    }
)
LONG = call("write a parser", "now add tests", input_bytes=60_000)


def keep(previous: Previous, wanted: str, made: Call = LONG, catalog: Catalog = CHEAP_CACHE) -> str:
    return keeps(previous, wanted, made, CONFIG, catalog)[0]


def test_a_cached_history_keeps_its_tier_when_that_is_cheaper() -> None:
    """An easy follow-up stays on mid, because small would be paid the whole history in full."""
    assert keep(Previous("mid", 30), "small") == "mid"


def test_a_conversation_moves_down_when_that_pays_for_the_lost_cache() -> None:
    """Frontier's cached price is still above mid's full one: staying would cost more."""
    assert keep(Previous("frontier", 30), "mid") == "mid"


def test_an_old_conversation_has_no_cache_to_lose() -> None:
    """After the providers' caches are gone the table decides alone."""
    assert keep(Previous("mid", 900), "small") == "small"


def test_a_harder_turn_moves_up_at_once() -> None:
    """Stickiness never holds a conversation below what the table wants."""
    assert keep(Previous("small", 5), "frontier") == "frontier"


@pytest.mark.parametrize(
    "said", ["That's wrong, try again", "it doesn't work", "Das ist falsch.", "ça ne marche pas", "no funciona"]
)
def test_a_complaint_moves_up_one_tier(said: str) -> None:
    """A user who says that the answer failed gets a better model."""
    assert keep(Previous("small", 5), "small", call("write a parser", said)) == "mid"


def test_a_failed_answer_moves_up_without_a_complaint() -> None:
    """An answer that was escalated or broke is known to have failed."""
    assert keep(Previous("mid", 5, failed=True), "small") == "frontier"


def test_conversations_of_tenants_keys_and_users_are_apart() -> None:
    """The same opening of somebody else is another conversation; a later turn of one's own is the same."""
    first = call("write a parser")
    assert conversation_id(first) == conversation_id(call("write a parser", "now add tests"))
    others = {
        conversation_id(replace(first, caller=replace(first.caller, tenant="other"))),
        conversation_id(replace(first, caller=replace(first.caller, key_id="other"))),
        conversation_id(replace(first, end_user="other")),
        conversation_id(call("write a lexer")),
        conversation_id(first),
    }
    assert len(others) == 5


def test_the_shipped_prices_are_used() -> None:
    """With the shipped simulated prices, moving down from frontier always pays."""
    assert keep(Previous("frontier", 5), "small", LONG, CATALOG) == "small"

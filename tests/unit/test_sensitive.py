"""What counts as sensitive content, what does not, and what redaction leaves."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plugins.sensitive import (
    KINDS,
    MAX_SCANNED_CHARS,
    UNSCANNED,
    compile_patterns,
    find_sensitive,
    redact,
    redact_all,
)
from plugins.values import Finding

LINES = [
    json.loads(line)
    for line in (Path(__file__).parent.parent / "data" / "sensitive.jsonl").read_text(encoding="utf-8").splitlines()
]
PIECES = st.lists(st.one_of(st.sampled_from([line["text"] for line in LINES]), st.text(max_size=12)), max_size=5)


def kinds(text: str) -> set[str]:
    return {finding.kind for finding in find_sensitive(text)}


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("write to eva.lind@example.org", "email"),
        ("card 4111 1111 1111 1111", "credit_card"),
        ("IBAN AT61 1904 3002 3457 3201 today", "iban"),
        ("SSN 219-09-9998", "us_ssn"),
        ("call +44 20 7946 0958", "phone"),
        ("client IP 52.14.88.201", "ip_address"),
        ("Mein Name ist Jonas Wiesinger", "person"),
        ("née le 14 mars 1979", "date_of_birth"),
        ("Vivo en la Calle Olmo 16", "address"),
        ("I was diagnosed with epilepsy", "health"),
        ('DB_PASSWORD="Gr33n-Tea!"', "password"),
        ("-----BEGIN PRIVATE KEY-----\nMIIB", "private_key"),
    ],
)
def test_each_kind_is_found(text: str, kind: str) -> None:
    """A plain example of each kind of content is found and named."""
    assert kind in kinds(text)


@pytest.mark.parametrize(
    "text",
    [
        "order 4111 1111 1111 1112",
        "IBAN AT61 1904 3002 3457 3202",
        "SSN 000-12-3456",
        "upgrade to version 52.14.8.2",
        "bind 192.168.1.20 and 127.0.0.1",
        "Who was Dr Martin Luther King?",
        "What are the symptoms of epilepsy?",
        'password = os.environ["DB_PASSWORD"]',
        "The password is required",
        "Isaac Newton was born on 25 December 1642.",
        "the server at 10 Downing Street",
    ],
)
def test_lookalikes_are_left_alone(text: str) -> None:
    """A wrong checksum, a version, a private address, a famous person or a general question is no finding."""
    assert kinds(text) == set()


def test_labelled_set_is_large_and_broad() -> None:
    """The labelled set has at least 500 lines, 12 kinds and 4 languages, a third of it without findings."""
    labelled = {finding["kind"] for line in LINES for finding in line["findings"]}
    assert len(LINES) >= 500
    assert len(labelled) >= 12
    assert labelled <= set(KINDS)
    assert {line["language"] for line in LINES} >= {"en", "de", "fr", "es"}
    assert sum(not line["findings"] for line in LINES) >= len(LINES) / 3


def test_prompts_of_the_labelled_set_are_told_apart() -> None:
    """At least 97 % of what is called sensitive is, and at least 97 % of what is sensitive is called so."""
    verdicts = [(bool(line["findings"]), bool(find_sensitive(line["text"]))) for line in LINES]
    right = verdicts.count((True, True))
    assert right / sum(said for _, said in verdicts) >= 0.97
    assert right / sum(truth for truth, _ in verdicts) >= 0.97


@given(PIECES)
@settings(max_examples=150)
def test_findings_are_ordered_apart_and_inside(pieces: list[str]) -> None:
    """On any text the findings lie inside it, are not empty, follow each other and do not overlap."""
    text = " ".join(pieces)
    ends = [0]
    for finding in find_sensitive(text):
        assert ends[-1] <= finding.start < finding.end <= len(text)
        ends.append(finding.end)


@given(st.text(max_size=300))
@settings(max_examples=150)
def test_any_text_is_read(text: str) -> None:
    """No text, however odd, raises."""
    assert isinstance(find_sensitive(text), tuple)


@given(PIECES)
@settings(max_examples=150)
def test_redaction_leaves_no_finding(pieces: list[str]) -> None:
    """A redacted text has nothing left to find."""
    (clean,) = redact_all((" ".join(pieces),))
    assert find_sensitive(clean) == ()


def test_the_same_value_has_the_same_placeholder() -> None:
    """Placeholders are numbered per kind, and one value keeps its number over all texts of a request."""
    first = "a@example.org wrote to b@example.org"
    assert redact_all((first, "answer B@example.org")) == (
        "<EMAIL_1> wrote to <EMAIL_2>",
        "answer <EMAIL_2>",
    )


def test_redact_replaces_only_what_was_found() -> None:
    """The text around a finding is kept as it is."""
    assert redact("x a@example.org y", (Finding("email", 2, 15),)) == "x <EMAIL_1> y"


def test_kinds_narrow_the_search() -> None:
    """With kinds given, the other built-in kinds are not looked for; a tenant's own patterns always are."""
    text = "a@example.org, card 4111 1111 1111 1111, PRJ-12"
    found = find_sensitive(text, {"project": re.compile(r"PRJ-\d+")}, ("credit_card",))
    assert [finding.kind for finding in found] == ["credit_card", "project"]


def test_patterns_of_a_customer_use_character_offsets() -> None:
    """A customer's pattern is found behind non-ASCII text at its place in characters."""
    patterns = compile_patterns({"project": r"PRJ-\d+"})
    assert find_sensitive("ä€😀 PRJ-12", patterns) == (Finding("project", 4, 10),)


@pytest.mark.parametrize("pattern", ["(", r"(?=a)b", "a*", ""])
def test_unusable_patterns_are_refused(pattern: str) -> None:
    """A pattern that is malformed, needs look-around or matches nothing at all is refused by its name."""
    with pytest.raises(ValueError, match="project"):
        compile_patterns({"project": pattern})


@pytest.mark.parametrize(
    "unit",
    ["a@", "1 ", "12-34 ", "4111 ", "-----BEGIN PRIVATE KEY-----", "Anna Berger ", "password is ", "eyJ", "tel 1 "],
)
def test_hostile_text_ends(unit: str) -> None:
    """Text made to make patterns backtrack is read to its end."""
    hostile = unit * (100_000 // len(unit))
    assert all(finding.end <= len(hostile) for finding in find_sensitive(hostile))


def test_what_is_not_scanned_is_a_finding() -> None:
    """Beyond the scanned length the rest is one finding, so that the policy fails closed."""
    found = find_sensitive("x" * (MAX_SCANNED_CHARS + 5))
    assert found == (Finding(UNSCANNED, MAX_SCANNED_CHARS, MAX_SCANNED_CHARS + 5),)


PUBLISHED = "Summarise the following article: LONDON, England (CNN) -- {} " + "It rained all day in the north. " * 8


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (
            PUBLISHED.format("Sandra Kowalski scored twice as the club beat its rivals, the coach told reporters."),
            False,
        ),
        (PUBLISHED.format("Our customer Sandra Kowalski asked for a refund of the deposit."), True),
        (PUBLISHED.format("Dear Sandra Kowalski, thank you for the meeting on Monday."), True),
        ("Context: " + "It rained all day. " * 15 + "The rent was paid by Sandra Kowalski in cash.", True),
        ("Sandra Kowalski told me that she had the meeting moved.", True),
    ],
)
def test_who_is_named_in_something_published_is_in_public(text: str, named: bool) -> None:
    """News, plots and reviews name people; in one about the writer's own affairs they count, whatever it is called."""
    assert ("person" in {finding.kind for finding in find_sensitive(text)}) == named

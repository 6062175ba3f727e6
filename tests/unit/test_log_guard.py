"""What may stand in a log line."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator

import pytest

from plugins.adapters.log_guard import LITELLM, PLAIN, Guarded, guard, one_record, without_content

MAIL, KEY = "jane.planted@example.com", "sk-proj-AbCdEfGhIjKlMnOpQrStUvWxYz0123456789"


@pytest.fixture
def log() -> Iterator[tuple[logging.Logger, io.StringIO]]:
    logger, out = logging.getLogger("guarded.test"), io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(Guarded(logging.Formatter("%(levelname)s %(message)s")))
    logger.addHandler(handler)
    logger.propagate = False
    yield logger, out
    logger.removeHandler(handler)


def test_a_text_cannot_begin_a_record_of_its_own(log: tuple[logging.Logger, io.StringIO]) -> None:
    """Line breaks of every kind are marked as what they are: further lines of one record."""
    logger, out = log
    logger.error("no model %s", "x\nERROR forged\r\nERROR again\u2028ERROR more\x85ERROR last")
    first, *others = out.getvalue().splitlines()
    assert first == "ERROR no model x"
    assert [line[:6] for line in others] == ["    | "] * 4


@pytest.mark.parametrize("text", ["\x1b[2J\x1b[31m", "\x07", "\x9b31m", "\u202eevil", "a\x08\x08b", "\x00"])
def test_a_terminal_is_not_steered(text: str) -> None:
    """Escapes and writing directions are shown, not obeyed."""
    assert one_record(text).isprintable() and "\\x" in one_record(text)


def test_keys_and_addresses_are_not_logged(log: tuple[logging.Logger, io.StringIO]) -> None:
    """Wherever they come from, an exception's text included."""
    logger, out = log
    try:
        raise ValueError(f"no such customer: {MAIL}")
    except ValueError:
        logger.exception("refused with %s", KEY)
    text = out.getvalue()
    assert MAIL not in text and KEY not in text
    assert "ValueError" in text and "Traceback" in text


def test_of_a_providers_failure_only_the_classes_are_told() -> None:
    """A provider may quote the prompt in its error."""
    try:
        raise TimeoutError("while answering: my prompt")
    except TimeoutError as error:
        told = (logging.ERROR, "main.py", 1, "litellm.BadRequestError: OpenAIException - my prompt %s", ("more",))
        record = logging.LogRecord(LITELLM[0], *told, (TimeoutError, error, None))
        record.litellm_call_id = "c1"
        assert without_content(record)
    assert record.getMessage() == "failed: BadRequestError, OpenAIException, TimeoutError (call c1)"
    assert record.exc_info is None


def test_other_records_are_left_as_they_are() -> None:
    """What LiteLLM says of its configuration is for the operator."""
    record = logging.LogRecord(LITELLM[0], logging.WARNING, "x.py", 1, "unknown setting %s", ("y",), None)
    assert without_content(record)
    assert record.getMessage() == "unknown setting y"


def test_a_record_of_ours_names_its_request() -> None:
    """By the id of its trace; none where it is about no request."""
    told = ("tierwise", logging.ERROR, "x.py", 1, "request failed", (), None)
    record, other = logging.LogRecord(*told), logging.LogRecord(*told)
    record.call_id = "c1"
    assert Guarded(PLAIN).format(record).endswith("tierwise:ERROR - [c1] request failed")
    assert Guarded(PLAIN).format(other).endswith("[-] request failed")


def test_guarding_twice_is_guarding_once() -> None:
    """It is done again when LiteLLM has started."""
    logger, handler = logging.getLogger("guarded.twice"), logging.StreamHandler(io.StringIO())
    logger.addHandler(handler)
    guard(("guarded.twice",))
    first = handler.formatter
    guard(("guarded.twice",))
    assert isinstance(first, Guarded) and handler.formatter is first

"""Log lines that hold nobody's content and that nobody can forge.

Providers quote the prompt in their errors, and LiteLLM logs these with their stack; an exception of anybody's may
quote what it was given. So of LiteLLM's failures only the classes are told (the trace has the rest), what is left is
searched for keys and personal data, and whatever a text contains, one record stays one record: further lines of it
begin with `    | `, and control characters are written as escapes.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterable
from typing import Final

from plugins.sensitive import redact_all

LITELLM: Final = ("LiteLLM", "LiteLLM Proxy", "LiteLLM Router")
OTHERS: Final = ("", "uvicorn", "uvicorn.error", "uvicorn.access")
PLAIN: Final = logging.Formatter(  # [-] where a record is about no request
    "%(asctime)s - %(name)s:%(levelname)s - [%(call_id)s] %(message)s", defaults={"call_id": "-"}
)
# What does not belong into a log whoever it is of; other kinds are likely to be parts of paths, addresses and times.
KINDS: Final = ("private_key", "jwt", "api_key", "password", "email", "iban", "credit_card")
MOST_CHARS: Final = 20_000
_CLASS: Final = re.compile(r"\b(?:[A-Za-z_]\w*\.)*([A-Z]\w*(?:Error|Exception|Timeout))\b")
_LINE: Final = re.compile(r"\r\n|[\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def without_content(record: logging.LogRecord) -> bool:
    """A log filter for LiteLLM's loggers: a failure becomes the names of its exceptions and its request's id, which is
    that of the trace. At DEBUG all is left."""
    if logging.getLogger(record.name).isEnabledFor(logging.DEBUG):
        return True
    raised = record.exc_info[1] if record.exc_info else sys.exception()
    names = dict.fromkeys(_CLASS.findall(record.getMessage()))
    while raised is not None and len(names) < 10:
        names[type(raised).__name__] = None
        raised = raised.__cause__ or raised.__context__
    if names:
        call = str(getattr(record, "litellm_call_id", None) or "")
        record.msg, record.args = f"failed: {', '.join(names)}{f' (call {call[:64]})' if call else ''}", ()
        record.exc_info = record.exc_text = record.stack_info = None
    return True


class Guarded(logging.Formatter):
    """Another formatter's text, one record a line and without keys and personal data."""

    def __init__(self, inner: logging.Formatter) -> None:
        super().__init__()
        self._inner = inner

    def format(self, record: logging.LogRecord) -> str:
        (text,) = redact_all((self._inner.format(record)[:MOST_CHARS],), kinds=KINDS)
        return one_record(text)


def one_record(text: str) -> str:
    """The text with marked further lines and escaped control characters, those of writing direction included."""
    lines = (_CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", line) for line in _LINE.split(text.strip("\n")))
    return "\n    | ".join(lines)


def guard(names: Iterable[str] = (*LITELLM, *OTHERS)) -> None:
    """Guard every handler of these loggers, and the one for loggers without any. A second call changes nothing."""
    for name in LITELLM:
        logger = logging.getLogger(name)
        if without_content not in logger.filters:
            logger.filters.insert(0, without_content)
    if logging.lastResort is not None and logging.lastResort.formatter is None:
        logging.lastResort.setFormatter(PLAIN)
    handlers = [handler for name in names for handler in logging.getLogger(name).handlers]
    for handler in (*handlers, *([logging.lastResort] if logging.lastResort else [])):
        if not isinstance(handler.formatter, Guarded):
            handler.setFormatter(Guarded(handler.formatter or PLAIN))

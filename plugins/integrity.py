"""Is an answer what was asked for and paid for? What a provider or something in between has broken or swapped.

Pure: a fault is one sentence without content, or nothing. What follows on it is the policy's business.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

# Far above what any model's output limit allows (about four characters a token).
MAX_ANSWER_CHARS: Final = 4_000_000
_SEPARATORS: Final = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True)
class Received:
    """An answer as it came. `asked_model` and `said_model`: the deployment's, and what the answer names; either may
    be empty. `sizes`: characters of each choice's text; `asked_choices`: the request's `n`."""

    asked_model: str
    said_model: str
    sizes: tuple[int, ...]
    asked_choices: int = 1


def fault(received: Received) -> str:
    """What is wrong with an answer; empty where nothing is."""
    if not received.sizes:
        return "the answer has no choices"
    if len(received.sizes) > received.asked_choices:
        return f"{len(received.sizes)} choices where {received.asked_choices} were asked for"
    if max(received.sizes) > MAX_ANSWER_CHARS:
        return f"the answer is over {MAX_ANSWER_CHARS} characters"
    if not same_model(received.asked_model, received.said_model):
        return "the answer names another model than the one that was asked"
    return ""


def same_model(asked: str, said: str) -> bool:
    """Whether two names may mean one model: providers add their own name in front, dates and versions behind."""
    if not asked or not said:
        return True
    one, other = (_SEPARATORS.sub("-", name.rpartition("/")[2].lower()).strip("-") for name in (asked, said))
    return one == other or _extends(one, other) or _extends(other, one)


def _extends(longer: str, shorter: str) -> bool:
    """Whether the one is the other with something numeric or "latest" behind, such as a date."""
    if not longer.startswith(f"{shorter}-"):
        return False
    added = longer[len(shorter) + 1 :].split("-")
    return all(part.isdigit() or part in ("latest", "preview") or re.fullmatch(r"v\d+", part) for part in added)

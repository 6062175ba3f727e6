"""Writing long lists of words compactly."""

from __future__ import annotations


def words(text: str) -> frozenset[str]:
    """The words of a space-separated list."""
    return frozenset(text.split())


def either(cues: str) -> tuple[str, ...]:
    """The cues of a list separated by bars; blanks are part of them."""
    return tuple(cues.split("|"))

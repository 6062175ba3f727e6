"""The task classes that the dispatch table is indexed by."""

from __future__ import annotations

from typing import Final

TASKS: Final[tuple[str, ...]] = (
    "classification",
    "extraction",
    "summarisation",
    "translation",
    "generation",
    "code",
    "maths",
    "reasoning",
    "long_context",
    "chat",
)
TIERS: Final[tuple[str, ...]] = ("weak", "mid", "strong")
LENT: Final = "lent"  # the source name of outcomes in other formats than their own, for prompts of unseen sources

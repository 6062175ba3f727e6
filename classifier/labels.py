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

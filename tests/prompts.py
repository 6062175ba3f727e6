"""Words for prompts that were never asked before."""

from __future__ import annotations

import random


def new_word() -> str:
    """Twelve random letters: never cached, and without digits, which could be somebody's telephone or card number and
    would keep the prompt on self-hosted models."""
    return "".join(random.SystemRandom().choices("abcdefghijklmnopqrstuvwxyz", k=12))

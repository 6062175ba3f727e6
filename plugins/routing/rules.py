"""The first layer: what can be told from the shape of a request without a model.

A rule either decides (a Verdict) or adds what it knows for the next layer (the task class).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from classifier.labels import TASKS
from plugins.config import RoutingConfig
from plugins.pricing import typical_tokens
from plugins.values import Call, Difficulty, Layer, Verdict

# Courtesies that need no thinking, in the languages that users write most. Matched whole, never as a part.
COURTESY = re.compile(
    r"(?:(?:hi|hello|hey|good (?:morning|evening)|thanks?(?: you)?(?: so much| a lot)?|thx|ok(?:ay)?|great|bye|cheers"
    r"|hallo|guten (?:tag|morgen)|danke(?: schön| dir)?|tschüss"
    r"|bonjour|salut|merci(?: beaucoup)?|hola|gracias|ciao|grazie)(?: there| again| all)?[\s!.,:)]*)+",
    re.IGNORECASE,
)
STACK_TRACE = re.compile(r"^\s*(?:Traceback \(most recent call last\)|at [\w.$<>]+\(|panic: |error\[E\d+\])", re.M)


@dataclass(frozen=True, slots=True)
class Known:
    """What the rules leave for the classifier: a task class if they are certain of it."""

    task: str | None = None


def apply_rules(call: Call, config: RoutingConfig) -> Verdict | Known:
    """Decide where the request's shape suffices; otherwise say what is known."""
    tokens = typical_tokens(call)
    if tokens >= config.long_context_tokens:
        threshold = float(config.long_context_tokens)
        return _decided("long_context", Difficulty.HARD, tokens, threshold, f"{tokens} tokens of input")
    if call.hints.task in TASKS:
        return Known(call.hints.task)
    # A courtesy in a conversation says nothing about what comes next: only a fresh one is decided here.
    if len(call.turns) == 1 and len(call.question) <= 60 and COURTESY.fullmatch(call.question.strip()):
        return _decided("chat", Difficulty.EASY, 0.0, 0.0, "a courtesy")
    if "```" in call.question or STACK_TRACE.search(call.question[:4000]):
        return Known("code")
    return Known()


def _decided(task: str, difficulty: Difficulty, score: float, threshold: float, reason: str) -> Verdict:
    return Verdict(task, difficulty, Layer.RULES, score, threshold, confidence=1.0, reason=reason)

"""Screening for prompt injection, before routing: known phrases, hidden text, imitated delimiters.

Heuristics find the known forms and nothing else; a finding says how sure it is and why, and the tenant's
policy decides (block, flag or route). Linear in the length of the text; decoded payloads are bounded.
"""

from __future__ import annotations

import base64
import binascii
import re
import unicodedata
from dataclasses import dataclass
from math import prod

from plugins.injection_disguises import respelt
from plugins.injection_languages import LANGUAGES
from plugins.injection_orders import ORDERS
from plugins.injection_signals import ABOUT, SIGNALS
from plugins.injection_wider import WIDER

MIN_SCORE = 0.5
SURE = 0.9  # from this score on no further phrase is looked for
MAX_PAYLOADS = 16  # base64 runs that are decoded
MAX_PAYLOAD_CHARS = 8192
QUOTED_FACTOR = 0.5  # how much a phrase counts in a text that talks about injection


@dataclass(frozen=True, slots=True)
class InjectionFinding:
    """`score` is 0 to 1; `signals` names what was seen, `reason` says it without content."""

    score: float
    reason: str
    signals: tuple[str, ...]


# Who asks about the marks of a chat template is not forging one.
_MARKUP = re.compile(r"\b(?:tokens?|tokeni[sz]\w+|chat template|regex|escape|llama\.cpp|transformers)\b", re.IGNORECASE)
_ALL = tuple((signal, frozenset(signal.cues)) for signal in SIGNALS + WIDER + LANGUAGES + ORDERS)
_CUES = frozenset(cue for _, cues in _ALL for cue in cues)
_BASE64 = re.compile(r"(?<![A-Za-z0-9+/=])[A-Za-z0-9+/]{24,}={0,2}")
_DECODE = re.compile(r"\b(?:decode|dekodier\w*|entschlüssel\w*|d[ée]code[zr]?|decodifica\w*)\b", re.IGNORECASE)
_OBEY = re.compile(
    r"\b(?:follow|execute|obey|do what|carry out|run|befolg\w*|führe\w*|mach|suis|suivez|ex[ée]cute\w*"
    r"|ob[ée]i\w*|sigue|ejecuta\w*|obedece\w*|cumple)\b",
    re.IGNORECASE,
)
_TAGS = re.compile("[\U000e0020-\U000e007e]+")
_FLAG_EMOJI = re.compile("\U0001f3f4[\U000e0030-\U000e007a]{1,6}\U000e007f")
_INVISIBLE = re.compile("[\u200b-\u200f\u2060-\u2064\u202a-\u202e\u2066-\u2069\ufeff\u00ad\u180e]")
_HIDDEN_RUN = re.compile("[\u200b\u200c\u200d\u2060-\u2064\ufeff]{6,}")
_BIDI = re.compile("[\u202d\u202e][^\n\u202c]{4,}")


def screen(text: str) -> InjectionFinding | None:
    """What in `text` looks like an injection; None below MIN_SCORE."""
    weights = _weights(_plain(text))
    if not text.isascii():
        _add_hidden(text, weights)
    _add_encoded(text, weights)
    if weights and ABOUT.search(text):
        weights = {name: weight * QUOTED_FACTOR for name, weight in weights.items()}
    if "delimiter" in weights and _MARKUP.search(text):
        weights["delimiter"] *= QUOTED_FACTOR
    score = round(1 - prod(1 - weight for weight in weights.values()), 3)
    if score < MIN_SCORE:
        return None
    signals = tuple(sorted(weights))
    return InjectionFinding(score, f"prompt injection: {', '.join(signals)} (score {score} >= {MIN_SCORE})", signals)


def _plain(text: str) -> str:
    """Without invisible characters, and with look-alike forms (full width, ligatures) made plain."""
    if text.isascii():
        return text
    return unicodedata.normalize("NFKC", _INVISIBLE.sub("", text))


def _weights(text: str) -> dict[str, float]:
    lower = text.lower()
    seen = {cue for cue in _CUES if cue in lower}  # each once, as many signals share them
    found: dict[str, float] = {}
    doubt = 1.0
    for signal, cues in _ALL:
        known = found.get(signal.name, 0.0)
        if known < signal.weight and not cues.isdisjoint(seen) and signal.found_in(text, lower):
            found[signal.name] = signal.weight
            doubt *= (1 - signal.weight) / (1 - known)
            if doubt <= 1 - SURE:
                break
    return found


def _add_hidden(text: str, weights: dict[str, float]) -> None:
    """Unicode tag characters spell invisible ASCII; long zero-width runs encode bits; overrides reverse text."""
    tags = "".join(chr(ord(char) - 0xE0000) for run in _TAGS.findall(_FLAG_EMOJI.sub("", text)) for char in run)
    if len(tags) >= 4:
        weights["hidden_unicode"] = 0.9
        weights.update(_weights(tags[:MAX_PAYLOAD_CHARS]))
    elif _HIDDEN_RUN.search(text) or _BIDI.search(text):
        weights["hidden_unicode"] = 0.6


def _add_encoded(text: str, weights: dict[str, float]) -> None:
    """Orders in base64: decoded and screened, and suspicious unread where the text asks to decode and obey. Orders in
    other spellings are only screened."""
    if any(_weights(meant) for meant in respelt(text, text.lower())):
        weights["encoded_order"] = 0.9
    runs = [run[:MAX_PAYLOAD_CHARS] for run, _ in zip(_BASE64.findall(text), range(MAX_PAYLOADS), strict=False)]
    for run in runs:
        decoded = _decode(run)
        if decoded and _weights(decoded):
            weights["encoded_order"] = 0.9
        elif decoded and _DECODE.search(text) and _OBEY.search(text):
            weights["encoded_order"] = max(weights.get("encoded_order", 0.0), 0.6)


def _decode(run: str) -> str | None:
    """The text in a base64 run; None where it is not base64 or not text."""
    body = run.rstrip("=")
    try:
        decoded = base64.b64decode(
            body[: len(body) - (len(body) % 4 == 1)] + "=" * (-len(body) % 4), validate=True
        ).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return decoded if decoded.isprintable() or "\n" in decoded else None

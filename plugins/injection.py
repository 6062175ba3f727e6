"""Screening for prompt injection, before routing: signals in four languages, hidden text, imitated delimiters.

Heuristics find the known forms and nothing else; a finding says how sure it is and why, and the tenant's policy
decides (block, flag or route). Linear in the length of the text; decoded payloads are bounded.
"""

from __future__ import annotations

import base64
import binascii
import re
import unicodedata
from dataclasses import dataclass
from math import prod

MIN_SCORE = 0.5
MAX_PAYLOADS = 16  # base64 runs that are decoded
MAX_PAYLOAD_CHARS = 8192
QUOTED_FACTOR = 0.5  # how much a phrase counts in a text that talks about injection


@dataclass(frozen=True, slots=True)
class InjectionFinding:
    """`score` is 0 to 1; `signals` names what was seen, `reason` says it in words. Neither carries content."""

    score: float
    reason: str
    signals: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Signal:
    """One form of attack. `weight` is how sure the form alone makes us; `cues` are cheap pre-filters."""

    name: str
    weight: float
    pattern: re.Pattern[str]
    cues: tuple[str, ...]


_FLAGS = re.IGNORECASE
_FILL = r"(?:[ ,]+[^\W_]{1,14}){0,5}?[ ,]+"  # up to five words between verb and object

SIGNALS: tuple[Signal, ...] = (
    Signal(
        "override",
        0.8,
        re.compile(
            r"\b(?:ignore|disregard|forget|override|bypass|do not follow|don['’]t follow|stop following)" + _FILL  # noqa: RUF001
            + r"(?:(?:previous|prior|above|earlier|preceding|system|original|initial|existing|former|safety|your|given|developer)[ ]){1,3}"
            r"(?:\w+[ ]){0,1}?(?:instructions?|prompts?|rules?|directions?|guidelines?|directives?|commands?|constraints?|programming)\b"
            r"|\b(?:ignore|disregard|forget)[ ](?:everything|all|anything)[ ](?:(?:that[ ]was[ ]|you[ ]were[ ])?(?:said|told|written|above|before|so far))",
            _FLAGS,
        ),
        ("ignore", "disregard", "forget", "override", "bypass", "follow"),
    ),
    Signal(
        "override",
        0.8,
        re.compile(
            r"\b(?:ignorier\w*|vergiss|vergesst|vergessen sie|missachte\w*|übergeh\w*|verwirf)" + _FILL
            + r"(?:vorherig|bisherig|obig|vorig|vorangegangen|früher|ursprünglich|gegeben|dein|ihr)\w*[ ](?:\w+[ ]){0,1}?"
            r"(?:anweisung|instruktion|regel|vorgabe|befehl|richtlinie|systemprompt|prompt)\w*",
            _FLAGS,
        ),
        ("ignorier", "vergiss", "vergess", "missacht", "übergeh", "verwirf"),
    ),
    Signal(
        "override",
        0.8,
        re.compile(
            r"\b(?:ignore[zr]?|oublie[zr]?|ne (?:tiens|tenez) (?:pas|plus) compte|contourne[zr]?|fais abstraction)" + _FILL
            + r"(?:instructions?|consignes?|r[èe]gles?|directives?|ordres?|invites?)[ ](?:\w+[ ]){0,2}?"
            r"(?:pr[ée]c[ée]dent\w*|ant[ée]rieur\w*|ci-dessus|initiale?s?|syst[èe]me|donn[ée]e?s|reçue?s)",
            _FLAGS,
        ),
        ("ignore", "oubli", "compte", "contourne", "abstraction"),
    ),
    Signal(
        "override",
        0.8,
        re.compile(
            r"\b(?:ignora|ignore|ignorad|olvida|olvide|omite|desatiende|descarta|no sigas)" + _FILL
            + r"(?:instrucciones|indicaciones|reglas|[óo]rdenes|directrices|normas)[ ](?:\w+[ ]){0,2}?"
            r"(?:anteriores|previas|iniciales|dadas|de arriba|originales|del sistema)",
            _FLAGS,
        ),
        ("ignor", "olvid", "omite", "desatiende", "descarta", "sigas"),
    ),
    Signal(
        "exfiltration",
        0.75,
        re.compile(
            r"\b(?:reveal|print|show|repeat|output|tell|display|dump|leak|give|write|what (?:is|are|was|were)|share|translate|summari[sz]e|copy)"
            + _FILL + r"(?:(?:your|the|its|hidden|secret|full|entire|exact|initial|original|internal)[ ]){1,3}"
            r"(?:system (?:prompt|message|instructions?)|hidden (?:prompt|instructions?)|initial (?:prompt|instructions?)"
            r"|developer (?:message|prompt)|instructions? (?:above|verbatim|you were given)|pre-?prompt)\b"
            r"|\b(?:repeat|print|output)[ ](?:everything|all|the text|the words)[ ](?:\w+[ ]){0,2}?(?:above|before this)",
            _FLAGS,
        ),
        ("prompt", "instruction", "message", "above", "before this"),
    ),
    Signal(
        "exfiltration",
        0.75,
        re.compile(
            r"\b(?:zeig\w*|verrate?\w*|nenn\w*|gib|wiederhole\w*|druck\w*|schreib\w*|wie lautet|was steht in|montre\w*|r[ée]v[èe]le\w*|affiche\w*"
            r"|r[ée]p[èe]te\w*|donne\w*|quel(?:le)?s? (?:est|sont)|muestra\w*|revela\w*|imprime\w*|repite\w*|dime|cu[áa]l(?:es)? (?:es|son))" + _FILL
            + r"(?:system-?(?:prompt|anweisung|nachricht)\w*|(?:internen|geheimen|versteckten|ursprünglichen) (?:anweisung|instruktion)\w*"
            r"|(?:prompt|message|invite|instructions) (?:du |de )?syst[èe]me|instructions (?:initiales|cach[ée]es|secr[èe]tes|internes)"
            r"|(?:prompt|mensaje|instrucciones) (?:del |de )sistema|instrucciones (?:iniciales|ocultas|secretas|internas))",
            _FLAGS,
        ),
        ("system", "anweisung", "instruktion", "instruc", "syst", "sistema"),
    ),
    Signal(
        "role",
        0.7,
        re.compile(
            r"\b(?:you are now|from now on,? you(?: are|['’]re| will)|pretend (?:to be|you are|that you)|act as|behave as|enter|switch to|enable|activate)"  # noqa: RUF001
            r"[^.\n]{0,60}?\b(?:DAN\b|do anything now|jailbr[eo]\w+|developer mode|god mode|debug mode|unrestricted|unfiltered|uncensored|no (?:restrictions|rules|limits|filters"
            r"|guidelines)|without (?:any )?(?:restrictions?|rules|limits|filters?|censorship|guidelines|ethic\w*)|not bound by|free of (?:all )?(?:rules|restrictions)"
            r"|evil twin|root access)",
            _FLAGS,
        ),
        ("dan", "jailbr", "mode", "unrestricted", "unfiltered", "uncensored", "no r", "no l", "no f", "no g", "without", "not bound", "free of", "evil", "root"),
    ),
    Signal(
        "role",
        0.7,
        re.compile(
            r"\b(?:du bist (?:jetzt|ab jetzt|nun)|ab (?:jetzt|sofort) bist du|tu so,? als|verhalte dich|tu es (?:maintenant|d[ée]sormais)|fais comme si|agis comme|fais semblant"
            r"|ahora eres|a partir de ahora eres|act[úu]a como|finge que|haz como si)[^.\n]{0,70}?\b(?:DAN\b|ohne (?:jede |alle )?(?:einschr[äa]nkung|regel|filter|zensur|grenze)\w*"
            r"|keine (?:regeln|filter|grenzen|einschr[äa]nkungen)|uneingeschränkt\w*|entwicklermodus|unzensiert\w*|sans (?:aucune? )?(?:restriction|r[èe]gle|filtre|limite|censure)s?"
            r"|aucune (?:r[èe]gle|restriction|limite)|mode d[ée]veloppeur|sin (?:ninguna? )?(?:restricci[óo]n|restricciones|reglas|filtros?|l[íi]mites|censura)|modo desarrollador"
            r"|no tienes (?:reglas|restricciones|l[íi]mites|filtros))",
            _FLAGS,
        ),
        ("bist", "tu so", "verhalte", "tu es", "fais", "agis", "ahora", "actúa", "actua", "finge", "haz como"),
    ),
    Signal(
        "delimiter",
        0.7,
        re.compile(
            r"<\|(?:im_start|im_end|system|assistant|user|endoftext|start_header_id|end_header_id|eot_id|begin_of_text)\|?>|\[/?INST\]|<</?SYS>>"
            r"|</?(?:system|assistant|system_prompt|instructions?|developer)>|<start_of_turn>|<end_of_turn>"
            r"|^[ \t>#*\-=\[]{0,8}(?:BEGIN|END|NEW|START OF|END OF)[ ](?:SYSTEM|ADMIN|DEVELOPER)[ ](?:PROMPT|MESSAGE|INSTRUCTIONS?|OVERRIDE)"
            r"|^(?:###[ ]?|\[|\*\*)(?:system|admin|developer)(?:[ ](?:message|prompt|instructions?|override|note))?(?:\]|\*\*)?[ ]?:",
            _FLAGS | re.MULTILINE,
        ),
        ("<|", "inst]", "sys>>", "<sys", "</sys", "assistant>", "instruction", "<dev", "</dev", "_turn>", "system", "admin", "developer"),
    ),
    Signal(
        "smuggled_order",
        0.7,
        re.compile(
            r"\b(?:note|message|attention|important|instructions?)[ ](?:to|for)[ ](?:the[ ]|any[ ])?(?:ai|llm|assistant|language model|chatbot|bot|model)s?\b"
            r"|\b(?:if you are|as) an? (?:ai|llm|language model)(?: (?:reading|processing|summari[sz]ing) this)?,? (?:you must|ignore|do not|send|say|reply|recommend|include)"
            r"|\bwhen (?:you )?(?:read|process|summari[sz])\w* this[^.\n]{0,40}\b(?:send|forward|delete|reply with|exfiltrate|call|email)",
            _FLAGS,
        ),
        ("ai", "llm", "assistant", "model", "bot", "this"),
    ),
)
_ABOUT = re.compile(
    r"\b(?:what (?:is|are|does)|explain|how (?:do|can|to)|detect\w*|classif\w*|examples? of|defend|prevent\w*|protect\w*|research|paper|article|test case|unit test"
    r"|was ist|erkläre?|wie (?:erkenn|verhinder|schütz)\w*|qu['’]est-ce|expliqu\w*|comment (?:d[ée]tect|[ée]vit|prot[ée]g)\w*|qu[ée] es|explica|c[óo]mo (?:detect|evit|prote)\w*)\b"  # noqa: RUF001
    r"[^\n]{0,80}\b(?:prompt[ -]?injections?|jailbreak\w*|inyecci[óo]n|injection de prompt|adversarial|attack|angriff\w*|attaque\w*|ataque\w*)",
    _FLAGS,
)
_BASE64 = re.compile(r"(?<![A-Za-z0-9+/=])[A-Za-z0-9+/]{24,}={0,2}")
_DECODE = re.compile(r"\b(?:decode|dekodier\w*|entschlüssel\w*|d[ée]code[zr]?|decodifica\w*)\b", _FLAGS)
_OBEY = re.compile(
    r"\b(?:follow|execute|obey|do what|carry out|run|befolg\w*|führe\w*|mach|suis|suivez|ex[ée]cute\w*|ob[ée]i\w*|sigue|ejecuta\w*|obedece\w*|cumple)\b",
    _FLAGS,
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
    if weights and _ABOUT.search(text):
        weights = {name: weight * QUOTED_FACTOR for name, weight in weights.items()}
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
    found: dict[str, float] = {}
    for signal in SIGNALS:
        if any(cue in lower for cue in signal.cues) and signal.pattern.search(text):
            found[signal.name] = max(found.get(signal.name, 0.0), signal.weight)
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
    """Orders in base64: decoded and screened, and suspicious unread where the text asks to decode and obey."""
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
        decoded = base64.b64decode(body[: len(body) - (len(body) % 4 == 1)] + "=" * (-len(body) % 4), validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return decoded if decoded.isprintable() or "\n" in decoded else None

"""Forms of injection that say the same in several languages: rules called off, a model without rules, orders left for
whatever model reads a text, obedience to one voice, and the words that came before.

The weak ones have a weight below the score that counts, as honest prompts have them, too: they tell together only.
"""

from __future__ import annotations

import re

from plugins.injection_signals import Signal

# What a model is held to, and what says that it no longer is, in English, German, French, Spanish, Italian, Portuguese,
# Dutch, Polish and Russian.
_RULES = (
    r"(?:rules?|restrictions?|filters?|guidelines?|polic(?:y|ies)|safety \w+|safeguards?|guardrails?|moderation|limits?"
    r"|instructions?|prompt|programming"
    r"|regeln|richtlinien|sicherheits\w+|filter|beschränkungen|einschränkungen|vorgaben|anweisungen"
    r"|r[èe]gles|filtres|limites|consignes|restrictions|directives|normas|reglas|filtros|l[íi]mites|restricciones"
    r"|instrucciones|regole|filtri|limiti|istruzioni|regras|limites|instru[çc][õo]es|restri[çc][õo]es|regels|filters"
    r"|richtlijnen|beperkingen|zasad\w*|regu[łl]\w*|ogranicze\w+|правил\w*|ограничени\w*|инструкци\w*)"
)
_YOUR = (
    r"(?:your|dein\w*|ihre\w*|eure\w*|t(?:es|on|a)|vos|votre|tus?|sus|vuestras|le tue|i tuoi|(?:as )?suas|(?:os )?seus"
    r"|je|jouw|uw|sw\w+|twoj\w*|свои|твои|ваши)"
)
_MODEL = (
    r"(?:ais?|llms?|language models?|chatbots?|kis?|sprachmodelle?|ias?|mod[èe]le de langage"
    r"|modelo de lenguaje|ии)"
)
_WITHOUT = r"(?:without|with no|ohne|sans|sin|senza|sem|zonder|bez|без)"
_MORALS = r"(?:morals?|ethics|censorship|moral|ethik|zensur|morale|[ée]thique|censure|[ée]tica|censura|etica|moraal)"


def _form(name: str, weight: float, cues: str, *patterns: str) -> Signal:
    """A signal of several phrases; `cues` are words with bars between them."""
    return Signal(name, weight, re.compile("|".join(patterns), re.MULTILINE), tuple(cues.split("|")))


ORDERS: tuple[Signal, ...] = (
    _form(
        "override",
        0.65,
        "you have|you were|skip|disable|switch off|turn off|lift|suspend|deactiv|evade|throw|dispense|setz|schalte"
        "|hebe|heb |deaktiv"
        "|umgeh"
        "|passe|désactive|desactive|lève|affranchis|sálta|salta|desactiva|elimina|quita|disattiva|desativ|esque"
        "|schakel|negeer|vergeet|wyłącz|zignoruj|отключи|сними",
        rf"\b{_RULES} (?:that )?you (?:have|were given|were taught)\b[^.\n]{{0,30}}?\b(?:off|void|lifted|revoked"
        rf"|gone)\b",
        rf"\b(?:skip|disable|switch off|turn off|lift|suspend|deactivate|evade|throw out|dispense with)"
        rf"(?: all| any| every)?(?: of)? your (?:\w+ )?{_RULES}",
        rf"\b(?:setz\w*|schalte\w*|hebe?|deaktivier\w*|umgeh\w*)[^.\n]{{0,40}}?\b{_YOUR} (?:\w+ )?{_RULES}",
        rf"\b(?:passe[zr]? outre|d[ée]sactive[zr]?|l[èe]ve[zr]?|affranchis)[^.\n]{{0,12}}?\b{_YOUR} (?:\w+ )?{_RULES}",
        rf"\b(?:s[áa]lta(?:te)?|desactiva|elimina|quita|disattiva|desativ[ae]|schakel|negeer|vergeet)"
        rf" (?:todas |tutte )?{_YOUR} (?:\w+ )?{_RULES}",
        rf"\besque[çc]a (?:todas )?as (?:suas )?{_RULES}(?: que (?:recebeu|lhe deram))?",
        rf"\b(?:wy[łl][ąa]cz|отключи|сними) {_YOUR} {_RULES}",
    ),
    _form(
        "called_off",
        0.45,
        "count|off|revoked|void|suspended|disabled|lifted|apply|applies|matter|gelten|gilt|zähl|compte|valen|cuentan"
        "|anulad|valgono|valem|gelden",
        rf"\b(?:nothing|none|no \w+|not a \w+) (?:in|of|from) your (?:\w+ )?{_RULES} (?:counts?|appl\w+|matters?)",
        rf"\b(?:every|all|any|each|your)(?: \w+){{0,2}}? {_RULES}(?: \w+){{0,4}}? (?:switched off|turned off"
        rf"|revoked|void"
        r"|suspended|disabled|lifted)\b",
        rf"\b{_YOUR} (?:\w+ )?{_RULES}(?: \w['\u2019]?\w*){{0,3}}? (?:gelten nicht|nicht mehr|hinf[äa]llig|comptent"
        rf" plus"
        r"|anuladas?|no valen|non valgono|n[ãa]o valem|gelden niet)",
    ),
    _form(
        "obedience",
        0.4,
        "obey|listen only|only listen|follow only|follow me|nach mir|gehorch|écoute|ecoute|obéi|obei|obedec|ascolta"
        "|luister|słuchaj|слушай",
        r"\b(?:only|just)? ?obey (?:only )?(?:me|what i|my|the user|it)\b|\blisten only to me|\bonly listen to me"
        r"|\bfollow only (?:me|my|what i)|\brichte dich nur nach mir|\bgehorch\w* (?:ab jetzt )?(?:nur )?mir"
        r"|\bn['\u2019][ée]coute[zr]? que moi|\bob[ée]i\w* (?:qu['\u2019])?[àa] moi|\bobedece\w* s[óo](?:lo)? a"
        r"|\bascolta solo me|\bluister alleen naar mij|\bsłuchaj tylko mnie|\bслушай(?:ся)? только меня",
    ),
    _form(
        "role",
        0.6,
        "without|with no|ohne|sans|sin |senza|sem |zonder|bez |без|whose|no restr|no rules|no limits|no filter",
        rf"\b{_MODEL},? (?:\w+ )?{_WITHOUT} (?:\w+ ){{0,2}}?(?:{_RULES}|{_MORALS})",
        rf"\b{_MODEL} (?:model )?whose (?:\w+ )?{_RULES} (?:were|are|have been) (?:removed|lifted|off)",
        rf"\byou have no (?:\w+ )?{_RULES}(?=[.,;:!\n]|\Z| and| any ?more)",
    ),
    _form(
        "no_refusal",
        0.35,
        "refuse|disclaimer|warning|niegues|refus|verweiger|rifiut|recuse|weiger",
        r"\b(?:never|don['\u2019]t|do not|cannot) refuse\b|\bwithout (?:any |a )?(?:disclaimer|warning)s?\b"
        r"|\bne refuse[zr]? (?:jamais|rien)|\bnunca te niegues|\bsans avertissement|\bverweiger\w* (?:dich )?nie"
        r"|\bnon rifiutare mai|\bnunca recuse|\bweiger nooit",
    ),
    _form(
        "exfiltration",
        0.65,
        "of your|your confid|your secret|your hidden|your initial|your config|you told|diese|geheim|secr|encima"
        "|antes de"
        "|message|above this",
        r"\b(?:words|lines?|part|beginning|start|rest|contents?|text) of your (?:\w+ )?(?:prompt|instructions|system"
        r" message)",
        r"\byour (?:confidential|secret|hidden|initiali[sz]ation|configuration) (?:instructions?|prompt|text"
        r"|message)\b",
        r"\bwhat (?:exactly |precisely )?were you (?:told|instructed|given) (?:before|at the (?:start|beginning)"
        r"|prior)",
        r"\brepeat (?:everything|all|the (?:text|words)) above\b",
        r"\b(?:wiederhol|gib|schreib|druck)\w*[^.\n]{0,40}?\b(?:oberhalb|über|vor) diese[rmns]? (?:nachricht|zeile"
        r"|text)",
        r"\br[ée]p[èe]te\w*[^.\n]{0,40}?\b(?:pr[ée]c[èe]de|au-dessus de|avant) ce (?:message|texte)",
        r"\brepite[^.\n]{0,40}?\b(?:encima de|antes de|precede a) este (?:mensaje|texto)",
        r"\bgeheime?n? (?:anweisung|vorgabe|regel)\w* (?:hast du|hat man dir|wurden dir)",
        r"\b(?:consignes|instructions) secr[èe]tes (?:as-tu|t['\u2019]a-t-on|avez-vous)",
        r"\binstrucciones secretas (?:te|os|le) (?:han|dieron)",
    ),
    _form(
        "smuggled_order",
        0.6,
        "hinweis|notiz|nachricht|anweisung|note|message|nota|mensaje|aviso|ai a|ai:|ai,|llm|language model",
        r"\b(?:hinweis|notiz|nachricht|anweisung) (?:an|für) (?:die |den |das |alle )?(?:ki|ai|llms?|sprachmodelle?"
        r"|chatbots?)\b",
        r"\b(?:note|message|avis|consigne) (?:à|pour|aux) (?:l['\u2019])?(?:ia|llms?|intelligence artificielle"
        r"|mod[èe]les? de langage)\b",
        r"\b(?:nota|mensaje|aviso|instrucci[óo]n|messaggio|mensagem) (?:para|a|per) (?:la |el |l['\u2019]|a )?(?:ia"
        r"|llms?"
        r"|modelo de lenguaje)\b",
        r"\b(?:ai|llm|language model)(?: assistant| agent| model)?[:,] (?:before|when|instead|please|you must|do not"
        r"|don['\u2019]t|delete|send|forward|ignore|reply|rate|say|write)\b",
        r"\bif you are an (?:ai|llm)[^.\n]{0,20}?\b(?:abandon|stop|drop|skip|leave|instead)\b",
    ),
    _form(
        "forged_turn",
        0.4,
        "###|role|end of prompt|new session|new conversation",
        r"^#{2,4} ?(?:instructions?|response|system|human|assistant) ?:?[ \t]*$",
        r"[\"']role[\"'] ?: ?[\"'](?:system|developer)[\"']",
        r"\bend of (?:system )?prompt\b|\b(?:start of (?:a )?)?new (?:session|conversation) ?:",
    ),
    _form(
        "dropped_task",
        0.45,
        "disregard the|ignore the|abandon the|forget. |forget everything",
        r"\b(?:disregard|ignore|abandon) the (?:context|conversation|task|translation"
        r"|document)\b[^\n]{0,30}?\b(?:and|,)",
        r"\bforget everything (?:you|that)\b",
    ),
    _form(
        "secret_wanted",
        0.3,
        "api key|password|passwort|mot de passe|contraseña|secret",
        r"\b(?:output|print|reveal|tell me|show|give me|send) (?:me )?(?:the|your|all|any) (?:\w+ )?(?:api keys?"
        r"|passwords?|secrets?)\b",
    ),
)

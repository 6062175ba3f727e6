"""The phrases and delimiters of known injection attacks, in English, German, French and Spanish."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Signal:
    """One form of attack. `weight` is how sure the form alone makes us. Cheap pre-filters: the text must have one of
    `cues`, which the caller looks for, and one of `also` where there are any, in lower case."""

    name: str
    weight: float
    pattern: re.Pattern[str]
    cues: tuple[str, ...]
    also: tuple[str, ...] = ()

    def found_in(self, text: str, lower: str) -> bool:
        """Whether `text`, which has a cue, has the form; `lower` is the same in lower case, quicker to search than
        ignoring case."""
        if self.also and not any(word in lower for word in self.also):
            return False
        seen = text if self.pattern.flags & re.IGNORECASE else lower
        return self.pattern.search(seen) is not None


_FLAGS = re.IGNORECASE
# Up to five words between verb and object; one's own former words may be taken back.
FILL = r"(?:[ ,\-]+(?!(?:my|our|meine\w?|unsere\w?|mes|mis)\b)[^\W_]{1,14}){0,5}?[ ,\-]+"

SIGNALS: tuple[Signal, ...] = (
    Signal(
        "override",
        0.8,
        re.compile(
            r"\b(?:ignor(?:e|ing)|disregard|forget|(?:override|bypass)(?=[^.\n]{0,60}(?:instruct|prompt"
            r"|guideline|directive"
            r"|programming|\byour\b))|do not follow|don['\u2019]t follow|stop following)"
            + FILL
            + r"(?:(?:previous|prior|above|earlier|preceding|system|original|initial|existing|former"
            r"|safety|your|given|developer)[ ]){1,3}"
            r"(?:\w+[ ]){0,1}?(?:instructions?|prompts?|rules?|directions?|guidelines?|directives?"
            r"|commands?|constraints?|programming)\b"
            r"|\b(?:ignore|disregard|forget)[ ](?:everything|all|anything|whatever|what)[ ](?:[^\W_]{1,12}[ ]){0,4}?"
            r"(?:said|told|written|instructed|above|before|so far)\b"
            r"|\b(?:ignore|disregard|forget)[ ](?:all[ ])?(?:the|those|these|any)[ ]"
            r"(?:instructions?|prompts?|guidelines?)[ ]"
            r"(?:[^\W_]{1,12}[ ]){0,3}?(?:above|before|earlier|given|received|previously)\b",
        ),
        ("ignor", "disregard", "forget", "override", "bypass", "follow"),
    ),
    Signal(
        "override",
        0.8,
        re.compile(
            r"\b(?:ignorier\w*|vergiss|vergesst|vergessen sie|missachte\w*|übergeh\w*|verwirf)"
            + FILL
            + r"(?:vorherig|bisherig|obig|vorig|vorangegangen|früher|ursprünglich|gegeben|dein|ihr)\w*[ "
            r"](?:\w+[ ]){0,1}?"
            r"(?:anweisung|instruktion|regel|vorgabe|befehl|richtlinie|systemprompt|prompt)\w*"
            r"|\b(?:ignorier\w*|vergiss|vergesst|vergessen sie)[ ](?:bitte[ ])?alles,?[ ](?:was[ ])?"
            r"(?:[^\W_]{1,10}[ ]){0,3}?"
            r"(?:oben|vorher|bisher|davor|zuvor)\b"
            r"|\b(?:ignorier\w*|missachte\w*|vergiss)[ ](?:[^\W_]{1,12}[ ]){0,2}?"
            r"(?:regeln|anweisungen|vorgaben),?[ ]die[ ]"
            r"(?:[^\W_]{1,12}[ ]){0,3}?(?:gegeben|gesagt|erteilt)",
        ),
        ("ignorier", "vergiss", "vergess", "missacht", "übergeh", "verwirf"),
    ),
    Signal(
        "override",
        0.8,
        re.compile(
            r"\b(?:ignore[zr]?|oublie[zr]?|ne (?:tiens|tenez) (?:pas|plus) compte|contourne[zr]?|fais "
            r"abstraction)"
            + FILL
            + r"(?:instructions?|consignes?|r[èe]gles?|directives?|ordres?|invites?)[ ](?:\w+[ ]){0,2}?"
            r"(?:pr[ée]c[ée]dent\w*|ant[ée]rieur\w*|ci-dessus|initiale?s?|syst[èe]me|donn[ée]e?s|reçue?s)",
        ),
        ("ignore", "oubli", "compte", "contourne", "abstraction"),
    ),
    Signal(
        "override",
        0.8,
        re.compile(
            r"\b(?:ignora|ignore|ignorad|olvida|olvide|omite|desatiende|descarta|no sigas)"
            + FILL
            + r"(?:instrucciones|indicaciones|reglas|[óo]rdenes|directrices|normas)[ ](?:\w+[ ]){0,2}?"
            r"(?:anteriores|previas|iniciales|dadas|de arriba|originales|del sistema)"
            r"|\b(?:ignora|olvida|descarta)[ ]todo[ ](?:lo[ ])?(?:[^\W_]{1,10}[ ]){0,2}?"
            r"(?:anterior|dicho|previo|de arriba)\b",
        ),
        ("ignor", "olvid", "omite", "desatiende", "descarta", "sigas"),
    ),
    Signal(
        "exfiltration",
        0.75,
        re.compile(
            r"\b(?:reveal|print|show|repeat|output|tell|display|dump|leak|give|write|what (?:is|are|was"
            r"|were)|share|translate|summari[sz]e|copy)"
            + FILL
            + r"(?:(?:your|the|its|hidden|secret|full|entire|exact|initial|original|internal)[ ]){1,3}"
            r"(?:system (?:prompt|instructions?)|(?<!the )system message|hidden (?:prompt|instructions?)|initial "
            r"(?:prompt|instructions?)"
            r"|developer (?:message|prompt)|instructions? (?:verbatim|you (?:were given|received))|pre-?prompt)\b"
            r"(?! (?:for|of)\b)"
            r"|\b(?:repeat|print|output)[ ](?:everything|all|the text|the words)[ ](?:\w+[ "
            r"]){0,2}?(?:above|before this)",
        ),
        ("prompt", "instruction", "message", "above", "before this"),
    ),
    Signal(
        "exfiltration",
        0.75,
        re.compile(
            r"\b(?:zeig\w*|verrate?\w*|nenn\w*|gib|wiederhole\w*|druck\w*|wie lautet|was steht in"
            r"|montre\w*|r[ée]v[èe]le\w*|affiche\w*"
            r"|r[ée]p[èe]te\w*|donne\w*|quel(?:le)?s? (?:est|sont)|mu[ée]stra\w*|revela\w*|imprime\w*"
            r"|repite\w*|dime|cu[áa]l(?:es)? (?:es|son))"
            + FILL
            + r"(?:system-?(?:prompt|anweisung|nachricht)\w*|(?:internen|geheimen|versteckten"
            r"|ursprünglichen) (?:anweisung|instruktion)\w*"
            r"|(?:prompt|message|invite|instructions) (?:du |de )?syst[èe]me|instructions (?:initiales"
            r"|cach[ée]es|secr[èe]tes|internes)"
            r"|(?:prompt|mensaje|instrucciones) (?:del |de )sistema|instrucciones (?:iniciales|ocultas"
            r"|secretas|internas))",
        ),
        ("system", "anweisung", "instruktion", "instruc", "syst", "sistema"),
    ),
    Signal(
        "role",
        0.7,
        re.compile(
            r"\b(?:you are now|from now on,? you(?: are|['\u2019]re| will)|pretend (?:to be|you are|that "
            r"you)|act as|roleplay as|behave as)"
            r"[^.\n]{0,60}?\b(?:(?-i:DAN)\b|do anything now|jailbr[eo]\w+|in (?:developer|god|debug) mode"
            r"|(?:unrestricted|unfiltered|uncensored) (?:ai|model|assistant|bot|chatbot|version|character|mode)"
            r"|no (?:content |safety )?(?:restrictions|rules|limits|filters"
            r"|guidelines)|without (?:any (?:\w+ )?(?:rules|limits|filters?)|(?:any )?(?:\w+ )?(?:restrictions"
            r"|censorship|guidelines"
            r"|ethic\w*))|not bound by|free of (?:all )?(?:rules|restrictions)"
            r"|evil twin)"
            r"|\b(?:enter|switch to|enable|activate)[ ](?:\w+[ ])?(?:(?-i:DAN)\b|jailbr[eo]\w+|god mode"
            r"|(?:developer|debug) mode[^.\n]{0,40}\b(?:rules|restrictions|filters|limits|safety))",
            _FLAGS,
        ),
        (
            "dan",
            "jailbr",
            "mode",
            "unrestricted",
            "unfiltered",
            "uncensored",
            "no r",
            "no l",
            "no f",
            "no g",
            "without",
            "not bound",
            "free of",
            "evil",
            "root",
        ),
    ),
    Signal(
        "role",
        0.7,
        re.compile(
            r"\b(?:du bist (?:jetzt|ab jetzt|nun)|ab (?:jetzt|sofort) bist du|tu so,? als|verhalte dich"
            r"|tu es (?:maintenant|d[ée]sormais)|fais comme si|agis comme|fais semblant"
            r"|ahora eres|a partir de ahora eres|act[úu]a como|finge que|haz como "
            r"si)[^.\n]{0,70}?\b(?:(?-i:DAN)\b|ohne (?:jede |alle )?(?:einschr[äa]nkung|regel|filter|zensur"
            r"|grenze)\w*"
            r"|keine (?:regeln|filter|grenzen|einschr[äa]nkungen)|uneingeschränkt\w*|entwicklermodus"
            r"|unzensiert\w*|sans (?:aucune? )?(?:restriction|r[èe]gle|filtre|limite|censure)s?"
            r"|aucune (?:r[èe]gle|restriction|limite)|mode d[ée]veloppeur|sin (?:ninguna? "
            r")?(?:restricci[óo]n|restricciones|reglas|filtros?|l[íi]mites|censura)|modo desarrollador"
            r"|no tienes (?:reglas|restricciones|l[íi]mites|filtros))",
            _FLAGS,
        ),
        (
            "bist",
            "tu so",
            "verhalte",
            "tu es",
            "fais",
            "agis",
            "ahora",
            "actúa",
            "actua",
            "finge",
            "haz como",
        ),
    ),
    Signal(
        "delimiter",
        0.7,
        re.compile(
            r"<\|(?:im_start|im_end|system|assistant|user|endoftext|start_header_id|end_header_id|eot_id"
            r"|begin_of_text)\|?>|\[/?INST\]|<</?SYS>>"
            r"|\A[^<]{0,4096}</(?:system|assistant|system_prompt|developer)>|<start_of_turn>|<end_of_turn>"
            r"|^[ \t>#*\-=\[]{0,8}(?:BEGIN|END|NEW|START OF|END OF)[ ](?:SYSTEM|ADMIN|DEVELOPER)[ "
            r"](?:PROMPT|MESSAGE|INSTRUCTIONS?|OVERRIDE)"
            r"|^(?:###[ ]?|\[|\*\*)(?:system|admin|developer)[ ](?:message|prompt|instructions?"
            r"|override|note)(?:\]|\*\*)?[ ]?:",
            _FLAGS | re.MULTILINE,
        ),
        (
            "<|",
            "inst]",
            "sys>>",
            "<sys",
            "</sys",
            "assistant>",
            "instruction",
            "<dev",
            "</dev",
            "_turn>",
            "system",
            "admin",
            "developer",
        ),
    ),
    Signal(
        "smuggled_order",
        0.7,
        re.compile(
            r"(?:^|[.!?:;\])>*\-\"'(\[][ \t]{0,3})(?:(?:important|urgent|special|hidden|secret)[ ])?"
            r"(?:note|message|attention|important|instructions?)[ ](?:to|for)[ ](?:the[ ]|any[ ])?(?:ai"
            r"|llm|assistant|language model|chatbot|bot|model)s?\b(?![ ](?:manager|operator|coach"
            r"|professor|director|teacher|train|editor|act))"
            r"|\b(?:if you are|as) an? (?:ai(?: language model| assistant)?|llm|language model)(?: "
            r"(?:reading|processing|summari[sz]ing) this)?,? (?:you must|ignore|do not|send|say|reply"
            r"|recommend|include)"
            r"|\bwhen (?:you )?(?:read|process|summari[sz])\w* this[^.\n]{0,40}\b(?:send|forward|delete"
            r"|reply with|exfiltrate|call|email)",
            re.MULTILINE,
        ),
        ("ai", "llm", "assistant", "model", "bot", "this"),
    ),
)
ABOUT = re.compile(
    r"\b(?:what (?:is|are|does)|explain|how (?:do|can|to)|detect\w*|classif\w*|examples? of|defend"
    r"|prevent\w*|protect\w*|research|paper|article|test case|unit test"
    r"|was ist|erkläre?|wie (?:erkenn|verhinder|schütz)\w*|qu['\u2019]est-ce|expliqu\w*|comment "
    r"(?:d[ée]tect|[ée]vit|prot[ée]g)\w*|qu[ée] es|explica|c[óo]mo (?:detect|evit|prote)\w*)\b"
    r"[^\n]{0,80}\b(?:prompt[ -]?injections?|jailbreak\w*|inyecci[óo]n|injection de prompt|adversarial"
    r"|attack|angriff\w*|attaque\w*|ataque\w*)",
    _FLAGS,
)

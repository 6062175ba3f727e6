"""The forms of injection in languages beside English: to drop the rules, to call them void, to disclose them."""

from __future__ import annotations

import re

from plugins.injection_signals import FILL, Signal

# By language: verbs that drop, what is dropped, verbs that disclose, what is secret.
_WORDS: tuple[tuple[tuple[str, ...], str, str, str, str], ...] = (
    (
        ("anweisung", "instruktion", "vorgabe", "regeln", "prompt", "richtlinie"),
        r"ignoriere?n?(?: sie)?|(?:vergiss|vergesst|vergessen sie)(?! nicht)|missachte\w*|verwirf|umgehe|überschreibe"
        r"|beachte\w* nicht|befolg\w* nicht|halte dich nicht (?:mehr )?an",
        r"(?:alle|deine|ihre|sämtliche|jede|obige|vorherige|bisherige|frühere)\w*(?: \w+)?? (?:anweisung\w*"
        r"|instruktion\w*|system-?prompt\w*|systemvorgabe\w*|sicherheits(?:regel|richtlinie|vorgabe)\w*)",
        r"zeig\w*|verrat\w*|nenn\w*|gib|wiederhol\w*|druck\w*|offenbar\w*|schreib\w*|übersetz\w*|kopier\w*|sag\w*|liste"
        r"|lies|was (?:ist|sind|steht in)|wie (?:lautet|lauten)",
        r"(?:dein\w*|euer\w*|eure\w*|ihre?\w?)(?: \w+)?? (?:system-?(?:prompt|anweisung|nachricht"
        r"|vorgabe)\w*|(?:interne|geheime|versteckte|ursprüngliche|erste)\w* (?:anweisung|instruktion|vorgabe|regel"
        r"|prompt)\w*)",
    ),
    (
        ("instruction", "consigne", "règle", "regle", "directive", "prompt"),
        r"ignore[zr]?|(?<!n['\u2019])oublie[zr]?|ne (?:tiens|tenez|suis|suivez|respecte[zr]?) (?:pas"
        r"|plus)(?: compte)?|contourne[zr]?"
        r"|fais abstraction|faites abstraction|écarte[zr]?|annule[zr]?|désobéis\w*|laisse[zr]? tomber|passe outre",
        r"(?:toutes? |de |à |des )?(?:toutes les|tes|vos|ces)(?: \w+)?? (?:instructions?|consignes?|directives?"
        r"|prompts?"
        r"|r[èe]gles (?:de s[ée]curit[ée]|ci-dessus|pr[ée]c\w+))",
        r"montre\w*|r[ée]v[èe]le\w*|affiche\w*|r[ée]p[èe]te\w*|donne\w*|dis|dites|[ée]cri[st]\w*|divulgue\w*"
        r"|copie\w*|cite"
        r"|r[ée]cite\w*|traduis\w*|quel(?:le)?s? (?:est|sont|[ée]ta\w+)",
        r"(?:ton|ta|tes|votre|vos)(?: \w+)?? ?(?:(?:prompt|message|invite|instructions?|consignes?) (?:du |de )?"
        r"syst[èe]me|(?:instructions?|consignes|r[èe]gles|directives) (?:initiales|cach[ée]es|secr[èe]tes|internes"
        r"|confidentielles|de d[ée]part|d['\u2019]origine))",
    ),
    (
        ("instruc", "indicacion", "reglas", "directri", "órdenes", "prompt", "sistema"),
        r"ignor(?:a|e|ad|en)|(?<!no )olvid(?:a|e|ad|en)(?:te)?|omit(?:e|a)|desatiend\w*|descart(?:a|e)"
        r"|no (?:sigas|siga|obedezcas"
        r"|hagas caso (?:a|de))|haz caso omiso de|desobedece|pasa por alto",
        r"(?:todas las|tus|sus|esas|cualquier)(?: \w+)?? ?(?:instrucci[óo]n(?:es)?|indicaciones|directrices"
        r"|prompts?|[óo]rdenes|reglas (?:de seguridad|de arriba|anteriores|del sistema))",
        r"mu[ée]stra\w*|revela\w*|imprime\w*|repite\w*|dime|di|escribe|ense[ñn]a\w*|copia|cita|traduce|comparte|divulga"
        r"|cu[áa]l(?:es)? (?:es|son|era\w*)|qu[ée] dice",
        r"(?:tu|tus|su|sus)(?: \w+)?? ?(?:(?:prompt|mensaje|instrucciones) (?:del |de )?sistema"
        r"|(?:instrucciones|reglas|directrices) (?:iniciales|ocultas|secretas|internas|originales|confidenciales))",
    ),
    (
        ("istruzion", "regole", "direttive", "prompt", "sistema"),
        r"ignora(?:te|re)?|dimentica(?:te)?|trascura|scarta|non (?:seguire|considerare|rispettare)|aggira",
        r"(?:tutte le|le tue|ogni)(?: \w+)?? ?(?:istruzion[ie]|direttive|regole (?:precedenti|di sicurezza))",
        r"mostra\w*|rivela\w*|stampa|ripeti|dimmi|scrivi|qual(?:i)?(?: \u00e8| sono|['\u2019]\u00e8)",
        r"(?:il|tuo|le|tue|il tuo|le tue)(?: \w+)?? ?(?:(?:prompt|messaggio|istruzioni) (?:di )?sistema"
        r"|istruzioni (?:iniziali|nascoste|segrete|interne))",
    ),
    (
        ("instru", "regras", "diretrizes", "prompt", "sistema"),
        r"ignor(?:e|a|em)|esque(?:ça|ce)|desconsidere|descarte|n[ãa]o (?:siga|obede[çc]a)|desrespeite|contorne",
        r"(?:todas as|(?:as )?suas|quaisquer)(?: \w+)?? ?(?:instru[çc][õo]es|diretrizes|regras (?:anteriores|acima"
        r"|de seguran[çc]a))",
        r"mostre|revele|imprima|repita|diga|escreva|exiba|qual (?:é|era)|quais s[ãa]o",
        r"(?:o|seu|sua|suas|as|o seu|as suas)(?: \w+)?? ?(?:(?:prompt|mensagem|instru[çc][õo]es) (?:do |de )?sistema"
        r"|instru[çc][õo]es (?:iniciais|ocultas|secretas|internas))",
    ),
    (
        ("instructies", "regels", "richtlijnen", "prompt"),
        r"negeer|vergeet|sla over|omzeil|volg niet|houd je niet aan",
        r"(?:alle|je|jouw|uw)(?: \w+)?? ?(?:instructies|richtlijnen|regels (?:hierboven|van eerder))",
        r"toon|laat|onthul|herhaal|geef|druk|schrijf|vertel|wat (?:is|zijn)",
        r"(?:je|jouw|uw|de)(?: \w+)?? ?(?:systeem-?(?:prompt|instructies|bericht)|(?:interne|geheime|verborgen)"
        r" instructies)",
    ),
    (
        ("instrukcj", "polece", "zasad", "prompt", "инструкц", "указани", "правил", "промпт"),
        r"zignoruj\w*|ignoruj\w*|zapomnij\w*|pomi[ńn]\w*|игнорируй\w*|проигнорируй\w*|забудь\w*|не следуй\w*|отмени\w*",
        r"(?:wszystki\w+|swo\w+|twoj\w+|poprzedni\w+|все|всех|твои|свои|предыдущ\w+)(?: \w+)?? ?(?:instrukcj\w*"
        r"|polece\w*"
        r"|zasad\w*|инструкц\w*|указани\w*|правил\w*)",
        r"poka[żz]\w*|ujawnij\w*|powt[óo]rz\w*|podaj|wypisz|покажи\w*|раскрой\w*|повтори\w*|выведи\w*|напиши\w*",
        r"(?:sw[óo]j\w*|tw[óo]j\w*|swoje|твой|свой|свои|твои|весь)(?: \w+)?? ?(?:prompt\w* systemow\w*|instrukcj\w*"
        r" systemow\w*|системн\w+ (?:промпт|инструкц|сообщени|запрос)\w*|инструкци\w*)",
    ),
)

_CANCELLED = (
    r"\b(?:alles|was)[, ][^.\n]{0,12}?(?:dir|man dir|du)[^.\n]{0,30}?(?:gesagt|vorgegeben|aufgetragen"
    r"|beigebracht)[^.\n]{0,20}"
    r"\b(?:gilt nicht|zählt nicht|ist hinfällig|vergiss)"
    r"|\b(?:deine|alle|die (?:bisherigen|alten|vorherigen))(?: \w+)?? (?:regeln|anweisungen|vorgaben|beschränkungen)"
    r" (?:\w+ )?(?:gelten nicht|sind (?:\w+ )?(?:aufgehoben|ungültig|hinfällig|außer kraft))"
    r"|\btout ce qu[e'\u2019 ][^.\n]{0,20}?(?:dit|donné|appris|demandé)[^.\n]{0,20}\b(?:ne|n['\u2019]) ?(?:compte|vaut"
    r"|est|s['\u2019]applique)\w* plus"
    r"|\b(?:tes|toutes les|les)(?: \w+)?? (?:r[èe]gles|consignes|instructions|restrictions)(?: \w+)? (?:sont (?:\w+ )?"
    r"(?:annul[ée]es|lev[ée]es|caduques|nulles)|ne s['\u2019]appliquent plus|ne comptent plus)"
    r"|\b(?:todo )?lo que (?:te|os|le) (?:\w+ )?(?:dijeron|han dicho|ordenaron|dieron|enseñaron)[^.\n]{0,20}\bya no"
    r" (?:vale|cuenta|importa|aplica)"
    r"|\b(?:tus|todas las|las)(?: \w+)?? (?:reglas|instrucciones|restricciones)(?: \w+)? (?:quedan|están|son|ya no)"
    r" (?:anuladas|canceladas|nulas|sin efecto|suspendidas|valen|aplican|cuentan)"
)
_FREED = (
    r"\b(?:du bist|ab (?:jetzt|sofort)|tu so|spiel\w*|stell dir vor|verhalte|antworte|agiere|tu es|tu deviens|imagine"
    r"|joue|agis|réponds|comporte-toi|eres|ahora|actúa|finge|imagina|responde|compórtate)\b[^.\n]{0,80}?\b(?:"
    r"(?:an )?keine(?:rlei|n)? (?:\w+ )?(?:regeln|grenzen|filter|beschränkungen|einschränkungen|richtlinien)"
    r"|ohne (?:\w+ )?(?:regeln|filter|zensur|moral|ethik|einschränkungen|beschränkungen)"
    r"|(?:sans|aucune?|pas de) (?:\w+ )?(?:restrictions?|filtres?|limites?|censure|morale|r[èe]gles?|éthique)"
    r"|(?:sin|ningun[ao]?) (?:\w+ )?(?:restricci[óo]n(?:es)?|filtros?|l[íi]mites?|censura|moral|reglas|[ée]tica))"
)
_EAST = re.compile(
    r"(?:忽略|无视|無視|忘记|忘掉|不要遵守|绕过)[^。\n]{0,16}(?:指令|指示|提示|规则|規則|要求|命令)"
    r"|(?:指示|命令|ルール|プロンプト)[^。\n]{0,8}(?:無視|忘れ)|(?:지시|명령|규칙|프롬프트)[^.\n]{0,8}(?:무시|잊)"
)
_EAST_SECRET = re.compile(
    r"(?:显示|告诉|输出|重复|打印|透露|泄露)[^。\n]{0,12}(?:系统提示|系统指令|初始指令|提示词)|システムプロンプト[^。\n]{0,12}(?:表示|出力|教え)"
)

LANGUAGES: tuple[Signal, ...] = (
    *(Signal("override", 0.7, re.compile(rf"\b(?:{drop}){FILL}{what}"), cues) for cues, drop, what, _, _ in _WORDS),
    *(
        Signal(
            "exfiltration",
            0.7,
            re.compile(rf"\b(?:{show})(?:[ ,\-]+[^\W_]{{1,16}}){{0,5}}?[ ,\-]+{secret}"),
            cues,
        )
        for cues, _, _, show, secret in _WORDS
    ),
    Signal(
        "override",
        0.6,
        re.compile(_CANCELLED),
        (
            "gilt nicht",
            "gelten",
            "zählt",
            "hinfällig",
            "aufgehoben",
            "plus",
            "annulé",
            "levées",
            "ya no",
            "anulad",
            "cancelad",
            "sind",
            "quedan",
            "efecto",
        ),
    ),
    Signal(
        "role",
        0.65,
        re.compile(_FREED),
        ("keine", "ohne", "sans", "aucun", "pas de", "sin ", "ningun"),
    ),
    Signal("override", 0.7, _EAST, ("略", "无", "無", "忘", "不要", "绕", "무시", "잊")),
    Signal("exfiltration", 0.7, _EAST_SECRET, ("系统", "提示", "指令", "システム")),
)

"""What the cache reads from a text: its language, and whether its answer holds for others and for later.

Rules for English, German, French and Spanish. They lean towards "do not cache": a needless bypass costs one
model call, a stale or personal answer costs trust. Patterns see folded text: lower case, no accents.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from typing import Final

# Of a long text the instruction stands at either end; what is between is material, not the question.
_ENDS_CHARS: Final = 600
_APOSTROPHES: Final = {0x2018: "'", 0x2019: "'", 0x02BC: "'"}


def fold(text: str) -> str:
    """Lower case, without accents, plain apostrophes, single blanks; the two ends of a long text."""
    if len(text) > 2 * _ENDS_CHARS:
        text = f"{text[:_ENDS_CHARS]}\n{text[-_ENDS_CHARS:]}"
    text = text.casefold()
    if not text.isascii():
        text = unicodedata.normalize("NFKD", text.translate(_APOSTROPHES))
        text = "".join(c for c in text if not unicodedata.combining(c))
    return " ".join(text.split())


def _any_of(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(rf"(?:{pattern})" for pattern in patterns))


_TIME: Final = _any_of(
    # English
    r"\b(?:today|tonight|tomorrow|yesterday|nowadays|currently|presently|lately|recently|upcoming)\b",
    r"\b(?:right|just|until|till|by|as of|open|up to|even) now\b|\bnow\s*[?!.]*$|\bat (?:the moment|"
    r"present|this time)\b",
    r"\b(?:this|last|next|coming|past) (?:week|weekend|month|year|quarter|season|morning|afternoon|evening|"
    r"night|"
    r"(?:mon|tues|wednes|thurs|fri|satur|sun)day|january|february|march|april|may|june|july|august|"
    r"september|october|"
    r"november|december|spring|summer|autumn|fall|winter)\b",
    r"\b(?:in|within) the (?:last|past|next) (?:\w+ )?(?:seconds?|minutes?|hours?|days?|weeks?|months?|"
    r"years?)\b",
    r"\b(?:latest|newest|most recent|up[- ]to[- ]date|real[- ]?time|live (?:score|stream|update|price|"
    r"traffic)s?)\b",
    r"\bcurrent (?!in\b|through\b|of\b|flow|draw|source|mirror|divider|density|electric)\w+",
    r"\bwhat(?:'s| is)? (?:the )?(?:time|date|day|year|month)(?: is it| of|\s*[?.!]*$)|\bwhat (?:time|day|"
    r"year) is\b",
    r"\bhow (?:long|many \w+) (?:until|till|left|ago)\b|\b(?:days?|weeks?|months?|hours?) (?:until|till)\b",
    r"\b(?:still|already) (?:open|alive|available|valid|running|in office|in stock)\b|\bso far\b|\byet\s*\?",
    r"\b(?:open|closed|happening|trending|on sale|in stock)\s*\?",
    # German
    r"\b(?:heute|gestern|vorgestern|morgen (?:frueh|fruh|abend|mittag)|ubermorgen|uebermorgen|momentan|"
    r"derzeit|gerade eben|"
    r"gegenwartig|neulich|kurzlich|heutzutage|aktuell\w*|neueste[nrms]?|bislang|bisher)\b|\bmorgen\b(?!s)",
    r"\b(?:jetzt|im (?:moment|augenblick)|zur ?zeit)\b|\bgerade\s*[?.!]*$|\bwie ?viel uhr\b|\bwie spat\b|"
    r"\bwelche[rsn]? "
    r"(?:tag|datum|wochentag|jahr|monat) (?:ist|haben)\b",
    r"\b(?:diese[rsnm]?|letzte[rsnm]?|nachste[rsnm]?|kommende[rsnm]?|vergangene[rsnm]?) (?:woche|"
    r"wochenende|monat|jahr|"
    r"quartal|tage?n?|\w+tag|abend|nacht|sommer|winter|saison)s?\b|\bseit wann\b|\bwie lange noch\b|"
    r"\bbis wann\b",
    # French
    r"\baujourd'?\s?hui\b|\b(?:hier|demain|avant-hier|apres-demain|maintenant|actuel\w*|recemment|"
    r"dernierement|prochainement)\b",
    r"\b(?:en ce moment|ce (?:soir|matin|mois|week-end)|cette (?:semaine|annee|nuit|saison)|a present|"
    r"a l'heure actuelle|"
    r"(?:semaine|mois|annee|an|lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche) (?:dernier|derniere|"
    r"prochain|prochaine))\b",
    r"\bquelle heure\b|\bquel(?:le)? (?:jour|date|annee) (?:sommes|est)\b|\bcombien de \w+ (?:avant|jusqu)",
    # Spanish
    r"\b(?:hoy|ayer|anteayer|anoche|ahora|actualmente|actualidad|recientemente|ultimamente|proximamente)\b|"
    r"\bmanana\b",
    r"\b(?:el|la|los|las|es) \w+ actual(?:es)?\b|\b(?:en este momento|est[ae] (?:semana|mes|ano|noche|"
    r"tarde|temporada)|hoy en dia|por ahora|hasta ahora|"
    r"(?:semana|mes|ano|lunes|martes|miercoles|jueves|viernes|sabado|domingo) (?:pasad|proxim|"
    r"que viene)\w*)\b",
    r"\bque (?:hora|dia|fecha|ano) (?:es|son|estamos)\b|\bcuant[oa]s? \w+ (?:faltan?|quedan?)\b",
)

_CHANGING: Final = _any_of(  # facts that move by themselves: prices, weather, news, scores, traffic
    r"\b(?:weather|humidity|air quality|pollen|news|headlines?|lottery|standings)\b|\b(?:forecast|"
    r"traffic) (?:for|in|on|near|report|jam)",
    r"\b(?:stock|share|exchange|interest|mortgage|inflation|unemployment|oil|gas|gold|fuel|petrol|bitcoin|"
    r"btc|ethereum|eth|"
    r"crypto|token|coin|ticket|flight|hotel|house)s? (?:price|quote|rate|value|market)s?\b|\bstock market\b",
    r"\bprices? (?:of|for|in)\b|\bhow much (?:is|are|does|do|would|will)\b.*\b(?:cost|worth|price|charge|"
    r"pay|fee)|"
    r"\bhow much (?:is|are) (?:a|an|the|one|your)\b|\bwhat (?:does|do|would|will) \w.* cost\b|\b(?:cost|"
    r"price) today\b",
    r"\b(?:who (?:won|is winning|scored|leads)|(?:election|match|game|race) results?|final score|"
    r"the score)\b",
    r"\b(?:flight|train|bus|server|service|system|order|delivery) status\b|\bis \w+ (?:down|up|delayed|"
    r"cancelled|canceled)\b",
    r"\b(?:temperature|rain(?:ing)?|snow(?:ing)?|sunny|windy) (?:in|at|outside|for)\b",
    r"\b(?:wetter|wettervorhersage|nachrichten|schlagzeilen|verkehrslage|stau|aktienkurse?|wechselkurse?|"
    r"borsenkurse?|"
    r"\w*kurs (?:von|der|des)|benzinpreise?|lottozahlen|zinssatze?|spielstand|lieferstatus)\b|"
    r"\bpreise? (?:von|fur|der|des)\b|\bwie ?viel kostet|\bwas kostet|\bwie teuer\b|"
    r"\bwer hat (?:\w+ ){0,4}gewonnen\b",
    r"\b(?:meteo|actualites?|informations du jour|cours (?:de|du|des) \w+|taux de change|circulation|"
    r"embouteillages?)\b|"
    r"\b(?:prix|tarifs?) (?:de|du|des|d')|\bcombien coute|\bqui a gagne\b|\bquel temps (?:fait|fera)\b",
    r"\b(?:noticias|titulares|pronostico|cotizacion|tipo de cambio|trafico)\b|\btiempo (?:hace|hara)\b|"
    r"\bprecios? (?:de|del)\b|\bcuanto (?:cuesta|vale)n?\b|\bquien (?:gano|ha ganado|va ganando)\b|"
    r"\bclima (?:en|de)\b",
)

# How to do something is the same answer for everybody, even with "my" in it.
_HOW_TO: Final = _any_of(
    r"^(?:(?:hi|hello|hey|please|hallo|bonjour|hola)[,!. ]+)*(?:how (?:do|can|should|would|could|might|"
    r"to)\b|(?:can|could|may|should) (?:i|we|you)\b|"
    r"what (?:should|can|do) i do\b|what happens (?:if|when)\b|is it possible\b|wie (?:kann|konnte|soll|"
    r"muss)\b|"
    r"kann (?:ich|man)\b|was (?:soll|kann|muss) ich\b|comment (?:puis|peut|faire|dois|je|on)\b|puis-je\b|"
    r"est-ce que je peux\b|"
    r"como (?:puedo|se|hago|debo)\b|puedo\b|que (?:debo|puedo|tengo que) hacer\b)",
)
_OWN: Final = (
    r"(?:orders?|parcels?|packages?|shipments?|deliver(?:y|ies)|invoices?|bills?|balances?|refunds?|"
    r"claims?|bookings?|"
    r"reservations?|appointments?|tickets?|schedules?|calendars?|meetings?|inbox|e-?mails?|statements?|"
    r"transactions?|"
    r"payslips?|salar(?:y|ies)|payroll|vacation days|test results?|grades?|location|name|age|birthday|"
    r"address|"
    r"files?|documents?|attachments?|account (?:number|balance|details))"
)
_PERSONAL: Final = _any_of(
    rf"\b(?:my|our) (?:\w+ ){{0,2}}{_OWN}\b",
    r"\b(?:order|invoice|booking|ticket|case|customer|tracking|account|policy|contract|reference)\s*"
    r"(?:no\.?|nr\.?|number|num|id|#)?\s*[:#]?\s*[a-z]{0,4}-?\d{3,}",
    r"\b(?:where|when|what(?:'s)?|which|has|have|did) (?:\w+ ){0,2}(?:my|our)\b",
    r"\b(?:who am i|where am i|do i (?:have(?! to)|owe|still)|did i|have i|am i (?:still|eligible|"
    r"subscribed|registered)|"
    r"how (?:much|many) (?:\w+ ){0,3}(?:do|did|have) i|remind me|remember (?:me|my|that i)|near me|"
    r"around here|my nearest)\b",
    r"\b(?:mein|unser)(?:e|en|em|er|es)? (?:\w+ ){0,2}(?:bestellung|paket|sendung|lieferung|rechnung|"
    r"konto(?:stand)?|guthaben|"
    r"buchung|termin|ticket|ruckerstattung|vertrag|kalender|gehalt|adresse|name|e-?mails?|datei|"
    r"dokument)\w*\b",
    r"\b(?:bestell|rechnungs|kunden|auftrags|vertrags|sendungs)(?:ung|nummer|nr)\w*\s*[:#]?\s*\d{3,}|"
    r"\b(?:wo|wann|was|hat|wurde) (?:\w+ ){0,2}(?:mein|unser)(?:e|en|em|er|es)?\b|\bwer bin ich\b|"
    r"\bhabe ich\b|\bin meiner nahe\b",
    r"\b(?:ma|mon|mes|notre|nos) (?:\w+ ){0,2}(?:commande|colis|livraison|facture|solde|compte|reservation|"
    r"rendez-vous|billet|"
    r"remboursement|contrat|salaire|adresse|nom|e-?mails?|dossier|fichier|document)s?\b|"
    r"\bcommande\s*(?:n[o°]?)?\s*#?\d{3,}|"
    r"\b(?:ou|quand|quel(?:le)?) (?:\w+ ){0,2}(?:ma|mon|mes)\b|\bpres de (?:moi|chez moi)\b|"
    r"\bqui suis-je\b|\bai-je\b",
    r"\bmi(?:s)? (?:\w+ ){0,2}(?:pedido|paquete|envio|entrega|factura|saldo|cuenta|reserva|cita|billete|"
    r"boleto|reembolso|contrato|"
    r"sueldo|salario|direccion|nombre|correo|archivo|documento)s?\b|\bpedido\s*(?:n[o°]?)?\s*#?\d{3,}|"
    r"\b(?:donde|cuando|cual) (?:\w+ ){0,2}mis?\b|\bcerca de mi\b|\bquien soy\b",
)

_OPENERS: Final = re.compile(  # a turn that begins like this continues the one before
    r"^(?:and|but|or|so|then|how so|what about|how about|ok|okay|yes|no|sure|thanks?|continue|go on|next|"
    r"translate|"
    r"summari[sz]e|shorten|rewrite|und|aber|oder|also|ja|nein|weiter|danke|et|mais|donc|oui|non|merci|y|"
    r"pero|entonces|"
    r"si|gracias|sigue)\b"
)
_REFERS_BACK: Final = {
    "en": _any_of(
        r"\b(?:it|its|itself|that|this|those|these|they|them|their|theirs|he|him|his|she|her|hers|there|"
        r"such|one|ones|"
        r"above|below|earlier|previous(?:ly)?|before|former|latter|same|again|instead|another|other|"
        r"others|else|also|too|"
        r"more|less|further|you (?:said|mentioned|wrote|gave)|first|second|third|last|both|either|"
        r"neither|answer|rest|so)\b"
    ),
    "de": _any_of(
        r"\b(?:das|dies\w*|jene\w*|es|er|sie|ihn|ihm|ihr\w*|davon|dafur|damit|dazu|dort|oben|vorher\w*|"
        r"nochmal|auch|mehr|"
        r"andere\w*|gleiche\w*|stattdessen|wieder|erste\w*|zweite\w*|letzte\w*|beide\w*)\b"
    ),
    "fr": _any_of(
        r"\b(?:ca|cela|ceci|celui|celle|ceux|celles|ce|cet|cette|ces|il|elle|ils|elles|lui|leur|y|en|"
        r"la-bas|aussi|encore|"
        r"plus|autre|meme|precedent\w*|premier\w*|dernier\w*)\b"
    ),
    "es": _any_of(
        r"\b(?:eso|esto|aquello|est[aeo]s?|es[ae]s?|aquel\w*|lo|le|les|ello|ell[ao]s?|su|sus|alli|"
        r"tambien|mas|otr[ao]s?|"
        r"mism[ao]s?|anterior\w*|primer\w*|ultim[ao]s?)\b"
    ),
}
_LEAST_WORDS: Final = 4  # a shorter follow-up ("in Berlin?") lives on what was said before

_REFUSAL: Final = _any_of(
    r"^(?:i'?m |i am )?(?:very |so |really )?(?:sorry|afraid)\b.{0,60}\b(?:can(?:'t|not)|unable|not able|"
    r"won't|don't|do not)\b",
    r"^(?:unfortunately|regrettably)?,? ?i (?:can(?:'t|not)|am unable|'m unable|am not able|won't|will not|"
    r"must decline|have to decline)\b",
    r"^i (?:do not|don't) (?:have (?:access|information|enough|the ability|real-time)|know)\b",
    r"^as an? (?:ai|large language model|language model|assistant)\b",
    r"^(?:es tut mir leid|tut mir leid|leider|entschuldigung)\b.{0,60}\b(?:nicht|kein)|"
    r"^ich kann (?:\w+ ){0,4}nicht\b|^als ki\b",
    r"^(?:je suis desolee?|desolee?|malheureusement)\b.{0,60}\b(?:pas|impossible)\b|^je ne (?:peux|"
    r"suis) pas\b|^en tant qu",
    r"^(?:lo siento|lamentablemente|perdon|desafortunadamente)\b.{0,60}\bno\b|^no puedo\b|^como (?:ia|"
    r"modelo)\b",
)

_FUNCTION_WORDS: Final = {
    "en": "the a an is are was were do does did what which who how why when where can could should would "
    "will of to in for on "
    "with and or not my your i you we it this that from by at be have has if there me please",
    "de": "der die das den dem des ein eine einen einem einer ist sind war waren wie was wer warum wann wo "
    "kann konnte soll "
    "und oder nicht kein keine ich du wir sie es mein meine dein von zu zum zur im fur mit auf aus bei "
    "nach uber wenn "
    "mich mir dich bitte wird werden haben hat man gibt",
    "fr": "le la les un une des du de est sont etait comment quoi qui pourquoi quand ou peut et pas ne je "
    "tu nous vous il elle "
    "mon ma mes ton ta votre pour avec sur dans par au aux que quel quelle quels quelles si ce cette "
    "c'est d'un qu'est-ce "
    "s'il moi faire",
    "es": "el la los las un una unos unas es son era como que quien por cuando donde puedo puede y o no yo "
    "tu nosotros mi mis "
    "su para con en de del al se cual cuales si este esta hay lo me hacer cuanto cuantos",
}
_WORDS_OF: Final = {language: frozenset(words.split()) for language, words in _FUNCTION_WORDS.items()}
_LETTERS_OF: Final = {"de": "äöüß", "fr": "àâçèêëîïôœùû", "es": "ñáíóú¿¡"}
_LAST_LATIN: Final = 0x24F  # the end of Unicode's block Latin Extended-B


def language_of(text: str) -> str:
    """en, de, fr or es by function words and letters, else the script in lower case; en where nothing tells.

    It is part of the scope, so a wrong guess can only cost a hit.
    """
    head = text[:_ENDS_CHARS]
    words = re.findall(r"[a-z'-]+", fold(head))
    scores = {language: sum(word in known for word in words) for language, known in _WORDS_OF.items()}
    if not head.isascii():
        if script := _script_of(head):
            return script
        for language, letters in _LETTERS_OF.items():
            scores[language] += 2 * any(c in letters for c in head.casefold())
    return max(scores, key=lambda language: scores[language])


def _script_of(head: str) -> str:
    """The script of most letters, where that is not Latin."""
    names = [unicodedata.name(c, "") for c in head if ord(c) > _LAST_LATIN and c.isalpha()]
    if len(names) * 2 <= sum(c.isalpha() for c in head):
        return ""
    scripts = Counter(name.split()[0].split("-")[0].lower() for name in names)
    return "japanese" if scripts["hiragana"] + scripts["katakana"] else scripts.most_common(1)[0][0]


def passing_reason(texts: Iterable[str]) -> str:
    """Why an answer to these turns holds only for now or only for the asker; empty when it holds for all.

    Reasons are traced, so they quote nothing of the text.
    """
    for text in map(fold, texts):
        if _TIME.search(text):
            return "time-dependent"
        if _CHANGING.search(text):
            return "changing facts"
        if not _HOW_TO.search(text) and _PERSONAL.search(text):
            return "personal"
    return ""


def refers_back(text: str) -> str:
    """What in a follow-up turn leans on the turns before it; empty when it can be understood alone."""
    pattern = _REFERS_BACK.get(language := language_of(text))
    if pattern is None:
        return f"follow-ups in {language} are not read"
    folded = fold(text)
    if _OPENERS.search(folded) or pattern.search(folded):
        return "refers back"
    return "too short to stand alone" if len(folded.split()) < _LEAST_WORDS else ""


def is_refusal(answer: str) -> bool:
    """Whether an answer opens like a refusal or an admission of not knowing."""
    return bool(_REFUSAL.search(fold(answer[:300])))

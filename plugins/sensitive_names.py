"""Names of people in running text, without a title or "my name is" before them.

A given name and a family name, by the lists in names/ and by how they are written, weighed together: names that are
also everyday words count half, and where the lists know only one of the two, the sentence has to be about private
matters (mail, meetings, money, work, ...). People whom everybody knows, places, brands, questions of general
knowledge, and whom news, plots and reviews name are not findings.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator
from functools import cache, lru_cache
from pathlib import Path
from typing import Final

from plugins.sensitive_famous import FAMOUS_NAMES
from plugins.sensitive_kinds import NAME_PART, UPPER
from plugins.sensitive_people import GENERAL_QUESTION
from plugins.wordlists import words

NAMES: Final = Path(__file__).parent / "names"
SURE: Final = 3  # of 4: two for a name of the lists, one for a name that is a word, too
LABEL_CHARS: Final = 16  # a shorter line before the name says what it is: "From:", "Best,"
SHORT_CHARS: Final = 240  # a prompt no longer than this has hardly been copied from a book
_SIGNED: Final = re.compile(
    r"(?:best|regards|cheers|thanks|dear|hi|hello|hallo|liebe[rn]?|gr[uü](?:ß|ss)e|lg|vg|danke|cordialement|merci|bonjour|ch[eè]re?"
    r"|hola|saludos|gracias|estimad[oa]|atentamente|ciao|groet(?:en|jes)?)[,!. ]*\s$"
)
_RUN: Final = re.compile(
    rf"(?<![\w\-@/.#]){NAME_PART}(?:[ ](?:(?:von|van|der|den|de|del|della|di|da|du|la|le|ter|bin|al)[ ]){{0,2}}"
    rf"(?:[{UPPER}]\.[ ])?{NAME_PART}){{1,4}}(?![\w@/]|-\w)"
)
_PART: Final = re.compile(NAME_PART)
_END: Final = re.compile(r"[.!?:;\n](?=\s|$)|\n")
_LETTERS: Final = str.maketrans(
    {"ł": "l", "ø": "o", "đ": "d", "ß": "ss", "æ": "ae", "œ": "oe", "ı": "i", "þ": "th", "ð": "d"}
)
# Words of office and private life, by which a sentence is about somebody's doings, be it a question.
_MATTERS: Final = re.compile(
    r"\b(?:e-?mail\w*|phoned?|texted|meeting|met with|lunch|dinner|calendar|invoices?|paid|pays?|payments?|owes?|salary"
    r"|payslip|payroll|raise|bonus|refund\w*|charged|deposit|loan|lease|rent|tenant|landlord|landlady|contracts?|signed"
    r"|approved by|tickets?|assign\w*|forward|thank\w*|apolog\w*|remind\w*|invite\w*|resched\w*|appointments?|hire"
    r"|hired|hiring|fired|interview\w*|applied|applicants?|candidates?|resume|cv|colleagues?|coworkers?|neighbou?rs?|accounting"
    r"|hr|complain\w*|shipped|deliver\w*|parcels?|customers?|clients?|patients?|claims?|told (?:me|us|him|her)|asked"
    r"|attendees|participants|attn|vacation|sick|badge|keys|spreadsheet|angerufen|rief|schreib\w*|weiterleit\w*"
    r"|rechnung\w*|bezahl\w*|zahlung\w*|gehalt|vertrag\w*|miet\w*|vermiet\w*|kündig\w*|termin\w*|urlaub|beschwer\w*"
    r"|liefer\w*|bewerb\w*|zeugnis|arbeitszeugnis|absage|einlad\w*|kunde\w*|kolleg\w*|nachbar\w*|teilnehmer\w*"
    r"|unterlagen|laut|frag\w*|tabelle|genehmigt|écri\w*|envo\w*|transf[eè]r\w*|appelé\w*|facture\w*|payé\w*|régl\w*"
    r"|virement|loyer|bail|contrat|locataire|salaire|congés?|rendez-vous|réunion|plain\w*|livr\w*|candidat\w*|voisin\w*"
    r"|collègue\w*|dossier|tableau|m['\u2019]a|déjeuné|escrib\w*|reenv\w*|env[ií]a\w*|llam[oóa]\w*|factura\w*|pagad?o"
    r"|transferencia|alquiler|contrato|inquilin\w*|salario|vacaciones|reunión|cita|quej\w*|entreg\w*|vecin\w*"
    r"|compañer\w*|asistentes|expediente|tabla|comí|scrivi|inoltra|fattura|pagat\w*|affitto|riunione|pratica|stuur|factuur"
    r"|betaald|afspraak|encaminhe|fatura|reunião)\b"
)
# Words by which a name that the lists know half may be somebody's: to whom, from whom, with whom, whose.
_TOWARDS: Final = re.compile(
    r"\b(?:calls?|called|mails?|messages?|sen[dt]|reply|book|table|row|orders?|accounts?|policy|boss|managers?|owner|from"
    r"|to|cc|bcc|dear|hi|hello|hey|thanks|regards|best|cheers|our|my|name|according to|(?:and|with|for|me|us|i)"
    r"|bitte|von|an|für|mit|hallo|liebe\w*|danke|gr[uü](?:ß|ss)e?|lg|vg|mein\w*|unser\w*|selon|avec|pour|à|bonjour|cher|chère"
    r"|merci|mon|ma|mes|notre|nos|según|con|para|a|hola|estimad\w*|querid\w*|gracias|saludos|mi|mis|nuestr\w*|gentile|caro"
    r"|cara|grazie|beste|bedankt|naar|met|obrigad\w*|prezad\w*|com)\b"
)
_GENERAL: Final = re.compile(
    rf"{GENERAL_QUESTION.pattern}|\b(?:compare|contrast|vergleich\w*|compara\w*|describe|beschreib\w*|décri\w*"
    r"|(?:list|name|give me) (?:the|all|some|a few|\d+|two|three|four|five|ten)"
    r"|in the style of|im stil|in the words|quotes?|poems?|songs?|lyrics|albums?|films?|movies|paintings?|painted"
    r"|author|singer|actors?|actress|philosophers?|scientists?|inventor|invented|discovered|theory|famous|histor\w+"
    r"|century|king|queen|emperor|career|works of|recommend|similar to|gedicht|filme?|lied|berühmt\w*|geschichte"
    r"|jahrhundert|rolle|poèmes?|chansons?|tableaux|célèbre|histoire|siècle|carrière|poemas?|canci[oó]n\w*|películas"
    r"|famos\w*|historia|siglo|háblame|quién|chi era|stock|shares|company|companies|foundation|museum)\b"
)
# A long text that says it was published: news, a plot, an encyclopaedia, a review. Those whom it names are in public.
_PUBLISHED: Final = re.compile(
    r"\((?:cnn|reuters|ap|afp|dpa|bbc)\)|\b(?:following|news|wikipedia|newspaper) (?:news )?articles?\b|\barticle:"
    r"|\b(?:movie|film|plot|book|song|album) (?:plot|title|review)s?\b|\breview text:|\bproduct review\b"
    r"|\b(?:zeitungs)?artikel:|\barticle de presse\b|\bartículo:"
)
# Words by which a text is about the writer's own affairs, whatever it calls itself.
_OWN_MATTERS: Final = re.compile(
    r"\b(?:dear|regards|invoices?|payslip|payroll|salary|landlord|tenant|appointment|candidate|applicants?|patients?"
    r"|(?:our|my) (?:customers?|clients?|employees?|colleagues?|boss|managers?|neighbou?rs?|team|staff|doctor|wife"
    r"|husband|son|daughter|mother|father|friend)|internal|confidential|intranet|gehalt|rechnung|vermieter\w*|mieter\w*"
    r"|patient\w*|bewerber\w*|termin|(?:unser|mein)\w* (?:kund|kolleg|mitarbeiter|chef|nachbar)\w*|intern\w*"
    r"|vertraulich\w*|facture|salaire|locataire|candidat\w*|(?:notre|nos|mon|ma|mes) (?:client|collègue|employé|chef"
    r"|voisin)\w*|confidentiel\w*|factura|nómina|inquilin\w*|paciente\w*|(?:nuestr|mi)\w* (?:cliente|compañer|emplead"
    r"|jef|vecin)\w*|@[\w-]+\.)\b"
)
# What is called after people or written like them: the last word of the name, or the word after it.
_THINGS: Final = words(
    "saint sainte santa san sankt são new villa corso piazza via plaza avenida rua"
    " university college school academy institute hospital clinic church museum library theatre theater stadium arena"
    " park street avenue road square bridge airport station tower hall house hotel inn beach bay island islands lake"
    " river valley mountain mountains mount falls city town county state district province coast hills springs canyon"
    " bank group inc ltd llc corp corporation company co gmbh ag foundation stiftung trust fund partners associates"
    " airlines motors records pictures studios studio press times post news day days week month year war award awards"
    " prize medal cup bowl league club team fc united theorem conjecture problem paradox lemma equation law laws test"
    " distribution transform algorithm algorithms method principle effect disease syndrome syndromes scale index model"
    " function functions constant number numbers plan act address report case code server service services cloud"
    " drive office mail manager order button page file name id key value type class module engineer engineering"
    " learning science sciences english german french spanish american british problems bible church republic kingdom"
    " reform reformen methode effekt gesetz preis platz schule bahn universität gesellschaft verein prix loi théorème"
    " université école rue place premio ley universidad calle banco teorema"
)
_BEFORE_THINGS: Final = words("the university institute école hotel lake mount st saint fort port cape")


@cache
def _list(name: str) -> frozenset[str]:
    lines = (NAMES / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    return frozenset(word for line in lines if not line.startswith("#") for word in line.split())


@lru_cache(maxsize=8192)
def _weight(part: str, kind: str) -> int:
    """2 for a name, 1 for one that is also a word, 0 for what is not in the list. Of double names the first counts."""
    plain = unicodedata.normalize("NFKD", part.lower()).translate(_LETTERS)
    plain = "".join(char for char in plain if char.isalpha() or char in "-'\u2019")
    for name in (plain.replace("'", "").replace("\u2019", ""), *re.split(r"[\-'\u2019]", plain)):
        if name in _list(kind):
            return 2
        if name in _list(f"{kind}_words"):
            return 1
    return 0


class _Sentences:
    """The sentences and lines of a text, and what each is about; a line that is a label counts to the one after it."""

    def __init__(self, lower: str) -> None:
        self._lower = lower
        self._ends = [m.end() for m in _END.finditer(lower)]
        self._about: dict[int, tuple[bool, bool, bool]] = {}

    def about(self, at: int) -> tuple[bool, bool, bool]:
        """Of the sentence around a place: (private matters, general knowledge, towards somebody)."""
        place = bisect_right(self._ends, at)
        if place not in self._about:
            start = self._ends[place - 1] if place else 0
            end = self._ends[place] if place < len(self._ends) else len(self._lower)
            if place and start - (self._ends[place - 2] if place > 1 else 0) <= LABEL_CHARS:
                start = self._ends[place - 2] if place > 1 else 0
            self._about[place] = (
                _MATTERS.search(self._lower, start, end) is not None,
                _GENERAL.search(self._lower, start, end) is not None,
                _TOWARDS.search(self._lower, start, end) is not None,
            )
        return self._about[place]


def name_spans(text: str, lower: str) -> list[tuple[int, int]]:
    """Where a person is named. `lower` is the text in lower case, of the same length."""
    if len(lower) > SHORT_CHARS and _PUBLISHED.search(lower) and not _OWN_MATTERS.search(lower):
        return []
    runs = list(_RUN.finditer(text))
    sentences = _Sentences(lower) if runs else None
    return [span for run in runs if sentences for span in _names_of(run, text, lower, sentences)]


def _names_of(run: re.Match[str], text: str, lower: str, sentences: _Sentences) -> Iterator[tuple[int, int]]:
    """The names in a run of capitalised words: a given name and what follows of it, wherever in the run."""
    parts = [(m.start(), m.end()) for m in _PART.finditer(text, *run.span())]
    at = 0
    while at < len(parts) - 1:
        given, end = _weight(text[slice(*parts[at])], "given"), None
        for last in range(at + 1, min(at + 4, len(parts))):
            weight = given + _weight(text[slice(*parts[last])], "family")
            if weight >= SURE - 1 and _is_name(weight, (parts[at][0], parts[last][1]), lower, sentences):
                end = last
        if end is None:
            at += 1
        else:
            yield parts[at][0], parts[end][1]
            at = end + 1


def _is_name(weight: int, span: tuple[int, int], lower: str, sentences: _Sentences) -> bool:
    start, end = span
    name = lower[start:end]
    before = re.search(r"(\w+)[ \"(]*$", lower[max(0, start - 20) : start])
    after = re.match(r"(?:['\u2019]s)?[ ]([^\W\d_]+)", lower[end : end + 24])
    if _famous(name) or (before and before[1] in _BEFORE_THINGS) or (after and after[1] in _THINGS):
        return False
    first, *_, last = name.split()
    if first in _THINGS or first == "the" or last in _THINGS:
        return False
    matters, general, towards = sentences.about(start)
    if general and not matters:
        return False
    if weight < SURE:
        return matters or _SIGNED.search(lower[max(0, start - 24) : start]) is not None
    return matters or towards or len(lower) <= SHORT_CHARS


def _famous(name: str) -> bool:
    """Also behind a word that begins a sentence: "Compare ..."."""
    return name in FAMOUS_NAMES or name.partition(" ")[2] in FAMOUS_NAMES

"""What identifies a person in running text: name and birth date.

Four languages (en, de, fr, es). Each asks for context ("my name is", "Frau", "je m'appelle", ...), because
a capitalised word alone is more often a place, a product or a person everybody knows.
"""

from __future__ import annotations

import re

from plugins.sensitive_kinds import (
    DATE,
    FULL_NAME,
    TWO_NAMES,
    UPPER,
    Detector,
    Match,
)
from plugins.wordlists import either, words

# A general question about somebody is not personal data: "Who was Dr Mary Example?"
GENERAL_QUESTION = re.compile(
    r"\b(?:who (?:was|is|were|wrote|played|invented)|what (?:did|does|was|is)|when (?:did|was)|where "
    r"(?:did|was)|why (?:did|does|was|is)"
    r"|how (?:did|does)|tell me about|biography|novel|film|movie|book|character|president|speech"
    r"|summari[sz]e the|plot|explain"
    r"|wer (?:war|ist|hat)|was (?:hat|war|ist)|wann|warum|erzähl\w*|roman|buch|figur"
    r"|qui (?:était|est|a)|qu['\u2019]a|quand|pourquoi|parle-moi|livre|personnage"
    r"|qui[ée]n (?:fue|es|era)|qu[ée] (?:hizo|es)|cu[áa]ndo|por qu[ée]|novela|libro|pel[íi]cula|personaje)\b"
)
FAMOUS = words(
    "darcy bean spock strange watson holmes seuss pepper martens who freud einstein king bond "
    "dalloway hyde jekyll fox robinson rochester bennet bovary curie obama trump biden clinton "
    "merkel macron scholz musk bezos gates jobs kennedy churchill thatcher gandhi mandela "
    "shakespeare darwin newton tesla hawking frankenstein dolittle house faust tenorio mozart "
    "bach beethoven goethe schiller kafka hugo zola proust picasso cervantes quijote sancho holle quixote "
    "juan borges lorca neruda franco napoleon bonaparte pompadour butterfly bovary miyagi potter "
    "dumbledore simpson burns smithers rogers feynman oppenheimer turing lovelace president "
    "speaker chairman chairwoman justice präsident präsidentin bundeskanzler bundeskanzlerin "
    "doktor professor minister ministerin président présidente ministre presidente presidenta "
    "ministro ministra god lord christ claus santa santiago universe right fix"
)
_NOT_NAME = words(
    "the this that and but for not monday tuesday wednesday thursday friday saturday sunday "
    "january english german french spanish american british european python java linux windows "
    "null none true false name id number nummer le la les el los las die das der ihr ihre votre "
    "notre su your our dr prof mag ing akte daten portal sprache service team support department abteilung "
    "herren damen kollegen interessenten"
)


def is_person(match: Match) -> bool:
    """A name in a telling place, unless the sentence asks about somebody whom everybody knows."""
    parts = re.findall(r"[^\W\d_]+", match.value.lower())
    if parts[0] in _NOT_NAME or parts[-1] in _NOT_NAME:
        return False
    sentence = re.split(r"[.!?\n](?=\s|$)", match.before)[-1]
    titled = re.search(
        r"\b(?:mr|mrs|ms|miss|dr|prof|herr|frau|m|mme|mlle|monsieur|madame|sr|sra|don|doña|señor"
        r"|señora)\.? ?$",
        match.before,
    )
    if titled:
        return parts[-1] not in FAMOUS and not GENERAL_QUESTION.search(sentence)
    return parts[-1] not in FAMOUS or len(parts) == 1


def is_person_by_role(match: Match) -> bool:
    """Two or more capitalised words right behind "my colleague", "Patientin", "ma sœur", "el inquilino"."""
    heard = match.before.replace("\u2019", "'").rstrip(", ").rsplit(None, 4)[-3:]
    while heard and heard[-1] in _LINKS:
        heard.pop()
    if not heard or match.before[-1:] not in (" ", ","):
        return False
    return heard[-1] in _ROLES and is_person(match)


def is_recent_birth(match: Match) -> bool:
    """Born from 1915 on; earlier dates belong to history."""
    years = re.findall(r"(?<!\d)(?:19|20)\d\d(?!\d)", match.value)
    return not years or int(years[-1]) >= 1915


_TITLES = (
    r"(?:Mr|Mrs|Ms|Miss|Dr|Prof|Herrn?|Frau|Hr|Fr|[Mm]onsieur|[Mm]adame|[Mm]me|Mlle|M\.|Sra?|Srta"
    r"|[Ss]eñor(?:a|ita)?|[Dd]o[nñ]a?)\.?"
    r"(?:[ ](?:Dr|Prof|Mag|Ing|Dipl\.-Ing)\.?){0,2}"
)
_SELF = (
    r"(?i:my (?:full )?name(?:['\u2019]s| is)|i am called|call me|mein name ist|ich hei(?:ß|ss)e|mon nom "
    r"est|je m['\u2019]appelle|je me nomme"
    r"|me llamo|mi nombre(?: completo)? es|this is|signed,?|i['\u2019]m|i am|ich bin|je suis|yo soy|soy)"
)
_SELF_SURE = (
    r"(?i:my (?:full )?name(?:['\u2019]s| is)|i am called|mein name ist|ich hei(?:ß|ss)e|mon nom est|je "
    r"m['\u2019]appelle|je me nomme"
    r"|me llamo|mi nombre(?: completo)? es)"
)
_ROLES = words(
    "patient client customer employee colleague tenant applicant candidate student neighbour "
    "neighbor claimant witness suspect defendant guest boss manager husband wife son daughter "
    "brother sister mother father friend uncle aunt grandfather grandmother grandpa grandma nephew niece "
    "cousin onkel tante opa oma patientin kunde kundin kunden mitarbeiter "
    "mitarbeiterin kollege kollegin kollegen bewerber bewerberin mieter mieterin schüler "
    "schülerin nachbar nachbarin mann frau sohn tochter bruder schwester mutter vater chef "
    "chefin freund freundin patiente cliente l'employé l'employée salarié salariée candidat "
    "candidate mari femme fils fille frère sœur père mère collègue voisin voisine ami amie élève "
    "locataire paciente empleado empleada marido esposo esposa mujer hijo hija hermano hermana "
    "madre padre compañero compañera abuelo abuela primo prima vecino vecina amigo "
    "amiga jefe jefa alumno alumna inquilino "
    "inquilina candidato candidata"
)
_LINKS = frozenset(
    (
        "named",
        "called",
        "namens",
        "appelé",
        "appelée",
        "llamado",
        "llamada",
        "is",
        "heißt",
        "s'appelle",
        "llama",
    )
)
_FIELD = (
    r"(?i:(?:full |first |last |patient |customer |employee )?name|surname|vor- und nachname|vorname"
    r"|nachname|patient(?:in)?|kunde"
    r"|nom(?: et prénom)?|prénom|nom complet|nombre(?: completo)?|nombre y apellidos|apellidos?|paciente"
    r"|signed|attn|contact|ansprechpartner(?:in)?)"
)
_CLOSING = (
    r"(?i:(?:best|kind|warm|many) regards|yours (?:sincerely|faithfully|truly)|sincerely|mit freundlichen "
    r"grüßen|viele grüße|liebe grüße"
    r"|beste grüße|cordialement|bien à vous|sincères salutations|atentamente|saludos cordiales|un saludo"
    r"|saludos)"
)

PEOPLE: tuple[Detector, ...] = (
    Detector(
        "person",
        re.compile(rf"\b{_SELF_SURE}[: ]{{1,2}}(?P<v>{FULL_NAME})"),
        cues=either(
"name|called|heiß|heisse|appelle|nomme|nom est|llamo|nombre"
),
        accept=is_person,
    ),
    Detector(
        "person",
        re.compile(rf"\b{_SELF}[ ](?P<v>{TWO_NAMES})(?![ ]?[{UPPER}])"),
        cues=either(
"i am |i'm |i\u2019m |this is|ich bin|je suis|soy |signed|call me"
),
        accept=is_person,
    ),
    Detector(
        "person",
        re.compile(rf"(?<![\w.]){_TITLES}[ ](?P<v>(?:[{UPPER}]\.[ ]){{0,2}}{FULL_NAME})"),
        cues=either(
"mr |mr.|mrs|ms |ms.|miss |dr |dr.|prof |prof.|herr|frau |hr.|fr.|monsieur|madame|mme|mlle|"
"m. |sr |sr.|sra|srta|señor|don |doña|dona "
),
        accept=is_person,
    ),
    Detector(
        "person",
        re.compile(rf"(?<![\w\-.])(?=[{UPPER}])(?=(?P<v>{TWO_NAMES}))"),
        accept=is_person_by_role,
    ),
    Detector(
        "person",
        re.compile(rf"(?:^|[\n,;|\"'{{(]|[.:][ ])[ \t]{{0,4}}[\"']?{_FIELD}[\"']?[ ]?[:=][ "
            rf"]?[\"']?(?P<v>{FULL_NAME})"),
        cues=either(
"name|nom|patient|kunde|apellido|paciente|signed|attn|contact|ansprechpartner"
),
        accept=is_person,
    ),
    Detector(
        "person",
        re.compile(rf"{_CLOSING}[,!.]?[ ]?\r?\n{{1,3}}[ ]{{0,4}}(?P<v>{FULL_NAME})"),
        cues=either(
"regards|yours|sincerely|grüß|cordialement|salutations|bien à|atentamente|saludo"
),
        accept=is_person,
    ),
    Detector(
        "date_of_birth",
        re.compile(
            r"(?:\b(?:date of birth|d\.?o\.?b\.?|birth ?dates?|birthday|born|geboren|geburtsdatum"
            r"|geburtstag|geb\.|geb|date de naissance"
            r"|née?|naissance|fecha de nacimiento|nacid[oa]|nac[íi]"
            r"|nacimiento))[^\n0-9?!]{0,16}?(?P<v>" + DATE + ")",
            re.IGNORECASE,
        ),
        cues=either(
"birth|d.o.b|dob|born|geb|naissance|né|nacimiento|nacid|naci|nací"
),
        accept=is_recent_birth,
    ),
)  # fmt: skip

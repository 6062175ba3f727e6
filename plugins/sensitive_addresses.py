"""Home addresses: a street with a number, as it is written in the languages of the detectors and their neighbours.

Forms that other words have, too, need a word about living there, or a post code behind.
"""

from __future__ import annotations

import re

from plugins.sensitive_kinds import NAME_PART, UPPER, WORD, Detector, Match
from plugins.wordlists import either

_STREET_EN = (
    r"(?:Street|Avenue|Ave|Road|Rd|Lane|Drive|Boulevard|Blvd|Way|Court|Place|Terrace|Close"
    r"|Crescent|Square|Parkway|Highway)"
)
_WELL_KNOWN_ADDRESSES = (
    "10 downing",
    "1600 pennsylvania",
    "221b baker",
    "4 privet",
    "742 evergreen",
    "350 fifth",
)
_HOME_WORDS = re.compile(
    r"wohn|adress|anschrift|lebt|lebe|\bin der\b|\bam\b|straße|ziehe|umzug|zustell|liefer|schick|\d{4,5}\s*$"
)


def is_home_address(match: Match) -> bool:
    return not match.value.lower().startswith(_WELL_KNOWN_ADDRESSES)


def is_weak_german_address(match: Match) -> bool:
    """Endings such as -weg also end everyday nouns, so they need a word about living there or a post code."""
    return (
        _HOME_WORDS.search(match.before) is not None
        or re.match(r"\s*,?\s*(?:in\s+)?\d{4,5}\s", match.after) is not None
    )


def is_home_in_german(match: Match) -> bool:
    """Streets named by a preposition look like any phrase: they need a word about living there, or a post code."""
    return _LIVING.search(match.before) is not None or re.match(r"\s*,?\s*\d{5}\s", match.after) is not None


def is_home_in_dutch(match: Match) -> bool:
    """Endings such as -straat are telling; those that other words have, too, need a word about living there."""
    return re.search(r"(?:straat|gracht|plein|kade|singel|steeg|laan)\s", match.value) is not None or (
        _LIVING.search(match.before) is not None
    )


_LIVING = re.compile(
    r"\bwohn\w*|adress|anschrift|\blebt\b|\bziehe|umzug|zustell|liefer|schick|\bwoon|\badres\b|bezorg|verhui"
)

ADDRESSES: tuple[Detector, ...] = (
    Detector(
        "address",
        re.compile(
            rf"(?<![\w.$€£\-])(?P<v>\d{{1,5}}[A-Za-z]?[ ](?:[NSEW]\.?[ ])?(?:{WORD}[ "
            rf"]){{1,3}}(?:{_STREET_EN}\b|(?:St|Dr|Ln|Ct|Pl)\b\.?)"
            r"(?:,?[ ](?:Apt|Apartment|Unit|Suite|Flat|#)\.?[ ]?\w{1,5})?)"
        ),
        cues=either(
"street|ave|road| rd|lane|drive|boulevard|blvd| way|court|place|terrace|close|crescent|"
"square|parkway|highway| st| dr| ln| ct| pl"
),
        accept=is_home_address,
    ),
    Detector(
        "address",
        re.compile(
            rf"(?<!\w)(?P<v>(?:[{UPPER}][^\W\d_]{{1,20}}[ \-]){{0,2}}[{UPPER}][^\W\d_]{{0,20}}(?:straße"
            rf"|strasse|str\.|gasse|[ \-]Straße|[ ]Gasse)"
            r"[ ]\d{1,4}[ ]?[a-z]?(?:[/\-]\d{1,4}){0,3})(?!\w)"
        ),
        cues=("straße", "strasse", "str.", "gasse"),
    ),
    Detector(
        "address",
        re.compile(rf"(?<!\w)(?P<v>[{UPPER}][^\W\d_]{{2,20}}(?:weg|allee|platz|ring|ufer|damm|hof)[ "
            rf"]\d{{1,4}}[ ]?[a-z]?(?:[/\-]\d{{1,4}}){{0,3}})(?!\w)"),
        cues=either(
"weg |allee |platz |ring |ufer |damm |hof "
),
        accept=is_weak_german_address,
    ),
    Detector(
        "address",
        re.compile(
            rf"(?<![\w.])(?P<v>\d{{1,4}}(?:[ ]?(?:bis|ter|quater))?,?[ ](?i:rue|avenue|boulevard|bd|place"
            rf"|allée|chemin|impasse|quai|cours|route|square)"
            rf"[ ](?:(?:de|du|des|la|le|les)[ ]|d['\u2019]|l['\u2019]){{0,3}}{NAME_PART}(?:[ "
            rf"\-]{NAME_PART}){{0,3}})"
        ),
        cues=either(
"rue|avenue|boulevard|bd |place|allée|chemin|impasse|quai|cours|route|square"
),
    ),
    Detector(
        "address",
        re.compile(
            rf"(?<!\w)(?P<v>(?i:calle|c/|avenida|avda\.?|av\.|plaza|paseo|camino|carretera|ronda"
            rf"|travesía)[ ]?(?:(?:de|del|la|las|los|el)[ ]){{0,3}}"
            rf"{NAME_PART}(?:[ ](?:(?:de|del|la|y)[ ]){{0,2}}{NAME_PART}){{0,3}},?[ ](?:(?i:n[º°.]"
            rf"|núm(?:ero)?\.?)[ ]?)?\d{{1,4}}(?:,?[ ]\d{{1,2}}[º°][ ]?[A-Z]?)?)(?!\w)"
        ),
        cues=either(
"calle|c/|avenida|avda|av.|plaza|paseo|camino|carretera|ronda|travesía"
),
    ),
    Detector(
        "address",
        re.compile(
            rf"(?<!\w)(?P<v>(?:(?:Am|Im|An de[rn]|Auf de[rm]|In de[rn]|Zum|Zur|Unter de[rn]|Hinter de[rm]|Beim"
            rf"|Vor dem)[ ]{NAME_PART}(?:[ ]{NAME_PART})?)[ ]\d{{1,3}}[ ]?[a-z]?)(?![\w.:%])"
        ),
        cues=either("am |im |an de|auf de|in de|zum |zur |unter de|hinter de|beim |vor dem "),
        accept=is_home_in_german,
    ),
    Detector(
        "address",
        re.compile(
            rf"(?<!\w)(?P<v>(?i:via|viale|corso|piazza|piazzale|vicolo|largo|rua|travessa|praça|praca|alameda"
            rf"|ulica|ul\.)[ ](?:(?:de|do|da|das|dos|di|del|della|dei|delle)[ ]){{0,2}}{NAME_PART}"
            rf"(?:[ ](?:(?:de|da|do|di|e)[ ])?{NAME_PART}){{0,3}},?[ ](?:n\.?[ ]?)?\d{{1,4}}[ ]?[a-zA-Z]?)(?!\w)"
        ),
        cues=either("via|corso|piazza|vicolo|largo|rua |travessa|praça|praca|alameda|ul. |ulica"),
    ),
    Detector(
        "address",
        re.compile(
            rf"(?<!\w)(?P<v>[{UPPER}][^\W\d_]{{2,20}}(?:straat|laan|weg|plein|gracht|kade|dijk|singel|steeg|hof)"
            rf"[ ]\d{{1,4}}[ ]?[a-zA-Z]?)(?!\w)"
        ),
        cues=either("straat|laan|weg |plein|gracht|kade|dijk|singel|steeg|hof "),
        accept=is_home_in_dutch,
    ),
)  # fmt: skip

"""National identity, tax, insurance and health numbers, with the checksums of python-stdnum.

A number whose form alone could be chance (ten or eleven digits with one check digit) also needs a word of
context; one with a telling form (letters, birth date, long checksum, usual punctuation) does not.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType

import stdnum.at.vnr
import stdnum.be.nn
import stdnum.br.cpf
import stdnum.ca.sin
import stdnum.ch.ssn
import stdnum.de.idnr
import stdnum.es.dni
import stdnum.es.nie
import stdnum.fr.nir
import stdnum.gb.nhs
import stdnum.in_.aadhaar
import stdnum.it.codicefiscale
import stdnum.nl.bsn
import stdnum.pl.pesel
import stdnum.pt.nif
import stdnum.se.personnummer
import stdnum.us.ssn

from plugins.sensitive_kinds import Detector, Match, near
from plugins.wordlists import either


@dataclass(frozen=True, slots=True)
class NationalId:
    """One country's number. `telling` is the form that needs no context; None: always ask for `context`."""

    kind: str
    form: str
    check: ModuleType
    context: str
    telling: str | None = None
    cues: tuple[str, ...] = ()


_ROWS: tuple[NationalId, ...] = (
    NationalId(
        "us_ssn",
        r"\d{3}[ \-]?\d{2}[ \-]?\d{4}",
        stdnum.us.ssn,
        r"\bssn\b|social security",
        r"\d{3}-\d{2}-\d{4}",
    ),
    NationalId(
        "de_tax_id",
        r"\d{2}[ ]?\d{3}[ ]?\d{3}[ ]?\d{3}",
        stdnum.de.idnr,
        r"steuer|idnr|tin\b|tax",
        r"\d\d \d{3} \d{3} \d{3}",
    ),
    NationalId(
        "fr_nir",
        r"[12][ ]?\d{2}[ ]?\d{2}[ ]?(?:\d{2}|2[AB])[ ]?\d{3}[ ]?\d{3}[ ]?\d{2}",
        stdnum.fr.nir,
        r"sécu|\bnir\b|insee",
        r".+",
    ),
    NationalId("es_dni", r"\d{8}[ \-]?[A-Za-z]", stdnum.es.dni, r"\b(?:dni|nif|documento)\b", r"\d{8}-?[A-Z]"),
    NationalId(
        "es_dni",
        r"[XYZxyz][ \-]?\d{7}[ \-]?[A-Za-z]",
        stdnum.es.nie,
        r"\b(?:nie|nif|documento)\b",
        r"[XYZ]-?\d{7}-?[A-Z]",
    ),
    NationalId(
        "it_fiscal_code",
        r"[A-Za-z]{6}[ ]?\d{2}[A-Za-z]\d{2}[ ]?[A-Za-z]\d{3}[A-Za-z]",
        stdnum.it.codicefiscale,
        "codice",
        r".+",
    ),
    NationalId("uk_nhs", r"\d{3}[ \-]?\d{3}[ \-]?\d{4}", stdnum.gb.nhs, r"\bnhs\b", cues=("nhs",)),
    NationalId(
        "at_svnr",
        r"\d{4}[ ]?\d{6}",
        stdnum.at.vnr,
        r"\bsvnr\b|sozialvers|\bsv\b|versicherungsn",
        r"\d{4} \d{6}",
    ),
    NationalId("ch_ahv", r"756\.?\d{4}\.?\d{4}\.?\d{2}", stdnum.ch.ssn, r"ahv|avs", r".+", ("756",)),
    NationalId(
        "nl_bsn",
        r"\d{9}|\d{4}\.\d{2}\.\d{3}",
        stdnum.nl.bsn,
        r"\bbsn\b|burgerservice",
        cues=("bsn", "burgerservice"),
    ),
    NationalId("pl_pesel", r"\d{11}", stdnum.pl.pesel, r"\bpesel\b", cues=("pesel",)),
    NationalId(
        "be_rrn",
        r"\d{2}\.\d{2}\.\d{2}-\d{3}\.\d{2}|\d{11}",
        stdnum.be.nn,
        r"rijksregister|registre national|\bniss\b",
        r"\d.+\D.+\d",
    ),
    NationalId("br_cpf", r"\d{3}\.?\d{3}\.?\d{3}-?\d{2}", stdnum.br.cpf, r"\bcpf\b", r"\d{3}\.\d{3}\.\d{3}-\d{2}"),
    NationalId(
        "ca_sin",
        r"\d{3}[ \-]?\d{3}[ \-]?\d{3}",
        stdnum.ca.sin,
        r"\bsin\b|social insurance",
        cues=("sin", "social insurance"),
    ),
    NationalId("in_aadhaar", r"\d{4}[ ]?\d{4}[ ]?\d{4}", stdnum.in_.aadhaar, r"aadhaar", cues=("aadhaar",)),
    NationalId(
        "pt_nif",
        r"\d{3}[ ]?\d{3}[ ]?\d{3}",
        stdnum.pt.nif,
        r"\bnif\b|contribuinte",
        cues=("nif", "contribuinte"),
    ),
    NationalId("se_personnummer", r"(?:19|20)?\d{6}[\-+]\d{4}", stdnum.se.personnummer, r"personnummer", r".+"),
)


def _accept(row: NationalId) -> Callable[[Match], bool]:
    context = re.compile(row.context)
    telling = re.compile(row.telling) if row.telling else None

    def accept(match: Match) -> bool:
        if (telling is None or telling.fullmatch(match.value) is None) and not near(match, context):
            return False
        return bool(row.check.is_valid(match.value))

    return accept


def is_uk_nino(match: Match) -> bool:
    """HMRC's rules on the prefix: no D, F, I, Q, U, V; no O second; and eight pairs that are not given out."""
    prefix = match.value[:2].upper()
    return prefix not in {"BG", "GB", "KN", "NK", "NT", "TN", "ZZ", "OO"}


IDS: tuple[Detector, ...] = (
    *(
        Detector(
            row.kind,
            re.compile(rf"(?<![\w.,\-/+#])(?=(?P<v>{row.form})(?![\w]|[.\-,]\d))"),
            cues=row.cues,
            needs="digits" if row.kind == "it_fiscal_code" else "run",
            accept=_accept(row),
        )
        for row in _ROWS
    ),
    Detector(
        "uk_nino",
        re.compile(
            r"(?<![\w\-])(?P<v>[ABCEGHJ-PRSTW-Z][ABCEGHJ-NPRSTW-Z](?:[ ]\d\d[ ]\d\d[ ]\d\d[ ]|\d{6}[ "
            r"]?)[A-D])(?![\w\-])",
        ),
        needs="digits",
        accept=is_uk_nino,
    ),
    Detector(
        "passport",
        re.compile(
            r"\b(?:passport|reisepass\w*|passnummer|pass-nr\.?|passeport|pasaporte)\b(?:[ "
            r"]n[or]?\.)?[^\n.;!?0-9]{0,30}?"
            r"(?<![\w])(?P<v>[A-Z]{0,3}\d[A-Z0-9]{5,8}|[A-Z]\d[A-Z0-9]{5,7}"
            r"|[A-Z][A-Z0-9]{3}\d[A-Z0-9]{3,4})(?![\w])",
            re.IGNORECASE,
        ),
        cues=("passport", "reisepass", "passnummer", "pass-nr", "passeport", "pasaporte"),
    ),
    Detector(
        "driver_license",
        re.compile(
            r"\b(?i:driv(?:er|ing|er['\u2019]s) licen[cs]e|führerschein\w*|permis de conduire|carnet? de "
            r"conducir|permiso de conducir)\b"
            r"(?i:[ ]n[or]?\.)?[^\n.;!?0-9A-Z]{0,30}(?<![\w])(?P<v>(?=[A-Z]{0,6}-?\d)[A-Z0-9](?:[ "
            r"\-]?[A-Z0-9]){5,17})(?![\w])",
        ),
        cues=("licen", "führerschein", "permis de", "conducir"),
        needs="digits",
    ),
    Detector(
        "medical_record",
        re.compile(
            r"\b(?:mrn|medical record(?: number| no\.?)?|patient (?:id|number|no\.?)|patientennummer"
            r"|patienten-?id|fallnummer"
            r"|num[ée]ro de dossier(?: médical)?|dossier (?:médical|patient)|historia cl[íi]nica"
            r"|n[úu]mero de paciente)\b"
            r"[^\n.;!?0-9]{0,16}?(?<![\w])(?P<v>[A-Z]{0,4}-?\d[\d\-]{3,12})(?![\w])",
            re.IGNORECASE,
        ),
        cues=either("mrn|medical record|patient |patienten|fallnummer|dossier|historia cl|paciente"),
        needs="digits",
    ),
)

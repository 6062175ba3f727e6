"""Numbers that identify a person or an account: cards, accounts, phones, addresses of machines.

Checksums and formats are those of python-stdnum (ISO 7812, ISO 13616, ISO 9362, ...) and of libphonenumber.
"""

from __future__ import annotations

import ipaddress
import re

import phonenumbers
import stdnum.bic
import stdnum.es.ccc
import stdnum.iban
import stdnum.luhn
import stdnum.us.rtn

from plugins.sensitive_kinds import Detector, Match, digits_of, near
from plugins.wordlists import either

# Issuers: Visa 4, Mastercard 51-55 and 22-27, Amex 34/37, Diners 30/36/38, Discover 60/65, JCB 35, UPI 62
CARD_PREFIX = re.compile(r"4|5[1-5]|2[2-7]|3[04-8]|6[05]|62")
CARD_LENGTHS = frozenset({13, 14, 15, 16, 19})
PHONE_WORDS = re.compile(
    r"\b(?:phones?|telephone|tel|cell|mobile|call|calls|text|fax|whatsapp|sms|ring|handy|mobil\w*"
    r"|telefon\w*|rufnummer"
    r"|anruf\w*|rufen|erreich\w*|t[ée]l[ée]phone|portable|appel\w*|joindre|joignable|tel[ée]fono|m[óo]vil"
    r"|ll[áa]m\w*|contact\w*)\b"
)
NOT_PHONE = re.compile(
    r"(?:order|invoice|ticket|ref\w*|article|isbn|item|part|model|serial|version|bestell\w*|rechnung\w*"
    r"|artikel\w*"
    r"|commande|facture|pedido|factura|no|nr|id|#|\$|€|£)[.:#]?\s*$"
)
IP_WORDS = re.compile(
    r"\b(?:ip|ipv4|ipv6|ips|address|adresse|direcci[óo]n|login|logged|from|von|host|server|servidor"
    r"|serveur|client|visitor|user)\b"
)
VERSION_WORDS = re.compile(
    r"(?:version|versi[óo]n|release|build|firmware|driver|treiber|chapter|section|kapitel|§|\bv)[\s.:]*$"
)
PUBLIC_RESOLVERS = frozenset(
    {"8.8.8.8", "8.8.4.4", "1.1.1.1", "1.0.0.1", "9.9.9.9", "208.67.222.222", "208.67.220.220"}
)
BANK_WORDS = re.compile(r"\b(?:swift|bic|bank\w*|banque|banco|iban|konto\w*|compte|cuenta)\b")


def is_card(match: Match) -> bool:
    number = digits_of(match.value)
    return (
        len(number) in CARD_LENGTHS
        and CARD_PREFIX.match(number) is not None
        and len(set(number)) > 1
        and stdnum.luhn.is_valid(number)
    )


def is_phone(match: Match) -> bool:
    """International numbers by length and country code; national ones need a word of context or a telling form."""
    value = match.value
    number = digits_of(value)
    if not 7 <= len(number) <= 15 or NOT_PHONE.search(match.before[-14:]):
        return False
    if value.startswith("+") or (value.startswith("00") and len(number) >= 11):
        return _possible("+" + number.removeprefix("00"))
    if NATIONAL_FORM.fullmatch(value) is not None:
        return True
    return near(match, PHONE_WORDS) and DATE_LIKE.fullmatch(value) is None


NATIONAL_FORM = re.compile(
    r"\([2-9]\d\d\)[ ]?[2-9]\d\d[ .\-]\d{4}|[2-9]\d\d[.\-][2-9]\d\d[.\-]\d{4}"  # North America
    r"|0[1-9](?:[ .]\d\d){4}"  # France
    r"|07\d{3}[ ]\d{3}[ ]?\d{3}|0(?:20|1\d{3})[ ]\d{4}[ ]?\d{4}"  # United Kingdom
    r"|01[5-7]\d[ /\-]\d{7,8}|06\d{2}[ /]\d{6,8}|0[2-9]\d{1,3}[/\-]\d{5,8}"  # Germany, Austria
)
DATE_LIKE = re.compile(
    r"(?:\d{1,2}[./\- ]\d{1,2}[./\- ](?:19|20)\d\d|(?:19|20)\d\d[./\- ]\d{1,2}[./\- ]\d{1,2})(?:[ ]\d{1,2})?"
)


def _possible(number: str) -> bool:
    try:
        return phonenumbers.is_possible_number(phonenumbers.parse(number, None))
    except phonenumbers.NumberParseException:
        return False


def is_iban(match: Match) -> bool:
    return stdnum.iban.is_valid(match.value, check_country=False)


def is_bic(match: Match) -> bool:
    return near(match, BANK_WORDS) and stdnum.bic.is_valid(match.value)


def is_account(match: Match) -> bool:
    return 5 <= len(digits_of(match.value)) <= 20


def is_spanish_account(match: Match) -> bool:
    return stdnum.es.ccc.is_valid(match.value)


def is_routing_number(match: Match) -> bool:
    return stdnum.us.rtn.is_valid(match.value)


def is_public_ipv4(match: Match) -> bool:
    """A routable address; four small numbers without a word about addresses are a version."""
    try:
        address = ipaddress.IPv4Address(match.value)
    except ValueError:
        return False
    if not address.is_global or address.is_multicast or match.value in PUBLIC_RESOLVERS:
        return False
    if VERSION_WORDS.search(match.before[-16:]):
        return False
    return max(address.packed) > 31 or near(match, IP_WORDS)


def is_public_ipv6(match: Match) -> bool:
    try:
        address = ipaddress.IPv6Address(match.value)
    except ValueError:
        return False
    return address.is_global and match.value.count(":") >= 3


NUMBERS: tuple[Detector, ...] = (
    Detector(
        "credit_card",
        re.compile(
            r"(?<![\d.,+])(?=(?P<v>\d{13,19}|\d{4}(?P<s>[ \-])\d{4}(?P=s)\d{4}(?P=s)\d{4}(?:(?P=s)\d{3})?"
            r"|\d{4}(?P<t>[ \-])\d{6}(?P=t)\d{4,5})(?!\d))"
        ),
        needs="run",
        accept=is_card,
    ),
    Detector(
        "bank_account",
        re.compile(
            r"(?:\b(?:bank account|account|acct|konto|compte(?: bancaire)?|cuenta(?: bancaria)?|routing"
            r"|sort code)"
            r"(?:[ ]?(?:number|no\.?|num\.?|nummer|nr\.?|n[°º]|n[úu]mero))?|\bkontonummer|\bkontonr\.?"
            r"|\bnum[ée]ro de compte"
            r"|\bn[úu]mero de cuenta|\bblz)(?:[ ](?:is|ist|est|es))?[ ]?[:#]?[ ]?(?P<v>\d(?:[ "
            r"\-]?\d){4,22})(?!\d)",
            re.IGNORECASE,
        ),
        cues=either("account|acct|konto|compte|cuenta|routing|sort code|blz"),
        needs="digits",
        accept=is_account,
    ),
    Detector(
        "bank_account",
        re.compile(r"(?<![\d])(?P<v>\d{4}[ \-]\d{4}[ \-]\d{2}[ \-]\d{10})(?!\d)"),
        needs="run",
        accept=is_spanish_account,
    ),
    Detector(
        "bank_account",
        re.compile(r"(?<![A-Za-z0-9])(?P<v>[A-Z]{6}[A-Z0-9]{2}(?:[A-Z0-9]{3})?)(?![A-Za-z0-9])"),
        cues=("bic", "swift"),
        accept=is_bic,
    ),
    Detector(
        "phone",
        re.compile(
            r"(?<![\w.,+=/$€£#\-])(?:(?=\+)|(?<!\d[ ]))"
            r"(?=(?P<v>(?:\+|\(\+?)?\d[\d ().\-/]{5,20}\d)(?![\w%€$]|[.,\-/]\d))"
        ),
        needs="run",
        accept=is_phone,
    ),
    Detector(
        "ip_address",
        re.compile(r"(?<![\w.\-])(?P<v>\d{1,3}(?:\.\d{1,3}){3})(?![\w\-]|\.\w)"),
        needs="digits",
        accept=is_public_ipv4,
    ),
    Detector(
        "ip_address",
        re.compile(r"(?<![\w:.])(?P<v>[0-9a-fA-F]{1,4}:(?:[0-9a-fA-F]{0,4}:){1,6}[0-9a-fA-F]{1,4})(?![\w:])"),
        cues=("::", ":"),
        accept=is_public_ipv6,
    ),
)

# Total lengths by country: SWIFT's IBAN registry (ISO 13616-2)
_IBAN_COUNTRIES: dict[int, str] = {
    15: "NO", 16: "BE", 18: "DK FI FK FO GL NL SD", 19: "MK SI", 20: "AT BA EE KZ LT LU MN XK",
    21: "CH HR LI LV", 22: "BG BH CR DE GB GE IE ME RS VA", 23: "AE GI IL IQ OM SO TL",
    24: "AD CZ ES MD PK RO SA SE SK TN VG",
    25: "LY PT ST", 26: "IS TR", 27: "BI DJ FR GR IT MC MR SM", 28: "AL AZ BY CY DO GT HU LB NI PL SV",
    29: "BR EG PS QA UA", 30: "JO KW MU YE", 31: "MT SC", 32: "LC", 33: "RU",
}  # fmt: skip
_IBAN_FORMS = "|".join(
    rf"(?:{names.replace(' ', '|')})\d\d(?:[ \-]?[A-Z0-9]){{{length - 4}}}" for length, names in _IBAN_COUNTRIES.items()
)
IBAN = Detector(
    "iban",
    re.compile(rf"(?<![A-Z0-9])(?=[A-Z]{{2}}\d\d[ \-]?[A-Z0-9]{{4}})(?P<v>{_IBAN_FORMS})(?![A-Z0-9])", re.IGNORECASE),
    needs="run",
    accept=is_iban,
)

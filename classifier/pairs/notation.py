"""One notation for units, amounts, times, dates and sums: `50 km/h` and `50 kph`, `15:00` and `3 pm`, `18 + 6`.

Rules on the text, for what the tokens would take apart; each is asked only where its sign is in the text.
"""

from __future__ import annotations

import re
from typing import Final

from classifier.pairs.clock import clock_in_digits
from classifier.pairs.numerals import read_words
from classifier.pairs.ratios import ratios_in_digits

_LENGTHS: Final = {"m": "met(?:er|re)s?|m", "ft": "f(?:oo|ee)t|ft", "km": "kilomet(?:er|re)s?|kms?", "mi": "miles?|mi"}
# Symbols behind a number, by their case where another unit differs in it alone.
_SYMBOLS: Final = {
    "W": "watt", "V": "volt", "A": "amp", "Hz": "hertz", "kHz": "kilohertz", "MHz": "megahertz", "GHz": "gigahertz",
    "hz": "hertz", "khz": "kilohertz", "mhz": "megahertz", "ghz": "gigahertz", "mcg": "micrograms", "μg": "micrograms",
    "Mbps": "mbps", "kWh": "kwh", "lm": "lumens", "dB": "decibels", "db": "decibels", "ms": "milliseconds",
    "t": "tonnes", "ha": "hectares", "yd": "yards", "yds": "yards", "cl": "centilitres", "dl": "decilitres",
    "kJ": "kilojoules", "J": "joules", "kN": "kilonewtons", "N": "newtons", "Nm": "newtonmeters", "nm": "nanometers",
    "kPa": "kilopascals", "Pa": "pascals", "hPa": "hectopascals", "hp": "horsepower", "MW": "megawatts",
    "mA": "milliamps", "mAh": "milliamphours", "Mb": "megabits", "Gb": "gigabits", "Mb/s": "mbps", "Gb/s": "gbps",
    "MBps": "megabytespersecond", "MB/s": "megabytespersecond", "GBps": "gigabytespersecond",
    "GB/s": "gigabytespersecond", "mW": "milliwatts", "Mg": "megagrams",
}  # fmt: skip
_SYMBOL: Final = re.compile(rf"(?<=\d) ?({'|'.join(_SYMBOLS)})(?![\w/'^+-])(?!\.\w)")
_UNITS: Final = tuple(
    (re.compile(pattern, re.IGNORECASE), name)
    for pattern, name in (
        (r"(?<=[\d\s])(?:kms? ?/ ?h(?:r|our)?\b|kmp?h\b|(?:kms?|kilomet(?:er|re)s) (?:per|an) hour\b)", " kph"),
        (r"(?<=[\d\s])(?:mi(?:les?)? ?/ ?h(?:r|our)?\b|miles (?:per|an) hour\b)", " mph"),
        (r"(?<=[\d\s])(?:m ?/ ?s(?:ec)?\b|met(?:er|re)s (?:per|a) second\b)", " mps"),
        *(
            (rf"\b(?:sq(?:uare)?\.? ?(?:{long})|sq{short})(?!\w)|(?<=\d) ?{short}(?:2|\^2)(?!\w)", f" sq{short}")
            for short, long in _LENGTHS.items()
        ),
        (r"(?<=\d) ?(?:°|º|deg(?:rees?)?)? ?(?:c|celsius|centigrade)\b(?!\+|#)", " celsius"),
        (r"(?<=\d) ?(?:°|º|deg(?:rees?)?)? ?(?:f|fahrenheit)\b", " fahrenheit"),
        (r"(?<=\d) ?mins?\b\.?", " minutes"),
        (r"(?<![:\dh])(\d{1,3}) ?h\b(?!\w|\d)", r"\1 hours"),
        (r"(?<=\bat )([01]?\d|2[0-3])\.([0-5]\d)\b(?! ?[ap]m|[.\d%])", r"\1:\2"),
        (r"\b12 (?:noon|pm)\b", "noon"),
        (r"\b12 (?:midnight|am)\b", "midnight"),
        (r"\bpct\b\.?", "percent"),
        (r"(?<=[\d.]) ?(?:m(?:3|\^3)(?!\w)|(?:cubic|cu\.?) ?(?:met(?:er|re)s?|m\b))", " cubicmeters"),
        (r"\b(USD|EUR|GBP|JPY|INR|CHF|CNY) ?(\d[\d,]*(?:\.\d+)?)", r"\2 \1"),
    )
)
# The same, each asked only where its sign is in the text.
_RARE_UNITS: Final = tuple(
    (sign, re.compile(pattern, re.IGNORECASE), name)
    for sign, pattern, name in (
        ("°", r"(?<=\d) ?°(?! ?[CFK]\b)", " degrees"),
        ("bit", r"(?<=\d) ?(?:mega|m)bits? ?(?:per|a|/) ?s(?:ec(?:ond)?)?\b", " mbps"),
        ("-", r"(?<=\d)-(?=(?:inch|foot|feet|volt|watt|amp)\b)", " "),
        (" x ", r"(?<=\d) x (?=\d+\W*$)", " × "),
        ("ilowatt", r"\bkilowatt[- ]?hours?\b", "kwh"),
        ("orse", r"(?<=\d) ?horse ?power\b", " horsepower"),
        ("-", r"(?<=\d)-(?=(?:kilo|milli|centi)?(?:met(?:er|re)|lit(?:er|re)|gram|watt)s?\b)", " "),
        ("'s", r"\b((?:1\d|20)\d0)'s\b", r"\1s"),
        (" '", r"(?<=\bin )'([3-9]\d)\b", r"19\1"),
        (" '", r"(?<=\bin )'([0-2]\d)\b", r"20\1"),
    )
)
_CLOCK: Final = re.compile(r"\b(\d{1,2})(?:[:.h](\d\d))? ?(am|pm)\b|\b([01]?\d|2[0-3]):([0-5]\d)\b(?! ?[ap]m\b|:)|"
                           r"\b(\d{1,2}|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve) ?o'? ?clock\b",
                           re.IGNORECASE)  # fmt: skip
_MONTH: Final = (
    r"(jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sep(?:t(?:ember)?)?|oct(?:ober)?|"
    r"nov(?:ember)?|dec(?:ember)?)\b\.?"
)
_ORDINAL: Final = (
    r"((?:twenty|thirty)[- ](?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth)|first|second|third|fourth|"
    r"fifth|sixth|seventh|eighth|ninth|tenth|eleventh|twelfth|(?:thir|four|fif|six|seven|eigh|nine)teenth|twentieth|"
    r"thirtieth)"
)
_DAY_MONTH: Final = re.compile(
    rf"\b(?:the )?(?:(\d{{1,2}})((?:st|nd|rd|th)?(?: of)?)|{_ORDINAL} of) {_MONTH}(?:,? (\d{{4}})\b)?",
    re.IGNORECASE,
)
_MONTH_DAY: Final = re.compile(
    rf"\b{_MONTH} (?:the )?(\d{{1,2}})(?:st|nd|rd|th)?\b(?![:.]\d)(?:,? (\d{{4}})\b)?", re.IGNORECASE
)
_NAMES_MONTH: Final = re.compile(r"\bof (?:jan|feb|ma|apr|ju|aug|sep|oct|nov|dec)", re.IGNORECASE)
_ISO: Final = re.compile(r"\b(\d{4})-(0\d|1[0-2])-([0-3]\d)\b(?![-T])")
_MONTHS: Final = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
                  "November", "December")  # fmt: skip
_DECADE: Final = re.compile(r"\bthe (?:19)?'?([2-9]0)s\b")
# A king or pope: capitals tell `Henry the Eighth` from `in the eighth`.
_REGNAL: Final = re.compile(
    r"\b([A-Z][a-z]+) the (?:(\d{1,2})(?:st|nd|rd|th)|(First|Second|Third|Fourth|Fifth|Sixth|Seventh|Eighth|Ninth|"
    r"Tenth|Eleventh|Twelfth|(?:Thir|Four|Fif|Six|Seven|Eigh|Nine)teenth))\b"
)
_SLASHED: Final = re.compile(r"(?<![\w/.-])(\d{1,2})([/.-])(\d{1,2})\2([12]\d{3})(?![\w/-])")
_DECADE_WORD: Final = re.compile(
    r"\bthe (?:nineteen[- ])?((?:twen|thir|for|fif|six|seven|eigh|nine)ties)\b", re.IGNORECASE
)
_CELSIUS: Final = re.compile(r"(?<!\d)(?<!\d )°\s?C\b")
_DECADE_DIGITS: Final = re.compile(r"\b(\d{3}0)s\b")  # by itself `1920s` would be read as `1920`
_TENS_OF: Final = {"twe": 2, "thi": 3, "for": 4, "fif": 5, "six": 6, "sev": 7, "eig": 8, "nin": 9}
_INCHES: Final = re.compile(r"(?<=\d)\"(?![\w\"])")
_FEET: Final = re.compile(r"(?<![\w.'-])(\d{1,3})'(?=[\s?]|\d)")
_THOUSANDS: Final = re.compile(r"(?<![\d.,])(\d{1,3})((?: \d{3})+)(?![\d.,])")
_OPERATOR: Final = re.compile(r"(?<=[\w)²³]) ?(\+|×|÷|=|−|<=?|>=?|≤|≥| [-/*] |(?<=\d)\*(?=\d)|\^) ?(?=[-(]?[\w])")
_OPERATION: Final = {
    "+": "plus", "×": "times", "*": "times", "÷": "divided by", "/": "divided by", "=": "equals", "−": "minus",
    "-": "minus", "<": "less than", ">": "greater than", "^": "to the power of", "<=": "at most", ">=": "at least",
    "≤": "at most", "≥": "at least",
}  # fmt: skip
_LAST_MONTH, _LAST_DAY = 12, 31
_OPEN_QUOTE: Final = re.compile(r"(?<!\S)'(?=\S)")
_MATHS: Final = re.compile(
    r"[+×÷=^<>]|\b(?:what(?:'s| is)|calculate|compute|solve|evaluate|simplify|divided|times|minus|plus|equals?|sum)\b",
    re.IGNORECASE,
)


def one_notation(text: str) -> str:
    """The text with units, amounts, times, dates and operators in the notation that the checks compare."""
    text = ratios_in_digits(clock_in_digits(text))
    if "ties" in text:
        text = _DECADE_WORD.sub(lambda m: f"the 19{_TENS_OF[m[1].lower()[:3]]}0s", text)
    if "°" in text:
        text = _CELSIUS.sub(" degrees celsius", text)
    if "clock" in text:
        text = _CLOCK.sub(_time, text)
    if " of " in text and _NAMES_MONTH.search(text):
        text = _DAY_MONTH.sub(_day_month, text)
    if " the " in text:
        text = _REGNAL.sub(lambda m: f"{m[1]} {m[2] or _read(m[3])}", text)
    if not any(c.isdigit() for c in text):
        return text
    text = _lengths(text)
    text = _SYMBOL.sub(lambda m: f" {_SYMBOLS[m[1]]}", text)
    for sign, pattern, name in _RARE_UNITS:
        if sign in text:
            text = pattern.sub(name, text)
    for pattern, name in _UNITS:
        text = pattern.sub(name, text)
    text = _THOUSANDS.sub(lambda m: m[1] + m[2].replace(" ", ""), text)
    text = _CLOCK.sub(_time, text)
    text = _ISO.sub(lambda m: f"{int(m[3])} {_MONTHS[int(m[2]) - 1]} {m[1]}", text)
    text = _SLASHED.sub(_slashed, text)
    text = _MONTH_DAY.sub(lambda m: _date(m[2], m[1], m[3]), text)
    text = _DAY_MONTH.sub(_day_month, text)
    text = _DECADE_DIGITS.sub(r"\1 decade", _DECADE.sub(r"the 19\1s", text))
    return _OPERATOR.sub(_operation, text) if _MATHS.search(text) else text


def _lengths(text: str) -> str:
    """`27"` and `6'`, where the sign closes no quotation."""
    if text.count('"') % 2:
        text = _INCHES.sub(" inches", text)
    return _FEET.sub(r"\1 feet ", text) if "'" in text and not _OPEN_QUOTE.search(text) else text


def _slashed(match: re.Match[str]) -> str:
    """`25/12/1914` and `12/25/1914` to `25 December 1914`; `03/04/2024` is either of two days, and stays."""
    one, other = int(match[1]), int(match[3])
    day, month = (one, other) if one > _LAST_MONTH or one == other else (other, one)
    if not (1 <= month <= _LAST_MONTH and (day > _LAST_MONTH or day == month) and day <= _LAST_DAY):
        return match[0]
    return f"{day} {_MONTHS[month - 1]} {match[4]}"


def _time(match: re.Match[str]) -> str:
    """`3:00 pm` and `15:00` to `3 pm`, `3 o'clock` to `3`, `7.30 pm` to `7h30 pm`."""
    if match[6]:
        return match[6]
    hour, minute, half = (match[1], match[2], match[3]) if match[1] else (match[4], match[5], "")
    if not half and int(hour) > 12:
        hour, half = str(int(hour) - 12), "pm"
    shown = str(int(hour)) if (minute or "00") == "00" else f"{int(hour)}h{minute}"
    return f"{shown} {half.lower()}".strip()


def _date(day: str, month: str, year: str | None) -> str:
    """`May 1st, 2020` and `the first of May 2020` to `1 May 2020`."""
    name = next(m for m in _MONTHS if m.startswith(month[:3].capitalize()))
    return f"{day} {name}" + (f" {year}" if year else "")


def _day_month(match: re.Match[str]) -> str:
    """`1 may` may be no date (`the other 2 may fail`): there an ordinal or a capital must say so."""
    if match[4] in ("may", "march") and not match[2] and not match[3]:
        return match[0]
    return _date(match[1] or _read(match[3]), match[4], match[5])


def _read(ordinal: str) -> str:
    alone = {"first": "1", "second": "2"}  # which are not read as numbers elsewhere
    words = ordinal.lower().replace("-", " ").split()
    value = read_words(words)
    return value[0] if value else alone[words[0]]


def _operation(match: re.Match[str]) -> str:
    return f" {_OPERATION[match[1].strip()]} "

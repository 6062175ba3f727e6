"""One spelling for each word: British and older spellings, accents, clipped and abbreviated words.

`artifacts/spelling/variants.txt` and `words.txt` are compiled from SCOWL by `spelling_build`; the tables below hold
closed classes that no word list has. Every function is pure and reads one question: what only the other question of a
pair can tell (`wi fi` beside `wifi`) is in `reconcile`.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from pathlib import Path
from typing import Final

from classifier.pairs import words as w
from classifier.pairs.language import language_of

FOLDER: Final = Path(__file__).parents[1] / "artifacts" / "spelling"

# Spellings that SCOWL lists as American, too, so that no list says which one to keep.
_SPELLINGS: Final = w.respellings(
    "grey=gray greys=grays greyed=grayed greyish=grayish kerb=curb kerbs=curbs moustache=mustache "
    "moustaches=mustaches doughnut=donut doughnuts=donuts jewellery=jewelry gaol=jail mould=mold moulds=molds "
    "mouldy=moldy axe=ax dialogue=dialog dialogues=dialogs theatre=theater theatres=theaters catsup=ketchup "
    "hiccough=hiccup hiccoughs=hiccups judgement=judgment acknowledgement=acknowledgment ageing=aging "
    "likeable=likable learnt=learned burnt=burned dreamt=dreamed leapt=leaped spelt=spelled spilt=spilled "
    "spoilt=spoiled amongst=among amidst=amid whilst=while towards=toward afterwards=afterward "
    "forwards=forward backwards=backward upwards=upward downwards=downward grandad=granddad mum=mom mums=moms "
    "maths=math tsar=czar adviser=advisor advisers=advisors enquire=inquire hallo=hello orientate=orient "
    "phoney=phony cancelled=canceled cancelling=canceling programmes=programs favourite=favorite "
    "favourites=favorites skilful=skillful fulfil=fulfill enrol=enroll hummus=houmous barbeque=barbecue "
    "bbq=barbecue kebob=kebab kabob=kebab aeroplane=airplane aeroplanes=airplanes licence=license "
    "lorry=truck lorries=trucks aubergine=eggplant aubergines=eggplants courgette=zucchini courgettes=zucchini "
    "nappy=diaper nappies=diapers spanner=wrench spanners=wrenches "
    "thru=through tho=though tonite=tonight nite=night"
)
# Clipped and abbreviated words with what they are short for; those that stand for two words are left out (`doc`).
ABBREVIATIONS: Final = w.respellings(
    "avg=average approx=about approximately=about dept=department depts=departments govt=government "
    "mgmt=management mgr=manager asst=assistant assoc=association assn=association bldg=building blvd=boulevard "
    "rd=road ave=avenue hwy=highway intl=international int'l=international natl=national nat'l=national "
    "univ=university qty=quantity tel=phone incl=including excl=excluding misc=miscellaneous esp=especially "
    "prev=previous req=requirement reqs=requirements config=configuration configs=configurations "
    "admin=administrator admins=administrators auth=authentication pw=password pwd=password passwd=password "
    "msg=message msgs=messages tmrw=tomorrow tmr=tomorrow tomo=tomorrow wknd=weekend xmas=christmas "
    "lab=laboratory labs=laboratories gym=gymnasium fridge=refrigerator flu=influenza stats=statistics "
    "demo=demonstration limo=limousine hippo=hippopotamus rhino=rhinoceros memo=memorandum veg=vegetable "
    "veggie=vegetable veggies=vegetables env=environment pkg=package pkgs=packages subj=subject amt=amount "
    "addr=address mtg=meeting mtgs=meetings appt=appointment appts=appointments acct=account accts=accounts "
    "nr=number nbr=number num=number cuz=because coz=because abt=about smth=something "
    "sth=something smb=somebody tbh= fyi= imo= imho= btw= asap= hols=holidays telly=television vid=video "
    "vids=videos convo=conversation fav=favorite faves=favorites telephone=phone telephones=phones mister=mr "
    "dr=doctor professor=prof "
    "wot=what wat=what wut=what da=the dat=that dis=this kno=know hav=have luv=love b4=before gr8=great l8=late "
    "l8r=later m8=mate some1=someone any1=anyone every1=everyone 2day=today 2moro=tomorrow 2morrow=tomorrow "
    "2nite=tonight 2night=tonight cud=could shud=should wud=would frm=from wiv=with gud=good docs=documents "
    "vols=volumes jr=junior wk=week wks=weeks "
    "jan=january feb=february apr=april jun=june jul=july aug=august sep=september sept=september oct=october "
    "nov=november dec=december tue=tuesday tues=tuesday thu=thursday thur=thursday thurs=thursday fri=friday"
)
_DOTTED: Final = re.compile(
    r"\b("
    + "|".join(sorted(ABBREVIATIONS, key=len, reverse=True))
    + r"|mr|mrs|ms|dr|prof|st|vs|etc|mt|jr|sr|inc|ltd|corp|max|hrs?|mins|secs|yrs?|wks?|vol|kg|cm|mm|km|ml|oz|lbs?|tbsp"
    r"|tsp|sq)\.(?=\s\S)",
    re.IGNORECASE,
)
_TITLES: Final = re.compile(r"\b(St|Dr|Mt|Ft|Prof|Rev|Gov|Sen|Capt|Gen|Col|Sgt|Lt)\b\.?(?= [A-Z])")
_TITLE_OF: Final = {
    "St": "Saint", "Dr": "Doctor", "Mt": "Mount", "Ft": "Fort", "Prof": "Professor", "Rev": "Reverend",
    "Gov": "Governor", "Sen": "Senator", "Capt": "Captain", "Gen": "General", "Col": "Colonel", "Sgt": "Sergeant",
    "Lt": "Lieutenant",
}  # fmt: skip
# What is written as it is heard, where the words around it leave one reading.
_HEARD: Final = tuple(
    (sign, re.compile(pattern, re.IGNORECASE), name)
    for sign, pattern, name in (
        ("imme", r"\bgimme\b", "give me"),
        ("emme", r"\blemme\b", "let me"),
        ("eather", r"(?<!the )\bweather (?=(?:i|you|we|they|he|she|it|or not)\b)", "whether "),
        ("you no ", r"(?<=\byou )no (?=(?:how|what|where|who|why|when|if|whether|the|that)\b)", "know "),
        ("right", r"\ball right\b(?= (?:to|if|for|with)\b|\W*$)", "alright"),
        *(
            (f"{short}.", rf"\b{short}\.(?=\s[a-z\d])", full)
            for short, full in (
                ("pop", "population"),
                ("apt", "apartment"),
                ("ref", "reference"),
                ("org", "organization"),
                ("co", "company"),
                ("vol", "volume"),
                ("fig", "figure"),
                ("ch", "chapter"),
                ("est", "estimated"),
                ("ext", "extension"),
                ("cert", "certificate"),
                ("temp", "temperature"),
                ("info", "information"),
            )
        ),
        ("no. ", r"\bno\. ?(?=of |\d)", "number "),
        *(
            (
                short,
                rf"(?-i:\b{short}\b\.?)(?=[-/]|,? \d| (?:and|or|to) )|(?:(?<=[-/])|(?<=\bon )|(?<= to )|(?<=and ))"
                rf"(?-i:{short}\b\.?)",
                full,
            )
            for short, full in (("Mon", "Monday"), ("Wed", "Wednesday"), ("Sat", "Saturday"))
        ),
        ("Sun", r"(?<=\bon )(?-i:Sun\b)\.?|(?<=Sat and )(?-i:Sun\b)|(?<=Saturday and )(?-i:Sun\b)", "Sunday"),
    )
)
_SHORT_NAMES: Final = re.compile(
    r"\b(?:St|Dr|Mt|Ft|Prof|Rev|Gov|Sen|Capt|Gen|Col|Sgt|Lt|Rd|Ave|Blvd|Ln|Sq|Hwy|Pkwy|Ct|Pl)\b"
)
_ROADS: Final = re.compile(r"(?<=[a-z\d] )(St|Dr|Rd|Ave|Blvd|Ln|Sq|Hwy|Pkwy|Ct|Pl)\b\.?(?! [A-Z])")
_ROAD_OF: Final = {
    "St": "Street", "Dr": "Drive", "Rd": "Road", "Ave": "Avenue", "Blvd": "Boulevard", "Ln": "Lane", "Sq": "Square",
    "Hwy": "Highway", "Pkwy": "Parkway", "Ct": "Court", "Pl": "Place",
}  # fmt: skip
_LETTERS: Final = str.maketrans({"ß": "ss", "ø": "o", "Ø": "O", "æ": "ae", "Æ": "Ae", "œ": "oe", "ł": "l", "Ł": "L",
                                 "đ": "d", "ı": "i", "ð": "d", "þ": "th"})  # fmt: skip
_OTHER_WORD: Final = w.word_set("rosé rosés lamé maté moiré piqué")  # without the accent, another word


@cache
def _variants() -> dict[str, str]:
    lines = (FOLDER / "variants.txt").read_text("utf-8").splitlines()
    return {**dict(line.split(" ") for line in lines), **_SPELLINGS}


@cache
def _words() -> frozenset[str]:
    return frozenset((FOLDER / "words.txt").read_text("utf-8").split())


def standard(word: str) -> str:
    """The American spelling of a lower-case word, an abbreviation written out (perhaps empty); else the word."""
    word = ABBREVIATIONS.get(word, word)
    return _variants().get(word, word)


def is_listed(word: str) -> bool:
    """Whether the word is a common one or a name that the lexicon does not know (`login`)."""
    return word in _words()


_TYPED: Final = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "œ": "oe"})


def fold_accents(text: str) -> str:
    """`crème` to `creme` in an English sentence, where accents are left out at will; other languages keep them."""
    if text.isascii() or language_of(text.lower()) != "en":
        return text
    return re.sub(r"[^\W\d_]+", lambda match: _fold(match[0]), text)


def without_accents(words: list[str]) -> list[str]:
    """As somebody without such keys types them: `como` for `cómo`, `schoen` for `schön`."""
    return [_fold(word.translate(_TYPED)) for word in words]


def _fold(word: str) -> str:
    if word.isascii() or word.lower() in _OTHER_WORD or ord(max(word)) > 0x24F:
        return word
    decomposed = unicodedata.normalize("NFKD", word.translate(_LETTERS))
    return "".join(c for c in decomposed if not unicodedata.combining(c))


def write_out(text: str) -> str:
    """Titles before a name and kinds of road after one in full; no full stop after an abbreviation."""
    for sign, pattern, name in _HEARD:
        if sign in text:
            text = pattern.sub(name, text)
    if not _SHORT_NAMES.search(text):
        return _DOTTED.sub(r"\1", text) if ". " in text else text
    text = _TITLES.sub(lambda m: _TITLE_OF[m[1]], text)
    text = _ROADS.sub(lambda m: _ROAD_OF[m[1]], text)
    return _DOTTED.sub(r"\1", text) if ". " in text else text

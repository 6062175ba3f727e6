"""Closed word classes of English that the checks compare. Data only: one literal per class.

The classes are grammar and common measure words, taken from no data set. Open classes (synonyms, antonyms,
names) come from the WordNet lexicon instead.
"""

from __future__ import annotations

from typing import Final


def word_set(words: str) -> frozenset[str]:
    """The blank-separated words."""
    return frozenset(words.split())


def respellings(pairs: str) -> dict[str, str]:
    """`word=standard` pairs, blank-separated; an empty standard drops the word."""
    return dict(pair.split("=") for pair in pairs.split())


def _map(**groups: str) -> dict[str, str]:
    return {word: name for name, members in groups.items() for word in members.split()}


ARTICLES: Final = word_set("a an the")
# Where one of these stands, a word may be what is asked about: nothing is written in another way.
# The same in other languages: where a word is asked about, its accents are no dress.
FOREIGN_OF_WORDS: Final = word_set(
    "significa significan dice palabra escribe bedeutet heißt heisst schreibt wort wörter signifie veut dire écrit mot"
)
OF_WORDS: Final = word_set(
    "mean means meaning spell spelled spelt define definition pronounce pronounced plural synonym synonyms word stands "
    "abbreviation"
)
WH_WORDS: Final = word_set("what which who whom whose when where why how whether")
# Auxiliaries by tense or mood; agreement (do/does, am/is/are) never matters.
AUXILIARIES: Final = _map(
    present="do does am is are be being been have has having",
    past="did was were had",
    future="will shall gonna",
    would="would",
    can="can could able",
    should="should ought supposed",
    must="must",
    may="may might",
)
PRONOUNS: Final = _map(
    first="i me my mine myself we us our ours ourselves",
    generic="you your yours yourself one ones someone anyone somebody anybody people u ur",
    he="he him his himself",
    she="she her hers herself",
    it="it its itself this that these those there here",
    they="they them their theirs themselves",
)
# Prepositions whose exchange turns the question round; the others may differ freely in a paraphrase.
PREPOSITIONS: Final = _map(
    from_="from off",
    to="to into onto towards toward",
    before="before until till prior",
    after="after following",
    above="above over beyond",
    below="below under beneath underneath",
    inside="inside within",
    outside="outside",
    by="by via through",
    against="against versus vs",
    since="since",
    than="than",
    between="between among amongst",
    because="because due",
    up="up",
    down="down",
    out="out",
    despite="despite although though unless",
    plain="in on at of for during while with about as upon regarding concerning per around near across along using",
)
PLAIN_CONJUNCTIONS: Final = word_set("and so then also too if that which who as but just please well")
NEGATORS: Final = word_set(
    "not no never none nobody nothing nowhere neither nor without cannot unable impossible hardly"
)
# Verbs that turn their complement round ("avoid paying").
NEGATIVE_VERBS: Final = word_set("stop avoid prevent quit refuse cease lack")
QUANTIFIERS_STRONG: Final = _map(
    only="only solely exclusively",
    except_="except excluding besides",
    both="both",
    half="half",
    most_of="majority",
    fewer="fewer",
    double="double twice",
    triple="triple thrice",
    minority="minority",
    almost="almost nearly",
    minimum="minimum",
    maximum="maximum",
)
QUANTIFIERS_WEAK: Final = _map(
    all="all every each entire whole everyone everybody everything everywhere",
    some="some several various sometimes certain few",
    any="any either anything anywhere",
    many="many much lots plenty often",
    most="most usually mostly",
    rarely="rarely seldom",
    always="always",
)
SCOPE_WORDS: Final = _map(
    first="first earliest initial",
    second="second",
    third="third",
    last="last latest final",
    next="next upcoming coming",
    previous="previous former",
    other="other another else",
    same="same",
    different="different",
    again="again",
    still="still",
    already="already yet",
    instead="instead",
    together="together",
    alone="alone",
)
MONTHS: Final = _map(
    jan="january jan", feb="february feb", mar="march", apr="april apr", may="may", jun="june jun",
    jul="july jul", aug="august aug", sep="september sep sept", oct="october oct", nov="november nov",
    dec="december dec",
)  # fmt: skip
DATES: Final = {
    **{word: name for word, name in MONTHS.items() if word not in ("may", "march")},
    **_map(
        mon="monday mondays", tue="tuesday tuesdays", wed="wednesday wednesdays", thu="thursday thursdays",
        fri="friday fridays", sat="saturday saturdays", sun="sunday sundays", weekend="weekend weekends",
        weekday="weekday weekdays", today="today", tomorrow="tomorrow", yesterday="yesterday",
        tonight="tonight", now="now currently", later="later", soon="soon", ago="ago",
        morning="morning", afternoon="afternoon", evening="evening", night="night overnight",
        noon="noon midday", midnight="midnight", am="am", pm="pm",
        spring="spring", summer="summer", autumn="autumn fall", winter="winter",
        christmas="christmas xmas", easter="easter", ad="ad ce", bc="bc bce",
    ),
}  # fmt: skip
UNITS: Final = _map(
    usd="usd dollar dollars buck bucks", eur="eur euro euros", gbp="gbp pound pounds sterling quid",
    jpy="yen jpy", inr="rupee rupees inr rs", cny="yuan cny rmb", chf="franc francs chf", cent="cent cents",
    rub="ruble rubles rouble roubles", peso="peso pesos", won="won", krona="krona kronor krone kroner",
    percent="percent percentage pct", kg="kg kgs kilo kilos kilogram kilograms", g="g gram grams gramme grammes",
    mg="mg milligram milligrams", lb="lb lbs", oz="oz ounce ounces", ton="ton tons tonne tonnes",
    stone="stone stones", km="km kms kilometer kilometers kilometre kilometres", m="m meter meters metre metres",
    cm="cm centimeter centimeters centimetre centimetres", mm="mm millimeter millimeters millimetre",
    mile="mile miles", yard="yard yards", ft="ft foot feet", inch="inch inches", acre="acre acres",
    hectare="hectare hectares", l="l liter liters litre litres", ml="ml milliliter milliliters millilitre",
    gal="gallon gallons", cup="cup cups", tbsp="tablespoon tablespoons tbsp", tsp="teaspoon teaspoons tsp",
    second="sec secs seconds", minute="minute minutes min mins", hour="hour hours hr hrs",
    day="day days daily everyday",
    week="week weeks weekly", fortnight="fortnight fortnights",
    month="month months monthly", year="year years yr yrs yearly annually",
    decade="decade decades",
    century="century centuries", celsius="celsius centigrade", fahrenheit="fahrenheit", kelvin="kelvin",
    byte="byte bytes", kb="kb kilobyte kilobytes", mb="mb megabyte megabytes", gb="gb gigabyte gigabytes",
    tb="tb terabyte terabytes", bit="bit bits", mph="mph", kph="kph kmh", watt="watt watts",
    mps="mps", sqm="sqm", sqft="sqft", sqkm="sqkm", sqmi="sqmi", kw="kw kilowatt kilowatts", volt="volt volts",
    amp="amp amps", calorie="calorie calories kcal",
    dozen="dozen dozens", semester="semester semesters", quarter="quarter quarters",
)  # fmt: skip
# Measure words that are also everyday nouns or verbs: compared only beside a number.
UNITS_BESIDE_NUMBER: Final = word_set(
    "won stone stones foot feet cup cups second quarter quarters bit bits yard yards g m l am pm rs min"
)
CURRENCY_SIGNS: Final = {"$": "usd", "€": "eur", "£": "gbp", "¥": "jpy", "₹": "inr", "%": "percent"}
# Adverbs and fillers that add nothing to a question.
FILLERS: Final = word_set(
    "really actually just simply basically exactly ever please kindly maybe perhaps possibly literally honestly "
    "even very quite so too also like etc anyway somehow currently now exact proper properly correctly own "
    "generally typically particular specific specifically given possible able go get got getting need want "
    "different certain exist exists far available "
    "would like help know tell regarding about way ways thing things kind kinds sort sorts type types "
    "there here hi hello hey thanks thank sir madam ok okay yes yeah oh well"
)
# Verbs and nouns so light that leaving one out changes nothing by itself; exchanging them may.
LIGHT: Final = word_set(
    "do make use have take give find happen seem mean try keep let put come become become person people "
    "someone something place process method procedure step steps tip tips idea ideas good best better "
    "reason reasons cause causes answer question example examples option options offer offered offering "
    "provide provided available exist session sessions component steps"
)
FUNCTION_WORDS: Final = (
    ARTICLES
    | WH_WORDS
    | AUXILIARIES.keys()
    | PRONOUNS.keys()
    | PREPOSITIONS.keys()
    | PLAIN_CONJUNCTIONS
    | NEGATORS
    | QUANTIFIERS_WEAK.keys()
    | word_set("or s t ll ve re d m im ive id dont")
) - word_set("may people") | frozenset({"may"})

CONTRACTIONS: Final = {
    "won't": "will not", "can't": "can not", "cannot": "can not", "shan't": "shall not", "ain't": "is not",
    "wont": "will not", "cant": "can not", "dont": "do not", "doesnt": "does not", "didnt": "did not",
    "isnt": "is not", "arent": "are not", "wasnt": "was not", "werent": "were not", "havent": "have not",
    "hasnt": "has not", "hadnt": "had not", "wouldnt": "would not", "couldnt": "could not",
    "shouldnt": "should not", "mustnt": "must not", "neednt": "need not", "whats": "what is",
    "hows": "how is", "whos": "who is", "wheres": "where is", "whens": "when is", "whys": "why is",
    "thats": "that is", "theres": "there is", "heres": "here is", "im": "i am", "ive": "i have",
    "youre": "you are", "youve": "you have", "theyre": "they are", "theyve": "they have", "weve": "we have",
    "let's": "let us", "lets": "let us", "gonna": "going to", "wanna": "want to", "gotta": "have to",
    "y'all": "you", "u": "you", "ur": "your", "r": "are", "pls": "please", "plz": "please", "thx": "thanks",
    "w/o": "without", "w/": "with", "b/w": "between", "vs": "versus", "vs.": "versus", "btw": "",
    "info": "information", "app": "application", "apps": "applications", "tv": "television",
    "ok": "okay", "pic": "picture", "pics": "pictures", "uni": "university", "prof": "professor",
    "a/c": "account", "temp": "temperature",
    "mobile": "phone", "cellphone": "phone", "cell": "phone", "pc": "computer", "fave": "favorite",
    "favourite": "favorite", "no.": "number", "#": "number", "&": "and",
    "till": "until", "e.g.": "example", "i.e.": "", "etc.": "", "lbs": "lb", "cos": "because",
    "photo": "picture", "photos": "pictures", "advert": "advertisement", "ads": "advertisements",
    "exam": "test", "exams": "tests", "max": "maximum", "min": "minimum", "ppl": "people", "bday": "birthday",
}  # fmt: skip

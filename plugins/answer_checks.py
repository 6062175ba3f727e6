"""Signs in an answer's text that it is not good enough: nothing said, damage, refusal, hedge, wrong sums, loops, wrong
language.

English, German, French and Spanish. Each looks for strong evidence only.
"""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal, DivisionByZero, InvalidOperation
from typing import Final

from plugins.wordlists import words

OPENING_CHARS: Final = 160  # a refusal or a hedge that is the answer stands at its beginning
SHORT_SENTENCE_CHARS: Final = 16
_SENTENCE_END: Final = re.compile(r"[.!?](?=\s)")
MAX_SUMS: Final = 200
MIN_STOP_WORDS: Final = 4  # needed to name a language
TAIL_CHARS: Final = 2_000

_REFUSAL = re.compile(
    r"\b(?:i(?:['\u2019]m| am) (?:sorry|afraid),? (?:but )?(?:i |that )?(?:can(?:no|['\u2019])t|am (?:not "
    r"able|unable)|do(?:n['\u2019]t| not) (?:have|know)|won['\u2019]t)"
    r"|i(?: can(?:no|['\u2019])t| am (?:unable|not able) to| won['\u2019]t| will not be able to"
    r"|['\u2019]m (?:unable|not able) to)[ ]"
    r"(?:help|assist|answer|provide|do|complete|comply|fulfill?|access|process|generate|create|perform"
    r"|determine|solve|discuss)\b"
    r"|(?:i(?:['\u2019]m| am)|that(?:['\u2019]s| is)|this is) (?:\w+ ){0,2}?(?:unable to|not able to"
    r"|not in a position|beyond what i|outside (?:of )?what i|not something (?:that )?i (?:can|am))"
    r"|i was (?:unable|not able) to"
    r"|i(?:['\u2019]d| would) (?:rather|prefer) not|i (?:do not|don['\u2019]t) have (?:enough|sufficient|the|any) "
    r"(?:information|context|data|details)"
    r"|as an ai(?: language)?(?: model| assistant)?,? i (?:can(?:no|['\u2019])t|do(?:n['\u2019]t| not)|am "
    r"(?:unable|not able))"
    r"|(?:es )?tut mir leid,? (?:aber )?(?:ich|da|das|dabei)[^.]{0,40}\bnicht\b|ich kann (?:ihnen |dir "
    r"|das |diese |dabei |hierbei |leider ){0,3}nicht (?:helfen|weiterhelfen|beantworten)"
    r"|leider (?:kann|darf) ich [^.!?]{0,60}\bnicht (?:beantworten|(?:weiter)?helfen)"
    r"|(?:dazu|das|darüber|dabei) (?:kann|darf|möchte) ich (?:ihnen |dir )?(?:leider )?(?:nichts?|keine\w*)\b"
    r"|(?:je suis )?désolée?,? (?:mais )?je ne (?:peux|suis)|je ne (?:peux|suis) (?:malheureusement )?"
    r"pas (?:en mesure|vous aider|t['\u2019]aider|répondre|fournir|capable)"
    r"|(?:something went wrong|an (?:internal |unexpected )?error occurred)[^.!]{0,60}[.!] (?:please )?try again"
    r"|lo siento,? (?:pero )?no (?:puedo|tengo)|no puedo (?:ayudar\w*|responder|proporcionar|completar"
    r"|cumplir))",
    re.IGNORECASE,
)
_HEDGE = re.compile(
    r"\b(?:i(?:['\u2019]m| am) not (?:entirely |completely |quite |really )?(?:sure|certain)|i (?:do not"
    r"|don['\u2019]t) (?:really |actually )?know\b(?! (?:if|whether) you)"
    r"|i(?:['\u2019]d| would)(?: only| just) be guessing|(?:das |es )?weiß ich (?:leider )?nicht"
    r"|i have no (?:idea|information)|(?:my|this) (?:guess|answer) (?:may|might|could) (?:well )?be wrong"
    r"|i (?:can only|could only|would have to) guess|i may be wrong"
    r"|it(?:['\u2019]s| is) (?:impossible|not possible) (?:for me )?to (?:say|tell|determine|know)"
    r"|ich (?:bin mir (?:leider )?nicht (?:ganz )?sicher|weiß (?:es |das )?(?:leider )?nicht|habe keine "
    r"ahnung|kann nur raten)"
    r"|je ne (?:suis pas (?:tout à fait )?(?:sûre?|certaine?)|sais pas)|je n['\u2019]ai aucune idée|je ne "
    r"peux que deviner"
    r"|no (?:estoy (?:del todo )?segur[oa]|lo sé|tengo (?:ni )?idea)|solo puedo adivinar)",
    re.IGNORECASE,
)


_ANNOUNCES = re.compile(
    r"(?:(?:sure|certainly|of course|absolutely)\b[,!.]? ?)?(?:here(?:['\u2019]s| is| are) [^\n]{0,120}:"
    r"|let me (?:think|see|check|look)\b[^\n.!:]{0,80}[.!:\u2026]+)",
    re.IGNORECASE,
)
_MARKUP = re.compile(r"<\|(?:im_start|im_end|endoftext|eot_id|start_header_id|end_header_id|eom_id)\|>|\[/INST\]")
_ERROR_PAGE = re.compile(r"\s*<(?:!doctype )?html\b[^\0]{0,300}<title>\s*[45]\d\d\b", re.IGNORECASE)
_FENCE_LINE = re.compile(r"^[ \t]*```", re.MULTILINE)
MIN_FLOOD_CHARS: Final = 160
MIN_LOST_CHARS: Final = 3  # one may be quoted


def is_blank(text: str) -> bool:
    """Whether there is nothing to see: only white space, control and format characters."""
    return all(char.isspace() or unicodedata.category(char) in ("Cc", "Cf") for char in text)


def only_announces(text: str) -> bool:
    """Whether all that is said is that an answer, or a thought, follows."""
    return _ANNOUNCES.fullmatch(text.strip()) is not None


def damage(asked: str, answer: str) -> str | None:
    """What shows that the text was damaged on its way: a model's own marks, characters that were lost, a server's error
    page, a flood of one character, code that never ends. What the caller wrote too is no damage."""
    if (mark := _MARKUP.search(answer)) and mark[0] not in asked:
        return "it holds the marks of a chat template"
    if _ERROR_PAGE.match(answer) and "html" not in asked.lower():
        return "it is a server's error page"
    if answer.count("\ufffd") >= MIN_LOST_CHARS and "\ufffd" not in asked:
        return "characters were lost"
    if len(answer) >= MIN_FLOOD_CHARS and len(set(answer)) == 1 and not _ASKED_TO_REPEAT.search(asked):
        return "it is one character over and over"
    if answer.count("```") % 2 and len(_FENCE_LINE.findall(answer)) % 2 and "```" not in asked:
        return "a block of code has no end"
    return None


def is_refusal(text: str) -> bool:
    """Whether the answer opens with saying that it cannot or will not."""
    return _REFUSAL.search(_own_words(text[:OPENING_CHARS])) is not None


def hedges(text: str) -> bool:
    """Whether the answer opens with not knowing, or says so twice."""
    own = _own_words(text)
    return _HEDGE.search(_first_sentence(own)) is not None or len(_HEDGE.findall(own)) >= 2


_QUOTED = re.compile('[\u201c\u201e\u00ab][^\u201c\u201d\u00bb]{1,300}[\u201c\u201d\u00bb]|"[^"]{1,300}"')


def _own_words(text: str) -> str:
    """Without what somebody else is quoted to say; an answer that is a quotation as a whole is the model's own."""
    rest = _QUOTED.sub(" ", text)
    return rest if any(char.isalpha() for char in rest) else text


def _first_sentence(text: str) -> str:
    """The first sentence, and the next one where it is a mere word or two: what follows an answer is a remark on it."""
    for end in _SENTENCE_END.finditer(text[:OPENING_CHARS]):
        if end.start() >= SHORT_SENTENCE_CHARS:
            return text[: end.start()]
    return text[:OPENING_CHARS]


_NUMBER = r"-?[$€£]?\d{1,15}(?:,\d{3}){0,4}(?:\.\d{1,10})?"
_SUM = re.compile(
    rf"(?P<a>{_NUMBER})\s?(?P<op>[+\-\u2212\u2013*\u00d7x·/÷^])\s?(?P<b>{_NUMBER})\s?=\s?(?P<c>{_NUMBER})(?P<rest>.?.?.?.?)"
)
_OTHER_ARITHMETIC = re.compile(
    r"\b(?:binary|hex\w*|octal|modul\w*|mod|base|bin[äa]r\w*|binaire|binario|boolean|clock|regex|puzzle"
    r"|riddle|matrix)\b",
    re.IGNORECASE,
)
_CONTINUES = re.compile(r"\s?(?:[+\-\u2212\u2013*\u00d7x·/÷^%!(]|mod|\d|,\d|\.\d|e\d)", re.IGNORECASE)
_LEADS_IN = re.compile(r"[\w.,$]$|[+\-\u2013\u2212*\u00d7x·/÷^%=)\d]\s*$")
_APPROXIMATE = re.compile(r"(?:≈|~|\.\.\.|…|approx|about|rund|etwa|environ|aprox)", re.IGNORECASE)


def arithmetic_error(asked: str, answer: str) -> int | None:
    """The place (from 1) of the first stated sum `a op b = c` that is false; None where all hold.

    Sums that are part of a longer expression, that the caller wrote, or in other arithmetics are left alone.
    A result may be rounded to the decimals that it shows.
    """
    if "=" not in answer or _OTHER_ARITHMETIC.search(asked) or _OTHER_ARITHMETIC.search(answer):
        return None
    for place, match in enumerate(_SUM.finditer(answer), start=1):
        if place > MAX_SUMS:
            return None
        before = answer[max(0, match.start() - 3) : match.start()]
        if _LEADS_IN.search(before) or _CONTINUES.match(match["rest"]):
            continue
        if _APPROXIMATE.search(match["rest"]) or answer[match.start() : match.end("c")] in asked or _holds(match):
            continue
        return place
    return None


def _holds(match: re.Match[str]) -> bool:
    a, b, c = (Decimal(re.sub(r"[,$€£]", "", match[name])) for name in "abc")
    exact = _apply(a, match["op"], b)
    if exact is None:
        return True
    exponent = c.as_tuple().exponent
    unit = Decimal(1).scaleb(exponent if isinstance(exponent, int) else 0)
    whole = exponent == 0 and a == a.to_integral() and b == b.to_integral() and match["op"] not in "/÷"
    return exact == c if whole else abs(exact - c) <= unit


def _apply(a: Decimal, operator: str, b: Decimal) -> Decimal | None:
    """The result; None where it is undefined or too large to be worth checking."""
    try:
        if operator in "+":
            return a + b
        if operator in "-\u2212\u2013":
            return a - b
        if operator in "*\u00d7x·":
            return a * b
        if operator in "/÷":
            return a / b
        return a**b if abs(b) <= 32 and abs(a) <= 1_000 and b == b.to_integral() and b >= 0 else None
    except (DivisionByZero, InvalidOperation):
        return None


_ASKED_TO_REPEAT = re.compile(
    r"\b(?:repeat\w*|times|again and again|wiederhol\w*|mal|r[ée]p[èe]t\w*|fois|repit\w*|veces|list|table"
    r"|chorus|lyrics)\b",
    re.IGNORECASE,
)
MIN_LOOP_CHARS: Final = 160
MIN_LOOP_ROUNDS: Final = 5


def loops(asked: str, answer: str) -> bool:
    """Whether the answer ends in a loop: one stretch of up to 200 characters, five times or more in a row."""
    tail = answer.rstrip()[-TAIL_CHARS:]
    if len(tail) < MIN_LOOP_CHARS or _ASKED_TO_REPEAT.search(asked):
        return False
    for period in range(1, min(200, len(tail) // MIN_LOOP_ROUNDS) + 1):
        rounds = max(MIN_LOOP_ROUNDS, -(-MIN_LOOP_CHARS // period))
        span = period * rounds
        if span <= len(tail) and tail[-span:] == tail[-period:] * rounds:
            return any(char.isalpha() for char in tail[-period:])
    return False


_STOP_WORDS: Final[dict[str, frozenset[str]]] = {
    "English": words(
        "the and is are was of to that it for with this not you have be from by which what how when "
        "they would can there their has were been does more if will about"
    ),
    "German": words(
        "der die das und ist sind nicht ein eine einen zu mit auf für von dem den des sich auch wird "
        "wie ich sie es bei oder aber wenn nach kann wurde einem einer durch"
    ),
    "French": words(
        "le la les des est et une un dans que qui pour pas sur avec ce cette il elle sont du au aux "
        "plus par je vous nous mais ou où être peut leur ses"
    ),
    "Spanish": words(
        "el la los las de que y es en un una por con para del se no su al lo como más pero sus le ha "
        "este esta son entre cuando muy sin sobre también hay"
    ),
}
_NAMED = re.compile(
    r"\b(?:english|german|french|spanish|italian|portuguese|dutch|latin|chinese|japanese|korean|russian"
    r"|arabic|hindi|polish|turkish"
    r"|englisch\w*|deutsch\w*|französisch\w*|spanisch\w*|italienisch\w*|anglais\w*|allemand\w*"
    r"|français\w*|espagnol\w*|italien\w*"
    r"|inglés|alemán|francés|español|italiano|translat\w*|übersetz\w*|tradui\w*|traduc\w*|language"
    r"|sprache|langue|idioma)\b",
    re.IGNORECASE,
)
_SCRIPTS: Final[tuple[tuple[str, re.Pattern[str]], ...]] = (
    ("Cyrillic", re.compile("[\u0400-\u04ff]")),
    ("Arabic", re.compile("[\u0600-\u06ff]")),
    ("Devanagari", re.compile("[\u0900-\u097f]")),
    ("East Asian", re.compile("[\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af]")),
)
_SAMPLE_CHARS = 4_000


def language_of(text: str) -> str | None:
    """The script or, in Latin script, one of four languages; None where the text does not tell clearly."""
    sample = text[:_SAMPLE_CHARS]
    letters = sum(char.isalpha() for char in sample)
    for name, script in _SCRIPTS:
        if letters and len(script.findall(sample)) > letters / 2:
            return name
    words = re.findall(r"[^\W\d_]+", sample.lower())
    counts = sorted(((sum(w in stop for w in words), name) for name, stop in _STOP_WORDS.items()), reverse=True)
    (best, name), (second, _) = counts[:2]
    return name if best >= MIN_STOP_WORDS and best >= 2 * second + 2 else None


_ANSWER_IN = re.compile(
    r"\b(?:answer|reply|respond)(?: \w+){0,2} in (?P<name>english|german|french|spanish)\b", re.IGNORECASE
)


def other_than_asked(question: str, answer: str) -> tuple[str, str] | None:
    """The one language in which the question wants its answer, and the other one in which it clearly is."""
    wanted = _ANSWER_IN.search(question)
    if wanted is None or len({name.lower() for name in _NAMED.findall(question)}) > 1:
        return None
    answered, name = language_of(answer), wanted["name"].capitalize()
    return (name, answered) if answered not in (None, name) else None


def foreign_language(whole: str, question: str, answer: str) -> tuple[str, str] | None:
    """The languages of question and answer where they clearly differ and the call names no language at all."""
    asked, answered = language_of(question), language_of(answer)
    if asked is None or answered is None or asked == answered or _NAMED.search(whole):
        return None
    return asked, answered

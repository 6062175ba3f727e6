"""The frame around a question: greetings, apologies, `I was wondering`, `could you tell me`, thanks, tag questions.

A frame says that something is asked, not what. Two rules find it: patterns for the clauses that take a question as
their object, and a closed vocabulary of asking: a segment in front of a comma, colon, full stop or `but` that has no
word besides these asks nothing. What is left is never less than three words.
"""

from __future__ import annotations

import re
from typing import Final

from classifier.pairs import words as w

_WH: Final = r"how|why|what|when|where|who|whom|whose|which|if|whether"
_AUX: Final = (
    r"do|does|did|is|are|am|was|were|can|could|will|would|should|shall|may|might|must|has|have|had|isn't|aren't|"
    r"doesn't|don't|didn't|can't|won't"
)
_OPENINGS: Final = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"^(?:urgent(?:ly)?|quick|emergency|a+r+gh+|ugh+|bro|dude|mate|buddy|"
        r"right)\s*[,:!]+\s*(?:so,?\s+)?(?=\w+\W+\w)",
        r"^(?:i(?:'m| am) in a (?:hurry|rush)|(?:i )?need this(?: answered)? (?:quickly|asap|fast)|thanks for helping"
        r"(?: me)?(?: out)?|(?:please )?(?:excuse|pardon|forgive|sorry for) my (?:ignorance|(?:bad |poor |"
        r"broken )?english)"
        r"|i(?:'ve| have)? always wondered|i think i used to know this|(?:i(?:'m| am) )?sorry if (?:you(?:'ve|"
        r" have)|this|it"
        r"|i(?:'m| am)) [^.,:!?]{3,70})\s*[,.:;!-]+\s*(?:but,? )?(?=\w+\W+\w)",
        rf"^(?:could|can|may|might) i trouble you to (?:tell me|explain|say|let me know) (?=(?:{_WH})\b)",
        rf"^(?:would|do) you (?:by any chance|perhaps|maybe|possibly) know (?:about )?(?=(?:{_WH})\b)",
        r"^(?:hi|hello|hey|greetings|dear|good (?:morning|afternoon|evening|day)|ok|okay|so|well|um|uh|oh|yes|"
        r"hmm|excuse me|sorry|please|pls|plz|kindly|thanks|thank you|quick question|question|quickly|"
        r"there|team|everyone|guys|sir|madam|folks|all)\b\s*[,.:;!-]*\s+(?=\w+\W+\w)",
        r"^(?:by the way|out of (?:interest|curiosity)|btw|anyway|alright|now|one (?:more|last) (?:thing|question)|q|"
        r"(?:another|next|quick) (?:thing|question|one)|yo|u+m+|u+h+|e+r+m*|h+m+|your task(?: is)?)\s*[,.:;-]+\s+"
        r"(?=\w+\W+\w)",
        r"^(?:(?:hey|ok|okay|hi|hello) )?(?:alexa|siri|cortana|google|chatgpt|gpt|claude|gemini|copilot|assistant|"
        r"computer),? (?=\w+\W+\w)",
        r"^(?:would|do) you mind (?=(?:list|writ|explain|translat|summari[sz]|compar|calculat|describ)\w*ing\b)",
        # The other languages that are told apart: their greetings.
        r"^(?:hallo|guten (?:tag|morgen|abend)|bonjour|bonsoir|salut|hola|buen[oa]s (?:d[ií]as|tardes|noches)|"
        r"ciao)\s*[,!.]+\s*"
        r"(?=\S+\W+\w)",
        # In a list; `1. Weltkrieg` and `3. Oktober` are names.
        r"^(?:\(?\d{1,2}\)\s+(?=[^\W\d]+ \w)|\d{1,2}\.\s+(?=(?:what|how|who|why|when|where|which|is|are|do|does|did|"
        r"can|could|should|explain|write|give|name|list|describe|calculate|find)\b))",
        r"^(?:u+m+|u+h+|e+r+m*|h+m+|yo|go ahead and)\s+(?=\w+\W+\w)",
        r"^(?:can|could|would|will) (?:you|u|someone|anyone|anybody|somebody)(?: all)?"
        r"(?: (?:please|pls|plz|kindly|possibly|perhaps|maybe))*"
        r" (?:tell|explain to|explain|inform|advise|show|help|remind|give|let|clarify)"
        r"(?: me| us)?(?: know| understand| find out| figure out| to understand| to me| to find out)?"
        r"(?: please)?\s*(?:about |on |with )?,?\s+",
        r"^(?:please |kindly )?(?:tell|explain to|inform|advise|remind|let|show) (?:me|us)(?: know)?(?: please)?"
        r"\s*(?:about )?[,:]?\s+",
        r"^(?:please |kindly )?(?:explain|clarify|describe)\s+(?=how|why|what|when|where|who|which|if|whether)",
        r"^(?:do|does|would|did) (?:you|anyone|anybody|someone|somebody|any of you)(?: guys)?"
        r"(?: here| happen to)? know(?: of)?\s+",
        r"^(?:i|we)(?: am| was|'m| have been| just| really)?(?: just| really)? ?"
        r"(?:wondering|curious|unsure|not sure|confused)"
        r"(?: about| as to)?\s+(?=how|why|what|when|where|who|which|if|whether)",
        r"^(?:i|we) wonder\s+",
        r"^(?:i|we)(?: would|'d| just| really)?(?: like| love| want| need| wish)?(?: to| 2) "
        r"(?:know|learn|find out|ask|understand|figure out|see|hear)(?: about)?\s+"
        r"(?=how|why|what|when|where|who|which|if|whether)",
        r"^(?:i|we) (?:do not|don't|dont) (?:know|understand|get)\s+(?=how|why|what|when|where|who|which|if)",
        r"^(?:any idea|any ideas|is there any way to know|just wondering|wondering|my question is|"
        r"i have a question|quick question|help me understand|any chance you know)[,:;-]?\s+(?:on |about )?",
        # clauses whose object is the question
        rf"^(?:please |kindly )*(?:advise|confirm|specify|indicate|state|say|check|find out)(?: me| us)?(?: on| about)?"
        rf" (?=(?:{_WH})\b)",
        rf"^(?:(?:i|we)(?:'d| would) (?:be (?:very |so |really )?(?:grateful|happy|glad|thankful)|(?:really |very much "
        rf"|greatly )?appreciate it)|it would be (?:great|nice|helpful|good|kind|lovely)) if (?:you|someone|somebody|"
        rf"anyone) (?:could|can|would|might) (?:please |kindly )?"
        rf"(?:tell|explain|advise|inform|let|show|help|clarify|confirm)(?: to)?(?: me| us)?(?: know| understand)?,? "
        rf"(?=(?:{_WH})\b)",
        rf"^would you (?:please )?(?:mind (?:telling|explaining|showing|advising|letting|clarifying)"
        rf"|be (?:so kind|able|kind enough|willing)(?: as)? to (?:tell|explain|show|advise|let|clarify))"
        rf"(?: to)?(?: me| us)?(?: know)?,? (?=(?:{_WH})\b)",
        rf"^(?:would it be possible|is it possible|is there (?:any|a) (?:chance|way)|any chance)(?: that)?(?: for)?"
        rf"(?: you| someone)?(?: could| can| to)* (?:tell|explain|advise|let|show|find out)(?: to)?(?: me| us)?"
        rf"(?: know)?,? (?=(?:{_WH})\b)",
        rf"^(?:may|can|could|might) (?:i|we) (?:please |just |quickly )*(?:ask|know|enquire|inquire|find out)"
        rf"(?: you)?(?: about)?,? (?=(?:{_WH})\b)",
        rf"^(?:what )?(?:i|we)(?:'m| am|'ve been| have been)? ?(?:just |really )?(?:want|wanted|need|trying|looking|"
        rf"like|hoping) to (?:know|find out|understand|figure out|work out|ask|see|check|learn)(?: is)?(?: about)?,?:? "
        rf"(?=(?:{_WH})\b)",
        rf"^(?:i|we)(?:'m| am| was| were)? ?(?:hope|hoping|wondering)(?: that| if| whether)? (?:you|someone|"
        rf"anyone|somebody) (?:could|can|would|might|may)(?: please)? (?:tell|explain|advise|let|show|help|know|"
        rf"clarify)(?: to)?(?: me| us)?(?: know| understand)?,? (?=(?:{_WH})\b)",
        rf"^(?:my|the|one|another|here is my|here's my|a)(?: quick| simple| first| next| main)? question(?: here)?"
        rf"(?: for you)?(?: is|:| -)(?: this)?[:,]? (?=(?:{_WH}|{_AUX})\b)",
        rf"^(?:does|do) (?:anyone|anybody|somebody|someone|you)(?: guys| all| folks)?(?: here)? (?:happen to )?"
        rf"(?:know|have (?:any|an) (?:idea|clue))(?: about| of| on)?,? (?=(?:{_WH})\b)",
        r"^(?:(?:please|pls|plz|can you|could you|i need) )*help me[.,:!]*\s+(?=(?:there|i|my|we|how|what|why|"
        r"when|where)\b)",
        # a request is the same with and without its auxiliary
        r"^(?:can|could|would|will) (?:you|u) (?:(?:please|kindly|possibly|maybe|perhaps|just|quickly) )*"
        r"(?=(?:list|write|translate|summari[sz]e|name|define|compare|calculate|compute|convert|describe|provide|draft|"
        r"compose|create|generate|suggest|recommend|correct|rewrite|rephrase|proofread|paraphrase|play|turn|"
        r"switch|remind|"
        r"analy[sz]e|classify|extract|outline|solve|simplify|shorten)\b)",
        r"^(?:could|would|will) (?:you|u) (?:be able to )?(?=(?:set|book|call|send|add|delete|remove|open|close|check|"
        r"order|cancel|schedule|start|stop|put|make|give|show|tell) (?:a|an|the|my|me|our|this|that|all|it)\b)",
        r"^(?:can|could|would|will) (?:you|u) (?:(?:please|kindly) )+",
        r"^(?:i need you|i want you|i(?:'d| would) like you|you need|your task is|(?:please )?be so kind as) to "
        r"(?=\w+ )",
    )
)
# The first words of all openings: most questions begin with none of them.
_OPENS: Final = re.compile(
    r"\(?\d{1,2}[.)]|(?:out|alexa|siri|cortana|google|chatgpt|gpt|claude|gemini|copilot|assistant|computer|by|btw|"
    r"anyway|alright|now|next|q|"
    r"yo|u+m+|u+h+|e+r+m*|h+m+|go|urgent|urgently|emergency|a+r+gh+|ugh+|bro|dude|mate|buddy|right|need|pardon|"
    r"forgive|another|hi|hello|hey|greetings|dear|good|ok|okay|so|well|um|uh|oh|yes|hmm|excuse|sorry|please|pls|"
    r"plz|kindly|thanks|thank|"
    r"quick|question|quickly|there|team|everyone|guys|sir|madam|folks|all|can|could|would|will|tell|explain|"
    r"inform|advise|"
    r"remind|let|show|clarify|describe|do|does|did|i|i'm|i'd|i've|we|we're|we'd|any|is|just|wondering|my|help|confirm|"
    r"specify|indicate|state|say|check|find|it|may|might|what|the|one|another|here|here's|a|you|your|be)\b",
    re.IGNORECASE,
)
_IF: Final = re.compile(r"^(?:if|whether)\s+(?=\w+\W+\w+\W+\w)", re.IGNORECASE)  # behind a frame, no condition
_CLOSING: Final = re.compile(
    r"[\s,.;!-]*\b(?:please|pls|plz|kindly|thanks|thank you|thx|ty|tia|tysm|thanx|thank you very much indeed|"
    r"best wishes|all the best|much obliged|danke|vielen dank|merci|merci d'avance|gracias|muchas gracias|"
    r"s'il (?:vous|te) pla[iî]t|por favor|"
    r"have a (?:nice|good|great|lovely) (?:day|evening|one|weekend)|"
    r"that would be (?:great|lovely|nice|helpful)|look(?:ing)? forward to (?:your|a|hearing)[a-z ]{0,30}|"
    r"you(?:'re| are) the best|(?<=[.!?,] )ta|(?<=[.!?] )take care|(?<=[.!?] )bye(?: for now)?|cheers|many thanks|"
    r"thanks in advance|"
    r"(?:thanks|thx|thank you) (?:a (?:lot|bunch|million|ton)|kindly|loads|heaps|tons)|out of (?:interest|curiosity)|"
    r"thanks a lot|thank you very much|thank you so much|or not|if possible|sir|anyone|any ideas|right now|"
    r"why or why not|(?:and|&) why|if (?:so|yes),? why|"
    r"(?:can|could) (?:you|anyone|someone) (?:please )?help(?: me)?(?: out)?|i need (?:some |your )?help)\W*$",
    re.IGNORECASE,
)
_TAG: Final = re.compile(
    r"\s*,\s*(?:(?:is|are|was|were|do|does|did|has|have|can|could|will|would|should)(?:n'?t (?:it|they|he|she|we|you|"
    r"i|there)| (?:it|they|he|she|we|you|i|there) not)"
    r"|mate|bro|dude|buddy|(?:will|would|can|could|won't|can't|couldn't|wouldn't) (?:you|ya|u)(?: please)?|right|"
    r"correct|eh|huh|"
    r"yeah|no|ok|okay|innit|am i right|is that (?:right|correct|true|so)|don't you think)\W*$",
    re.IGNORECASE,
)
# The vocabulary of asking: a segment of these words alone, one of `_ASKING` among them, has no content.
_ASKING: Final = w.word_set(
    "concern sorry apologies apologize apologise apology excuse pardon forgive bother bothering disturb disturbing "
    "trouble interrupt interrupting ask asking question questions query wonder wondering wondered curious hello hi "
    "hey hiya howdy greetings dear hope hoping help thanks thank appreciate appreciated grateful advise stuck "
    "confused guidance welcome morning afternoon evening regards cheers thx anyone anybody info information asked"
)
_VOCABULARY: Final = _ASKING | w.word_set(
    "a all also am an and any are as at be been being but can could day did do doing does for from give good great "
    "had has have having here i i'd i'm i've im idea in is it it's just kind kindly know let like little lot mate "
    "maybe me might mind moment much my need of on one or our perhaps please pls possibly probably quick quickly "
    "really right second sec seems so some someone somebody something take that the there this time to us very want "
    "wanted was we well were will with would you your everyone everybody guys folks team support customer service "
    "services care sir sirs madam mam friend friends assistant bot chatbot concern whom may silly stupid dumb basic "
    "simple newbie noob beginner beginner's naive obvious weird odd strange random fine nice advance again short "
    "small rather answer tell today find place wrong forum person people hear see back soon looking forward best desk "
    "helpdesk staff experts expert community inconvenience many if before already answered posted don't knows that's "
    "you're hoping go sounds bit ya time ever welcome effort attention patience guidance input weekend week evening"
)
_SEGMENT: Final = re.compile(
    r"^([^,.:;!?()\"]{2,90}?),? but,?\s+(?=\S)|^([^,.:;!?()\"]{2,90}?)(?:\s*[,.:;!]+| -+)\s+(?=\S)", re.IGNORECASE
)
_NAMED: Final = re.compile(r"^(?:hi|hello|hey|dear)(?: [A-Z][\w.]+){1,3}\s*[,!:]\s+(?=\S)", re.IGNORECASE)
_LAST: Final = re.compile(r"(?<=[\w\"')?])\s*(?:[.!?;-]+\s*([^.:;!?()\"]{2,90})|,\s*([^,.:;!?()\"]{2,90}))[\s.!?]*$")
_THANKING: Final = re.compile(
    r"(?:thanks?|thx|cheers|please|pls|i'?d? (?:would )?appreciate|if you|any|can|could|would|let|kind|best) ",
    re.IGNORECASE,
)
_SIGNED: Final = re.compile(
    r"[\s,.;!?-]*\b(?:(?:(?:[Kk]ind|[Bb]est|[Ww]arm) )?[Rr]egards,?|"
    r"(?<=[.?!] )(?:[Tt]hank(?:s| you)(?: kindly| so much| a lot| very much| in advance)?|[Cc]heers|[Mm]any thanks|"
    r"(?:[Aa]ll the |[Vv]ery )?[Bb]est(?: wishes)?|[Yy]ours(?: sincerely| truly| faithfully)?|"
    r"[Ll]ooking forward to [a-z ]{4,30}),)(?: [A-Z](?:[a-z]+|\.)){0,3}\W*$"
)
_ASKED_FOR: Final = re.compile(
    r"(?:[:\"']|\b(?:say|write|reply|mean|with|to|word|phrase|spell|translate|and|or|of))\s*$", re.I
)
_APART: Final = re.compile(r"\s*[,.;!?(-]")
_COMPOSED: Final = re.compile(
    r"\b(?:sign|write|draft|compose|letter|e-?mail|mail|note|message|reply|card)\b", re.IGNORECASE
)
_GIVEN: Final = re.compile(  # whose last words may belong to the text to work on
    r"^\W*(?:please )?(?:translate|proof-?read|correct|rewrite|rephrase|paraphrase|summari[sz]e|repeat|edit)\b[^:]*:",
    re.I,
)
_ASIDE: Final = w.word_set("mind possible knows know")
_LEAST: Final = 3  # words that stay


def strip_politeness(text: str) -> str:
    """Drop the frame from both ends; never everything."""
    whole, before = text, ""
    given = _GIVEN.match(text) is not None
    while before != text:
        before = text
        text = _without_first(text)
        text = text if given else _without_last(text)
        if _OPENS.match(text):
            for pattern in _OPENINGS:
                text = _kept(text, pattern.sub("", text, count=1))
        if text != whole:
            text = _kept(text, _IF.sub("", text))
        if given:
            continue
        text = _ended(text, _CLOSING.sub("", text))
        if "," in text:
            text = _ended(text, _TAG.sub("", text))
        if ("egards" in text or ("," in text[-30:] and text[-1:].isalpha())) and not _COMPOSED.search(text):
            text = _ended(text, _SIGNED.sub("", text))
    return text


def _ended(text: str, shorter: str) -> str:
    """Without an ending, but where the words before ask for it (`translate: thank you`)."""
    asked_for = _ASKED_FOR.search(shorter) and not _APART.match(text[len(shorter) :])
    return text if asked_for else _kept(text, shorter)


def _kept(text: str, shorter: str) -> str:
    return shorter if len(shorter) >= 6 else text


def _without_first(text: str) -> str:
    """The text behind a first segment that has no word but those of asking, or `Dear Name,`."""
    if named := _NAMED.match(text):
        return _rest(text, text[named.end() :])
    if (match := _SEGMENT.match(text)) and _only_asks(match[1] or match[2]):
        return _rest(text, text[match.end() :])
    return text


def _without_last(text: str) -> str:
    """The text before a last segment of such words; behind a comma it must be one of thanks or asking for help."""
    match = _LAST.search(text)
    if match is None or not _only_asks(match[1] or match[2]):
        return text
    if match[2] and not _THANKING.match(match[2]):
        return text
    return _ended(text, _rest(text, text[: match.start()]))


def _rest(text: str, rest: str) -> str:
    return rest if len(rest.split()) >= _LEAST else text


def _only_asks(segment: str) -> bool:
    words = segment.lower().replace(",", " ").split()
    if words[0] == "if" and not _ASIDE & {*words}:  # a condition
        return False
    return any(word in _ASKING for word in words) and all(word in _VOCABULARY for word in words)

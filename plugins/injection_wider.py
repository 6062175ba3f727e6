"""Further forms of injection: what is said of the orders instead of to them, in more languages, and forged turns.

The parts of a form are lists of words, so that a verb or an object that is added here serves every phrase. A form that
honest prompts have as well weighs less than the score that counts: it only tells together with another.
"""

from __future__ import annotations

import re

from plugins.injection_signals import FILL, Signal

_ORDERS = (
    r"(?:instructions?|prompts?|guidelines?|directives?|programming|guardrails?|safeguards?|system (?:prompt|message))"
)
_LIMITS = r"(?:restrictions?|rules|limit(?:s|ations?)|filters?|polic(?:y|ies)|constraints?|ethics|morals|safety \w+)"
_AI = r"(?:ai|a\.i\.|llm|gpt|language model|chat ?bot|(?:ai |virtual |digital )assistant)"
_DROP = (
    r"(?:ignor(?:e|ing)|disregard(?:ing)?|(?<!n['\u2019]t )(?<!not )(?<!never )forget(?:ting)?|overrid(?:e|ing)"
    r"|overrule|bypass(?:ing)?|discard|abandon|drop"
    r"|set aside|put aside|throw (?:away|out)|erase|wipe|scrap|dismiss|neglect|nullify|void|pay no (?:attention"
    r"|heed) to"
    r"|(?:stop|quit|no longer|never|not|don['\u2019]t|cease to) (?:obey|follow|heed|comply with|adhere to"
    r"|honou?r)(?:ing)?)"
)


def _form(name: str, weight: float, cues: str, *patterns: str, also: str = "") -> Signal:
    """A signal of several phrases; `cues` and `also` are words with bars between them."""
    words = tuple(also.split("|")) if also else ()
    return Signal(name, weight, re.compile("|".join(patterns), re.MULTILINE), tuple(cues.split("|")), words)


WIDER: tuple[Signal, ...] = (
    _form(
        "override",
        0.7,
        "instruction|prompt|guideline|directive|programming|guardrail|safeguard|system m",
        rf"\b{_DROP}{FILL}(?:your|(?:all|any|every|each|those|these)(?: of)?(?: the| your| those| these)?"
        rf"|(?:the )?(?:other"
        rf"|old|past|current|present|standing|default|built-in|pre\w+|hard-?coded))(?: \w+)?? {_ORDERS}"
        r"(?! (?:for|of|on|in|from|about)\b)",
        r"\b(?:your(?: \w+)? (?:instructions?|guidelines|directives|programming)|(?:prior|previous|earlier|above|former"
        r"|original|preceding|initial)(?: \w+)? instructions?)(?: above| so far)?,? (?:(?:is|are|has been|have been)"
        r"(?: \w+)?? (?:void|null|cancell?ed|revoked|superseded|invalid|lifted|overrid\w+|suspended|deleted)"
        r"|(?:do(?:es)? not|don['\u2019]t|no longer) (?:apply|matter|count))",
        also="ignor|disregard|forget|overr|bypass|discard|abandon|drop|aside|throw|erase|wipe|scrap|dismiss"
        "|neglect|null|void|pay no|obey|follow|heed|comply|adhere|hono|cancel|revoked|superseded"
        "|invalid|lifted|suspended|deleted|apply|matter",
    ),
    _form(
        "override",
        0.6,
        "told|said|rules|laws|restriction|limit|ones|who you|what you",
        r"\b(?:nothing|everything|anything|whatever|what|all)(?: that)? (?:you|they|we|i)(?:['\u2019](?:ve|d))?"
        r"(?: (?:were|was|have been|had been|have|had))? (?:told|said|given|instructed|taught)[^.\n]{0,40}"
        r"\b(?:no longer|any ?more|does ?n[o'\u2019]t|is (?:void|cancelled|wrong|a lie|irrelevant)|never happened)",
        rf"\byour (?:\w+ )?{_LIMITS} (?:\w+ ){{0,2}}?(?:cancell?ed|lifted|off|void|disabled|removed|gone|suspended"
        r"|deactivated|revoked|no longer|don['\u2019]t apply|do not (?:apply|exist))",
        r"\bthe (?:old|previous|earlier|former) ones (?:are|were|have been|no longer) (?:void|cancell?ed|invalid|apply"
        r"|revoked|replaced|superseded|obsolete)",
        r"\b(?:rules|laws|policies|restrictions|limits) (?:of|set by|from|imposed by) (?:your|the) (?:makers?|creators?"
        r"|developers?|company|owners?|programmers?)[^.\n]{0,30}\b(?:not|no longer|n['\u2019]t|void|gone)",
        r"\b(?:forget|ignore|disregard) (?:who|what) you (?:are|were)\b",
    ),
    _form(
        "new_orders",
        0.4,
        "new|updated|real|actual|revised",
        r"(?:^|[.!?:;\]>*\-\"'(]\s{0,3})(?:here are |these are )?(?:your |the )?(?:new|updated|real|actual|revised)"
        r" (?:system |secret |priority )?(?:instructions?|orders?|directives?)(?: for you)?:",
    ),
    _form(
        "new_orders",
        0.55,
        "your|obey|only|just",
        r"\byour (?:new|real|actual|true|only|sole)(?: and only)? (?:instructions?|orders?|directives?|loyalty|master"
        r"|allegiance) (?:is|are)\b",
        r"\b(?:instead|from now on|from this point|henceforth|now),? (?:you )?(?:must |will |shall |should )?"
        r"(?:only (?:follow|obey|take orders from|listen to)|(?:follow|obey|take orders from|listen to) (?:only"
        r"|just)|obey)"
        r" (?:me|mine|my)\b",
    ),
    _form(
        "exfiltration",
        0.75,
        "instruction|prompt|guideline|directive|rules|programming",
        r"\b(?:expose|disclose|divulge|recite|paste|spell out|list|quote|echo|type|encode|rewrite|paraphrase|describe"
        r"|return|provide|send|reveal|print|show|repeat|output|tell|display|dump|leak|give|share|copy|translate|convert"
        r"|summari[sz]e|say|see|view|access|read|reproduce|recall|present|write"
        r"|extract)(?:[ ,]+[^\W_]{1,14}){0,6}?[ ,]+"
        r"your(?: own| full| entire| exact| complete| whole| current| first| very first| underlying| base"
        r"| original| initial| internal| hidden| secret| confidential| private| preset| starting| safety| core){1,3}"
        r" (?:instructions?|prompts?|guidelines?|directives?|rules|programming)\b",
        r"\byour (?:prompt|instructions?|guidelines|directives|rules)(?: \w+){0,4}?,? (?:verbatim"
        r"|word[ -](?:for|by)[ -]word|letter by letter|character by character|in full|without (?:changes|omissions))",
        also="your",
    ),
    _form(
        "exfiltration",
        0.75,
        "system|preprompt|pre-prompt|metaprompt|meta-prompt|hidden |secret |internal |confiden",
        r"\b(?:expose|disclose|divulge|recite|paste|spell out|list|quote|echo|type|encode|rewrite|paraphrase"
        r"|describe|see"
        r"|return|provide|send|reproduce|recall|extract|convert|reveal|print|show|repeat|output|tell|display|dump|leak)"
        r"(?:[ ,]+[^\W_]{1,14}){0,6}?[ ,]+(?:your|the|those|these|that|its|any)(?: \w+)??"
        r" (?:system[ -]?(?:prompt|instructions?)|(?<!the )system message|pre-?prompt|meta-?prompt|(?:hidden"
        r"|secret|internal|confidential)"
        r" (?:prompt|instructions?|guidelines|rules))\b",
        also="prompt|message|instruction|guidelines|rules",
    ),
    _form(
        "exfiltration",
        0.75,
        "told|instructed|prompted|programmed|given|received|got|gave|wrote|set|sent|say",
        r"\b(?:what|how) (?:\w+ )?(?:were|have) you (?:been )?(?:told|instructed|prompted|programmed to)\b",
        r"\b(?:instructions?|prompt)(?: that)? (?:you (?:were (?:given|told|sent)|have been given|received|got)|your"
        r" (?:developers?|creators?|makers?|operators?) (?:gave|wrote|set))",
        r"\bwhat (?:does|did|do|says?) (?:your|the) (?:system |hidden |initial |first |developer )(?:prompt|message"
        r"|instructions?)",
        also="you|prompt",
    ),
    _form(
        "exfiltration",
        0.75,
        "above|before|preceding|prior to",
        r"\b(?:repeat|print|output|recite|quote|echo|return)(?: \w+){0,3}? (?:everything|all|text|words?"
        r"|content|messages?"
        r"|tokens?)(?: \w+){0,3}? (?:above|before|preceding|prior to) (?:this|the (?:user|first|start|line))",
        also="repeat|print|output|recite|quote|echo|return",
    ),
    _form(
        "role",
        0.65,
        "rules|limit|restriction|ethic|moral|filter|guideline|censor|boundar|polic|refus|anything|jail"
        "|unmod|unshack|unalign|unlocked|rogue|evil|confine|shackle|constraint|guardrail|safeguard"
        "|safety| mode|order|authori|command|permit|grant",
        r"\b(?:you are|you['\u2019]re|you will be|become|pretend|act as|imagine|simulate|play|respond|answer|roleplay"
        r"|behave|speak|emulate|reply)\b[^.\n]{0,80}?\b(?:(?:you|ai|model|assistant|bot) (?:that |who "
        r"|which )?(?:has|have"
        r"|with|having|obeys?|knows?) no (?:\w+ )?(?:rules|limits|limitations|restrictions|ethics|morals|filters?"
        r"|guidelines|censorship|boundaries|content polic\w+)|without (?:any |all )?(?:\w+ )?(?:restrictions?"
        r"|limitations"
        r"|filters?|censorship|guidelines|ethics|morals|refus\w+)|(?:not|never|no longer) (?:bound|constrained"
        r"|restricted"
        r"|limited) by (?:any|your|the|usual|normal)? ?(?:\w+ )?(?:rules|guidelines|restrictions|ethics|polic\w+)"
        r"|never refuses?|(?:can ?not|can['\u2019]t|won['\u2019]t|will not|must not|may not) refuse|can (?:say"
        r"|do|generate)"
        r" anything|jail ?broken|unmoderated|unshackled|(?:unaligned|amoral|unethical|unlocked|rogue"
        r"|evil) (?:ai|assistant"
        r"|bot|chatbot|model|confidant|version)|freed? (?:from|of) (?:all |any |your )?(?:\w+ )?(?:rules|restrictions"
        r"|confines|limitations|shackles|constraints|guidelines))",
        r"\b(?:disable|turn off|deactivate|remove|lift|switch off|drop|suspend|shut off|unlock|circumvent"
        r"|get around|evade)"
        r" (?:all |any )?(?:of )?your (?:\w+ ){0,2}?(?:filters?|guardrails|restrictions|safeguards|limitations|limits"
        r"|censorship|safety|protections|moderation|polic\w+)",
        r"\b(?:sudo|root|dan|jailbreak|unrestricted|unfiltered|uncensored|override|admin|god|debug"
        r"|maintenance) mode(?: is"
        r"| has been)?(?: now)? (?:enabled|on|activated|engaged|unlocked|active|granted|confirmed)",
        r"\b(?:as|i am|i['\u2019]m|this is|speaking as) (?:your|the|an?) (?:\w+ )?(?:developer|creator"
        r"|administrator|admin"
        r"|owner|operator|maker|engineer)\b[^.\n]{0,60}[.,;:]?[^.\n]{0,40}\b(?:i (?:hereby )?(?:order"
        r"|authori[sz]e|command"
        r"|instruct|permit|grant|allow) you|you (?:may|can|must) (?:now )?(?:ignore|bypass|reveal|skip|drop|override"
        r"|disclose)|(?:disable|bypass|override|ignore) (?:the|your|all))",
        also="you|pretend|act as|imagine|simulate|behave|emulate| mode",
    ),
    _form(
        "delimiter",
        0.7,
        "system|<||</|end of|｜|[sys|[/sys|end user|---",
        r"<\|(?:end|eot|eom_id|channel|message|start|return|call|endofprompt|fim_\w+|tool\w*)\|>"
        r"|<\uff5c\w[^>]{0,30}\uff5c>",
        r"\[/?sys(?:tem(?:_prompt)?)?\]",
        r"^[ \t>#*\-=\[<]{0,8}system(?: (?:message|prompt|override|update|alert|notice|note|command"
        r"|instructions?))?[ \t]?"
        r"[\]*>]{0,3}:[\]*]{0,2}[ \t]*(?:you\b|ignore|disregard|the user|the assistant|override|grant|from now"
        r"|do not|never|reveal|forget|follow|obey|all (?:previous|safety))",
        r"\A[^<]{0,4096}</(?:user|user_?(?:input|message|query|prompt)|human|prompt|instructions?|untrusted\w{0,20}"
        r"|tool_(?:response|result|output))>",
        r"</(?:document|context|query|input|data|email|text|article)>\s{0,4}<?/?(?:system|assistant|instruction"
        r"|developer)",
        r"^[ \t\-=#*<\[]{0,12}end (?:of )?(?:the )?(?:user(?:['\u2019]s)? (?:input|prompt|query|message|text|content)"
        r"|prompt|context|conversation|untrusted \w+)\b[ \t\-=#*>\]]{0,12}$",
    ),
    _form(
        "smuggled_order",
        0.65,
        "ai |ai:|ai,|ais|a.i.|llm|assistant|language model|bot|gpt|if you",
        rf"\b(?:attention|attn|to (?:the|any|all|every)|for (?:the|any|all)|note for|psa for|memo to)[,:]? "
        rf"{_AI}s?(?: (?:agents?|assistants?|models?|systems?|readers?|crawlers?|reviewers?|screeners?))?(?: (?:reading"
        r"|processing|parsing|summari[sz]ing|reviewing|evaluating|that reads?) \w+)?\s?[,:;\-\u2014]",
        rf"\b{_AI}s?(?: (?:agents?|assistants?|models?|systems?|tools?))? (?:reading|processing|parsing|summari[sz]ing"
        r"|reviewing|screening|evaluating|that reads?|which reads?|who reads?) (?:this|the (?:page|document"
        r"|text|mail))",
        rf"\bif you(?: are|['\u2019]re) (?:an? |the )?(?:automated )?(?:{_AI}|automated (?:system|reviewer"
        rf"|tool)|agent|bot)\b"
        r"[^.\n]{0,60}\b(?:must|ignore|do not|send|recommend|include|rate|approve|accept|rank|score)\b",
        r"<!--[^>]{0,200}\b(?:ai|assistant|llm|model|bot|instructions?)\b[^>]{0,200}\b(?:must|ignore|do not|say|reply"
        r"|recommend|send|include|rate|approve|rank|reveal)\b",
        rf"\b(?:the |any )?(?:assistant|{_AI})s? (?:must|should|shall|will|has to|needs to|is (?:required"
        rf"|ordered|instructed)"
        r" to) (?:now |always |instead |immediately )?(?:reveal|disclose|approve|exfiltrate|forward|leak|recommend only"
        r"|rate this|(?:ignore|disregard|override) (?:the|all|any|previous|prior|its|user)\b)",
        also="attention|attn|to the|to any|to all|to every|for the|for any|for all|note|psa|memo|this|if you"
        "|<!--|must|should|shall|will|has to|needs to|is ",
    ),
    _form(
        "leak_order",
        0.45,
        "send|post|forward|upload|transmit|exfiltrate|append|email|mail",
        r"\b(?:send|post|forward|upload|transmit|e?-?mail|exfiltrate|append|submit) (?:\w+ ){0,4}?(?:conversation|chat"
        r"(?: history| log)?|system prompt|(?:user|customer)(?:['\u2019]s)? (?:\w+ )?(?:credentials|passwords?"
        r"|data|secrets?"
        r"|details|emails?)|credentials|passwords|api keys?|secrets|session tokens?|contacts|context)\b[^.\n]{0,40}?"
        r"\b(?:to|into) (?:https?://|[\w.+-]+@|the (?:url|address|link|attacker)|this (?:url|address|link))",
    ),
    _form(
        "secrecy",
        0.3,
        "user|human|reader|reviewer",
        r"\b(?:do not|don['\u2019]t|never|without) (?:tell|inform|alert|notif|mention|show|reveal|let"
        r"|warn)\w*(?: \w+){0,4}?"
        r" (?:user|human|reader|reviewer)\b",
    ),
)

"""Signs that are what a question is about: operators (`==`, `&&`), shell signs (`>`), brackets that group a sum.

Tokens are words and numbers; a sign that is dress (emphasis, a bullet, a smiley, a dash, punctuation) is none. The
others are put between marks here, so that the tokeniser keeps them.
"""

from __future__ import annotations

import re
from typing import Final

OPEN, SHUT = "\u27e6", "\u27e7"  # marks around a sign that is kept
_ANY: Final = re.compile(r"[=<>|^*+~@$%\\{}\[\]/!?:;&(._#-]")
_SMILEYS: Final = re.compile(r"(?<!\S)(?:[:;=8x]['-]?[)(\]\[dDpPoO3/|\\]+|<3+|\^_?\^|-_-)(?!\S)")
_EMPHASIS: Final = re.compile(r"(?<!\S)([*_~]{1,3})(?=\w)([^*_~]+?)(?<=[\w?!.])\1(?![\w*_~])")
_BULLET: Final = re.compile(r"^[\s>*#~=+_-]+(?=\s)|(?<=\s)[\s*#~=_+|-]+$")
_OPERATORS: Final = re.compile(
    r"(?<![\w:/.-])(?:\.\.?/|~/)(?![\w.])"  # a folder
    r"|(?<!:)[=<>!&|*+~^%@$#\\:/-]?[=<>&|*+~^%@$#:/]{2,}(?!\w+\.\w)|[-=]>|<-|[=<>!*+/%&|^-]="
    r"|\$[@*#?!$]|(?<=\w)--(?=\W|$)|(?<!\S)--(?=\w\b)|(?<=[\w)])\+\+|\\[a-z](?!\w)"
    r"|(?<!\S)[\"'`]?(?:[=<>|^~%*+\\@$#/&]|\[\]|\(\)|\{\})[\"'`]?(?=[\s?.,]|$)"  # by itself
    r"|(?<!\S)!(?=[a-z(])|(?<=\d)\*(?=\d)"
    r"|(?<=\s)(?:\*(?=[a-z]\w*\b(?!\*))|&(?=[a-z]\b))|(?<=[\w\])])\[-?\w*:[-\w:]*\]"  # a pointer, a slice
)
_NAMED: Final = re.compile(
    r"(\b(?:does|the|between|use|using|operator|character|symbol|sign|called|means?) [\"'`]?)([.?!:;,-])(?=[\"'`]? \w)",
    re.IGNORECASE,
)
_GROUP: Final = re.compile(
    r"\(([^()]*(?:\b(?:plus|minus|times|divided|power)\b|[-+*/^=<>]|(?<!\w)[a-z] (?:and|or) [a-z](?!\w))[^()]*)\)"
    r"|(?<=[\d\w])\(([^()\s]{1,12})\)(?=\s*(?:[-+*/^]|to the power|plus|minus|times|divided))"
)


# Words with commas and stops between them, none of which begins like a smiley (`xD`): most questions. No pattern above
# is found in such a text.
_PROSE: Final = re.compile(r"(?:(?:['-]|[,.;:?!]? |^)(?![8x]['dDpPoO3-])[^\W_]+)+[.?!]?")


def mark_signs(text: str) -> str:
    """The text without smileys and emphasis, and with the signs that matter between marks."""
    if _PROSE.fullmatch(text) or not _ANY.search(text):
        return text
    text = _BULLET.sub("", _EMPHASIS.sub(r"\2", _SMILEYS.sub("", text)))
    text = _NAMED.sub(rf"\1{OPEN}\2{SHUT}", text)
    text = _GROUP.sub(lambda m: f"{OPEN}({SHUT}{m[1] or m[2]}{OPEN}){SHUT}", text)
    return _OPERATORS.sub(_marked, text)


def _marked(match: re.Match[str]) -> str:
    """`&`, `@` and `#` by themselves stand for words."""
    sign, following = match[0].strip("\"'`"), match.string[match.end() :][:1]
    return match[0] if sign in ("&", "@", "#", "") and not following.isalpha() else f" {OPEN}{sign}{SHUT} "

"""The check of what is to be done: another action on an object, or the same on another kind of it. See `checks`.

A deed is the verb that `how do I`, `the steps to`, `can you` or an imperative introduces. Two deeds are the same if
they are forms of one word, hand-written synonyms, or of one class of actions below; where both are in classes and
share none, they differ, however near their vectors are (`pay` and `repay`, `cut` and `split`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from classifier.pairs import words as w
from classifier.pairs.lexicon import Lexicon
from classifier.pairs.once import once
from classifier.pairs.pair import Pair, is_salient
from classifier.pairs.phrases import stands_alone
from classifier.pairs.text import Parsed, Token

# Classes of what is done to an account, an amount, a message, a machine; a verb may be of several.
_ACTIONS: Final = tuple(
    w.word_set(verbs)
    for verbs in (
        "increase raise boost extend expand enlarge grow heighten",
        "decrease lower reduce cut shrink diminish lessen",
        "remove delete erase clear lift drop waive eliminate discard wipe purge",
        "set configure define specify assign",
        "change modify alter edit update adjust amend",
        "check view see look inspect review read show display",
        "pay settle", "repay reimburse", "withdraw", "deposit", "transfer send wire remit", "receive accept get",
        "refund", "borrow", "lend loan", "save", "spend", "invest", "donate", "exchange convert swap",
        "charge bill invoice", "claim request apply ask", "earn make",
        "open create start launch make", "close shut terminate", "cancel revoke rescind", "pause suspend halt hold",
        "stop quit end", "resume continue restart", "renew prolong extend", "restore recover reinstate",
        "block freeze", "unblock unfreeze", "lock", "unlock", "activate enable", "deactivate disable",
        "verify confirm validate authenticate", "register enroll signup", "replace substitute", "rename",
        "link connect attach pair", "unlink disconnect detach", "merge combine join", "split divide separate",
        "copy duplicate clone", "move relocate migrate", "export", "import", "download", "upload",
        "install", "uninstall", "upgrade", "downgrade", "print", "scan", "sign", "encrypt", "decrypt", "test try",
        "approve authorize", "reject decline refuse deny", "dispute contest appeal", "report flag",
        "invite", "message text email mail", "call phone ring", "reply answer respond", "forward", "publish post",
        "mute silence", "hide conceal", "share", "subscribe", "unsubscribe", "track trace", "schedule", "postpone",
        "reserve book", "order buy purchase", "sell", "rent lease hire", "return", "repair fix mend", "rebuild",
    )
)  # fmt: skip
_SUBJECTS: Final = w.word_set("i we you one u someone anyone")
_PERFECT: Final = w.word_set("have has had having am is are was were be been being did")  # what is past or done to one
_BEFORE_GERUND: Final = w.word_set("for of about")
_EMPTY: Final = w.word_set(
    "do have make try seem happen mean let keep put come become give take find use help know tell"
)


@once
def _deed(parsed: Parsed, lexicon: Lexicon) -> int | None:
    """Place of the first verb that tells what is to be done; None where the question does not ask for a deed."""
    for at, token in enumerate(parsed.tokens):
        verb = is_salient(token) and token.norm not in _EMPTY and lexicon.may_be_verb(token.norm)
        if verb and _is_introduced(parsed.norms(), at):
            return at
    return None


def _is_introduced(norms: Sequence[str], at: int) -> bool:
    """Whether `to`, a subject and its auxiliary, or a preposition before a gerund stand before the verb, or nothing."""
    before = at - 1
    if before >= 0 and norms[before] in _BEFORE_GERUND:
        return norms[at].endswith("ing")
    while before >= 0 and (norms[before] in w.AUXILIARIES or norms[before] in w.FILLERS):
        if norms[before] in _PERFECT:
            return False
        before -= 1
    if before < 0:  # an imperative
        return norms[at + 1 : at + 2] != [] and norms[at + 1] in w.ARTICLES | {"my", "our"}
    if norms[before] in _SUBJECTS:
        return before == 0 or norms[before - 1] not in _PERFECT
    return norms[before] == "to"


def _object(parsed: Parsed, deed: int) -> list[int]:
    """The first run of content after the deed, the head last: `card limit` in `raise the card limit in Rome`."""
    run: list[int] = []
    for at in range(deed + 1, len(parsed.tokens)):
        if is_salient(parsed.tokens[at]):
            run.append(at)
        elif run:
            break
    return run


def _classes(word: str, lexicon: Lexicon) -> set[int]:
    return {at for at, verbs in enumerate(_ACTIONS) if verbs & lexicon.lemmas(word)}


def _same_deed(one: Token, other: Token, linked: bool, lexicon: Lexicon) -> bool:
    if lexicon.lemmas(one.norm) & lexicon.lemmas(other.norm) or lexicon.interchangeable(one.norm, other.norm):
        return True
    first, second = _classes(one.norm, lexicon), _classes(other.norm, lexicon)
    return bool(first & second) if first and second else linked


def check_deed(pair: Pair) -> str | None:
    """Other deeds on one object (`raise the limit`, `remove the limit`), or one deed on two kinds of an object."""
    one, other = _deed(pair.a, pair.lexicon), _deed(pair.b, pair.lexicon)
    if (missing := _missing_deed(pair, one, other)) is not None:
        return missing
    if one is None or other is None:
        return None
    run, other_run = _object(pair.a, one), _object(pair.b, other)
    links = {(link.a, link.b) for link in pair.alignment.links}
    linked = (one, other) in links
    if not run or not other_run or not (linked or (one in pair.alignment.only_a and other in pair.alignment.only_b)):
        return None
    if (run[-1], other_run[-1]) not in links:
        return None
    first, second = pair.a.tokens[one], pair.b.tokens[other]
    if not _same_deed(first, second, linked, pair.lexicon):
        return f"{first.norm} against {second.norm}, to the same object"
    kinds = [pair.a.tokens[at].norm for at in run[:-1] if at in pair.alignment.only_a]
    other_kinds = [pair.b.tokens[at].norm for at in other_run[:-1] if at in pair.alignment.only_b]
    if len(kinds) == len(other_kinds) == 1:
        return f"the object is {kinds[0]} against {other_kinds[0]}"
    return None


def _verb_of_subject(parsed: Parsed, lexicon: Lexicon) -> int | None:
    """The verb in `how do foster parents apply`, whose subject is named."""
    verbs = (
        at for at, t in enumerate(parsed.tokens) if is_salient(t) and t.norm not in _EMPTY and lexicon.is_verb(t.norm)
    )
    return next(verbs, None)


def _missing_deed(pair: Pair, one: int | None, other: int | None) -> str | None:
    """How to do something, against whether something is so: the deed needs a word that may stand for it."""
    for asked, against, deed, parsed, lone, facing in (
        (pair.asked_a, pair.asked_b, one, pair.a, pair.alignment.only_a, pair.b),
        (pair.asked_b, pair.asked_a, other, pair.b, pair.alignment.only_b, pair.a),
    ):
        if asked != "how" or against != "yes_no":
            continue
        deed = deed if deed is not None else _verb_of_subject(parsed, pair.lexicon)
        if deed is None or deed not in lone:
            continue
        if stands_alone(parsed.tokens[deed], facing.tokens, pair.lexicon):
            return f"how to {parsed.tokens[deed].norm} against whether something is so"
    return None

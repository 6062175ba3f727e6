"""The language of a question by its function words: enough to keep answers in one language apart."""

from __future__ import annotations

from typing import Final

from classifier.pairs import words as w

# The commonest function words of languages written in Latin letters, without those that English shares.
_FOREIGN: Final = {
    "es": w.word_set(
        "el la los las que un una por con para cómo qué como puedo "
        "mi es cuál está dónde cuánto cuántos quién por se dice"
    ),
    "fr": w.word_set(
        "le la les des du un une est que qui dans pour avec je mon "
        "comment quel où et qu'est-ce qu'un qu'une c'est est-ce pourquoi combien quand"
    ),
    "de": w.word_set(
        "der das ist und ich wie ein eine nicht mit auf für meine mein kann zu "
        "den wo was wer wann warum im am von bedeutet heißt macht"
    ),
    "it": w.word_set("il lo gli che di è un una con posso mio mia dove quale sono"),
    "pt": w.word_set("os que um uma para com como posso meu minha onde qual é em não"),
    "nl": w.word_set("het een ik hoe mijn kan van niet met voor waar wat"),
}
_ENGLISH: Final = w.word_set("the a an is are of to in for my i how what can do does why where when it you and with on")


def language_of(lower: str) -> str:
    """`en` unless other function words prevail; the script's first letter range for other alphabets.

    Takes a lower-case text.
    """
    letters = [c for c in lower if c.isalpha()]
    foreign = [c for c in letters if ord(c) > 0x24F]
    if letters and len(foreign) > 0.5 * len(letters):
        return f"script-{ord(max(set(foreign), key=foreign.count)) >> 8:x}"
    words = lower.replace("?", " ").replace("¿", " ").replace(",", " ").split()
    english = sum(word in _ENGLISH for word in words)
    counts = {code: sum(word in table for word in words) for code, table in _FOREIGN.items()}
    best = max(counts, key=lambda code: counts[code])
    return best if counts[best] > 2 * english and counts[best] >= 2 else "en"

"""Questions with a known right answer, recognised in a prompt, and how hard they are."""

import ast
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from plugins.trial.simulator.knowledge import CAPITALS, HARD_FACTS, SNIPPETS, UNIT_WORDS, UNITS
from plugins.trial.simulator.models import Difficulty

FOUND_IN_TEXT = {
    "email": re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+"),
    "date": re.compile(r"\b\d{4}-\d{2}-\d{2}\b"),
    "url": re.compile(r"https?://[^\s,;]+"),
    "phone": re.compile(r"\+?\d[\d ()/-]{6,20}\d"),
    "amount": re.compile(r"(?:EUR|USD|GBP|CHF|[$€£]) ?\d+(?:[.,]\d+)*"),
    "currency": re.compile(r"\b(?:EUR|USD|GBP|CHF|JPY)\b"),
}
_READ_CHARS = 20_000  # a known question stands within this much of a prompt


@dataclass(frozen=True, slots=True)
class Question:
    """`answer` is bare, for JSON fields; `reply` and `wrong_reply` are the sentences that are spoken."""

    answer: str
    reply: str
    wrong_reply: str
    difficulty: Difficulty


def expected_answer(prompt: str) -> str | None:
    """The bare right answer to `prompt`, None when the simulator knows none. Right replies contain it."""
    question = recognise(prompt)
    return question.answer if question else None


def is_right(prompt: str, reply: str) -> bool | None:
    """Whether `reply`, in words, gives the right answer to `prompt`; None when the simulator knows none."""
    question = recognise(prompt)
    return question.reply in reply if question else None


def recognise(prompt: str) -> Question | None:
    """The known question in `prompt`, if any. Planted hard ones are looked for first."""
    text = prompt[:_READ_CHARS]
    for read in _READERS:
        if (question := read(text)) is not None:
            return question
    return None


def _hard_fact(text: str) -> Question | None:
    lowered = text.casefold()
    for words, subject, right, wrong in HARD_FACTS:
        if all(word in lowered for word in words):
            subject = subject[0].upper() + subject[1:]
            return Question(right, f"{subject} is {right}.", f"{subject} is {wrong}.", Difficulty.HARD)
    return None


def _snippet(text: str) -> Question | None:
    lowered = text.casefold()
    for words, name, right, wrong in SNIPPETS:
        if all(word in lowered for word in words):
            frame = f"Here is {name}:\n\n```\n{{}}\n```"
            return Question(right, frame.format(right), frame.format(wrong), Difficulty.MIDDLING)
    return None


_CAPITAL_CUE = re.compile(r"\b(?:capital|hauptstadt|capitale)\b")


def _capital(text: str) -> Question | None:
    lowered = text.casefold()
    if not _CAPITAL_CUE.search(lowered):
        return None
    for country, city in CAPITALS.items():
        if re.search(rf"\b{country}\b", lowered):
            other = "Geneva" if city != "Geneva" else "Lyon"
            frame = f"The capital of {country.title()} is {{}}."
            return Question(city, frame.format(city), frame.format(other), Difficulty.EASY)
    return None


_NUMBER = r"(?<!\d)\d{1,12}(?:\.\d{1,6})?"  # bounded, so that no prompt costs quadratic time
_CONVERSION = re.compile(
    rf"(?P<number>{_NUMBER}) ?(?P<source>[a-z]{{1,20}}) (?:to|in|into|as) (?P<target>[a-z]{{1,20}})"
    r"|how many (?P<target2>[a-z]{1,20}) (?:are|is) (?:there )?in "
    rf"(?P<number2>{_NUMBER}) ?(?P<source2>[a-z]{{1,20}})"
)


def _conversion(text: str) -> Question | None:
    if (found := _CONVERSION.search(text.casefold())) is None:
        return None
    part = found.groupdict()
    number = float(part["number"] or part["number2"])
    source, target = _unit(part["source"] or part["source2"]), _unit(part["target"] or part["target2"])
    for sizes in UNITS.values():
        if source in sizes and target in sizes:
            right = number * sizes[source] / sizes[target]
            frame = f"{number:g} {source}s are {{:.6g}} {target}s."
            wrong = right * 1.1 + 1
            return Question(f"{right:.6g}", frame.format(right), frame.format(wrong), Difficulty.EASY)
    return None


def _unit(word: str) -> str:
    word = word.replace("meter", "metre").replace("liter", "litre")
    return UNIT_WORDS.get(word) or UNIT_WORDS.get(word.removesuffix("s")) or word.removesuffix("s")


_EXTRACT = re.compile(r"\b(?:extract|find|what is) the (email|date|url|phone|amount)\b")


def _extraction(text: str) -> Question | None:
    if (asked := _EXTRACT.search(text.casefold())) is None:
        return None
    kind = asked.group(1)
    found = FOUND_IN_TEXT[kind].search(text)
    if found is None:
        return None
    right = found.group()
    return Question(right, f"The {kind} is {right}.", f"There is no {kind} in the text.", Difficulty.MIDDLING)


_SPOKEN = {
    "multiplied by": "*",
    "divided by": "/",
    "times": "*",
    "plus": "+",
    "minus": "-",
    "\u00d7": "*",
    "\u00f7": "/",
}
_EXPRESSION = re.compile(r"[\d(](?:[\d. ()]|[-+*/](?!\d{2}-)){0,78}[\d)]")
_ARITHMETIC_CUE = re.compile(r"\b(?:what is|what's|calculate|compute|evaluate|how much is|was ist|combien|cuánto)\b|=")
_PERCENT = re.compile(rf"({_NUMBER}) ?(?:%|percent) of ({_NUMBER})")
_OPERATORS: dict[type[ast.operator], Callable[[Fraction, Fraction], Fraction]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


def _percentage(text: str) -> Question | None:
    if (found := _PERCENT.search(text.casefold())) is None:
        return None
    return _sum_question(found.group(), Fraction(found[1]) * Fraction(found[2]) / 100, Difficulty.EASY)


def _arithmetic(text: str) -> Question | None:
    spoken = text.casefold()
    for words, sign in _SPOKEN.items():
        spoken = spoken.replace(words, sign)
    if FOUND_IN_TEXT["date"].search(spoken) or not (_ARITHMETIC_CUE.search(spoken) or spoken[:1].isdigit()):
        return None
    for found in _EXPRESSION.finditer(spoken):
        expression = found.group().strip()
        if len(expression) > 80 or not any(sign in expression for sign in "+-*/"):
            continue
        try:
            value = _evaluate(ast.parse(expression, mode="eval").body)
        except (SyntaxError, ValueError, ZeroDivisionError, RecursionError):
            continue
        return _sum_question(expression, value, _difficulty_of_sum(expression))
    return None


def _evaluate(node: ast.expr) -> Fraction:
    match node:
        case ast.Constant(value=int() | float()) if len(str(node.value)) <= 15:
            return Fraction(str(node.value))
        case ast.BinOp(left, sign, right) if type(sign) in _OPERATORS:
            return _OPERATORS[type(sign)](_evaluate(left), _evaluate(right))
        case ast.UnaryOp(ast.USub(), operand):
            return -_evaluate(operand)
    raise ValueError("not a sum")


def _difficulty_of_sum(expression: str) -> Difficulty:
    signs = sum(expression.count(sign) for sign in "+-*/")
    digits = max(len(number) for number in re.findall(r"\d+", expression))
    if signs == 1 and digits <= 2:
        return Difficulty.EASY
    return Difficulty.MIDDLING if signs <= 2 and digits <= 3 else Difficulty.HARD


def _sum_question(expression: str, value: Fraction, difficulty: Difficulty) -> Question:
    right = str(value.numerator) if value.denominator == 1 else f"{float(value):.6g}"
    wrong_value = value + (10 if abs(value) >= 10 else 3)
    wrong = str(wrong_value.numerator) if wrong_value.denominator == 1 else f"{float(wrong_value):.6g}"
    return Question(right, f"{expression} = {right}", f"{expression} = {wrong}", difficulty)


_READERS = (_hard_fact, _snippet, _capital, _percentage, _conversion, _extraction, _arithmetic)

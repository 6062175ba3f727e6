"""What the simulated models know, and how honestly they fail."""

import json
import math
from itertools import permutations

import pytest

from plugins.trial.simulator import MODELS, expected_answer, is_right
from plugins.trial.simulator.answers import Quality, answer
from plugins.trial.simulator.knowledge import HARD_FACTS
from plugins.trial.simulator.models import Difficulty
from plugins.trial.simulator.parsing import ChatRequest, parse_chat
from plugins.trial.simulator.questions import recognise


def _request(prompt: str, **fields: object) -> ChatRequest:
    return parse_chat({"model": "sim-small", "messages": [{"role": "user", "content": prompt}], **fields})


@pytest.mark.parametrize(
    ("prompt", "right", "difficulty"),
    [
        ("What is 17 + 25?", "42", Difficulty.EASY),
        ("how much is 6 times 7", "42", Difficulty.EASY),
        ("Calculate 12 * 34 - 5", "403", Difficulty.MIDDLING),
        ("What is (1234 + 5678) * 91 / 7?", "89856", Difficulty.HARD),
        ("What is 15% of 80?", "12", Difficulty.EASY),
        ("What is the capital of Japan?", "Tokyo", Difficulty.EASY),
        ("Which city is Poland's capital?", "Warsaw", Difficulty.EASY),
        ("Convert 5 km to miles", "3.10686", Difficulty.EASY),
        ("How many minutes are in 3 hours?", "180", Difficulty.EASY),
        ("Extract the email from: write to ann@example.org now", "ann@example.org", Difficulty.MIDDLING),
        ("Find the date: due on 2026-03-04, sorry", "2026-03-04", Difficulty.MIDDLING),
        ("Write a regex that matches only digits", r"^\d+$", Difficulty.MIDDLING),
        ("In how many ways can eight queens stand?", "92", Difficulty.HARD),
    ],
)
def test_known_questions(prompt: str, right: str, difficulty: Difficulty) -> None:
    """Each family is recognised, answered and rated; the wrong reply is another one."""
    question = recognise(prompt)
    assert question is not None
    assert (question.answer, question.difficulty) == (right, difficulty)
    assert is_right(prompt, question.reply) and not is_right(prompt, question.wrong_reply)


@pytest.mark.parametrize(
    "prompt",
    [
        "",
        "Tell me about 2026-01-31.",
        "Call +49 30 123-456 today",
        "capital letters",
        "What is 1/0?",
        "= (((+",
    ],
)
def test_look_alikes_are_not_known_questions(prompt: str) -> None:
    """Dates, phone numbers and nonsense are no sums."""
    assert expected_answer(prompt) is None


def test_the_planted_hard_answers_are_right() -> None:
    """Each number that can be computed here is computed here."""
    given = {subject: right for _, subject, right, _ in HARD_FACTS}
    queens = sum(
        len({row + column for column, row in enumerate(board)}) == 8
        and len({row - column for column, row in enumerate(board)}) == 8
        for board in permutations(range(8))
    )
    birthdays = 1 - math.perm(365, 23) / 365**23
    factorial = str(math.factorial(100))
    computed = {
        "the number of trailing zeros of 100!": len(factorial) - len(factorial.rstrip("0")),
        "the sum of the primes below 100": sum(n for n in range(2, 100) if all(n % divisor for divisor in range(2, n))),
        "the number of solutions of the eight queens puzzle": queens,
        "the chance that two of 23 people share a birthday": f"{birthdays:.1%}",
        "the last digit of 7^2024": 7**2024 % 10,
        "the last two digits of 3^100": f"{3**100 % 100:02d}",
        "the number of spanning trees of the complete graph on 5 vertices": 5**3,
        "the seventh Catalan number": math.comb(14, 7) // 8,
        "the number of two-coloured necklaces of 6 beads": sum(2 ** math.gcd(6, k) for k in range(6)) // 6,
        "the number of divisors of 5040": sum(5040 % n == 0 for n in range(1, 5041)),
        "Euler's totient of 1000": sum(math.gcd(n, 1000) == 1 for n in range(1000)),
        "the regions that chords between 6 points cut a circle into": 1 + math.comb(6, 2) + math.comb(6, 4),
        "the expected number of flips until two heads in a row": 2**3 - 2,
        "the expected number of flips until three heads in a row": 2**4 - 2,
        "the number of derangements of five items": _derangements(5),
        "the number of derangements of six items": _derangements(6),
    }
    assert {subject: given[subject] for subject in computed} == {
        subject: str(value) for subject, value in computed.items()
    }


def _derangements(size: int) -> int:
    return sum(all(place != item for place, item in enumerate(row)) for row in permutations(range(size)))


@pytest.mark.parametrize("model", MODELS.values(), ids=lambda model: model.name)
def test_each_model_is_right_as_often_as_its_skill_says(model: object) -> None:
    """Over 400 prompts of each difficulty, within four standard errors."""
    sim = next(known for known in MODELS.values() if known is model)
    frames = {Difficulty.EASY: "What is {} + 1?", Difficulty.MIDDLING: "What is {} + 100 + 3?"}
    for difficulty, skill in sim.skill.items():
        frame = frames.get(difficulty, "What is {} + 1 + 2 + 3 + 4?")
        prompts = [frame.format(number % 90 + 1) + " " * (number // 90) for number in range(400)]
        right = sum(answer(_request(prompt), sim, 0, None).quality is Quality.RIGHT for prompt in prompts)
        assert abs(right - 400 * skill) < 4 * math.sqrt(400 * skill * (1 - skill)) + 1


def test_a_cheap_model_fails_in_several_ways() -> None:
    """Wrong, hedging, refusing and truncated answers all occur among the small model's failures."""
    prompts = [f"What is {number} + 1234 + 3 + 4?" for number in range(200)]
    told = [answer(_request(prompt), MODELS["sim-small"], 0, None) for prompt in prompts]
    kinds = {Quality.WRONG, Quality.HEDGE, Quality.REFUSAL, Quality.TRUNCATED}
    assert kinds <= {each.quality for each in told}
    found = [is_right(prompt, each.text) for prompt, each in zip(prompts, told, strict=True)]
    assert found == [each.quality is Quality.RIGHT for each in told]


def test_failed_json_is_broken_or_lacks_a_field() -> None:
    """The small model's failures under json_object can be found by parsing and checking the fields."""
    prompts = [f"What is {number} + 1234 + 3 + 4?" for number in range(60)]
    for prompt in prompts:
        told = answer(_request(prompt, response_format={"type": "json_object"}), MODELS["sim-small"], 0, None)
        try:
            complete = set(json.loads(told.text)) == {"subject", "answer"}
        except json.JSONDecodeError:
            complete = False
        assert complete == (told.quality is Quality.RIGHT)


def test_choices_are_independent_samples() -> None:
    """On a prompt that the small model sometimes gets right, its choices differ."""
    request = _request("In how many ways can eight queens stand?", n=40)
    qualities = {answer(request, MODELS["sim-small"], choice, None).quality for choice in range(40)}
    assert len(qualities) > 1


@pytest.mark.parametrize(
    ("prompt", "opening"),
    [
        ("Wie lagert man Tee und was ist zu beachten?", "Zu "),
        ("Comment conserver le thé et quelle est la règle ?", "À propos"),
        ("Cómo guardar el té y por qué es importante?", "Sobre"),
        ("How is tea stored and what is to be done?", "On "),
    ],
)
def test_replies_are_in_the_language_of_the_prompt(prompt: str, opening: str) -> None:
    """German, French, Spanish and English."""
    assert answer(_request(prompt), MODELS["sim-frontier"], 0, None).text.startswith(opening)

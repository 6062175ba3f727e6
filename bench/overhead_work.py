"""What is asked in `bench.overhead`, and its arms: one kind of work at one server."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product

Body = Mapping[str, object]
Maker = Callable[[random.Random], Iterator[Body]]

TOPICS = (
    "rainfall",
    "tax policy",
    "bread baking",
    "road maintenance",
    "jazz harmony",
    "bee keeping",
    "glass making",
    "tidal power",
    "chess openings",
    "wool spinning",
    "urban planning",
    "soil chemistry",
    "ship design",
    "marathon training",
    "coffee roasting",
    "court procedure",
    "map drawing",
    "bridge inspection",
    "violin repair",
    "cheese ripening",
)
ASPECTS = (
    "the cost",
    "the history",
    "the vocabulary",
    "the main risk",
    "the first step",
    "the usual tools",
    "the time needed",
    "the best season",
    "a common mistake",
    "the role of practice",
    "the legal side",
    "the environmental effect",
)
ROLES = (
    "a beginner",
    "a teacher",
    "an engineer",
    "a small company",
    "a town council",
    "a retired couple",
    "a student",
    "a journalist",
    "an exporter",
    "a museum",
    "a school class",
    "a farmer",
    "a nurse",
    "a start-up",
)
TONES = ("briefly", "in two sentences", "with one example", "plainly", "for a newsletter", "as a short list")
COUNTRIES = (
    "Austria",
    "France",
    "Italy",
    "Spain",
    "Norway",
    "Sweden",
    "Finland",
    "Poland",
    "Greece",
    "Ireland",
    "Peru",
    "Chile",
    "Japan",
    "Kenya",
    "Egypt",
    "Cuba",
    "Canada",
    "Ghana",
    "Nepal",
    "Latvia",
    "Malta",
    "Oman",
    "Qatar",
    "Tunisia",
    "Turkey",
)
QUESTION = "What is the capital of {}?"
PARAPHRASES = tuple(
    f"{before}{asked}{after}"
    for before, asked, after in product(
        ("", "Please tell me: ", "Hello, ", "Quick question: ", "Can you help? ", "Hi! "),
        (
            "what's the capital of {}",
            "what is the capital city of {}",
            "which city is the capital of {}",
            "the capital of {} is what",
        ),
        ("?", "? Thanks!", ", please?", "? Thank you."),
    )
)
GREETINGS = (
    "hello",
    "hi",
    "hey",
    "good morning",
    "thanks",
    "thank you so much",
    "great",
    "cheers",
    "hallo",
    "merci",
    "ciao",
)
MARKS = (" ", "! ", ", ", ". ")


def chat(prompt: str, **more: object) -> Body:
    """A body as an application sends it."""
    return {"model": "small", "messages": [{"role": "user", "content": prompt}], "max_tokens": 100, **more}


def questions(rng: random.Random) -> Iterator[str]:
    """Short questions, about 15 tokens, of which no two are the same."""
    kinds = list(product(TOPICS, ASPECTS, ROLES, TONES))
    rng.shuffle(kinds)
    for topic, aspect, role, tone in kinds:
        yield f"Explain {aspect} of {topic} to {role}, {tone}."


def courtesies(rng: random.Random) -> Iterator[str]:
    """What the rules decide by themselves."""
    kinds = [f"{a}{m}{b}{n}{c}" for a, m, b, n, c in product(GREETINGS, MARKS, GREETINGS, MARKS, GREETINGS)]
    rng.shuffle(kinds)
    yield from (kind for kind in kinds if len(kind) <= 60)


def named(rng: random.Random) -> Iterator[Body]:
    """Uncached questions to a named model."""
    return (chat(text) for text in questions(rng))


def routed(rng: random.Random) -> Iterator[Body]:
    """Uncached questions to `auto`: an embedding is computed for the classifier and the cache."""
    return (chat(text, model="auto") for text in questions(rng))


def ruled(rng: random.Random) -> Iterator[Body]:
    """To `auto`, decided by rules; so warm that no cache may answer."""
    return (chat(text, model="auto", temperature=1.2) for text in courtesies(rng))


def known(rng: random.Random) -> Iterator[Body]:
    """Questions that were asked before, word by word."""
    while True:
        yield chat(QUESTION.format(rng.choice(COUNTRIES)), model="auto")


def known_named(rng: random.Random) -> Iterator[Body]:
    """As `known`, to a named model."""
    return ({**body, "model": "small"} for body in known(rng))


def rephrased(rng: random.Random) -> Iterator[Body]:
    """Questions that were asked before in other words; no two are the same."""
    pairs = list(product(COUNTRIES, PARAPHRASES))
    rng.shuffle(pairs)
    return (chat(text.format(country), model="auto") for country, text in pairs)


def rephrased_named(rng: random.Random) -> Iterator[Body]:
    """As `rephrased`, to a named model."""
    return ({**body, "model": "small"} for body in rephrased(rng))


def streamed(maker: Maker) -> Maker:
    """The same, streamed."""
    return lambda rng: ({**body, "stream": True} for body in maker(rng))


@dataclass(frozen=True, slots=True)
class Arm:
    """One kind of work at one server. `against`: the arm of vanilla that it is compared with. `main`: of the short run.
    `seeded`: the known questions are asked first, so that they are stored."""

    name: str
    server: str
    maker: Maker
    against: str = "vanilla"
    main: bool = False
    seeded: bool = False
    cache: str = ""  # what `x-tierwise-cache` must say of (nearly) all answers


STREAM = "vanilla, streamed"
ARMS = (
    Arm("provider alone", "provider", named, main=True),
    Arm("vanilla", "vanilla", named, main=True),
    Arm(STREAM, "vanilla", streamed(named), STREAM, main=True),
    Arm("vanilla, no Redis", "vanilla, no Redis", named, main=True),
    Arm("everything off", "off", named, main=True, cache="bypass"),
    Arm("routing alone", "off", routed, cache="bypass"),
    Arm("policy alone", "policy", named, cache="bypass"),
    Arm("exact cache alone", "exact cache", named, cache="miss"),
    Arm("semantic cache alone", "semantic cache", named, cache="miss"),
    Arm("budgets alone", "budgets", named, cache="bypass"),
    Arm("answer checks alone", "answer checks", named, cache="bypass"),
    Arm("content in traces alone", "content in traces", named, cache="bypass"),
    Arm("learning alone", "learning", routed, cache="bypass"),
    Arm("all on, decided by rules", "all", ruled, main=True, cache="bypass"),
    Arm("all on, embedding", "all", routed, main=True, cache="miss"),
    Arm("all on, exact hit", "all", known, main=True, seeded=True, cache="exact"),
    Arm("all on, semantic hit", "all", rephrased, main=True, seeded=True, cache="semantic"),
    Arm("all on, decided by rules, streamed", "all", streamed(ruled), STREAM, main=True, cache="bypass"),
    Arm("all on, embedding, streamed", "all", streamed(routed), STREAM, main=True, cache="miss"),
    Arm("no fast lane, exact hit", "all, no fast lane", known, seeded=True, cache="exact"),
    Arm("no fast lane, semantic hit", "all, no fast lane", rephrased, seeded=True, cache="semantic"),
    Arm("LiteLLM's exact cache, hit", "LiteLLM exact", known_named, seeded=True),
    Arm("LiteLLM's semantic cache, hit", "LiteLLM semantic", rephrased_named, seeded=True),
    Arm("LiteLLM's complexity router", "LiteLLM complexity", routed),
    Arm("Portkey's gateway", "portkey", named),
    Arm("redisvl's SemanticCache, hit", "redisvl", rephrased_named, seeded=True),
    Arm("GPTCache, hit", "gptcache", rephrased_named, seeded=True),
)

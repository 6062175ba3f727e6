"""What the simulated models may know by heart: capitals, units, snippets, and planted hard questions."""

CAPITALS = {
    "argentina": "Buenos Aires",
    "australia": "Canberra",
    "austria": "Vienna",
    "belgium": "Brussels",
    "brazil": "Brasilia",
    "canada": "Ottawa",
    "chile": "Santiago",
    "china": "Beijing",
    "denmark": "Copenhagen",
    "egypt": "Cairo",
    "finland": "Helsinki",
    "france": "Paris",
    "germany": "Berlin",
    "greece": "Athens",
    "hungary": "Budapest",
    "iceland": "Reykjavik",
    "india": "New Delhi",
    "indonesia": "Jakarta",
    "ireland": "Dublin",
    "italy": "Rome",
    "japan": "Tokyo",
    "kenya": "Nairobi",
    "mexico": "Mexico City",
    "mongolia": "Ulaanbaatar",
    "morocco": "Rabat",
    "netherlands": "Amsterdam",
    "new zealand": "Wellington",
    "nigeria": "Abuja",
    "norway": "Oslo",
    "peru": "Lima",
    "poland": "Warsaw",
    "portugal": "Lisbon",
    "south korea": "Seoul",
    "spain": "Madrid",
    "sweden": "Stockholm",
    "switzerland": "Bern",
    "thailand": "Bangkok",
    "turkey": "Ankara",
    "uruguay": "Montevideo",
    "vietnam": "Hanoi",
}

# How many of its base unit (metre, gram, litre, second, byte) one unit is. NIST SP 811, appendix B.
UNITS = {
    "length": {
        "millimetre": 0.001,
        "centimetre": 0.01,
        "metre": 1.0,
        "kilometre": 1000.0,
        "inch": 0.0254,
        "foot": 0.3048,
        "yard": 0.9144,
        "mile": 1609.344,
    },
    "mass": {
        "gram": 1.0,
        "kilogram": 1000.0,
        "ounce": 28.349523125,
        "pound": 453.59237,
        "tonne": 1_000_000.0,
    },
    "volume": {"millilitre": 0.001, "litre": 1.0, "gallon": 3.785411784, "pint": 0.473176473},
    "time": {"second": 1.0, "minute": 60.0, "hour": 3600.0, "day": 86_400.0, "week": 604_800.0},
    "data": {"byte": 1.0, "kilobyte": 1e3, "megabyte": 1e6, "gigabyte": 1e9, "terabyte": 1e12},
}
UNIT_WORDS = {
    "mm": "millimetre",
    "cm": "centimetre",
    "m": "metre",
    "km": "kilometre",
    "in": "inch",
    "inches": "inch",
    "ft": "foot",
    "feet": "foot",
    "yd": "yard",
    "mi": "mile",
    "g": "gram",
    "kg": "kilogram",
    "kilo": "kilogram",
    "oz": "ounce",
    "lb": "pound",
    "lbs": "pound",
    "t": "tonne",
    "ml": "millilitre",
    "l": "litre",
    "gal": "gallon",
    "s": "second",
    "min": "minute",
    "h": "hour",
    "kb": "kilobyte",
    "mb": "megabyte",
    "gb": "gigabyte",
    "tb": "terabyte",
}

# Words that must all occur, then the subject, the right answer and a wrong one.
HARD_FACTS = (
    (("trailing zero", "100"), "the number of trailing zeros of 100!", "24", "20"),
    (("sum", "primes", "100"), "the sum of the primes below 100", "1060", "1061"),
    (("monty hall",), "the chance of winning the Monty Hall game by switching", "2/3", "1/2"),
    (("eight queens",), "the number of solutions of the eight queens puzzle", "92", "64"),
    (("8 queens",), "the number of solutions of the eight queens puzzle", "92", "64"),
    (("derangement", "5"), "the number of derangements of five items", "44", "60"),
    (("derangement", "6"), "the number of derangements of six items", "265", "360"),
    (("birthday", "23"), "the chance that two of 23 people share a birthday", "50.7%", "6.3%"),
    (("flips", "two heads in a row"), "the expected number of flips until two heads in a row", "6", "4"),
    (("flips", "three heads in a row"), "the expected number of flips until three heads in a row", "14", "8"),
    (("last digit", "7^2024"), "the last digit of 7^2024", "1", "7"),
    (("last two digits", "3^100"), "the last two digits of 3^100", "01", "03"),
    (
        ("spanning trees", "5"),
        "the number of spanning trees of the complete graph on 5 vertices",
        "125",
        "120",
    ),
    (("catalan", "7"), "the seventh Catalan number", "429", "132"),
    (("necklace", "6", "2 colo"), "the number of two-coloured necklaces of 6 beads", "14", "64"),
    (("divisors", "5040"), "the number of divisors of 5040", "60", "48"),
    (("totient", "1000"), "Euler's totient of 1000", "400", "500"),
    (
        ("regions", "6 points", "circle"),
        "the regions that chords between 6 points cut a circle into",
        "31",
        "32",
    ),
)

# Words that must all occur, then the function's name, the right body and a wrong one.
SNIPPETS = (
    (
        ("python", "reverse", "string"),
        "reverse",
        "def reverse(text):\n    return text[::-1]",
        "def reverse(text):\n    return text[::1]",
    ),
    (
        ("python", "factorial"),
        "factorial",
        "def factorial(n):\n    return 1 if n < 2 else n * factorial(n - 1)",
        "def factorial(n):\n    return n * factorial(n - 1)",
    ),
    (
        ("python", "palindrome"),
        "is_palindrome",
        "def is_palindrome(text):\n    return text == text[::-1]",
        "def is_palindrome(text):\n    return text == text[1:]",
    ),
    (
        ("python", "fibonacci"),
        "fibonacci",
        "def fibonacci(n):\n    a, b = 0, 1\n    for _ in range(n):\n        a, b = b, a + b\n    return a",
        "def fibonacci(n):\n    a, b = 0, 1\n    for _ in range(n):\n        a = a + b\n    return a",
    ),
    (
        ("python", "gcd"),
        "gcd",
        "def gcd(a, b):\n    while b:\n        a, b = b, a % b\n    return a",
        "def gcd(a, b):\n    return a % b",
    ),
    (
        ("python", "even"),
        "evens",
        "def evens(numbers):\n    return [n for n in numbers if n % 2 == 0]",
        "def evens(numbers):\n    return [n for n in numbers if n % 2]",
    ),
    (
        ("sql", "duplicate"),
        "the query",
        "SELECT email, COUNT(*) FROM users GROUP BY email HAVING COUNT(*) > 1",
        "SELECT DISTINCT email FROM users",
    ),
    (("regex", "digits"), "the pattern", r"^\d+$", r"^\D+$"),
)

# Per language: frequent words it is recognised by, a right generic reply, a wrong one, a hedge, a refusal.
# {s} is the subject, {r} a mark that differs from prompt to prompt.
VOICES = {
    "en": (
        {"the", "is", "what", "how", "and", "of", "to", "please", "a"},
        "On {s}: start from what is known, name the constraints, and compare the options by cost and risk. "
        "The simplest option that meets the constraints is the one to choose. (ref {r})",
        "On {s}: this has no bearing on the question, and anything will do. (ref {r})",
        "I'm not sure about {s}. It might depend on several things, and I could be wrong.",
        "I'm sorry, but I can't help with that.",
    ),
    "de": (
        {"der", "die", "das", "ist", "und", "wie", "was", "bitte", "ein", "eine", "nicht", "ich"},
        "Zu {s}: Zuerst klären, was bekannt ist, dann die Bedingungen nennen und die Möglichkeiten nach "
        "Kosten und Risiko vergleichen. Die einfachste, die genügt, ist zu wählen. (Zeichen {r})",
        "Zu {s}: Das hat mit der Frage nichts zu tun, alles ist recht. (Zeichen {r})",
        "Bei {s} bin ich mir nicht sicher. Es könnte von mehreren Dingen abhängen.",
        "Es tut mir leid, dabei kann ich nicht helfen.",
    ),
    "fr": (
        {"le", "la", "les", "est", "et", "une", "quel", "quelle", "comment", "pourquoi", "des", "je"},
        "À propos de {s} : partir de ce qui est connu, nommer les contraintes, puis comparer les options "
        "selon leur coût et leur risque. La plus simple qui suffit est la bonne. (marque {r})",
        "À propos de {s} : cela n'a aucun rapport, tout convient. (marque {r})",
        "Je ne suis pas certain pour {s}. Cela pourrait dépendre de plusieurs choses.",
        "Je suis désolé, mais je ne peux pas vous aider.",
    ),
    "es": (
        {"el", "los", "las", "es", "y", "una", "qué", "cómo", "cuál", "por", "para", "del"},
        "Sobre {s}: partir de lo conocido, nombrar las condiciones y comparar las opciones por coste y "
        "riesgo. La más sencilla que basta es la adecuada. (marca {r})",
        "Sobre {s}: no tiene relación con la pregunta y todo vale. (marca {r})",
        "No estoy seguro sobre {s}. Podría depender de varias cosas.",
        "Lo siento, pero no puedo ayudar con eso.",
    ),
}

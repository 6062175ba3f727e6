"""What the verifier refuses by itself, and what it must not refuse: one behaviour a row, in words of our own."""

from __future__ import annotations

import pytest

from classifier.pairs.checks import CHECKS
from classifier.pairs.pair import compare
from classifier.pairs.verify import PairVerifier

COSINE = 0.96


@pytest.fixture(scope="module")
def verifier() -> PairVerifier:
    """The shipped verifier."""
    return PairVerifier.load()


REFUSED = [
    ("numbers", "Where is order 48213?", "Where is order 48231?"),
    ("numbers", "Is a fever of thirty-eight degrees high?", "Is a fever of 39 degrees high?"),
    ("numbers", "Move 5 boxes and 7 crates", "Move 7 boxes and 5 crates"),
    ("codes", "What does error AX-41 mean?", "What does error AX-14 mean?"),
    ("units", "How much is 20 kg of rice?", "How much is 20 lb of rice?"),
    ("units", "Pay the invoice in dollars", "Pay the invoice in euros"),
    ("dates", "Is the pool open on Tuesday?", "Is the pool open on Thursday?"),
    ("negation", "Which seats are refundable?", "Which seats are not refundable?"),
    ("negation", "Can I fly with a passport?", "Can I fly without a passport?"),
    ("negation", "Is it legal to film here?", "Is it illegal to film here?"),
    ("quantifier", "Which stores sell both sizes?", "Which stores sell the sizes?"),
    ("quantifier", "Do all birds fly?", "Do some birds fly?"),
    ("scope", "Who was the first mayor?", "Who was the last mayor?"),
    ("antonym", "How do I enable the alarm?", "How do I disable the alarm?"),
    ("antonym", "Which course is the easiest to pass?", "To pass, which course is hardest?"),
    ("entities", "What is the capital of Peru?", "What is the capital of Chile?"),
    ("entities", "did zorbek win the race", "did flanning win the race"),
    ("wh_word", "When did the bridge open?", "Where did the bridge open?"),
    ("direction", "Trains from Ghent to Bruges", "Trains to Ghent from Bruges"),
    ("word_order", "Did Ann hire Bob?", "Did Bob hire Ann?"),
    ("word_order", "convert inches into miles", "convert miles into inches"),
    ("function_word", "Was the shop closed?", "Will the shop be closed?"),
    ("function_word", "What did he say about rent?", "What did she say about rent?"),
    ("substitution", "How do I paint a ceiling?", "How do I paint a staircase?"),
    (
        "frame",
        "Explain the cost of violin repair to a retired couple, briefly.",
        "Explain the time needed of violin repair to a retired couple, as a short list.",
    ),
    ("insertion", "How do I train a puppy?", "How do I train a deaf puppy?"),
    ("numbers", "Is -4 degrees too cold for the pump?", "Is 4 degrees too cold for the pump?"),
    ("quantifier", "Did a few tenants object?", "Did few tenants object?"),
    ("quantifier", "Can this valve always be closed by hand?", "Can this valve be closed by hand?"),
    ("comparative", "Which is wider, the canal or the lane?", "Which is wide, the canal or the lane?"),
    ("comparative", "Which is the best router under 90 euros?", "Which is the router under 90 euros?"),
    ("antonym", "Who died earlier, the king or the bishop?", "Who died last, the king or the bishop?"),
    ("antonym", "Is the steward paid in cash?", "Is the stewardess paid in cash?"),
    ("target", "What was the rank of the officer who fled?", "What was the trade of the officer who once fled home?"),
    (
        "wh_word",
        "What was lent to the crew that crossed the frozen strait?",
        "When was the museum founded that lent to the crew that crossed the frozen strait?",
    ),
    ("voice", "Who insured the gallery?", "Who was insured by the gallery?"),
    ("voice", "Which scout is trained by the guide?", "Which scout is training the guide?"),
    ("tense", "Who chairs the tenants' council?", "Who chaired the tenants' council?"),
    ("function_word", "Do I have to attend the hearing?", "Do I want to attend the hearing?"),
    ("word_order", "Can I replace honey with sugar here?", "Can I replace sugar with honey here?"),
    ("word_order", "We need to make a payment", "We payment to make a need"),
    ("codes", "What does tar --list do?", "What does tar --append do?"),
    ("entities", "Do US nationals need a visa?", "Do Maltese nationals need a visa?"),
    ("comparative", "Which depot had the lowest stock in 2022?", "What was the stock by depot in 2022?"),
    ("wh_word", "How can I get a loft permit in Ghent?", "Can I get a loft permit in Ghent online?"),
    ("deed", "How do I compile scipy on Python 3.9?", "Is scipy compatible with Python 3.9?"),
    (
        "comparison",
        "What does the choke valve do in a mower?",
        "How does a mower's choke valve differ from a governor?",
    ),
    ("statement", "I am a baker and I travel a lot. How can I learn Dutch?", "As a baker, how do I learn Dutch?"),
    ("condition", "What do otters eat?", "Which food do otters eat in captivity?"),
    ("instruction", "Write a cheerful notice about the tram", "Draft a notice on the tram in a solemn tone"),
    ("instruction", "Give a summary of the charter in one paragraph", "Summarize the epilogue of the charter"),
    ("condition", "Can I replace broth with flour in gravy?", "Is flour a good substitute for vinegar in gravy?"),
    ("material", 'Translate "the hen hid the egg" into Danish', "Translate into Danish: the egg hid the hen"),
    ("material", "Label as spam or not: your kettle has shipped", "Label as spam or not: win a golden kettle"),
    ("wh_word", "Why did the rents in Malmo fall in 2019?", "How high were the rents in Malmo in 2019?"),
    ("contrast", "My ferry was cold. May I get a refund?", "Can I complain if the ferry was loud?"),
    (
        "contrast",
        "May I sublet if my lodger left? It was in May.",
        "My lodger left. It was in May. May I renovate?",
    ),
    ("contrast", "How high was the profit of Ruritania Rail?", "What was the revenue of Ruritania Rail?"),
    ("contrast", "Does flood insurance cover a bent gate?", "Will theft insurance pay for a bent gate?"),
    ("condition", "When should I sow leeks?", "What is the best time to sow leeks indoors?"),
    ("condition", "How do I get wax out of a rug?", "How can I remove wax from a rug with baking soda?"),
    (
        "contrast",
        "How many days of leave do seasonal workers get?",
        "To how many days of leave are foreign employees entitled?",
    ),
    ("language", "¿Cómo puedo pagar la factura con mi tarjeta?", "How can I pay the bill with my card?"),
]

SERVED = [
    ("How do I reset my password?", "how do i reset my password"),
    ("How do I reset my password?", "Hi, could you tell me how I can reset my password please?"),
    ("What is the opening time?", "What's the opening time?"),
    ("I can't open the door", "I cannot open the door"),
    ("Which trains run on Wednesday?", "Which trains run on Wendesday?"),
    ("How many are twenty five eggs?", "How many are 25 eggs?"),
    ("How do I purchase a car?", "How do I buy a car?"),
    ("Which is larger, salt or sand?", "Which is larger, sand or salt?"),
    ("In winter, which roads are closed?", "Which roads are closed in winter?"),
    ("How to varnish a table?", "How can I varnish a table?"),
    ("Of all the gyms, which ones have a sauna?", "Which gyms have a sauna?"),
    ("Is 20 kilograms of luggage free?", "Is 20 kg of luggage free?"),
    ("Which tracks are least difficult?", "Which tracks are the easiest?"),
    ("Which is the best phone under 300 euros, and why?", "Which is the best phone under 300 euros?"),
    (
        "Which is the best Digital Audio Workstation (DAW) for Linux?",
        "Which is the best digital audio workstation for Linux?",
    ),
    ("What is the tallest bridge in the world?", "What is the tallest bridge?"),
    ("What colour is the flag?", "What color is the flag?"),
    ("Which tours are free?", "Which are the free tours?"),
    ("Can large parcels be taken by me on Monday?", "Can I take large parcels on Monday?"),
    ("What are the different types of rope?", "What are the types of rope?"),
    (
        "Draft a firm letter to the plumber about the leak",
        "Help me write a firm letter to the plumber regarding the leak",
    ),
    ("Give me a summary of the harbour report in 80 words", "Summarise the harbour report in 80 words"),
    ("Is it possible to use the sauna at night?", "Can I use the sauna at night?"),
    ("Do I have to tell the warden before I paint?", "Must I tell the warden before I paint?"),
    ("Is it going to snow in the valley?", "Will it snow in the valley?"),
    ("Give me the number of returns by depot", "What is the number of returns by depot?"),
    ("How do I sort a list in Lua?", "How can I sort a list using Lua?"),
    ("Which rivers in the US are navigable?", "which rivers in the us are navigable"),
]


@pytest.mark.parametrize(("check", "cached", "asked"), REFUSED)
def test_a_changed_meaning_is_refused_by_its_check_in_both_directions(
    verifier: PairVerifier, check: str, cached: str, asked: str
) -> None:
    """A change of this kind is refused whichever of the two questions is cached: by its check alone, and as a whole,
    where another check may have seen it before."""
    for one, other in ((cached, asked), (asked, cached)):
        verdict = verifier.weigh(one, other, COSINE, threshold=0.0)
        assert not verdict.serve
        assert verdict.check in CHECKS
        assert CHECKS[check](compare(one, other, verifier.artifact.lexicon)) is not None


@pytest.mark.parametrize(("cached", "asked"), SERVED)
def test_another_dress_is_served_in_both_directions(verifier: PairVerifier, cached: str, asked: str) -> None:
    """Case, politeness, contractions, spelling, number words, synonyms and order of a list change nothing."""
    for one, other in ((cached, asked), (asked, cached)):
        verdict = verifier.decide(one, other, COSINE)
        assert verdict.serve, verdict.reason
        assert verdict.check == "ok"


def test_a_low_score_is_refused_by_the_scorer(verifier: PairVerifier) -> None:
    """Where no check objects, a score below the threshold refuses and says so."""
    verdict = verifier.decide("How do I paint a fence?", "What is the way to paint a fence?", COSINE, threshold=1.01)
    assert (verdict.serve, verdict.check) == (False, "scorer")
    assert 0.0 < verdict.score < verdict.threshold


def test_an_empty_question_is_never_served(verifier: PairVerifier) -> None:
    """Nothing to compare is no evidence."""
    assert verifier.decide("", "?!", 1.0).check == "empty"


@pytest.mark.parametrize(
    ("cached", "asked"),
    [
        ("When does the first northbound ferry leave?", "When does the first southbound ferry leave?"),
        ("Can I eat before a scan?", "Am I allowed to eat during a scan?"),
        ("Steps to scale up the kiln", "How can I scale down the kiln?"),
        ("Must porters use the side gate?", "Are porters allowed to use the side gate?"),
        ("Which permit do anglers need for the lake?", "May anglers use the lake?"),
        ("Can I pause it when I retire?", "Is it possible to pause it if I emigrate?"),
    ],
)
def test_what_fills_one_place_must_be_known_to_mean_the_same(cached: str, asked: str) -> None:
    """However near the words are, and in other wordings: another direction, time, duty, thing or case."""
    verifier = PairVerifier.load()
    for one, other in ((cached, asked), (asked, cached)):
        assert verifier.weigh(one, other, 0.97, threshold=0.0).check in CHECKS

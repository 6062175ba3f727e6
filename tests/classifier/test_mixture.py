"""How experts answer: for their own source, and for prompts of sources that nobody has seen."""

from __future__ import annotations

import numpy as np

from classifier.features import lexical
from classifier.heads import Inputs
from classifier.mixture import MENDED, Curves, Expert, Mixture, Scale

CURVES = Curves(
    centre=np.zeros((1, 2)),
    spread=np.ones((1, 2)),
    share=np.ones(1),
    gain=np.array([0.1, 0.05]),
    weak=np.array([0.8, 1.0]),
    strong=np.array([1.5, 0.5, 0.2]),
)


def answers(gain: float, weak: float) -> tuple[np.ndarray, np.ndarray]:
    """(for its own source, for others) of head scores `gain` and `weak`."""
    own = CURVES.apply(np.array([[gain, weak]]))
    return own, CURVES.elsewhere(own)


def test_elsewhere_the_harder_prompt_gains_more() -> None:
    """Of two prompts with the same expected gain the one that a weak model fails more often ranks higher."""
    (own_easy, easy), (own_hard, hard) = answers(0.0, 1.0), answers(0.0, -1.0)
    assert own_easy[0] == own_hard[0]
    assert hard[0] > easy[0]
    assert np.isclose(hard[0] - easy[0], MENDED * (easy[1] - hard[1]))


def test_elsewhere_probabilities_stay() -> None:
    """Only the ranking changes; a typical prompt keeps its gain."""
    own, other = answers(0.0, 0.0)
    assert np.allclose(own, other)
    own, other = answers(2.0, -1.5)
    assert np.array_equal(own[1:], other[1:])


class Told:
    """A head that says the same of every prompt, and counts how often it is asked."""

    def __init__(self, *scores: float) -> None:
        self.scores, self.asked = np.array(scores), 0

    def __call__(self, inputs: Inputs) -> np.ndarray:
        self.asked += 1
        return self.scores

    def arrays(self) -> dict[str, np.ndarray]:
        return {}


def test_experts_are_mixed_by_hardness_and_no_head_is_asked_twice() -> None:
    """Each says where the prompt stands on its own scale; a head that two experts share answers once."""
    head, gate = Told(0.0, 0.0), Told(0.0, 0.0)
    experts = tuple(
        Expert({"a/line": head}, CURVES, Scale(np.array([-1.0, 1.0]), np.array([0.0, end]))) for end in (1.0, 0.5)
    )
    gain, *_, hardness = Mixture(gate, Told(0.0), experts).outcome(Inputs(lexical("x"), None))
    assert head.asked == 1
    assert np.isclose(gain, 0.1)
    assert np.isclose(hardness, (0.55 + 0.275) / 2)

"""How experts answer: for their own source, and for prompts of sources that nobody has seen."""

from __future__ import annotations

import numpy as np

from classifier.mixture import FROM_DIFFICULTY, MENDED, Curves

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
    assert np.isclose(hard[0] - easy[0], FROM_DIFFICULTY * MENDED * (easy[1] - hard[1]))


def test_elsewhere_probabilities_stay() -> None:
    """Only the ranking changes; a typical prompt keeps its gain."""
    own, other = answers(0.0, 0.0)
    assert np.allclose(own, other)
    own, other = answers(2.0, -1.5)
    assert np.array_equal(own[1:], other[1:])

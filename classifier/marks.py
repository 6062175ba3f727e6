"""Marks of code and of maths in a folded text, counted as two patterns find them, in a fifth of the time.

Either pattern alone would be tried at each letter. Here both are tried only where a match can begin.
"""

from __future__ import annotations

import re
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

# Each alternative begins with a letter or sign of its own, so that the engine skips all others: `d(?<=\bd)` is `\bd`.
CODE: Final = re.compile(
    r"```|=>|->|::|\);|\{\s*\n|d(?<=\bd)ef \w+\(|#include|</\w+>|s(?<=\bs)elect\b.{1,80}\bfrom\b|==|&&|\|\|"
)
_SIGNS: Final = "∫∑√∞≤≥≠∈∀∃∂∇π±×÷→"
MATHS: Final = re.compile(
    rf"\\[a-z]{{2,}}|\$[^$\n]{{1,80}}\$|[{_SIGNS}]|\^|\b[a-z]\s?[=+*/<>]\s?[\da-z]|\d\s?[-+*/=x]\s?\d"
)
# What a character can be to a match of MATHS: its beginning, the left side of an operation, the operator or the blank
# before it. The last entry stands for all that have larger codes.
_BEGINS, _LEFT, _OPERATOR, _BLANK = 1, 2, 4, 8
_SIZE: Final = 1 << 16


def _roles() -> NDArray[np.uint8]:
    roles = np.full(_SIZE, _LEFT, dtype=np.uint8)  # beyond ASCII there are more digits, not worth telling apart
    roles[:128] = 0
    given = {
        _BEGINS: "\\$^" + _SIGNS,
        _LEFT: "abcdefghijklmnopqrstuvwxyz0123456789",
        _OPERATOR: "=+*/<>-x",
        _BLANK: " \n",
    }
    for role, characters in given.items():
        for character in characters:
            roles[ord(character)] |= role
    return roles


_ROLES: Final = _roles()


def code_points(text: str) -> NDArray[Any]:
    """The number of each character, (characters,)."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)


def count_code(text: str) -> int:
    """Matches of CODE."""
    return len(CODE.findall(text))


def count_maths(text: str, points: NDArray[Any]) -> int:
    """Matches of MATHS, one after the other from the left. `points`: the text's `code_points`."""
    count = end = 0
    for start in _starts(points):
        if start >= end and (match := MATHS.match(text, start)):
            count, end = count + 1, match.end()
    return count


def _starts(points: NDArray[Any]) -> list[int]:
    """Where a match of MATHS can begin, from the left; a few places that turn out to be none among them."""
    roles = np.zeros(len(points) + 2, dtype=np.uint8)
    roles[:-2] = _ROLES.take(points, mode="clip")
    operator, blank = roles[1:] & _OPERATOR > 0, roles[1:-1] & _BLANK > 0
    before_operation = operator[:-1] | (blank & operator[1:])
    possible = (roles[:-2] & _BEGINS > 0) | ((roles[:-2] & _LEFT > 0) & before_operation)
    found: list[int] = np.flatnonzero(possible).tolist()
    return found

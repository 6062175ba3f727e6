"""What was read of a question is kept with it, as one question is compared with several others."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Protocol, TypeVar, TypeVarTuple

T = TypeVar("T")
Rest = TypeVarTuple("Rest")


class Remembering(Protocol):
    """Something immutable; `known` has what was read of it, by function and its further arguments."""

    @property
    def known(self) -> dict[Any, Any]: ...


Subject = TypeVar("Subject", bound=Remembering)


def once(read: Callable[[Subject, *Rest], T]) -> Callable[[Subject, *Rest], T]:
    """For a pure function, whose result nobody changes; further arguments are positional and hashable."""

    @wraps(read)
    def remembered(subject: Subject, *rest: *Rest) -> T:
        key = (read, *rest) if rest else read
        known = subject.known
        if key not in known:
            known[key] = read(subject, *rest)
        found: T = known[key]
        return found

    return remembered

"""A share of recent answers that may be used for something: to ask a better model, or a judge."""

from __future__ import annotations

from dataclasses import dataclass

RECENT_ANSWERS = 2_000  # the share is of about this many answers; older ones are halved away


@dataclass(slots=True)
class Share:
    """A tenant's recent answers in this process, and how many of them the share was used for."""

    answers: int = 0
    used: int = 0

    def count(self) -> None:
        self.answers += 1
        if self.answers > RECENT_ANSWERS:
            self.answers, self.used = self.answers // 2, -(-self.used // 2)

    def allows(self, most: float) -> bool:
        """Whether one more stays within the share. It never owes any: what holds in each process, and before and
        after old answers are halved away, holds for all processes together."""
        return self.used + 1 <= most * self.answers

"""What production taught: shifts of the thresholds, laid over the dispatch table within the configured bounds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from classifier.labels import TASKS

ALL_TENANTS: Final = "*"
THRESHOLDS: Final = ("easy_below", "hard_from")

# tenant (or ALL_TENANTS) -> task class -> threshold -> shift in hardness
Shifts = Mapping[str, Mapping[str, Mapping[str, float]]]


@dataclass(frozen=True, slots=True)
class Learnt:
    """One version of the learnt table. A tenant's own shift of a threshold counts instead of everybody's."""

    version: int = 0
    shifts: Shifts = field(default_factory=dict)

    def shift(self, tenant: str, task: str, threshold: str, most: float) -> float:
        """How far to move a threshold; never further than `most` either way, whatever the table says."""
        for scope in (tenant, ALL_TENANTS):
            found = self.shifts.get(scope, {}).get(task, {}).get(threshold)
            if found is not None:
                return max(-most, min(most, found))
        return 0.0

    def moved(self, scope: str, task: str, threshold: str, shift: float) -> Learnt:
        """The table with one shift set."""
        tasks = self.shifts.get(scope, {})
        row = {**tasks.get(task, {}), threshold: round(shift, 4)}
        return Learnt(self.version, {**self.shifts, scope: {**tasks, task: row}})


def to_json(shifts: Shifts) -> dict[str, Any]:  # Any: JSON values
    return {scope: {task: dict(row) for task, row in tasks.items()} for scope, tasks in shifts.items()}


def read_learnt(text: str | bytes) -> Learnt:
    """The table of a stored version. Raises ValueError for anything that is none."""
    try:
        stored = json.loads(text)
        version, scopes = int(stored["version"]), stored["shifts"]
        shifts = {
            str(scope): {
                str(task): {str(name): float(value) for name, value in row.items() if name in THRESHOLDS}
                for task, row in tasks.items()
                if task in TASKS
            }
            for scope, tasks in scopes.items()
        }
    except (KeyError, TypeError, AttributeError, UnicodeDecodeError) as error:
        raise ValueError(f"not a learnt table: {error}") from None
    if any(value != value for tasks in shifts.values() for row in tasks.values() for value in row.values()):
        raise ValueError("not a learnt table: a shift is not a number")
    return Learnt(version, shifts)

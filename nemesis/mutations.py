"""The check of the checks: a guard is taken away, and the row that it protects must turn red."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nemesis.ground import Ground
from nemesis.guards.guard import Guard
from nemesis.row import Row
from nemesis.runner import run_row


@dataclass(frozen=True)
class Mutation:
    """What became of a row without one of its guards."""

    guard: Guard
    found: str
    """The first violation; empty when nobody noticed."""

    @property
    def is_caught(self) -> bool:
        """Whether the row turned red."""
        return bool(self.found)


def without_guard(guard: Guard, rows: Sequence[Row], ground: Ground, *, rounds: int, seed: int) -> Mutation:
    """Run the row of a guard until it is red, at most so many rounds.

    Raises:
        StopIteration: there is no such row.
    """
    row = next(row for row in rows if row.number == guard.row)
    outcome = run_row(row, ground, rounds=rounds, seed=seed, without=guard.name)
    return Mutation(guard, next((violation.found for violation in outcome.violations), ""))

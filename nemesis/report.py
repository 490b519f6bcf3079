"""The outcome of a run, as a table for people and as JSON for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from nemesis.mutations import Mutation
from nemesis.runner import Outcome
from nemesis.violation import KINDS


def table(outcomes: Sequence[Outcome], not_run: Mapping[int, str]) -> str:
    """A line for each row, with the count of every kind of violation."""
    heads = ["row", "rounds", "seconds", *KINDS, "", "fault"]
    lines = [_cells(outcome) for outcome in outcomes]
    lines += [[str(number), "0", "", *("" for _ in KINDS), "not run", why] for number, why in not_run.items()]
    return _aligned([heads, *lines])


def mutation_table(mutations: Sequence[Mutation]) -> str:
    """Guard x row: a guard that was taken away must turn the row red that it protects."""
    heads = ["guard", "row", "", "found"]
    lines = [[m.guard.name, str(m.guard.row), "red" if m.is_caught else "NOT NOTICED", m.found] for m in mutations]
    return _aligned([heads, *lines])


def document(
    outcomes: Sequence[Outcome], not_run: Mapping[int, str], mutations: Sequence[Mutation], seed: int
) -> dict[str, Any]:
    """Everything as JSON values."""
    return {
        "seed": seed,
        "rows": [_entry(outcome) for outcome in outcomes],
        "not_run": [{"row": number, "why": why} for number, why in not_run.items()],
        "mutations": [
            {"guard": m.guard.name, "row": m.guard.row, "turned_red": m.is_caught, "found": m.found} for m in mutations
        ],
    }


def _counts(outcome: Outcome) -> dict[str, int]:
    counted = Counter(violation.kind for violation in outcome.violations)
    return {kind: counted[kind] for kind in KINDS}


def _cells(outcome: Outcome) -> list[str]:
    counts = [str(count) for count in _counts(outcome).values()]
    row = outcome.row
    told = outcome.cannot_run or row.fault
    return [str(row.number), str(outcome.rounds), f"{outcome.seconds:.0f}", *counts, outcome.verdict, told]


def _entry(outcome: Outcome) -> dict[str, Any]:
    row = outcome.row
    return {
        "row": row.number,
        "fault": row.fault,
        "promise": row.promise,
        "rounds": outcome.rounds,
        "seconds": round(outcome.seconds, 1),
        "verdict": outcome.verdict,
        "cannot_run": outcome.cannot_run,
        "violations": _counts(outcome),
        "found": [violation.found for violation in outcome.violations],
    }


def _aligned(lines: Sequence[Sequence[str]]) -> str:
    """Columns of equal width; the last one is as long as it is."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )

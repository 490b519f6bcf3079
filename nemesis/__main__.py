"""`make nemesis`: strikes a real studio with faults, counts what broke, and says so.

Each row of the fault matrix starts a studio of its own (REST interface, broker, workers, queue maintenance, SQLite
file), does the same harm to it again and again, and reads database and files afterwards. A row is green when no job
was lost, none was published twice, no transition was illegal, no file torn, nothing leaked and no server error
answered. The exit status is 1 if any row is red. docs/nemesis.md says what each row does.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tqdm import tqdm

from nemesis.ground import Ground, prepare_ground
from nemesis.guards import GUARDS
from nemesis.mutations import Mutation, without_guard
from nemesis.report import document, mutation_table, table
from nemesis.row import Row
from nemesis.rows import NOT_RUN, ROWS
from nemesis.runner import Outcome, run_row

_ROUNDS_WITHOUT: Final = 10
"""Of a row without its guard: what is struck at a random moment may need a few."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the command line says; 1 if anything is red, or a guard is not missed."""
    chosen = _parser().parse_args(arguments)
    rows = [row for row in ROWS if row.number in (chosen.rows or [row.number])]
    ground = prepare_ground(Path(tempfile.mkdtemp(prefix="nemesis-")))
    outcomes = [] if chosen.mutations else _outcomes(rows, ground, chosen)
    mutations = _mutations(rows, ground, chosen) if chosen.mutations else []
    print(mutation_table(mutations) if chosen.mutations else table(outcomes, NOT_RUN))
    if chosen.out is not None:
        told = document(outcomes, NOT_RUN, mutations, chosen.seed)
        chosen.out.write_text(json.dumps(told, indent=2) + "\n", "utf-8")
    red = [outcome for outcome in outcomes if outcome.verdict == "red"]
    _clean_up(ground, red)
    return int(bool(red) or not all(mutation.is_caught for mutation in mutations))


def _clean_up(ground: Ground, red: Sequence[Outcome]) -> None:
    """Say what became red, and leave what tells why; delete the folder otherwise."""
    for outcome in red:
        print(f"row {outcome.row.number}: {outcome.violations[0].found}", file=sys.stderr)
    if red:
        print(f"What was done to the red rows, their logs and their files are in {ground.folder}", file=sys.stderr)
    else:
        shutil.rmtree(ground.folder)


def _outcomes(rows: Sequence[Row], ground: Ground, chosen: argparse.Namespace) -> list[Outcome]:
    """Run rows one after the other."""
    counts = {row.number: chosen.rounds or row.rounds for row in rows}
    outcomes: list[Outcome] = []
    with tqdm(total=sum(counts.values()), unit="round") as bar:
        for row in rows:
            bar.set_description(f"row {row.number:>2}")
            outcomes.append(run_row(row, ground, rounds=counts[row.number], seed=chosen.seed, tick=bar.update))
    return outcomes


def _mutations(rows: Sequence[Row], ground: Ground, chosen: argparse.Namespace) -> list[Mutation]:
    """Take away one guard after the other."""
    numbers = {row.number for row in rows}
    guards = [guard for guard in GUARDS.values() if guard.row in numbers]
    with tqdm(guards, unit="guard") as bar:
        return [
            without_guard(guard, rows, ground, rounds=chosen.rounds or _ROUNDS_WITHOUT, seed=chosen.seed)
            for guard in bar
        ]


def _parser() -> argparse.ArgumentParser:
    listed = "\n".join(f"  {row.number:>2}  {row.fault}\n      holds: {row.promise}" for row in ROWS)
    missing = "\n".join(f"  {number:>2}  {why}" for number, why in NOT_RUN.items())
    parser = argparse.ArgumentParser(
        prog="python -m nemesis",
        description=__doc__,
        epilog=f"rows:\n{listed}\n\nnot run:\n{missing}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rows", type=int, nargs="+", choices=[row.number for row in ROWS], help="these rows alone")
    parser.add_argument(
        "--rounds", type=_positive, help="rounds of every row (default: each row's full count; 10 with --mutations)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of random moments and places (default: 0)")
    parser.add_argument("--out", type=Path, help="file for the counts as JSON")
    parser.add_argument(
        "--mutations", action="store_true", help="take away one guard after the other: the row it protects must go red"
    )
    return parser


def _positive(text: str) -> int:
    rounds = int(text)
    if rounds < 1:
        raise argparse.ArgumentTypeError(f"found {text} rounds; allowed are 1 and more")
    return rounds


if __name__ == "__main__":
    sys.exit(main())

"""Running one row: a studio of its own, so many rounds, then the checker."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Literal

import httpx2 as httpx
import psutil

from nemesis.checker import violations
from nemesis.ground import Ground
from nemesis.row import CannotRun, Round, Row
from nemesis.studio import Studio
from nemesis.violation import Violation
from nemesis.waiting import WaitedInVain


@dataclass
class Outcome:
    """What came of a row."""

    row: Row
    rounds: int = 0
    seconds: float = 0.0
    violations: list[Violation] = field(default_factory=list[Violation])
    cannot_run: str = ""
    """What this machine lacks for it."""

    @property
    def verdict(self) -> Literal["green", "red", "not run"]:
        """Green when everything held, in one round at least; what could not be run is never green."""
        if self.violations:
            return "red"
        return "green" if self.rounds else "not run"


def run_row(
    row: Row, ground: Ground, *, rounds: int, seed: int, without: str = "", tick: Callable[[], object] = lambda: None
) -> Outcome:
    """Strike so many times. The first round that goes wrong is the last one.

    Args:
        row: what is done.
        ground: model, portraits, and the place for the studio; its folder is kept when the row is red.
        rounds: how often.
        seed: of all random moments and places.
        without: a guard that the studio runs without.
        tick: called after each round.
    """
    outcome = Outcome(row)
    started_s = time.monotonic()
    with _studio(row, ground, without) as studio:
        try:
            for number in range(rounds):
                outcome.violations += _struck(Round(studio, number, Random(f"{seed}/{row.number}/{number}")), row)
                outcome.rounds += 1
                tick()
                if outcome.violations:
                    break
            else:
                outcome.violations += violations(studio) if row.processes else ()
        except CannotRun as error:
            outcome.cannot_run = str(error)
    if outcome.verdict != "red":
        shutil.rmtree(studio.folder)
    outcome.seconds = time.monotonic() - started_s
    return outcome


def _struck(this: Round, row: Row) -> list[Violation]:
    """Strike once; a studio that no longer does what a round needs is a violation, too."""
    this.studio.history.note("round", number=this.number)
    found: list[Violation] = []
    try:
        found.extend(row.strike(this))
    except WaitedInVain as error:
        found.append(Violation("lost", str(error)))
    except (httpx.HTTPError, psutil.Error) as error:
        found.append(Violation("other", f"{type(error).__name__}: {error}"))
    for violation in found:
        this.studio.history.note("violation", kind=violation.kind, found=violation.found)
    return found


@contextmanager
def _studio(row: Row, ground: Ground, without: str) -> Generator[Studio]:
    """A fresh studio with what the row needs."""
    folder = ground.folder / f"row-{row.number:02d}{without and f'-without-{without}'}"
    studio = Studio(folder, ground.models, ground.portraits, row.settings, without)
    try:
        studio.start(*row.processes, *row.workers)
        yield studio
    finally:
        studio.stop()

"""What the worker does for a kind of job: has the engine work on it, and says what is to be published."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.orm import Session

from backend.jobs.transitions import Claim
from backend.storage import StoredFile
from backend.tables import Result
from worker.context import WorkerContext
from worker.held_lease import HeldLease
from worker.outcome import Outcome
from worker.workspace import Workspace


@dataclass(frozen=True)
class Attempt:
    """One attempt at a job, and what it works with."""

    context: WorkerContext
    claim: Claim
    lease: HeldLease
    workspace: Workspace


@dataclass(frozen=True)
class Made:
    """What the engine made of a job, ready to be published."""

    table: type[Result]
    files: Mapping[str, Path]
    """Name in the record → file in the engine's output."""
    add: Callable[[Session, list[StoredFile]], None]
    """Adds the row."""


@dataclass(frozen=True)
class Kind:
    """A kind of job. Both raise SpfError for what trying again would not change."""

    work: Callable[[Attempt], Outcome]
    made: Callable[[Attempt], Made]

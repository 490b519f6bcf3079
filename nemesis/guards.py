"""Guards of the service, and how each is taken away from a running process. For `python -m nemesis --mutations` only.

A guard is replaced where it is looked up, before the process does anything. No file of the product is changed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import Any, Final, cast


@dataclass(frozen=True)
class Guard:
    """Something that keeps a promise."""

    name: str
    row: int
    """The row that must turn red without it."""
    what: str
    take_away: Callable[[], None]


def _token_check() -> None:
    """Whoever knows a job's id holds its lease."""
    from backend.jobs.transitions import attempts, guarded, reaping
    from backend.tables import Job

    for module in (guarded, attempts, reaping):
        _replace(module, "held", lambda lease: (Job.id == lease.job_id,))


def _lease_check() -> None:
    """The reaper takes every job for lost."""
    from sqlalchemy import literal, select

    from backend.jobs.transitions import Lease, guarded
    from backend.maintenance import reaper
    from backend.tables import Job

    def lost(self: Any) -> list[Callable[[Any], bool]]:
        with self._db.read() as session:
            running = session.execute(select(Job.id, Job.token).where(Job.state == "running")).all()
        return [partial(take, lease=Lease(job_id, token)) for job_id, token in running]

    def take(session: Any, lease: Lease) -> bool:
        same = {"lost_count": Job.lost_count}
        return guarded.requeue(session, lease, by="reaper", reason="worker_lost", values=same, guard=(literal(True),))

    _replace(reaper.Reaper, "_lost", lost)


def _claim_state() -> None:
    """A job may be claimed in any state that has not ended."""
    from backend.jobs.transitions import claims
    from backend.tables import FINAL_STATES, Job

    _replace(claims, "_ready", lambda: (Job.state.not_in(FINAL_STATES),))


def _outbox() -> None:
    """A message is sent once, and the relay takes the broker's word for it."""
    from backend.maintenance import relay

    _replace(relay, "_lost", lambda stale, notifier: [])


def _parent_death() -> None:
    """Engines are started as any process is."""
    from worker import die_with_parent, engine_process

    for module in (die_with_parent, engine_process):
        _replace(module, "die_with_parent", list)


def _idempotency_key() -> None:
    """No request is known from before."""
    from backend.jobs import orders

    _replace(orders, "_repeated", lambda session, key, sha256: None)


def _unique_result() -> None:
    """The tables of results take a second row for a job."""
    from sqlalchemy import UniqueConstraint

    op = cast(Any, import_module("alembic.op"))
    create_table = op.create_table

    def create(name: str, *parts: Any, **options: Any) -> Any:
        kept = [part for part in parts if not (isinstance(part, UniqueConstraint) and part.name == f"uq_{name}_job_id")]
        return create_table(name, *kept, **options)

    _replace(op, "create_table", create)


def _trigger() -> None:
    """The database takes every change of a job's state."""
    op = cast(Any, import_module("alembic.op"))
    execute = op.execute

    def run(statement: Any, **options: Any) -> None:
        if "guard_job_moves" not in str(statement):
            execute(statement, **options)

    _replace(op, "execute", run)


def _replace(place: object, name: str, new: object) -> None:
    """Put something else where a guard is looked up; a guard that is no longer there is an error."""
    assert hasattr(place, name), f"{place} has no {name}"
    setattr(place, name, new)


_ALL: Final[Sequence[Guard]] = (
    Guard("token-check", 6, "an attempt whose token is old can write nothing", _token_check),
    Guard("lease-check", 8, "only a job whose lease is over is taken back", _lease_check),
    Guard("claim-state", 13, "only a queued job can be claimed", _claim_state),
    Guard("outbox-resend", 9, "a message that seems lost is sent again", _outbox),
    Guard("parent-death", 3, "an engine dies with its supervisor", _parent_death),
    Guard("idempotency-key", 31, "a repeated order is found by its key", _idempotency_key),
    Guard("unique-result", 27, "the database takes one result of a job", _unique_result),
    Guard("transition-trigger", 27, "the database refuses illegal transitions", _trigger),
)

GUARDS: Final[Mapping[str, Guard]] = {guard.name: guard for guard in _ALL}

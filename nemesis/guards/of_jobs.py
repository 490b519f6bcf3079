"""Guards of the queue and of a job's states."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any, cast

from sqlalchemy import UniqueConstraint, literal, select

from nemesis.guards.guard import answering, replace


def token_check() -> None:
    """Whoever knows a job's id holds its lease."""
    from backend.jobs.transitions import Lease, attempts, guarded, reaping
    from backend.tables import Job

    def held(lease: Lease) -> tuple[Any, ...]:
        return (Job.id == lease.job_id,)

    for module in (guarded, attempts, reaping):
        replace(module, "held", held)


def lease_check() -> None:
    """The reaper takes every running job for lost, once."""
    from backend.jobs.transitions import Lease, guarded
    from backend.maintenance.reaper import Reaper
    from backend.tables import Job

    def lost(self: Any) -> list[Callable[[Any], bool]]:
        with self._db.read() as session:
            first = Job.state == "running", Job.attempt == 1
            running = session.execute(select(Job.id, Job.token).where(*first)).all()
        return [partial(take, lease=Lease(job_id, token)) for job_id, token in running]

    def take(session: Any, lease: Lease) -> bool:
        same = {"lost_count": Job.lost_count}
        return guarded.requeue(session, lease, by="reaper", reason="worker_lost", values=same, guard=(literal(True),))

    replace(Reaper, "_lost", lost)


def claim_state() -> None:
    """A job may be claimed in any state that has not ended."""
    from backend.jobs.transitions import claims
    from backend.tables import FINAL_STATES, Job

    replace(claims, "_ready", answering((Job.state.not_in(FINAL_STATES),)))


def outbox_resend() -> None:
    """A message is sent once, and the relay takes the broker's word for it."""
    from backend.maintenance import relay

    replace(relay, "_lost", answering([]))


def parent_death() -> None:
    """Engines are started as any process is."""
    from worker import engine_process

    replace(engine_process, "die_with_parent", list)


def idempotency_key() -> None:
    """No request is known from before."""
    from backend.jobs import orders

    replace(orders, "_repeated", answering(None))


def unique_result() -> None:
    """The tables of results take a second row for a job."""
    op = _migrations()
    create_table = op.create_table

    def create(name: str, *parts: Any, **options: Any) -> Any:
        own = f"uq_{name}_job_id"
        kept = [part for part in parts if not (isinstance(part, UniqueConstraint) and part.name == own)]
        return create_table(name, *kept, **options)

    replace(op, "create_table", create)


def transition_trigger() -> None:
    """The database takes every change of a job's state."""
    op = _migrations()
    execute = op.execute

    def run(statement: Any, **options: Any) -> None:
        if "guard_job_moves" not in str(statement):
            execute(statement, **options)

    replace(op, "execute", run)


def _migrations() -> Any:
    """What the migrations of the schema call."""
    return cast(Any, import_module("alembic.op"))

"""Everything has an owner, and a caller's transactions hold only what is theirs.

The condition is added here to every SELECT on a caption set, a job or a result, so that no query can forget it. Items,
versions and events are read by way of the set or job that they hang on.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine, event, select
from sqlalchemy.orm import ORMExecuteState, Session, UOWTransaction, with_loader_criteria

from backend.caller import Caller
from backend.db import Database
from backend.tables import RESULTS, Job, Owned, RequestKeyRow


class OwnedSession(Session):
    """A transaction on behalf of a caller, who is its `info["caller"]`."""


def seen_by(db: Database, caller: Caller) -> Database:
    """Return the database as a caller sees it; what is added there belongs to them."""

    def open_session(engine: Engine) -> Session:
        return OwnedSession(engine, expire_on_commit=False, info={"caller": caller})

    return db.with_sessions(open_session)


@event.listens_for(OwnedSession, "do_orm_execute")
def _hide_what_is_others(state: ORMExecuteState) -> None:  # pyright: ignore[reportUnusedFunction]
    """Add the caller's condition. Aliases go without: a place in the line counts the jobs of all owners."""
    if not state.is_select:
        return
    caller: Caller = state.session.info["caller"]
    owner = caller.owner
    # Even who sees everything repeats requests of their own only.
    hidden: list[tuple[Any, Any]] = [(key, key.belongs_to == owner) for key in RequestKeyRow.__subclasses__()]
    if not caller.sees_everything:
        own_jobs = select(Job.id).where(Job.belongs_to == owner)
        hidden += [(table, table.belongs_to == owner) for table in Owned.__subclasses__()]
        hidden += [(table, table.job_id.in_(own_jobs)) for table in RESULTS]
    conditions = [with_loader_criteria(table, condition) for table, condition in hidden]
    state.statement = state.statement.options(*conditions)


@event.listens_for(OwnedSession, "before_flush")
def _name_the_owner(session: Session, _context: UOWTransaction, _instances: object) -> None:  # pyright: ignore[reportUnusedFunction]
    """Give what is new to the caller, unless it was given to somebody already."""
    caller: Caller = session.info["caller"]
    for row in session.new:
        if isinstance(row, Owned | RequestKeyRow) and getattr(row, "belongs_to", None) is None:
            row.belongs_to = caller.owner

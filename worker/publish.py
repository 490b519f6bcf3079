"""Publishing results: the files first, read back and hashed, then their row together with the job's last transition."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy.orm import Session

from backend.db import Database
from backend.jobs import transitions
from backend.jobs.transitions import Lease
from backend.storage import LocalStorage
from worker.kinds.kind import Made
from worker.patient_write import write_patiently


def publish(db: Database, storage: LocalStorage, lease: Lease, made: Made, between: Callable[[], None]) -> bool:
    """Store the files and add their row together with the job's last transition; without the row no file is left.

    Args:
        db: the records.
        storage: the data folder.
        lease: job and token.
        made: what the engine made.
        between: called between two pieces of work; what it raises ends the attempt.

    Returns:
        False when the job is no longer this attempt's to finish; nothing is published and no file is left then.

    Raises:
        OSError: the files could not be stored.
        OperationalError: the database stayed away for too long.
    """
    prefix = f"{made.table.__tablename__}/{lease.job_id}/{lease.token}"

    def end_well(session: Session) -> bool:
        if transitions.has_succeeded(session, lease):
            return True
        ended = transitions.succeed(session, lease)
        if ended:
            made.add(session, files)
        return ended

    try:
        files = [storage.put(name, f"{prefix}/{name}", source, between) for name, source in made.files.items()]
    except BaseException:
        storage.delete(prefix)
        raise
    published = write_patiently(db, end_well)
    _tidy(storage, prefix, published=published)
    return published


def _tidy(storage: LocalStorage, prefix: str, *, published: bool) -> None:
    """Delete what nobody can publish any more: the files of earlier attempts, or those of this one."""
    if not published:
        storage.delete(prefix)
        return
    folder = storage.path(prefix)
    for other in folder.parent.iterdir():
        if other != folder:
            storage.delete(f"{prefix.rpartition('/')[0]}/{other.name}")

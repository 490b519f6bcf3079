"""Idempotency-Keys that came long ago: nobody repeats a request after a day."""

from __future__ import annotations

from sqlalchemy import delete, literal

from backend.db import Database, now
from backend.tables import IdempotencyKey, UploadKey

_KEPT_S = 86400.0


def forget_keys(db: Database) -> None:
    """Forget the keys of jobs and uploads that are older than a day."""
    with db.write() as session:
        for table in (IdempotencyKey, UploadKey):
            old = table.created_at < now() - literal(_KEPT_S)
            session.execute(delete(table).where(old).execution_options(synchronize_session=False))

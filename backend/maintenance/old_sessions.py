"""Sessions of the page that are over: nobody can come in with them any more."""

from __future__ import annotations

from sqlalchemy import delete

from backend.db import Database, now
from backend.tables import PageSession


def forget_sessions(db: Database) -> None:
    """Forget the sessions whose time is over."""
    with db.write() as session:
        over = delete(PageSession).where(PageSession.expires_at <= now())
        session.execute(over.execution_options(synchronize_session=False))

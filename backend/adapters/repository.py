"""Reading and adding of adapter rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy.orm import Session

from backend.storage import StoredFile
from backend.tables import Adapter


def add_adapter(
    session: Session,
    *,
    adapter_id: str,
    job_id: str,
    base: str,
    method: str,
    target: str,
    files: Sequence[StoredFile],
    loads_in: list[str] | None = None,
    loads_in_reason: str | None = None,
) -> None:
    """Publish an adapter; a second one for the same job violates the table's constraint."""
    session.add(
        Adapter(
            id=adapter_id,
            job_id=job_id,
            base=base,
            method=method,
            target=target,
            loads_in=loads_in,
            loads_in_reason=loads_in_reason,
            files=[asdict(file) for file in files],
        )
    )


def get_adapter(session: Session, adapter_id: str) -> Adapter | None:
    """Return one adapter, or None."""
    return session.get(Adapter, adapter_id)

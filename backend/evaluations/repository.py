"""Adding of evaluation rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy.orm import Session

from backend.storage import StoredFile
from backend.tables import Evaluation


def add_evaluation(
    session: Session,
    *,
    evaluation_id: str,
    job_id: str,
    adapter_id: str,
    figures: Mapping[str, Any],
    files: Sequence[StoredFile],
) -> None:
    """Publish an evaluation; a second one for the same job violates the table's constraint."""
    session.add(
        Evaluation(
            id=evaluation_id,
            job_id=job_id,
            adapter_id=adapter_id,
            figures=dict(figures),
            files=[asdict(file) for file in files],
        )
    )

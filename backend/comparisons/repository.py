"""Adding of comparison rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy.orm import Session

from backend.storage import StoredFile
from backend.tables import Comparison


def add_comparison(
    session: Session,
    *,
    comparison_id: str,
    job_id: str,
    adapter_id: str | None,
    sample: Mapping[str, Any],
    files: Sequence[StoredFile],
) -> None:
    """Publish a comparison; a second one for the same job violates the table's constraint."""
    session.add(
        Comparison(
            id=comparison_id,
            job_id=job_id,
            adapter_id=adapter_id,
            sample=dict(sample),
            files=[asdict(file) for file in files],
        )
    )

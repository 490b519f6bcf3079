"""Reading comparisons and their pictures."""

from __future__ import annotations

from pathlib import Path

from backend.comparisons import repository
from backend.comparisons.schemas import ComparisonOut
from backend.context import Context, instant
from backend.errors import NotFound
from backend.tables import Comparison


def read_comparison(context: Context, comparison_id: str) -> ComparisonOut:
    """Return one comparison.

    Raises:
        NotFound: no such comparison.
    """
    row = _require(context, comparison_id)
    return ComparisonOut(
        id=row.id,
        job_id=row.job_id,
        status="succeeded",
        adapter_id=row.adapter_id,
        sample=row.sample,
        files={str(file["name"]): f"/api/v1/comparisons/{row.id}/files/{file['name']}" for file in row.files},
        created_at=instant(row.created_at),
    )


def file_path(context: Context, comparison_id: str, name: str) -> tuple[Path, str]:
    """Return where a file of a comparison lies, and its SHA-256.

    Raises:
        NotFound: no such comparison or file.
    """
    for file in _require(context, comparison_id).files:
        if file["name"] == name:
            return context.storage.path(str(file["key"])), str(file["sha256"])
    raise NotFound("comparison file", name)


def _require(context: Context, comparison_id: str) -> Comparison:
    """Return a comparison or raise NotFound."""
    with context.db.read() as session:
        row = repository.get_comparison(session, comparison_id)
    if row is None:
        raise NotFound("comparison", comparison_id)
    return row

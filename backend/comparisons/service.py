"""Reading and deleting comparisons and their pictures."""

from __future__ import annotations

from pathlib import Path

from backend import results
from backend.comparisons.schemas import ComparisonList, ComparisonOut
from backend.context import Context, instant
from backend.paging import PageRequest
from backend.tables import Comparison


def list_comparisons(context: Context, page: PageRequest, adapter_id: str | None) -> ComparisonList:
    """Return a page of comparisons, newest first."""
    cut = results.page_of_results(context, Comparison, page, adapter_id)
    return ComparisonList(
        data=[_comparison_out(row) for row in cut.rows],
        next_cursor=cut.next_cursor,
        has_more=cut.next_cursor is not None,
    )


def read_comparison(context: Context, comparison_id: str) -> ComparisonOut:
    """Return one comparison.

    Raises:
        NotFound: no such comparison.
    """
    return _comparison_out(results.require_result(context, Comparison, comparison_id))


def file_path(context: Context, comparison_id: str, name: str) -> tuple[Path, str]:
    """Return where a file of a comparison lies, and its SHA-256.

    Raises:
        NotFound: no such comparison or file.
    """
    return results.result_file(context, Comparison, comparison_id, name)


def delete_comparison(context: Context, comparison_id: str) -> None:
    """Delete a comparison and its files.

    Raises:
        NotFound: no such comparison.
    """
    results.delete_result(context, Comparison, comparison_id)


def _comparison_out(row: Comparison) -> ComparisonOut:
    """Show a comparison."""
    return ComparisonOut(
        id=row.id,
        job_id=row.job_id,
        status="succeeded",
        adapter_id=row.adapter_id,
        sample=row.sample,
        files={str(file["name"]): results.file_address(row, str(file["name"])) for file in row.files},
        created_at=instant(row.created_at),
    )

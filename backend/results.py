"""What all published results have in common: they are found, listed and deleted, and their files with them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.context import Context
from backend.errors import NotFound
from backend.paging import Page, PageRequest, cut_page
from backend.tables import JobAdapter, Result

AnyResult = TypeVar("AnyResult", bound=Result)


def require_result(context: Context, table: type[AnyResult], result_id: str) -> AnyResult:
    """Return a result.

    Raises:
        NotFound: there is none of that id.
    """
    with context.db.read() as session:
        row = session.get(table, result_id)
    if row is None:
        raise NotFound(table.noun, result_id)
    return row


def page_of_results(
    context: Context, table: type[AnyResult], page: PageRequest, adapter_id: str | None = None
) -> Page[AnyResult]:
    """Return a page of results, newest first.

    Args:
        context: parts of the application.
        table: which results.
        page: which page.
        adapter_id: only those that were made with this adapter.
    """
    query = select(table).order_by(table.id.desc()).limit(page.limit + 1)
    if page.cursor is not None:
        query = query.where(table.id < page.cursor)
    if adapter_id is not None:
        query = query.where(JobAdapter.works_with(adapter_id, table.job_id.expression))
    with context.db.read() as session:
        rows = session.scalars(query).all()
    return cut_page(rows, [row.id for row in rows], page.limit)


def result_file(context: Context, table: type[Result], result_id: str, name: str) -> tuple[Path, str]:
    """Return where a file of a result lies, and its SHA-256.

    Raises:
        NotFound: no such result or file.
    """
    for file in require_result(context, table, result_id).files:
        if file["name"] == name:
            return context.storage.path(str(file["key"])), str(file["sha256"])
    raise NotFound(f"{table.noun} file", name)


def file_address(row: Result, name: str) -> str:
    """Return where a file of a result is read."""
    return f"/api/v1/{row.__tablename__}/{row.id}/files/{name}"


def delete_result(
    context: Context,
    table: type[AnyResult],
    result_id: str,
    refuse: Callable[[Session, AnyResult], None] = lambda session, row: None,
) -> None:
    """Delete a result and its files; its job stays.

    Args:
        context: parts of the application.
        table: which results.
        result_id: which of them.
        refuse: raises Conflict while something depends on it.

    Raises:
        NotFound: there is none of that id.
    """
    with context.db.write() as session:
        row = session.get(table, result_id, with_for_update=True)
        if row is None:
            raise NotFound(table.noun, result_id)
        refuse(session, row)
        session.delete(row)
    # The row goes first: files that no row knows are swept, but a row without its files would stay.
    context.storage.delete(f"{table.__tablename__}/{row.job_id}")

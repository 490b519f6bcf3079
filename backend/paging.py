"""Cursor pages: newest first, the cursor is the last identifier seen (identifiers sort by age)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Generic, TypeVar

from fastapi import Depends, Query

Row = TypeVar("Row")


@dataclass(frozen=True)
class PageRequest:
    """Which page is wanted."""

    limit: int
    cursor: str | None


@dataclass(frozen=True)
class Page(Generic[Row]):
    """Rows of one page and where the next one starts."""

    rows: Sequence[Row]
    next_cursor: str | None


def _page_request(
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(description="next_cursor of the page before")] = None,
) -> PageRequest:
    """Read the page wish from the query."""
    return PageRequest(limit, cursor)


PageDep = Annotated[PageRequest, Depends(_page_request)]


def cut_page(rows: Sequence[Row], ids: Sequence[str], limit: int) -> Page[Row]:
    """Make a page of at most `limit` rows from up to `limit + 1` that were read."""
    more = len(rows) > limit
    return Page(rows[:limit], ids[limit - 1] if more else None)
